"""What the search index knows: the records as they were a little while ago.

HubSpot shows new and changed records to searches after "a few moments"; the fault ``search_lag_ms``
says how long that is. Archived records are never shown.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from sandbox.hubspot.objects import Objects
from sandbox.hubspot.values import iso
from sandbox.records import Record


def indexed(objects: Objects) -> Iterator[Record]:
    """Yield the live records as the index has them, oldest first."""
    lag = objects.account.faults.setting["search_lag_ms"]
    if not lag:
        yield from objects.table.after()
        return
    moment = objects.account.now() - timedelta(milliseconds=lag)
    for record in objects.table.after():
        past = record if record.updated_at <= moment else _undone(objects, record, moment)
        if past is not None:
            yield past


def _undone(objects: Objects, record: Record, moment: datetime) -> Record | None:
    """The record without the writes after a moment; None where it was not there then."""
    values = dict(record.values)
    writes = objects.account.history.of(objects.kind.name, record.id)
    while writes and writes[-1].at > moment:
        write = writes.pop()
        if write.kind in ("create", "restore"):
            return None
        if write.kind == "update":
            values.update(write.before)
    if not writes:
        return None
    changed = next(
        (write for write in reversed(writes) if write.kind in ("create", "update") and write.after), writes[0]
    )
    values[objects.kind.modified] = iso(changed.at)
    return replace(record, values=values, updated_at=changed.at)
