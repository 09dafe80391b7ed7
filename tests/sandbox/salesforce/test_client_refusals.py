"""simple-salesforce, what is refused."""

from __future__ import annotations

import pytest
from simple_salesforce.exceptions import (
    SalesforceGeneralError,
    SalesforceMalformedRequest,
    SalesforceRefusedRequest,
    SalesforceResourceNotFound,
)

from tests.sandbox.operations import operation
from tests.sandbox.salesforce import soap

LEAD = {"LastName": "Lovelace", "Company": "Engines"}
NOBODY = "00Q000000000001EAA"


def refused(kind, call, *arguments, **named):
    """The only error that a call ends with."""
    with pytest.raises(kind) as caught:
        call(*arguments, **named)
    [error] = caught.value.content
    return error


@pytest.fixture
def create(client):
    """The error of a lead that cannot be made."""

    def run(**fields):
        return refused(SalesforceMalformedRequest, client.Lead.create, LEAD | fields)

    return run


@operation(
    "refusals",
    "Lead.create without a required field",
    "400 REQUIRED_FIELD_MISSING: Required fields are missing: [Company]",
)
def test_required(create):
    assert create(Company=None) == {
        "errorCode": "REQUIRED_FIELD_MISSING", "message": "Required fields are missing: [Company]",
        "fields": ["Company"],
    }  # fmt: skip


@operation(
    "refusals",
    "Lead.create with a long text",
    "400 STRING_TOO_LONG: … data value too large: … (max length=80)",
)
def test_too_long(create):
    error = create(LastName="x" * 81)
    assert (error["errorCode"], error["fields"]) == ("STRING_TOO_LONG", ["LastName"])
    assert f"data value too large: {'x' * 81} (max length=80)" in error["message"]


@operation(
    "refusals",
    "Lead.create with a known unique value",
    "400 DUPLICATE_VALUE: … duplicates value on record with id: …",
)
def test_duplicate(client, create):
    lead = client.Lead.create(LEAD | {"LeadRelay_Id__c": "lr-1"})["id"]
    error = create(LeadRelay_Id__c="lr-1")
    assert error["errorCode"] == "DUPLICATE_VALUE"
    assert error["message"] == (
        f"duplicate value found: LeadRelay_Id__c duplicates value on record with id: {lead}"
    )


@operation("refusals", "Lead.create with a wrong address", "400 INVALID_EMAIL_ADDRESS")
def test_email(create):
    assert create(Email="nonsense")["errorCode"] == "INVALID_EMAIL_ADDRESS"


@operation("refusals", "Lead.create with an unknown field", "400 INVALID_FIELD")
def test_unknown_field(create):
    error = create(Nope__c="x")
    assert (error["errorCode"], "Nope__c" in error["message"]) == ("INVALID_FIELD", True)


@operation(
    "refusals",
    "Lead.create with a value of no restricted picklist",
    "400 INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
)
def test_picklist(api, create):
    api.fault(lead_status="restricted")
    error = create(Status="Nope")
    assert (error["errorCode"], error["fields"]) == ("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", ["Status"])


@operation(
    "refusals", "Lead.create with a wrong reference", "400 MALFORMED_ID or INVALID_CROSS_REFERENCE_KEY"
)
def test_references(create):
    assert create(OwnerId="x")["errorCode"] == "MALFORMED_ID"
    assert create(OwnerId="005000000000001AAA")["errorCode"] == "INVALID_CROSS_REFERENCE_KEY"


@operation(
    "refusals", "Lead.create that a duplicate rule blocks", "400 DUPLICATES_DETECTED with duplicateResut"
)
def test_duplicates_detected(api, client, create):
    api.fault(duplicate_rules="block")
    lead = client.Lead.create(LEAD | {"Email": "ada@example.com"})["id"]
    error = create(Email="ada@example.com")
    assert error["errorCode"] == "DUPLICATES_DETECTED"
    [match] = error["duplicateResut"]["matchResults"][0]["matchRecords"]
    assert match["record"]["Id"] == lead


@operation("refusals", "Lead.update of a field nobody writes", "400 INVALID_FIELD_FOR_INSERT_UPDATE")
def test_read_only(client):
    lead = client.Lead.create(LEAD)["id"]
    error = refused(SalesforceMalformedRequest, client.Lead.update, lead, {"IsConverted": True})
    assert (error["errorCode"], error["fields"]) == ("INVALID_FIELD_FOR_INSERT_UPDATE", ["IsConverted"])


@operation("refusals", "Lead.get, update, delete of an unknown id", "404 NOT_FOUND")
def test_not_found(client):
    for call in (client.Lead.get, client.Lead.delete):
        assert refused(SalesforceResourceNotFound, call, NOBODY)["errorCode"] == "NOT_FOUND"
    error = refused(SalesforceResourceNotFound, client.Lead.update, NOBODY, {"Title": "x"})
    assert error["errorCode"] == "NOT_FOUND"


@operation("refusals", "Lead.update, delete of a deleted record", "404 ENTITY_IS_DELETED: entity is deleted")
def test_deleted(client):
    lead = client.Lead.create(LEAD)["id"]
    client.Lead.delete(lead)
    expected = {"errorCode": "ENTITY_IS_DELETED", "message": "entity is deleted"}
    error = refused(SalesforceResourceNotFound, client.Lead.update, lead, {"Title": "x"})
    assert error.items() >= expected.items()
    assert refused(SalesforceResourceNotFound, client.Lead.delete, lead).items() >= expected.items()


@operation("refusals", "Lead.update of a converted lead", "400 CANNOT_UPDATE_CONVERTED_LEAD")
def test_converted(api, client):
    lead = client.Lead.create(LEAD)["id"]
    told = soap.elements(
        leadId=lead, convertedStatus="Closed - Converted", ownerId=api.user("anna.keller@northlight.example")
    )
    [done] = soap.results(
        soap.call(api.url, f"<convertLead><leadConverts>{told}</leadConverts></convertLead>")
    )
    assert done["success"] == "true"
    error = refused(SalesforceMalformedRequest, client.Lead.update, lead, {"Title": "x"})
    assert error["errorCode"] == "CANNOT_UPDATE_CONVERTED_LEAD"


@operation("refusals", "Lead.update of a locked row", "400 UNABLE_TO_LOCK_ROW, item by item in a collection")
def test_locked(api, client):
    api.fault(half_failed_rate=1)
    records = [{"attributes": {"type": "Lead"}, **LEAD}]
    [told] = client.restful("composite/sobjects", method="POST", json={"records": records})
    assert told["errors"][0]["statusCode"] == "UNABLE_TO_LOCK_ROW"


@operation(
    "refusals", "any call beyond the daily limit", "403 REQUEST_LIMIT_EXCEEDED: TotalRequests Limit exceeded."
)
def test_daily(api, client):
    api.fault(limits={"daily": 0})
    error = refused(SalesforceRefusedRequest, client.query, "SELECT Id FROM Lead")
    assert error == {"errorCode": "REQUEST_LIMIT_EXCEEDED", "message": "TotalRequests Limit exceeded."}


@operation("refusals", "any call of a retired version", "410")
def test_retired(client):
    client.base_url = client.base_url.replace("v68.0", "v29.0")
    with pytest.raises(SalesforceGeneralError) as gone:
        client.limits()
    assert gone.value.status == 410


@operation("refusals", "any call that meets a 503", "SalesforceGeneralError; nothing took effect")
def test_503(api, client):
    api.fault(error_rate=1, error_status=503)
    with pytest.raises(SalesforceGeneralError) as caught:
        client.Lead.create(LEAD)
    assert caught.value.status == 503
    assert api.control("stats").json()["records"]["Lead"] == 0
