"""Form submissions, as a website sends them."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from sandbox.hubspot.forms import FORM

SUBMIT = "/submissions/v3/integration/submit/62515"


def submit(account, *fields: tuple[str, Any], form: str = FORM, **more: Any) -> requests.Response:
    rows = [{"objectTypeId": "0-1", "name": name, "value": value} for name, value in fields]
    return requests.post(f"{account.url}{SUBMIT}/{form}", json={"fields": rows, **more}, timeout=60)


def test_a_submission_makes_a_contact_without_any_token(account):
    page = {"pageUri": "https://northlight.example/contact?utm_source=x", "hutk": "abc"}
    answer = submit(account, ("email", "Ada@example.com"), ("firstname", "Ada"), context=page)
    assert (answer.status_code, answer.json()) == (200, {"inlineMessage": "Thanks for submitting the form."})
    [contact] = account.control("records/contacts")["records"]
    assert (contact["fields"]["email"], contact["fields"]["firstname"]) == ("ada@example.com", "Ada")
    assert contact["fields"]["hs_analytics_first_url"] == page["pageUri"]
    told = account.call("GET", f"/crm/v3/objects/contacts/{contact['id']}", propertiesWithHistory="firstname")
    [version] = told.json()["propertiesWithHistory"]["firstname"]
    assert (version["sourceType"], version["sourceId"]) == ("FORM", FORM)


def test_a_known_address_changes_its_contact(account):
    contact = account.contact(email="ada@example.com", phone="1", hs_additional_emails="ada@home.example")
    assert submit(account, ("email", "ADA@home.example"), ("phone", "2"), ("company", "")).status_code == 200
    kept = account.stored(contact)
    assert (kept["phone"], kept["email"]) == ("2", "ada@example.com")
    assert account.control("stats")["records"]["contacts"] == 1


def test_an_address_that_was_erased_can_come_back_by_a_form(account):
    contact = account.contact(email="ada@example.com")
    account.call("POST", "/crm/v3/objects/contacts/gdpr-delete", {"objectId": contact})
    assert submit(account, ("email", "ada@example.com")).status_code == 200


@pytest.mark.parametrize(
    ("fields", "more", "error_type"),
    [
        ([("firstname", "Ada")], {}, "REQUIRED_FIELD"),
        ([("email", " ")], {}, "REQUIRED_FIELD"),
        ([("email", "ada@")], {}, "INVALID_EMAIL"),
        ([("email", "a@example.com"), ("shoe_size", "9")], {}, "FIELD_NOT_IN_FORM_DEFINITION"),
        ([("email", "a@example.com")] * 1001, {}, "MAX_NUMBER_OF_SUBMITTED_VALUES_EXCEEDED"),
        ([("email", "a@example.com")], {"submittedAt": "1577836800000"}, "INVALID_METADATA"),
    ],
)
def test_a_submission_that_does_not_fit_is_400(account, fields, more, error_type):
    refused = submit(account, *fields, **more)
    body = refused.json()
    assert (refused.status_code, body["status"], body["message"]) == (
        400,
        "error",
        "The request is not valid",
    )
    assert body["errors"][0]["errorType"] == error_type
    assert account.control("stats")["records"]["contacts"] == 0


def test_a_form_that_is_not_there_is_404(account):
    assert submit(account, ("email", "a@example.com"), form="nothing").status_code == 404


def test_a_form_of_ones_own_sends_people_on(account):
    made = account.control(
        "forms",
        {"name": "Demo", "fields": ["email", "city"], "required": [], "redirect_uri": "https://x.example/ok"},
    )
    answer = submit(account, ("city", "Leeds"), form=made["guid"])
    assert answer.json() == {"redirectUri": "https://x.example/ok"}
    [form] = [form for form in account.control("forms")["forms"] if form["guid"] == made["guid"]]
    assert form["submissions"][0]["values"] == {"city": "Leeds"}


def test_fifty_submissions_in_ten_seconds_and_then_plain_text(account):
    account.control("clock", {"now": "2030-01-01T00:00:00Z", "frozen": True})
    account.control("faults", {"limits": {"forms_per_10s": 2}})
    statuses = [submit(account, ("email", "a@example.com")).status_code for _ in range(2)]
    refused = submit(account, ("email", "a@example.com"))
    assert (statuses, refused.status_code, refused.text) == ([200, 200], 429, "error code: 1015")
    assert account.call("GET", "/crm/v3/owners").headers["X-HubSpot-RateLimit-Remaining"] == "109"
    secure = SUBMIT.replace("/submit", "/secure/submit")
    body = {"fields": [{"name": "email", "value": "a@example.com"}]}
    assert account.call("POST", f"{secure}/{FORM}", body).status_code == 200
    assert requests.post(f"{account.url}{secure}/{FORM}", json=body, timeout=60).status_code == 401


def test_a_website_may_call_from_a_browser(account):
    asked = requests.options(
        f"{account.url}{SUBMIT}/{FORM}", headers={"Origin": "https://x.example"}, timeout=60
    )
    assert asked.headers["Access-Control-Allow-Origin"] == "*"
    assert submit(account, ("email", "nobody")).headers["Access-Control-Allow-Origin"] == "*"
