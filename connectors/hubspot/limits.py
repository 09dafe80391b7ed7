"""What HubSpot's answers say of its limits. Source: "API usage guidelines and limits"."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from connectors.base import A_DAY, Usage

WINDOW_MS = 10_000


def usage_of(headers: Mapping[str, str]) -> list[Usage]:
    """Read the limits that an answer tells: the window's, and the day's of a private app or service key.

    An OAuth app has no limit for the day, and a search tells nothing.
    """
    return list(_usage_of({name.lower(): value for name, value in headers.items()}))


def _usage_of(headers: Mapping[str, str]) -> Iterator[Usage]:
    window = (_number(headers, "-interval-milliseconds") or WINDOW_MS) / 1000
    for seconds, most_name, left_name in (
        (window, "-max", "-remaining"),
        (A_DAY, "-daily", "-daily-remaining"),
    ):
        most, left = _number(headers, most_name), _number(headers, left_name)
        if most is not None:
            yield Usage(seconds, None if left is None else max(0, most - left), most)


def _number(headers: Mapping[str, str], name: str) -> int | None:
    text = headers.get(f"x-hubspot-ratelimit{name}", "")
    return int(text) if text.isdecimal() else None
