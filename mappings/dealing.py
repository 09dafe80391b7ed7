"""Amounts of money and days of the calendar, as deals hold them, read, written and compared. Pure."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from functools import lru_cache
from zoneinfo import ZoneInfo

from mappings.comparing import Same, same
from mappings.values.converters import Unusable, is_blank
from model.event import JsonValue
from model.times import from_text

CENT = Decimal("0.01")
MOST = Decimal(10) ** 16  # Salesforce keeps 18 digits, two of them behind the point
MOST_IN_JSON = Decimal(10) ** 13  # a JSON number is a double: 15 digits are exact
NOON = time(12)


def money(value: JsonValue) -> str:
    """Return an amount as exact decimal text, rounded half up to two places; raises ``Unusable``.

    Both CRMs show two places; HubSpot keeps more, and Salesforce rounds what it is sent. So the two
    agree where they agree to the cent.
    """
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise Unusable("is not an amount")
    try:
        amount = Decimal(str(value).strip())
    except InvalidOperation:
        raise Unusable(f'"{str(value)[:60]}" is not an amount') from None
    if not amount.is_finite() or abs(amount) >= MOST:
        raise Unusable("is not an amount that a CRM keeps")
    return str(amount.quantize(CENT, ROUND_HALF_UP))


def money_number(value: JsonValue) -> JsonValue:
    """Return an amount as a JSON number; ``None`` for one that a number would not carry exactly."""
    try:
        amount = Decimal(money(value))
    except Unusable:
        return None
    if abs(amount) >= MOST_IN_JSON:
        return None
    return int(amount) if amount == amount.to_integral_value() else float(amount)


def money_text(value: JsonValue) -> JsonValue:
    """Return an amount as HubSpot takes it: decimal text without idle zeros."""
    try:
        amount = Decimal(money(value))
    except Unusable:
        return None
    return str(int(amount)) if amount == amount.to_integral_value() else str(amount)


def same_money(a: JsonValue, b: JsonValue) -> bool:
    """Compare two amounts to the cent."""
    if is_blank(a) or is_blank(b):
        return is_blank(a) and is_blank(b)
    try:
        return money(a) == money(b)
    except Unusable:
        return same(a, b)


def day(value: JsonValue, zone: str = "UTC") -> str:
    """Return the day that a vendor's value stands for, as "2026-11-30"; raises ``Unusable``.

    Salesforce's dates have no time and no zone, and are taken as they stand. HubSpot's close date is a
    moment (ISO text, or milliseconds in a webhook). One at midnight UTC to the second is a day that a
    program wrote, as HubSpot's rule for dates is; any other is the day that a clock in ``zone`` shows then.
    """
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise Unusable("is not a day")
    found = _day_of(str(value).strip(), zone)
    if found is None:
        raise Unusable(f'"{str(value)[:60]}" is not a day')
    return found


@lru_cache(maxsize=4096)
def _day_of(text: str, zone: str) -> str | None:
    try:
        if len(text) == len("2026-11-30"):
            return date.fromisoformat(text).isoformat()
        if text.removeprefix("-").isdecimal():
            at = datetime.fromtimestamp(int(text) / 1000, UTC)
        else:
            at = from_text(text)
    except (ValueError, OverflowError, OSError):
        return None
    is_plain_day = (at.hour, at.minute, at.second) == (0, 0, 0)
    return (at if is_plain_day else at.astimezone(ZoneInfo(zone))).date().isoformat()


def plain_day(value: JsonValue) -> JsonValue:
    """Return a day as Salesforce takes it; ``None`` for what is none."""
    try:
        return day(value)
    except Unusable:
        return None


def noon_of(zone: str) -> Callable[[JsonValue], JsonValue]:
    """Return what writes a day as HubSpot takes a close date: noon of that day in the account's zone.

    People there see the day that was meant, and so does whoever looks from a zone up to eleven hours away.
    Midnight UTC would be the evening before for everybody in America.
    """

    def encode(value: JsonValue) -> JsonValue:
        meant = plain_day(value)
        if meant is None:
            return None
        noon = datetime.combine(date.fromisoformat(str(meant)), NOON, ZoneInfo(zone))
        return noon.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    return encode


def same_day_in(zone: str) -> Same:
    """Return what compares two values by the day that they stand for."""

    def compare(a: JsonValue, b: JsonValue) -> bool:
        if is_blank(a) or is_blank(b):
            return is_blank(a) and is_blank(b)
        try:
            return day(a, zone) == day(b, zone)
        except Unusable:
            return same(a, b)

    return compare
