"""What a batch wants of the connections: outbox rows raised, records read, tasks and messages. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from mappings.playbook import Playbook
from model.decision import DealMoved, EntityKind, Fetch, OneShot, WriteBack
from model.event import Event, EventKind
from model.priority import Priority
from sync.deciding.batch import Batch
from sync.deciding.finding import is_of_match_pass
from sync.edges import effects
from sync.fetches import Wish
from sync.imports import is_imported
from sync.outbox import Raise
from sync.result import Result

FEW = 20  # people seen in a CRM for the first time in one batch: more are an import, behind new leads
ANSWERS = (EventKind.DELIVERED, EventKind.FOUND, EventKind.GONE, EventKind.CHANGED, EventKind.DEAL)


def reads(results: Sequence[Result]) -> list[Wish]:
    """Return the records that these decisions want read."""
    return [
        Wish(effect.connection, effect.object, effect.remote_id, effect.history, effect.wait, effect.is_mend)
        for result in results
        for effect in result.effects
        if isinstance(effect, Fetch)
    ]


def one_shots(results: Sequence[Result]) -> list[effects.Raised]:
    """Return the tasks, messages and deeds that these decisions ask for, each to be done once."""
    return [
        effects.Raised(effect, result.lead_id or "", result.stored.id)
        for result in results
        for effect in result.effects
        if isinstance(effect, OneShot) and (result.lead_id or effect.kind in effects.DEEDS)
    ]


def raises(batch: Batch, playbook: Playbook, shut: Mapping[str, str]) -> list[Raise]:
    """Return what is wanted of the CRMs after this batch.

    Somebody who was born in a CRM goes to the others as a new lead does. Where many turn out to be in one at
    once, by the match pass, an import or a mending, they go behind everything else; as long as that CRM is
    only observed (``shut``), they wait for a plan and a go-live of the others.
    """
    found = []
    crowded = _crowded(batch.results)
    for result in batch.results:
        event = result.stored.event
        is_first = is_of_match_pass(event) or _is_first_seen(result)
        is_bulk = is_first and (event.source in crowded or _is_of_bulk(event))
        for effect in result.effects:
            if not isinstance(effect, WriteBack):
                continue
            is_person = effect.kind is EntityKind.LEAD
            whose = effect.lead_id or _whose(result, effect.kind)
            if whose:
                needs = playbook.crms[effect.connection].needs if is_person else ()
                priority = _priority(result, effect, batch) if is_person else Priority.COMPANIES
                is_parked = False
                if ("mend" in event.payload and event.kind is EventKind.REPLAY) or is_imported(event.payload):
                    priority = Priority.RECONCILE
                if is_first and effect.connection != event.source:
                    is_parked = event.source in shut and effect.connection not in shut
                    priority = Priority.RECONCILE if is_bulk or is_parked else priority
                found.append(
                    Raise(
                        effect.connection,
                        effect.object,
                        whose,
                        needs,
                        priority,
                        effect.kind,
                        is_parked,
                        is_answer=event.kind in ANSWERS,
                    )
                )
    return found


def _whose(result: Result, kind: EntityKind) -> str | None:
    """Return the id of the lead, account or deal that a row of this kind is about."""
    match kind:
        case EntityKind.ACCOUNT:
            return result.account_id
        case EntityKind.DEAL | EntityKind.PARTIES:
            return result.deal_id
        case _:
            return result.lead_id


def _is_first_seen(result: Result) -> bool:
    """Say whether a change made the lead's first link to the CRM that tells of it, or told of a new deal."""
    event, lead, before = result.stored.event, result.lead, result.before
    if event.kind is EventKind.DEAL:
        return not event.payload.get("is_news")
    if result.deal_id:
        return any(isinstance(one, DealMoved) and one.previous is None for one in result.effects)
    if event.kind is not EventKind.CHANGED or lead is None or event.source not in lead.links:
        return False
    return before is None or event.source not in before.links


def _crowded(results: Sequence[Result]) -> set[str]:
    """Return the connections of which too many are seen for the first time at once to be a person's doing."""
    changes = [one for one in results if one.stored.event.kind is EventKind.CHANGED]
    first = Counter(one.stored.event.source for one in changes if _is_first_seen(one))
    return {name for name, seen in first.items() if seen > FEW}


def _is_of_bulk(event: Event) -> bool:
    """Say whether nobody waits for what an event brings: the match pass, a deal's news, a mending."""
    return event.kind in (EventKind.FOUND, EventKind.DEAL) or bool(event.payload.get("is_mend"))


def _priority(result: Result, effect: WriteBack, batch: Batch) -> Priority:
    """Speed-to-lead is for those whom the CRM does not have yet."""
    lead = result.lead or batch.lead(result.lead_id or "")
    return Priority.PEOPLE if effect.connection in lead.links else Priority.SPEED_TO_LEAD
