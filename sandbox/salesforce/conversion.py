"""Converts a lead: an account, a contact and perhaps an opportunity take over, in one transaction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from sandbox.records import Record
from sandbox.salesforce import ids
from sandbox.salesforce.errors import SalesforceError
from sandbox.salesforce.rules.activities import move_activities
from sandbox.salesforce.rules.base import live
from sandbox.salesforce.rules.campaigns import count_members
from sandbox.salesforce.schema import ObjectType
from sandbox.salesforce.writes import Writer

if TYPE_CHECKING:
    from sandbox.salesforce.org import Org

_ADDRESS = ("Street", "City", "State", "PostalCode", "Country")
# Field of the new record -> field of the lead: the standard mapping of a new org.
_ACCOUNT = {
    "Name": "Company", "Phone": "Phone", "Fax": "Fax", "Website": "Website", "Industry": "Industry",
    "AnnualRevenue": "AnnualRevenue", "NumberOfEmployees": "NumberOfEmployees", "Rating": "Rating",
    "AccountSource": "LeadSource", **{f"Billing{name}": name for name in _ADDRESS},
}  # fmt: skip
_CONTACT = {
    **{name: name for name in (
        "FirstName", "LastName", "Salutation", "Title", "Email", "Phone", "MobilePhone", "Fax", "LeadSource",
        "Description", "HasOptedOutOfEmail", "HasOptedOutOfFax", "DoNotCall",
    )},
    **{f"Mailing{name}": name for name in _ADDRESS},
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class LeadConvert:
    """What a convertLead call asks for one lead."""

    lead_id: str
    converted_status: str
    account_id: str | None = None
    contact_id: str | None = None
    opportunity_id: str | None = None
    do_not_create_opportunity: bool = False
    opportunity_name: str | None = None
    overwrite_lead_source: bool = False
    owner_id: str | None = None

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> LeadConvert:
        """The call's own names in their Python form."""
        return cls(
            lead_id=str(given.get("leadId", "")),
            converted_status=str(given.get("convertedStatus", "")),
            account_id=given.get("accountId") or None,
            contact_id=given.get("contactId") or None,
            opportunity_id=given.get("opportunityId") or None,
            do_not_create_opportunity=_true(given.get("doNotCreateOpportunity")),
            opportunity_name=given.get("opportunityName") or None,
            overwrite_lead_source=_true(given.get("overwriteLeadSource")),
            owner_id=given.get("ownerId") or None,
        )


@dataclass(frozen=True, slots=True)
class Converted:
    """What a lead has become."""

    lead: Record
    account: Record
    contact: Record
    opportunity: Record | None


def convert(write: Writer, asked: LeadConvert) -> Converted:
    """Convert one lead; raises where Salesforce refuses, and the caller takes back what was done by then."""
    org, write = write.org, replace(write, skip_duplicates=True)  # the contact has the lead's address
    lead = _named(org, "Lead", asked.lead_id, "leadId")
    if lead.values.get("IsConverted"):
        raise SalesforceError("CANNOT_UPDATE_CONVERTED_LEAD", "cannot reference converted lead", [])
    _check_status(org, asked.converted_status)
    owner = _owner(org, lead, asked.owner_id)
    account = _account(write, lead, asked, owner)
    contact = _contact(write, lead, asked, owner, account)
    opportunity = _opportunity(write, lead, asked, owner, account, contact)
    kind, today = org.kind("Lead"), org.now().date().isoformat()
    write.system_update(kind, lead, {
        "IsConverted": True, "Status": asked.converted_status, "ConvertedDate": today,
        "ConvertedAccountId": account.id, "ConvertedContactId": contact.id,
        "ConvertedOpportunityId": opportunity.id if opportunity else None, "IsUnreadByOwner": False,
    })  # fmt: skip
    move_activities(write, "WhoId", lead.id, {"WhoId": contact.id, "AccountId": account.id})
    _move_memberships(write, lead, contact)
    return Converted(lead, account, contact, opportunity)


def converted_status(org: Org) -> str:
    """The status that a person who names none finds chosen."""
    found = (row.values for row in org.rows("LeadStatus").every())
    return next(str(status["ApiName"]) for status in found if status.get("IsConverted"))


def _check_status(org: Org, name: str) -> None:
    found = (row.values for row in org.rows("LeadStatus").every())
    if not any(one.get("IsConverted") and one["ApiName"].lower() == name.lower() for one in found):
        message = f"invalid convertedStatus: {name}"
        raise SalesforceError("INVALID_STATUS", message, ["convertedStatus"])


def _owner(org: Org, lead: Record, owner_id: str | None) -> str:
    """Who shall own the new records: a user, for a queue owns no account."""
    owner = ids.parse(owner_id) if owner_id else lead.values["OwnerId"]
    if owner is None or not owner.startswith("005") or org.find(owner) is None:
        message = (
            "Converted objects can only be owned by users. If the lead is not owned by a user, you must "
            "specify a user for the Owner field."
        )
        raise SalesforceError("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", message, [])
    return str(owner)


def _account(write: Writer, lead: Record, asked: LeadConvert, owner: str) -> Record:
    kind, wanted = write.org.kind("Account"), _mapped(lead, _ACCOUNT)
    if asked.account_id is None and asked.contact_id is not None:
        contact = _named(write.org, "Contact", asked.contact_id, "contactId")
        if contact.values.get("AccountId") is None:
            message = "the contact has no account; an accountId is required"
            raise SalesforceError("INVALID_ID_FIELD", message, ["accountId"])
        asked_id = contact.values["AccountId"]
    else:
        asked_id = asked.account_id
    if asked_id is None:
        return write.create(kind, {**wanted, "OwnerId": owner})
    account = _named(write.org, "Account", asked_id, "accountId")
    _fill(write, kind, account, wanted)
    return account


def _contact(write: Writer, lead: Record, asked: LeadConvert, owner: str, account: Record) -> Record:
    kind, wanted = write.org.kind("Contact"), _mapped(lead, _CONTACT)
    if write.org.faults.setting["convert_custom_fields"] == "mapped":
        names = (field.name for field in kind.fields if field.custom)
        wanted |= {name: lead.values[name] for name in names if lead.values.get(name) is not None}
    wanted = {name: value for name, value in wanted.items() if kind.field(name)}
    if asked.contact_id is None:
        return write.create(kind, {**wanted, "AccountId": account.id, "OwnerId": owner})
    contact = _named(write.org, "Contact", asked.contact_id, "contactId")
    if contact.values.get("AccountId") not in (None, account.id):
        message = "the contact belongs to another account"
        raise SalesforceError("INVALID_ID_FIELD", message, ["contactId"])
    _fill(write, kind, contact, {**wanted, "AccountId": account.id})
    if asked.overwrite_lead_source and wanted.get("LeadSource"):
        write.update(kind, contact, {"LeadSource": wanted["LeadSource"]})
    return contact


def _opportunity(
    write: Writer, lead: Record, asked: LeadConvert, owner: str, account: Record, contact: Record
) -> Record | None:
    org = write.org
    if asked.opportunity_id is not None:
        opportunity = _named(org, "Opportunity", asked.opportunity_id, "opportunityId")
    elif asked.do_not_create_opportunity:
        return None
    else:
        first = min(
            (row.values for row in org.rows("OpportunityStage").every()), key=lambda one: one["SortOrder"]
        )
        opportunity = write.create(org.kind("Opportunity"), {
            "Name": asked.opportunity_name or lead.values["Company"], "AccountId": account.id,
            "StageName": first["ApiName"], "CloseDate": _end_of_quarter(org.now().date()).isoformat(),
            "LeadSource": lead.values.get("LeadSource"), "OwnerId": owner,
            "CampaignId": _last_campaign(org, lead),
        })  # fmt: skip
    roles = live(org, "OpportunityContactRole", "OpportunityId", opportunity.id)
    if not any(role.values["ContactId"] == contact.id for role in roles):
        role = {"OpportunityId": opportunity.id, "ContactId": contact.id, "IsPrimary": not roles}
        write.create(org.kind("OpportunityContactRole"), role)
    return opportunity


def _fill(write: Writer, kind: ObjectType, record: Record, wanted: Mapping[str, Any]) -> None:
    """Conversion fills what is empty and changes nothing else; a checkbox is never empty."""
    empty = {
        name: value
        for name, value in wanted.items()
        if record.values.get(name) is None and kind.by_exact_name[name].type != "boolean"
    }
    if empty:
        write.update(kind, record, empty)


def _mapped(lead: Record, fields: Mapping[str, str]) -> dict[str, Any]:
    found = {name: lead.values.get(source) for name, source in fields.items()}
    return {name: value for name, value in found.items() if value is not None}


def _move_memberships(write: Writer, lead: Record, contact: Record) -> None:
    """A member that was a lead is now the contact, unless the contact is a member already."""
    members = live(write.org, "CampaignMember", "ContactId", contact.id)
    taken = {member.values["CampaignId"] for member in members}
    for member in live(write.org, "CampaignMember", "LeadId", lead.id):
        if member.values["CampaignId"] not in taken:
            shown = {"ContactId": contact.id, "Type": "Contact", "LeadOrContactId": contact.id}
            write.derive("CampaignMember", member, shown)
            count_members(write, member.values["CampaignId"])


def _last_campaign(org: Org, lead: Record) -> str | None:
    members = live(org, "CampaignMember", "LeadId", lead.id)
    return str(members[-1].values["CampaignId"]) if members else None


def _end_of_quarter(day: date) -> date:
    month = (day.month + 2) // 3 * 3
    return date(day.year + month // 12, month % 12 + 1, 1) - timedelta(days=1)


def _named(org: Org, name: str, given_id: str, field: str) -> Record:
    record_id = ids.parse(given_id)
    record = org.rows(name).get(record_id) if record_id else None
    if record is None or record.archived_at is not None:
        raise SalesforceError("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", [field])
    return record


def _true(value: Any) -> bool:
    return value is True or str(value).lower() == "true"
