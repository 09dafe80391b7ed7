"""Named, pure converters from what senders write to canonical values; each raises ``Unusable`` or returns.

A converter takes the raw value and a country: the person's where the post says it, else the source's. Texts
come out clean: no control or invisible characters, composed Unicode, trimmed, bounded.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC
from datetime import date as Day
from email.utils import parsedate_to_datetime
from functools import lru_cache
from urllib.parse import urlsplit

import phonenumbers
from email_validator import EmailNotValidError, validate_email

from mappings.values import countries
from mappings.values.currencies import amount, currency
from mappings.values.dates import STAMP, date, day, of_stamp
from mappings.values.names import first_of_name, last_of_name, title_name
from mappings.values.numbers import integer, number
from mappings.values.states import state
from mappings.values.texts import MAX_TEXT, Unusable, clean, is_blank, long_text, scalar, text
from model.event import JsonValue
from model.times import from_text, to_text

__all__ = ["CONVERTERS", "REGIONAL", "Converter", "Unusable", "clean", "default_converter", "is_blank"]
__all__ += ["boolean", "country", "email", "number", "phone", "text"]

MAX_URL = 2_000
MAX_EMAIL = 254
MAX_PHONE = 60

Converter = Callable[[JsonValue, str], JsonValue]


def trim(value: JsonValue, region: str = "") -> str:
    """The same as ``text``: white space at the ends and doubled inside is removed."""
    return text(value, region)


def lower(value: JsonValue, region: str = "") -> str:
    """Clean text in lower case."""
    return text(value, region).lower()


def join(value: JsonValue, region: str = "") -> str:
    """All values of a repeated field (ticked boxes) as one text, separated by semicolons."""
    if not isinstance(value, list):
        return text(value, region)
    if len(value) > 200:
        raise Unusable(f"has {len(value):,} values; at most 200")
    return clean(";".join(text(item, region) for item in value if not is_blank(item)), MAX_TEXT)


_ATOM = r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_PLAIN_EMAIL = re.compile(
    rf"(?=.{{1,64}}@){_ATOM}(?:\.{_ATOM})*@(?:{_LABEL}\.)+(?:[a-z]{{2,63}}|xn--[a-z0-9-]{{1,59}})"
)


def email(value: JsonValue, _region: str = "") -> str:
    """An address in lower case with its domain in ASCII; ``mailto:`` and ``Name <…>`` are taken off."""
    address = text(value).lower().removeprefix("mailto:")
    if address.endswith(">") and "<" in address:
        address = address[address.rindex("<") + 1 : -1].strip()
    if len(address) <= MAX_EMAIL and _PLAIN_EMAIL.fullmatch(address):
        return address
    if address.isascii() and "@" in address and len(address) <= MAX_EMAIL:
        raise Unusable("is not an e-mail address")
    return _international_email(address)


def _international_email(address: str) -> str:
    """Read the addresses that the fast pattern cannot judge: letters beyond ASCII, or none at all."""
    if len(address) > MAX_EMAIL:
        raise Unusable("is too long for an e-mail address")
    try:
        checked = validate_email(address, check_deliverability=False)
    except (EmailNotValidError, UnicodeError):
        raise Unusable("is not an e-mail address") from None
    return f"{checked.local_part.lower()}@{checked.ascii_domain.lower()}"


def phone(value: JsonValue, region: str = "US") -> str:
    """A telephone number as E.164; without a country code it is taken to be of the source's region."""
    return _e164(clean(scalar(value), MAX_PHONE), region)


@lru_cache(maxsize=4096)
def _e164(number: str, region: str) -> str:
    number = f"+{number[2:]}" if number.startswith("00") else number
    try:
        parsed = phonenumbers.parse(number, region)
    except phonenumbers.NumberParseException:
        raise Unusable("is not a telephone number") from None
    if not phonenumbers.is_valid_number(parsed):
        raise Unusable(f"is not a valid telephone number in {region}")
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


def country(value: JsonValue, _region: str = "") -> str:
    """A country's name or code as ISO 3166-1 alpha-2."""
    name = text(value)
    found = _country(name)
    if found is None:
        raise Unusable(f'"{name[:60]}" is not a country')
    return found


_country = lru_cache(maxsize=1024)(countries.find)

_TRUE = {"true", "yes", "y", "on", "1", "checked", "ja", "oui", "si", "sí", "opt-in", "agree", "agreed"}
_FALSE = {"false", "no", "n", "off", "0", "unchecked", "nein", "non", "opt-out", "none"}


def boolean(value: JsonValue, _region: str = "") -> bool:
    """True or false as forms write it: ``on``, ``yes``, ``1``, ``checked`` …"""
    if isinstance(value, bool):
        return value
    word = text(value).lower()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise Unusable(f'"{word[:60]}" is neither yes nor no')


def negated(value: JsonValue, _region: str = "") -> bool:
    """The opposite of what ``boolean`` reads: a consent that was refused is an opt-out."""
    return not boolean(value)


def url(value: JsonValue, _region: str = "") -> str:
    """A web address with its scheme; ``northlight.example`` becomes ``https://northlight.example``."""
    address = clean(scalar(value), MAX_URL)
    if "://" not in address:
        address = f"https://{address.removeprefix('//')}"
    try:
        split = urlsplit(address)
        host = (split.hostname or "").rstrip(".")
    except ValueError:
        host = ""
    if not host or split.scheme.lower() not in ("http", "https") or "." not in host or " " in address:
        raise Unusable(f'"{address[:60]}" is not a web address')
    path = split.path if split.path != "/" else ""
    port = f":{split.netloc.rpartition(':')[2]}" if split.netloc.rpartition(":")[2].isdigit() else ""
    tail = f"?{split.query}" if split.query else ""
    return f"{split.scheme.lower()}://{host}{port}{path}{tail}"


def moment(value: JsonValue, _region: str = "") -> str:
    """A point in time as UTC text: ISO 8601, a mail date, or seconds or milliseconds since 1970."""
    word = text(value)
    try:
        if STAMP.fullmatch(word):
            return to_text(of_stamp(word))
        if word[:4].isdigit():
            return to_text(from_text(word))
        return to_text(parsedate_to_datetime(word).astimezone(UTC))
    except (ValueError, TypeError, OverflowError, IndexError):
        raise Unusable(f'"{word[:60]}" is not a point in time') from None


CONVERTERS: Mapping[str, Converter] = {
    "email": email,
    "phone": phone,
    "country": country,
    "state": state,
    "integer": integer,
    "number": number,
    "amount": amount,
    "currency": currency,
    "boolean": boolean,
    "negated": negated,
    "lower": lower,
    "trim": trim,
    "title_name": title_name,
    "first_of_name": first_of_name,
    "last_of_name": last_of_name,
    "url": url,
    "text": text,
    "long_text": long_text,
    "join": join,
    "datetime": moment,
    "date": date,
    "day": day,
}

REGIONAL = frozenset({"phone", "state", "currency"})
"""Converters to which the person's country matters; fields that use one are read after the country."""

_BY_FIELD = {
    "email": "email",
    "phone": "phone",
    "country": "country",
    "website": "url",
    "message": "long_text",
    "first_name": "title_name",
    "last_name": "title_name",
}
_BY_TYPE = {int: "integer", float: "number", bool: "boolean", Day: "day"}


def default_converter(name: str, kind: type) -> str:
    """Return the converter of a field whose rule names none."""
    return _BY_FIELD.get(name) or _BY_TYPE.get(kind, "text")
