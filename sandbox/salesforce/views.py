"""How the pages show each object: its name, what names a record, the columns of the list."""

from __future__ import annotations

from sandbox.vendor import View

_LEAD_COLUMNS = {
    "Company": "Company", "Email": "Email", "Status": "Status", "LeadRelay_Stage__c": "Stage",
    "Owner": "Owner",
}  # fmt: skip
_DEAL_COLUMNS = {
    "Account": "Account", "StageName": "Stage", "Amount": "Amount", "CloseDate": "Close date",
    "Owner": "Owner",
}  # fmt: skip
_ACTIVITY_COLUMNS = {
    "Who": "Name",
    "What": "Related to",
    "ActivityDate": "Date",
    "Status": "Status",
    "Owner": "Owner",
}

# In the order of the pages: what people work with first.
VIEWS: dict[str, View] = {
    "Lead": View("Leads", ("Name",), _LEAD_COLUMNS),
    "Contact": View(
        "Contacts",
        ("Name",),
        {"Account": "Account", "Email": "Email", "Title": "Title", "Owner": "Owner"},
    ),
    "Account": View("Accounts", ("Name",), {"Website": "Website", "Industry": "Industry", "Owner": "Owner"}),
    "Opportunity": View("Opportunities", ("Name",), _DEAL_COLUMNS),
    "Task": View("Tasks", ("Subject",), _ACTIVITY_COLUMNS),
    "Event": View("Events", ("Subject",), _ACTIVITY_COLUMNS),
    "Campaign": View("Campaigns", ("Name",), {"Type": "Type", "Status": "Status", "NumberOfLeads": "Leads"}),
    "CampaignMember": View("Campaign members", ("Name",), {"Status": "Status", "Email": "Email"}),
    "CampaignMemberStatus": View("Member statuses", ("Label",), {"HasResponded": "Responded"}),
    "Case": View("Cases", ("CaseNumber", "Subject"), {"Status": "Status", "Owner": "Owner"}),
    "User": View("Users", ("Name",), {"Email": "Email", "IsActive": "Active"}),
    "Group": View("Queues", ("Name",), {"Type": "Type"}),
    "Organization": View("Organization", ("Name",), {"OrganizationType": "Edition"}),
    "OpportunityContactRole": View("Contact roles", ("Role", "Id"), {"IsPrimary": "Primary"}),
    "OpportunityHistory": View("Opportunity history", ("StageName",), {"Amount": "Amount"}),
    "OpportunityStage": View("Stages", ("MasterLabel",), {"DefaultProbability": "Probability"}),
    "LeadStatus": View("Lead statuses", ("MasterLabel",), {"IsConverted": "Converted"}),
    "Profile": View("Profiles", ("Name",), {}),
}

# The records that a page shows beside a record: object -> the fields by which it refers to it.
RELATED: dict[str, tuple[str, ...]] = {
    "Contact": ("AccountId",),
    "Opportunity": ("AccountId",),
    "Task": ("WhoId", "WhatId"),
    "Event": ("WhoId", "WhatId"),
    "CampaignMember": ("LeadId", "ContactId", "CampaignId"),
    "OpportunityContactRole": ("OpportunityId", "ContactId"),
    "Case": ("AccountId", "ContactId"),
}
