"""Where the CRMs keep that a person opted out, and what of it nobody has asked lately; pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from mappings.outward import inward_record
from mappings.playbook import CrmMap, ObjectMap, Playbook
from model.change import Record
from model.event import JsonValue, RecordRef
from model.lead import OPT_OUT, Lead
from sync.people import People

NOBODY = People({}, frozenset(), {})


def fields_of(crm: CrmMap, object_name: str) -> list[str]:
    """Return the vendor's fields of an object that say that a person opted out; none where none does.

    Of an object that the map leaves out those of the others are tried: a Contact has the Lead's. If it
    has not, the CRM refuses to read it, and nobody can say.
    """
    remotes = (
        rule.remote for map_ in _maps(crm, object_name) for rule in map_.fields if rule.field == OPT_OUT
    )
    return list(dict.fromkeys(remotes))


def fields_by_object(crm: CrmMap, objects: Iterable[str]) -> dict[str, list[str]]:
    """Return what is to be read of records of these objects."""
    return {name: fields_of(crm, name) for name in dict.fromkeys(objects)}


def said_in(record: Record, crm: CrmMap) -> dict[str, JsonValue]:
    """Return the fields of a record that say that the person opted out; empty if none does."""
    found: dict[str, JsonValue] = {}
    for object_map in _maps(crm, record.ref.object):
        for rule in object_map.fields:
            held = {rule.remote: record.fields.get(rule.remote)}
            if rule.field == OPT_OUT and _is_yes(held, object_map, crm):
                found |= held
    return found


def _is_yes(held: Mapping[str, JsonValue], object_map: ObjectMap, crm: CrmMap) -> bool:
    return inward_record(held, object_map, crm.connection, NOBODY).get(OPT_OUT) is True


def _maps(crm: CrmMap, object_name: str) -> list[ObjectMap]:
    return [crm.objects[object_name]] if object_name in crm.objects else list(crm.objects.values())


def stale(lead: Lead, playbook: Playbook, now: datetime) -> list[RecordRef]:
    """Return the lead's records whose opt-out fields were not read lately, or never."""
    found = []
    for link in lead.links.values():
        crm = playbook.crms.get(link.connection)
        if crm is None or not fields_of(crm, link.object):
            continue
        is_known = link.object in crm.objects and link.read_at is not None
        if not is_known or link.read_at is None or now - link.read_at > crm.consent_read_within:
            found.append(RecordRef(link.connection, link.object, link.remote_id))
    return found


def unlinked(lead: Lead, playbook: Playbook) -> list[str]:
    """Return the connections where the person may be, and have opted out, without being linked.

    Without an e-mail address nobody can be looked up.
    """
    if not lead.get("email"):
        return []
    return [
        crm.connection
        for crm in playbook.crms.values()
        if crm.connection not in lead.links and any(fields_of(crm, name) for name in crm.objects)
    ]
