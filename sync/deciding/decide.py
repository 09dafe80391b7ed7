"""One event, decided: by its kind it goes to whoever knows what it means."""

from __future__ import annotations

from dataclasses import replace

from mappings import inward
from mappings.playbook import Playbook
from model.cause import Cause
from model.decision import Because, EntityKind, ForgetTestEvent, ForgetTestLead, Reason, SendAgain, WriteBack
from model.event import SET_ASIDE, EventKind, EventState, StoredEvent
from model.lead import MATCHER, Lead
from sync import teammates
from sync.deciding import (
    account_answers,
    by_evidence,
    carrying,
    companies,
    consenting,
    deal_answers,
    dealings,
    deleting,
    engaging,
    enriching,
    finding,
    following,
    opportunities,
    parting,
    same_people,
    stage_moves,
    timing,
    undoing,
    verdicts,
)
from sync.deciding.batch import Batch
from sync.deciding.chosen import chosen
from sync.deciding.pipeline import Pipeline
from sync.deciding.understand import Work, failure_text, is_company, is_deal
from sync.imports import is_imported
from sync.inbox import Taken
from sync.result import Result, keep_quiet


def decide(work: Work, batch: Batch, pipeline: Pipeline) -> Result:
    """Run one event; whatever a handler raises sets this event aside and no other."""
    try:
        result = _decided(work, batch, pipeline)
        consenting.conclude(result, work.reading, pipeline.playbook)
    except Exception as error:  # noqa: BLE001 - one bad event never holds back a batch
        stored, cause = work.stored, Cause(type(error).__name__)
        return Result(stored, EventState.DEAD, error=failure_text(stored), cause=cause)
    return result


def _decided(work: Work, batch: Batch, pipeline: Pipeline) -> Result:
    """Send an event to whoever knows what its kind means."""
    stored = work.stored
    if work.failure:
        return Result(stored, EventState.DEAD, error=work.failure, cause=work.cause)
    if work.lead_ids:
        work = replace(work, lead_ids=tuple(map(batch.present_id, work.lead_ids)))
    try:
        match stored.event.kind:
            case EventKind.INTAKE if work.reading is not None:
                result = pipeline.run(work.reading, batch, batch.hits)
                if is_imported(stored.event.payload):
                    keep_quiet(result, "imported from a file")
                return result
            case EventKind.FOUND if work.record is not None and work.account_ids:
                holder = batch.company_holder(work.record.ref)
                return companies.found(
                    stored, work.record, work.account_ids[0], holder, batch, pipeline.playbook
                )
            case EventKind.FOUND if work.record is not None and work.deal_ids and not work.lead_ids:
                return opportunities.found(stored, work.record, work.deal_ids[0], batch, pipeline.playbook)
            case EventKind.CHANGED if work.record is not None and is_company(work.record, pipeline.playbook):
                return companies.changed(stored, work.record, work.account_ids, batch, pipeline.playbook)
            case EventKind.CHANGED if work.record is not None and is_deal(work.record, pipeline.playbook):
                return opportunities.changed(stored, work.record, batch, pipeline.playbook)
            case EventKind.CHANGED if work.record is not None:
                return following.changed(stored, work.record, batch, pipeline)
            case EventKind.ENGAGEMENT if work.record is not None:
                return engaging.engaged(stored, work.record, work.lead_ids[0], batch, pipeline)
            case EventKind.HINT if work.hint is not None:
                return following.hinted(stored, work.hint, batch, pipeline)
            case EventKind.DELIVERED if work.account_ids:
                return companies.delivered(stored, work.account_ids[0], batch, pipeline.playbook)
            case EventKind.FOUND if work.record is not None:
                return following.found(stored, work.record, work.lead_ids[0], batch, pipeline)
            case EventKind.DELIVERED:
                return finding.delivered(stored, work.lead_ids[0], batch, pipeline)
            case EventKind.GONE if work.account_ids:
                return companies.gone(stored, work.record, work.account_ids[0], batch, pipeline.playbook)
            case EventKind.GONE:
                return finding.gone(stored, work.record, work.lead_ids[0], batch, pipeline)
            case EventKind.CHOICE if work.account_ids:
                return companies.chosen(stored, work.account_ids[0], batch, pipeline.playbook)
            case EventKind.CHOICE if work.deal_ids:
                return opportunities.chosen(stored, work.deal_ids[0], batch, pipeline.playbook)
            case EventKind.DEAL if not batch.knows(work.lead_ids[0]):
                nobody = Reason("deals", Because("there is no such lead any more"))
                return Result(stored, EventState.DONE, reasons=[nobody])
            case EventKind.DEAL:
                return dealings.heard(stored, work.lead_ids[0], batch, pipeline)
            case EventKind.ENRICHED:
                return enriching.answered(stored, work.lead_ids[0], batch, pipeline)
            case EventKind.TIMER:
                return timing.due(stored, work.lead_ids[0], batch, pipeline)
            case EventKind.CHOICE if not batch.knows(work.lead_ids[0]):
                nobody = Reason("merge", Because("there is no such lead any more"))
                return Result(stored, EventState.DONE, reasons=[nobody])
            case EventKind.CHOICE:
                return chosen(stored, work.lead_ids[0], batch, pipeline)
            case EventKind.ANSWER if stored.event.source == MATCHER:
                return by_evidence.found_sure(stored, work.lead_ids, batch, pipeline)
            case EventKind.ANSWER if "pair" in stored.event.payload:
                return same_people.answered(stored, work.lead_ids, batch, pipeline)
            case EventKind.ANSWER if "unjoin" in stored.event.payload:
                return parting.undone(stored, work.lead_ids[0], batch, pipeline)
            case EventKind.ANSWER if "question" in stored.event.payload:
                return deal_answers.answered(stored, work.record, batch, pipeline.playbook)
            case EventKind.ANSWER if "deletion" in stored.event.payload:
                return deleting.answered(stored, batch, pipeline)
            case EventKind.ANSWER if "account" in stored.event.payload:
                return account_answers.answered(stored, work.lead_ids[0], batch, pipeline)
            case EventKind.ANSWER if "verdict" in stored.event.payload:
                return verdicts.answered(stored, work.lead_ids[0], batch, pipeline)
            case EventKind.ANSWER if "move" in stored.event.payload:
                return stage_moves.moved(stored, work.lead_ids[0], batch, pipeline)
            case EventKind.ANSWER:
                return carrying.answered(stored, batch, pipeline.playbook.crms)
            case EventKind.CONSENT if not batch.knows(work.lead_ids[0]):
                nobody = Reason("consent", Because("there is no such lead any more"))
                return Result(stored, EventState.DONE, reasons=[nobody])
            case EventKind.CONSENT:
                return consenting.said(stored, work.lead_ids[0], batch, pipeline)
            case EventKind.ROSTER:
                connection = stored.event.source
                batch.take_in_roster(
                    connection, teammates.from_payload(stored.event.payload), stored.decided_at
                )
                return Result(stored, EventState.DONE)
            case EventKind.UNDO:
                return undoing.undone(stored, work.lead_ids, batch, pipeline)
            case EventKind.FORGET if not work.lead_ids:
                return _forgotten_event(stored, work.named, batch)
            case EventKind.FORGET:
                return _forgotten(
                    stored, batch.lead(work.lead_ids[0]) if batch.knows(work.lead_ids[0]) else None
                )
            case EventKind.REPLAY if "effect" in stored.event.payload:
                return _replayed_effect(work, batch)
            case _:
                return _replayed_change(work, batch, pipeline.playbook)
    except Exception as error:  # noqa: BLE001 - one bad event never holds back a batch
        cause = Cause(type(error).__name__)
        return Result(stored, EventState.DEAD, error=failure_text(stored), cause=cause)


_NAMES = {EntityKind.ACCOUNT: "account", EntityKind.DEAL: "deal", EntityKind.PARTIES: "deal"}


def _replayed_change(work: Work, batch: Batch, playbook: Playbook) -> Result:
    """Raise a change that was given up, because a person asked for it."""
    stored, settled = work.stored, work.settled
    result = Result(stored, EventState.DONE)
    change = stored.event.payload.get("change")
    kind = EntityKind(change.get("kind", EntityKind.LEAD)) if change else EntityKind.LEAD
    whose = _NAMES.get(kind, "lead")
    knows = {"account": batch.account, "deal": batch.deal, "lead": batch.knows}[whose]
    if change and not knows(change["lead_id"]):
        settled = f"there is no {whose} {change['lead_id']} any more"
    elif change and change["connection"] in playbook.crms:
        match whose:
            case "account":
                result.account_id = change["lead_id"]
            case "deal":
                result.deal_id = change["lead_id"]
            case _:
                result.lead_id = batch.present_id(change["lead_id"])
        result.effects.append(WriteBack(change["connection"], change["object"], (), kind))
        asked = stored.event.payload["by"]
        settled = f"{change['connection']} {change['object']}: tried again, asked for by {asked}"
    result.reasons.append(Reason("replay", Because(settled or "there is nothing to replay")))
    return result


def _replayed_effect(work: Work, batch: Batch) -> Result:
    """Let a task or message that was given up go out once more, because a person asked for it."""
    stored = work.stored
    effect, asked = stored.event.payload["effect"], stored.event.payload["by"]
    result = Result(stored, EventState.DONE)
    if batch.knows(effect["lead_id"]):
        result.lead_id = batch.present_id(effect["lead_id"])
        result.effects.append(SendAgain(effect["id"]))
        text = f"{effect['kind']} for {effect['target']}: tried again, asked for by {asked}"
    else:
        text = f"there is no lead {effect['lead_id']} any more"
    result.reasons.append(Reason("replay", Because(text)))
    return result


def _forgotten(stored: StoredEvent, lead: Lead | None) -> Result:
    """Let a test lead go; any other stays."""
    result = Result(stored, EventState.DONE)
    if lead is None:
        result.reasons.append(Reason("forget", Because("there is no such lead any more")))
    elif lead.is_test:
        result.effects.append(ForgetTestLead(lead.id))
        result.reasons.append(Reason("forget", Because("the test lead and its traces were removed")))
    else:
        result.reasons.append(Reason("forget", Because("not a test lead: nothing was removed")))
    return result


def _forgotten_event(stored: StoredEvent, named: Taken | None, batch: Batch) -> Result:
    """Let a test post go that was set aside; one that became a lead goes with its lead, any other stays."""
    result = Result(stored, EventState.DONE)
    earlier = {one.stored.id: one.state for one in batch.results}
    earlier |= {one.stored.replays: EventState.REPLAYED for one in batch.results if one.stored.replays}
    state = named and earlier.get(named.id, named.state)
    if named is None:
        text = "there is no such event any more"
    elif named.event.kind is not EventKind.INTAKE or not inward.is_test(named.event.payload):
        text = "not a test post: nothing was removed"
    elif state not in SET_ASIDE:
        text = f"the test post is not set aside, it ended as {state}: nothing was removed"
    else:
        result.effects.append(ForgetTestEvent(named.id))
        text = "the test post was removed"
    result.reasons.append(Reason("forget", Because(text)))
    return result
