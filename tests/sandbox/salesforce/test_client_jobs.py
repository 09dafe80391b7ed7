"""simple-salesforce, several at once: collections, composites, bulk jobs."""

from __future__ import annotations

import csv
import io

import pytest
from simple_salesforce.bulk2 import JobState
from simple_salesforce.exceptions import SalesforceMalformedRequest, SalesforceOperationError

from tests.sandbox.operations import operation

LEAD = {"LastName": "Lovelace", "Company": "Engines"}
BASE = "/services/data/v68.0"


@pytest.fixture
def send(client):
    """Call a path with a body."""

    def run(method, path, **body):
        return client.restful(path, method=method, json=body)

    return run


def leads(*rows):
    return [{"attributes": {"type": "Lead"}, **LEAD, **row} for row in rows]


@operation(
    "collections",
    "restful(composite/sobjects, POST)",
    "200: a result for each, in order; errors with statusCode",
)
def test_create(send):
    fine, wrong = send("POST", "composite/sobjects", records=leads({}, {"Email": "nonsense"}))
    assert (fine["success"], fine["errors"], wrong["success"]) == (True, [], False)
    [error] = wrong["errors"]
    assert (error["statusCode"], error["fields"]) == ("INVALID_EMAIL_ADDRESS", ["Email"])


@operation(
    "collections",
    "restful(composite/sobjects, POST, allOrNone)",
    "200: one bad record rolls the others back",
)
def test_all_or_none(client, send):
    told = send("POST", "composite/sobjects", allOrNone=True, records=leads({}, {"LastName": None}))
    assert [one["errors"][0]["statusCode"] for one in told] == [
        "ALL_OR_NONE_OPERATION_ROLLED_BACK", "REQUIRED_FIELD_MISSING",
    ]  # fmt: skip
    assert client.query("SELECT COUNT() FROM Lead")["totalSize"] == 0


@operation("collections", "restful(composite/sobjects, PATCH)", "200: a result for each")
def test_update(client, send):
    lead = client.Lead.create(LEAD)["id"]
    record = {"attributes": {"type": "Lead"}, "id": lead, "Title": "CTO"}
    assert send("PATCH", "composite/sobjects", records=[record]) == [
        {"id": lead, "success": True, "errors": []}
    ]
    assert client.Lead.get(lead)["Title"] == "CTO"


@operation(
    "collections", "restful(composite/sobjects/Lead/{key}, PATCH)", "200: created says which were made"
)
def test_upsert(client, send):
    client.Lead.create(LEAD | {"LeadRelay_Id__c": "lr-1"})
    records = leads({"LeadRelay_Id__c": "lr-1"}, {"LeadRelay_Id__c": "lr-2"})
    told = send("PATCH", "composite/sobjects/Lead/LeadRelay_Id__c", records=records)
    assert [(one["success"], one["created"]) for one in told] == [(True, False), (True, True)]


@operation("collections", "restful(composite/sobjects, DELETE)", "200: a result for each")
def test_delete(client):
    ids = [client.Lead.create(LEAD)["id"] for _ in range(2)]
    told = client.restful("composite/sobjects", method="DELETE", params={"ids": ",".join(ids)})
    assert [(one["id"], one["success"]) for one in told] == [(one, True) for one in ids]


@operation("collections", "restful(composite/sobjects, POST) of 201", "400: at most 200 records")
def test_too_many(send):
    with pytest.raises(SalesforceMalformedRequest):
        send("POST", "composite/sobjects", records=leads(*[{}] * 201))


@operation("composite", "restful(composite)", "200: a result for each; @{…} names what an earlier one made")
def test_composite(client, send):
    calls = [
        {"method": "POST", "url": f"{BASE}/sobjects/Account", "referenceId": "a", "body": {"Name": "ACME"}},
        {"method": "POST", "url": f"{BASE}/sobjects/Contact", "referenceId": "c",
         "body": {"LastName": "L", "AccountId": "@{a.id}"}},
    ]  # fmt: skip
    account, contact = send("POST", "composite", compositeRequest=calls)["compositeResponse"]
    assert (account["httpStatusCode"], contact["httpStatusCode"], contact["referenceId"]) == (201, 201, "c")
    assert client.Contact.get(contact["body"]["id"])["AccountId"] == account["body"]["id"]


@operation(
    "composite", "restful(composite, allOrNone)", "200: the bad one's error, PROCESSING_HALTED for the others"
)
def test_composite_rolled_back(send):
    calls = [
        {"method": "POST", "url": f"{BASE}/sobjects/Lead", "referenceId": f"r{number}", "body": body}
        for number, body in enumerate((LEAD, {"LastName": "x"}))
    ]
    told = send("POST", "composite", allOrNone=True, compositeRequest=calls)["compositeResponse"]
    assert [(one["httpStatusCode"], one["body"][0]["errorCode"]) for one in told] == [
        (400, "PROCESSING_HALTED"), (400, "REQUIRED_FIELD_MISSING"),
    ]  # fmt: skip


@operation("composite", "restful(composite/batch)", "200: hasErrors, and a statusCode for each")
def test_batch(send):
    calls = [{"method": "GET", "url": "v68.0/limits"}, {"method": "GET", "url": "v68.0/sobjects/Nope"}]
    told = send("POST", "composite/batch", batchRequests=calls)
    assert (told["hasErrors"], [one["statusCode"] for one in told["results"]]) == (True, [200, 404])


@operation("composite", "restful(composite/tree/Account)", "201: ids by referenceId, the children's too")
def test_tree(send):
    child = {"attributes": {"type": "Contact", "referenceId": "c1"}, "LastName": "L"}
    record = {
        "attributes": {"type": "Account", "referenceId": "a1"}, "Name": "ACME",
        "Contacts": {"records": [child]},
    }  # fmt: skip
    told = send("POST", "composite/tree/Account", records=[record])
    assert (told["hasErrors"], [one["referenceId"] for one in told["results"]]) == (False, ["a1", "c1"])


@operation("composite", "restful(composite/graph)", "200: each graph all or nothing for itself")
def test_graphs(client, send):
    def graph(name, body):
        call = {"method": "POST", "url": f"{BASE}/sobjects/Account", "referenceId": "a", "body": body}
        return {"graphId": name, "compositeRequest": [call]}

    told = send("POST", "composite/graph", graphs=[graph("1", {"Name": "ACME"}), graph("2", {})])["graphs"]
    assert [(one["graphId"], one["isSuccessful"]) for one in told] == [("1", True), ("2", False)]
    assert client.query("SELECT COUNT() FROM Account")["totalSize"] == 1


def rows(text):
    return list(csv.DictReader(io.StringIO(text)))


@operation(
    "bulk 2.0",
    "bulk2.Lead.insert, get_successful_records, get_failed_records",
    "JobComplete: sf__Id, sf__Created; sf__Error",
)
def test_insert(client):
    records = [LEAD | {"Email": "a@example.com"}, LEAD | {"Email": "nonsense"}]
    [told] = client.bulk2.Lead.insert(records=records, wait=0.01)
    assert (told["numberRecordsTotal"], told["numberRecordsFailed"]) == (2, 1)
    [fine] = rows(client.bulk2.Lead.get_successful_records(told["job_id"]))
    assert (fine["sf__Id"][:3], fine["sf__Created"], fine["Email"]) == ("00Q", "true", "a@example.com")
    [wrong] = rows(client.bulk2.Lead.get_failed_records(told["job_id"]))
    assert wrong["sf__Error"].startswith("INVALID_EMAIL_ADDRESS:")
    assert rows(client.bulk2.Lead.get_unprocessed_records(told["job_id"])) == []


@operation("bulk 2.0", "bulk2.Lead.upsert", "JobComplete: sf__Created says which were made")
def test_bulk_upsert(client):
    client.Lead.create(LEAD | {"LeadRelay_Id__c": "lr-1"})
    records = [LEAD | {"LeadRelay_Id__c": key} for key in ("lr-1", "lr-2")]
    [told] = client.bulk2.Lead.upsert(records=records, external_id_field="LeadRelay_Id__c", wait=0.01)
    made = rows(client.bulk2.Lead.get_successful_records(told["job_id"]))
    assert {one["LeadRelay_Id__c"]: one["sf__Created"] for one in made} == {"lr-1": "false", "lr-2": "true"}


@operation("bulk 2.0", "bulk2.Lead.update", "an empty cell leaves the value, #N/A clears it")
def test_bulk_update(client):
    lead = client.Lead.create(LEAD | {"Title": "CTO", "City": "London"})["id"]
    client.bulk2.Lead.update(records=[{"Id": lead, "Title": "", "City": "#N/A"}], wait=0.01)
    told = client.Lead.get(lead)
    assert (told["Title"], told["City"]) == ("CTO", None)


@operation("bulk 2.0", "bulk2.Lead.delete", "JobComplete: the records are in the recycle bin")
def test_bulk_delete(client):
    lead = client.Lead.create(LEAD)["id"]
    [told] = client.bulk2.Lead.delete(records=[{"Id": lead}], wait=0.01)
    assert told["numberRecordsFailed"] == 0
    assert client.query("SELECT COUNT() FROM Lead")["totalSize"] == 0


@operation("bulk 2.0", "bulk2.Lead.insert with an unknown column", "Failed: Field name not found")
def test_bulk_with_an_unknown_column(client):
    with pytest.raises(SalesforceOperationError, match="Field name not found"):
        client.bulk2.Lead.insert(records=[{"Shoe__c": "1"}], wait=0.01)


@operation("bulk 2.0", "bulk2.Lead.query(max_records)", "CSV page by page; Sforce-Locator is null at the end")
def test_bulk_query(client):
    client.restful("composite/sobjects", method="POST", json={"records": leads(*[{}] * 25)})
    pages = list(client.bulk2.Lead.query("SELECT Id, LastName FROM Lead", max_records=10, wait=0.01))
    assert [len(rows(page)) for page in pages] == [10, 10, 5]
    assert {row["LastName"] for page in pages for row in rows(page)} == {"Lovelace"}


@operation("bulk 2.0", "bulk2.Lead.query_all", "the deleted ones as well")
def test_bulk_query_all(client):
    client.Lead.delete(client.Lead.create(LEAD)["id"])
    [page] = client.bulk2.Lead.query_all("SELECT Id, IsDeleted FROM Lead", wait=0.01)
    assert [row["IsDeleted"] for row in rows(page)] == ["true"]


@operation("bulk 2.0", "bulk2 create_job, abort_job, get_job", "Open, then Aborted")
def test_abort(client):
    jobs = client.bulk2.Lead._client
    made = jobs.create_job("insert")
    assert (made["state"], made["id"][:3], made["contentType"]) == (JobState.open, "750", "CSV")
    jobs.abort_job(made["id"], False)
    assert jobs.get_job(made["id"], False)["state"] == JobState.aborted
