"""The duplicate rules, and the header that saves all the same."""

from __future__ import annotations

import pytest

PERSON = {"LastName": "Lovelace", "Company": "Engines", "Email": "ada@example.com"}
SAVE = {"Sforce-Duplicate-Rule-Header": "allowSave=true"}


@pytest.fixture
def known(api):
    """A lead with the address, in an org whose rule alerts."""
    lead = api.lead(**PERSON)
    api.fault(duplicate_rules="alert")
    return lead


def test_a_duplicate_is_refused_with_its_match_under_the_misspelt_key(api, known):
    answer = api.post("sobjects/Lead", {**PERSON, "Email": "ADA@example.com"})
    assert answer.status_code == 400
    url = f"/services/data/v68.0/sobjects/Lead/{known}"
    match = {
        "additionalInformation": [], "fieldDiffs": [], "matchConfidence": 100.0,
        "record": {"attributes": {"type": "Lead", "url": url}, "Id": known},
    }  # fmt: skip
    assert answer.json() == [{
        "duplicateResut": {
            "allowSave": True, "duplicateRule": "Standard_Lead_Duplicate_Rule",
            "duplicateRuleEntityType": "Lead", "errorMessage": "Use one of these records?",
            "matchResults": [{
                "entityType": "Lead", "errors": [], "matchEngine": "FuzzyMatchEngine",
                "matchRecords": [match], "rule": "Standard_Lead_Match_Rule_v1_0", "size": 1, "success": True,
            }],
        },
        "message": "Use one of these records?", "errorCode": "DUPLICATES_DETECTED",
    }]  # fmt: skip


def test_a_contact_is_matched_with_leads_too(api, known):
    body = {"LastName": "x", "Email": "ada@example.com"}
    [error] = api.post("sobjects/Contact", body).json()
    assert [one["entityType"] for one in error["duplicateResut"]["matchResults"]] == ["Lead"]


def test_the_header_saves_where_the_rule_alerts_and_not_where_it_blocks(api, known):
    assert api.post("sobjects/Lead", PERSON, headers=SAVE).status_code == 201
    api.fault(duplicate_rules="block")
    refused = api.post("sobjects/Lead", PERSON, headers=SAVE)
    assert refused.status_code == 400
    assert refused.json()[0]["duplicateResut"]["allowSave"] is False
    old = api.post("/services/data/v51.0/sobjects/Lead", PERSON, headers=SAVE)
    assert old.status_code == 400


def test_the_header_may_ask_for_the_matches_in_full(api, known):
    headers = {"Sforce-Duplicate-Rule-Header": "allowSave=false; includeRecordDetails=true"}
    [error] = api.post("sobjects/Lead", PERSON, headers=headers).json()
    [match] = error["duplicateResut"]["matchResults"][0]["matchRecords"]
    assert match["record"]["Company"] == "Engines"


def test_in_a_collection_it_costs_its_item(api, known):
    records = [
        {"attributes": {"type": "Lead"}, **PERSON, "Email": mail} for mail in ("a@b.de", PERSON["Email"])
    ]
    fine, refused = api.post("composite/sobjects", {"records": records}).json()
    error = {"statusCode": "DUPLICATES_DETECTED", "message": "Use one of these records?", "fields": []}
    assert (fine["success"], refused) == (True, {"success": False, "errors": [error]})
    saved = api.call("POST", "composite/sobjects", json={"records": records[1:]}, headers=SAVE).json()
    assert saved[0]["success"] is True


def test_only_a_new_address_is_looked_at_and_only_live_leads_that_are_no_contacts_yet(api, known):
    other = api.lead(Email="b@example.com")
    assert api.patch(f"sobjects/Lead/{other}", {"Title": "x"}).status_code == 204
    assert api.patch(f"sobjects/Lead/{other}", {"Email": "ada@example.com"}).status_code == 400
    assert api.patch(f"sobjects/Lead/{known}", {"Email": "ada@example.com"}).status_code == 204
    api.delete(f"sobjects/Lead/{known}")
    assert api.patch(f"sobjects/Lead/{other}", {"Email": "ada@example.com"}).status_code == 204
