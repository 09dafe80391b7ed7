"""A lead becomes an account, a contact and an opportunity: by the SOAP call and by a person."""

from __future__ import annotations

import pytest

from tests.sandbox.salesforce.soap import call, elements, fault, results
from tests.sandbox.salesforce.test_single import error_of

STATUS = "Closed - Converted"
ANNA = "anna.keller@northlight.example"


@pytest.fixture
def convert(api):
    def ask(*leads, **more):
        asked = [
            f"<leadConverts>{elements(leadId=lead, convertedStatus=STATUS, **more)}</leadConverts>"
            if "convertedStatus" not in more
            else f"<leadConverts>{elements(leadId=lead, **more)}</leadConverts>"
            for lead in leads
        ]
        return results(call(api.url, f"<convertLead>{''.join(asked)}</convertLead>"))

    return ask


def row_of(api, soql):
    [row] = api.rows(soql)
    return row


def test_a_conversion_makes_three_records_and_marks_the_lead(api, convert):
    api.control("clock", {"now": "2026-11-21T10:00:00Z", "frozen": True})
    anna = api.user(ANNA)
    lead = api.lead(
        FirstName="Ada", Email="ada@example.com", Phone="1", City="London", LeadSource="Web", OwnerId=anna,
        Industry="Energy", LeadRelay_Id__c="lr-1",
    )  # fmt: skip
    [told] = convert(lead, opportunityName="Engines - 1")
    assert (told["success"], told["leadId"]) == ("true", lead)
    account = api.get(f"sobjects/Account/{told['accountId']}").json()
    assert [account[name] for name in ("Name", "Industry", "BillingCity", "AccountSource", "OwnerId")] == [
        "Engines", "Energy", "London", "Web", anna,
    ]  # fmt: skip
    contact = api.get(f"sobjects/Contact/{told['contactId']}").json()
    assert [contact[name] for name in ("Name", "Email", "MailingCity", "AccountId", "LeadRelay_Id__c")] == [
        "Ada Lovelace", "ada@example.com", "London", account["Id"], None,
    ]  # fmt: skip
    deal = api.get(f"sobjects/Opportunity/{told['opportunityId']}").json()
    assert [deal[name] for name in ("Name", "StageName", "CloseDate", "AccountId", "LeadSource")] == [
        "Engines - 1", "Prospecting", "2026-12-31", account["Id"], "Web",
    ]  # fmt: skip
    role = row_of(api, "SELECT ContactId, IsPrimary FROM OpportunityContactRole")
    assert role == {"ContactId": contact["Id"], "IsPrimary": True}
    names = "IsConverted,Status,ConvertedDate,ConvertedAccountId,ConvertedContactId,ConvertedOpportunityId"
    assert list(api.read(lead, names).values()) == [
        True, STATUS, "2026-11-21", account["Id"], contact["Id"], deal["Id"],
    ]  # fmt: skip
    refused = api.patch(f"sobjects/Lead/{lead}", {"Title": "x"})
    assert error_of(refused)[1] == "CANNOT_UPDATE_CONVERTED_LEAD"


def test_without_a_name_the_opportunity_is_called_after_the_company_or_not_made_at_all(api, convert):
    [one], [other] = convert(api.lead()), convert(api.lead(), doNotCreateOpportunity="true")
    assert row_of(api, "SELECT Name FROM Opportunity") == {"Name": "Engines"}
    assert (one["opportunityId"] is None, other["opportunityId"] is None) == (False, True)


def test_existing_records_are_filled_where_empty_and_a_stricter_consent_is_lost(api, convert):
    account = api.make("Account", Name="Engines Ltd", Phone="9")
    contact = api.contact(AccountId=account, Title="Countess")
    lead = api.lead(
        Phone="1", Title="CTO", Email="ada@example.com", HasOptedOutOfEmail=True, LeadSource="Web"
    )
    [told] = convert(lead, accountId=account, contactId=contact, doNotCreateOpportunity="true")
    assert (told["accountId"], told["contactId"]) == (account, contact)
    assert row_of(api, "SELECT Name, Phone FROM Account") == {"Name": "Engines Ltd", "Phone": "9"}
    assert api.read(contact, "Title,Email,Phone,HasOptedOutOfEmail,LeadSource") == {
        "Title": "Countess", "Email": "ada@example.com", "Phone": "1", "HasOptedOutOfEmail": False,
        "LeadSource": "Web",
    }  # fmt: skip


def test_an_admin_may_have_mapped_the_custom_fields(api, convert):
    api.fault(convert_custom_fields="mapped")
    [told] = convert(api.lead(LeadRelay_Id__c="lr-1"))
    assert api.read(told["contactId"], "LeadRelay_Id__c") == {"LeadRelay_Id__c": "lr-1"}


def test_activities_and_memberships_move_to_the_contact(api, convert):
    campaign, lead = api.make("Campaign", Name="Webinar"), api.lead()
    api.make("CampaignMember", CampaignId=campaign, LeadId=lead, Status="Responded")
    api.make("Task", WhoId=lead)
    [told] = convert(lead)
    assert row_of(api, "SELECT WhoId, AccountId FROM Task") == {
        "WhoId": told["contactId"], "AccountId": told["accountId"],
    }  # fmt: skip
    member = row_of(api, "SELECT LeadId, ContactId, HasResponded FROM CampaignMember")
    assert member == {"LeadId": lead, "ContactId": told["contactId"], "HasResponded": True}
    assert row_of(api, "SELECT CampaignId FROM Opportunity") == {"CampaignId": campaign}


def test_a_lead_of_a_queue_needs_an_owner(api, convert):
    queue = row_of(api, "SELECT Id FROM Group")["Id"]
    lead, anna = api.lead(OwnerId=queue), api.user(ANNA)
    [refused] = convert(lead)
    assert refused["success"] == "false"
    assert refused["errors"]["message"].startswith("Converted objects can only be owned by users.")
    assert api.rows("SELECT Id FROM Account") == []
    [told] = convert(lead, ownerId=anna)
    assert api.read(told["contactId"], "OwnerId") == {"OwnerId": anna}


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"convertedStatus": "Open - Not Contacted"}, "INVALID_STATUS"),
        ({"accountId": "0015g0000000001AAA"}, "INVALID_CROSS_REFERENCE_KEY"),
    ],
)
def test_conversions_that_are_refused_leave_nothing_and_others_alone(api, convert, more, code):
    lead = api.lead()
    [refused] = convert(lead, **more)
    assert (refused["success"], refused["errors"]["statusCode"]) == ("false", code)
    assert api.read(lead, "IsConverted") == {"IsConverted": False}
    assert api.rows("SELECT Id FROM Contact") == []


def test_no_duplicate_rule_holds_a_conversion_up(api, convert):
    api.fault(duplicate_rules="block")
    [told] = convert(api.lead(Email="ada@example.com"))
    assert told["success"] == "true"


def test_a_lead_is_converted_once(api, convert):
    lead, other = api.lead(), api.lead()
    convert(lead)
    again, fine = convert(lead, other)
    assert again["errors"]["statusCode"] == "CANNOT_UPDATE_CONVERTED_LEAD"
    assert fine["success"] == "true"


def test_a_person_converts(api):
    queue = row_of(api, "SELECT Id FROM Group")["Id"]
    lead = api.lead(OwnerId=queue)
    done = api.control("act/convert", {"object": "Lead", "id": lead, "by": ANNA})
    assert (done.status_code, done.json()["fields"]["IsConverted"]) == (200, True)
    assert api.read(done.json()["fields"]["ConvertedContactId"], "OwnerId,CreatedById") == {
        "OwnerId": api.user(ANNA), "CreatedById": api.user(ANNA),
    }  # fmt: skip
    again = api.control("act/convert", {"object": "Lead", "id": lead})
    assert (again.status_code, again.json()["code"]) == (400, "CANNOT_UPDATE_CONVERTED_LEAD")


def test_faults_of_the_whole_call(api):
    login = f"<login>{elements(username='a', password='b')}</login>"
    assert fault(call(api.url, login)) == (500, "sf:INVALID_OPERATION")
    assert fault(call(api.url, "<undelete/>", token="x")) == (500, "sf:INVALID_SESSION_ID")
    assert fault(call(api.url, "<undelete/>", version="30.0")) == (500, "sf:UNSUPPORTED_API_VERSION")
    assert fault(call(api.url, "<describeLayout/>")) == (501, "sf:NOT_IMPLEMENTED")
    assert fault(call(api.url, "<a></b>")) == (500, "sf:INVALID_SOAP")
    [info] = results(call(api.url, "<getUserInfo/>"))
    assert info["userName"] == "integration@northlight.example"
