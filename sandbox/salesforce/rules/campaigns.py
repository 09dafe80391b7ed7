"""Campaigns: their member statuses, their members (one a person), and what they count."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sandbox.records import Record
from sandbox.salesforce.errors import SalesforceError
from sandbox.salesforce.rules.base import Rules, live

if TYPE_CHECKING:
    from sandbox.salesforce.org import Org
    from sandbox.salesforce.writes import Writer

_SHOWN = ("Salutation", "FirstName", "LastName", "Name", "Title", "Email", "Phone", "LeadSource")


class CampaignRules(Rules):
    """Campaigns."""

    def settle(self, write: Writer, record: Record, before: Mapping[str, Any]) -> None:
        """Give a new campaign its two statuses."""
        if before:
            return
        kind = write.org.kind("CampaignMemberStatus")
        for label, is_default, order in (("Sent", True, 1), ("Responded", False, 2)):
            write.create(kind, {
                "CampaignId": record.id, "Label": label, "SortOrder": order, "IsDefault": is_default,
                "HasResponded": not is_default,
            })  # fmt: skip

    def leave(self, write: Writer, record: Record) -> None:
        """Take along members, statuses and activities."""
        members = {"CampaignMember": "CampaignId", "CampaignMemberStatus": "CampaignId"}
        write.delete_children(record, {**members, "Task": "WhatId", "Event": "WhatId"})


class MemberStatusRules(Rules):
    """The statuses of one campaign: one of them is the default."""

    def settle(self, write: Writer, record: Record, before: Mapping[str, Any]) -> None:
        """A new default ends the old one."""
        if not record.values.get("IsDefault") or before.get("IsDefault"):
            return
        for other in _statuses(write.org, record.values["CampaignId"]):
            if other is not record and other.values.get("IsDefault"):
                write.derive("CampaignMemberStatus", other, {"IsDefault": False})


class MemberRules(Rules):
    """Campaign members."""

    def complete(
        self, write: Writer, values: dict[str, Any], given: Mapping[str, Any], before: Mapping[str, Any]
    ) -> None:
        """One member a person; the status is one of the campaign's and says whether they responded."""
        org, campaign_id = write.org, values["CampaignId"]
        person = org.find(values.get("ContactId") or values.get("LeadId") or "")
        if person is None:
            message = "Required fields are missing: [LeadId, ContactId]"
            raise SalesforceError("REQUIRED_FIELD_MISSING", message, ["LeadId", "ContactId"])
        if not before:
            _check_first(org, campaign_id, person)
        statuses = {record.values["Label"].lower(): record.values for record in _statuses(org, campaign_id)}
        if not values.get("Status"):
            values["Status"] = next((one["Label"] for one in statuses.values() if one.get("IsDefault")), None)
        status = statuses.get((values["Status"] or "").lower())
        if status is None:
            message = f"Status: bad value for restricted picklist field: {values['Status']}"
            raise SalesforceError("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", message, ["Status"])
        values["Status"], values["HasResponded"] = status["Label"], bool(status.get("HasResponded"))
        if values["HasResponded"] and not values.get("FirstRespondedDate"):
            values["FirstRespondedDate"] = org.now().date().isoformat()
        values |= person_shown(org, person)

    def settle(self, write: Writer, record: Record, before: Mapping[str, Any]) -> None:
        """Count anew where that may have changed."""
        if not before or before.get("HasResponded") != record.values.get("HasResponded"):
            count_members(write, record.values["CampaignId"])

    def leave(self, write: Writer, record: Record) -> None:
        """Count anew, without the one that leaves."""
        count_members(write, record.values["CampaignId"], besides=record)


def person_shown(org: Org, person: Record) -> dict[str, Any]:
    """What a campaign member shows of its lead or contact."""
    values, is_lead = person.values, person.id.startswith("00Q")
    place = "" if is_lead else "Mailing"
    account = None if is_lead else org.find(values.get("AccountId") or "")
    return {
        **{name: values.get(name) for name in _SHOWN},
        **{name: values.get(place + name) for name in ("City", "State", "Country")},
        "CompanyOrAccount": values.get("Company") if is_lead else account and account.values.get("Name"),
        "Type": "Lead" if is_lead else "Contact",
        "LeadOrContactId": person.id, "LeadOrContactOwnerId": values.get("OwnerId"),
    }  # fmt: skip


def count_members(write: Writer, campaign_id: str, *, besides: Record | None = None) -> None:
    """Bring the counts of a campaign into line with its members."""
    campaign = write.org.find(campaign_id)
    if campaign is None or campaign.archived_at is not None:
        return
    found = live(write.org, "CampaignMember", "CampaignId", campaign_id)
    members = [member.values for member in found if member is not besides]
    leads = [write.org.find(one["LeadId"]) for one in members if one.get("LeadId")]
    converted = sum(1 for lead in leads if lead is not None and lead.values.get("IsConverted"))
    write.derive("Campaign", campaign, {
        "NumberOfLeads": sum(1 for one in members if not one.get("ContactId")),
        "NumberOfContacts": sum(1 for one in members if one.get("ContactId")),
        "NumberOfConvertedLeads": converted,
        "NumberOfResponses": sum(1 for one in members if one.get("HasResponded")),
    })  # fmt: skip


def count_opportunities(write: Writer, campaign_id: str) -> None:
    """Bring the sums of a campaign into line with its opportunities."""
    campaign = write.org.find(campaign_id)
    if campaign is None or campaign.archived_at is not None:
        return
    deals = [deal.values for deal in live(write.org, "Opportunity", "CampaignId", campaign_id)]
    won = [deal for deal in deals if deal.get("IsWon")]
    write.derive("Campaign", campaign, {
        "NumberOfOpportunities": len(deals), "NumberOfWonOpportunities": len(won),
        "AmountAllOpportunities": sum(deal.get("Amount") or 0.0 for deal in deals),
        "AmountWonOpportunities": sum(deal.get("Amount") or 0.0 for deal in won),
    })  # fmt: skip


def _statuses(org: Org, campaign_id: str) -> list[Record]:
    found = live(org, "CampaignMemberStatus", "CampaignId", campaign_id)
    return sorted(found, key=lambda record: record.values.get("SortOrder") or 0)


def _check_first(org: Org, campaign_id: str, person: Record) -> None:
    field = "LeadId" if person.id.startswith("00Q") else "ContactId"
    for member in live(org, "CampaignMember", field, person.id):
        if member.values["CampaignId"] == campaign_id:
            raise SalesforceError("DUPLICATE_VALUE", "Already a campaign member.", [])
