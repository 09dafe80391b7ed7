"""The other two steps of delivering one-shot effects: send with no transaction open, then record."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial

import structlog
from sqlalchemy.engine import Connection

from connectors import channels
from connectors.channels import Channel, Promise
from model.cause import GIVEN_UP, GONE, Cause
from model.change import (
    Created,
    Deleting,
    Exists,
    Merging,
    Outcome,
    Postponed,
    Record,
    Rejected,
    Task,
    Updated,
)
from model.errors import NotAuthorized
from model.event import Event, EventKind, RecordRef
from model.faults import mark_of, plain
from model.hint import Hint
from model.message import Message
from sync import inbox, leads
from sync.database import write_again
from sync.delivery.settling import FIRST_WAIT, LONGEST_WAIT, MOST_ATTEMPTS, PATIENCE, REFUSED_WAIT
from sync.edges import effects, wording
from sync.edges.consenting import Asked, ask
from sync.edges.deeds import carry_out
from sync.edges.effects import Settled
from sync.edges.errands import ClaimedErrands, Errand, Outlet, in_flight, told
from sync.edges.verdict import Hold, Verdict
from sync.links import record_key
from sync.outbox import letter
from sync.records import record_payload

log = structlog.get_logger("leadrelay.teller")

MOST_PARTS = 12  # sends for one digest that is refused: each half, until the culprit stands alone


Send = Callable[[Hold, Sequence[Errand]], Iterator[tuple[int, Verdict]]]


def finish(outlet: Outlet, claimed: ClaimedErrands) -> float:
    """Send what was claimed and record each outcome; return the seconds to leave a channel alone.

    A connection's budget keeps its calls back by itself.
    """
    hold = partial(_hold, outlet, claimed.token)
    asked = _ask(outlet, claimed.errands, hold)
    verdicts = dict(_stopped(claimed.errands, asked))
    free = [one for one in claimed.errands if asked.may_go(one)]
    if free:
        send = partial(_messages, outlet.channel) if outlet.channel else partial(_on_connection, outlet)
        verdicts |= dict(_sent(outlet, free, send, hold))
    record = partial(_settle, outlet=outlet, claimed=claimed, verdicts=verdicts)
    write_again(outlet.store, record, outlet.waits)
    if any(verdict.record or verdict.hint for verdict in verdicts.values()):
        outlet.store.signals.announce("inbox")
    waits = [one.wait or 0.0 for one in verdicts.values() if one.state == effects.WAITING]
    return max(waits, default=0.0) if outlet.channel else 0.0


def _hold(outlet: Outlet, token: str, errands: Sequence[Errand]) -> list[Errand]:
    """Extend the lease, and drop what another has claimed since: it looks for itself what became of it."""
    until = outlet.clock.now() + outlet.lease_term
    ids = [one.row.id for one in errands]
    ours = outlet.store.write(partial(effects.renew, ids=ids, token=token, until=until))
    if len(ours) < len(ids):
        log.warning("effects.lease_lost", target=outlet.name, effects=len(ids) - len(ours))
    return [one for one in errands if one.row.id in ours]


def _ask(outlet: Outlet, errands: Sequence[Errand], hold: Hold) -> Asked:
    """Ask the CRMs; whatever a connector or the store raises, nothing was sent yet, and all of it waits."""
    try:
        return ask(outlet, errands, partial(hold, errands))
    except Exception as error:
        log.exception("outlet.failed", target=outlet.name, fault=mark_of(error))
        why = f"whether the person opted out cannot be asked: {plain(error)}"
        return Asked(unread={one.row.id: why for one in errands})


def _stopped(errands: Sequence[Errand], asked: Asked) -> Iterator[tuple[int, Verdict]]:
    """Yield what must not go out: the person has opted out, or nobody knows."""
    for errand in errands:
        row = errand.row.id
        if row in asked.opted_out:
            record = asked.opted_out[row]
            why = f"the person opted out: {record.ref.connection} says so, read just before"
            state = effects.WITHHELD if not errand.in_doubt else effects.UNKNOWN
            yield row, Verdict(state, why, record=record)
        elif row in asked.unread:
            yield row, Verdict(effects.WAITING, asked.unread[row], in_doubt=errand.in_doubt)


def _sent(outlet: Outlet, errands: Sequence[Errand], send: Send, hold: Hold) -> Iterator[tuple[int, Verdict]]:
    """Pass on what became of each errand; whatever a connector raises leaves the rest in doubt."""
    missing = {one.row.id: one for one in errands}
    begun: set[int] = set()

    def begin(some: Sequence[Errand]) -> list[Errand]:
        mine = hold(some)
        begun.update(one.row.id for one in mine)
        return mine

    try:
        for row, verdict in send(begin, errands):
            if missing.pop(row, None) is not None:
                yield row, verdict
    except NotAuthorized as error:
        log.error("outlet.not_authorized", target=outlet.name, error=str(error))
        for row, one in missing.items():
            yield row, _closed(str(error), in_doubt=one.in_doubt)
    except Exception as error:  # a connector's fault: what may have arrived is looked for before it is sent
        log.exception("outlet.failed", target=outlet.name, fault=mark_of(error))
        reason = plain(error)
        for row, one in missing.items():
            if row in begun:
                yield row, _lost(outlet.channel, reason)
            else:
                yield row, Verdict(effects.WAITING, reason, in_doubt=one.in_doubt)


def _messages(channel: Channel, begin: Hold, errands: Sequence[Errand]) -> Iterator[tuple[int, Verdict]]:
    """Send messages as one; where that is refused, in halves, until the one that is wrong stands alone."""
    parts: list[Sequence[Errand]] = [errands]
    sent = 0
    while parts:
        part = parts.pop(0)
        if sent >= MOST_PARTS:
            yield from (
                (one.row.id, Verdict(effects.WAITING, "refused in a digest", wait=0.0)) for one in part
            )
            continue
        if sent:
            time.sleep(channel.pace)
        part = begin(part)
        if not part:
            continue
        sent += 1
        outcome = channel.send(wording.digest([one.what for one in part if isinstance(one.what, Message)]))
        if isinstance(outcome, channels.Rejected) and len(part) > 1:
            middle = len(part) // 2
            parts[:0] = [part[:middle], part[middle:]]
        else:
            verdict = _of_message(channel, outcome)
            yield from ((one.row.id, verdict) for one in part)


def _of_message(channel: Channel, outcome: channels.Outcome) -> Verdict:
    match outcome:
        case channels.Sent(remote_id):
            return Verdict(effects.SENT, remote_id=remote_id)
        case channels.Rejected(reason, code):
            return Verdict(effects.DEAD, reason, Cause(code))
        case channels.Closed(reason):
            return _closed(reason, in_doubt=False)
        case channels.Postponed(reason, wait):
            return Verdict(effects.WAITING, reason, wait=wait)
        case channels.Lost(reason):
            return _lost(channel, reason)


def _closed(reason: str, *, in_doubt: bool) -> Verdict:
    return Verdict(effects.WAITING, reason, wait=REFUSED_WAIT, in_doubt=in_doubt, free=True)


def _lost(channel: Channel | None, reason: str) -> Verdict:
    """An answer that did not come: asked for again where that can be, else as the channel promises."""
    if channel is not None and channel.promise is Promise.AT_MOST_ONCE:
        return Verdict(effects.UNKNOWN, reason)
    return Verdict(effects.WAITING, reason, in_doubt=True)


def _on_connection(outlet: Outlet, begin: Hold, errands: Sequence[Errand]) -> Iterator[tuple[int, Verdict]]:
    """Make the tasks in few calls, then do the deeds on records, one by one."""
    if outlet.connector is None:
        raise AssertionError(f"{outlet.name} has no connector")
    tasks = [one for one in errands if isinstance(one.what, Task)]
    if tasks:
        yield from _tasks(outlet, begin, tasks)
    deeds = [one for one in errands if isinstance(one.what, Merging | Deleting)]
    if deeds:
        yield from carry_out(outlet.connector, begin, deeds)


def _tasks(outlet: Outlet, begin: Hold, errands: Sequence[Errand]) -> Iterator[tuple[int, Verdict]]:
    """Look for tasks that may be there already, then make those that are not."""
    if outlet.connector is None:
        raise AssertionError(f"{outlet.name} has no connector")
    rows: Mapping[str, Errand] = {one.row.key: one for one in errands}
    left = dict(rows)
    doubtful = [one for one in errands if one.in_doubt]
    if doubtful:
        for outcome in outlet.connector.find_tasks(_tasks_of(doubtful)):
            if (one := left.pop(outcome.key, None)) is not None:
                yield one.row.id, _of_task(outcome, in_doubt=True)
    mine = begin(list(left.values())) if left else []
    if mine:
        for outcome in outlet.connector.open_tasks(_tasks_of(mine)):
            yield rows[outcome.key].row.id, _of_task(outcome, in_doubt=False)


def _tasks_of(errands: Sequence[Errand]) -> list[Task]:
    return [one.what for one in errands if isinstance(one.what, Task)]


def _of_task(outcome: Outcome, *, in_doubt: bool) -> Verdict:
    match outcome:
        case Created(_, ref, _) | Updated(_, ref, _):
            return Verdict(effects.SENT, remote_id=ref.id)
        case Exists(_, record):
            return Verdict(effects.SENT, remote_id=record.ref.id)
        case Postponed(_, reason, wait, answer_lost):
            return Verdict(effects.WAITING, reason, wait=wait, in_doubt=in_doubt or answer_lost)
        case Rejected(_, reason, names):
            about = f" (fields: {', '.join(names)})" if names else ""
            return Verdict(effects.DEAD, reason + about, outcome.cause)
        case _:
            return Verdict(effects.DEAD, outcome.reason, GONE)


def _settle(
    connection: Connection, outlet: Outlet, claimed: ClaimedErrands, verdicts: Mapping[int, Verdict]
) -> None:
    """Record outcomes of the rows that are still ours; a lost lease means another claim is in doubt."""
    now = outlet.clock.now()
    ours = effects.held(connection, [one.row.id for one in claimed.errands], claimed.token)
    settled: list[Settled] = []
    heard: list[tuple[Errand, Record]] = []
    hints: list[Event] = []
    for errand in claimed.errands:
        verdict = verdicts.get(errand.row.id)
        if verdict is None or errand.row.id not in ours:
            continue
        settled.append(_settled(errand, verdict, now))
        told(outlet, settled[-1].state, errand.row, now)
        if verdict.record is not None:
            heard.append((errand, verdict.record))
        if verdict.hint is not None:
            hints.append(_hint(outlet, errand, verdict.hint, now))
    effects.settle(connection, settled, now)
    inbox.insert_new(connection, hints)
    if heard:
        holders = leads.find(connection, outlet.space, [record_key(record.ref) for _, record in heard])
        events = [
            _found(
                outlet,
                errand,
                holders.get(record_key(record.ref), errand.lead.id),
                record,
                claimed.token,
                now,
            )
            for errand, record in heard
        ]
        inbox.insert_new(connection, events)
    counts: dict[str, int] = {}
    for one in settled:
        counts[one.state] = counts.get(one.state, 0) + 1
    log.info("effects.settled", target=outlet.name, **counts)


def _settled(errand: Errand, verdict: Verdict, now: datetime) -> Settled:
    row = errand.row
    kept = letter(row.attempts + 1, in_flight(errand.what))
    if verdict.state == effects.DEAD:
        return Settled(row.id, effects.DEAD, error=verdict.reason, cause=verdict.cause, letter=kept)
    if verdict.state != effects.WAITING:
        return Settled(row.id, verdict.state, error=verdict.reason, remote_id=verdict.remote_id)
    if now - row.raised_at >= PATIENCE and (verdict.free or row.attempts + 1 >= MOST_ATTEMPTS):
        state = effects.UNKNOWN if verdict.in_doubt else effects.DEAD
        text = f"given up after {PATIENCE.total_seconds() / 3600:.0f} hours: {verdict.reason}"
        return Settled(row.id, state, error=text, cause=GIVEN_UP, letter=kept, in_doubt=verdict.in_doubt)
    wait = verdict.wait
    if wait is None:
        wait = min(LONGEST_WAIT, FIRST_WAIT * 2 ** min(row.attempts, 10))
    return Settled(
        row.id,
        effects.WAITING,
        due_at=now + timedelta(seconds=wait),
        error=verdict.reason,
        in_doubt=verdict.in_doubt,
        attempts=row.attempts if verdict.free else None,
    )


def _found(outlet: Outlet, errand: Errand, lead_id: str, record: Record, token: str, now: datetime) -> Event:
    """Return the event by which the decider hears of the opt-out: that of the lead whose record it is."""
    return Event(
        source=record.ref.connection,
        event_id=f"consent-{errand.row.id}-{token}",
        kind=EventKind.FOUND,
        payload={"lead_id": lead_id, "record": record_payload(record)},
        occurred_at=record.modified_at or now,
        received_at=now,
        space=outlet.space,
        record=record.ref,
    )


def _hint(outlet: Outlet, errand: Errand, hint: Hint, now: datetime) -> Event:
    """Return the event by which what was done to records is read back, as if the CRM had told of it."""
    return Event(
        source=outlet.name,
        event_id=f"done-{errand.row.key}",
        kind=EventKind.HINT,
        payload=hint.as_payload(),
        occurred_at=now,
        received_at=now,
        space=outlet.space,
        record=RecordRef(outlet.name, hint.object, hint.id),
    )
