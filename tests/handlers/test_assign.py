"""Who gets a lead, in what turn, and what is said when nobody can."""

from __future__ import annotations

import pytest

from handlers.assign import Assign
from handlers.base import Seat
from model.decision import AskReview, Assigned, Way
from tests.builders import (
    a_context,
    a_lead,
    a_lifecycle,
    a_pool,
    a_routing,
    a_teammate,
    a_territory,
    facts,
    field_is,
    place,
    reasons,
)

ANN, BO, CY, DEE = (f"{name}@example.com" for name in ("ann", "bo", "cy", "dee"))
DACH = a_territory("DACH", field_is("country", "DE", "AT"), pool="dach")
KEY = a_territory("Key accounts", field_is("company", "Acme"), owner=DEE)
POOLS = (a_pool("dach", ANN, BO), a_pool("rest", CY))
ASSIGN = Assign(a_routing(KEY, DACH, pools=POOLS, from_stage="mql"), a_lifecycle())


def assigned(lead, known=None, assign=ASSIGN):
    return assign(lead, a_context(lookups=known or facts()))


def listed(*emails, crm="hubspot", away=()):
    return [a_teammate(email, **{crm: email not in away}) for email in emails]


@pytest.mark.parametrize(
    ("lead", "owner"),
    [
        (a_lead(stage="mql", country="DE"), ANN),
        (a_lead(stage="sql", country="AT"), ANN),
        (a_lead(stage="mql", country="FR"), CY),
        (a_lead(stage="mql"), CY),
        (a_lead(stage="mql", country="DE", company="Acme"), DEE),
        (a_lead(stage="mql", country="DE", owner=BO), None),
        (a_lead(stage="prospect", country="DE"), None),
        (a_lead(stage="nurture", country="DE"), None),
        (a_lead(stage="disqualified", country="DE"), None),
        (a_lead(country="DE"), None),
    ],
)
def test_the_first_territory_that_matches_gives_the_owner(lead, owner):
    assert assigned(lead).fields.get("owner") == owner


def test_an_owner_that_is_there_is_kept_and_that_is_said_only_where_one_would_be_given():
    assert reasons(assigned(a_lead(stage="mql", owner=BO))) == ["owner kept: the lead has one"]
    assert reasons(assigned(a_lead(stage="prospect", owner=BO))) == []


def test_without_from_stage_a_lead_gets_its_owner_at_once():
    assign = Assign(a_routing(pools=POOLS), a_lifecycle())
    assert assigned(a_lead(stage="suspect"), assign=assign).fields == {"owner": CY}


@pytest.mark.parametrize(
    ("teammates", "lead", "owner"),
    [
        ([], {"country": "DE"}, ANN),  # no roster read yet: everybody
        (listed(ANN, BO), {"country": "DE"}, ANN),
        (listed(ANN, BO, away=[ANN]), {"country": "DE"}, BO),
        (listed(BO), {"country": "DE"}, BO),  # ann is in no roster
        (listed(ANN, BO, CY, away=[ANN, BO]), {"country": "DE"}, CY),
        (listed(CY), {"country": "DE"}, CY),
        (listed(ANN), {"country": "FR"}, None),
        (listed(CY, DEE), {"company": "Acme"}, DEE),
        (listed(CY, DEE, away=[DEE]), {"company": "Acme"}, CY),
        ([a_teammate(ANN, hubspot=True, salesforce=False), *listed(BO)], {"country": "DE"}, None),
        (
            [a_teammate(ANN, hubspot=True), a_teammate(BO, hubspot=True, salesforce=True)],
            {"country": "DE"},
            BO,
        ),
    ],
)
def test_only_those_whom_every_known_roster_lists_as_active_take_leads(teammates, lead, owner):
    decision = assigned(a_lead(stage="mql", **lead), facts(teammates=teammates))
    assert decision.fields.get("owner") == owner


def test_nobody_left_is_said_loudly_and_asked():
    decision = assigned(a_lead(stage="mql", country="DE"), facts(teammates=listed(ANN, away=[ANN])))
    assert decision.fields == {}
    assert decision.effects == (AskReview("no_owner", {"territory": "DACH"}),)
    assert reasons(decision) == [
        "territory DACH: country in DE, AT",
        "pool dach: nobody can take leads; skipped: "
        f"{ANN} is inactive in hubspot, {BO} is in no CRM's roster",
        f"pool rest: nobody can take leads; skipped: {CY} is in no CRM's roster",
        "NO OWNER: nobody is left to take this lead; a person is asked",
    ]


def test_the_way_to_the_owner_is_told_with_its_places():
    ledger = {"dach": {ANN: Seat(4.5, 9), BO: Seat(3.5, 8)}}
    decision = assigned(a_lead(stage="mql", country="DE"), facts(seats=ledger))
    assert decision.effects == (Assigned(BO, None, "dach", 4.5, Way.TURN, 3.5),)
    assert [(line.text, line.at) for line in decision.because] == [
        ("territory DACH: country in DE, AT", place(10, "routing.yaml")),
        (f"pool dach: {BO} has the lowest turn 3.5 of 2 eligible", place(30, "routing.yaml")),
    ]


def test_a_long_condition_is_cut_for_the_place_leads_to_it():
    everywhere = a_territory("World", field_is("country", "DE", *map(str, range(90))), pool="rest")
    decision = assigned(
        a_lead(country="DE"), assign=Assign(a_routing(everywhere, pools=POOLS), a_lifecycle())
    )
    assert decision.because[0].text.endswith("…")
    assert len(decision.because[0].text) < 130


def test_a_lead_of_no_territory_says_so():
    decision = assigned(a_lead(stage="mql", country="FR"))
    assert decision.because[0].text == "no territory matches: fallback pool"
    assert decision.because[0].at == place(3, "routing.yaml")


def test_an_owner_by_territory_takes_no_turn():
    assert assigned(a_lead(stage="mql", company="Acme")).effects == (Assigned(DEE, None, way=Way.OWNER),)


def test_a_test_lead_gets_an_owner_and_uses_up_no_turn():
    decision = assigned(a_lead(stage="mql", country="DE", is_test=True))
    assert decision.effects == (Assigned(ANN, None, way=Way.TEST),)
    assert reasons(decision)[-1] == "test lead: the turn is not used up"
