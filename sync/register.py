"""The register of playbook versions: which one was in force when, by whose word, and what its files said.

A version comes into force by an event in the one order of the inbox (``sync.deciding.turning``), so it is
known of every decision which version made it. Files are kept by what they say, each text once.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa
import structlog
from sqlalchemy.engine import Connection, Row

from mappings.compile import load_texts, version_of
from mappings.playbook import Playbook
from mappings.problems import PlaybookError, Problem
from model.decision import Place
from model.event import Event, EventKind, EventState
from sync import inbox
from sync.database import Store, insert_for
from sync.tables import inbox_events, leases, playbook_files, playbook_versions

log = structlog.get_logger("leadrelay.playbook")

FOLDER, APPLY, ROLLBACK = "folder", "apply", "rollback"
SOURCE = "playbook"  # of the events
MOST_NOTE = 2000  # characters
LONGEST_BY = 128  # characters, as the column has


@dataclass(frozen=True, slots=True)
class Version:
    """One line of the register."""

    number: int  # from 1
    hash: str
    files: Mapping[str, str]  # name -> digest
    at: datetime
    by: str
    how: str  # "folder" | "apply" | "rollback"
    note: str
    seq: int  # decided_seq of the event that made it current: what came before is not its own
    event: int
    folder: str  # the version that the watched folder held when it last counted; blank: it never did
    signed_off: Sequence[str] = ()  # who agreed to it

    def __str__(self) -> str:
        return f"{self.number} ({self.hash})"


@dataclass(frozen=True, slots=True)
class Listed:
    """A version with what it did."""

    version: Version
    decided: int  # events while it was current
    is_current: bool

    def as_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        told = asdict(self.version) | {"decided": self.decided, "current": self.is_current}
        del told["seq"], told["folder"], told["files"]
        return told


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants in force, and why."""

    how: str
    by: str
    note: str = ""
    signed_off: Sequence[str] = ()  # who agreed to it
    once: str = ""  # the same wish handed in twice is one; blank: each is one of its own


def current(snapshot: Connection, space: str) -> Version | None:
    """Return the version in force; ``None`` in a store that has decided by none that it knows."""
    c = playbook_versions.c
    row = snapshot.execute(_of_space(space).order_by(c.number.desc()).limit(1)).first()
    return _version(row) if row else None


def find(snapshot: Connection, space: str, name: str) -> Version | None:
    """Return a version by its number, or the newest one by the beginning of its hash (four characters)."""
    c = playbook_versions.c
    versions = _of_space(space).order_by(c.number.desc())
    # A hash may consist of digits alone; a number has fewer of them than a hash in whole.
    if name.isdecimal() and len(name) < 10:
        row = snapshot.execute(versions.where(c.number == int(name))).first()
        if row is not None:
            return _version(row)
    if len(name) < 4:
        return None
    row = snapshot.execute(versions.where(c.hash.startswith(name.lower(), autoescape=True)).limit(1)).first()
    return _version(row) if row else None


def at(snapshot: Connection, space: str, seq: int) -> Version | None:
    """Return the version that decided the event of this number; ``None`` before the first one."""
    c = playbook_versions.c
    before = _of_space(space).where(c.seq < seq).order_by(c.number.desc()).limit(1)
    row = snapshot.execute(before).first()
    return _version(row) if row else None


def listed(snapshot: Connection, space: str) -> list[Listed]:
    """Return all versions, the newest first, each with how many events were decided by it.

    Events are numbered as they are decided, so what a version decided lies between its own
    event and that of the next one.
    """
    versions = [_version(row) for row in snapshot.execute(_of_space(space))]
    versions.sort(key=lambda one: one.number)
    of_decider = sa.select(leases.c.seq).where(leases.c.name == f"decider:{space}")
    last = snapshot.execute(of_decider).scalar() or 0
    told: list[Listed] = []
    for one in reversed(versions):
        told.append(Listed(one, max(0, last - one.seq), is_current=not told))
        last = one.seq - 1
    return told


def newest(snapshot: Connection, space: str, limit: int) -> list[Version]:
    """Return so many versions, the newest first."""
    found = _of_space(space).order_by(playbook_versions.c.number.desc()).limit(limit)
    return [_version(row) for row in snapshot.execute(found)]


def texts_of(snapshot: Connection, version: Version) -> dict[str, bytes]:
    """Return the files of a version: name -> text; raises ``PlaybookError`` where the store lacks one."""
    c = playbook_files.c
    rows = snapshot.execute(sa.select(c.digest, c.text).where(c.digest.in_([*version.files.values()])))
    texts = {row.digest: row.text.encode() for row in rows}
    lacking = [name for name, digest in version.files.items() if digest not in texts]
    if lacking:
        raise PlaybookError([Problem(Place(name, 1), "the store has lost this file") for name in lacking])
    return {name: texts[digest] for name, digest in version.files.items()}


def playbook_of(texts: Mapping[str, bytes], number: int) -> Playbook:
    """Return the playbook of a version's files; raises ``PlaybookError``, and nothing else, where it cannot.

    Versions are also read that another leadrelay has checked, with settings that this one may stumble over
    in a way of its own. To the decider anything but a ``PlaybookError`` is the fault of the events that wait,
    and it would set aside one after the other.
    """
    try:
        return replace(load_texts(texts), number=number)
    except PlaybookError:
        raise
    except Exception as error:
        log.exception("playbook.unreadable", version=number)
        told = f"this leadrelay cannot read it ({type(error).__name__}: {error})"
        fix = "It may be of a newer leadrelay: `leadrelay check` says what its files hold."
        raise PlaybookError([Problem(Place("playbook", 1), told, fix)]) from error


def hand_in(store: Store, space: str, texts: Mapping[str, bytes], wish: Wish, now: datetime) -> bool:
    """Store files and the event by which they come into force; ``False`` where that event is known.

    The texts come first: what a crash leaves of them is found again by what it says.
    """
    files = {name: hashlib.sha256(raw).hexdigest() for name, raw in texts.items()}
    rows = [
        {"digest": digest, "text": raw.decode()}
        for digest, raw in sorted(zip(files.values(), texts.values(), strict=True))
    ]
    store.write(lambda connection: _keep(connection, rows))
    event = _event(space, files, version_of(texts), wish, now)
    [receipt] = inbox.append(store, [event])
    store.signals.announce("inbox")
    return not receipt.duplicate


def _event(space: str, files: Mapping[str, str], hashed: str, wish: Wish, now: datetime) -> Event:
    payload = {
        "hash": hashed,
        "files": dict(files),
        "how": wish.how,
        "by": wish.by[:LONGEST_BY],
        "note": wish.note[:MOST_NOTE],
        "signed_off": [one[:LONGEST_BY] for one in wish.signed_off],
    }
    once = wish if wish.once else replace(wish, once=uuid.uuid4().hex)
    return Event(SOURCE, event_id(once, hashed), EventKind.PLAYBOOK, payload, now, now, space)


def event_id(wish: Wish, hashed: str) -> str:
    """Return the id of the event by which a wish with a ``once`` comes into force."""
    return f"{wish.how}:{hashed}:{wish.once}"


@dataclass(frozen=True, slots=True)
class Ending:
    """What became of a wish."""

    state: EventState
    error: str  # why it was refused; blank: it was not
    version: Version | None  # that it made; ``None`` where it was refused, or changed nothing


def ending(snapshot: Connection, space: str, event: str) -> Ending | None:
    """Return what became of a wish by the id of its event; ``None`` while that waits or is not there."""
    c = inbox_events.c
    found = sa.select(c.id, c.state, c.error).where(c.space == space, c.source == SOURCE, c.event_id == event)
    row = snapshot.execute(found).first()
    if row is None or row.state == EventState.WAITING:
        return None
    made = snapshot.execute(_of_space(space).where(playbook_versions.c.event == row.id)).first()
    return Ending(EventState(row.state), row.error or "", _version(made) if made else None)


def _keep(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    if rows:
        connection.execute(insert_for(connection, playbook_files).on_conflict_do_nothing(), rows)


def add(connection: Connection, space: str, version: Version) -> None:
    """Append a version to the register."""
    row = {"space": space, **{name: getattr(version, name) for name in Version.__slots__}}
    row |= {"files": dict(version.files), "signed_off": list(version.signed_off)}
    connection.execute(sa.insert(playbook_versions), [row])


def note_folder(connection: Connection, space: str, number: int, folder: str) -> None:
    """Note that the watched folder holds this by now, which changes nothing of what is in force."""
    c = playbook_versions.c
    here = sa.update(playbook_versions).where(c.space == space, c.number == number)
    connection.execute(here.values(folder=folder))


def _of_space(space: str) -> sa.Select[Any]:
    return sa.select(playbook_versions).where(playbook_versions.c.space == space)


def _version(row: Row[Any]) -> Version:
    return Version(**{name: getattr(row, name) for name in Version.__slots__})
