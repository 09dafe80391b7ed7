"""The API versions: which are listed, which are retired, which never were."""

from __future__ import annotations

import re

from sandbox.salesforce.errors import SalesforceError, not_found

OLDEST, NEWEST = 31, 68  # 31-40 end in Summer '28; 7-30 are retired
FIRST_EVER = 7

_VERSION = re.compile(r"v(\d{1,3})\.0")
_SEASONS = ("Winter", "Spring", "Summer")


def number_of(version: str) -> int:
    """68 for ``v68.0``."""
    match = _VERSION.fullmatch(version)
    return int(match.group(1)) if match else 0


def check_version(version: str) -> None:
    """Raise for a version that is retired or that there is not."""
    number = number_of(version)
    if FIRST_EVER <= number < OLDEST:
        raise SalesforceError("GONE", f"API version {number}.0 is retired")
    if not OLDEST <= number <= NEWEST:
        raise not_found()


def listed() -> list[dict[str, str]]:
    """What ``GET /services/data/`` answers, oldest first."""
    return [
        {"label": _label(number), "url": f"/services/data/v{number}.0", "version": f"{number}.0"}
        for number in range(OLDEST, NEWEST + 1)
    ]


def _label(number: int) -> str:
    releases = number - 32  # Winter '15 was 32.0, and three releases make a year
    return f"{_SEASONS[releases % 3]} '{15 + releases // 3}"
