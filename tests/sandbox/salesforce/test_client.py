"""simple-salesforce, the library the connector uses, against the sandbox."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from simple_salesforce import Salesforce, SalesforceResourceNotFound, format_soql
from simple_salesforce.exceptions import (
    SalesforceExpiredSession,
    SalesforceGeneralError,
    SalesforceMalformedRequest,
    SalesforceMoreThanOneRecord,
    SalesforceRefusedRequest,
)
from simple_salesforce.format import format_external_id

LEAD = {"LastName": "O'Brien", "Company": "Engines"}
HEADERS = {"Sforce-Auto-Assign": "FALSE"}


def test_the_life_of_a_lead(client):
    lead = client.Lead.create(LEAD, headers=HEADERS)["id"]
    assert client.Lead.update(lead, {"Title": "CTO"}, headers=HEADERS) == 204
    assert client.Lead.get(lead)["Title"] == "CTO"
    assert client.Lead.delete(lead) == 204
    with pytest.raises(SalesforceResourceNotFound) as gone:
        client.Lead.get(lead)
    assert gone.value.content[0]["errorCode"] == "ENTITY_IS_DELETED"


def test_upserts_by_external_id(client):
    key = format_external_id("LeadRelay_Id__c", "a/b c&d")
    assert [client.Lead.upsert(key, LEAD), client.Lead.upsert(key, {"Title": "x"})] == [201, 200]
    assert client.Lead.upsert(key, {"Title": "x"}, raw_response=True).json()["created"] is False
    assert client.Lead.get(key)["Title"] == "x"


def test_a_shared_key_is_more_than_one_record(client):
    for _ in range(2):
        client.Lead.create({**LEAD, "Email": "info@example.com"})
    with pytest.raises(SalesforceMoreThanOneRecord) as several:
        client.Lead.upsert("Email/info@example.com", {"Title": "x"})
    assert len(several.value.content) == 2


def test_a_query_with_formatted_literals(client):
    client.Lead.create({**LEAD, "Email": "o'brien@example.com", "Title": "100% sure"}, headers=HEADERS)
    since = datetime.now(UTC) - timedelta(minutes=5)
    soql = format_soql(
        "SELECT Id, LastName FROM Lead WHERE Email IN {} AND Title LIKE '{:like}%' AND CreatedDate > {}",
        ["o'brien@example.com", 'x"y\\z'], "100%", since,
    )  # fmt: skip
    answer = client.query(soql)
    assert (answer["totalSize"], answer["records"][0]["LastName"]) == (1, "O'Brien")


def test_query_all_iter_follows_the_pages(client):
    for _ in range(11):
        records = [{"attributes": {"type": "Lead"}, **LEAD}] * 200
        client.restful("composite/sobjects", method="POST", json={"records": records})
    assert sum(1 for _ in client.query_all_iter("SELECT Id FROM Lead")) == 2_200
    assert sum(1 for _ in client.query_all_iter("SELECT Id FROM Lead", include_deleted=True)) == 2_200


def test_collections_and_composite_by_restful(client):
    records = [{"attributes": {"type": "Lead"}, "LeadRelay_Id__c": "lr-1", **LEAD}]
    [result] = client.restful(
        "composite/sobjects/Lead/LeadRelay_Id__c", method="PATCH", json={"records": records}
    )
    assert result["created"] is True
    call = {"method": "GET", "url": "/services/data/v68.0/limits", "referenceId": "limits"}
    answer = client.restful("composite", method="POST", json={"compositeRequest": [call]})
    assert answer["compositeResponse"][0]["httpStatusCode"] == 200


def test_limits_and_usage(client):
    assert client.limits()["DailyApiRequests"]["Max"] == 100_000
    assert client.api_usage["api-usage"].total == 100_000
    assert client.api_usage["api-usage"].used == 1


def test_describes(client):
    assert {one["name"] for one in client.describe()["sobjects"]} >= {"Lead", "Contact", "User"}
    assert client.Lead.describe()["keyPrefix"] == "00Q"
    assert client.Lead.metadata()["objectDescribe"]["name"] == "Lead"


def test_updated_and_deleted(client):
    lead = client.Lead.create(LEAD)["id"]
    now = datetime.now(UTC)
    start, end = now - timedelta(minutes=10), now + timedelta(minutes=10)
    assert client.Lead.updated(start, end)["ids"] == [lead]
    assert client.Lead.deleted(start, end)["deletedRecords"] == []


def test_errors_arrive_as_the_librarys_exceptions(api, client):
    with pytest.raises(SalesforceMalformedRequest) as malformed:
        client.Lead.create({"LastName": "x"})
    assert malformed.value.content[0]["fields"] == ["Company"]
    api.fault(limits={"daily": 0})
    with pytest.raises(SalesforceRefusedRequest):
        client.query("SELECT Id FROM Lead")
    api.fault(error_rate=1, error_status=503)
    with pytest.raises(SalesforceGeneralError):
        client.query("SELECT Id FROM Lead")


def test_a_stale_token_is_an_expired_session(client):
    stale = Salesforce(
        instance_url="https://acme.my.salesforce.com",
        session_id="00Dx!stale",
        version="68.0",
        session=client.session,
    )
    with pytest.raises(SalesforceExpiredSession):
        stale.query("SELECT Id FROM Lead")
