"""How values are written on a page: moments with zone and age, durations, JSON, numbers."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from model.times import from_text

STEPS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))
LONGEST_PAYLOAD = 100_000  # characters on a page


def moment(at: datetime | str | None) -> str:
    """Write a moment with its zone: ``2026-11-22 03:42:10 UTC``."""
    if at is None:
        return ""
    at = from_text(at) if isinstance(at, str) else at
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def span(length: timedelta | float | None) -> str:
    """Write a duration in its two largest units: ``3 h 20 min``."""
    if length is None:
        return ""
    seconds = int(length.total_seconds() if isinstance(length, timedelta) else length)
    parts: list[str] = []
    for size, unit in STEPS:
        count, seconds = divmod(max(0, seconds), size)
        if count or parts:
            parts.append(f"{count} {unit}" if count else "")
    return " ".join(part for part in parts[:2] if part) or "0 s"


def age(at: datetime | str | None, now: datetime) -> str:
    """Write how long ago a moment was: ``3 min ago``."""
    if at is None:
        return "never"
    at = from_text(at) if isinstance(at, str) else at
    ahead = at > now
    seconds = abs((now - at).total_seconds())
    if seconds < 5:
        return "now"
    size, unit = next((size, unit) for size, unit in STEPS if seconds >= size)
    text = f"{int(seconds // size)} {unit}"
    return f"in {text}" if ahead else f"{text} ago"


def number(value: float | None) -> str:
    """Write a number with thin spaces between thousands; ``–`` for none."""
    return "–" if value is None else f"{value:,.0f}".replace(",", "\u202f")


def pretty(value: Any) -> str:
    """Write a value as indented JSON, cut where no page should go on."""
    text = json.dumps(value, indent=2, ensure_ascii=False, sort_keys=False, default=str)
    text = text.encode("utf-8", "backslashreplace").decode()  # half of a surrogate pair is no text
    return (
        text if len(text) <= LONGEST_PAYLOAD else f"{text[:LONGEST_PAYLOAD]}\n… cut: {len(text)} characters"
    )


def plain(value: Any) -> str:
    """Write a field's value on one line."""
    if value is None:
        return ""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return text.encode("utf-8", "backslashreplace").decode()


METHODS = {
    "oauth": "in the browser (OAuth)",
    "token": "by a token",
    "client_credentials": "by client credentials",
    "jwt": "by a signed assertion (JWT)",
}


def method(name: str) -> str:
    """Write how a connection signs in."""
    return METHODS.get(name, name)


def candidate(each: Mapping[str, Any]) -> str:
    """Write one of those who could have had a lead: their place or likelihood, or why they were skipped."""
    place = f"at {each['place']:g}" if "place" in each else ""
    likely = f"{each['likely']:.1%} likely" if "likely" in each else ""
    end = each.get("why_not") or ("took it" if each.get("took") else "")
    evidence = f" ({each['evidence']})" if each.get("evidence") else ""
    return f"candidate {each['who']}: {', '.join(filter(None, (place, likely, end)))}{evidence}"


FILTERS: dict[str, Callable[..., str]] = {
    "moment": moment,
    "span": span,
    "age": age,
    "number": number,
    "pretty": pretty,
    "plain": plain,
    "method": method,
    "candidate": candidate,
}
