"""Personal data on pages and in the read API, where privacy.yaml masks it; roles; masks that are lifted."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
import sqlalchemy as sa

from mappings.playbook import MaskRule, Privacy
from mappings.playbook.privacy import CLASSES
from sync import access, unmasking
from sync.merging.oscillation import mark
from sync.tables import audit, holds
from tests.builders import place
from tests.dashboard.house import letter_in, number_in, words
from tests.sync.house import HUBSPOT
from tests.sync.stores import rows

SECRET = "zq7x"  # a part of each value that must not be shown
ADA = f"ada.{SECRET}@example.com"
MASKED = Privacy((MaskRule(dict.fromkeys(CLASSES, "hidden"), place(1)),))
PARTLY = Privacy(
    (MaskRule({"email": "partly", "name": "partly", "free_text": "hidden"}, place(1), ("EU",)),),
    {"EU": frozenset({"DE"})},
)


def mask(desk, privacy=MASKED):
    desk.house.playbook = replace(desk.house.playbook, privacy=privacy)


def post(desk, **fields):
    desk.house.post(email=ADA, first_name=f"Ada{SECRET}", last_name=f"Love{SECRET}", **fields)
    desk.house.settle()


def role(desk, name, store):
    store.write(lambda on: access.act(on, "set_role", {"name": "ada", "role": name}, desk.house.clock.now()))


def every_address(desk):
    """Return each page and answer that has something of these people."""
    pages = [f"/aside/{tab}" for tab in ("quarantined", "review", "spam", "dead", "letters")]
    pages += [f"/events/{number_in(desk, state)}" for state in ("quarantined", "review", "spam", "dead")]
    pages += [f"/aside/letters/change/{letter_in(desk)}"]
    lead = desk.house.lead_id(ADA)
    pages += ["/", "/leads", f"/leads/{lead}", f"/leads/{lead}?rules=1", "/conflicts", "/reviews", "/sources"]
    api = [f"leads?email={ADA}", f"leads/{lead}", f"leads/{lead}/explain?rules=1", f"leads/{lead}/consent"]
    api += ["conflicts", "reviews", "status"]
    api += [f"letters/{shelf}" for shelf in ("quarantined", "review", "spam", "dead", "change", "effect")]
    return [*pages, *(f"/api/v1/{path}" for path in api)]


def full_of_people(desk):
    house = desk.house
    post(desk, company="Engines", message=f"Call {SECRET}", city=f"{SECRET}ville")
    house.crms[HUBSPOT].next("create", rejects=f"rejected{SECRET}@")
    house.post(email=f"rejected{SECRET}@example.com", last_name=SECRET)
    house.post(email="info@example.com", first_name=SECRET)
    house.post(email=SECRET, first_name=SECRET)
    house.post(email=f"s{SECRET}@example.com", website_url=SECRET)
    house.post(email=f"d{SECRET}@example.com", company="Bad", first_name=SECRET)
    house.settle()
    house.clock.advance(60)
    house.crms[HUBSPOT].put(email=ADA, last_name=f"Other{SECRET}")


def test_nothing_that_is_hidden_is_on_a_page_or_in_an_answer(desk):
    full_of_people(desk)
    addresses = every_address(desk)
    plain = [path for path in addresses if SECRET in answer(desk, path)]
    assert len(plain) >= 15  # else the test would show nothing
    mask(desk)
    assert [path for path in addresses if SECRET in answer(desk, path).replace(ADA, "")] == []


def answer(desk, path):
    found = desk.ask(path) if path.startswith("/api") else desk.get(path)
    assert found.status_code == 200, path
    return found.text


def test_a_lead_is_masked_by_the_rules_of_its_country(desk):
    mask(desk, PARTLY)
    desk.house.post(email="ada@acme.example", first_name="Ada", last_name="Lovelace", country="DE")
    desk.house.post(email="bob@acme.example", first_name="Bob", last_name="Byte", country="US")
    desk.house.settle()
    listed = words(desk.get("/leads").text)
    assert "A. L. a***@acme.example" in listed
    assert "Bob Byte bob@acme.example" in listed
    assert "A. L." in words(desk.get(f"/leads/{desk.house.lead_id('ada@acme.example')}").text)


def test_where_names_are_masked_a_search_finds_whole_addresses_only(desk):
    post(desk, company="Engines")
    assert "Whole e-mail" not in desk.get("/leads").text
    mask(desk)
    page = desk.get(f"/leads?q={ADA}").text
    assert desk.house.lead_id(ADA) in page
    assert "Whole e-mail, or company begins with" in page
    assert desk.house.lead_id(ADA) in desk.get("/leads?q=engi").text
    for guess in ("ada", "ada.zq", "love", "adazq"):
        assert desk.house.lead_id(ADA) not in desk.get(f"/leads?q={guess}").text


@pytest.fixture
def masked(closed):
    post(closed)
    mask(closed)
    closed.sign_in()
    return closed


def test_a_mask_is_lifted_for_one_person_and_an_hour_with_a_reason_on_record(masked, store):
    role(masked, "admin", store)
    page = f"/leads/{masked.house.lead_id(ADA)}"
    assert masked.send(f"{page}/unmask", page, reason="  ").status_code == 422
    assert SECRET not in masked.get(page).text
    assert masked.send(f"{page}/unmask", page, reason="She asked what we hold").status_code == 303
    shown = words(masked.get(page).text)
    assert ADA in shown
    assert "shown plain to ada for an hour: She asked what we hold" in shown
    assert ADA in masked.get("/leads").text
    assert SECRET not in masked.ask(f"/api/v1/leads/{masked.house.lead_id(ADA)}").text
    with store.snapshot() as snapshot:
        [one] = unmasking.listed(snapshot, "main")
        assert not unmasking.lifted(snapshot, "main", "bob", masked.house.clock.now()).leads
    assert (one.by, one.lead_id, one.reason) == ("ada", masked.house.lead_id(ADA), "She asked what we hold")
    masked.house.clock.advance(3600)
    assert SECRET not in masked.get(page).text.replace("She asked", "")


def test_a_post_that_is_no_leads_is_shown_by_itself(masked, store):
    role(masked, "admin", store)
    masked.house.post(email=SECRET, first_name="Ada")
    masked.house.settle()
    page = f"/events/{number_in(masked, 'quarantined')}"
    assert SECRET not in masked.get(page).text
    assert masked.send(f"{page}/unmask", page, reason="To correct it").status_code == 303
    assert SECRET in masked.get(page).text
    [line] = [row for row in rows(store, audit) if row["action"] == "unmasked"]
    assert (line["actor"], line["lead_id"], f"/events/{line['event']}") == ("ada", None, page)


def test_the_post_of_a_lead_is_shown_with_the_lead_and_on_its_record(masked, store):
    role(masked, "admin", store)
    [event] = {row["event"] for row in rows(store, audit) if row["action"] == "new"}
    page = f"/events/{event}"
    assert SECRET not in masked.get(page).text
    masked.send(f"{page}/unmask", page, reason="To compare")
    assert SECRET in masked.get(page).text
    assert (
        "shown plain to ada for an hour: To compare" in masked.get(f"/leads/{masked.house.lead_id(ADA)}").text
    )


def test_a_masked_value_cannot_be_guessed_by_its_form_and_can_be_decided(masked, store):
    lead = masked.house.lead(ADA)
    row = {
        "space": "main",
        "connection": HUBSPOT,
        "entity_kind": "lead",
        "entity_id": lead.id,
        "field": "last_name",
        "remote": "last_name",
        "base": None,
        "ours": "a",
        "theirs": SECRET,
        "why": "both",
        "state": "open",
        "since": lead.created_at,
        "choice": "",
        "by": "",
        "outcome": "",
    }
    store.write(lambda on: on.execute(sa.insert(holds), row))
    page = masked.get("/conflicts").text
    assert mark(SECRET) not in page
    assert SECRET not in page
    shown = re.search(r'name="theirs" value="([^"]+)"', page)[1]
    answered = masked.send("/conflicts/1", "/conflicts", theirs=shown, choice="ours")
    assert answered.status_code in (303, 422)  # not 409: nothing has changed since it was looked at


@pytest.mark.parametrize(("name", "acts"), [("viewer", False), ("operator", True)])
def test_who_may_not_lift_a_mask_cannot_and_a_viewer_changes_nothing(masked, store, name, acts):
    masked.house.post(email="nobody", first_name="Ada")
    masked.house.settle()
    role(masked, name, store)
    lead, event = f"/leads/{masked.house.lead_id(ADA)}", f"/events/{number_in(masked, 'quarantined')}"
    assert masked.send(f"{lead}/unmask", event, reason="curious").status_code == 403
    assert SECRET not in masked.get(lead).text
    replayed = masked.send(f"{event}/replay", event, field="email", value="a@example.com")
    assert replayed.status_code == (303 if acts else 403)
    assert masked.send("/sign-out", "/").status_code == 303


def test_a_token_sees_plain_only_where_it_was_made_so(desk, store):
    post(desk)
    mask(desk)
    given = {"name": "books", "token_hash": access.hashed("lr_plain"), "sight": "plain"}
    store.write(lambda on: access.act(on, "add_token", given, desk.house.clock.now()))
    path = f"/api/v1/leads?email={ADA}"
    assert desk.ask(path).json["leads"][0]["fields"]["first_name"] == "***"
    assert desk.ask(path, "lr_plain").json["leads"][0]["fields"]["first_name"] == f"Ada{SECRET}"
