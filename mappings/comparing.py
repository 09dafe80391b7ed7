"""When two systems' spellings of a value mean the same, so that only real changes are written."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache

from mappings.domains import registrable
from mappings.values.converters import Unusable, country, is_blank, phone
from model.event import JsonValue
from model.lead import OPT_OUT
from model.times import from_text

Same = Callable[[JsonValue, JsonValue], bool]

_FIRST_MILLISECONDS = 1e11  # as seconds that is the year 5138


def same(a: JsonValue, b: JsonValue) -> bool:
    """Say whether two values mean the same, whatever they belong to.

    Blank equals blank; ``"42"``, ``42`` and ``42.0`` are equal, but ``"042"`` and ``"42"`` are two postal
    codes; moments are compared to the second, e-mail addresses without case, texts without the white space
    between words.
    """
    if a == b and isinstance(a, bool) == isinstance(b, bool):
        return True
    if is_blank(a) or is_blank(b):
        return is_blank(a) and is_blank(b)
    if isinstance(a, bool) or isinstance(b, bool):
        return _words(a) == _words(b)
    if isinstance(a, int | float) or isinstance(b, int | float):
        return same_number(a, b)
    if isinstance(a, str) and isinstance(b, str):
        return _same_texts(a, b)
    return bool(a == b)


def _same_texts(a: str, b: str) -> bool:
    if " ".join(a.split()) == " ".join(b.split()):
        return True
    if "@" in a and "@" in b:
        return same_email(a, b)
    return a[4:5] == b[4:5] == "-" and "T" in a and "T" in b and same_moment(a, b)


def _words(value: JsonValue) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    text = str(value).strip().lower()
    return {"1": "true", "0": "false", "yes": "true", "no": "false"}.get(text, text)


def same_bool(a: JsonValue, b: JsonValue) -> bool:
    """Compare yes and no: ``True``, ``"true"``, ``"1"``."""
    return is_blank(a) == is_blank(b) and (is_blank(a) or _words(a) == _words(b))


def same_yes(a: JsonValue, b: JsonValue) -> bool:
    """Compare two answers of which only a yes says something: blank and no are the same."""
    return (_words(a or "") == "true") == (_words(b or "") == "true")


def same_number(a: JsonValue, b: JsonValue) -> bool:
    """Compare two numbers, as numbers or as text: "nan" is no number, and the same as itself."""
    if a == b:
        return True
    try:
        return float(a) == float(b)
    except (TypeError, ValueError, OverflowError):
        return False


def same_email(a: JsonValue, b: JsonValue) -> bool:
    """Compare two addresses without case."""
    return str(a or "").strip().casefold() == str(b or "").strip().casefold()


def same_text(a: JsonValue, b: JsonValue) -> bool:
    """Compare two texts without the white space around and between the words."""
    return " ".join(str(a).split()) == " ".join(str(b).split()) if a and b else same(a, b)


def members(value: JsonValue) -> list[str]:
    """Return the values of a field that holds several, with ``;`` between them, each once and in order."""
    parts = (" ".join(part.split()) for part in str("" if value is None else value).split(";"))
    return list(dict.fromkeys(part for part in parts if part))


def same_members(a: JsonValue, b: JsonValue) -> bool:
    """Compare two fields of several values, whatever the order."""
    return set(members(a)) == set(members(b))


def same_id(a: JsonValue, b: JsonValue) -> bool:
    """Compare two record ids; Salesforce writes the same one with 15 or with 18 characters."""
    first, second = str(a or ""), str(b or "")
    if {len(first), len(second)} == {15, 18}:
        return first[:15] == second[:15]
    return first == second


def same_phone(a: JsonValue, b: JsonValue) -> bool:
    """Compare two telephone numbers by their E.164 form, else by their digits."""
    return _phone_form(str(a or "")) == _phone_form(str(b or ""))


@lru_cache(maxsize=4096)
def _phone_form(written: str) -> str:
    try:
        return phone(written, "ZZ")  # no region: only a number with its country code has one meaning
    except Unusable:
        return "".join(char for char in written if char.isalnum())


def same_country(a: JsonValue, b: JsonValue) -> bool:
    """Compare two countries by code, so that Germany is DE."""
    return _country_form(str(a or "")) == _country_form(str(b or ""))


@lru_cache(maxsize=1024)
def _country_form(written: str) -> str:
    try:
        return country(written)
    except Unusable:
        return written.strip().casefold()


def same_domain(a: JsonValue, b: JsonValue) -> bool:
    """Compare two domains or web addresses by what is registrable: https://www.acme.com is acme.com."""
    first, second = registrable(str(a or "")), registrable(str(b or ""))
    return first == second if first and second else same_text(a, b)


def same_moment(a: JsonValue, b: JsonValue) -> bool:
    """Compare two points in time to the second."""
    first, second = _second(a), _second(b)
    return first == second and (first is not None or same_text(a, b))


def _second(value: JsonValue) -> int | None:
    """Return whole seconds since 1970 of ISO text, or of seconds or milliseconds."""
    if isinstance(value, datetime):
        return int((value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp())
    text = str(value or "").strip()
    if text.isdecimal() and 9 <= len(text) <= 14:
        seconds = int(text)
        return seconds // 1000 if seconds > _FIRST_MILLISECONDS else seconds
    return _second_of_text(text)


@lru_cache(maxsize=4096)
def _second_of_text(text: str) -> int | None:
    try:
        return int(from_text(text).timestamp())
    except (ValueError, OverflowError):
        return None


BY_KIND: dict[str, Same] = {
    "text": same_text,
    "number": lambda a, b: same_number(a, b) if not (is_blank(a) or is_blank(b)) else same(a, b),
    "range": same_text,
    "datetime": same_moment,
    "bool": same_bool,
    "owner": same_id,
    "stage": same_text,
    "deal_stage": same_text,
}
BY_FIELD: dict[str, Same] = {
    "email": same_email,
    "phone": same_phone,
    "country": same_country,
    "domain": same_domain,
    OPT_OUT: same_yes,
}
