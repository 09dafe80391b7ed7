"""What the contract tests know of each CRM: its own names for the same things. A new CRM adds a row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from connectors.registry import CONNECTORS
from model.change import RecordChange
from model.lead import Identity
from sandbox import hubspot, salesforce

CRMS = sorted(CONNECTORS)


@dataclass(frozen=True)
class Dialect:
    """How a CRM names a person, and what it refuses."""

    token: str
    object: str
    email: str
    first_name: str
    title: str
    owner: str
    required: Mapping[str, Any]  # what a person cannot be created without
    refused: Mapping[str, Any]  # a value that no person may have
    calls: Mapping[str, str]  # what we do -> how the sandbox counts it
    unknown_id: str
    no_limits: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, str] = field(default_factory=dict)
    switches: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # of the sandbox: all must do


DIALECTS: Mapping[str, Dialect] = {
    "hubspot": Dialect(
        token=hubspot.TOKEN,
        object="contacts",
        email="email",
        first_name="firstname",
        title="jobtitle",
        owner="hubspot_owner_id",
        required={},
        refused={"lifecyclestage": "not-a-stage"},
        calls={
            "create": "POST /crm/objects/2026-09/contacts/batch/create",
            "update": "POST /crm/objects/2026-09/contacts/batch/update",
            "read": "POST /crm/objects/2026-09/contacts/batch/read",
            "find": "POST /crm/objects/2026-09/contacts/batch/read",
        },
        unknown_id="999999",
        no_limits={"per_10s": None, "search_per_s": None},
        options={
            "external_id_field": "leadrelay_id",
            "account_id_field": "leadrelay_id",
            "deal_id_field": "leadrelay_id",
        },
        switches={"batch_create_conflict": ("207", "409"), "batch_order": ("input", "shuffled")},
    ),
    "salesforce": Dialect(
        token=salesforce.TOKEN,
        object="Lead",
        email="Email",
        first_name="FirstName",
        title="Title",
        owner="OwnerId",
        required={"LastName": "Lovelace", "Company": "Analytical Engines"},
        refused={"Website": "x" * 300},
        calls={
            "create": "POST /services/data/v68.0/composite/sobjects",
            "update": "PATCH /services/data/v68.0/composite/sobjects",
            "read": "POST /services/data/v68.0/composite/sobjects/Lead",
            "find": "POST /services/data/v68.0/composite",
        },
        unknown_id="00Q5g0000000001EAA",
        switches={"bad_field_fails": ("item", "call"), "duplicate_names_id_of": ("18", "15")},
    ),
}


def fields_read(crm: str) -> dict[str, tuple[str, ...]]:
    """What to read of a record: the fields that the tests look at."""
    dialect = DIALECTS[crm]
    names = (dialect.email, dialect.first_name, dialect.title, dialect.owner)
    return {dialect.object: names, "Contact": names} if crm == "salesforce" else {dialect.object: names}


def a_new_person(
    crm: str, email: str = "ada@example.com", *, key: str | None = None, **named: Any
) -> RecordChange:
    """A person to create; ``named`` are fields under the dialect's names: ``title="CEO"``."""
    dialect = DIALECTS[crm]
    values = {getattr(dialect, name): value for name, value in named.items()}
    return RecordChange(
        key=key or f"new:{email}",
        object=dialect.object,
        fields={dialect.email: email, **dialect.required, **values},
        identities=(Identity("lead", f"lead:{email}".lower()), Identity("email", email.lower())),
    )


def a_bad_person(crm: str, email: str = "bad@example.com") -> RecordChange:
    """A person that the CRM will never take."""
    good = a_new_person(crm, email)
    fields = {**good.fields, **DIALECTS[crm].refused}
    return RecordChange(good.key, good.object, fields, identities=good.identities)


def a_change(crm: str, record_id: str, *, key: str | None = None, **named: Any) -> RecordChange:
    """A change of a known record, under the dialect's names."""
    dialect = DIALECTS[crm]
    values = {getattr(dialect, name): value for name, value in named.items()}
    return RecordChange(key or f"change:{record_id}", dialect.object, values, remote_id=record_id)
