"""simple-salesforce, record by record: create, read, update, delete, upsert, describe."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from simple_salesforce import Salesforce, SalesforceResourceNotFound
from simple_salesforce.exceptions import SalesforceGeneralError, SalesforceMoreThanOneRecord
from simple_salesforce.format import format_external_id

from tests.sandbox.operations import operation

LEAD = {"LastName": "O'Brien", "Company": "Engines"}
HEADERS = {"Sforce-Auto-Assign": "FALSE"}
KEY = format_external_id("LeadRelay_Id__c", "a/b c&d")
WHOLE_LIFE = "create 201, update 204, get 200, delete 204, then 404 ENTITY_IS_DELETED"


@operation("records", "Lead.create", "201: id of 18 characters, success, no errors; Location")
def test_create(api, client):
    told = client.Lead.create(LEAD)
    assert told == {"id": told["id"], "success": True, "errors": []}
    assert (told["id"][:3], len(told["id"])) == ("00Q", 18)
    made = api.post("sobjects/Lead/", LEAD)
    assert made.headers["Location"] == f"/services/data/v68.0/sobjects/Lead/{made.json()['id']}"


@operation(
    "records", "Lead.create(headers=Sforce-Auto-Assign)", "FALSE keeps the owner; a queue takes it by default"
)
def test_assignment(client):
    owners = [
        client.Lead.get(client.Lead.create(LEAD, headers=headers)["id"])["OwnerId"][:3]
        for headers in (HEADERS, None)
    ]
    assert owners == ["005", "00G"]


@operation("records", "Lead.get", "200: the record with its attributes; found by 15 characters too")
def test_get(client):
    lead = client.Lead.create(LEAD)["id"]
    told = client.Lead.get(lead[:15])
    assert (told["Id"], told["LastName"], told["attributes"]["type"]) == (lead, "O'Brien", "Lead")


@pytest.fixture
def lives(client):
    """The whole life of a record of a type."""

    def run(api, fields, changed):
        made = api.create(fields, headers=HEADERS)["id"]
        assert api.update(made, changed, headers=HEADERS) == 204
        told = api.get(made)
        assert told.items() >= (fields | changed).items()
        assert api.delete(made) == 204
        with pytest.raises(SalesforceResourceNotFound) as gone:
            api.get(made)
        [error] = gone.value.content
        assert (error["errorCode"], error["message"]) == ("ENTITY_IS_DELETED", "entity is deleted")

    return run


@operation("records", "Lead", WHOLE_LIFE)
def test_leads(client, lives):
    lives(client.Lead, LEAD, {"Title": "CTO"})


@operation("records", "Contact", WHOLE_LIFE)
def test_contacts(client, lives):
    lives(client.Contact, {"LastName": "L", "Email": "ada@example.com"}, {"Title": "CTO"})


@operation("records", "Account", WHOLE_LIFE)
def test_accounts(client, lives):
    lives(client.Account, {"Name": "ACME"}, {"Website": "https://acme.example"})


@operation("records", "Opportunity", f"{WHOLE_LIFE}; IsWon follows the stage")
def test_opportunities(client, lives):
    fields = {"Name": "Engines", "StageName": "Prospecting", "CloseDate": "2030-01-31"}
    lives(client.Opportunity, fields, {"StageName": "Closed Won"})
    made = client.Opportunity.create(fields | {"StageName": "Closed Won"})["id"]
    assert client.Opportunity.get(made)["IsWon"] is True


@operation("records", "Task", WHOLE_LIFE)
def test_tasks(client, lives):
    lives(client.Task, {"Subject": "Call", "ActivityDate": "2030-01-31"}, {"Status": "Completed"})


@operation("records", "Event, Campaign, Case", WHOLE_LIFE)
def test_other_objects(client, lives):
    start = "2030-01-31T09:00:00.000+0000"
    event = {"Subject": "Demo", "StartDateTime": start, "DurationInMinutes": 30}
    lives(client.Event, event, {"Location": "Hull"})
    lives(client.Campaign, {"Name": "Fair"}, {"Status": "In Progress"})
    lives(client.Case, {"Subject": "Help"}, {"Status": "Working"})


@operation("records", "Lead.get(headers=If-Modified-Since)", "304 where nothing changed since")
def test_not_modified(client):
    lead = client.Lead.create(LEAD)["id"]
    since = format_datetime(datetime.now(UTC) + timedelta(minutes=1), usegmt=True)
    with pytest.raises(SalesforceGeneralError) as same:
        client.Lead.get(lead, headers={"If-Modified-Since": since})
    assert same.value.status == 304


@operation(
    "records", "Lead.update(headers=If-Unmodified-Since)", "412 where it changed since, and the record stays"
)
def test_the_optimistic_lock(client):
    lead = client.Lead.create(LEAD)["id"]
    since = format_datetime(datetime.now(UTC) - timedelta(minutes=1), usegmt=True)
    with pytest.raises(SalesforceGeneralError) as changed:
        client.Lead.update(lead, {"Title": "x"}, headers={"If-Unmodified-Since": since})
    assert (changed.value.status, client.Lead.get(lead)["Title"]) == (412, None)


@operation("upserts", "Lead.upsert", "201 created, then 200 with created false; any sign in the key")
def test_upsert(client):
    assert [client.Lead.upsert(KEY, LEAD), client.Lead.upsert(KEY, {"Title": "x"})] == [201, 200]
    assert client.Lead.upsert(KEY, {"Title": "x"}, raw_response=True).json()["created"] is False
    assert client.Lead.get(KEY)["Title"] == "x"


@operation("upserts", "Lead.upsert of version 45.0", "201, then 204 without a body")
def test_an_old_upsert(session, client):
    old = Salesforce(
        instance_url="https://acme.my.salesforce.com", session_id=client.session_id, version="45.0",
        session=session,
    )  # fmt: skip
    assert [old.Lead.upsert(KEY, LEAD), old.Lead.upsert(KEY, {"Title": "x"})] == [201, 204]


@operation("upserts", "Lead.upsert by a shared value", "300: the addresses of the records")
def test_a_shared_key(client):
    for _ in range(2):
        client.Lead.create({**LEAD, "Email": "info@example.com"})
    with pytest.raises(SalesforceMoreThanOneRecord) as several:
        client.Lead.upsert("Email/info@example.com", {"Title": "x"})
    assert all("/sobjects/Lead/00Q" in address for address in several.value.content)
    assert len(several.value.content) == 2


@operation(
    "upserts", "Lead.upsert by an unknown field", "404 NOT_FOUND: Provided external ID field does not exist …"
)
def test_an_unknown_key(client):
    with pytest.raises(SalesforceResourceNotFound) as unknown:
        client.Lead.upsert("Nope__c/1", LEAD)
    [error] = unknown.value.content
    assert error["errorCode"] == "NOT_FOUND"
    assert error["message"] == "Provided external ID field does not exist or is not accessible: Nope__c"


@operation("upserts", "Lead.get_by_custom_id", "200: found by its external id; 404 NOT_FOUND for another")
def test_get_by_custom_id(client):
    client.Lead.create({**LEAD, "LeadRelay_Id__c": "lr-1"})
    assert client.Lead.get_by_custom_id("LeadRelay_Id__c", "lr-1")["LastName"] == "O'Brien"
    with pytest.raises(SalesforceResourceNotFound) as unknown:
        client.Lead.get_by_custom_id("LeadRelay_Id__c", "lr-2")
    assert unknown.value.content[0]["errorCode"] == "NOT_FOUND"


@operation(
    "upserts", "CampaignMember.create with Lead by its external id", "201: the parent found by its key"
)
def test_a_parent_by_key(client):
    lead = client.Lead.create({**LEAD, "LeadRelay_Id__c": "lr-1"})["id"]
    campaign = client.Campaign.create({"Name": "Fair"})["id"]
    member = {"CampaignId": campaign, "Lead": {"LeadRelay_Id__c": "lr-1"}}
    assert client.CampaignMember.get(client.CampaignMember.create(member)["id"])["LeadId"] == lead


@operation("describes", "describe", "200: the objects and their prefixes")
def test_describe_all(client):
    prefixes = {one["name"]: one["keyPrefix"] for one in client.describe()["sobjects"]}
    assert prefixes.items() >= {"Lead": "00Q", "Contact": "003", "Account": "001", "User": "005"}.items()


@operation("describes", "Lead.describe", "200: fields with type, length, rights and picklist")
def test_describe(client):
    told = client.Lead.describe()
    fields = {field["name"]: field for field in told["fields"]}
    assert told["keyPrefix"] == "00Q"
    assert (fields["LastName"]["type"], fields["LastName"]["length"], fields["LastName"]["nillable"]) == (
        "string", 80, False,
    )  # fmt: skip
    assert fields["IsConverted"]["updateable"] is False
    statuses = [one["value"] for one in fields["Status"]["picklistValues"]]
    assert {"Open - Not Contacted", "Closed - Converted"} <= set(statuses)


@operation("describes", "Lead.metadata", "200: objectDescribe and recentItems")
def test_metadata(client):
    assert client.Lead.metadata()["objectDescribe"]["name"] == "Lead"


@operation("describes", "Nope.describe", "404 NOT_FOUND: The requested resource does not exist")
def test_describe_of_nothing(client):
    with pytest.raises(SalesforceResourceNotFound) as unknown:
        client.Nope.describe()
    [error] = unknown.value.content
    assert (error["errorCode"], error["message"]) == ("NOT_FOUND", "The requested resource does not exist")


@operation("changes", "Lead.updated, Lead.deleted", "200: ids between two times, latestDateCovered")
def test_updated_and_deleted(client):
    kept, gone = (client.Lead.create(LEAD)["id"] for _ in range(2))
    client.Lead.delete(gone)
    now = datetime.now(UTC)
    span = now - timedelta(minutes=10), now + timedelta(minutes=10)
    updated, deleted = client.Lead.updated(*span), client.Lead.deleted(*span)
    assert updated["ids"] == [kept]
    assert [one["id"] for one in deleted["deletedRecords"]] == [gone]
    assert updated["latestDateCovered"].endswith(".000+0000")
    assert deleted.keys() == {"deletedRecords", "earliestDateAvailable", "latestDateCovered"}


def grant(client, field):
    """Let the API user read and edit a field."""
    made = client.PermissionSet.create({"Name": "installer", "Label": "Installer"})["id"]
    user = client.query("SELECT Id FROM User WHERE Username = 'integration@northlight.example'")["records"][0]
    client.PermissionSetAssignment.create({"AssigneeId": user["Id"], "PermissionSetId": made})
    rights = {"PermissionsRead": True, "PermissionsEdit": True}
    told = {"ParentId": made, "SobjectType": field.split(".")[0], "Field": field, **rights}
    assert client.FieldPermissions.create(told)["success"]


@operation(
    "changes",
    "toolingexecute(sobjects/CustomField, POST)",
    "201: a custom field, hidden until a permission set grants it",
)
def test_a_custom_field(client):
    metadata = {"label": "Shop Id", "type": "Text", "length": 20, "externalId": True, "unique": True}
    made = client.toolingexecute(
        "sobjects/CustomField", method="POST", data={"FullName": "Account.Shop_Id__c", "Metadata": metadata}
    )
    assert (made["success"], made["id"][:3]) == (True, "00N")
    assert "Shop_Id__c" not in [field["name"] for field in client.Account.describe()["fields"]]
    grant(client, "Account.Shop_Id__c")
    assert client.Account.upsert("Shop_Id__c/s-1", {"Name": "Shop"}) == 201
    assert client.query("SELECT Name FROM Account WHERE Shop_Id__c = 's-1'")["totalSize"] == 1
