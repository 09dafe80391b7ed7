"""How well a lead and its company fit the customer profile."""

from __future__ import annotations

from datetime import timedelta

import pytest

from handlers.backtest import by_tier, peak
from handlers.icp import JudgeFit, fit
from mappings.playbook import Icp, IcpCriterion
from model.account import Account, account_id
from model.lead import Provenance
from tests.builders import (
    NOON,
    a_context,
    a_lead,
    a_playbook,
    a_scoring,
    apply,
    facts,
    field_is,
    place,
    reasons,
)
from tests.builders import points as rule

SECTOR = IcpCriterion("sector", field_is("industry", "Software"), 40, False, place(2))
SIZE = IcpCriterion("size", field_is("employees", 200), 35, False, place(3))
MAILBOX = IcpCriterion("mailbox", field_is("email_kind", "business"), 25, False, place(4))
PLACE = IcpCriterion("place", field_is("country", "DE", "AT"), 0, True, place(5))
ICP = Icp((SECTOR, SIZE, MAILBOX, PLACE), ((75, "A"), (40, "B"), (20, "C")), "outside", place(1), place(9))


@pytest.mark.parametrize(
    ("fields", "percent", "tier"),
    [
        ({"country": "DE", "industry": "Software", "employees": 200}, 75, "A"),
        ({"country": "DE", "industry": "Software"}, 40, "B"),
        ({"country": "DE", "email_kind": "business"}, 25, "C"),
        ({"country": "DE"}, 0, "outside"),
        ({"country": "FR", "industry": "Software", "employees": 200}, 75, "outside"),
        ({"industry": "Software", "employees": 200}, 75, "outside"),  # a blank field meets nothing
    ],
)
def test_the_tier_follows_from_the_weights_that_are_met(fields, percent, tier):
    found = fit(a_lead(**fields), None, ICP)
    assert (found.percent, found.tier) == (percent, tier)


def test_each_criterion_is_said_to_be_met_missed_or_not_known():
    lead = a_lead(country="FR", industry="Software", email_kind="free")
    decision = JudgeFit(ICP)(lead, a_context())
    assert reasons(decision) == [
        "profile: 40 percent, tier outside, for place is required",
        "met: sector (weight 40)",
        "not known: size (weight 35)",
        "missed: mailbox (weight 25)",
        "missed: place (required)",
    ]
    assert decision.fields["icp_reasons"] == "met: sector; missed: mailbox, place; not known: size"
    again = JudgeFit(ICP)(apply(JudgeFit(ICP), lead, a_context()), a_context())
    assert (again.fields, again.because) == ({}, ())  # what is the same is not told again


def test_what_the_lead_leaves_blank_its_account_says():
    joined = account_id("main", "acme.example")
    acme = Account(joined, fields={"industry": "Software", "employees": 200, "country": "FR"})
    known = facts()
    known.accounts[joined] = acme
    playbook = a_playbook(pipeline=("icp", "account"))
    lead = a_lead(email="ada@acme.example", country="AT")  # not joined yet
    judged = apply(JudgeFit(ICP), lead, a_context(lookups=known, playbook=playbook))
    assert (judged.fields["icp_tier"], judged.fields["country"]) == ("A", "AT")
    assert "industry" not in judged.fields  # it is looked at, not copied
    without = a_context(lookups=known, playbook=a_playbook(pipeline=("icp",)))
    alone = apply(JudgeFit(ICP), a_lead(email="ada@acme.example", country="AT"), without)
    assert alone.fields["icp_tier"] == "outside"  # a playbook that keeps no accounts


def test_without_a_profile_what_an_earlier_one_left_is_emptied():
    judged = apply(JudgeFit(ICP), a_lead(country="DE"), a_context())
    assert judged.fields["icp_tier"] == "outside"
    emptied = apply(JudgeFit(None), judged, a_context())
    assert not [
        name for name in emptied.fields if name.startswith("icp_") and emptied.fields[name] is not None
    ]
    assert not JudgeFit(None)(emptied, a_context()).fields


def test_a_trial_sees_what_was_known_before_the_deal_and_scores_by_the_tier_of_then():
    lead = a_lead(country="DE", industry="Software", since=NOON)
    acme = Account("ac", fields={"employees": 200})
    acme.provenance["employees"] = Provenance("hubspot", NOON + timedelta(days=9), 1)
    scoring = a_scoring(rule(20, "tier A", "fit", when=field_is("icp_tier", "A")), fit=100)
    before, after = (
        peak(lead, scoring, NOON + timedelta(days=day), icp=ICP, account=acme) for day in (5, 10)
    )
    assert (before.tier, before.score) == ("B", 0)
    assert (after.tier, after.score) == ("A", 20)


def test_tiers_are_counted_with_the_best_first():
    found = by_tier(ICP, [("B", True), ("A", True), ("outside", False), ("A", False)])
    assert [(one.tier, one.volume, one.won, one.win_rate) for one in found] == [
        ("A", 2, 1, 0.5),
        ("B", 1, 1, 1.0),
        ("C", 0, 0, None),
        ("outside", 1, 0, 0.0),
    ]
