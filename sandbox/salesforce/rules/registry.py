"""The rules of each object type by its name."""

from __future__ import annotations

from sandbox.salesforce.rules.accounts import AccountRules
from sandbox.salesforce.rules.activities import EventRules, TaskRules
from sandbox.salesforce.rules.base import Rules
from sandbox.salesforce.rules.campaigns import CampaignRules, MemberRules, MemberStatusRules
from sandbox.salesforce.rules.cases import CaseRules
from sandbox.salesforce.rules.opportunities import OpportunityRules, RoleRules
from sandbox.salesforce.rules.people import ContactRules, LeadRules
from sandbox.salesforce.rules.permissions import AssignmentRules, FieldPermissionsRules
from sandbox.salesforce.rules.users import UserRules

RULES: dict[str, Rules] = {
    "Account": AccountRules(),
    "Campaign": CampaignRules(),
    "CampaignMember": MemberRules(),
    "CampaignMemberStatus": MemberStatusRules(),
    "Case": CaseRules(),
    "Contact": ContactRules(),
    "Event": EventRules(),
    "FieldPermissions": FieldPermissionsRules(),
    "Lead": LeadRules(),
    "Opportunity": OpportunityRules(),
    "OpportunityContactRole": RoleRules(),
    "PermissionSetAssignment": AssignmentRules(),
    "Task": TaskRules(),
    "User": UserRules(),
}
NO_RULES = Rules()


def rules_of(name: str) -> Rules:
    """The rules of an object type."""
    return RULES.get(name, NO_RULES)
