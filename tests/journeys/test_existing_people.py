"""People who are in the CRMs before leadrelay comes: matched, written where they are, never made twice."""

from __future__ import annotations

import pytest
import requests

from tests.waiting import eventually

ADA = {
    "email": "ada@analytical.example",
    "first_name": "Ada",
    "last_name": "Lovelace",
    "job_title": "Head of Research",
    "company": "Analytical Engines",
    "country": "GB",
    "form_type": "demo",
}
EMAIL = ADA["email"]
BEN = "ben.carter@northlight.example"
THERE = {"email": "Ada@Analytical.example", "last_name": "King", "title": "Countess", "owner": BEN}
PLACES = [("hubspot", "contacts"), ("salesforce", "Lead"), ("salesforce", "Contact")]
COMPANY = {"Lead": {"company": "Engines Ltd"}}


def put(crm, object_name="", **fields):
    return crm.act("create", object_name, **THERE | COMPANY.get(object_name or crm.object, {}) | fields)


def links(house):
    return {name: (one.object, one.remote_id) for name, one in house.story(EMAIL).lead.links.items()}


def looked_up(house):
    """Calls that looked a person up before a create, or created one."""
    return sum(
        sent.path.endswith("/contacts/batch/create")  # companies are looked for and made apart
        or (sent.path.endswith("/composite") and "Email IN" in requests.utils.unquote(str(sent.body)))
        for crm in house.crms.values()
        for sent in crm.sent
    )


@pytest.mark.parametrize(("crm", "object_name"), PLACES)
def test_who_is_there_is_matched_before_anybody_is_chosen(closed_house, crm, object_name):
    house = closed_house
    record = put(house.crms[crm], object_name)
    house.start().settle_in()
    house.deliver(**ADA)
    assert links(house)[crm] == (object_name, record)
    person = house.crms[crm].person(EMAIL, object_name)
    assert (person["record"], person["owner"], person["title"]) == (record, BEN, "Countess")
    assert person["score"] is not None
    assert house.story(EMAIL).lead.owner == BEN
    assert f"found in the mirror of {crm} as {object_name} {record}; linked" in house.command(
        "explain", EMAIL
    )
    if object_name == "Contact":
        assert house.crms[crm].people("Lead") == []


def test_who_is_in_both_crms_is_neither_looked_up_nor_made(closed_house):
    house = closed_house
    records = {"hubspot": put(house.crms["hubspot"]), "salesforce": put(house.crms["salesforce"], "Contact")}
    put(house.crms["salesforce"], "Lead")
    house.start().settle_in()
    for crm in house.crms.values():
        crm.sent.clear()
    house.deliver(**ADA)
    assert {name: record for name, (_, record) in links(house).items()} == records
    assert links(house)["salesforce"][0] == "Contact"
    assert looked_up(house) == 0
    assert len(house.crms["salesforce"].people("Lead")) == 1


def test_a_converted_lead_is_written_as_its_contact(closed_house):
    house, crm = closed_house, closed_house.crms["salesforce"]
    lead = put(crm, "Lead")
    crm.act("convert", "Lead", record=lead)
    [contact] = crm.people("Contact")
    crm.act("edit", "Contact", record=contact["record"], email="ada.king@analytical.example")
    house.start().settle_in()
    house.deliver(**ADA)
    assert links(house)["salesforce"] == ("Contact", contact["record"])
    assert len(crm.people("Lead")) == 1


def test_an_owner_who_has_left_is_kept_all_the_same(closed_house):
    house = closed_house
    crm = house.crms["salesforce"]
    put(crm, "Lead")
    ben = next(user for user, email in crm.owners.items() if email == BEN)
    body = {"object": "User", "id": ben, "fields": {"IsActive": False}}
    requests.post(f"{crm.url}/__sandbox/act/edit", json=body, timeout=60).raise_for_status()
    house.start().settle_in()
    house.deliver(**ADA)
    assert crm.person(EMAIL)["owner"] == BEN
    assert house.story(EMAIL).lead.owner == BEN


@pytest.mark.parametrize(("crm", "object_name"), PLACES)
def test_who_was_deleted_since_the_backfill_is_made_anew(closed_house, crm, object_name):
    house, there = closed_house, closed_house.crms[crm]
    record = put(there, object_name)
    house.start().settle_in()
    there.act("delete", object_name, record=record)
    house.deliver(**ADA)
    assert links(house)[crm][1] != record
    assert there.person(EMAIL)["record"] == links(house)[crm][1]
    assert house.dead_letters() == []


def test_who_was_merged_since_the_backfill_is_found_under_the_new_id(closed_house):
    house, crm = closed_house, closed_house.crms["hubspot"]
    record = put(crm)
    other = put(crm, email="ada@home.example")
    house.start().settle_in()
    requests.post(
        f"{crm.url}/__sandbox/act/merge",
        json={"object": "contacts", "id": record, "other": other},
        timeout=60,
    ).raise_for_status()
    house.deliver(**ADA)
    [person] = crm.people()
    assert links(house)["hubspot"] == ("contacts", person["record"])
    assert person["record"] not in (record, other)
    assert house.dead_letters() == []


def test_who_was_converted_since_the_backfill_is_written_as_the_contact(closed_house):
    house, crm = closed_house, closed_house.crms["salesforce"]
    lead = put(crm, "Lead")
    house.start().settle_in()
    crm.act("convert", "Lead", record=lead)
    house.deliver(**ADA)
    [contact] = crm.people("Contact")
    assert links(house)["salesforce"] == ("Contact", contact["record"])
    assert contact["score"] is not None
    assert house.dead_letters() == []


def test_while_observing_who_came_first_is_matched_once_all_is_read(closed_house):
    house, crm = closed_house, closed_house.crms["hubspot"]
    record = put(crm)
    crm.faults(error_rate=1, error_status=503, only="/crm/objects")
    house.start(LEADRELAY_SANDBOX="false")
    eventually(lambda: len(house._rosters()) == 2, "the rosters")
    house.post(**ADA)
    eventually(lambda: house.status().leads == 1, "the decision")
    assert "hubspot" not in links(house)
    crm.faults()

    def matched():
        house.clock.move_on(seconds=30)
        return "hubspot" in links(house)

    eventually(matched, "the match")
    assert links(house)["hubspot"] == ("contacts", record)
    assert house.story(EMAIL).lead.fields["last_name"] == "King"
    assert all(crm.writes_asked() == 0 for crm in house.crms.values())


@pytest.mark.parametrize(
    "trouble", [{"rate_429": 0.3}, {"error_rate": 0.3, "error_status": 502}, {"cut_rate": 0.3}]
)
def test_a_backfill_in_trouble_misses_nobody(closed_house, trouble):
    house = closed_house
    for crm, counts in (("hubspot", {"contacts": 1_500}), ("salesforce", {"Lead": 4_100, "Contact": 2_100})):
        there = house.crms[crm]
        requests.post(f"{there.url}/__sandbox/seed", json=counts, timeout=30).raise_for_status()
        there.faults(**trouble, seed=4)
    house.start()

    def whole():
        house.clock.move_on(seconds=30)
        seen = [one.is_whole for objects in house.status().mirror.values() for one in objects.values()]
        return len(seen) == 7 and all(seen)  # contacts, companies, deals; Lead, Contact, Account, Opportunity

    eventually(whole, "both mirrors")
    for crm in house.crms.values():
        crm.faults()
    house.settle_in()
    status = house.status().mirror
    assert status["hubspot"]["contacts"].seen == 1_500
    assert (status["salesforce"]["Lead"].seen, status["salesforce"]["Contact"].seen) == (4_100, 2_100)
    assert {one.problem for objects in status.values() for one in objects.values()} == {None}
