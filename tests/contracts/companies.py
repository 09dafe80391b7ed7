"""How each CRM names a company, and whose it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import requests

from model.change import Association, RecordChange
from model.event import RecordRef
from model.lead import Identity


@dataclass(frozen=True)
class Company:
    """A CRM's names for what a company is."""

    object: str
    domain: str
    name: str
    id_field: str
    person: str  # the object that can belong to one
    new_person: Mapping[str, Any]
    searches: str  # how the sandbox counts a look-up
    links: tuple[str, str]  # how it counts the read and the write of associations


COMPANIES: Mapping[str, Company] = {
    "hubspot": Company(
        object="companies",
        domain="domain",
        name="name",
        id_field="leadrelay_id",
        person="contacts",
        new_person={"email": "ada@acme.com"},
        searches="POST /crm/objects/2026-09/companies/search",
        links=(
            "POST /crm/associations/2026-09/contacts/companies/batch/read",
            "POST /crm/associations/2026-09/contacts/companies/batch/create",
        ),
    ),
    "salesforce": Company(
        object="Account",
        domain="Website",
        name="Name",
        id_field="LeadRelay_Id__c",
        person="Contact",
        new_person={"Email": "ada@acme.com", "LastName": "Lovelace"},
        searches="POST /services/data/v68.0/composite",
        links=(
            "POST /services/data/v68.0/composite/sobjects/Contact",
            "PATCH /services/data/v68.0/composite/sobjects",
        ),
    ),
}


def a_company(crm: str, domain: str = "acme.com", *, repeated: bool = False, **fields: Any) -> RecordChange:
    """A company to find or create."""
    words = COMPANIES[crm]
    ours = f"ac_{domain}"
    values = {words.domain: domain, words.name: domain, words.id_field: ours, **fields}
    keys = (Identity("account", ours), Identity("domain", domain))
    return RecordChange(f"key-{domain}", words.object, values, identities=keys, is_repeated=repeated)


def fields_read(crm: str) -> dict[str, tuple[str, ...]]:
    """What to read of a company."""
    words = COMPANIES[crm]
    return {words.object: (words.name, words.domain, words.id_field)}


def a_pair(crm: str, person: str, company: str, key: str = "p") -> Association:
    """A person and a company, by their ids."""
    words = COMPANIES[crm]
    return Association(key, RecordRef(crm, words.person, person), RecordRef(crm, words.object, company))


def companies_of(crm: str, url: str, token: str, person: str) -> dict[str, bool]:
    """The companies of a person in the CRM, by id, and which of them is the (primary) one."""
    headers = {"Authorization": f"Bearer {token}"}
    if crm == "hubspot":
        path = f"{url}/crm/v4/objects/contacts/{person}/associations/companies"
        rows = requests.get(path, headers=headers, timeout=60).json()["results"]
        return {
            str(row["toObjectId"]): any(one["typeId"] == 1 for one in row["associationTypes"]) for row in rows
        }
    path = f"{url}/services/data/v68.0/sobjects/Contact/{person}"
    account = requests.get(path, headers=headers, timeout=60).json()["AccountId"]
    return {account: True} if account else {}
