"""What is wrong just now: facts of the store and of this process -> alarms."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from model.faults import without_people
from sync import deletions, followed, schema_looks, status
from sync.alike import sure
from sync.asking import books as asked
from sync.followed import LATE_AFTER, Followed, ObjectFollowed
from sync.keeping.room import MIB
from sync.outbox import PARKED, WAITS
from sync.reconciling import books
from sync.reconciling.runs import Run
from sync.status import Queues
from sync.tables import inbox_events, outbox_changes

KINDS = (
    "connection",
    "source",
    "provider",
    "dead_letters",
    "deletions",
    "disk",
    "decider",
    "store",
    "reconcile",
    "schema",
    "matching",
)

UNREAD_AFTER = timedelta(minutes=15)  # that a connection's owners could not be read
STALLED_AFTER = timedelta(minutes=30)  # that nothing was delivered while something was due
BEHIND_AFTER = timedelta(minutes=5)  # that an event waits for its decision
OF_SHARES = {  # ``Run.shares`` in words
    "links": "of the records compared differ without a reason",
    "missing": "of the people and companies here have no record without a reason",
    "counts": "of all records counted are unaccounted for",
}
BROKEN_AFTER = timedelta(minutes=1)  # that the store cannot be read or written


Findings = Sequence[tuple[str, str]]
"""What does not fit, each with what to do."""

MOST_FINDINGS = 3  # that an alarm tells; the doctor tells all


@dataclass(frozen=True, slots=True)
class Alarm:
    """One thing that is wrong. It names no person."""

    kind: str  # one of ``KINDS``
    subject: str  # the connection, the source; else ""
    text: str  # a sentence that says what to do


class Since:
    """Remembers how long something has been so."""

    def __init__(self) -> None:
        self._began: dict[str, dict[str, datetime]] = {}

    def of(self, what: str, names: Collection[str], now: datetime) -> dict[str, timedelta]:
        """Return for how long it has been so of each without a break; of all others it is so no longer."""
        before = self._began.get(what, {})
        began = self._began[what] = {name: before.get(name, now) for name in names}
        return {name: now - at for name, at in began.items()}


@dataclass(frozen=True, slots=True)
class Following:
    """What this process follows of a connection."""

    objects: Collection[str]
    every: timedelta  # between two looks
    failure: str | None = None  # why the last step failed


@dataclass(frozen=True, slots=True)
class InStore:
    """What the store says."""

    queues: Queues
    oldest_event: datetime | None  # that waits for its decision
    oldest_change: Mapping[str, datetime]  # by connection: since when something that may go out waits
    silent: Mapping[str, datetime | None] = field(default_factory=dict)  # source -> its last post
    followed: Mapping[str, Followed] = field(default_factory=dict)  # by connection
    compared: Mapping[str, Run] = field(default_factory=dict)  # by connection: the last comparison
    providers: Mapping[str, str] = field(default_factory=dict)  # that give no answers, and why
    held: Mapping[str, int] = field(default_factory=dict)  # by connection: deletions that wait for a person
    misfits: Mapping[str, Findings] = field(default_factory=dict)  # by connection: fields that do not fit
    over_limit: int = 0  # pairs that are sure, and wait for a person because enough were joined without one


@dataclass(frozen=True, slots=True)
class InProcess:
    """What this process alone knows."""

    unusable: Mapping[str, str]  # connection -> why
    unread: Mapping[str, str]  # connection -> why its owners could not be read last time
    delivered_at: Mapping[str, datetime]  # connection -> when something was last written there
    free_bytes: int | None
    least_free: int
    store_trouble: str | None  # why the last write or look failed
    following: Mapping[str, Following] = field(default_factory=dict)  # by connection that is connected
    bearable: Mapping[str, float] = field(default_factory=dict)  # connection -> share that may be unexplained


def read(
    snapshot: Connection, space: str, now: datetime, quiet: Mapping[str, datetime | None] | None = None
) -> InStore:
    """Look at the queues: by indexes that leave out what is settled. ``quiet`` names silent sources."""
    e, o = inbox_events.c, outbox_changes.c
    oldest = snapshot.execute(
        sa.select(e.received_at).where(e.space == space, e.state == "waiting").order_by(e.id).limit(1)
    ).scalar_one_or_none()
    pending = snapshot.execute(
        sa.select(o.connection, sa.func.min(o.raised_at))
        .where(o.space == space, WAITS, o.due_at < PARKED)
        .group_by(o.connection)
    )
    return InStore(
        status.queues(snapshot, space, now),
        oldest,
        {row[0]: row[1] for row in pending},
        quiet or {},
        followed.read(snapshot, space),
        books.last(snapshot, space),
        providers=asked.troubled(snapshot, space, now),
        held={one.connection: one.records for one in deletions.held_back(snapshot, space)},
        misfits={name: one.findings for name, one in schema_looks.load(snapshot, space).items()},
        over_limit=sure.count_over_limit(snapshot, space),
    )


class Looks:
    """Turns facts into alarms; knows since when each of them has been so."""

    def __init__(self, writing: Callable[[], Collection[str]]) -> None:
        self._writing, self._since = writing, Since()

    def alarms(self, process: InProcess, store: InStore | None, now: datetime) -> list[Alarm]:
        """Return what is wrong; without the store's facts only what this process knows."""
        found = [*self._store(process, now), *_disk(process), *self._connections(process, now)]
        if store is not None:
            found += [
                *_decider(store, now),
                *_dead_letters(store),
                *self._stalled(process, store, now),
                *self._unfollowed(process, store, now),
                *self._unseen_bins(process, store, now),
                *_silent(store),
                *_deletions(store),
                *_unanswered(store),
                *self._misfits(store),
                *_unexplained(process, store),
                *_over_limit(store),
            ]
        return list({(one.kind, one.subject): one for one in reversed(found)}.values())

    def _store(self, process: InProcess, now: datetime) -> Iterator[Alarm]:
        lasts = self._since.of("store", ["store"] if process.store_trouble else [], now)
        if any(one >= BROKEN_AFTER for one in lasts.values()):
            text = "the store cannot be used, posts are answered 503 and senders try again"
            yield Alarm("store", "", f"{text}: {without_people(process.store_trouble or '')}")

    def _connections(self, process: InProcess, now: datetime) -> Iterator[Alarm]:
        for name, why in process.unusable.items():
            yield Alarm("connection", name, f"{name} cannot be used: {without_people(why)}")
        lasts = self._since.of("unread", process.unread, now)
        for name, why in process.unread.items():
            if lasts[name] >= UNREAD_AFTER:
                yield Alarm("connection", name, f"the owners of {name} cannot be read: {without_people(why)}")

    def _stalled(self, process: InProcess, store: InStore, now: datetime) -> Iterator[Alarm]:
        waiting = [name for name in self._writing() if name in store.oldest_change]
        for name, quiet in self._since.of("stalled", waiting, now).items():
            waits_since = store.oldest_change[name]
            # Without a success of ours: since we began to look.
            last = process.delivered_at.get(name)
            quiet = min(quiet, now - last) if last else quiet
            if now - waits_since >= STALLED_AFTER <= quiet:
                minutes = int((now - waits_since).total_seconds() // 60)
                text = f"nothing has reached {name} while changes wait since {minutes} minutes"
                yield Alarm("connection", name, f"{text}; see `leadrelay doctor {name}`")

    def _misfits(self, store: InStore) -> Iterator[Alarm]:
        """Say whose fields do not fit; of who is only observed ``plan`` says it, and go-live makes them."""
        writing = set(self._writing())
        for name, found in store.misfits.items():
            if found and name in writing:
                yield _of_misfits(name, found)

    def _unfollowed(self, process: InProcess, store: InStore, now: datetime) -> Iterator[Alarm]:
        """Say whose changes are not read to the end; what went unread before it was connected begins anew."""
        lasts = self._since.of("unfollowed", process.following, now)
        for name, ours in process.following.items():
            known = store.followed.get(name, Followed()).objects
            behind = _behind(ours, known, lasts[name], now)
            if behind:
                minutes = int(max(behind.values()).total_seconds() // 60)
                problems = [known[each].problem for each in behind if each in known]
                why = ours.failure or next(filter(None, problems), "no failure is known, it hangs or is slow")
                text = f"what changes in {name} was not read to the end for {minutes} minutes"
                text = f"{text} ({', '.join(behind)}): {without_people(why)}"
                yield Alarm("connection", name, f"{text}; see `leadrelay doctor {name}`")

    def _unseen_bins(self, process: InProcess, store: InStore, now: datetime) -> Iterator[Alarm]:
        """Say where it stays unseen what was deleted, beside changes that are read."""
        failing = {
            name: (object_type, one.bin_problem)
            for name in process.following
            for object_type, one in store.followed.get(name, Followed()).objects.items()
            if one.bin_problem
        }
        for name, lasts in self._since.of("bins", failing, now).items():
            if lasts >= LATE_AFTER:
                object_type, why = failing[name]
                text = f"what is deleted in {name} may stay unseen, its recycle bin cannot be looked through"
                text = f"{text} ({object_type}): {without_people(why)}"
                yield Alarm("connection", name, f"{text}; see `leadrelay doctor {name}`")


def _behind(
    ours: Following, known: Mapping[str, ObjectFollowed], watched: timedelta, now: datetime
) -> dict[str, timedelta]:
    """Return the objects whose changes are late, and for how long: at most since it is ``watched``."""
    found = {}
    for name in ours.objects:
        late = known[name].late_by(now) if name in known else None
        found[name] = watched if late is None else min(watched, late)
    return {name: late for name, late in found.items() if late >= LATE_AFTER + ours.every}


def _of_misfits(name: str, found: Findings) -> Alarm:
    told = "; ".join(f"{fact} ({fix.rstrip('.')})" for fact, fix in found[:MOST_FINDINGS])
    more = f"; and {len(found) - MOST_FINDINGS} more" if len(found) > MOST_FINDINGS else ""
    text = f"the fields of {name} do not fit the playbook: {told}{more}; see `leadrelay doctor {name}`"
    return Alarm("schema", name, text)


def _decider(store: InStore, now: datetime) -> Iterator[Alarm]:
    if store.oldest_event and now - store.oldest_event >= BEHIND_AFTER:
        minutes = int((now - store.oldest_event).total_seconds() // 60)
        waiting = store.queues.events["waiting"]
        yield Alarm(
            "decider", "", f"events wait for their decision since {minutes} minutes ({waiting} of them)"
        )


def _dead_letters(store: InStore) -> Iterator[Alarm]:
    events = store.queues.events["dead"]
    changes = sum(one.dead for one in store.queues.connections.values())
    effects = sum(one.dead for one in store.queues.effects.values())
    if events or changes or effects:
        parts = [f"{events} events that our rules failed on"] if events else []
        parts += [f"{changes} changes that a CRM refused"] if changes else []
        parts += [f"{effects} tasks and messages that were given up"] if effects else []
        text = f"dead letters wait for a person: {', '.join(parts)}"
        yield Alarm("dead_letters", "", f"{text}; mend the cause, then `leadrelay replay`")


def _silent(store: InStore) -> Iterator[Alarm]:
    for name, last in store.silent.items():
        since = f"since {last:%Y-%m-%d %H:%M} UTC" if last else "for a day and more"
        yield Alarm("source", name, f"nothing has come from {name} {since}, longer than usual")


def _deletions(store: InStore) -> Iterator[Alarm]:
    for name, number in store.held.items():
        text = (
            f"{number} people were deleted in {name}, more than usual; nothing follows from it until a person"
        )
        yield Alarm("deletions", name, f"{text} says so: page Reviews, or `leadrelay deletions`")


def _unanswered(store: InStore) -> Iterator[Alarm]:
    for name, why in store.providers.items():
        text = f"{name} gives no answers, and leads go on without them: {without_people(why)}"
        yield Alarm("provider", name, f"{text}; see `leadrelay status`")


def _unexplained(process: InProcess, store: InStore) -> Iterator[Alarm]:
    """Say whose records differ from what is here more than they may, with nothing that explains it."""
    for name, most in process.bearable.items():
        run = store.compared.get(name)
        worst = max(run.shares, key=run.shares.__getitem__) if run else ""
        if run is not None and run.shares[worst] > most:
            share = f"{100 * run.shares[worst]:.1f} % {OF_SHARES[worst]}"
            text = (
                f"{share} in {name} by the last comparison (run {run.id}), and at most {100 * most:g} % may"
            )
            yield Alarm("reconcile", name, f"{text}; see `leadrelay reconcile --connection {name} --last`")


def _over_limit(store: InStore) -> Iterator[Alarm]:
    if store.over_limit:
        pairs = "1 pair" if store.over_limit == 1 else f"{store.over_limit} pairs"
        text = f"{pairs} of leads, surely one person each by their evidence, wait for a person"
        why = "more came at once than same_limits of matching.yaml lets be joined"
        yield Alarm("matching", "", f"{text}: {why}; see page Reviews, or `leadrelay match review`")


def _disk(process: InProcess) -> Iterator[Alarm]:
    free = process.free_bytes
    if free is not None and free < process.least_free:
        text = f"only {free // MIB:,} MiB are free on the store's disk"
        yield Alarm("disk", "", f"{text}; make room, or posts will be answered 503")
