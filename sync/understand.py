"""One event, from its raw form to a result: read by its kind, then run through the pipeline."""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from dataclasses import dataclass, replace

import structlog

from mappings import inward
from mappings.converters import Unusable
from mappings.outward import inward_record
from mappings.playbook import Playbook
from mappings.reading import Reading
from model.cause import NO_CAUSE, NO_SOURCE, Cause
from model.change import Record
from model.decision import Because, EntityKind, ForgetTestEvent, ForgetTestLead, Reason, SendAgain, WriteBack
from model.event import SET_ASIDE, EventKind, EventState, JsonValue, RecordRef, StoredEvent
from model.hint import Hint, hint_from
from model.lead import Identity, Lead
from sync import carrying, choosing, companies, deleting, engaging, following, opportunities, teammates
from sync.batch import Batch, People
from sync.inbox import Taken
from sync.links import record_key
from sync.named import companies_of, people_of
from sync.pipeline import Pipeline, Result
from sync.records import person_keys, record_from

log = structlog.get_logger("leadrelay.decider")

NOBODY = People({}, frozenset(), {})


@dataclass(frozen=True, slots=True)
class Work:
    """An event understood, before what it touches is loaded."""

    stored: StoredEvent
    reading: Reading | None = None
    record: Record | None = None
    keys: tuple[Identity, ...] = ()
    lead_ids: tuple[str, ...] = ()
    account_ids: tuple[str, ...] = ()
    deal_ids: tuple[str, ...] = ()
    companies: tuple[RecordRef, ...] = ()  # of whom it must be known whose they are
    failure: str | None = None
    cause: Cause = NO_CAUSE  # of the failure
    settled: str | None = None  # why there is nothing to decide
    named: Taken | None = None  # the event that this one asks to forget
    hint: Hint | None = None


def understand(stored: StoredEvent, playbook: Playbook, known: Mapping[int, Taken] | None = None) -> Work:
    """Read an event by its kind; what cannot be read fails alone. ``known`` has the events others name."""
    event = stored.event
    try:
        match event.kind:
            case EventKind.INTAKE:
                if event.source not in playbook.sources:
                    why = f'the playbook has no source "{event.source}" any more'
                    return Work(stored, failure=why, cause=NO_SOURCE)
                reading = inward.read(stored, playbook)
                named = str(stored.overrides.get("lead") or "")
                return Work(stored, reading, keys=reading.identities, lead_ids=(named,) if named else ())
            case EventKind.FOUND if "account_id" in event.payload:
                record = record_from(event.payload["record"])
                return Work(stored, record=record, account_ids=(event.payload["account_id"],))
            case EventKind.FOUND if "deal_id" in event.payload:
                record = record_from(event.payload["record"])
                return _understand_deal(stored, record, playbook, (event.payload["deal_id"],))
            case EventKind.DELIVERED | EventKind.GONE if "account_id" in event.payload:
                return Work(stored, account_ids=(event.payload["account_id"],))
            case EventKind.FOUND:
                record = record_from(event.payload["record"])
                keys = (record_key(record.ref), *_person_keys(record, playbook))
                return Work(stored, record=record, keys=keys, lead_ids=(event.payload["lead_id"],))
            case EventKind.CHANGED:
                return _understand_changed(stored, record_from(event.payload["record"]), playbook)
            case EventKind.ENGAGEMENT:
                record = record_from(event.payload["record"])
                return Work(stored, record=record, lead_ids=(event.payload["lead_id"],))
            case EventKind.HINT:
                hint = hint_from(event.payload)
                refs = [RecordRef(event.source, hint.object, each) for each in (hint.id, *hint.others)]
                return Work(stored, keys=tuple(map(record_key, refs)), hint=hint)
            case EventKind.FORGET if "event" in event.payload:
                return Work(stored, named=(known or {}).get(event.payload["event"]))
            case EventKind.DELIVERED | EventKind.GONE | EventKind.FORGET:
                return Work(stored, lead_ids=(event.payload["lead_id"],))
            case EventKind.CHOICE if "account_id" in event.payload:
                return Work(stored, account_ids=(event.payload["account_id"],))
            case EventKind.CHOICE if "deal_id" in event.payload:
                return Work(stored, deal_ids=(event.payload["deal_id"],))
            case EventKind.DEAL:
                deal_ids = (event.payload["deal_id"],)
                return Work(stored, lead_ids=(event.payload["lead_id"],), deal_ids=deal_ids)
            case EventKind.CHOICE:
                keys = person_keys(_chosen(event.payload, playbook))
                return Work(stored, keys=keys, lead_ids=(event.payload["lead_id"],))
            case EventKind.ANSWER:
                whose = str(event.payload["lead_id"])
                return Work(stored, lead_ids=(whose,) if whose else ())
            case EventKind.REPLAY if "change" in event.payload:
                change = event.payload["change"]
                if change.get("kind") == EntityKind.ACCOUNT:
                    return Work(stored, account_ids=(change["lead_id"],))
                if change.get("kind") in (EntityKind.DEAL, EntityKind.PARTIES):
                    return Work(stored, deal_ids=(change["lead_id"],))
                return Work(stored, lead_ids=(change["lead_id"],))
            case EventKind.REPLAY if "effect" in event.payload:
                return Work(stored, lead_ids=(event.payload["effect"]["lead_id"],))
            case _:
                return Work(stored)
    except Exception as error:  # noqa: BLE001 - one bad event never holds back a batch; it is kept with this text
        return Work(stored, failure=_failure_text(stored), cause=Cause(type(error).__name__))


def _understand_changed(stored: StoredEvent, record: Record, playbook: Playbook) -> Work:
    """Say what a changed record may touch: whose it is, was or becomes, and who bears its keys."""
    ref = record.ref
    crm = playbook.crms.get(ref.connection)
    if crm is not None and crm.is_deal(ref.object):
        return _understand_deal(stored, record, playbook)
    if _is_company(record, playbook):
        return Work(stored, record=record, account_ids=companies.possible_accounts(stored, record, playbook))
    former = (RecordRef(ref.connection, ref.object, each) for each in record.merged_ids)
    refs = [ref, *former, *([record.became] if record.became else [])]
    keys = (*map(record_key, refs), *_person_keys(record, playbook))
    object_map = crm.objects.get(ref.object) if crm else None
    ours = record.fields.get(object_map.id_field) if object_map and object_map.id_field else None
    return Work(stored, record=record, keys=keys, lead_ids=(ours,) if isinstance(ours, str) else ())


def _understand_deal(
    stored: StoredEvent, record: Record, playbook: Playbook, named: tuple[str, ...] = ()
) -> Work:
    """Say what a deal's record may touch: which deal it is, and who takes part."""
    crm = playbook.crms[record.ref.connection]
    ours = record.fields.get(crm.deal.id_field) if crm.deal and crm.deal.id_field else None
    return Work(
        stored,
        record=record,
        keys=tuple(people_of(record, crm)),
        deal_ids=(*named, *((ours,) if isinstance(ours, str) and ours else ())),
        companies=tuple(companies_of(record, crm)),
    )


def decide(work: Work, batch: Batch, pipeline: Pipeline) -> Result:
    """Run one event; whatever a handler raises sets this event aside and no other."""
    stored = work.stored
    if work.failure:
        return Result(stored, EventState.DEAD, error=work.failure, cause=work.cause)
    if work.lead_ids:
        work = replace(work, lead_ids=tuple(map(batch.present_id, work.lead_ids)))
    try:
        match stored.event.kind:
            case EventKind.INTAKE if work.reading is not None:
                return pipeline.run(work.reading, batch, batch.hits)
            case EventKind.FOUND if work.record is not None and work.account_ids:
                holder = batch.company_holder(work.record.ref)
                return companies.found(
                    stored, work.record, work.account_ids[0], holder, batch, pipeline.playbook
                )
            case EventKind.FOUND if work.record is not None and work.deal_ids and not work.lead_ids:
                return opportunities.found(stored, work.record, work.deal_ids[0], batch, pipeline.playbook)
            case EventKind.CHANGED if work.record is not None and _is_company(work.record, pipeline.playbook):
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
                return pipeline.delivered(stored, work.lead_ids[0], batch)
            case EventKind.GONE if work.account_ids:
                return companies.gone(stored, work.account_ids[0], batch, pipeline.playbook)
            case EventKind.GONE:
                return pipeline.gone(stored, work.lead_ids[0], batch)
            case EventKind.CHOICE if work.account_ids:
                return companies.chosen(stored, work.account_ids[0], batch, pipeline.playbook)
            case EventKind.CHOICE if work.deal_ids:
                return opportunities.chosen(stored, work.deal_ids[0], batch, pipeline.playbook)
            case EventKind.DEAL if not batch.knows(work.lead_ids[0]):
                nobody = Reason("deals", Because("there is no such lead any more"))
                return Result(stored, EventState.DONE, reasons=[nobody])
            case EventKind.DEAL:
                return pipeline.heard(stored, work.lead_ids[0], batch)
            case EventKind.CHOICE if not batch.knows(work.lead_ids[0]):
                nobody = Reason("merge", Because("there is no such lead any more"))
                return Result(stored, EventState.DONE, reasons=[nobody])
            case EventKind.CHOICE:
                return pipeline.chosen(stored, work.lead_ids[0], batch)
            case EventKind.ANSWER if "deletion" in stored.event.payload:
                return deleting.answered(stored, batch, pipeline)
            case EventKind.ANSWER:
                return carrying.answered(stored, batch, pipeline.playbook.crms)
            case EventKind.ROSTER:
                connection = stored.event.source
                batch.take_in_roster(
                    connection, teammates.from_payload(stored.event.payload), stored.decided_at
                )
                return Result(stored, EventState.DONE)
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
    except Exception as error:  # noqa: BLE001 - as above
        cause = Cause(type(error).__name__)
        return Result(stored, EventState.DEAD, error=_failure_text(stored), cause=cause)


def is_deal(record: Record, playbook: Playbook) -> bool:
    """Say whether a record is a deal's."""
    crm = playbook.crms.get(record.ref.connection)
    return crm is not None and crm.is_deal(record.ref.object)


def deal_name(record: Record, playbook: Playbook) -> str:
    """Return the name of a deal's record; blank where it has none, or the map leaves names out."""
    crm = playbook.crms.get(record.ref.connection)
    rules = crm.deal.fields if crm is not None and crm.deal is not None else ()
    remote = next((rule.remote for rule in rules if rule.field == "name"), "")
    return str(record.fields.get(remote) or "")


def _is_company(record: Record, playbook: Playbook) -> bool:
    crm = playbook.crms.get(record.ref.connection)
    return crm is not None and crm.account is not None and record.ref.object == crm.account.object


def _person_keys(record: Record, playbook: Playbook) -> tuple[Identity, ...]:
    """Return the e-mail and phone of a record as keys: the lead may take them over."""
    return person_keys(_read_of(record, playbook, ("email", "phone", "country")))


def _chosen(payload: Mapping[str, JsonValue], playbook: Playbook) -> dict[str, JsonValue]:
    """Return the value that a person chose; nothing where it cannot be used, which the decision says."""
    try:
        return choosing.said(payload, playbook, NOBODY)
    except Unusable:
        return {}


def said_by(record: Record, playbook: Playbook) -> Mapping[str, JsonValue]:
    """Return what the record of a person says that tells of their company: the lead may take it over."""
    try:
        return _read_of(record, playbook, ("email", "website"))
    except Exception:  # noqa: BLE001 - the event fails alone, when it is decided
        return {}


def _read_of(record: Record, playbook: Playbook, names: tuple[str, ...]) -> dict[str, JsonValue]:
    """Return some canonical fields of a person's record."""
    crm = playbook.crms.get(record.ref.connection)
    object_map = crm.objects.get(record.ref.object) if crm else None
    if object_map is None:
        return {}
    telling = {rule.remote for rule in object_map.fields if rule.field in names}
    fields = {name: value for name, value in record.fields.items() if name in telling}
    return inward_record(fields, object_map, record.ref.connection, NOBODY)


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


def _failure_text(stored: StoredEvent) -> str:
    log.exception("decider.event_failed", inbox_event=stored.id)
    return traceback.format_exc(limit=-3)
