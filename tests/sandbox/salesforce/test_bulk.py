"""Bulk API 2.0: ingest and query jobs, asked with plain requests and with simple-salesforce."""

from __future__ import annotations

import csv
import io

import pytest
import requests
from simple_salesforce.exceptions import SalesforceOperationError

from tests.sandbox.salesforce.test_single import error_of


def rows_of(answer):
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"].startswith("text/csv")
    return list(csv.DictReader(io.StringIO(answer.text)))


@pytest.fixture
def ingest(api):
    """Make a job, upload, close it; returns the job's address."""

    def run(text, operation="insert", kind="Lead", **more):
        made = api.post("jobs/ingest", {"object": kind, "operation": operation, "contentType": "CSV", **more})
        assert made.status_code == 200, made.text
        path = f"jobs/ingest/{made.json()['id']}"
        assert api.call("PUT", f"/{made.json()['contentUrl']}", data=text.encode()).status_code == 201
        assert api.patch(path, {"state": "UploadComplete"}).json()["state"] == "UploadComplete"
        return path

    return run


def test_the_life_of_an_insert(api, ingest):
    made = api.post("jobs/ingest", {"object": "lead", "operation": "insert"}).json()
    assert (made["state"], made["object"], made["apiVersion"]) == ("Open", "Lead", 68.0)
    assert made["id"].startswith("750")
    assert made["contentUrl"] == f"services/data/v68.0/jobs/ingest/{made['id']}/batches"
    path = ingest("LastName,Company,Email\nA,x,a@example.com\nB,,b@example.com\nC,z,nonsense\n")
    told = api.get(path).json()
    assert [told[name] for name in ("state", "numberRecordsProcessed", "numberRecordsFailed", "jobType")] == [
        "JobComplete", 3, 2, "V2Ingest",
    ]  # fmt: skip
    [fine] = rows_of(api.get(f"{path}/successfulResults/"))
    assert (fine["sf__Created"], fine["LastName"]) == ("true", "A")
    assert api.read(fine["sf__Id"], "Email") == {"Email": "a@example.com"}
    errors = [row["sf__Error"] for row in rows_of(api.get(f"{path}/failedResults"))]
    assert errors == [
        "REQUIRED_FIELD_MISSING:Required fields are missing: [Company]:Company --",
        "INVALID_EMAIL_ADDRESS:Email: invalid email address: nonsense:Email --",
    ]
    for spelling in ("unprocessedrecords", "unprocessedRecords"):
        assert rows_of(api.get(f"{path}/{spelling}")) == []


def test_an_update_leaves_what_is_empty_and_clears_what_says_so(api, ingest):
    lead = api.lead(Title="CTO", City="London", Phone="1")
    path = ingest(f"Id,Title,City,Phone\n{lead},,#N/A,2\n00Q5g0000000001EAA,x,,\n", "update")
    assert api.read(lead, "Title,City,Phone") == {"Title": "CTO", "City": None, "Phone": "2"}
    [failed] = rows_of(api.get(f"{path}/failedResults"))
    assert failed["sf__Id"] == "00Q5g0000000001EAA"
    assert failed["sf__Error"].startswith("INVALID_CROSS_REFERENCE_KEY:")
    assert rows_of(api.get(f"{path}/successfulResults"))[0]["sf__Created"] == "false"


def test_an_upsert_by_external_id_with_a_parent_named_by_its_own(api, ingest):
    metadata = {"label": "Shop Id", "type": "Text", "length": 20, "externalId": True, "unique": True}
    api.control("faults", {"new_fields": "shown"})
    api.post("tooling/sobjects/CustomField", {"FullName": "Account.Shop_Id__c", "Metadata": metadata})
    account, old = api.make("Account", Name="X", Shop_Id__c="s-1"), api.contact(LeadRelay_Id__c="lr-1")
    text = 'LeadRelay_Id__c,LastName,Account.Shop_Id__c\nlr-1,"A ""B""",s-1\nlr-2,C,\nLR-2,D,\nlr-3,E,no\n'
    path = ingest(text, "upsert", "Contact", externalIdFieldName="LeadRelay_Id__c")
    assert api.read(old, "LastName,AccountId") == {"LastName": 'A "B"', "AccountId": account}
    created = [row["sf__Created"] for row in rows_of(api.get(f"{path}/successfulResults"))]
    codes = [row["sf__Error"].split(":")[0] for row in rows_of(api.get(f"{path}/failedResults"))]
    assert (created, codes) == (["false", "true"], ["DUPLICATE_VALUE", "INVALID_FIELD"])


def test_a_delete_fills_the_bin_and_a_hard_delete_does_not(api, ingest):
    soft, hard, kept = api.lead(), api.lead(), api.lead()
    ingest(f"Id\n{soft}\n", "delete")
    ingest(f"Id\n{hard}\n", "hardDelete")
    rows = api.rows("SELECT Id, IsDeleted FROM Lead ORDER BY Id", also_deleted=True)
    assert rows == [{"Id": soft, "IsDeleted": True}, {"Id": kept, "IsDeleted": False}]


def test_delimiter_and_line_ending_are_those_of_the_job(api, ingest):
    text = "LastName;Company\r\nA;x\r\n"
    path = ingest(text, lineEnding="CRLF", columnDelimiter="SEMICOLON")
    assert api.get(f"{path}/successfulResults").text.startswith('"sf__Id";"sf__Created";"LastName"')
    wrong = api.get(ingest(text, columnDelimiter="SEMICOLON")).json()
    assert (wrong["state"], "LineEnding is invalid" in wrong["errorMessage"]) == ("Failed", True)


def test_an_unknown_column_fails_the_job_and_its_rows_stay_unprocessed(api, ingest):
    path = ingest("LastName,Shoe__c\nA,46\n")
    told = api.get(path).json()
    assert (told["state"], told["errorMessage"]) == (
        "Failed",
        "InvalidBatch : Field name not found : Shoe__c",
    )
    assert rows_of(api.get(f"{path}/unprocessedrecords")) == [{"LastName": "A", "Shoe__c": "46"}]


def test_the_clock_may_move_the_states(api, ingest):
    api.fault(bulk_pace="by_clock")
    api.control("clock", {"now": "2026-11-21T10:00:00Z", "frozen": True})
    path = ingest("LastName,Company\nA,x\n")
    states = []
    for _ in range(4):
        states.append(api.get(path).json()["state"])
        api.control("clock", {"advance": 5})
    assert states == ["UploadComplete", "InProgress", "InProgress", "JobComplete"]
    assert api.query("SELECT COUNT() FROM Lead").json()["totalSize"] == 1


def test_a_job_may_be_aborted_and_deleted(api, ingest):
    api.fault(bulk_pace="by_clock")
    path = ingest("LastName,Company\nA,x\n")
    assert error_of(api.delete(path))[1] == "INVALIDJOBSTATE"
    assert api.patch(path, {"state": "Aborted"}).json()["state"] == "Aborted"
    api.control("clock", {"advance": 60})
    assert rows_of(api.get(f"{path}/unprocessedrecords")) == [{"LastName": "A", "Company": "x"}]
    assert api.rows("SELECT Id FROM Lead") == []
    assert error_of(api.patch(path, {"state": "UploadComplete"}))[1] == "INVALIDJOBSTATE"
    gone = api.delete(path)
    assert (gone.status_code, gone.content) == (204, b"")
    assert api.get(path).status_code == 404


@pytest.mark.parametrize(
    "body",
    [
        {"object": "Lead", "operation": "merge"},
        {"object": "Shoe", "operation": "insert"},
        {"object": "Lead", "operation": "upsert", "externalIdFieldName": "Title"},
        {"object": "Lead", "operation": "insert", "columnDelimiter": "DOT"},
    ],
)
def test_jobs_that_cannot_be(api, body):
    assert error_of(api.post("jobs/ingest", body))[:2] == (400, "INVALIDJOB")


def test_rows_may_be_locked_and_the_assignment_rule_runs_only_where_asked(api, ingest):
    ingest("LastName,Company\nA,x\n")
    ingest("LastName,Company\nB,x\n", assignmentRuleId="01Q5g000000001AAAQ")
    rows = api.rows("SELECT Owner.Type FROM Lead ORDER BY LastName")
    assert [row["Owner"]["Type"] for row in rows] == ["User", "Queue"]
    api.fault(half_failed_rate=1)
    [row] = rows_of(api.get(f"{ingest('LastName,Company' + chr(10) + 'A,x')}/failedResults"))
    assert row["sf__Error"].startswith("UNABLE_TO_LOCK_ROW:")


def test_a_query_job_gives_pages_behind_locators(api):
    api.control("clock", {"now": "2026-11-21T10:00:00Z", "frozen": True})
    leads = [api.lead(LastName=str(n), Title='a "b"' if n else None) for n in range(5)]
    query = "SELECT Id, Title, DoNotCall, CreatedDate, Owner.Name FROM Lead ORDER BY Id"
    made = api.post("jobs/query", {"operation": "query", "query": query}).json()
    assert (made["state"], made["object"]) == ("UploadComplete", "Lead")
    path = f"jobs/query/{made['id']}"
    assert api.get(path).json()["numberRecordsProcessed"] == 5
    seen, locator = [], None
    while locator != "null":
        page = api.get(f"{path}/results", params={"maxRecords": 2, "locator": locator})
        locator = page.headers["Sforce-Locator"]
        found = rows_of(page)
        assert page.headers["Sforce-NumberOfRecords"] == str(len(found))
        seen += found
    assert [row["Id"] for row in seen] == leads
    assert (seen[0]["Title"], seen[1]["Title"], seen[0]["DoNotCall"]) == ("", 'a "b"', "false")
    assert seen[0]["CreatedDate"] == "2026-11-21T10:00:00.000Z"
    assert seen[0]["Owner.Name"] == "Integration User"
    assert api.get(f"/services/data/v60.0/{path}/results").status_code == 409
    [page] = api.get(f"{path}/resultPages").json()["resultPages"]
    assert page["resultLink"].startswith(f"/jobs/query/{made['id']}/results?locator=")
    assert len(rows_of(api.get(page["resultLink"].lstrip("/")))) == 5
    assert api.delete(path).status_code == 204


def test_query_all_has_the_deleted_and_a_query_may_be_refused_or_aborted(api):
    api.delete(f"sobjects/Lead/{api.lead()}")
    api.fault(bulk_pace="by_clock")
    made = api.post("jobs/query", {"operation": "queryAll", "query": "SELECT Id FROM Lead"}).json()
    path = f"jobs/query/{made['id']}"
    assert error_of(api.get(f"{path}/results"))[1] == "INVALIDJOBSTATE"
    api.control("clock", {"advance": 20})
    assert len(rows_of(api.get(f"{path}/results"))) == 1
    other = api.post("jobs/query", {"operation": "query", "query": "SELECT Id FROM Lead"}).json()
    assert api.patch(f"jobs/query/{other['id']}", {"state": "Aborted"}).json()["state"] == "Aborted"
    for query, code in {
        "SELECT Shoe FROM Lead": "INVALID_FIELD", "SELECT COUNT(Id) FROM Lead": "API_ERROR",
        "SELECT Id, (SELECT Id FROM Tasks) FROM Lead": "API_ERROR",
    }.items():  # fmt: skip
        assert error_of(api.post("jobs/query", {"operation": "query", "query": query}))[1] == code


def test_simple_salesforce_loads_and_extracts(api, client):
    records = [{"LeadRelay_Id__c": f"lr-{n}", "LastName": f"L{n}", "Company": "x"} for n in range(25)]
    records.append({"LeadRelay_Id__c": "lr-bad", "LastName": "x", "Company": "#N/A"})
    [told] = client.bulk2.Lead.upsert(records=records, external_id_field="LeadRelay_Id__c", wait=0.01)
    assert (told["numberRecordsTotal"], told["numberRecordsFailed"]) == (26, 1)
    failed = client.bulk2.Lead.get_failed_records(told["job_id"])
    assert "REQUIRED_FIELD_MISSING" in failed
    assert client.bulk2.Lead.get_unprocessed_records(told["job_id"]).count("\n") == 1
    pages = list(client.bulk2.Lead.query("SELECT Id, LastName FROM Lead", max_records=10, wait=0.01))
    found = [row["LastName"] for page in pages for row in csv.DictReader(io.StringIO(page))]
    assert (len(pages), sorted(found)) == (3, sorted(f"L{n}" for n in range(25)))
    with pytest.raises(SalesforceOperationError, match="Field name not found"):
        client.bulk2.Lead.insert(records=[{"Shoe__c": "1"}], wait=0.01)


def test_jobs_are_listed(api, ingest):
    ingest("LastName,Company\nA,x\n")
    told = api.get("jobs/ingest").json()
    assert (told["done"], [job["object"] for job in told["records"]]) == (True, ["Lead"])
    assert api.get("jobs/query").json()["records"] == []
    assert requests.get(f"{api.url}/services/data/v68.0/jobs/ingest", timeout=60).status_code == 401
