"""What a person does in HubSpot's pages: by the control endpoints, and by the forms of a record's page."""

from __future__ import annotations

import re

import pytest
import requests

MEI = "mei.tanaka@northlight.example"


def press(account, kind: str, record: str, verb: str, **fields: str) -> requests.Response:
    """Fill in a form of a record's page."""
    address = f"{account.url}/browse/{kind}/{record}/{verb}"
    return requests.post(address, data={"by": MEI, **fields}, timeout=60)


def test_a_person_merges_two_contacts(account):
    first, second = account.contact(email="a@example.com"), account.contact(email="b@example.com")
    made = account.act("merge", "contacts", first, other=second)
    assert made.status_code == 201
    assert made.json()["fields"]["hs_merged_object_ids"] == f"{first};{second}"
    assert account.act("merge", "contacts", made.json()["id"], other="999").status_code == 404


@pytest.mark.parametrize(
    ("verb", "kind", "title"),
    [
        ("log_call", "calls", "hs_call_title"),
        ("log_task", "tasks", "hs_task_subject"),
        ("log_note", "notes", "hs_note_body"),
    ],
)
def test_a_person_logs_something_on_a_contact(account, verb, kind, title):
    contact = account.contact(email="a@example.com")
    made = account.act(verb, "contacts", contact, fields={title: "Hello"}, by=MEI)
    told = made.json()
    assert (made.status_code, told["object"]) == (201, kind)
    assert (told["fields"][title], told["fields"]["hubspot_owner_id"]) == ("Hello", "71007")
    linked = account.call("GET", f"/crm/v3/objects/{kind}/{told['id']}", associations="contacts").json()
    assert linked["associations"]["contacts"]["results"][0]["id"] == contact


@pytest.mark.parametrize("owner", [MEI, "71007"])
def test_a_person_changes_the_owner(account, owner):
    deal = account.make("deals", dealname="Big", dealstage="contractsent")
    assert account.act("change_owner", "deals", deal, owner=owner).status_code == 200
    assert account.stored(deal, "deals")["hubspot_owner_id"] == "71007"
    account.act("change_owner", "deals", deal, owner="")
    assert "hubspot_owner_id" not in account.stored(deal, "deals")


def test_a_person_wins_and_loses_deals(account):
    account.control("clock", {"now": "2030-05-01T12:00:00Z", "frozen": True})
    won, lost = (account.make("deals", dealname="Big", dealstage="contractsent") for _ in "ab")
    account.act("win_deal", "deals", won)
    account.act("lose_deal", "deals", lost)
    kept = account.stored(won, "deals")
    assert (kept["dealstage"], kept["hs_is_closed_won"]) == ("closedwon", "true")
    assert kept["closedate"] == "2030-05-01T12:00:00.000Z"
    assert account.stored(lost, "deals")["hs_is_closed_won"] == "false"
    assert account.act("win_deal", "contacts", account.contact(email="a@example.com")).status_code == 400


def test_a_person_associates_two_records(account):
    contact, company = account.contact(email="a@example.com"), account.make("companies", name="ACME")
    assert account.act("associate", "contacts", contact, to_object="companies", to=company).status_code == 200
    assert account.act("associate", "contacts", contact, to_object="companies", to="9").status_code == 404


def test_the_page_of_a_record_edits_it(account):
    contact = account.contact(email="a@example.com", firstname="Ada")
    page = requests.get(f"{account.url}/browse/contacts/{contact}", timeout=60).text
    assert 'name="fields.firstname" value="Ada"' in page
    shown = press(
        account, "contacts", contact, "edit", **{"fields.firstname": "Adele", "fields.email": "a@example.com"}
    )
    assert shown.status_code == 200
    assert "Adele" in shown.text
    [*_, last] = account.history(contact)
    assert (last["changes"], last["call"]["by"]) == ({"firstname": ["Ada", "Adele"]}, MEI)


def test_the_page_changes_the_owner_logs_a_call_and_wins_a_deal(account):
    deal = account.make("deals", dealname="Big", dealstage="contractsent")
    press(account, "deals", deal, "change_owner", owner="71002")
    logged = press(account, "deals", deal, "log_call", **{"fields.hs_call_title": "Closing"})
    assert logged.url.endswith(f"/browse/deals/{deal}")
    assert "Closing</a>" in logged.text, "the call is among the related records"
    won = press(account, "deals", deal, "win_deal")
    assert "closedwon" in won.text
    assert "Win the deal" not in won.text
    kept = account.stored(deal, "deals")
    assert (kept["hubspot_owner_id"], kept["dealstage"]) == ("71002", "closedwon")


def test_the_page_deletes_and_restores(account):
    contact = account.contact(email="a@example.com")
    assert press(account, "contacts", contact, "delete").url.endswith("/browse/contacts")
    page = requests.get(f"{account.url}/browse/contacts/{contact}", timeout=60).text
    assert re.findall(r'<details name="acts" >\s*<summary>([^<]+)</summary>', page) == ["Restore"]
    press(account, "contacts", contact, "restore")
    assert account.call("GET", f"/crm/v3/objects/contacts/{contact}").status_code == 200


def test_the_page_says_what_is_wrong_and_keeps_the_form_open(account):
    account.contact(email="taken@example.com")
    contact = account.contact(email="a@example.com")
    refused = press(account, "contacts", contact, "edit", **{"fields.email": "taken@example.com"})
    assert refused.status_code == 409
    assert "Contact already exists" in refused.text
    assert re.search(r'<details name="acts" open>\s*<summary>Edit', refused.text)
    wrong = press(account, "contacts", contact, "edit", **{"fields.email": "nobody"})
    assert "Email address nobody is invalid" in wrong.text
    assert press(account, "contacts", contact, "paint").status_code == 404


def test_what_a_person_does_is_no_api_call(account):
    contact = account.contact(email="a@example.com")
    before = account.control("stats")["calls"]
    press(account, "contacts", contact, "edit", **{"fields.firstname": "Ada"})
    assert account.control("stats")["calls"] == before


def test_the_page_of_a_list_makes_a_record(account):
    page = requests.get(f"{account.url}/browse/companies", timeout=60).text
    assert "New company" in page
    assert "New call" not in requests.get(f"{account.url}/browse/calls", timeout=60).text
    form = {"by": MEI, "fields.name": "Engines", "fields.domain": "", "fields.city": "London"}
    made = requests.post(f"{account.url}/browse/companies/create", data=form, timeout=60)
    assert "Engines" in made.text
    [company] = account.control("records/companies")["records"]
    assert (company["fields"]["city"], "domain" in company["fields"]) == ("London", False)


def test_a_refused_form_keeps_what_was_typed(account):
    contact = account.contact(email="a@example.com", firstname="Ada")
    refused = press(
        account, "contacts", contact, "edit", **{"fields.email": "nobody", "fields.firstname": "Adele"}
    )
    assert 'value="nobody"' in refused.text
    assert 'value="Adele"' in refused.text


def test_the_page_remembers_who_acts(account):
    contact, session = account.contact(email="a@example.com"), requests.Session()
    session.post(f"{account.url}/browse/contacts/{contact}/edit", data={"by": MEI}, timeout=60)
    page = session.get(f"{account.url}/browse/contacts/{contact}", timeout=60).text
    assert f'<option value="{MEI}" selected>' in page


def test_the_page_leads_to_what_is_associated(account):
    contact, company = account.contact(email="a@example.com"), account.make("companies", name="ACME")
    account.act("associate", "contacts", contact, to_object="companies", to=company)
    page = requests.get(f"{account.url}/browse/contacts/{contact}", timeout=60).text
    assert f'<a href="/browse/companies/{company}">ACME</a>' in page
