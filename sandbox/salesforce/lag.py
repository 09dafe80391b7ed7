"""Shows queries the records as they were a little while ago.

Salesforce stamps a row inside its transaction, and others see it when that commits: later, and with a
stamp that by then is in the past. The fault ``search_lag_ms`` stands for this.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from sandbox.history import History
from sandbox.records import Record
from sandbox.salesforce.moments import stamp
from sandbox.salesforce.rows import Rows


def as_of(rows: Rows, name: str, history: History, moment: datetime) -> Iterator[Record]:
    """Yield every record as it was at a moment, by undoing the writes that came after."""
    for record in rows.every():
        past = record if record.updated_at <= moment else _undone(record, name, history, moment)
        if past is not None:
            yield past


def _undone(record: Record, name: str, history: History, moment: datetime) -> Record | None:
    values, archived_at = dict(record.values), record.archived_at
    writes = history.of(name, record.id)
    while writes and writes[-1].at > moment:
        write = writes.pop()
        if write.kind == "create":
            return None
        values.update(write.before)
        if write.kind in ("delete", "undelete"):
            archived_at = None if write.kind == "delete" else write.at
    if writes:
        values["SystemModstamp"] = values["LastModifiedDate"] = stamp(writes[-1].at)
    return replace(record, values=values, archived_at=archived_at)
