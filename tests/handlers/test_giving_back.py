"""A turn is given back once, for the reasons that the pool has, while the month's credits last."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from handlers.giving_back import given_back
from handlers.workload import GivenTurn, Workload
from mappings.playbook import Credit
from model.decision import GiveBack
from tests.builders import a_context, a_lead, a_pool, a_routing, facts, field_is, place, reasons

ANN, BO = "ann@example.com", "bo@example.com"
SPAM = Credit(place(9), when=field_is("company", "Spam"))


def asked(lead, credit, **known):
    rules = a_routing(pools=[replace(a_pool("all", ANN, BO), credit=credit), a_pool("rest", BO)])
    turns = known.pop("turns", {lead.id: GivenTurn("all", ANN)})
    lookups = replace(facts(), work=Workload(last_turns=turns, **known))
    return given_back(lead, rules, a_context(lookups=lookups))


@pytest.mark.parametrize(
    ("lead", "credit", "why"),
    [
        (a_lead(company="Spam", owner=ANN), SPAM, "company in Spam"),
        (a_lead(company="Acme", owner=BO), replace(SPAM, reassigned=True), f"the lead is {BO}'s now"),
    ],
)
def test_the_turn_is_given_back_and_that_is_said(lead, credit, why):
    decision = asked(lead, credit)
    assert decision.effects == (GiveBack(ANN, "all"),)
    assert reasons(decision) == [f"pool all: {ANN} gets the turn back: {why}"]


@pytest.mark.parametrize(
    ("lead", "credit", "known"),
    [
        (a_lead(company="Acme", owner=ANN), SPAM, {}),
        (a_lead(company="Acme", owner=BO), SPAM, {}),  # somebody else has it, which is no reason here
        (a_lead(company="Acme", owner=ANN), replace(SPAM, reassigned=True), {}),
        (a_lead(company="Acme", owner=""), replace(SPAM, reassigned=True), {}),
        (a_lead(company="Spam", owner=ANN), None, {}),
        (a_lead(company="Spam", owner=ANN), SPAM, {"turns": {}}),  # by no turn, or given back before
        (a_lead(company="Spam", owner=ANN, is_test=True), SPAM, {}),
        (a_lead(id="x", company="Spam"), SPAM, {"turns": {"x": GivenTurn("gone", ANN)}}),
        (a_lead(id="x", company="Spam"), SPAM, {"turns": {"x": GivenTurn("rest", BO)}}),
    ],
)
def test_else_nothing_is(lead, credit, known):
    decision = asked(lead, credit, **known)
    assert (decision.effects, decision.because) == ((), ())


@pytest.mark.parametrize(("had", "is_given"), [(2, True), (3, False), (4, False)])
def test_a_month_has_so_many_and_the_end_of_them_is_said(had, is_given):
    decision = asked(
        a_lead(company="Spam", owner=ANN), replace(SPAM, per_month=3), credits=Counter({("all", ANN): had})
    )
    assert bool(decision.effects) is is_given
    if not is_given:
        assert reasons(decision) == [
            f"pool all: company in Spam; no turn is given back: {ANN} had {had}/3 back this month"
        ]
