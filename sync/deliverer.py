"""outbox -> mapping outward -> connectors, a lease around each call."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial

import structlog
from sqlalchemy.engine import Connection

from connectors.base import Connector
from mappings.outward import difference, draft, same_on
from mappings.playbook import CrmMap, ObjectMap, Playbook
from model.change import (
    Created,
    Exists,
    Gone,
    Outcome,
    Postponed,
    Record,
    RecordChange,
    Rejected,
    Updated,
)
from model.errors import NotAuthorized, Refusal, RetryLater
from model.event import Event, EventKind, JsonValue, RecordRef
from model.lead import Identity, Lead, Link
from model.times import Clock
from sync import inbox, leads, links, outbox
from sync.batch import People
from sync.database import Store
from sync.doubt import arrived, with_sent
from sync.links import Agreed, record_key
from sync.outbox import Claim, DueRow, Settled, Unsent
from sync.records import record_payload

log = structlog.get_logger("leadrelay.deliverer")

FIRST_WAIT = 2.0  # seconds before the second attempt, doubled each time
LONGEST_WAIT = 900.0
MOST_ATTEMPTS = 100  # some 24 hours at the longest wait
PATIENCE = timedelta(hours=24)  # nor earlier, however short the waits are that a busy server asks for
REFUSED_WAIT = 60.0  # seconds until a connection that nobody may use is tried again
FRESH_KINDS = ("owner", "stage")  # never written over a value that was not just read


@dataclass(slots=True)
class Target:
    """One writing connection with all that a delivery to it needs."""

    connector: Connector
    store: Store
    clock: Clock
    playbook: Callable[[], Playbook]
    ready_in: Callable[[], float] = lambda: 0.0  # seconds until the budget allows a call
    space: str = "main"
    lease_term: timedelta = timedelta(seconds=120)  # longer than the longest call
    observe: Callable[[str, float], None] | None = None  # outcome, seconds since it was wanted

    @property
    def name(self) -> str:
        """The connection's name."""
        return self.connector.name


@dataclass(frozen=True, slots=True)
class Sending:
    """A leased row on its way: what the record must hold and what of it is not there yet."""

    row: DueRow
    lead: Lead
    link: Link | None
    draft: Mapping[str, JsonValue]
    difference: Mapping[str, JsonValue]
    read_first: bool

    @property
    def key(self) -> str:
        """Our name for the record in a call."""
        return str(self.row.id)


@dataclass(frozen=True, slots=True)
class Claimed:
    """Rows under one lease."""

    token: str
    sendings: Sequence[Sending]


@dataclass(frozen=True, slots=True)
class Moved:
    """Outcome of a read before a write: somebody changed the record; the decider merges first."""

    key: str
    record: Record


@dataclass(frozen=True, slots=True)
class Written:
    """Outcome of an update, or of a read that found nothing missing: what is agreed, what is ours."""

    key: str
    ref: RecordRef
    fields: Mapping[str, JsonValue]
    written: Mapping[str, JsonValue]
    is_read: bool


@dataclass(frozen=True, slots=True)
class Refused:
    """Outcome of a call that nobody may make before a person acts: it waits, and no change pays for it."""

    key: str
    reason: str


Ended = Outcome | Moved | Written | Refused
"""What becomes of a sending."""


@dataclass(frozen=True, slots=True)
class Ready:
    """A known record that may be written, with what it was just read as, if it was."""

    sending: Sending
    values: Mapping[str, JsonValue]
    record: Record | None = None
    ours: Mapping[str, JsonValue] = field(default_factory=dict)  # of what was in doubt: it had arrived

    def written(self, answer: Updated) -> Written:
        """Return the outcome of its update."""
        read = self.record.fields if self.record else {}
        return Written(
            answer.key,
            answer.ref,
            {**read, **answer.fields},
            {**self.ours, **self.values},
            is_read=self.record is not None,
        )


def deliver_batch(target: Target) -> int:
    """Send the due changes of one connection in the fewest calls and record each outcome.

    A crash after the call leaves the sent values on the row under a lease that runs out:
    the next claim reads by id (or looks the person up) before anything is sent again.
    Returns how many rows were claimed; 0 when nothing is due.
    """
    claimed = claim(target)
    if claimed:
        finish(target, claimed)
    return len(claimed.sendings) if claimed else 0


def finish(target: Target, claimed: Claimed) -> None:
    """Send what was claimed and record each outcome."""
    outcomes: list[Ended] = []
    try:
        for outcome in send(target, claimed.sendings):
            outcomes.append(outcome)
    except NotAuthorized as error:
        outcomes += [Refused(s.key, str(error)) for s in _unanswered(claimed, outcomes)]
        log.error("connection.not_authorized", target=target.name, error=str(error))
    except Exception as error:  # a connector's fault: what may have arrived is read before it is sent again
        reason = f"{type(error).__name__}: {error}"
        outcomes += [Postponed(s.key, reason, answer_lost=True) for s in _unanswered(claimed, outcomes)]
        log.exception("connection.failed", target=target.name)
    target.store.write(partial(settle, target=target, claimed=claimed, outcomes=outcomes))
    target.store.signals.announce("inbox")


def _unanswered(claimed: Claimed, outcomes: Sequence[Ended]) -> list[Sending]:
    answered = {outcome.key for outcome in outcomes}
    return [sending for sending in claimed.sendings if sending.key not in answered]


# Claim -----------------------------------------------------------------------------------


def claim(target: Target) -> Claimed | None:
    """Lease due rows with the values about to be sent; rows with nothing to send are settled at once.

    ``None`` when nothing is due. One thread of a process claims at a time.
    """
    while planned := _plan_due(target):
        now, token = target.clock.now(), uuid.uuid4().hex
        sendings = [item for item in planned if isinstance(item, Sending)]
        ours = target.store.write(partial(_lease, target=target, planned=planned, token=token, now=now))
        mine = [sending for sending in sendings if sending.row.id in ours]
        if sendings:
            return Claimed(token, mine) if mine else None
    return None


def _plan_due(target: Target) -> Sequence[Sending | Unsent]:
    """Read the next due rows and say what each needs sent; nothing when none may be claimed."""
    now, playbook = target.clock.now(), target.playbook()
    crm = playbook.crms[target.name]
    with target.store.snapshot() as snapshot:
        rows = outbox.due(snapshot, target.space, target.name, now, target.connector.batch_size, crm.needs)
        if not rows:
            return ()
        people = People.load(snapshot, target.space)
        if target.name not in people.rosters:
            return ()  # without the CRM's owners no owner could be written
        known = leads.load(snapshot, [row.lead_id for row in rows], ledgers=False)
    return [_plan(row, known.get(row.lead_id), crm, playbook, people, now) for row in rows]


def _lease(
    connection: Connection, target: Target, planned: Sequence[Sending | Unsent], token: str, now: datetime
) -> set[int]:
    outbox.lock(connection, [item.row.id for item in planned])
    outbox.settle_unsent(connection, [item for item in planned if isinstance(item, Unsent)], now)
    claims = [
        Claim(item.row, with_sent(item.row.in_flight, item.difference))
        for item in planned
        if isinstance(item, Sending)
    ]
    return outbox.lease(connection, claims, token, now, now + target.lease_term)


def _plan(
    row: DueRow, lead: Lead | None, crm: CrmMap, playbook: Playbook, people: People, now: datetime
) -> Sending | Unsent:
    """Say what a row needs sent, if anything."""
    if lead is None:
        return Unsent(row, "there is no such lead any more")
    link = lead.links.get(crm.connection)
    if link is not None and link.object != row.object:
        return Unsent(row)  # the person was found as another object; its own row carries on
    object_map = crm.objects.get(row.object)
    if object_map is None:
        return Unsent(row, f"the map of {crm.connection} leaves {row.object} out")
    values = draft(lead, object_map, crm.connection, people, creating=link is None)
    if link is None:
        return Sending(row, lead, None, values, values, read_first=row.in_flight is not None)
    missing = difference(values, link, object_map, playbook.lifecycle)
    in_doubt = row.in_flight is not None
    if not missing and not in_doubt:
        return Unsent(row)
    is_stale = _is_stale(missing, link, object_map, crm, now)
    return Sending(row, lead, link, values, missing, read_first=in_doubt or is_stale)


def _is_stale(
    missing: Mapping[str, JsonValue], link: Link, object_map: ObjectMap, crm: CrmMap, now: datetime
) -> bool:
    # The people in the CRM have a say in all but leadrelay's own fields: their edit may be a moment old.
    sensitive = any(
        rule.kind in FRESH_KINDS or rule.authority != "leadrelay"
        for rule in object_map.fields
        if rule.remote in missing
    )
    fresh = link.read_at is not None and now - link.read_at <= crm.read_before_write
    return sensitive and not fresh


# Send ------------------------------------------------------------------------------------


def send(target: Target, sendings: Sequence[Sending]) -> Iterable[Ended]:
    """Make the calls; no transaction is open. Yields one outcome for each sending."""
    crm = target.playbook().crms[target.name]
    fields = {name: remote_names(object_map) for name, object_map in crm.objects.items()}
    for object_name in sorted({s.row.object for s in sendings}):
        mine = [s for s in sendings if s.row.object == object_name]
        yield from _send_new(target, [s for s in mine if s.link is None], fields)
        yield from _send_known(target, [s for s in mine if s.link is not None], fields)


def remote_names(object_map: ObjectMap) -> tuple[str, ...]:
    """Return the vendor fields that a merge looks at."""
    return tuple(dict.fromkeys(rule.remote for rule in object_map.fields))


def _send_new(
    target: Target, sendings: Sequence[Sending], fields: Mapping[str, Sequence[str]]
) -> Iterable[Outcome]:
    if not sendings:
        return
    changes = [_change(s, s.difference) for s in sendings]
    answered: set[str] = set()
    if target.connector.asks_before_create:
        for outcome in target.connector.find(changes, fields):
            answered.add(outcome.key)
            yield outcome
    missing = [change for change in changes if change.key not in answered]
    if missing:
        yield from target.connector.create(missing, fields)


def _send_known(
    target: Target, sendings: Sequence[Sending], fields: Mapping[str, Sequence[str]]
) -> Iterable[Ended]:
    ready = {s.key: Ready(s, s.difference) for s in sendings if not s.read_first}
    doubtful = [s for s in sendings if s.read_first]
    if doubtful:
        for item in _read_first(target, doubtful, fields):
            if isinstance(item, Ready):
                ready[item.sending.key] = item
            else:
                yield item
    if ready:
        for outcome in target.connector.update([_change(r.sending, r.values) for r in ready.values()]):
            yield ready[outcome.key].written(outcome) if isinstance(outcome, Updated) else outcome


def _read_first(
    target: Target, sendings: Sequence[Sending], fields: Mapping[str, Sequence[str]]
) -> Iterable[Ended | Ready]:
    """Read records by id before writing them; yields those that may be written with what is still missing."""
    playbook = target.playbook()
    crm = playbook.crms[target.name]
    refs = {s.key: _ref(target.name, s) for s in sendings}
    try:
        read = {record.ref: record for record in target.connector.read(list(refs.values()), fields)}
    except (RetryLater, Refusal) as error:
        wait = error.wait if isinstance(error, RetryLater) else None
        yield from (Postponed(s.key, str(error), wait) for s in sendings)  # what was in doubt stays so
        return
    for sending in sendings:
        record, object_map = read.get(refs[sending.key]), crm.objects[sending.row.object]
        if record is None or record.archived:
            yield Gone(sending.key, "the record was deleted in the CRM, or merged into another")
        elif _has_moved(sending, record, object_map):
            yield Moved(sending.key, record)
        else:
            ours = arrived(sending.row.in_flight or {}, record.fields, object_map)
            link = _as_read(sending.link, record, ours)
            missing = difference(sending.draft, link, object_map, playbook.lifecycle)
            ready = Ready(sending, missing, record, ours)
            yield ready if missing else ready.written(Updated(sending.key, record.ref, {}))


def _as_read(link: Link | None, record: Record, ours: Mapping[str, JsonValue]) -> Link | None:
    """Return the link as the record was just read: what differs from that is what must be written."""
    if link is None:
        return None
    return replace(link, shadow={**link.shadow, **record.fields}, written={**link.written, **ours})


def _has_moved(sending: Sending, record: Record, object_map: ObjectMap) -> bool:
    """Say whether the record holds anything that neither side agreed on nor we may have written."""
    shadow = sending.link.shadow if sending.link else {}
    ours = arrived(sending.row.in_flight or {}, record.fields, object_map)
    return any(
        name not in ours and not same_on(object_map, name, record.fields.get(name), shadow.get(name))
        for name in remote_names(object_map)
    )


def _ref(connection: str, sending: Sending) -> RecordRef:
    remote_id = sending.link.remote_id if sending.link else ""
    return RecordRef(connection, sending.row.object, remote_id)


def _change(sending: Sending, values: Mapping[str, JsonValue]) -> RecordChange:
    email = sending.lead.fields.get("email")
    keys = [Identity("lead", sending.lead.id)]
    if email:
        keys.append(Identity("email", email))
    return RecordChange(
        key=sending.key,
        object=sending.row.object,
        fields=values,
        remote_id=sending.link.remote_id if sending.link else None,
        identities=tuple(keys),
    )


# Settle ----------------------------------------------------------------------------------


def settle(
    connection: Connection,
    target: Target,
    claimed: Claimed,
    outcomes: Sequence[Ended],
) -> None:
    """Record outcomes of the rows that are still ours; a lost lease means another claim reads first."""
    now = target.clock.now()
    token = claimed.token
    ours = outbox.held(connection, [s.row.id for s in claimed.sendings], token)
    by_key = {s.key: s for s in claimed.sendings if s.row.id in ours}
    created = [record_key(outcome.ref) for outcome in outcomes if isinstance(outcome, Created)]
    holders = leads.find(connection, target.space, created)
    settled: list[Settled] = []
    agreed: list[Agreed] = []
    events: list[Event] = []
    for outcome in outcomes:
        sending = by_key.get(outcome.key)
        if sending is None:
            continue
        row = sending.row
        match outcome:
            case Created(_, ref, fields):
                holder = holders.get(record_key(ref))
                if holder not in (None, sending.lead.id):
                    text = f"{ref.object} {ref.id} is already linked to lead {holder}"
                    settled.append(Settled(row.id, dead=row.wanted, error=text))
                    continue
                settled.append(Settled(row.id, done=row.wanted))
                agreed.append(Agreed(sending.lead.id, ref, fields, sending.difference))
                events.append(_event(target, EventKind.DELIVERED, sending, token, now, ref))
            case Written(_, ref, fields, written, is_read):
                settled.append(Settled(row.id, done=row.wanted))
                agreed.append(Agreed(sending.lead.id, ref, fields, written, is_read))
            case Exists(_, record) | Moved(_, record):
                settled.append(Settled(row.id, done=row.wanted))
                event = _event(target, EventKind.FOUND, sending, token, now, record.ref, record)
                events.append(event)
            case Gone(_, reason):
                settled.append(Settled(row.id, dead=row.wanted, error=reason))
            case Rejected(_, reason, names):
                about = f" (fields: {', '.join(names)})" if names else ""
                settled.append(Settled(row.id, dead=row.wanted, error=reason + about))
            case Postponed(_, reason, wait, answer_lost):
                settled.append(_postponed(row, reason, wait, answer_lost, now))
            case Refused(_, reason):
                doubtful, again = row.in_flight is not None, now + timedelta(seconds=REFUSED_WAIT)
                settled.append(
                    Settled(row.id, due_at=again, error=reason, doubtful=doubtful, attempts=row.attempts)
                )
        if target.observe:
            target.observe(type(outcome).__name__.lower(), (now - row.raised_at).total_seconds())
    if agreed:
        links.agree(connection, target.space, agreed, now)
    outbox.settle(connection, settled, now)
    if events:
        inbox.insert_new(connection, events)
    _log(target, outcomes)


def _postponed(row: DueRow, reason: str, wait: float | None, lost: bool, now: datetime) -> Settled:
    doubtful = lost or row.in_flight is not None
    if row.attempts + 1 >= MOST_ATTEMPTS and now - row.raised_at >= PATIENCE:
        text = f"given up after {row.attempts + 1} attempts: {reason}"
        return Settled(row.id, dead=row.wanted, error=text)
    if wait is None:
        wait = min(LONGEST_WAIT, FIRST_WAIT * 2 ** min(row.attempts, 10))
    return Settled(row.id, due_at=now + timedelta(seconds=wait), error=reason, doubtful=doubtful)


def _event(
    target: Target,
    kind: EventKind,
    sending: Sending,
    token: str,
    now: datetime,
    ref: RecordRef,
    record: Record | None = None,
) -> Event:
    payload: dict[str, JsonValue] = {"lead_id": sending.lead.id}
    if record is not None:
        payload["record"] = record_payload(record)
        payload["sent"] = with_sent(sending.row.in_flight, sending.difference)
    return Event(
        source=target.name,
        event_id=f"{kind}-{sending.row.id}-{token}",
        kind=kind,
        payload=payload,
        occurred_at=(record.modified_at or now) if record else now,
        received_at=now,
        space=target.space,
        record=ref,
    )


def _log(target: Target, outcomes: Sequence[Ended]) -> None:
    counts: dict[str, int] = {}
    for outcome in outcomes:
        name = type(outcome).__name__.lower()
        counts[name] = counts.get(name, 0) + 1
    log.info("outbox.delivered", target=target.name, **counts)
