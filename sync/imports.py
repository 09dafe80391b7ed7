"""Imports: rows of a file as posts of a source, each once however often the file is sent."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy.engine import Connection

from mappings import inward
from mappings.playbook import Playbook, Source
from mappings.sending import id_of, kept_id, moment_of
from mappings.sheets import Row, Sheet
from model.event import IMPORT, Event, EventKind, JsonValue, StoredEvent
from model.lead import Identity
from sync import forget, inbox, leads
from sync.tables import to_json

AT_ONCE = 500  # rows looked up together
SAME_ID = "the id of an earlier row"


@dataclass(frozen=True, slots=True)
class Batch:
    """What all rows of a file have in common."""

    id: str  # the same file again is the same batch, so nobody is taken twice
    file: str
    basis: str  # why we may keep and use these people's data, in the words of who imports them
    source: str
    by: str = ""  # who takes them in


@dataclass(slots=True)
class Preview:
    """What would become of a file's rows."""

    new: int = 0
    known: int = 0  # a lead has the address, number or id already
    again: int = 0  # the person stands in an earlier row
    sent: int = 0  # the row was imported before
    same_id: int = 0  # an earlier row has the sender's id of this one: never taken in
    forgotten: int = 0  # erased for privacy: never imported
    set_aside: int = 0  # rows that wait for a person
    quarantined: Counter[str] = field(default_factory=Counter)  # reason: rows
    unread: Counter[str] = field(default_factory=Counter)  # field and reason: rows that lose that field
    examples: dict[str, int] = field(default_factory=dict)  # reason: the first line that has it
    take: list[Event] = field(default_factory=list)  # those that would be sent
    seen: set[Identity] = field(default_factory=set)  # by what the people of earlier rows are known
    ids: set[str] = field(default_factory=set)  # of earlier rows


def to_events(rows: Sequence[Row], batch: Batch, source: Source, now: datetime) -> list[Event]:
    """Return the posts of rows; their source may read ``query.import_basis`` and ``query.import_batch``.

    A row is known by the sender's id, where the source names one, else by its cells: the same row of a file
    that was mended elsewhere is the same post. Of two rows with the same cells the second is one of its own.
    """
    times: Counter[str] = Counter()
    return [_to_event(row, batch, source, now, times) for row in rows]


def _to_event(row: Row, batch: Batch, source: Source, now: datetime, times: Counter[str]) -> Event:
    told: dict[str, JsonValue] = {
        "batch": batch.id,
        "file": batch.file,
        "line": row.line,
        "basis": batch.basis,
        "by": batch.by,
    }
    query = {f"import_{name}": str(value) for name, value in told.items()}
    payload = {"body": dict(row.cells), "query": query, "headers": {}, IMPORT: told}
    cells = hashlib.sha256(to_json(sorted(row.cells.items())).encode()).hexdigest()[:24]
    times[cells] += 1
    event_id = kept_id(id_of(source, row.cells)) or f"import-{cells}-{times[cells]}"
    return Event(batch.source, event_id, EventKind.INTAKE, payload, moment_of(source, row.cells, now), now)


def is_imported(payload: Mapping[str, JsonValue]) -> bool:
    """Say whether a post came by a file: nobody waits for it."""
    return IMPORT in payload


def preview(
    snapshot: Connection,
    space: str,
    sheet: Sheet,
    batch: Batch,
    playbook: Playbook,
    now: datetime,
    progress: Callable[[int], None] = lambda _: None,
) -> Preview:
    """Read all rows as they would be read, and say what would become of them. Nothing is written.

    ``progress`` is told how many rows have been read, now and then.
    """
    found = Preview()
    events = to_events(sheet.rows, batch, playbook.sources[batch.source], now)
    for start in range(0, len(events), AT_ONCE):
        some = slice(start, start + AT_ONCE)
        _look(found, snapshot, space, sheet.rows[some], events[some], playbook)
        progress(start + len(events[some]))
    return found


def _look(
    found: Preview,
    snapshot: Connection,
    space: str,
    rows: Sequence[Row],
    events: Sequence[Event],
    playbook: Playbook,
) -> None:
    readings = [
        inward.read(StoredEvent(n, event, 0, event.received_at, n), playbook)
        for n, event in enumerate(events)
    ]
    keys = [key for reading in readings for key in reading.identities]
    sent = inbox.known(snapshot, space, events[0].source, [event.event_id for event in events])
    known, forgotten = leads.find(snapshot, space, keys), forget.forgotten(snapshot, space, keys)
    for row, event, reading in zip(rows, events, readings, strict=True):
        fatal = [str(one) for one in reading.problems if one.fatal]
        if event.event_id in sent:
            found.sent += 1
            continue
        if event.event_id in found.ids:
            found.same_id += 1
            found.examples.setdefault(SAME_ID, row.line)
            continue
        found.ids.add(event.event_id)
        if any(forget.hash_of(key) in forgotten for key in reading.identities):
            found.forgotten += 1
            continue
        found.take.append(event)
        for text in fatal or map(str, reading.problems):
            (found.quarantined if fatal else found.unread)[text] += 1
            found.examples.setdefault(text, row.line)
        if fatal:
            found.set_aside += 1
            continue
        if found.seen.intersection(reading.identities):
            found.again += 1
        elif any(key in known for key in reading.identities):
            found.known += 1
        else:
            found.new += 1
        found.seen.update(reading.identities)
