"""What follows from a deal as it is now: outcome and closing, the ledger, and who must hear of it; pure."""

from __future__ import annotations

from datetime import UTC, datetime

from handlers import sales
from mappings.outward import Teammates
from mappings.playbook import Playbook
from model.deal import DERIVED, PARTIES, Deal, Outcome
from model.decision import Because, DealMoved, EntityKind, TellLead, WriteBack
from model.event import StoredEvent
from model.lead import RULE, Provenance
from model.times import from_text
from sync.reasons import Reason
from sync.result import Result


def conclude(
    result: Result,
    draft: Deal,
    before: Deal | None,
    moved_at: datetime,
    playbook: Playbook,
    lookups: Teammates,
) -> None:
    """Let what follows follow: from the stage, to the CRMs, and to the people of the deal it concerns."""
    _derive(draft, before, moved_at, result.stored, playbook)
    result.deals.append(draft)
    usual = playbook.deals.currency if playbook.deals else ""
    if before is None or before.outcome != draft.outcome:
        result.effects.append(
            DealMoved(
                draft.outcome,
                before.outcome if before else None,
                draft.get("amount"),
                str(draft.get("currency") or usual),
                draft.reason,
                draft.lead_ids,
                draft.account_id,
                draft.closed_at or moved_at,
            )
        )
        text = "is open" if draft.outcome == Outcome.OPEN else f"was {draft.outcome}"
        result.reasons.append(Reason("deals", Because(f"the deal {text}")))
    _write(result, draft, before, playbook, lookups)
    for lead_id in _concerned(draft, before):
        result.effects.append(TellLead(lead_id, draft.id, is_news=before is not None))


def _write(result: Result, draft: Deal, before: Deal | None, playbook: Playbook, lookups: Teammates) -> None:
    """Ask for what each CRM lacks of the deal, and of who takes part in it."""
    for crm in playbook.crms.values():
        if crm.deal is None:
            continue
        effect, because = sales.of_deal(draft, crm, playbook.lifecycle, lookups)
        result.reasons.append(Reason("writeback", because))
        if effect is not None:
            result.effects.append(effect)
        link = draft.links.get(crm.connection)
        is_there = effect is not None if link is None else link.gone_at is None
        if is_there and _parties_may_lack(draft, before, crm.connection):
            result.effects.append(WriteBack(crm.connection, crm.deal.object, (), EntityKind.PARTIES))


def _parties_may_lack(draft: Deal, before: Deal | None, connection: str) -> bool:
    """Say whether who takes part is to be compared: the deal is new there, or somebody came or left."""
    link, was = draft.links.get(connection), before.links.get(connection) if before else None
    if before is None or link is None or was is None or before.parties != draft.parties:
        return True
    return any(link.shadow.get(name) != was.shadow.get(name) for name in PARTIES)


def _derive(
    draft: Deal, before: Deal | None, moved_at: datetime, stored: StoredEvent, playbook: Playbook
) -> None:
    """Set what follows from the stage: outcome, pipeline, and when it was won or lost."""
    stages = playbook.deals.stages if playbook.deals else {}
    stage = stages.get(draft.get("stage") or "")
    follows = {
        "outcome": stage.outcome if stage else Outcome.OPEN.value,
        "pipeline": (stage.pipeline or None) if stage else None,
    }
    for name in sorted(DERIVED):
        if draft.get(name) != follows[name]:
            draft.fields[name] = follows[name]
            draft.provenance[name] = Provenance(RULE, moved_at, stored.id)
    if draft.outcome == Outcome.OPEN:
        draft.closed_at = None
    elif before is None or before.outcome != draft.outcome:
        draft.closed_at = _closed_at(draft, before, moved_at)


def _closed_at(draft: Deal, before: Deal | None, moved_at: datetime) -> datetime:
    """Return when a deal was won or lost: of one that was there before we heard of it, its close date."""
    day = draft.get("close_date")
    if before is not None or not day:
        return moved_at
    noon = from_text(f"{day}T12:00:00Z").astimezone(UTC)
    return min(noon, moved_at)


def _concerned(draft: Deal, before: Deal | None) -> list[str]:
    """Return who must hear of the change: all where the deal stands otherwise, else who came or went."""
    ours, theirs = draft.lead_ids, before.lead_ids if before else ()
    if before is None or _standing(draft) != _standing(before):
        return sorted({*ours, *theirs})
    return sorted(set(ours) ^ set(theirs))


def _standing(deal: Deal) -> tuple[object, ...]:
    return deal.outcome, deal.get("stage"), deal.reason, deal.is_gone
