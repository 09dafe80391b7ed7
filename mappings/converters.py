"""Named, pure converters from what senders write to canonical values; each raises ``Unusable`` or returns.

A converter takes the raw value and the source's phone region. Texts come out clean: no control or
invisible characters, composed Unicode, trimmed, bounded.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from urllib.parse import urlsplit

import phonenumbers
from email_validator import EmailNotValidError, validate_email

from mappings import countries
from model.event import JsonValue
from model.times import from_text, to_text

MAX_TEXT = 1_000
MAX_LONG_TEXT = 32_000  # below Salesforce's long text area (32,768) and HubSpot's (65,536)
MAX_URL = 2_000
MAX_EMAIL = 254
MAX_PHONE = 60

Converter = Callable[[JsonValue, str], JsonValue]


class Unusable(Exception):
    """A value that a converter cannot use; ``reason`` completes the sentence "the value …"."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


# Controls except tab and line breaks, lone surrogates, zero-width and direction marks, byte-order marks.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\ufff9-\uffff]"
)
_BREAKS = re.compile(r"\s+")


def is_blank(value: JsonValue) -> bool:
    """Say whether a sender left the value out: nothing, white space, or an empty list or object."""
    if value is None:
        return True
    if isinstance(value, str):
        return not value or value.isspace()
    return isinstance(value, list | dict) and not value


def clean(value: str, limit: int) -> str:
    """Return composed text without invisible characters, trimmed; too long is unusable."""
    if len(value) > limit * 4:
        raise Unusable(f"has {len(value):,} characters; at most {limit:,}")
    if not value.isascii():
        value = unicodedata.normalize("NFC", _INVISIBLE.sub("", value))
    elif not value.isprintable():
        value = _INVISIBLE.sub("", value)
    value = value.strip()
    if len(value) > limit:
        raise Unusable(f"has {len(value):,} characters; at most {limit:,}")
    return value


def _scalar(value: JsonValue) -> str:
    """Return a value as text; of a repeated form field the first that is not blank."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        first = next((item for item in value if not is_blank(item)), None)
        if isinstance(first, list):
            raise Unusable("is a list of lists")
        return "" if first is None else _scalar(first)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        if isinstance(value, float) and not math.isfinite(value):
            raise Unusable("is not a usable number")
        try:
            return str(value)
        except ValueError:  # Python refuses to print integers of thousands of digits
            raise Unusable("is a number of absurd length") from None
    raise Unusable("is an object, not a value" if isinstance(value, dict) else "is not a value")


def text(value: JsonValue, _region: str = "") -> str:
    """One line of clean text."""
    cleaned = clean(_scalar(value), MAX_TEXT)
    return cleaned if cleaned.isprintable() and "  " not in cleaned else _BREAKS.sub(" ", cleaned)


def long_text(value: JsonValue, _region: str = "") -> str:
    """Clean text that may have several lines."""
    return clean(_scalar(value), MAX_LONG_TEXT).replace("\r\n", "\n").replace("\r", "\n")


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
    return _e164(clean(_scalar(value), MAX_PHONE), region)


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

_NUMBER = r"\d+(?:[., '\u00a0\u202f]\d{3})*(?:[.,]\d+)?"
_QUANTITY = re.compile(
    rf"(?P<sign>-)?[^\w-]{{0,4}}(?P<number>{_NUMBER})\s?(?P<unit>k|m|mio|million|thousand|bn)?\b"
)
_UNITS = {"k": 1e3, "thousand": 1e3, "m": 1e6, "mio": 1e6, "million": 1e6, "bn": 1e9}
_THOUSANDS = re.compile(r"\d{1,3}(?:([., '\u00a0\u202f])\d{3})(?:\1\d{3})*")


def number(value: JsonValue, _region: str = "") -> float:
    """A number; ``1,234.5``, ``1.234,5``, ``$5M`` and ``10k`` are understood, of a range its lower end."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _bounded(value)
    words = clean(_scalar(value), 100).lower()
    if re.match(r"<|less than|under|up to|bis\b|unter\b", words):
        return 1.0  # "<10" says no more than that there is somebody
    words = re.sub(r"^(?:usd|eur|gbp|chf|us\$|ca|about|over|more than|über|mehr als)\b\.?\s*", "", words)
    match = _QUANTITY.match(words)
    if match is None:
        raise Unusable(f'"{words[:60]}" is not a number')
    amount = _digits(match["number"]) * _UNITS.get(match["unit"] or "", 1)
    return _bounded(-amount if match["sign"] else amount)


def _digits(written: str) -> float:
    """Read digits with separators: groups of three are thousands, what follows the last mark is decimal."""
    if _THOUSANDS.fullmatch(written):
        return float(re.sub(r"\D", "", written))
    whole, mark, rest = written.rpartition("." if written.rfind(".") > written.rfind(",") else ",")
    whole, rest = (re.sub(r"\D", "", part) for part in ((whole, rest) if mark else (rest, "0")))
    return float(f"{whole}.{rest}")


def _bounded(value: float) -> float:
    if not -1e15 < value < 1e15:  # NaN fails this, too
        raise Unusable("is not a usable number")
    return value


def integer(value: JsonValue, region: str = "") -> int:
    """A whole number, cut towards zero; of a range such as ``50-200`` the lower end.

    The lower end never overstates a company, so a lead is not promoted by a guess.
    """
    return int(number(value, region))


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


_PARTICLES = {
    "al",
    "bin",
    "da",
    "de",
    "del",
    "den",
    "der",
    "di",
    "dos",
    "du",
    "la",
    "ten",
    "ter",
    "van",
    "von",
}
_WORD = re.compile(r"[^\W\d_]+")


def title_name(value: JsonValue, region: str = "") -> str:
    """A person's name; one typed in capitals or small letters only gets capitals where names have them."""
    name = text(value, region)
    if not (name.islower() or name.isupper()) or len(name) == 1:
        return name
    words = name.lower().split(" ")
    last = len(words) - 1
    return " ".join(
        word if word in _PARTICLES and n < last else _WORD.sub(lambda part: part[0].capitalize(), word)
        for n, word in enumerate(words)
    )


def url(value: JsonValue, _region: str = "") -> str:
    """A web address with its scheme; ``northlight.example`` becomes ``https://northlight.example``."""
    address = clean(_scalar(value), MAX_URL)
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
        if re.fullmatch(r"\d{9,13}(\.\d+)?", word):
            seconds = float(word)
            return to_text(datetime.fromtimestamp(seconds / 1000 if seconds > 1e11 else seconds, UTC))
        if word[:4].isdigit():
            return to_text(from_text(word))
        return to_text(parsedate_to_datetime(word).astimezone(UTC))
    except (ValueError, TypeError, OverflowError, IndexError):
        raise Unusable(f'"{word[:60]}" is not a point in time') from None


CONVERTERS: Mapping[str, Converter] = {
    "email": email,
    "phone": phone,
    "country": country,
    "integer": integer,
    "number": number,
    "boolean": boolean,
    "negated": negated,
    "lower": lower,
    "trim": trim,
    "title_name": title_name,
    "url": url,
    "text": text,
    "long_text": long_text,
    "join": join,
    "datetime": moment,
}

_BY_FIELD = {
    "email": "email",
    "phone": "phone",
    "country": "country",
    "website": "url",
    "message": "long_text",
    "first_name": "title_name",
    "last_name": "title_name",
}
_BY_TYPE = {int: "integer", float: "number", bool: "boolean"}


def default_converter(name: str, kind: type) -> str:
    """Return the converter of a field whose rule names none."""
    return _BY_FIELD.get(name) or _BY_TYPE.get(kind, "text")
