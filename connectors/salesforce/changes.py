"""What has changed in a Salesforce object, by its SystemModstamp, deleted records included.

A keyset over (SystemModstamp, Id), two thousand records a call. The stamp counts whole seconds, so many
records share one, and the id parts them. It is set inside a transaction and seen at its end, which may be
later than stamps that were read by then (contract "Lag"): a look therefore begins ``overlap`` seconds
before the latest stamp that was met, and at least with that second itself.

That stamp is Salesforce's own, never our clock's time.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from simple_salesforce.format import format_soql

from connectors.salesforce.client import Client, Row
from connectors.salesforce.errors import SCHEMA, Refused
from connectors.salesforce.ids import is_id, long_id
from connectors.salesforce.listing import PAGE, Lister
from connectors.salesforce.people import asked_fields, to_record
from model.change import Record
from model.errors import RetryLater
from model.listing import Changes
from model.times import EPOCH, from_text

MERGED = ("Lead", "Contact", "Account", "Case")  # objects whose losers of a merge have a MasterRecordId
CONVERTED = ("IsConverted", "ConvertedContactId", "ConvertedAccountId", "ConvertedOpportunityId")
NEVER_DELETED = ("User", "Profile", "Organization")  # objects without IsDeleted

Mark = tuple[datetime, str]  # stamp and id of a record


@dataclass(frozen=True, slots=True)
class Position:
    """The latest stamp that was met; ``now`` is where a look stands that one page did not end."""

    farthest: datetime
    now: Mark | None = None

    @classmethod
    def read(cls, text: str) -> Position:
        """Read what ``as_text`` wrote."""
        given: Mapping[str, Any] = json.loads(text)
        now = (from_text(given["now"][0]), given["now"][1]) if "now" in given else None
        return cls(from_text(given["far"]), now)

    def as_text(self) -> str:
        """Return it for safekeeping; some hundred characters."""
        parts: dict[str, Any] = {"far": _written(self.farthest)}
        if self.now is not None:
            parts["now"] = [_written(self.now[0]), self.now[1]]
        return json.dumps(parts, separators=(",", ":"))


class ChangeReader:
    """Reads the changes of one org."""

    def __init__(self, connection: str, client: Client, lister: Lister) -> None:
        self._connection = connection
        self._client = client
        self._lister = lister

    def since(self, object_type: str, names: Sequence[str], text: str | None, overlap: float) -> Changes:
        """Return the next page of changes, in one call. Raises ``ConnectorError``.

        A field that the object does not have, or that this user may not see, fails the whole query:
        then the object is asked what it has, and the rest is read.
        """
        if text is None:
            return Changes((), Position(self._newest(object_type)).as_text(), is_drained=True)
        at = Position.read(text)
        asked = [
            *asked_fields(object_type, {object_type: names}, *self._lister.telling(object_type)),
            *fate_of(object_type),
        ]
        try:
            return self._page(object_type, names, asked, at, overlap)
        except Refused as refusal:
            if refusal.code not in SCHEMA:
                raise
        there = {name.casefold() for name in self._client.field_names(object_type)}
        asked = [name for name in asked if name.casefold() in there]
        absent = tuple(name for name in names if name.casefold() not in there)
        return replace(self._page(object_type, names, asked, at, overlap), absent=absent)

    def _page(
        self, object_type: str, names: Sequence[str], asked: Sequence[str], at: Position, overlap: float
    ) -> Changes:
        soql = (
            f"SELECT {', '.join(dict.fromkeys(asked))} FROM {object_type} WHERE {_after(at, overlap)} "
            f"ORDER BY SystemModstamp, Id LIMIT {PAGE}"
        )
        told = self._client.queries({"page": soql}, deleted=True)["page"]
        rows = [(mark, row) for row in told if (mark := _mark_of(row)) is not None]
        last = rows[-1][0] if rows else None
        is_drained = len(told) < PAGE
        if not is_drained and last is None:
            raise RetryLater("Salesforce: a page of changes tells no stamps to go on from")
        farthest = max(at.farthest, last[0]) if last else at.farthest
        return Changes(
            [self._lister.listed(object_type, row, names) for _, row in rows],
            Position(farthest, None if is_drained else last).as_text(),
            is_drained,
            skipped=len(told) - len(rows),
        )

    def _newest(self, object_type: str) -> datetime:
        """Ask for the newest change there is; the beginning of time where there is no record."""
        order = "ORDER BY SystemModstamp DESC, Id DESC LIMIT 1"
        soql = f"SELECT Id, SystemModstamp FROM {object_type} {order}"
        rows = self._client.queries({"newest": soql}, deleted=True)["newest"]
        return next((mark[0] for row in rows if (mark := _mark_of(row)) is not None), EPOCH)

    def gone(self, object_type: str, ids: Sequence[str], fields: Mapping[str, Sequence[str]]) -> list[Record]:
        """Return what became of records that cannot be read: deleted, merged away, or not known at all.

        What they held last is among it: what people typed just before. Empty where records of the object
        are never deleted.
        """
        if object_type in NEVER_DELETED:
            return []
        asked = ", ".join(dict.fromkeys((*asked_fields(object_type, fields), *fate_of(object_type))))
        soql = format_soql(f"SELECT {asked} FROM {object_type} WHERE Id IN {{}}", list(ids))
        rows = self._client.queries({"gone": soql}, deleted=True)["gone"]
        return [to_record(self._connection, object_type, row) for row in rows if row.get("IsDeleted") is True]


def fate_of(object_type: str) -> tuple[str, ...]:
    """Return the fields that tell of deletion, merge and conversion."""
    deleted = () if object_type in NEVER_DELETED else ("IsDeleted",)
    merged = ("MasterRecordId",) if object_type in MERGED else ()
    return (*deleted, *merged, *(CONVERTED if object_type == "Lead" else ()))


def _after(at: Position, overlap: float) -> str:
    """Return the condition of the next page."""
    if at.now is None:
        return format_soql("SystemModstamp >= {}", _since(at.farthest, overlap))
    stamp, record_id = at.now
    return format_soql("SystemModstamp > {} OR (SystemModstamp = {} AND Id > {})", stamp, stamp, record_id)


def _since(stamp: datetime, overlap: float) -> datetime:
    return max(EPOCH, stamp - timedelta(seconds=overlap)).replace(microsecond=0)


def _mark_of(row: Row) -> Mark | None:
    """Return where a row stands; ``None`` where that cannot be read."""
    record_id, stamp = str(row.get("Id")), row.get("SystemModstamp")
    if not is_id(record_id) or not isinstance(stamp, str):
        return None
    try:
        return from_text(stamp), long_id(record_id)
    except ValueError:
        return None


def _written(stamp: datetime) -> str:
    return stamp.isoformat(timespec="seconds")
