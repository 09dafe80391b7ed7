"""The open ends of long queries: what ``nextRecordsUrl`` points to, for two days."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sandbox.salesforce import ids
from sandbox.salesforce.errors import SalesforceError
from sandbox.salesforce.soql.run import Found

LIFE = timedelta(days=2)
MAX_OPEN = 500  # the sandbox's own bound: each holds its whole result


@dataclass(frozen=True, slots=True)
class Open:
    """A result that was not read to its end."""

    found: Found
    include_deleted: bool
    is_child: bool  # the children of one parent, which come in smaller pages
    opened_at: datetime


class Locators:
    """The open results by their ids."""

    def __init__(self) -> None:
        self._open: dict[str, Open] = {}
        self._number = 0

    def keep(self, found: Found, *, include_deleted: bool, at: datetime, is_child: bool = False) -> str:
        """Hold a result and give it an id."""
        while len(self._open) >= MAX_OPEN:
            del self._open[next(iter(self._open))]
        self._number += 1
        locator = ids.mint("01g", self._number)
        self._open[locator] = Open(found, include_deleted, is_child, at)
        return locator

    def find(self, locator: str, *, at: datetime) -> Open:
        """The result of that id; raises where it never was or is too old."""
        held = self._open.get(locator)
        if held is None or at - held.opened_at > LIFE:
            raise SalesforceError("INVALID_QUERY_LOCATOR", "invalid query locator")
        return held
