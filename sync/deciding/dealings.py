"""What follows from decisions about deals: who hears of them, and which are read as people are known."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy.engine import Connection

from mappings.playbook import CrmMap, Playbook
from model.decision import EntityKind, TellLead
from model.event import Event, EventKind, EventState, RecordRef, StoredEvent
from model.priority import Priority
from sync import deals, links
from sync.deciding.batch import Batch
from sync.deciding.pipeline import AFTER_MERGE, Pipeline
from sync.deciding.touched import ref_of
from sync.drafts import copy_of
from sync.fetches import Wish
from sync.outbox import Raise
from sync.result import Result, keep_quiet


def heard(stored: StoredEvent, lead_id: str, batch: Batch, pipeline: Pipeline) -> Result:
    """Decide what the deals of a lead, as they are now, mean for the lead."""
    result = Result(stored, EventState.DONE, lead_id=lead_id)
    before = batch.lead(lead_id)
    draft = copy_of(before)
    result.before, result.lead = before, draft
    pipeline.run_after(result, draft, batch, ("deals", *AFTER_MERGE))
    if draft.fields == before.fields and not result.effects:
        result.before = result.lead = None
    if not stored.event.payload.get("is_news"):
        keep_quiet(result, "the deal was there before, which is no news")
    return result


def told(connection: Connection, batch: Batch, playbook: Playbook, space: str, now: datetime) -> list[Event]:
    """Return an event for each lead that must hear of a deal of theirs, or has taken over another's.

    Its id follows from the event that told of it, so that a batch that is decided again tells the same. For
    use behind ``joins.save``. One query, and only where leads were joined.
    """
    results = batch.results
    found = [
        _event(result.stored.event, result.stored.id, effect, batch, space, now)
        for result in results
        for effect in result.effects
        if isinstance(effect, TellLead)
    ]
    causes = {result.stored.id: result.stored.event for result in results}
    joins = [(join, batch.present_id(join.into)) for join in batch.joined] if playbook.keeps_deals else []
    some = deals.one_of(connection, {into for _, into in joins}) if joins else {}
    for join, into in joins:
        if into in some:  # one is enough: it hears of all of them
            heard = TellLead(into, some[into], is_news=False)
            found.append(_event(causes[join.event], join.event, heard, batch, space, now))
    return found + _told_apart(connection, batch, playbook, space, now)


def _told_apart(
    connection: Connection, batch: Batch, playbook: Playbook, space: str, now: datetime
) -> list[Event]:
    """Return an event for each of two leads that were taken apart, where one of them has a deal.

    Who is left without one hears that it is so.
    """
    parted = [one for one in batch.results if one.parted is not None] if playbook.keeps_deals else []
    found = []
    for result in parted:
        assert result.parted is not None
        both = (result.parted.restored.id, result.parted.was_into)
        some = deals.one_of(connection, both)
        for one in both if some else ():
            heard = TellLead(one, some.get(one, min(some.values())), is_news=False)
            found.append(_event(result.stored.event, result.stored.id, heard, batch, space, now))
    return found


def _event(cause: Event, row: int, heard: TellLead, batch: Batch, space: str, now: datetime) -> Event:
    return Event(
        source=cause.source,
        event_id=f"deal-{heard.deal_id}-{heard.lead_id}-{row}",
        kind=EventKind.DEAL,
        payload={
            "lead_id": batch.present_id(heard.lead_id),
            "deal_id": heard.deal_id,
            "is_news": heard.is_news,
        },
        occurred_at=min(cause.occurred_at, now),
        received_at=now,
        space=space,
    )


def raises(connection: Connection, batch: Batch, playbook: Playbook) -> list[Raise]:
    """Return the deals in which somebody is to take part from now on, by a new record or in another's place.

    A few queries, and only where records became somebody's by this batch, or a lead took in another, whose
    deals are its own now. For use behind ``joins.save``.
    """
    if not playbook.keeps_deals:
        return []
    known: dict[str, list[str]] = {}
    for whose, ref in (*batch.new_links(), *_records_of_survivors(batch)):
        crm = playbook.crms.get(ref.connection)
        if crm is not None and crm.deal is not None and _kind(ref.object, crm):
            known.setdefault(whose, []).append(ref.connection)
    with_them = deals.by_party(connection, known) if known else {}
    theirs = ((name, whose) for whose, names in known.items() for name in names)
    wanted = {(name, one) for name, whose in theirs for one in with_them.get(whose, ())}
    linked = links.DEALS.connections_of(connection, {one for _, one in wanted}) if wanted else set()
    return [
        Raise(name, deal.object, one, (), Priority.COMPANIES, EntityKind.PARTIES, is_answer=True)
        for name, one in sorted(wanted & linked)
        if (deal := playbook.crms[name].deal) is not None
    ]


def _records_of_survivors(batch: Batch) -> Iterator[tuple[str, RecordRef]]:
    """Yield the living records of those who took others in: each takes part in the others' deals now."""
    for into in sorted({batch.present_id(join.into) for join in batch.joined}):
        yield from ((into, ref_of(link)) for link in batch.lead(into).links.values() if link.gone_at is None)


def wishes(connection: Connection, space: str, batch: Batch, playbook: Playbook) -> list[Wish]:
    """Return the deals that are to be read because somebody they name is known from now on.

    A query for each kind of party, and only where records became somebody's by this batch.
    """
    if not playbook.keeps_deals:
        return []
    asked: dict[tuple[str, str, str], list[str]] = {}
    for _, ref in batch.new_links():
        crm = playbook.crms.get(ref.connection)
        kind = _kind(ref.object, crm) if crm is not None else ""
        if crm is not None and crm.deal is not None and kind:
            asked.setdefault((crm.connection, crm.deal.object, kind), []).append(ref.id)
    return [
        Wish(name, deal_object, remote_id)
        for (name, deal_object, kind), ids in sorted(asked.items())
        for remote_id in deals.naming(connection, space, name, deal_object, kind, ids)
    ]


def _kind(object_name: str, crm: CrmMap) -> str:
    """Return of which kind the keys are that name a record in the mirror of deals; blank: of none."""
    if object_name == crm.people_object:
        return "person"
    return "company" if crm.account is not None and object_name == crm.account.object else ""
