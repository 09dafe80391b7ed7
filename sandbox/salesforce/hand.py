"""What the pages let a person do: edit, hand over, log a call, convert a lead, win a deal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sandbox.people import TEAM
from sandbox.records import Record
from sandbox.salesforce.schema import TEXT, Field, ObjectType
from sandbox.vendor import Blank, Form

if TYPE_CHECKING:
    from sandbox.salesforce.org import Org

# The fields that the form of each object shows; those of other objects are only looked at.
FORMS = {
    "Lead": ("FirstName", "LastName", "Company", "Title", "Email", "Phone", "Status", "LeadSource", "Rating",
             "Industry", "City", "Country", "HasOptedOutOfEmail", "Description"),
    "Contact": ("FirstName", "LastName", "AccountId", "Title", "Email", "Phone", "LeadSource", "MailingCity",
                "MailingCountry", "HasOptedOutOfEmail", "Description"),
    "Account": ("Name", "Website", "Phone", "Industry", "Type", "NumberOfEmployees", "AnnualRevenue",
                "BillingCity", "BillingCountry", "Description"),
    "Opportunity": ("Name", "AccountId", "StageName", "Amount", "CloseDate", "Probability", "LeadSource",
                    "NextStep", "CampaignId", "Description"),
    "Task": ("Subject", "Status", "Priority", "ActivityDate", "WhoId", "WhatId", "Description"),
    "Event": ("Subject", "StartDateTime", "DurationInMinutes", "Location", "WhoId", "WhatId"),
    "Campaign": ("Name", "Type", "Status", "StartDate", "EndDate", "IsActive", "BudgetedCost"),
    "CampaignMember": ("CampaignId", "LeadId", "ContactId", "Status"),
    "Case": ("Subject", "Status", "Priority", "Origin", "ContactId", "AccountId", "Description"),
    "User": ("FirstName", "LastName", "Email", "Title", "IsActive", "TimeZoneSidKey"),
}  # fmt: skip
_WITHOUT_NEW = ("User",)
_INPUTS = {"date": "date", "email": "email", "int": "number", "phone": "tel"}


CALL = (Blank("fields.Subject", "Subject", "Call"), Blank("fields.Description", "Comments", kind="area"))


def forms(org: Org, name: str, record: Record | None) -> Sequence[Form]:
    """The forms of a record, or of the list of its object."""
    kind = org.schema.get(name)
    if kind is None or name not in FORMS:
        return ()
    if record is None:
        new = Form("create", f"New {kind.label.lower()}", "Save", tuple(_blanks(org, kind, None)))
        return () if name in _WITHOUT_NEW else (new,)
    if record.archived_at is not None:
        return (Form("restore", "Restore", "Take out of the recycle bin"),)
    return tuple(_of_record(org, kind, record))


def _of_record(org: Org, kind: ObjectType, record: Record) -> Iterator[Form]:
    name = kind.name
    yield Form("edit", "Edit", "Save", tuple(_blanks(org, kind, record)))
    if name not in ("User", "CampaignMember"):
        yield Form("change_owner", "Change owner", "Hand over", (_owners(org, record),))
    if name in ("Lead", "Contact", "Account", "Opportunity", "Case"):
        yield Form("log_call", "Log a call", "Log call", CALL)
    if name == "Lead" and not record.values.get("IsConverted"):
        yield Form("convert", "Convert", "Convert", tuple(_conversion(record)))
    if name == "Opportunity" and not record.values.get("IsClosed"):
        yield Form("win_deal", "Win the opportunity", "Closed won")
        yield Form("lose_deal", "Lose the opportunity", "Closed lost")
    if name in ("Lead", "Contact", "Account"):
        other = Blank("other", f"Id of the other {kind.label.lower()}, which goes", required=True)
        yield Form("merge", "Merge", "Merge into this one", (other,))
    if name != "User":
        yield Form("delete", "Delete", "Delete")


def _conversion(record: Record) -> Iterator[Blank]:
    yield Blank("fields.accountId", "Account id", hint="a new one")
    yield Blank("fields.contactId", "Contact id", hint="a new one")
    yield Blank("fields.opportunityName", "Opportunity name", hint=str(record.values.get("Company") or ""))
    yield Blank("fields.doNotCreateOpportunity", "Do not create an opportunity", value=False, kind="check")


def _owners(org: Org, record: Record) -> Blank:
    owner = org.find(str(record.values.get("OwnerId")))
    present = str(owner.values.get("Email") or "") if owner else ""
    return Blank("owner", "New owner", present, {one.email: one.name for one in TEAM if one.active})


def _blanks(org: Org, kind: ObjectType, record: Record | None) -> Iterator[Blank]:
    values = record.values if record else kind.defaults
    for name in FORMS[kind.name]:
        field = kind.field(name)
        if field is None or not (field.updateable if record else field.createable):
            continue
        shown = _shown(field, values)
        choices = _choices(org, field, shown)
        yield Blank(f"fields.{name}", field.label, shown, choices, _look(field), field.required)


def _choices(org: Org, field: Field, shown: str | bool) -> dict[str, str] | None:
    """The values to choose from; one that the list lacks is among them where the record has it."""
    if field.name == "StageName":
        listed = tuple(str(stage.values["ApiName"]) for stage in org.rows("OpportunityStage").every())
    else:
        listed = field.picklist
    if not listed or field.type == "combobox":
        return None
    nothing = {} if field.required and shown else {"": "–"}
    return nothing | {one: one for one in listed} | ({str(shown): str(shown)} if shown else {})


def _look(field: Field) -> str:
    if field.type == "boolean":
        return "check"
    return "area" if field.type == "textarea" and field.length > 255 else _INPUTS.get(field.type, "text")


def _shown(field: Field, values: Mapping[str, Any]) -> str | bool:
    value = values.get(field.name)
    if field.type == "boolean":
        return bool(value)
    if value is None:
        return ""
    return value if field.type in TEXT else f"{value:.12g}" if isinstance(value, float) else str(value)
