"""Whom a deal's record names: keys to load them by; pure."""

from __future__ import annotations

from mappings.playbook import CrmMap
from model.change import Record
from model.deal import COMPANIES, LEAVING, PEOPLE
from model.event import RecordRef
from model.lead import Identity, Link
from sync.links import record_key


def people_of(record: Record, crm: CrmMap) -> list[Identity]:
    """Return the keys of the people that a deal's record names."""
    return [person_key(crm, each) for each in record.fields.get(PEOPLE) or ()]


def people_before(link: Link, crm: CrmMap) -> list[Identity]:
    """Return the keys of the people that it named when it was last merged, and of those missed since."""
    named = (*(link.shadow.get(PEOPLE) or ()), *(link.shadow.get(LEAVING) or ()))
    return [person_key(crm, each) for each in named]


def companies_before(link: Link, crm: CrmMap) -> list[RecordRef]:
    """Return the companies that it named then."""
    if crm.account is None:
        return []
    named = link.shadow.get(COMPANIES) or ()
    return [RecordRef(crm.connection, crm.account.object, str(each)) for each in named]


def companies_of(record: Record, crm: CrmMap) -> list[RecordRef]:
    """Return the companies that a deal's record names."""
    if crm.account is None:
        return []
    return [
        RecordRef(crm.connection, crm.account.object, each) for each in record.fields.get(COMPANIES) or ()
    ]


def person_key(crm: CrmMap, remote_id: str) -> Identity:
    """Return the key of the person whose record this is."""
    return record_key(RecordRef(crm.connection, crm.people_object, str(remote_id)))
