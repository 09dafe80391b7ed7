"""What accounts, opportunities, activities, campaigns and cases do besides keeping their fields."""

from __future__ import annotations

import pytest

from tests.sandbox.salesforce.test_single import READ_ONLY, error_of

DEAL = {"Name": "Engines - 2", "StageName": "Prospecting", "CloseDate": "2026-12-31"}


@pytest.fixture
def account(api):
    return api.make("Account", Name="Engines Ltd")


def test_an_account_keeps_two_addresses_and_is_the_parent_of_a_contact(api, account):
    api.patch(f"sobjects/Account/{account}", {"BillingCity": "London", "ShippingCity": "Leeds"})
    told = api.get(f"sobjects/Account/{account}?fields=BillingAddress,ShippingAddress").json()
    assert (told["BillingAddress"]["city"], told["ShippingAddress"]["city"]) == ("London", "Leeds")
    api.contact(AccountId=account)
    assert api.rows("SELECT LastName, Account.Name FROM Contact")[0]["Account"]["Name"] == "Engines Ltd"


def test_an_account_has_an_etag_and_a_lead_has_none(api, account):
    path = f"sobjects/Account/{account}"
    tag = api.get(path).headers["ETag"]
    assert api.get(path, headers={"If-None-Match": tag}).status_code == 304
    assert api.patch(path, {"Phone": "1"}, headers={"If-Match": tag}).status_code == 204
    refused = api.patch(path, {"Phone": "2"}, headers={"If-Match": tag})
    assert error_of(refused)[:2] == (412, "PRECONDITION_FAILED")
    assert "ETag" not in api.get(f"sobjects/Lead/{api.lead()}").headers


@pytest.mark.parametrize(
    ("name", "required"),
    [
        ("Account", ["Name"]),
        ("Opportunity", ["Name", "StageName", "CloseDate"]),
        ("OpportunityContactRole", ["OpportunityId", "ContactId"]),
        ("Task", []),
        ("Campaign", ["Name"]),
        ("CampaignMember", ["CampaignId"]),
        ("CampaignMemberStatus", ["CampaignId", "Label"]),
        ("Case", []),
        ("User", ["Username", "LastName", "Email", "Alias", "TimeZoneSidKey", "LocaleSidKey",
                  "LanguageLocaleKey", "EmailEncodingKey", "ProfileId"]),
    ],
)  # fmt: skip
def test_what_a_create_must_set(api, name, required):
    told = api.get(f"sobjects/{name}/describe").json()["fields"]
    needed = [
        one["name"]
        for one in told
        if one["createable"] and not one["nillable"] and not one["defaultedOnCreate"]
    ]
    assert needed == required
    if required:
        message = f"Required fields are missing: [{', '.join(required)}]"
        answer = error_of(api.post(f"sobjects/{name}", {}))
        assert answer == (400, "REQUIRED_FIELD_MISSING", message, required)


def test_an_account_tells_its_children(api):
    told = api.get("sobjects/Account/describe").json()["childRelationships"]
    names = {(one["childSObject"], one["field"], one["relationshipName"]) for one in told}
    assert names >= {
        ("Contact", "AccountId", "Contacts"), ("Opportunity", "AccountId", "Opportunities"),
        ("Account", "ParentId", "ChildAccounts"), ("Task", "WhatId", "Tasks"),
        ("Lead", "ConvertedAccountId", None),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("stage", "closed", "won", "probability", "category"),
    [
        ("Prospecting", False, False, 10.0, "Pipeline"),
        ("Negotiation/Review", False, False, 90.0, "Pipeline"),
        ("Closed Won", True, True, 100.0, "Closed"),
        ("Closed Lost", True, False, 0.0, "Omitted"),
    ],
)
def test_the_stage_says_what_an_opportunity_is(api, stage, closed, won, probability, category):
    deal = api.make("Opportunity", **{**DEAL, "StageName": stage, "Amount": 1000})
    told = api.get(f"sobjects/Opportunity/{deal}").json()
    assert [told[name] for name in ("IsClosed", "IsWon", "Probability", "ForecastCategory")] == [
        closed, won, probability, category,
    ]  # fmt: skip
    assert told["ExpectedRevenue"] == 10 * probability
    assert (told["FiscalYear"], told["FiscalQuarter"], told["Fiscal"]) == (2026, 4, "2026 4")


def test_a_given_probability_stays_until_the_stage_changes(api):
    deal = api.make("Opportunity", **DEAL, Probability=33)
    assert api.rows("SELECT Probability FROM Opportunity") == [{"Probability": 33.0}]
    api.patch(f"sobjects/Opportunity/{deal}", {"Amount": 5})
    assert api.rows("SELECT Probability FROM Opportunity") == [{"Probability": 33.0}]
    api.patch(f"sobjects/Opportunity/{deal}", {"StageName": "Closed Won"})
    assert api.rows("SELECT Probability, IsWon FROM Opportunity") == [{"Probability": 100.0, "IsWon": True}]
    refused = api.patch(f"sobjects/Opportunity/{deal}", {"IsWon": True})
    assert error_of(refused)[2] == READ_ONLY.format("IsWon")


def test_every_change_of_stage_amount_or_date_is_a_row_of_history(api):
    deal = api.make("Opportunity", **DEAL)
    for change in ({"Amount": 5}, {"NextStep": "call"}, {"StageName": "Closed Lost"}):
        api.patch(f"sobjects/Opportunity/{deal}", change)
    rows = api.rows("SELECT StageName, Amount, PrevAmount FROM OpportunityHistory ORDER BY Id")
    assert rows == [
        {"StageName": "Prospecting", "Amount": None, "PrevAmount": None},
        {"StageName": "Prospecting", "Amount": 5.0, "PrevAmount": None},
        {"StageName": "Closed Lost", "Amount": 5.0, "PrevAmount": 5.0},
    ]
    refused = api.post("sobjects/OpportunityHistory", {"OpportunityId": deal})
    assert error_of(refused)[1] == "INVALID_TYPE_FOR_OPERATION"


def test_an_opportunity_has_one_primary_contact(api):
    first, second = api.contact(), api.contact()
    deal = api.make("Opportunity", **DEAL, ContactId=first)
    api.make("OpportunityContactRole", OpportunityId=deal, ContactId=second, IsPrimary=True, Role="User")
    rows = api.rows("SELECT ContactId, IsPrimary, Role FROM OpportunityContactRole ORDER BY Id")
    assert rows == [
        {"ContactId": first, "IsPrimary": False, "Role": None},
        {"ContactId": second, "IsPrimary": True, "Role": "User"},
    ]
    assert api.rows("SELECT ContactId FROM Opportunity") == [{"ContactId": second}]


def test_a_task_is_closed_by_its_status_and_moves_the_last_activity(api):
    lead = api.lead()
    stamp = api.read(lead, "SystemModstamp")
    task = api.make("Task", WhoId=lead, Subject="Call", ActivityDate="2026-11-20")
    told = api.get(f"sobjects/Task/{task}").json()
    assert [told[name] for name in ("Status", "Priority", "IsClosed", "TaskSubtype")] == [
        "Not Started", "Normal", False, "Task",
    ]  # fmt: skip
    assert api.read(lead, "LastActivityDate") == {"LastActivityDate": None}
    api.patch(f"sobjects/Task/{task}", {"Status": "Completed"})
    assert api.rows("SELECT IsClosed FROM Task") == [{"IsClosed": True}]
    assert api.read(lead, "LastActivityDate,SystemModstamp") == {"LastActivityDate": "2026-11-20", **stamp}


def test_the_account_of_an_activity_is_that_of_its_contact_or_opportunity(api, account):
    contact = api.contact(AccountId=account)
    deal = api.make("Opportunity", **DEAL, AccountId=account)
    for about in ({"WhoId": contact}, {"WhatId": deal}, {"WhatId": account}, {"WhoId": api.lead()}):
        api.make("Task", **about)
    found = [row["AccountId"] for row in api.rows("SELECT AccountId FROM Task ORDER BY Id")]
    assert found == [account, account, account, None]


def test_an_activity_of_a_lead_is_about_nothing_else_and_who_is_a_person(api, account):
    refused = api.post("sobjects/Task", {"WhoId": api.lead(), "WhatId": account})
    assert error_of(refused)[1] == "FIELD_INTEGRITY_EXCEPTION"
    message = f"Name ID: id value of incorrect type: {account}"
    refused = error_of(api.post("sobjects/Task", {"WhoId": account}))
    assert refused == (400, "FIELD_INTEGRITY_EXCEPTION", message, ["WhoId"])


def test_an_event_has_an_end(api):
    start = {"StartDateTime": "2026-11-21T10:00:00Z"}
    event = api.make("Event", Subject="Demo", **start, DurationInMinutes=45)
    told = api.get(f"sobjects/Event/{event}").json()
    assert (told["EndDateTime"], told["ActivityDate"]) == ("2026-11-21T10:45:00.000+0000", "2026-11-21")
    assert error_of(api.post("sobjects/Event", start))[1] == "REQUIRED_FIELD_MISSING"
    backwards = {**start, "EndDateTime": "2026-11-21T09:00:00Z"}
    assert error_of(api.post("sobjects/Event", backwards))[1] == "FIELD_INTEGRITY_EXCEPTION"


@pytest.fixture
def campaign(api):
    return api.make("Campaign", Name="Webinar", IsActive=True)


def test_a_campaign_starts_with_two_statuses(api, campaign):
    rows = api.rows("SELECT Label, IsDefault, HasResponded FROM CampaignMemberStatus ORDER BY SortOrder")
    assert rows == [
        {"Label": "Sent", "IsDefault": True, "HasResponded": False},
        {"Label": "Responded", "IsDefault": False, "HasResponded": True},
    ]


def test_a_member_shows_its_person_and_whether_they_responded(api, campaign):
    api.control("clock", {"now": "2026-11-21T10:00:00Z", "frozen": True})
    lead = api.lead(FirstName="Ada", Email="ada@example.com")
    member = api.make("CampaignMember", CampaignId=campaign, LeadId=lead)
    names = "Status, HasResponded, FirstRespondedDate, Name, Email, Type, LeadOrContactId"
    shown = f"SELECT {names} FROM CampaignMember"
    before = {"Name": "Ada Lovelace", "Email": "ada@example.com", "Type": "Lead", "LeadOrContactId": lead}
    assert api.rows(shown) == [
        {"Status": "Sent", "HasResponded": False, "FirstRespondedDate": None, **before}
    ]
    api.patch(f"sobjects/CampaignMember/{member}", {"Status": "Responded"})
    api.patch(f"sobjects/Lead/{lead}", {"Email": "countess@example.com"})
    assert api.rows(shown) == [
        {"Status": "Responded", "HasResponded": True, "FirstRespondedDate": "2026-11-21", **before,
         "Email": "countess@example.com"}
    ]  # fmt: skip


def test_a_person_is_a_member_once(api, campaign):
    lead = api.lead()
    api.make("CampaignMember", CampaignId=campaign, LeadId=lead)
    again = api.post("sobjects/CampaignMember", {"CampaignId": campaign, "LeadId": lead})
    assert error_of(again) == (400, "DUPLICATE_VALUE", "Already a campaign member.", [])
    other = api.make("Campaign", Name="Other")
    assert api.make("CampaignMember", CampaignId=other, LeadId=lead)


@pytest.mark.parametrize(
    ("more", "code"),
    [({}, "REQUIRED_FIELD_MISSING"), ({"Status": "Asleep"}, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST")],
)
def test_a_member_needs_a_person_and_a_status_of_its_campaign(api, campaign, more, code):
    person = {"LeadId": api.lead()} if more else {}
    refused = api.post("sobjects/CampaignMember", {"CampaignId": campaign, **person, **more})
    assert error_of(refused)[1] == code


def test_a_campaign_counts_members_and_opportunities(api, campaign):
    api.make("CampaignMember", CampaignId=campaign, LeadId=api.lead(), Status="Responded")
    member = api.make("CampaignMember", CampaignId=campaign, ContactId=api.contact())
    api.make("Opportunity", **DEAL, CampaignId=campaign, Amount=7)
    api.make("Opportunity", **{**DEAL, "StageName": "Closed Won"}, CampaignId=campaign, Amount=5)
    names = (
        "NumberOfLeads", "NumberOfContacts", "NumberOfResponses", "NumberOfOpportunities",
        "NumberOfWonOpportunities", "AmountAllOpportunities", "AmountWonOpportunities",
    )  # fmt: skip
    [row] = api.rows(f"SELECT {', '.join(names)} FROM Campaign")
    assert list(row.values()) == [1, 1, 1, 2, 1, 12.0, 5.0]
    api.delete(f"sobjects/CampaignMember/{member}")
    assert api.rows("SELECT NumberOfContacts FROM Campaign") == [{"NumberOfContacts": 0}]


def test_a_case_has_a_number_and_is_closed_by_its_status(api, account):
    contact = api.contact(AccountId=account, Email="ada@example.com")
    case = api.make("Case", ContactId=contact, Subject="It rattles")
    told = api.get(f"sobjects/Case/{case}").json()
    names = ("CaseNumber", "Status", "IsClosed", "ContactEmail", "AccountId")
    assert [told[name] for name in names] == ["00001000", "New", False, "ada@example.com", account]
    api.patch(f"sobjects/Case/{case}", {"Status": "Closed"})
    assert api.rows("SELECT IsClosed FROM Case WHERE ClosedDate != null") == [{"IsClosed": True}]


def test_deleting_an_account_takes_contacts_and_opportunities_along_and_a_case_prevents_it(api, account):
    contact = api.contact(AccountId=account)
    deal = api.make("Opportunity", **DEAL, AccountId=account)
    case = api.make("Case", AccountId=account)
    assert error_of(api.delete(f"sobjects/Account/{account}"))[1] == "DELETE_FAILED"
    api.delete(f"sobjects/Case/{case}")
    assert api.delete(f"sobjects/Account/{account}").status_code == 204
    for name, record in (("Contact", contact), ("Opportunity", deal)):
        assert error_of(api.get(f"sobjects/{name}/{record}"))[1] == "ENTITY_IS_DELETED"


def test_deleting_a_lead_takes_its_memberships_and_tasks_along(api, campaign):
    lead = api.lead()
    api.make("CampaignMember", CampaignId=campaign, LeadId=lead)
    api.make("Task", WhoId=lead)
    api.delete(f"sobjects/Lead/{lead}")
    assert api.rows("SELECT Id FROM CampaignMember") == api.rows("SELECT Id FROM Task") == []
    assert api.rows("SELECT NumberOfLeads FROM Campaign") == [{"NumberOfLeads": 0}]


def test_all_or_none_also_takes_back_what_a_write_brought_along(api):
    records = [
        {"attributes": {"type": "Campaign"}, "Name": "x"},
        {"attributes": {"type": "Opportunity"}, "Name": "no stage"},
    ]
    api.post("composite/sobjects", {"allOrNone": True, "records": records})
    assert api.rows("SELECT Id FROM CampaignMemberStatus") == []


def test_a_user_is_made_and_changed_but_not_deleted(api):
    [profile] = api.rows("SELECT Id FROM Profile WHERE Name = 'Standard User'")
    user = {
        "Username": "new.rep@northlight.example", "LastName": "Rep", "FirstName": "New", "Alias": "nrep",
        "Email": "new.rep@northlight.example", "TimeZoneSidKey": "GMT", "LocaleSidKey": "en_US",
        "LanguageLocaleKey": "en_US", "EmailEncodingKey": "UTF-8", "ProfileId": profile["Id"],
    }  # fmt: skip
    made = api.make("User", **user)
    [row] = api.rows(f"SELECT Name, IsActive, Profile.Name FROM User WHERE Id = '{made}'")
    assert (row["Name"], row["IsActive"], row["Profile"]["Name"]) == ("New Rep", True, "Standard User")
    assert error_of(api.post("sobjects/User", user))[1] == "DUPLICATE_USERNAME"
    assert api.patch(f"sobjects/User/{made}", {"IsActive": False}).status_code == 204
    assert error_of(api.post("sobjects/Lead", {"LastName": "x", "Company": "y", "OwnerId": made}))[1] == (
        "INACTIVE_OWNER_OR_USER"
    )
    assert error_of(api.delete(f"sobjects/User/{made}"))[1] == "INVALID_TYPE_FOR_OPERATION"
