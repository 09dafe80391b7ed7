"""One event, read by its kind: what it says, and which leads, accounts and deals it may touch."""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from dataclasses import dataclass

import structlog

from mappings import inward
from mappings.outward import inward_record
from mappings.playbook import Playbook
from mappings.reading import Reading
from mappings.values.converters import Unusable
from model.cause import NO_CAUSE, NO_SOURCE, Cause
from model.change import Record
from model.decision import EntityKind
from model.event import EventKind, JsonValue, RecordRef, StoredEvent
from model.hint import Hint, hint_from
from model.lead import Identity
from sync.deciding import companies
from sync.inbox import Taken
from sync.links import record_key
from sync.merging import choosing
from sync.named import companies_of, people_of
from sync.people import People
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
            case EventKind.FOUND | EventKind.GONE if _tells_of_company(event.payload):
                record = record_from(event.payload["record"])
                return Work(stored, record=record, account_ids=(event.payload["account_id"],))
            case EventKind.FOUND if "deal_id" in event.payload:
                record = record_from(event.payload["record"])
                return _understand_deal(stored, record, playbook, (event.payload["deal_id"],))
            case EventKind.DELIVERED | EventKind.GONE if "account_id" in event.payload:
                return Work(stored, account_ids=(event.payload["account_id"],))
            case EventKind.FOUND | EventKind.GONE if "record" in event.payload:
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
            case EventKind.TIMER | EventKind.CONSENT | EventKind.ENRICHED:
                return Work(stored, lead_ids=(event.payload["lead_id"],))
            case EventKind.CHOICE if "account_id" in event.payload:
                return Work(stored, account_ids=(event.payload["account_id"],))
            case EventKind.UNDO:
                whose = str(event.payload.get("lead_id") or "")
                return Work(stored, lead_ids=(whose,) if whose else ())
            case EventKind.CHOICE if "deal_id" in event.payload:
                return Work(stored, deal_ids=(event.payload["deal_id"],))
            case EventKind.DEAL:
                deal_ids = (event.payload["deal_id"],)
                return Work(stored, lead_ids=(event.payload["lead_id"],), deal_ids=deal_ids)
            case EventKind.CHOICE:
                keys = person_keys(_chosen(event.payload, playbook))
                return Work(stored, keys=keys, lead_ids=(event.payload["lead_id"],))
            case EventKind.ANSWER if "pair" in event.payload:
                return Work(stored, lead_ids=tuple(map(str, event.payload["pair"])))
            case EventKind.ANSWER if "unjoin" in event.payload:
                return Work(stored, lead_ids=(str(event.payload["unjoin"]),))
            case EventKind.ANSWER if "question" in event.payload:
                said = str(event.payload["deal_id"])
                asked = (said,) if said else ()
                if "record" not in event.payload:
                    return Work(stored, deal_ids=asked)
                return _understand_deal(stored, record_from(event.payload["record"]), playbook, asked)
            case EventKind.ANSWER if "account" in event.payload:
                named = str(event.payload["account"])
                return Work(
                    stored, lead_ids=(str(event.payload["lead_id"]),), account_ids=(named,) if named else ()
                )
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
        return Work(stored, failure=failure_text(stored), cause=Cause(type(error).__name__))


def _tells_of_company(payload: Mapping[str, JsonValue]) -> bool:
    return "account_id" in payload and "record" in payload


def _understand_changed(stored: StoredEvent, record: Record, playbook: Playbook) -> Work:
    """Say what a changed record may touch: whose it is, was or becomes, and who bears its keys."""
    ref = record.ref
    crm = playbook.crms.get(ref.connection)
    if crm is not None and crm.is_deal(ref.object):
        return _understand_deal(stored, record, playbook)
    if is_company(record, playbook):
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


def is_company(record: Record, playbook: Playbook) -> bool:
    """Say whether a record is a company's."""
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


def keys_said(record: Record, playbook: Playbook) -> tuple[Identity, ...]:
    """Return the keys that a lead may take over from a record that the mirror has of the person."""
    try:
        return _person_keys(record, playbook)
    except Exception:  # noqa: BLE001 - as above
        return ()


def _read_of(record: Record, playbook: Playbook, names: tuple[str, ...]) -> dict[str, JsonValue]:
    """Return some canonical fields of a person's record."""
    crm = playbook.crms.get(record.ref.connection)
    object_map = crm.objects.get(record.ref.object) if crm else None
    if object_map is None:
        return {}
    telling = {rule.remote for rule in object_map.fields if rule.field in names}
    fields = {name: value for name, value in record.fields.items() if name in telling}
    return inward_record(fields, object_map, record.ref.connection, NOBODY)


def failure_text(stored: StoredEvent) -> str:
    """Log what an event fails on, and return it for the event's row."""
    log.exception("decider.event_failed", inbox_event=stored.id)
    return traceback.format_exc(limit=-3)
