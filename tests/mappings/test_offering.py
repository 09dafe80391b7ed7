"""The moves of its stage that people may ask for a lead, and what is in the way of each."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mappings.offering import offers, reason_of, ruling
from mappings.playbook import Criterion, Gate, Move
from tests.builders import a_lead, a_lifecycle, field_is, place

HERE = place(7, "lifecycle.yaml")
PEOPLE, RULES_ONLY = frozenset({"page", "crm"}), frozenset({"rules"})
MOVES = (
    Move("sal", PEOPLE, HERE),
    Move("prospect", RULES_ONLY, HERE),
    Move("nurture", PEOPLE, HERE, "message", ("Too early", "No budget")),
    Move("disqualified", PEOPLE, HERE, "message"),
)
ENTRY = Gate(
    (Criterion("German", HERE, when=field_is("country", "DE")), Criterion("Has time", HERE)), ("phone",)
)
PLAIN = a_lifecycle()


def strict(unmet="flag", moves=MOVES):
    given = {"mql": {"moves": moves}, "sal": {"entry": ENTRY, "label": "Accepted"}}
    return replace(
        PLAIN, unmet=unmet, stages=tuple(replace(one, **given.get(one.name, {})) for one in PLAIN.stages)
    )


def of(lifecycle, **fields):
    return {one.to: one for one in offers(lifecycle, a_lead(stage="mql", **fields))}


def test_each_other_stage_says_what_is_in_the_way():
    found = of(strict())
    assert [*found] == ["suspect", "prospect", "sal", "sql", "customer", "nurture", "disqualified"]
    assert {name: one.text for name, one in found.items()} == {
        "suspect": "not possible: mql has no move to suspect",
        "prospect": "not possible: from mql to prospect only rules may move a lead",
        "sal": "it would go without: missing phone; German (not country in DE)",
        "sql": "not possible: mql has no move to sql",
        "customer": "not possible: mql has no move to customer",
        "nurture": "nothing is in the way",
        "disqualified": "nothing is in the way",
    }
    assert (found["sal"].label, found["sal"].judged) == ("Accepted", ("Has time",))
    assert [name for name, one in found.items() if one.is_back] == ["suspect", "prospect"]
    assert (found["nurture"].reason, found["nurture"].reasons) == ("message", ("Too early", "No budget"))


def test_what_lacks_something_is_not_possible_where_the_playbook_refuses_it():
    found = of(strict("refuse"))["sal"]
    assert (found.allowed, found.text) == (
        False,
        "not possible: missing phone; German (not country in DE)",
    )
    assert of(strict("refuse"), phone="+4930901820", country="DE")["sal"].allowed


def test_a_stage_that_lists_no_moves_lets_people_do_as_they_like():
    assert all(one.allowed for one in of(strict(moves=None)).values())


@pytest.mark.parametrize(
    ("to", "reason", "why"),
    [
        ("nurture", "Too early", ""),
        ("nurture", "too early", ""),
        ("nurture", "", "a move to nurture needs a reason: message is blank"),
        ("nurture", "Bored", "message is none of the reasons for a move to nurture: Too early, No budget"),
        ("disqualified", "anything", ""),
        ("disqualified", "x" * 301, "the reason has 301 characters, of 300 at most"),
        ("sal", "why not", "no field keeps a reason for a move from mql to sal"),
        ("mql", "", "the lead is in mql"),
        (
            "mqll",
            "",
            'there is no stage "mqll": suspect, prospect, mql, sal, sql, customer, nurture, disqualified',
        ),
    ],
)
def test_a_persons_move_is_possible_or_it_is_said_why_not(to, reason, why):
    found = ruling(strict(), a_lead(stage="mql"), to, reason)
    assert (found.allowed, found.why) == (not why, why)


def test_the_field_that_says_why_is_that_of_the_move():
    assert reason_of(strict(), a_lead(stage="mql"), "nurture") == "message"
    assert reason_of(strict(), a_lead(stage="mql"), "sal") == ""
    assert reason_of(strict(), a_lead(stage="prospect"), "nurture") == ""
