"""The active assignment rule hands leads to the queue, unless the call says otherwise."""

from __future__ import annotations

import pytest

LEAD = {"LastName": "Lovelace", "Company": "Engines"}


@pytest.fixture
def queue(api):
    [row] = api.rows("SELECT Id, Name FROM Group")
    assert row["Name"] == "Inbound queue"
    return row["Id"]


@pytest.fixture
def anna(api):
    return api.user("anna.keller@northlight.example")


def owner_of(api, record):
    return api.read(record, "OwnerId")["OwnerId"]


@pytest.mark.parametrize("header", [None, "TRUE", "true", "01Q5g000000001AAAQ"])
def test_without_a_word_a_new_lead_goes_to_the_queue_whoever_was_named(api, queue, anna, header):
    made = api.post("sobjects/Lead", {**LEAD, "OwnerId": anna}, headers={"Sforce-Auto-Assign": header})
    assert owner_of(api, made.json()["id"]) == queue


@pytest.mark.parametrize("header", ["FALSE", "false"])
def test_with_false_the_named_owner_keeps_it_and_else_the_api_user(api, anna, header):
    headers = {"Sforce-Auto-Assign": header}
    named = api.post("sobjects/Lead", {**LEAD, "OwnerId": anna}, headers=headers).json()["id"]
    unnamed = api.post("sobjects/Lead", LEAD, headers=headers).json()["id"]
    assert owner_of(api, named) == anna
    assert owner_of(api, unnamed) == api.user("integration@northlight.example")


def test_an_update_without_a_word_runs_the_rule_as_well(api, queue, anna):
    lead = api.lead(OwnerId=anna)
    api.patch(f"sobjects/Lead/{lead}", {"Title": "CTO"})
    assert owner_of(api, lead) == anna
    api.patch(f"sobjects/Lead/{lead}", {"Title": "CEO"}, headers={"Sforce-Auto-Assign": None})
    assert owner_of(api, lead) == queue


def test_a_switch_confines_the_rule_on_updates_to_calls_that_ask(api, queue, anna):
    api.fault(assignment_on_update="off")
    lead = api.lead(OwnerId=anna)
    api.patch(f"sobjects/Lead/{lead}", {"Title": "CEO"}, headers={"Sforce-Auto-Assign": None})
    assert owner_of(api, lead) == anna
    api.patch(f"sobjects/Lead/{lead}", {"Title": "CEO"}, headers={"Sforce-Auto-Assign": "TRUE"})
    assert owner_of(api, lead) == queue


def test_contacts_and_people_at_the_pages_know_no_rule(api, anna):
    contact = api.post(
        "sobjects/Contact", {"LastName": "x", "OwnerId": anna}, headers={"Sforce-Auto-Assign": None}
    )
    assert owner_of(api, contact.json()["id"]) == anna
    by_hand = api.control("act/create", {"object": "Lead", "fields": {**LEAD, "OwnerId": anna}}).json()
    assert owner_of(api, by_hand["id"]) == anna
