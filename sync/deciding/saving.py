"""Writes what a batch decided, in the one transaction that also marks its events."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from sqlalchemy.engine import Connection

from handlers.queueing import freed
from mappings.playbook import Playbook
from mappings.truth import HAS
from mappings.truths import behind
from model.decision import (
    EndWait,
    ForgetLead,
    ForgetRecord,
    ForgetTestEvent,
    ForgetTestLead,
    LookAgain,
    SendAgain,
    TakeBack,
)
from model.errors import Conflict
from model.event import SET_ASIDE, EventKind, JsonValue
from sync import (
    accounts,
    audit,
    deals,
    deletions,
    engagements,
    fetches,
    forget,
    giving_back,
    holds,
    inbox,
    joins,
    leads,
    ledgers,
    mirror,
    outbox,
    proposing,
    same_deals,
    seats,
    tables,
    teammates,
    timers,
    undoing,
)
from sync.alike import pairs
from sync.asking import asks, checks, notices
from sync.database import insert_for
from sync.deciding import dealings
from sync.deciding.batch import Batch
from sync.deciding.raising import one_shots, raises, reads
from sync.edges import effects
from sync.imports import is_imported
from sync.inbox import Mark
from sync.reasons import chapter, reason_row
from sync.result import Result
from sync.statements import execute_many


def save(
    connection: Connection,
    space: str,
    batch: Batch,
    playbook: Playbook,
    shut: Mapping[str, str],
    now: datetime,
) -> None:
    """Write a whole batch; raises ``Conflict`` where something is not as it was loaded.

    For use in a transaction whose first statement was ``leases.fence``.
    """
    results = batch.results
    wanted = [effect for result in results for effect in result.effects]
    erased = [one for one in wanted if isinstance(one, ForgetLead)]
    strangers = [one.record for one in wanted if isinstance(one, ForgetRecord)]
    if inbox.mark(connection, [_mark_of(result) for result in results]) != len(results):
        raise Conflict("an event is no longer waiting")
    inbox.mark_replayed(connection, {r.stored.replays: r.lead_id for r in results if r.stored.replays})
    accounts.save(connection, list(batch.accounts.changed.values()), now)
    currency = playbook.deals.currency if playbook.deals else ""
    deals.save(connection, list(batch.deals.changed.values()), currency, now)
    leads.save(connection, list(batch.leads.changed.values()), batch.leads.loaded, now)
    timers.save(connection, space, list(batch.leads.changed.values()), batch.leads.loaded)
    if playbook.routing.queues:
        timers.ease(connection, space, freed(batch.workload(), playbook.routing), now)
        if not batch.came_back.isdisjoint(playbook.routing.members):
            timers.wake(connection, space, now)
    leads.claim(connection, space, batch.claimed)
    # Outbox, then the mirror, then links, as all transactions lock them (docs/architecture.md).
    wanted_rows = raises(batch, playbook, shut)
    joined = [one for join in batch.joined for one in (join.absorbed.id, join.into)]
    moved, linked = batch.moved_links(), [*batch.new_links(), *batch.deals.new_links()]
    relinked = (owner_id for owner_id, _ in (*moved, *linked))
    if changed := [*joined, *(one.lead_id for one in erased), *relinked]:
        outbox.lock_of(connection, changed, wanted_rows)
    pairs.save(connection, space, results, now)  # before the joins, which let them be the survivor's
    if batch.joined:
        joins.save(connection, space, batch.joined, now)
    for parting in batch.parted:
        giving_back.restore(connection, space, parting)
    wanted_rows += dealings.raises(connection, batch, playbook)  # by who takes part now
    outbox.raise_wanted(connection, space, wanted_rows, now)
    if moved or linked:
        outbox.plan_anew(connection, space, moved, linked, now)
    if waking := {r.lead_id for r in results if r.lead_id and LookAgain() in r.effects}:
        effects.look_again(connection, space, waking, now)
    if ended := {r.lead_id for r in results if r.lead_id and EndWait() in r.effects}:
        effects.end_wait(connection, space, ended, now)
    if once := one_shots(results):
        effects.insert(connection, space, once, now, shut)
    asks.insert(connection, space, results, now)
    asks.insert_rows(connection, [*checks.rows(space, results, now), *notices.rows(space, results, now)])
    checks.drop_tokens(connection, results)
    if forgotten := [*strangers, *(ref for one in erased for ref in one.records)]:
        mirror.alone(connection, space, forgotten)
    for one in batch.link_changes():
        one.table.expect(connection, one.loaded)
        one.table.remove(connection, one.dropped)
        one.table.save(connection, space, one.changed)
    seats.save(connection, space, batch.seats_moved)
    teammates.save(connection, space, batch.mates_changed.values(), batch.rosters_read, now)
    for table, rows in ledgers.rows_of(results, space, playbook).items():
        execute_many(connection, ledgers.INSERT[table], rows)
    engagements.save(connection, space, results)
    ledgers.settle_reviews(connection, ledgers.settled_reviews_of(results))
    ledgers.answer_reviews(connection, results)
    reviews = ledgers.reviews_of(results, space)
    left = same_deals.left_alone(connection, space, [row["doubt"] for row in reviews]) if reviews else ()
    if reviews := [row for row in reviews if row["doubt"] not in left]:
        connection.execute(insert_for(connection, tables.reviews).on_conflict_do_nothing(), reviews)
    holds.save(connection, space, results, now)
    proposing.save(connection, space, results, now)
    deletions.save(connection, space, results, now)
    audit.record(connection, space, [line for result in results for line in _lines_of(result, playbook)])
    again = [one.effect for one in wanted if isinstance(one, SendAgain)]
    if again:
        effects.send_again(connection, again, now)
    wishes = [*reads(results), *dealings.wishes(connection, space, batch, playbook)]
    fetches.raise_wanted(connection, space, wishes, now)
    inbox.insert_new(connection, dealings.told(connection, batch, playbook, space, now))
    forget.remove_test_leads(connection, [one.lead_id for one in wanted if isinstance(one, ForgetTestLead)])
    forget.people(connection, space, erased, now)
    if strangers:
        forget.records(connection, space, strangers, now)
    forget.remove_test_events(connection, [one.event for one in wanted if isinstance(one, ForgetTestEvent)])
    for result in results:
        forget.take_back(connection, result.lead_id, [e for e in result.effects if isinstance(e, TakeBack)])


def _mark_of(result: Result) -> Mark:
    stored = result.stored
    set_aside = result.state in SET_ASIDE
    return Mark(
        stored.id,
        result.state,
        stored.decided_at,
        stored.decided_seq,
        lead_id=result.lead_id,
        reasons=[reason_row(reason) for reason in result.reasons] if set_aside else (),
        error=result.error,
        cause=result.cause,
    )


def _audit_of(result: Result, playbook: Playbook) -> audit.Entry:
    stored = result.stored
    details = _chapter_of(result, playbook)
    return audit.Entry(
        stored.decided_at, audit.DECIDER, str(result.state), details, result.lead_id, stored.id
    )


def _lines_of(result: Result, playbook: Playbook) -> list[audit.Entry]:
    """Return the line of a decision; one that took two leads apart is told of both."""
    line = _audit_of(result, playbook)
    return [line] if result.parted is None else [line, replace(line, lead_id=result.parted.restored.id)]


def _chapter_of(result: Result, playbook: Playbook) -> dict[str, JsonValue]:
    """Return what is kept of a decision: its reasons, and what its rules saw of the lead before and after."""
    stored, lead = result.stored, result.lead
    event = stored.event
    details = chapter(
        event.kind, event.source, playbook.version, result.reasons, stored.decided_seq, playbook.number
    )
    if HAS in result.facts and lead is not None:  # else no rule judged it
        details["facts"] = dict(result.facts)
        details["then"] = behind(lead, playbook)
    if is_imported(event.payload) and event.kind is EventKind.INTAKE:
        details |= undoing.memory(result)
    return details
