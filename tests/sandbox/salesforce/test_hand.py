"""What a person does in the pages, by forms, and what tests do in their name."""

from __future__ import annotations

import re

import pytest
import requests

ANNA, BEN = "anna.keller@northlight.example", "ben.carter@northlight.example"
DEAL = {"Name": "Engines - 2", "StageName": "Prospecting", "CloseDate": "2026-12-31", "Amount": 9}


@pytest.fixture
def submit(api):
    """Send a form of a record's page as a browser does; returns the page one lands on."""

    def send(verb, name, record="", **values):
        address = f"{api.url}/browse/{name}{f'/{record}' if record else ''}/{verb}"
        plain = ("by", "owner", "other")
        form = {one if one in plain else f"fields.{one}": value for one, value in values.items()}
        return requests.post(address, data=form, timeout=60)

    return send


def page_of(api, name, record=""):
    return requests.get(f"{api.url}/browse/{name}/{record}".rstrip("/"), timeout=60).text


def test_a_person_edits_what_the_form_shows_and_changes_nothing_else(api, submit):
    lead = api.lead(FirstName="Ada", Title="CTO", City="London", HasOptedOutOfEmail=True)
    page = page_of(api, "Lead", lead)
    shown = re.findall(r'name="fields\.(\w+)"', page)
    assert {"FirstName", "Status", "HasOptedOutOfEmail"} <= set(shown)
    landed = submit(
        "edit", "Lead", lead, by=ANNA, FirstName="Ada", LastName="King", Title="", HasOptedOutOfEmail="on"
    )
    assert (landed.status_code, "Ada King" in landed.text) == (200, True)
    [_, updated] = api.control(f"history/Lead/{lead}").json()["writes"]
    assert updated["changes"] == {
        "LastName": ["Lovelace", "King"], "Title": ["CTO", None], "Name": ["Ada Lovelace", "Ada King"],
    }  # fmt: skip
    assert updated["call"]["by"] == ANNA
    assert api.read(lead, "LastModifiedById") == {"LastModifiedById": api.user(ANNA)}


def test_what_the_org_refuses_is_told_on_the_page(api, submit):
    lead = api.lead()
    landed = submit("edit", "Lead", lead, Email="nonsense")
    assert "invalid email address: nonsense" in landed.text
    assert api.read(lead, "Email") == {"Email": None}


def test_a_person_makes_a_record_on_the_list(api, submit):
    assert "New lead" in page_of(api, "Lead")
    landed = submit(
        "create", "Lead", by=BEN, LastName="Hopper", Company="Navy", Status="Open - Not Contacted"
    )
    assert "Hopper" in landed.text
    [row] = api.rows("SELECT LastName, Owner.Email FROM Lead")
    assert (row["LastName"], row["Owner"]["Email"]) == ("Hopper", BEN)


def test_a_person_hands_a_lead_over_logs_a_call_and_converts_it(api, submit):
    lead = api.lead(FirstName="Ada")
    submit("change_owner", "Lead", lead, by=ANNA, owner=BEN)
    submit("log_call", "Lead", lead, by=BEN, Subject="First call", Description="Wants a demo")
    page = submit("convert", "Lead", lead, by=BEN, opportunityName="Demo")
    assert "Convert</summary>" not in page.text
    [task] = api.rows("SELECT Subject, Status, TaskSubtype, Description, Owner.Email, WhoId FROM Task")
    told = api.read(lead, "IsConverted,ConvertedContactId")
    assert told["IsConverted"] is True
    assert [task[name] for name in ("Subject", "Status", "TaskSubtype", "Description", "WhoId")] == [
        "First call", "Completed", "Call", "Wants a demo", told["ConvertedContactId"],
    ]  # fmt: skip
    assert task["Owner"]["Email"] == BEN
    [deal] = api.rows("SELECT Name, Owner.Email FROM Opportunity")
    assert (deal["Name"], deal["Owner"]["Email"]) == ("Demo", BEN)
    page = page_of(api, "Contact", told["ConvertedContactId"])
    assert "First call</a>" in page, "the call is among the contact's related records"


def test_a_person_converts_a_lead_without_an_opportunity(api, submit):
    lead = api.lead()
    submit("convert", "Lead", lead, by=BEN, doNotCreateOpportunity="on")
    assert api.read(lead, "IsConverted") == {"IsConverted": True}
    assert api.rows("SELECT Id FROM Opportunity") == []


def test_large_numbers_are_shown_whole_and_stay_as_they_are(api, submit):
    account = api.make("Account", Name="Engines", AnnualRevenue=717849000, NumberOfEmployees=1234567)
    page = page_of(api, "Account", account)
    assert 'value="717849000"' in page
    submit("edit", "Account", account, AnnualRevenue="717849000", NumberOfEmployees="1234567", Name="New")
    [_, write] = api.control(f"history/Account/{account}").json()["writes"]
    assert write["changes"] == {"Name": ["Engines", "New"]}


def test_a_person_wins_a_deal(api, submit):
    api.control("clock", {"now": "2026-11-21T10:00:00Z", "frozen": True})
    won, lost = api.make("Opportunity", **DEAL), api.make("Opportunity", **DEAL)
    submit("win_deal", "Opportunity", won, by=ANNA)
    submit("lose_deal", "Opportunity", lost, by=ANNA)
    rows = api.rows("SELECT StageName, IsWon, CloseDate FROM Opportunity ORDER BY Id")
    assert rows == [
        {"StageName": "Closed Won", "IsWon": True, "CloseDate": "2026-11-21"},
        {"StageName": "Closed Lost", "IsWon": False, "CloseDate": "2026-11-21"},
    ]


def test_a_person_deletes_merges_and_restores(api, submit):
    kept, other = api.lead(), api.lead()
    submit("merge", "Lead", kept, other=other)
    [row] = api.rows("SELECT MasterRecordId FROM Lead WHERE IsDeleted = true", also_deleted=True)
    assert row == {"MasterRecordId": kept}
    submit("delete", "Lead", kept)
    assert "Restore" in page_of(api, "Lead", kept)
    submit("restore", "Lead", kept)
    assert api.rows("SELECT Id FROM Lead") == [{"Id": kept}]


@pytest.mark.parametrize(
    ("verb", "name", "code"),
    [
        ("win_deal", "Lead", "bad_argument"),
        ("convert", "Contact", "bad_argument"),
        ("dance", "Lead", "no_such_act"),
    ],
)
def test_acts_that_cannot_be(api, verb, name, code):
    record = api.lead() if name == "Lead" else api.contact()
    refused = api.control(f"act/{verb}", {"object": name, "id": record})
    assert refused.json()["code"] == code


def test_tests_log_calls_and_meetings_in_a_persons_name(api):
    deal = api.make("Opportunity", **DEAL)
    made = api.control("act/log_call", {"object": "Opportunity", "id": deal, "by": ANNA})
    assert (made.status_code, made.json()["object"]) == (201, "Task")
    made = api.control(
        "act/log_meeting", {"object": "Opportunity", "id": deal, "fields": {"Subject": "Demo"}}
    )
    assert (made.json()["object"], made.json()["fields"]["WhatId"]) == ("Event", deal)
    assert api.rows("SELECT Subject, DurationInMinutes FROM Event") == [
        {"Subject": "Demo", "DurationInMinutes": 30}
    ]


@pytest.mark.parametrize("name", ["Account", "Opportunity", "Task", "Campaign", "Case", "User", "Profile"])
def test_every_list_opens(api, name):
    assert requests.get(f"{api.url}/browse/{name}", timeout=60).status_code == 200
