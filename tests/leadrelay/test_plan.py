"""What a plan counts and says: conflicts, owners, values that do not fit, and how far the mirror is."""

from __future__ import annotations

from dataclasses import replace

import pytest

from connectors.inspection import Field, Fields
from handlers.writeback import wanted
from leadrelay.golive.mirror import MirrorState
from leadrelay.golive.tally import MOST_VALUES, OTHERS, Tally
from leadrelay.golive.wishes import wishes
from model.lead import LEAD_FIELDS, Link
from model.teammate import Teammate
from sync.people import People
from sync.prospects import CREATE, SAME, SKIP, UPDATE, Prospect, Row
from tests.builders import a_crm, a_lead, a_lifecycle, mapped

PLACE = "crm/test.yaml:5:1"
CRM = a_crm(
    "hubspot",
    "contacts",
    mapped("email", "email", "crm"),
    mapped("title", "jobtitle", "crm"),
    mapped("company", "company", "newest"),
    mapped("industry", "industry", "leadrelay"),
    mapped("owner", "owner", "crm", kind="owner"),
)
ANN = Teammate("ann@x.example", ids={"hubspot": "1"}, active={"hubspot": True})
GONE = Teammate("gone@x.example", ids={"hubspot": "2"}, active={"hubspot": False})
PEOPLE = People({mate.email: mate for mate in (ANN, GONE)}, frozenset({"hubspot"}), {})


def a_prospect(number=1, action="", reason="", shadow=None, written=None, **fields):
    lead = a_lead(f"L{number}", email=f"p{number}@x.example", **fields)
    link = None
    if shadow is not None:
        link = Link(
            "hubspot", "contacts", str(number), {"email": lead.get("email"), **shadow}, written or {}, rev=1
        )
        lead.links = {"hubspot": link}
    found = wanted(lead, CRM, PEOPLE, a_lifecycle())
    usual = SAME if found.object is None else UPDATE if link else CREATE
    return Prospect(lead, link, found, Row(), action or usual, reason)


def a_tally(*prospects, held=None, samples=3):
    tally = Tally(CRM, a_lifecycle(), PEOPLE, {"contacts": held}, samples)
    tally.add(prospects)
    return tally


def test_each_lead_is_counted_once_by_what_happens_to_it():
    tally = a_tally(
        a_prospect(1, company="A"),
        a_prospect(2, company="A", shadow={"company": "A"}),
        a_prospect(3, company="A", shadow={}),
        a_prospect(4, action=SKIP, reason="no e-mail"),
    )
    assert dict(tally.actions) == {CREATE: 1, "match": 0, UPDATE: 1, SAME: 1, SKIP: 1}
    assert dict(tally.skips) == {"no e-mail": 1}
    assert tally.written["contacts", "company", CREATE] == tally.written["contacts", "company", UPDATE] == 1


@pytest.mark.parametrize(
    ("fields", "shadow", "written", "expected"),
    [
        ({"title": "CEO"}, {"jobtitle": "Boss"}, {}, (False, "the people in the CRM own the field")),
        ({"company": "B"}, {"company": "A"}, {}, (True, "leadrelay's is newer")),
        ({"industry": "B"}, {"industry": "A"}, {}, (True, "leadrelay owns the field")),
        ({"company": "B"}, {"company": "A"}, {"company": "A"}, None),  # our own older value is nobody's
        ({"company": "B"}, {"company": ""}, {}, None),
        ({"company": "B"}, {"company": "B"}, {}, None),
    ],
)
def test_both_sides_hold_a_value(fields, shadow, written, expected):
    tally = a_tally(a_prospect(shadow=shadow, written=written, **fields))
    found = [(is_ours, why) for (_, _, is_ours, why), _ in tally.conflicting.items()]
    assert found == ([expected] if expected else [])
    assert tally.conflicts == bool(expected)
    if expected:
        [sample] = tally.samples["conflict"]
        [line] = sample["fields"]
        assert (line["written"] is not None) == expected[0]
        assert line["rule"] == PLACE


def test_owners_who_cannot_be_written_and_owners_nobody_knows():
    tally = a_tally(
        a_prospect(1, owner="gone@x.example"),
        a_prospect(2, owner="who@x.example"),
        a_prospect(3, owner="ann@x.example", shadow={"owner": "9"}),
        a_prospect(4, shadow={"owner": "2"}),
    )
    assert dict(tally.owners) == {
        ("gone@x.example", "inactive in hubspot, so none is written"): 1,
        ("who@x.example", "no owner in hubspot, so none is written"): 1,
        ("9", "an owner in hubspot whom nobody here is; kept"): 1,
        ("gone@x.example", "owns there, and is inactive in hubspot; kept"): 1,
    }


@pytest.mark.parametrize(
    ("field", "value", "problem"),
    [
        (
            Field("industry", "choice", "enumeration", options=("A", "B"), is_closed=True),
            "C",
            "is no option of the field",
        ),
        (Field("industry", "choice", "picklist", options=("A",), is_closed=False), "C", ""),
        (Field("industry", "text", "string", length=3), "long", "is longer than 3 characters"),
        (Field("industry", "number", "number"), "many", "is no number"),
        (Field("industry", "number", "number"), "12.5", ""),
    ],
)
def test_values_that_the_account_will_not_take(field, value, problem):
    tally = a_tally(a_prospect(industry=value), held=Fields({"industry": field}))
    expected = {("contacts", "industry", problem): {value: 1}} if problem else {}
    assert {key: dict(values) for key, values in tally.unfit.items()} == expected


def test_however_many_values_there_are_the_tally_stays_small():
    closed = Fields({"industry": Field("industry", "choice", "enumeration", options=(), is_closed=True)})
    many = [a_prospect(number, industry=f"V{number}") for number in range(MOST_VALUES + 50)]
    tally = a_tally(*many, held=closed, samples=2)
    [values] = tally.unfit.values()
    assert (len(values), values[OTHERS], values.total()) == (MOST_VALUES + 1, 50, len(many))
    assert len(tally.samples[CREATE]) == 2


def test_what_is_missing_is_wished_for_with_type_and_key():
    own = replace(CRM.objects["contacts"], id_field="our_id")
    crm = replace(CRM, objects={"contacts": own})
    held = Fields(
        {"email": Field("email", "text", "string"), "owner": Field("owner", "owner", "enumeration")}
    )
    found = {one.name: one for one in wishes(crm, {"contacts": held}, LEAD_FIELDS)}
    assert set(found) == {"our_id", "jobtitle", "company", "industry"}
    assert (found["our_id"].is_unique, found["our_id"].length, found["our_id"].label) == (True, 64, "Our id")
    assert (found["company"].type, found["company"].rule) == ("text", PLACE)
    assert wishes(crm, {"contacts": None}, LEAD_FIELDS) == []


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (MirrorState(False, False, ()), "THE MIRROR OF hubspot IS NOT COMPLETE (read: nothing yet)"),
        (MirrorState(True, False, ()), "are still being looked up in it"),
        (MirrorState(True, True, ()), ""),
    ],
)
def test_how_far_the_mirror_is_stands_above_the_plan(state, words):
    said = state.sentence("hubspot")
    assert words in said
    assert bool(said) == bool(words)
