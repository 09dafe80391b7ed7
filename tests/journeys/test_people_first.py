"""What people did in the CRMs stays: before the first post, between two posts, a moment before our write."""

from __future__ import annotations

import pytest

from tests.waiting import eventually

ADA = {
    "email": "ada@analytical.example",
    "first_name": "Ada",
    "last_name": "Lovelace",
    "job_title": "Head of Research",
    "company": "Analytical Engines",
    "phone": "+442079460018",
    "city": "London",
    "country": "GB",
    "form_type": "demo",
}
BEN = "ben.carter@northlight.example"  # of the Americas: no rule here would choose him for her
DAVID = "david.nguyen@northlight.example"
THEIRS = {"last_name": "King", "title": "Countess", "phone": "+14155550101", "owner": BEN}
PLACES = [("hubspot", "contacts"), ("salesforce", "Lead"), ("salesforce", "Contact")]


@pytest.mark.parametrize(("crm", "object_name"), PLACES)
def test_who_is_in_a_crm_already_keeps_what_people_put_there_and_gets_what_was_blank(house, crm, object_name):
    here = house.crms[crm]
    required = {"company": "Engines Ltd"} if object_name == "Lead" else {}
    there = here.act("create", object_name, email="Ada@Analytical.example", **THEIRS, **required)
    house.deliver(**ADA)
    person = here.person(ADA["email"], object_name)
    assert person["record"] == there
    assert {name: person[name] for name in THEIRS} == THEIRS
    assert person["first_name"] == "Ada"  # was blank
    assert person["city"] == "London"
    assert person["score"] is not None
    assert person["id"] == house.story(ADA["email"]).lead.id
    if object_name == "Contact":
        assert house.crms[crm].people("Lead") == []  # no second record of her


@pytest.mark.parametrize(("crm", "object_name"), PLACES)
def test_an_owner_in_one_crm_is_the_owner_in_both(house, crm, object_name):
    required = {"company": "Engines Ltd"} if object_name == "Lead" else {}
    house.crms[crm].act("create", object_name, email=ADA["email"], **THEIRS, **required)
    house.deliver(**ADA)
    assert house.story(ADA["email"]).lead.owner == BEN
    objects = {crm: object_name}
    for name, each in house.crms.items():
        assert each.person(ADA["email"], objects.get(name, "")).get("owner") == BEN


def test_explain_says_why_a_persons_value_was_kept(house):
    house.crms["hubspot"].act("create", email=ADA["email"], **THEIRS)
    house.deliver(**ADA)
    told = house.command("explain", ADA["email"])
    assert "owner: hubspot's value taken, a person in hubspot set it, a rule the other" in told
    assert "crm/hubspot.yaml:" in told


@pytest.mark.parametrize(("crm", "object_name"), PLACES[:2])
def test_an_edit_between_two_posts_survives_the_second(house, crm, object_name):
    house.deliver(**ADA)
    here = house.crms[crm]
    here.act("edit", record=here.person(ADA["email"])["record"], **THEIRS)
    again = {"job_title": "CEO", "phone": "+442079460999", "last_name": "Byron", "city": "Paris"}
    house.deliver(**ADA | again)
    person = here.person(ADA["email"])
    assert {name: person[name] for name in THEIRS} == THEIRS
    assert person["city"] == "Paris"  # the newest word wins where people and forms are equally right


@pytest.mark.parametrize("crm", ["hubspot", "salesforce"])
@pytest.mark.parametrize("field", ["title", "phone", "owner"])
def test_an_edit_of_one_field_survives_posts_about_others_and_about_itself(house, crm, field):
    house.deliver(**ADA)
    here = house.crms[crm]
    here.act("edit", record=here.person(ADA["email"])["record"], **{field: THEIRS[field]})
    house.deliver(**ADA, message="And another thing")
    house.deliver(**ADA | {"job_title": "CEO", "phone": "+442079460999"})
    assert here.person(ADA["email"])[field] == THEIRS[field]


@pytest.mark.parametrize("crm", ["hubspot", "salesforce"])
def test_an_edit_made_while_our_change_waited_is_seen_before_we_write(house, crm):
    house.deliver(**ADA)
    here = house.crms[crm]
    record = here.person(ADA["email"])["record"]
    here.faults(error_rate=1, error_status=503)
    house.post(**ADA | {"job_title": "CEO", "phone": "+442079460999"})
    eventually(lambda: house.waiting(crm), "a change that waits")
    here.act("edit", record=record, **THEIRS)
    here.faults()
    house.settle_in_a_hurry()
    person = here.person(ADA["email"])
    assert {name: person[name] for name in THEIRS} == THEIRS


def test_an_owner_whom_a_person_changed_in_one_crm_stays_there_and_reaches_the_other(house):
    house.deliver(**ADA)
    hubspot, salesforce = house.crms["hubspot"], house.crms["salesforce"]
    hubspot.act("edit", record=hubspot.person(ADA["email"])["record"], owner=DAVID)
    house.deliver(**ADA | {"job_title": "CEO", "phone": "+442079460999"})
    assert hubspot.person(ADA["email"])["owner"] == DAVID
    assert salesforce.person(ADA["email"])["owner"] == DAVID
