"""Leads and contacts: their campaign members show them as they are, and go with them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sandbox.records import Record
from sandbox.salesforce.rules.base import Rules, live
from sandbox.salesforce.rules.campaigns import count_members, person_shown

if TYPE_CHECKING:
    from sandbox.salesforce.writes import Writer


class PersonRules(Rules):
    """What leads and contacts have in common; ``field`` is how a campaign member refers to them."""

    field: str

    def settle(self, write: Writer, record: Record, before: Mapping[str, Any]) -> None:
        """Let the person's campaign members show the new values."""
        if not before:
            return
        for member in live(write.org, "CampaignMember", self.field, record.id):
            write.derive("CampaignMember", member, person_shown(write.org, record))

    def leave(self, write: Writer, record: Record) -> None:
        """Take along memberships and activities."""
        members = live(write.org, "CampaignMember", self.field, record.id)
        write.delete_children(record, {"CampaignMember": self.field, "Task": "WhoId", "Event": "WhoId"})
        for campaign_id in {member.values["CampaignId"] for member in members}:
            count_members(write, campaign_id)


class LeadRules(PersonRules):
    """Leads."""

    field = "LeadId"

    def settle(self, write: Writer, record: Record, before: Mapping[str, Any]) -> None:
        """Count the lead as converted where it has become so."""
        super().settle(write, record, before)
        if before and record.values.get("IsConverted") and not before.get("IsConverted"):
            for member in live(write.org, "CampaignMember", self.field, record.id):
                count_members(write, member.values["CampaignId"])


class ContactRules(PersonRules):
    """Contacts."""

    field = "ContactId"

    def leave(self, write: Writer, record: Record) -> None:
        """Take along the roles in opportunities, too."""
        super().leave(write, record)
        write.delete_children(record, {"OpportunityContactRole": "ContactId"})
