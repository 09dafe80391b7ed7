"""The third step of a delivery: record each outcome, where the lease is still ours."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

import structlog
from sqlalchemy.engine import Connection

from model.cause import GIVEN_UP, GONE, LINKED_ELSEWHERE, Cause
from model.change import (
    Created,
    Exists,
    Gone,
    Postponed,
    Record,
    Rejected,
)
from model.deal import COMPANIES, PEOPLE
from model.decision import EntityKind
from model.event import Event, EventKind, EventState, JsonValue, RecordRef
from model.lead import ASSOCIATED, Link
from sync import accounts, audit, deals, fetches, inbox, leads, links, mirror, outbox, releases
from sync.delivery.ended import Ended, Moved, Refused, Released, Written
from sync.delivery.target import Claimed, Sending, Target
from sync.doubt import Doubt, with_sent
from sync.links import Agreed, record_key
from sync.merging.versions import APART
from sync.outbox import DueRow, Settled
from sync.reasons import chapter, created
from sync.records import record_payload

log = structlog.get_logger("leadrelay.deliverer")

FIRST_WAIT = 2.0  # seconds before the second attempt, doubled each time
LONGEST_WAIT = 900.0
MOST_ATTEMPTS = 100  # some 24 hours at the longest wait
PATIENCE = timedelta(hours=24)  # nor earlier, however short the waits are that a busy server asks for
GONE_ATTEMPTS = 6  # some 15 minutes: a record that a read still finds and no write does
GONE_WAIT = 30.0  # seconds before the second of them, doubled each time
OF_TWO = (EntityKind.ASSOCIATION, EntityKind.PARTIES)  # rows about records that have rows of their own
UNLINKED = (EntityKind.LEAD, EntityKind.ACCOUNT)  # what is looked up anew where it is gone
REFUSED_WAIT = 60.0  # seconds until a connection that nobody may use is tried again


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
    kind = claimed.sendings[0].row.kind if claimed.sendings else EntityKind.LEAD
    owners = links.of_kind(kind)
    created = [outcome.ref for outcome in outcomes if isinstance(outcome, Created)]
    holders = _holders(connection, target.space, kind, created)
    awaited = _awaited(target, kind)
    gone = [by_key[one.key] for one in outcomes if isinstance(one, Gone) and one.key in by_key]
    unlinking = _to_unlink(connection, target, gone, now) if kind in UNLINKED else set()
    settled: list[Settled] = []
    agreed: list[Agreed] = []
    events: list[Event] = []
    noted: list[audit.Entry] = []
    asked: list[fetches.Wish] = []
    for outcome in outcomes:
        sending = by_key.get(outcome.key)
        if sending is None:
            continue
        row = sending.row
        match outcome:
            case Created(_, ref, fields, modified_at):
                holder = holders.get(ref)
                if holder not in (None, sending.entity.id):
                    text = f"{ref.object} {ref.id} is already linked to {kind} {holder}"
                    settled.append(_dead(sending, text, LINKED_ELSEWHERE))
                    continue
                settled.append(Settled(row.id, done=row.wanted))
                values = sending.difference
                agreed.append(Agreed(sending.entity.id, ref, fields, values, modified_at=modified_at))
                if awaited:  # the decider wants what waited for the link
                    events.append(_event(target, EventKind.DELIVERED, sending, token, now, ref))
                else:
                    noted.append(_note(target, sending, ref, now))
            case Written(_, ref, fields, written, is_read, modified_at):
                settled.append(Settled(row.id, done=row.wanted))
                whose, planned = sending.entity.id, sending.link
                agreed.append(Agreed(whose, ref, fields, written, is_read, modified_at, planned))
                if outcome.is_news:
                    asked.append(fetches.Wish(target.name, ref.object, ref.id))
            case Exists(_, record) | Moved(_, record):
                settled.append(Settled(row.id, done=row.wanted))
                sent = _ours_there(outcome, sending)
                events.append(_event(target, EventKind.FOUND, sending, token, now, record.ref, record, sent))
            case Gone(_, reason, record):
                if sending.key in unlinking:
                    settled.append(Settled(row.id, done=row.wanted))
                    events.append(_unlink(target, sending, now, record))
                elif sending.link is None:
                    settled.append(_dead(sending, reason, GONE))
                else:  # deleted, merged or converted: the record itself says what became of it
                    asked += _asked_about(target, sending, sending.link)
                    settled.append(_followed(sending, reason, now))
            case Rejected(_, reason, names, is_taken=True) if names and names == _own_id(target, sending):
                settled.append(Settled(row.id, due_at=now, error=reason))  # the rest is sent without it
                agreed.append(Agreed(sending.entity.id, sending.ref(target.name), {}, {}, False, taken=names))
            case Rejected(_, reason, names):
                about = f" (fields: {', '.join(names)})" if names else ""
                settled.append(_dead(sending, reason + about, outcome.cause))
            case Postponed(_, reason, wait, untried=True):
                settled.append(_put_off(row, reason, wait or FIRST_WAIT, now))
            case Postponed(_, reason, wait, answer_lost):
                settled.append(_postponed(sending, reason, wait, answer_lost, now))
            case Refused(_, reason):
                settled.append(_put_off(row, reason, REFUSED_WAIT, now))
            case Released():
                settled.append(Settled(row.id, due_at=now, doubtful=True, attempts=row.attempts))
        if target.observe:
            target.observe(type(outcome).__name__.lower(), (now - row.raised_at).total_seconds())
    if agreed:
        agreed, doubtful = owners.agree(connection, target.space, agreed, now, read_at=claimed.at)
        asked += [fetches.Wish(one.connection, one.object, one.id, wait=APART) for one in doubtful]
    outbox.settle(connection, settled, now)
    if kind not in OF_TWO:
        outbox.raise_again(connection, _overtaken(connection, kind, by_key.values(), agreed), now)
    fetches.raise_wanted(connection, target.space, asked, now)
    if events:
        inbox.insert_new(connection, events)
    audit.record(connection, target.space, noted)
    for number, ids in _written_by_releases(by_key, outcomes).items():
        releases.count_written(connection, target.space, target.name, number, ids, now)
    _log(target, outcomes)


def _own_id(target: Target, sending: Sending) -> tuple[str, ...]:
    """Return the field of a known record that bears our id, where it was sent.

    Salesforce keeps it on a Lead that was converted, HubSpot on a contact that went to another lead.
    """
    crm = target.playbook().crms[target.name]
    object_map = crm.map_of(sending.row.object)
    name = object_map.id_field if object_map and sending.link else None
    return (name,) if name and name in sending.difference else ()


def _holders(
    connection: Connection, space: str, kind: EntityKind, refs: Sequence[RecordRef]
) -> dict[RecordRef, str]:
    """Return which leads or accounts have these new records already."""
    if kind not in (EntityKind.ACCOUNT, EntityKind.DEAL):
        held = leads.find(connection, space, map(record_key, refs))
        return {ref: held[key] for ref in refs if (key := record_key(ref)) in held}
    found: dict[RecordRef, str] = {}
    for name in {(ref.connection, ref.object) for ref in refs}:
        ids = [ref.id for ref in refs if (ref.connection, ref.object) == name]
        holders = links.of_kind(kind).holders(connection, space, *name, ids)
        found |= {RecordRef(*name, one): holder for one, holder in holders.items()}
    return found


def _awaited(target: Target, kind: EntityKind) -> bool:
    """Say whether another connection waits for new records of this kind, or is told of them."""
    if kind in (EntityKind.DEAL, EntityKind.PARTIES):
        return False
    playbook = target.playbook()
    awaited = playbook.needed_accounts if kind is EntityKind.ACCOUNT else playbook.needed
    return target.name in awaited


def _written_by_releases(sendings: Mapping[str, Sending], outcomes: Sequence[Ended]) -> dict[int, list[int]]:
    """Return the rows that a release has let out and whose records were written, by its number.

    People and companies, that is: an association is no record of its own.
    """
    found: dict[int, list[int]] = {}
    for outcome in outcomes:
        if not (isinstance(outcome, Created) or (isinstance(outcome, Written) and outcome.written)):
            continue
        row = sendings[outcome.key].row if outcome.key in sendings else None
        if row is not None and row.release is not None and row.kind not in OF_TWO:
            found.setdefault(row.release, []).append(row.id)
    return found


def _to_unlink(connection: Connection, target: Target, gone: Sequence[Sending], now: datetime) -> set[str]:
    """Return which of these may be looked up again, and note in the mirror that their records are gone.

    That is where nothing of ours was ever written: we only believed, by a look-up or by the mirror,
    that this is the person or the company. Each link is given up once: what is gone a second time under the
    same id is no old news but a riddle for a person.
    """
    if not gone:
        return set()
    refs = [RecordRef(target.name, one.link.object, one.link.remote_id) for one in gone if one.link]
    mirror.archive(connection, target.space, refs)
    asked = {one.key: _unlink(target, one, now) for one in gone if one.link and not one.link.written}
    known = inbox.known(connection, target.space, target.name, [event.event_id for event in asked.values()])
    return {key for key, event in asked.items() if event.event_id not in known}


def _asked_about(target: Target, sending: Sending, link: Link) -> list[fetches.Wish]:
    """Return the records of which one is gone: the one that was to be written, and those it was to name."""
    crm, named = target.playbook().crms[target.name], sending.draft if sending.row.kind in OF_TWO else {}
    company = crm.account.object if crm.account else ""
    companies = [*(named.get(COMPANIES) or ()), *filter(None, [named.get(ASSOCIATED)])]
    others = [
        *((crm.people_object, one) for one in named.get(PEOPLE) or ()),
        *((company, one) for one in companies if company),
    ]
    known = [(sending.row.object, link.remote_id), *others]
    return [fetches.Wish(target.name, object_name, str(one)) for object_name, one in known]


def _unlink(target: Target, sending: Sending, now: datetime, last: Record | None = None) -> Event:
    """Return the event that a link's record is gone; one for each lead or account, and record.

    ``last`` is the record with what was typed there at last.
    """
    link = sending.link
    payload: dict[str, JsonValue] = {_whose(sending): sending.entity.id}
    if last is not None:
        payload |= {"record": record_payload(last), "sent": with_sent(sending.row.in_flight, {})}
    ref = RecordRef(target.name, link.object, link.remote_id) if link else None
    return Event(
        source=target.name,
        event_id=f"{EventKind.GONE}-{sending.entity.id}-{ref.id if ref else ''}",
        kind=EventKind.GONE,
        payload=payload,
        occurred_at=now,
        received_at=now,
        space=target.space,
        record=ref,
    )


def _dead(sending: Sending, error: str, cause: Cause, *, doubtful: bool = False) -> Settled:
    """Give a row up, and keep what a person wants to know of it."""
    row = sending.row
    kept = outbox.letter(row.attempts + 1, sending.difference)
    return Settled(row.id, dead=row.wanted, error=error, cause=cause, letter=kept, doubtful=doubtful)


def _postponed(sending: Sending, reason: str, wait: float | None, lost: bool, now: datetime) -> Settled:
    row = sending.row
    doubtful = lost or row.in_flight is not None
    if row.attempts + 1 >= MOST_ATTEMPTS and now - row.raised_at >= PATIENCE:
        text = f"given up after {row.attempts + 1} attempts: {reason}"
        return _dead(sending, text, GIVEN_UP, doubtful=doubtful)
    if wait is None:
        wait = min(LONGEST_WAIT, FIRST_WAIT * 2 ** min(row.attempts, 10))
    return Settled(row.id, due_at=now + timedelta(seconds=wait), error=reason, doubtful=doubtful)


def _followed(sending: Sending, reason: str, now: datetime) -> Settled:
    """Let a row wait while its record is read: gone, the row ends; moved, it is written where it is now.

    What failed for other reasons before does not count: nobody has read the record because of that.
    """
    row = sending.row
    attempts = row.attempts + 1 if row.cause == str(GONE) else 1
    doubtful = row.in_flight is not None
    if attempts >= GONE_ATTEMPTS:
        return _dead(sending, reason, GONE, doubtful=doubtful)
    again = now + timedelta(seconds=GONE_WAIT * 2 ** (attempts - 1))
    return Settled(row.id, due_at=again, error=reason, cause=GONE, doubtful=doubtful, attempts=attempts)


def _put_off(row: DueRow, reason: str, wait: float, now: datetime) -> Settled:
    """Let a row wait for what is not its fault: the attempt does not count."""
    again = now + timedelta(seconds=wait)
    return Settled(
        row.id, due_at=again, error=reason, doubtful=row.in_flight is not None, attempts=row.attempts
    )


def _overtaken(
    connection: Connection, kind: EntityKind, sendings: Iterable[Sending], agreed: Sequence[Agreed]
) -> list[int]:
    """Return the rows whose lead or account has changed since it was read for the call.

    The decider compared it with a shadow from before the call: it may have found nothing to
    write, as the value was back to what it was. It is asked for only now, after ``agree`` has
    locked the links: who saves later finds them changed and decides anew.
    """
    written = {deal.owner_id for deal in agreed}
    sent = {one.entity.id: one for one in sendings if one.entity.id in written}
    versions = {EntityKind.ACCOUNT: accounts.versions, EntityKind.DEAL: deals.versions}.get(
        kind, leads.versions
    )
    present = versions(connection, list(sent))
    return [one.row.id for entity_id, one in sent.items() if present.get(entity_id, 0) > one.entity.version]


def _note(target: Target, sending: Sending, ref: RecordRef, now: datetime) -> audit.Entry:
    playbook = target.playbook()
    details = chapter(
        EventKind.DELIVERED, target.name, playbook.version, [created(ref)], version=playbook.number
    )
    whose = sending.entity.id
    if sending.row.kind in (EntityKind.ACCOUNT, EntityKind.DEAL):
        named = {**details, _whose(sending): whose}
        return audit.Entry(now, "deliverer", str(EventState.DONE), named)
    return audit.Entry(now, "deliverer", str(EventState.DONE), details, whose)


def _whose(sending: Sending) -> str:
    """Return under which name an event says whose the record is."""
    return {EntityKind.ACCOUNT: "account_id", EntityKind.DEAL: "deal_id"}.get(sending.row.kind, "lead_id")


def _ours_there(met: Exists | Moved, sending: Sending) -> Doubt:
    """Return what of ours a record that was met may hold; a moved one was read before it was written to."""
    return with_sent(sending.row.in_flight, {} if isinstance(met, Moved) else sending.difference)


def _event(
    target: Target,
    kind: EventKind,
    sending: Sending,
    token: str,
    now: datetime,
    ref: RecordRef,
    record: Record | None = None,
    sent: Doubt | None = None,
) -> Event:
    payload: dict[str, JsonValue] = {_whose(sending): sending.entity.id}
    if record is not None:
        payload["record"] = record_payload(record)
        payload["sent"] = with_sent(sent, {})
        payload["rev"] = sending.link.rev if sending.link else 0
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
