"""Days and moments as people and tools write them, in a given form, order and time zone."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from datetime import date as Day
from functools import lru_cache
from zoneinfo import ZoneInfo

from mappings.values.texts import Unusable, clean, scalar
from model.event import JsonValue
from model.times import to_text

MAX_DATE = 60  # characters
PIVOT = 70  # of two digits: 70 to 99 are of the last century
FIRST_YEAR, LAST_YEAR = 1900, 2199
LEAST_STAMP, FIRST_MILLISECONDS = 10**8, 10**11  # seconds since 1970 have 9 digits from 1973 on
FURTHEST = timedelta(hours=14)  # of a clock from UTC: Kiribati
_PLAIN_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
STAMP = re.compile(r"\d{9,14}(?:\.\d+)?", re.ASCII)

ORDERS = {"day_first": "dmy", "month_first": "mdy", "year_first": "ymd"}
"""In which order the numbers of a day stand: of ``03/04/2026`` nobody else can tell."""

MONTHS = {
    name: n
    for n, names in enumerate(
        (
            "jan january januar janvier enero gennaio", "feb february februar février febrero febbraio",
            "mar march mär märz mrz mars marzo", "apr april avril abril aprile", "may mai mayo maggio",
            "jun june juni juin junio giugno", "jul july juli juillet julio luglio", "aug august août agosto",
            "sep sept september septembre septiembre settembre",
            "oct october okt oktober octobre octubre ottobre",
            "nov november novembre noviembre", "dec december dez dezember décembre diciembre dicembre",
        ),
        1,
    )
    for name in names.split()
}  # fmt: skip

_CLOCK = (
    r"(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,]\d{1,9})?)?\s*(?P<half>[ap]\.?m\.?)?"
    r"\s*(?P<offset>z|utc|gmt|[+-]\d{2}:?\d{2})?"
)
_NUMBERS = re.compile(
    rf"(?:[^\W\d_]{{2,12}}\.?,?\s+)?(\d{{1,4}})\s*[./\- ]\s*(\d{{1,2}})\s*[./\- ]\s*(\d{{1,4}})\.?"
    rf"(?:[ t,]\s*{_CLOCK})?"
)
_WORDED = re.compile(
    rf"(?:[^\W\d_]{{2,12}}\.?,?\s+)?(?:(?P<day>\d{{1,2}})(?:st|nd|rd|th|\.)?[\s-]+(?P<month>[^\W\d_]{{3,12}})\.?"
    rf"|(?P<name>[^\W\d_]{{3,12}})\.?\s+(?P<number>\d{{1,2}})(?:st|nd|rd|th)?),?[\s-]+(?P<year>\d{{2,4}})"
    rf"(?:[ t,]\s*{_CLOCK})?"
)

TOKENS = {
    "YYYY": r"(?P<year>\d{4})",
    "YY": r"(?P<year>\d{2})",
    "MMM": r"(?P<name>[^\W\d_]{3,12})\.?",
    "MM": r"(?P<month>\d{2})",
    "M": r"(?P<month>\d{1,2})",
    "DD": r"(?P<day>\d{2})",
    "D": r"(?P<day>\d{1,2})",
    "HH": r"(?P<hour>\d{2})",
    "H": r"(?P<hour>\d{1,2})",
    "hh": r"(?P<hour>\d{2})",
    "h": r"(?P<hour>\d{1,2})",
    "mm": r"(?P<minute>\d{2})",
    "ss": r"(?P<second>\d{2})",
    "A": r"(?P<half>[ap]\.?m\.?)",
    "Z": r"(?P<offset>z|utc|gmt|[+-]\d{2}:?\d{2})",
}
"""What a form may be made of; anything else in it stands for itself."""

_TOKEN = re.compile("|".join(sorted(TOKENS, key=len, reverse=True)))


@dataclass(frozen=True, slots=True)
class Dates:
    """How dates are written by one sender."""

    order: str = ""  # "dmy", "mdy", "ymd"; blank: only what can be meant in one way is read
    zone: str = "UTC"  # of times that say none
    form: str = ""  # "DD.MM.YYYY HH:mm"; blank: the usual forms
    is_day: bool = False  # of a moment only the day that stands there

    def read(self, value: JsonValue, _region: str = "") -> str:
        """Return a day as ``2026-11-30``, or with a time the moment in UTC; raises ``Unusable``."""
        written = clean(scalar(value), MAX_DATE)
        if not written:
            return ""
        try:
            found = self._by_form(written) if self.form else self._usual(written)
        except (ValueError, OverflowError):  # the 31st of April
            found = ""
        if not found:
            raise Unusable(f'"{written}" is not a date{self._expected()}')
        return found

    def _expected(self) -> str:
        return f" of the form {self.form}" if self.form else ""

    def _by_form(self, written: str) -> str:
        match = form_pattern(self.form).fullmatch(written.lower())
        if match is None:
            return ""
        held = {name: part for name, part in match.groupdict().items() if part}
        month = MONTHS[held["name"]] if held.get("name") in MONTHS else int(held.get("month", "0"))
        return self._at(_year(held["year"]), month, int(held["day"]), held)

    def _usual(self, written: str) -> str:
        small = written.lower()
        if STAMP.fullmatch(small):
            moment = of_stamp(small)
            local = moment.astimezone(ZoneInfo(self.zone))
            return local.date().isoformat() if self.is_day else to_text(moment)
        if worded := _WORDED.fullmatch(small):
            month = MONTHS.get(worded["month"] or worded["name"], 0)
            return self._at(
                _year(worded["year"]), month, int(worded["day"] or worded["number"]), _clock(worded)
            )
        if numbers := _NUMBERS.fullmatch(small):
            first, second, third = numbers.group(1, 2, 3)
            year, month, day = self._ordered(first, second, third)
            return self._at(year, month, day, _clock(numbers))
        return ""

    def _ordered(self, first: str, second: str, third: str) -> tuple[int, int, int]:
        """Return year, month and day of three numbers; raises ``Unusable`` where two orders are possible."""
        a, b = int(first), int(second)
        if len(first) > 2:  # only a year has more digits, and no one writes year, day, month
            return int(first), b, int(third)
        if self.order == "ymd":
            return _year(first), b, int(third)
        year = _year(third)
        if self.order:
            return (year, b, a) if self.order == "dmy" else (year, a, b)
        if a <= 12 and b <= 12 and a != b:
            raise Unusable("can be day or month first: say which as order: day_first or month_first")
        return (year, b, a) if a > 12 else (year, a, b)

    def _at(self, year: int, month: int, day: int, clock: dict[str, str]) -> str:
        """Return the day, or the moment where there is a time; raises ``ValueError`` for what is none."""
        meant = Day(year, month, day)
        if not FIRST_YEAR <= year <= LAST_YEAR:
            return ""
        if "hour" not in clock:
            return meant.isoformat()
        hour = int(clock["hour"])
        if half := clock.get("half", ""):
            if not 1 <= hour <= 12:
                return ""
            hour = hour % 12 + (12 if half.startswith("p") else 0)
        local = datetime(year, month, day, hour, int(clock.get("minute", 0)), int(clock.get("second", 0)))
        if self.is_day:
            return meant.isoformat()
        return to_text(_in_zone(local, clock.get("offset", ""), self.zone))


def of_stamp(written: str) -> datetime:
    """Return the moment that so many seconds or milliseconds since 1970 are; raises ``Unusable``.

    Milliseconds have 12 digits from 1973 on. Digits that may as well be year, month, day, hour and minute are
    refused, for nobody can tell, and so is what lies after the last year that dates here have.
    """
    digits = written.partition(".")[0]
    if len(digits) in (12, 14) and _is_compact(digits):
        form = "YYYYMMDDHHmm" + "ss" * (len(digits) == 14)
        raise Unusable(f'"{written}" may be {form} or milliseconds: say which by date: {{form: {form}}}')
    stamp = float(written)
    seconds = stamp / 1000 if stamp >= FIRST_MILLISECONDS else stamp
    if len(digits) in (11, 14) or stamp < LEAST_STAMP or seconds >= _END:
        raise Unusable(f'"{written}" is neither seconds nor milliseconds since 1970')
    return datetime.fromtimestamp(seconds, UTC)


_END = datetime(LAST_YEAR + 1, 1, 1, tzinfo=UTC).timestamp()


def _is_compact(digits: str) -> bool:
    year, month, day, hour, minute = (
        int(digits[a:b]) for a, b in ((0, 4), (4, 6), (6, 8), (8, 10), (10, 12))
    )
    try:
        datetime(year, month, day, hour, minute)
    except ValueError:
        return False
    return FIRST_YEAR <= year <= LAST_YEAR


def date(value: JsonValue, region: str = "") -> str:
    """A day of the calendar, or with a time the moment; only forms that can be meant in one way."""
    return Dates().read(value, region)


def day(value: JsonValue, region: str = "") -> str:
    """A day of the calendar; of a time behind it nothing is kept, nor is it moved to another zone."""
    return Dates(is_day=True).read(value, region)


def _in_zone(local: datetime, offset: str, zone: str) -> datetime:
    """Return the moment of a local time.

    An hour that a clock shows twice in autumn is the first of the two; one that it leaves out in spring is
    as much later as the clock is put forward.
    """
    if offset[:1] in ("+", "-"):
        digits = offset[1:].replace(":", "")
        away = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
        if away > FURTHEST or int(digits[2:]) > 59:
            raise Unusable(f'"{offset}" is no distance from UTC: clocks are at most 14:00 away')
        return (local - away if offset[0] == "+" else local + away).replace(tzinfo=UTC)
    if offset:
        return local.replace(tzinfo=UTC)
    return local.replace(tzinfo=ZoneInfo(zone), fold=0).astimezone(UTC)


def _year(digits: str) -> int:
    if len(digits) == 2:
        return int(digits) + (1900 if int(digits) >= PIVOT else 2000)
    return int(digits)


def _clock(match: re.Match[str]) -> dict[str, str]:
    held = match.groupdict()
    return {name: held[name] for name in ("hour", "minute", "second", "half", "offset") if held[name]}


@lru_cache(maxsize=256)
def form_pattern(form: str) -> re.Pattern[str]:
    """Return what reads a form; raises ``ValueError`` with a sentence for one that names no whole day."""
    parts: list[str] = []
    seen: list[str] = []
    at = 0
    for token in _TOKEN.finditer(form):
        parts += [re.escape(form[at : token.start()].lower()), TOKENS[token[0]]]
        seen += re.findall(r"\?P<(\w+)>", TOKENS[token[0]])
        at = token.end()
    parts.append(re.escape(form[at:].lower()))
    meant = {"month" if name == "name" else name for name in seen}
    if len(set(seen)) != len(seen) or {"name", "month"} <= set(seen):
        raise ValueError("a part of the date stands twice in the form")
    lacks = [name for name in ("year", "month", "day") if name not in meant]
    if lacks:
        raise ValueError(f"the form says no {lacks[0]}: write for example DD.MM.YYYY or M/D/YY h:mm A")
    if "minute" in meant and "hour" not in meant:
        raise ValueError("the form has minutes and no hour")
    return re.compile("".join(parts))


def how_to_write_day(text: str) -> str:
    """Say what is to be written instead of a text that is no day."""
    is_form = _PLAIN_DAY.fullmatch(text) is not None
    return "No such day is in the calendar." if is_form else "Write it as 2026-12-24."
