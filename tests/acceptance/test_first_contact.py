"""First contact with two accounts full of people, small enough for every run.

``python -m benchmarks first-contact`` does the same with 100,000 people.
"""

from __future__ import annotations

import pytest

from benchmarks.contact import oracle
from benchmarks.contact.run import Contact, run
from benchmarks.contact.world import World
from benchmarks.house import open_house

PEOPLE = 1_000
pytestmark = pytest.mark.timeout(600)  # half a minute on a quiet machine


@pytest.fixture(scope="module")
def contact() -> Contact:
    """Go the whole way once: what is wrong on it is raised there."""
    with open_house() as house:
        return run(house, PEOPLE)


def test_nothing_is_written_before_and_nothing_of_a_persons_after_going_live(contact):
    releases = {name: plan["release"] for name, plan in contact.plans.items()}
    assert {release["state"] for release in releases.values()} == {"done"}
    for name, release in releases.items():
        expected = contact.expected[name]
        companies = sum(one["records"] for one in contact.plans[name]["companies"])
        people_and_firms = expected.create + expected.existing + companies
        assert people_and_firms > 0
        deals = (
            release["expected"] - people_and_firms
        )  # the other account came with one; it may be ours by now
        assert deals in (0, 1)
        assert release["written"] <= release["at_most"]


@pytest.mark.parametrize("name", ["hubspot", "salesforce"])
def test_the_plan_is_what_was_counted_apart(contact, name):
    counts = contact.plans[name]["counts"]
    expected = contact.expected[name]
    assert expected.differs(counts) == ""
    assert expected.create > 100
    assert expected.existing > 50
    assert expected.conflict > 10


def test_the_world_has_all_that_makes_first_contact_hard():
    everyone = list(World(PEOPLE).everyone())
    assert sum(one.is_in_both for one in everyone) == PEOPLE // 10
    posted = {post["email"] for post in World(PEOPLE).posts()}
    known = [one for one in everyone if {one.email, one.alias} & posted]
    for kind in ("is_in_both", "is_merged", "is_converted", "is_contact"):
        assert any(getattr(one, kind) for one in known), kind
    assert any(post["email"].startswith("info@") for post in World(PEOPLE).posts())
    assert len(oracle.people_of(World(PEOPLE).posts())) < len(list(World(PEOPLE).posts()))
