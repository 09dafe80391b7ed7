"""A lead in a vendor's form, what of it must be written, and a record read back."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from mappings.compile import load
from mappings.outward import compare, difference, draft, inward_record, same_on
from mappings.playbook import CrmField, ObjectMap
from mappings.starter import FOLDER
from model.decision import Place
from model.lead import Lead, Link, Provenance
from model.teammate import Teammate
from tests.builders import NOON

PLAYBOOK = load(FOLDER)
CONTACTS = PLAYBOOK.crms["hubspot"].objects["contacts"]
LEADS = PLAYBOOK.crms["salesforce"].objects["Lead"]

ANNA = Teammate(
    "anna.keller@northlight.example",
    ids={"hubspot": "101", "salesforce": "0055g00000ANNA0AAA"},
    active={"hubspot": True, "salesforce": True},
)
OLIVER = Teammate("oliver.stone@northlight.example", ids={"hubspot": "109"}, active={"hubspot": False})


class People:
    """Teammates in memory."""

    team = (ANNA, OLIVER)

    def teammate(self, email: str) -> Teammate | None:
        return next((one for one in self.team if one.email == email), None)

    def teammate_by_id(self, connection: str, remote_id: str) -> Teammate | None:
        return next((one for one in self.team if one.ids.get(connection) == remote_id), None)


PEOPLE = People()
TOUCH = {"at": "2026-03-01T10:00:00.123456Z", "channel": "paid_search", "source": "google"}


def a_lead(**fields: Any) -> Lead:
    return Lead("L1", fields={"email": "ada@acme.example", "last_name": "Lovelace", "stage": "mql", **fields})


def a_link(shadow: dict[str, Any], written: dict[str, Any] | None = None) -> Link:
    return Link("hubspot", "contacts", "1", shadow=shadow, written=written or {})


def to_write(
    wanted: dict[str, Any], shadow: dict[str, Any], written: dict[str, Any] | None = None
) -> dict[str, Any]:
    return difference(wanted, a_link(shadow, written), CONTACTS, PLAYBOOK.lifecycle)


def test_hubspot_gets_text_throughout():
    lead = a_lead(employees=51, annual_revenue=5e6, score=72, owner=ANNA.email, first_touch=TOUCH, city="")
    assert draft(lead, CONTACTS, "hubspot", PEOPLE) == {
        "leadrelay_id": "L1",
        "email": "ada@acme.example",
        "lastname": "Lovelace",
        "numemployees": "50-100",
        "annualrevenue": "5000000",
        "hubspot_owner_id": "101",
        "lifecyclestage": "marketingqualifiedlead",
        "leadrelay_score": "72",
        "first_touch_channel": "paid_search",
        "first_touch_source": "google",
        "first_touch_at": "2026-03-01T10:00:00Z",
    }


def test_salesforce_gets_types_and_on_create_what_it_requires():
    lead = a_lead(employees=51, score=72, owner=ANNA.email, last_name=None, message="x" * 40_000)
    made = draft(lead, LEADS, "salesforce", PEOPLE, creating=True)
    assert made["LastName"] == made["Company"] == "[unknown]"
    assert (made["NumberOfEmployees"], made["LeadRelay_Score__c"]) == (51, 72)
    assert made["OwnerId"] == "0055g00000ANNA0AAA"
    assert made["Status"] == "Open - Not Contacted"
    assert made["LeadRelay_Stage__c"] == "mql"
    assert len(made["Description"]) == 32_000
    assert "LastName" not in draft(lead, LEADS, "salesforce", PEOPLE)


@pytest.mark.parametrize("owner", [None, "stranger@x.example", OLIVER.email])
def test_an_owner_whom_the_crm_would_not_take_is_left_out(owner):
    assert "hubspot_owner_id" not in draft(a_lead(owner=owner), CONTACTS, "hubspot", PEOPLE)


def test_a_stage_that_the_map_does_not_list_is_not_written():
    assert "Status" not in draft(a_lead(stage="customer"), LEADS, "salesforce", PEOPLE)


@pytest.mark.parametrize(
    ("wanted", "shadow"),
    [
        ({"email": "ada@acme.example"}, {"email": "Ada@ACME.example"}),
        ({"phone": "+4930901820"}, {"phone": "+49 30 901820"}),
        ({"country": "DE"}, {"country": "Germany"}),
        ({"company": "Acme Inc"}, {"company": " Acme  Inc"}),
        ({"leadrelay_score": "72"}, {"leadrelay_score": 72.0}),
        ({"first_touch_at": "2026-03-01T10:00:00Z"}, {"first_touch_at": "2026-03-01T10:00:00.000Z"}),
        ({"not_in_the_map": "1"}, {"not_in_the_map": 1}),
    ],
)
def test_another_spelling_is_no_difference(wanted, shadow):
    assert to_write(wanted, shadow) == {}
    assert all(same_on(CONTACTS, name, value, shadow[name]) for name, value in wanted.items())


@pytest.mark.parametrize(
    ("shadow", "written", "is_written"),
    [
        ({}, {}, True),  # blank: leadrelay fills it
        ({"jobtitle": ""}, {}, True),
        ({"jobtitle": "CTO"}, {}, False),  # a person typed it
        ({"jobtitle": "CTO"}, {"jobtitle": "CTO"}, True),  # still what leadrelay wrote
        ({"jobtitle": "CTO"}, {"jobtitle": "VP"}, False),  # a person changed what leadrelay wrote
    ],
)
def test_what_people_own_is_filled_but_not_overwritten(shadow, written, is_written):
    assert bool(to_write({"jobtitle": "CEO"}, shadow, written)) is is_written


def test_the_score_is_the_one_that_the_crms_were_told_so_that_no_other_write_carries_one_that_wavers():
    told = draft(a_lead(score=57, told_score=60), CONTACTS, "hubspot", PEOPLE)
    assert told["leadrelay_score"] == "60"
    assert to_write(told, {**told}) == {}
    assert draft(a_lead(score=57), CONTACTS, "hubspot", PEOPLE)["leadrelay_score"] == "57"


def test_what_leadrelay_owns_is_written_over_anything():
    assert to_write({"leadrelay_score": "72"}, {"leadrelay_score": "5"}) == {"leadrelay_score": "72"}


@pytest.mark.parametrize(
    ("wanted", "held", "is_written"),
    [
        ("marketingqualifiedlead", "", True),
        ("marketingqualifiedlead", "lead", True),
        ("marketingqualifiedlead", "opportunity", False),  # never backwards
        ("marketingqualifiedlead", "evangelist", False),  # a value of their own is never overwritten
        ("marketingqualifiedlead", "other", False),  # disqualified: only a person leads back from here
        ("other", "opportunity", True),
        ("lead", "opportunity", False),  # nurture shares HubSpot's "lead", which would be a step back
        ("customer", "salesqualifiedlead", True),
    ],
)
def test_a_stage_moves_forward_only(wanted, held, is_written):
    assert bool(to_write({"lifecyclestage": wanted}, {"lifecyclestage": held})) is is_written


@pytest.mark.parametrize(
    ("wanted", "held", "source", "written", "is_written"),
    [
        (
            "subscriber",
            "lead",
            "rule",
            None,
            True,
        ),  # nurture is called lead, too: the lead was led back from it
        ("subscriber", "marketingqualifiedlead", "rule", "marketingqualifiedlead", True),  # our own word
        ("subscriber", "marketingqualifiedlead", "rule", None, False),
        ("subscriber", "marketingqualifiedlead", "salesforce", None, True),  # a person led it back there
        ("subscriber", "marketingqualifiedlead", "hubspot", None, False),
        ("lead", "other", "rule", None, False),  # disqualified by a person here: only a person leads it back
        ("lead", "other", "salesforce", None, True),
        ("lead", "evangelist", "salesforce", None, False),  # not listed: it stays
    ],
)
def test_a_stage_goes_back_where_the_lead_was_led_back(wanted, held, source, written, is_written):
    lead = a_lead()
    lead.provenance["stage"] = Provenance(source, NOON, 1)
    lead.links["salesforce"] = Link("salesforce", "Lead", "8", {}, {})
    shadow = {"lifecyclestage": held}
    link = Link("hubspot", "contacts", "7", shadow, {"lifecyclestage": written} if written else {})
    found = difference({"lifecyclestage": wanted}, link, CONTACTS, PLAYBOOK.lifecycle, of=lead)
    assert bool(found) is is_written
    seen = compare({"lifecyclestage": wanted}, link, CONTACTS, PLAYBOOK.lifecycle, of=lead)
    assert [one.is_written for one in seen] == [is_written]


def test_without_a_link_all_of_the_draft_is_written():
    wanted = draft(a_lead(), CONTACTS, "hubspot", PEOPLE, creating=True)
    assert difference(wanted, None, CONTACTS, PLAYBOOK.lifecycle) == wanted


def test_what_was_just_written_is_no_difference():
    for object_map, connection in ((CONTACTS, "hubspot"), (LEADS, "salesforce")):
        wanted = draft(a_lead(score=3, last_touch=TOUCH, owner=ANNA.email), object_map, connection, PEOPLE)
        assert difference(wanted, a_link(wanted, wanted), object_map, PLAYBOOK.lifecycle) == {}


def test_a_placeholder_and_a_queue_count_as_blank():
    wanted = {"LastName": "Lovelace", "OwnerId": "0055g00000ANNA0AAA"}
    link = a_link({"LastName": "[unknown]", "OwnerId": "00G5g000004XyzAEAU"})
    assert difference(wanted, link, LEADS, PLAYBOOK.lifecycle) == wanted
    read = inward_record(link.shadow, LEADS, "salesforce", PEOPLE)
    assert read == {"last_name": None, "owner": None}


def test_a_field_may_be_emptied_where_the_map_says_so():
    rule = CrmField("city", "city", "leadrelay", Place("t.yaml", 1), allow_clear=True)
    text_map = ObjectMap("contacts", (rule,), Place("t.yaml", 1), as_text=True)
    assert draft(a_lead(), text_map, "hubspot", PEOPLE) == {"city": ""}
    assert draft(a_lead(), replace(text_map, as_text=False), "salesforce", PEOPLE) == {"city": None}
    assert draft(a_lead(), text_map, "hubspot", PEOPLE, creating=True) == {}
    assert to_write({"city": ""}, {"city": None}) == {}


def test_a_record_is_read_back_in_canonical_words():
    fields = {
        "email": "Ada@Acme.example",
        "phone": "030 901820",
        "country": "Germany",
        "numemployees": "50-100",
        "annualrevenue": "5000000.5",
        "leadrelay_score": "72",
        "lifecyclestage": "lead",
        "hubspot_owner_id": "101",
        "city": "",
        "first_touch_source": "google",
        "hs_object_id": "1",
    }
    assert inward_record(fields, CONTACTS, "hubspot", PEOPLE) == {
        "email": "ada@acme.example",
        "phone": "+4930901820",  # national, and the record's own country says how it is meant
        "country": "DE",
        "employees": 50,  # of a bracket the least
        "annual_revenue": 5000000.5,
        "score": 72,
        "stage": "prospect",  # of several stages behind one value the first: it claims the least
        "owner": ANNA.email,
        "city": None,
    }


def test_of_what_has_no_canonical_form_nothing_is_said():
    fields = {
        "lifecyclestage": "evangelist",
        "numemployees": "lots",
        "phone": "call",
        "hubspot_owner_id": "999",
    }
    assert inward_record(fields, CONTACTS, "hubspot", PEOPLE) == {"owner": None}


def test_the_first_line_of_a_lead_field_is_read_and_further_ones_are_only_written():
    fields = {"Status": "Working - Contacted", "LeadRelay_Stage__c": "mql"}
    assert inward_record(fields, LEADS, "salesforce", PEOPLE) == {"stage": "sal"}


@pytest.mark.parametrize(
    ("employees", "bracket"),
    [(0, None), (1, "1-5"), (4, "1-5"), (5, "5-25"), (99, "50-100"), (100, "100-500"), (25_000, "1000+")],
)
def test_a_number_is_written_as_the_bracket_it_falls_in(employees, bracket):
    assert draft(a_lead(employees=employees), CONTACTS, "hubspot", PEOPLE).get("numemployees") == bracket


def test_what_was_written_is_read_back_the_same():
    lead = a_lead(employees=50, country="DE", phone="+4930901820", owner=ANNA.email, score=3, title="CEO")
    for object_map, connection in ((CONTACTS, "hubspot"), (LEADS, "salesforce")):
        made = draft(lead, object_map, connection, PEOPLE)
        read = inward_record(made, object_map, connection, PEOPLE)
        expected = {**lead.fields, "stage": read["stage"]}
        assert read == expected
