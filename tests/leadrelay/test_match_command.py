"""`match`: what is learned, what waits, and words that name nobody."""

from __future__ import annotations

import json

import pytest

from leadrelay.clock import SystemClock
from sync import tables
from sync.database import open_store
from tests.sync.clock import FakeClock
from tests.sync.house import a_house
from tests.sync.stores import rows
from tests.sync.test_account_match import a_matching_house
from tests.sync.test_alike import ADA, AGAIN, compare, posted
from tests.sync.test_parting import joined
from tests.sync.test_shared_domains import people


@pytest.fixture
def match(empty_store, leadrelay, playbook):
    """Run the command on an empty store."""
    environ = {"LEADRELAY_DATABASE_URL": empty_store, "LEADRELAY_PLAYBOOK": str(playbook)}
    return lambda *words: leadrelay("match", *words, **environ)


def test_of_an_empty_store_nothing_is_learned_and_the_shipped_weights_are_shown(match, playbook):
    told = match("learn", "--json")
    said = json.loads(told.out)
    assert told.code == 0
    assert (said["leads"], said["pairs"]) == (0, 0)
    assert "at least 1000 are needed" in said["why_not"]
    assert {"field", "level", "m", "u", "weight"} == set(said["weights"][0])
    shown = match("learn").out
    assert "shipped weights stay" in " ".join(shown.split())


def test_what_was_not_learned_is_not_written(match, playbook):
    told = match("learn", "--write")
    assert told.code == 1
    assert "Nothing was written" in told.err
    assert not (playbook / "match_weights.yaml").exists()


def test_nothing_waits_in_an_empty_store(match):
    assert json.loads(match("review", "--json").out) == []
    assert "No two leads wait" in match("review").out


def test_who_may_be_one_person_is_told_by_name_masked_where_asked(match, empty_store, playbook):
    store = open_store(empty_store)
    house = a_house(store)
    posted(house, ADA, AGAIN)
    compare(house)
    store.close()
    [told] = json.loads(match("review", "--json").out)
    assert sorted(told["who"]) == [
        "Ada Lovelace <ada.lovelace@engines.example>",
        "Ada Lovelase <ada.lovelace@gmail.com>",
    ]
    (playbook / "privacy.yaml").write_text(
        "rules:\n  - {channels: exports, show: {email: partly, name: partly}}\n"
    )
    [told] = json.loads(match("review", "--json", "--masked").out)
    assert sorted(told["who"]) == ["A. L. <a***@engines.example>", "A. L. <a***@gmail.com>"]


def test_of_a_lead_that_nobody_knows_nothing_is_undone(match):
    told = match("undo", "ada@example.com")
    assert (told.code, "No lead is known by ada@example.com" in told.err) == (1, True)


def test_an_undo_is_handed_in_and_one_that_cannot_be_is_refused(match, empty_store):
    store = open_store(empty_store)
    clock = FakeClock(SystemClock().now())  # the command goes by the machine's
    house = a_house(store, clock=clock)
    gone, left = joined(house)
    told = match("undo", left, "--by", "olga", "--json")
    assert (told.code, json.loads(told.out)) == (0, {"undone": gone, "leads": [left, gone]})
    house.settle()
    assert {row["id"] for row in rows(store, tables.leads)} == {gone, left}
    again = match("undo", left)
    assert (again.code, "can be parted from it" in " ".join(again.err.split())) == (2, True)
    store.close()


def test_a_word_on_nobody_is_refused(match):
    told = match("different", "ada@example.com", "bo@example.com")
    assert told.code == 1
    assert "No lead is known by ada@example.com" in told.err


def test_domains_that_many_companies_share_are_shown_with_some_of_them(match, empty_store, playbook):
    assert "No domain" in match("domains").out
    store = open_store(empty_store)
    firms = ("Bosch", "Siemens", "Zeiss", "Haribo", "Miele")
    posted(a_matching_house(store), *people("school.edu", firms))
    store.close()
    [told] = json.loads(match("domains", "--json").out)
    assert (told["domain"], told["people"], len(told["companies"])) == ("school.edu", 5, 5)
    assert "bosch, haribo" in " ".join(match("domains").out.split())
    (playbook / "accounts.yaml").write_text("shared_domains: [school.edu]\n")
    assert json.loads(match("domains", "--json").out) == []
