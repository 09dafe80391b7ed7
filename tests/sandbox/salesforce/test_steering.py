"""What tests and demos steer: faults, acts of people, the history, the pages."""

from __future__ import annotations

import pytest
import requests

from tests.sandbox.salesforce.test_single import error_of

LEAD = {"LastName": "Lovelace", "Company": "Engines"}


def many(number):
    return {
        "records": [
            {"attributes": {"type": "Lead"}, **LEAD, "FirstName": str(place)} for place in range(number)
        ]
    }


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        ({"error_rate": 1, "error_status": 503}, 503, "SERVER_UNAVAILABLE"),
        ({"error_rate": 1, "error_status": 500}, 500, "UNKNOWN_EXCEPTION"),
        ({"error_rate": 1, "error_status": 401}, 401, "INVALID_SESSION_ID"),
        ({"rate_429": 1}, 403, "REQUEST_LIMIT_EXCEEDED"),
    ],
)
def test_injected_errors_speak_salesforce(api, fault, status, code):
    api.fault(**fault)
    answer = api.post("sobjects/Lead", LEAD)
    assert error_of(answer)[:2] == (status, code)
    assert "Retry-After" not in answer.headers
    api.fault()
    assert api.rows("SELECT Id FROM Lead") == []


def test_a_lost_answer_leaves_the_record_behind(api):
    api.fault(timeout_rate=1, timeout_s=0, count=1)
    with pytest.raises(requests.ConnectionError):
        api.patch("sobjects/Lead/LeadRelay_Id__c/lr-1", LEAD)
    again = api.patch("sobjects/Lead/LeadRelay_Id__c/lr-1", LEAD)
    assert again.json()["created"] is False


def test_a_dropped_call_has_no_effect(api):
    api.fault(drop_rate=1, count=1)
    with pytest.raises(requests.ConnectionError):
        api.post("sobjects/Lead", LEAD)
    assert api.rows("SELECT Id FROM Lead") == []


def test_a_half_failed_batch_has_locked_rows(api):
    api.fault(half_failed_rate=0.5, seed=3)
    results = api.post("composite/sobjects", many(50)).json()
    failed = [result for result in results if not result["success"]]
    assert 5 < len(failed) < 45
    assert {result["errors"][0]["statusCode"] for result in failed} == {"UNABLE_TO_LOCK_ROW"}
    assert api.query("SELECT COUNT() FROM Lead").json()["totalSize"] == 50 - len(failed)


def test_a_locked_row_is_named_where_it_exists(api):
    lead = api.lead()
    api.fault(half_failed_rate=1)
    records = [{"attributes": {"type": "Lead"}, "Id": lead, "Title": "x"}]
    [result] = api.patch("composite/sobjects", {"records": records}).json()
    message = f"unable to obtain exclusive access to this record or 1 records: {lead}"
    assert result["errors"] == [{"statusCode": "UNABLE_TO_LOCK_ROW", "message": message, "fields": []}]


def test_queries_see_commits_late_and_with_stamps_of_the_past(api):
    api.control("clock", {"now": "2026-11-21T10:00:00Z", "frozen": True})
    old = api.lead(Title="old", Email="ada@example.com")
    api.control("clock", {"advance": 60})
    api.fault(search_lag_ms=30_000)
    api.patch(f"sobjects/Lead/{old}", {"Title": "new"})
    new = api.lead(Email="ada@example.com")
    soql = "SELECT Id, Title, SystemModstamp FROM Lead WHERE Email = 'ada@example.com' ORDER BY Id"
    assert api.rows(soql) == [{"Id": old, "Title": "old", "SystemModstamp": "2026-11-21T10:00:00.000+0000"}]
    assert api.read(old, "Title") == {"Title": "new"}, "a read by id does not lag"
    api.control("clock", {"advance": 31})
    assert [(row["Id"], row["Title"], row["SystemModstamp"]) for row in api.rows(soql)] == [
        (old, "new", "2026-11-21T10:01:00.000+0000"), (new, None, "2026-11-21T10:01:00.000+0000"),
    ]  # fmt: skip


def test_the_vendors_clock_can_be_ahead(api):
    api.control("clock", {"now": "2026-11-21T10:00:00Z", "frozen": True})
    api.fault(clock_skew_s=90)
    assert api.read(api.lead(), "SystemModstamp") == {"SystemModstamp": "2026-11-21T10:01:30.000+0000"}


def test_a_person_creates_edits_and_deletes(api):
    mei = "mei.tanaka@northlight.example"
    made = api.control("act/create", {"object": "Lead", "fields": LEAD, "by": mei})
    lead = made.json()["id"]
    assert made.status_code == 201
    assert api.read(lead, "CreatedById,OwnerId") == {"CreatedById": api.user(mei), "OwnerId": api.user(mei)}
    api.control("act/edit", {"object": "Lead", "id": lead, "fields": {"Title": "CTO"}, "by": mei})
    assert api.read(lead, "Title,LastModifiedById") == {"Title": "CTO", "LastModifiedById": api.user(mei)}
    assert api.control("act/delete", {"object": "Lead", "id": lead, "by": mei}).status_code == 204
    kinds = [
        (write["kind"], write["call"]["by"]) for write in api.control(f"history/Lead/{lead}").json()["writes"]
    ]
    assert kinds == [("create", mei), ("update", mei), ("delete", mei)]


def test_an_admin_makes_a_user_inactive(api):
    ben = api.user("ben.carter@northlight.example")
    api.control("act/edit", {"object": "User", "id": ben, "fields": {"IsActive": False}})
    assert api.rows("SELECT Name FROM User WHERE IsActive = false ORDER BY Name") == [
        {"Name": "Ben Carter"}, {"Name": "Oliver Stone"},
    ]  # fmt: skip


def test_what_the_pages_would_refuse_is_refused_with_its_code(api):
    answer = api.control(
        "act/create", {"object": "Lead", "fields": {"LastName": "x", "Email": "no", "Company": "y"}}
    )
    assert answer.status_code == 400
    assert answer.json()["code"] == "INVALID_EMAIL_ADDRESS"


def test_the_history_tells_old_and_new_values_and_the_call(api):
    lead = api.lead(Title="old")
    api.patch(f"sobjects/Lead/{lead}", {"Title": "new", "FirstName": "Ada"})
    api.delete(f"sobjects/Lead/{lead}")
    created, updated, deleted = api.control(f"history/Lead/{lead}").json()["writes"]
    assert (created["kind"], created["changes"]["Title"]) == ("create", [None, "old"])
    assert updated["changes"] == {
        "Title": ["old", "new"],
        "FirstName": [None, "Ada"],
        "Name": ["Lovelace", "Ada Lovelace"],
    }
    assert updated["call"]["path"] == f"/services/data/v68.0/sobjects/Lead/{lead}"
    assert deleted["changes"] == {"IsDeleted": [False, True]}


def test_calls_are_counted_by_object_and_key_field(api):
    lead = api.lead()
    api.get(f"sobjects/lead/{lead}")
    api.patch("sobjects/LEAD/leadrelay_id__c/x", {})
    api.query("SELECT Id FROM Lead")
    assert api.control("stats").json()["calls"] == {
        "POST /services/data/v68.0/sobjects/Lead": 1,
        "GET /services/data/v68.0/sobjects/Lead/{record_id}": 1,
        "PATCH /services/data/v68.0/sobjects/Lead/LeadRelay_Id__c/{value}": 1,
        "GET /services/data/v68.0/query": 1,
    }


def test_stats_count_records_and_reset_makes_the_org_as_new(api):
    api.lead()
    api.contact()
    records = api.control("stats").json()["records"]
    known = ("Lead", "Contact", "User", "Group", "Organization", "OpportunityStage", "LeadStatus")
    assert [records[name] for name in known] == [1, 1, 10, 1, 1, 10, 4]
    requests.post(f"{api.url}/__sandbox/reset", timeout=60)
    assert api.control("stats").json()["records"] == {**records, "Lead": 0, "Contact": 0}


def test_the_pages_show_records_with_their_owners_by_name(api):
    lead = api.lead(FirstName="Ada", Email="ada@example.com")
    api.lead(FirstName="Grace")
    listing = requests.get(f"{api.url}/", timeout=60).text
    assert "Ada Lovelace" in listing
    assert "Integration User" in listing
    found = requests.get(f"{api.url}/browse/Lead?q=ada%40example.com", timeout=60).text
    assert ("Ada Lovelace" in found, "Grace Lovelace" in found) == (True, False)
    page = requests.get(f"{api.url}/browse/Lead/{lead}", timeout=60).text
    assert "ada@example.com" in page
    assert "POST /services/data/v68.0/sobjects/Lead" in page
