"""The matcher: what meets, what is alike, what it weighs, and that weights are found in pairs alone."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from mappings.matcher import blocking, learning
from mappings.matcher.levels import LEVELS, compare
from mappings.matcher.model import Model, model_from, shipped
from mappings.matcher.person import STANDARD, Comparison, person

ADA = {
    "email": "Ada.Lovelace+news@gmail.com",
    "first_name": "Ada",
    "last_name": "Lovelace",
    "company": "Analytical Engines Ltd.",
    "phone": "+442079460018",
    "postal_code": "SW1A 1AA",
    "city": "London",
    "country": "GB",
}


def levels_of(theirs, ours=ADA):
    vector = compare(person(ours), person(theirs), STANDARD)
    named = zip(STANDARD, vector, strict=True)
    return {one.name: LEVELS[one.kind][level] for one, level in named if level >= 0}


@pytest.mark.parametrize(
    ("theirs", "name", "level"),
    [
        ({"first_name": "ADA"}, "first_name", "same"),
        ({"first_name": "A."}, "first_name", "alike"),
        ({"first_name": "Lovelace", "last_name": "Ada"}, "first_name", "swapped"),
        ({"last_name": "Lovelase"}, "last_name", "close"),
        ({"last_name": "Byron"}, "last_name", "other"),
        ({"company": "Analytical Engines GmbH & Co. KG"}, "company", "same"),
        ({"postal_code": "sw1a1ab"}, "postal_code", "near"),
        ({"phone": "02079460018"}, "phone", "same"),
        ({"phone": "+442079460081"}, "phone", "near"),
        ({"email": "adalovelace@engines.example"}, "mailbox", "same"),
        ({"country": "DE"}, "country", "other"),
    ],
)
def test_two_values_are_as_alike_as_people_would_say(theirs, name, level):
    assert levels_of(theirs)[name] == level


def test_accents_are_no_difference():
    assert levels_of({"last_name": "Müller"}, {"last_name": "MULLER"})["last_name"] == "same"


@pytest.mark.parametrize("address", ["info@engines.example", "sales@engines.example"])
def test_a_desk_is_no_evidence_of_a_person(address):
    assert "mailbox" not in levels_of({"email": address}, {"email": address})


def test_a_public_mail_provider_is_no_evidence_of_a_company():
    assert "domain" not in levels_of({"email": "bo@gmail.com"})


def test_a_blank_on_either_side_is_no_evidence():
    assert levels_of({"first_name": "", "last_name": None}) == {}


@pytest.mark.parametrize(
    "theirs",
    [
        {"first_name": "Lovelace", "last_name": "Ada"},
        {"last_name": "Lovelase", "first_name": "Augusta", "postal_code": "SW1A1AA"},
        {"last_name": "Lovlace", "company": "Analytical Engines"},
        {"phone": "02079460018"},
        {"email": "adalovelace@engines.example"},
    ],
)
def test_who_may_be_one_person_shares_a_key(theirs):
    assert set(blocking.keys(person(ADA))) & set(blocking.keys(person(theirs)))


def test_who_shares_a_company_and_no_name_is_not_compared():
    theirs = {"first_name": "Charles", "last_name": "Babbage", "company": "Analytical Engines"}
    assert not set(blocking.keys(person(ADA))) & set(blocking.keys(person(theirs)))


def test_a_key_of_too_many_makes_no_pairs():
    assert blocking.pairs({str(n): ["a"] for n in range(4)}, largest=3) == set()
    assert len(blocking.pairs({str(n): ["a"] for n in range(4)}, largest=4)) == 6


def test_more_evidence_is_surer_and_says_so():
    model = shipped()
    little = model.judge(person(ADA), person({"first_name": "Ada", "last_name": "Lovelace"}))
    theirs = ADA | {"email": "adalovelace@engines.example", "phone": None}
    much = model.judge(person(ADA), person(theirs))
    assert little.probability < 0.9 < much.probability
    assert "mailbox same" in much.text


def test_namesakes_in_two_countries_are_two_people():
    theirs = {
        "first_name": "Ada",
        "last_name": "Lovelace",
        "country": "AU",
        "city": "Perth",
        "phone": "+61891234567",
    }
    assert shipped().judge(person(ADA), person(theirs)).probability < 0.1


def test_a_model_is_kept_and_read_as_it_was():
    model = shipped()
    assert model_from(model.as_json()).version == model.version


COMPARED = (
    Comparison("first_name", "name", "first_name"),
    Comparison("last_name", "name", "last_name"),
    Comparison("city", "text", "city"),
    Comparison("number", "number", "number"),
)


def observed_of(seed, matches, others):
    """Draw pairs of a known kind: of one person 90 % agree in each field, of two 5 %."""
    drawn = random.Random(seed)
    counts = Counter()
    for share, many in ((0.9, matches), (0.05, others)):
        for _ in range(many):
            counts[tuple(0 if drawn.random() < share else len(LEVELS[one.kind]) - 1 for one in COMPARED)] += 1
    return counts


def test_weights_are_found_without_labels():
    learned = learning.learn(observed_of(7, 800, 9_200), COMPARED)
    assert learned.why_not == ""
    assert learned.matches == pytest.approx(800, rel=0.1)
    assert learned.model.m["last_name"][0] == pytest.approx(0.9, abs=0.03)
    assert learned.model.u["last_name"][0] == pytest.approx(0.05, abs=0.01)


def test_the_same_pairs_give_the_same_weights_in_any_order():
    counts = observed_of(7, 800, 9_200)
    turned = Counter(dict(reversed(counts.items())))
    assert learning.learn(counts, COMPARED).model.version == learning.learn(turned, COMPARED).model.version


@pytest.mark.parametrize(
    ("matches", "others", "why"),
    [(50, 100, "at least 1000 are needed"), (10, 2_000, "look like one person")],
)
def test_too_little_data_is_said(matches, others, why):
    assert why in learning.learn(observed_of(7, matches, others), COMPARED).why_not


def test_a_level_that_the_data_lacks_is_neither_proof_nor_impossible():
    model = learning.learn(observed_of(7, 800, 9_200), COMPARED).model
    assert all(0 < share < 1 for shares in (*model.m.values(), *model.u.values()) for share in shares)
    assert isinstance(model, Model)


def test_data_in_which_one_name_speaks_for_two_people_teaches_nothing():
    counts = Counter({(0, 0, 0, 0): 50, (4, 4, 0, 0): 2_000, (0, 4, 3, 2): 9_000})
    assert "would speak against one person" in learning.learn(counts, COMPARED).why_not
