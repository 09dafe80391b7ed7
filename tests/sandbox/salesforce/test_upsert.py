"""Records named by a key field instead of their id."""

from __future__ import annotations

import pytest

from tests.sandbox.salesforce.test_single import error_of


def test_the_first_upsert_creates_and_the_second_updates(api):
    path = "sobjects/Lead/LeadRelay_Id__c/lr-1"
    first = api.patch(path, {"LastName": "Lovelace", "Company": "Engines"})
    second = api.patch(path, {"Title": "CTO"})
    lead = first.json()["id"]
    assert first.status_code == 201
    assert first.json() == {"id": lead, "success": True, "errors": [], "created": True}
    assert second.status_code == 200
    assert second.json() == {"id": lead, "success": True, "errors": [], "created": False}
    assert api.read(lead, "Title,LeadRelay_Id__c") == {"Title": "CTO", "LeadRelay_Id__c": "lr-1"}


def test_before_v46_an_upsert_that_updates_answers_204(api):
    path = "/services/data/v45.0/sobjects/Lead/LeadRelay_Id__c/lr-1"
    assert "created" not in api.patch(path, {"LastName": "Lovelace", "Company": "Engines"}).json()
    again = api.patch(path, {"Title": "CTO"})
    assert (again.status_code, again.content) == (204, b"")


def test_the_key_is_matched_in_any_case_and_may_hold_any_character(api):
    lead = api.lead(LeadRelay_Id__c="Ünit/7 #é&x")
    path = "sobjects/Lead/leadrelay_id__c/%C3%9Cnit%2F7%20%23%C3%A9%26X"
    assert api.get(path).json()["Id"] == lead
    assert api.patch(path, {"Title": "CTO"}).json()["created"] is False
    assert api.delete(path).status_code == 204
    assert api.get(path).status_code == 404


def test_a_key_that_several_records_share_is_a_300_with_their_addresses(api):
    leads = [api.lead(Email="info@example.com") for _ in range(2)]
    answer = api.patch("sobjects/Lead/Email/INFO@example.com", {"Title": "CTO"})
    assert answer.status_code == 300
    assert answer.json() == [f"/services/data/v68.0/sobjects/Lead/{lead}" for lead in leads]
    assert [api.read(lead, "Title")["Title"] for lead in leads] == [None, None]
    assert api.get("sobjects/Lead/Email/info@example.com").status_code == 300


@pytest.mark.parametrize("field", ["Title", "Shoe__c"])
def test_a_field_that_is_no_key_is_not_found(api, field):
    answer = api.patch(f"sobjects/Lead/{field}/x", {"LastName": "x", "Company": "y"})
    message = f"Provided external ID field does not exist or is not accessible: {field}"
    assert error_of(answer)[:3] == (404, "NOT_FOUND", message)


def test_update_only_creates_nothing(api):
    answer = api.patch(
        "sobjects/Lead/LeadRelay_Id__c/lr-1?updateOnly=true", {"LastName": "x", "Company": "y"}
    )
    assert error_of(answer)[:2] == (404, "NOT_FOUND")
    assert api.rows("SELECT Id FROM Lead") == []


def test_the_key_must_not_be_in_the_body(api):
    answer = api.patch("sobjects/Lead/LeadRelay_Id__c/lr-1", {"LeadRelay_Id__c": "lr-1", "LastName": "x"})
    message = "The LeadRelay_Id__c field should not be specified in the sobject data."
    assert error_of(answer)[:3] == (400, "INVALID_FIELD", message)


def test_post_to_the_id_field_creates(api):
    assert api.post("sobjects/Lead/Id", {"LastName": "x", "Company": "y"}).status_code == 201
    assert api.post("sobjects/Lead/Email", {"LastName": "x", "Company": "y"}).status_code == 405


def test_a_second_record_with_a_unique_value_names_the_first(api):
    first = api.lead(LeadRelay_Id__c="lr-1")
    refused = api.post("sobjects/Lead", {"LastName": "x", "Company": "y", "LeadRelay_Id__c": "LR-1"})
    message = f"duplicate value found: LeadRelay_Id__c duplicates value on record with id: {first}"
    assert error_of(refused) == (400, "DUPLICATE_VALUE", message, [])
    second = api.lead(LeadRelay_Id__c="lr-2")
    assert error_of(api.patch(f"sobjects/Lead/{second}", {"LeadRelay_Id__c": "lr-1"}))[2] == message


def test_some_orgs_name_the_duplicate_by_15_characters(api):
    api.fault(duplicate_names_id_of="15")
    first = api.lead(LeadRelay_Id__c="lr-1")
    refused = api.post("sobjects/Lead", {"LastName": "x", "Company": "y", "LeadRelay_Id__c": "lr-1"})
    assert refused.json()[0]["message"].endswith(f" {first[:15]}")


def test_a_deleted_record_gives_its_unique_value_up(api):
    first = api.lead(LeadRelay_Id__c="lr-1")
    api.delete(f"sobjects/Lead/{first}")
    answer = api.patch("sobjects/Lead/LeadRelay_Id__c/lr-1", {"LastName": "x", "Company": "y"})
    assert answer.json()["created"] is True
    assert answer.json()["id"] != first


def test_the_same_external_id_on_a_lead_and_a_contact_is_no_duplicate(api):
    api.lead(LeadRelay_Id__c="lr-1")
    assert api.contact(LeadRelay_Id__c="lr-1").startswith("003")
