"""What has changed in a HubSpot object, by search over the date of the last change.

A look reads everything from ``overlap`` before the watermark on, in the order of the ids, two hundred a
call (search takes one sort only, and by date a page could end among records of one moment). Mostly one
page is all there is. Where there is more, the newest change of all is asked for, and the look becomes
a walk by ids through the window that ends there. What is changed while it goes on leaves the window, and
is met by the next look: that begins ``overlap`` before the window's end, so it also meets what was
written before that and came to be seen late. So no change is missed, every look ends, however many
records share a moment, and search's limit of 10,000 results is never met.

The watermark is the newest change that was seen, never our clock's time. Archived records are in no
search: ``bin_page`` lists them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from connectors.hubspot.client import Client
from connectors.hubspot.pages import Filter, Found, Searcher, above
from connectors.hubspot.reads import Row
from connectors.hubspot.records import former_ids, moment, values_of
from model.change import Record
from model.errors import RetryLater
from model.event import RecordRef
from model.listing import Changes, Listed, Page
from model.times import EPOCH

MILLISECOND = timedelta(milliseconds=1)


def modified_name(object_type: str) -> str:
    """Return the property that holds when a record last changed ("CRM search")."""
    return "lastmodifieddate" if object_type == "contacts" else "hs_lastmodifieddate"


@dataclass(frozen=True, slots=True)
class Position:
    """Where a look is; times in milliseconds since 1970, as filters take them.

    ``seen`` is the newest change that was met. In a walk, ``since`` and ``until`` are the first and the
    last moment of its window, and ``above`` is the last id that it has passed.
    """

    seen: int
    since: int | None = None
    until: int | None = None
    above: int = 0

    @classmethod
    def read(cls, text: str) -> Position:
        """Read what ``as_text`` wrote."""
        given: Mapping[str, int] = json.loads(text)
        return cls(given["seen"], given.get("since"), given.get("until"), given.get("above", 0))

    def as_text(self) -> str:
        """Return it for safekeeping."""
        parts = {"seen": self.seen, "since": self.since, "until": self.until, "above": self.above or None}
        return json.dumps(
            {name: part for name, part in parts.items() if part is not None}, separators=(",", ":")
        )


class ChangeReader:
    """Reads the changes of one account."""

    def __init__(self, connection: str, client: Client, searcher: Searcher) -> None:
        self._connection = connection
        self._client = client
        self._searcher = searcher

    def since(self, object_type: str, names: Sequence[str], text: str | None, overlap: float) -> Changes:
        """Return the next page of changes. Raises ``ConnectorError``.

        One call; two where a look turns out to be longer than a page.
        """
        if text is None:
            return Changes((), Position(self._newest(object_type)).as_text(), is_drained=True)
        at = Position.read(text)
        if at.since is None:
            at = replace(at, since=max(0, at.seen - round(overlap * 1000)))
        found = self._searcher.page(
            object_type, names, _filters(object_type, at), (modified_name(object_type),)
        )
        if not found.is_last and found.last <= at.above:
            raise RetryLater("HubSpot: a page of changes tells no ids to go on from")
        following = self._after(object_type, at, found)
        return Changes(
            found.listed, following.as_text(), following.since is None, found.absent, found.skipped
        )

    def _after(self, object_type: str, at: Position, found: Found) -> Position:
        """Return where the next call goes on."""
        if at.until is not None:
            return Position(max(at.seen, at.until)) if found.is_last else replace(at, above=found.last)
        newest = max([at.seen, *(_modified(object_type, row) for row in found.rows)])
        if found.is_last:
            return Position(newest)
        return replace(at, until=max(newest, self._newest(object_type)))

    def _newest(self, object_type: str) -> int:
        """Ask for the newest change there is; 0 where there is no record."""
        name = modified_name(object_type)
        answer = self._client.search(object_type, {
            "filterGroups": [],
            "sorts": [{"propertyName": name, "direction": "DESCENDING"}],
            "limit": 1,
            "properties": [name],
        })  # fmt: skip
        return max((_modified(object_type, row) for row in answer.results), default=0)

    def bin_page(self, object_type: str, after: str | None) -> Page:
        """Return a hundred records of the recycle bin, without their fields. Raises ``ConnectorError``."""
        answer = self._client.archived(object_type, after=after)
        rows = [row for row in answer.results if row.get("id")]
        return Page(
            [Listed(self._archived(object_type, row)) for row in rows],
            answer.next_page,
            skipped=len(answer.results) - len(rows),
        )

    def _archived(self, object_type: str, row: Row) -> Record:
        ref = RecordRef(self._connection, object_type, str(row["id"]))
        return Record(ref, {}, moment(row.get("archivedAt")), archived=True, merged_ids=former_ids(row))


def _filters(object_type: str, at: Position) -> list[Filter]:
    name = modified_name(object_type)
    filters: list[dict[str, Any]] = [{"propertyName": name, "operator": "GTE", "value": str(at.since)}]
    if at.until is not None:
        filters.append({"propertyName": name, "operator": "LTE", "value": str(at.until)})
    return [*filters, above(at.above)]


def _modified(object_type: str, row: Row) -> int:
    """Return when a record last changed as the filter sees it; 0 where that cannot be read."""
    told = moment(values_of(row).get(modified_name(object_type))) or moment(row.get("updatedAt"))
    return _milliseconds(told) if told else 0


def _milliseconds(at: datetime) -> int:
    return (at - EPOCH) // MILLISECOND
