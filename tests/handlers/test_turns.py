"""The stride ledger: fair by weight, nobody starves, nobody catches up, the file's order is nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.base import Seat
from handlers.turns import next_turn, out_of_turn
from tests.builders import a_pool

ROUNDS = st.integers(1, 200)


def deal(pool, turns, *, ledger: dict[str, Seat] | None = None, absent=frozenset(), start=1) -> list[str]:
    """Deal so many leads and return who got them; the ledger moves."""
    ledger = {} if ledger is None else ledger
    eligible = [member for member in pool.members if member.email not in absent]
    got = []
    for seq in range(start, start + turns):
        turn = next_turn(pool, eligible, ledger)
        ledger[turn.email] = Seat(turn.after, seq, turn.clock, turn.credit)
        got.append(turn.email)
    return got


def stick(pool, email, leads, *, ledger: dict[str, Seat]) -> None:
    """Give somebody so many leads out of turn."""
    [member] = [one for one in pool.members if one.email == email]
    start = last_of(ledger) + 1
    for seq in range(start, start + leads):
        turn = out_of_turn(pool, member, ledger)
        ledger[turn.email] = Seat(turn.after, seq, turn.clock, turn.credit)


def last_of(ledger: Mapping[str, Seat]) -> int:
    return max((seat.last_assigned_seq for seat in ledger.values()), default=0)


def go_on(pool, turns, ledger, *absent) -> Counter:
    """Deal so many more leads and count them."""
    return Counter(deal(pool, turns, ledger=ledger, absent={*absent}, start=last_of(ledger) + 1))


def names(count):
    return [f"m{n:02d}@example.com" for n in range(count)]


@pytest.mark.parametrize(
    ("ledger", "absent", "chosen", "after"),
    [
        ({}, "", "a", 1.0),
        ({"a": Seat(1, 1)}, "", "b", 1.0),  # new: starts where the rotation stands
        ({"a": Seat(3, 7), "b": Seat(2, 6), "c": Seat(3, 5)}, "", "b", 3.0),
        ({"a": Seat(3, 7), "b": Seat(3, 6), "c": Seat(3, 5)}, "", "c", 4.0),
        ({"a": Seat(3, 7), "b": Seat(3, 6), "c": Seat(3, 5)}, "c", "b", 4.0),
        ({"b": Seat(5, 8), "c": Seat(6, 9)}, "", "a", 6.0),  # new among the served
        (
            {"a": Seat(2, 3), "b": Seat(9, 8), "c": Seat(10, 9)},
            "",
            "a",
            10.0,
        ),  # back from leave: no catching up
        ({"a": Seat(2, 3), "b": Seat(9, 8), "c": Seat(10, 9)}, "bc", "a", 10.0),
        ({"a": Seat(2.0), "b": Seat(1.0)}, "c", "b", 2.0),  # a ledger set by hand
    ],
)
def test_the_lowest_place_is_next(ledger: Mapping[str, Seat], absent, chosen, after):
    pool = a_pool("p", "a", "b", "c")
    turn = next_turn(pool, [member for member in pool.members if member.email not in absent], ledger)
    assert (turn.email, turn.after) == (chosen, after)


def test_nobody_eligible_is_nobody_s_turn():
    assert next_turn(a_pool("p", "a"), [], {}) is None


def test_twice_the_weight_is_twice_the_leads():
    assert Counter(deal(a_pool("p", ("a", 2.0), "b"), 30)) == {"a": 20, "b": 10}


@given(st.integers(1, 12), ROUNDS, st.sampled_from([0.5, 1.0, 3.0]))
def test_equal_weights_are_never_more_than_one_lead_apart(count, turns, weight):
    got = Counter(deal(a_pool("p", *[(name, weight) for name in names(count)]), turns))
    assert all(abs(got[name] - turns / count) <= 1 for name in names(count))


@given(st.lists(st.sampled_from([0.5, 1.0, 2.0, 3.0, 5.0]), min_size=2, max_size=8), ROUNDS)
def test_weights_are_kept_to_within_a_small_constant(weights, turns):
    pool = a_pool("p", *zip(names(len(weights)), weights, strict=True))
    got = Counter(deal(pool, turns))
    for member in pool.members:
        assert abs(got[member.email] - turns * member.weight / sum(weights)) <= 4


@given(
    st.lists(st.sampled_from([0.5, 1.0, 2.0, 5.0]), min_size=2, max_size=8),
    st.booleans(),
    st.lists(st.sets(st.sampled_from(names(8)), max_size=3), max_size=30),
    st.integers(0, 60),
    st.integers(1, 120),
)
def test_any_stretch_is_fair_whatever_was_before(weights, is_even, absences, skipped, turns):
    """With the same people there, wherever the stretch begins and whoever was away before it."""
    weights = [1.0] * len(weights) if is_even else weights
    pool, ledger = a_pool("p", *zip(names(len(weights)), weights, strict=True)), {}
    for seq, absent in enumerate(absences, 1):
        if {member.email for member in pool.members} - absent:
            deal(pool, 1, ledger=ledger, absent=absent, start=seq)
    start = len(absences) + 1
    deal(pool, skipped, ledger=ledger, start=start)
    got = Counter(deal(pool, turns, ledger=ledger, start=start + skipped))
    for member in pool.members:
        most = 1 if is_even else 1 + member.weight / min(weights)
        assert abs(got[member.email] - turns * member.weight / sum(weights)) <= most


@pytest.mark.parametrize(("catch_up", "expected"), [(0, 6), (3, 8), (None, 12)])
def test_who_was_away_catches_up_as_far_as_the_pool_says(catch_up, expected):
    """Of twelve leads one of two gets six; three or all ten that were missed come first."""
    pool, ledger = replace(a_pool("p", "a", "b"), catch_up=catch_up), {}
    deal(pool, 2, ledger=ledger)
    deal(pool, 10, ledger=ledger, absent={"a"}, start=3)
    got = Counter(deal(pool, 12, ledger=ledger, start=13))
    assert abs(got["a"] - expected) <= (1 if catch_up is not None else 2)
    assert deal(pool, 40, ledger=ledger, start=25).count("a") in (19, 20, 21)


@pytest.mark.parametrize("catch_up", [0, 5, None])
def test_who_is_new_starts_where_the_others_are(catch_up):
    pool, ledger = replace(a_pool("p", "a", "b", "c"), catch_up=catch_up), {}
    deal(pool, 100, ledger=ledger, absent={"c"})
    assert Counter(deal(pool, 30, ledger=ledger, start=101)) == {"a": 10, "b": 10, "c": 10}


def test_where_the_rotation_stands_is_known_when_its_last_member_left_the_pool():
    ledger = {}
    deal(a_pool("p", "a", "b", "c"), 30, ledger=ledger, absent={"c"})
    last = max(ledger, key=lambda each: ledger[each].last_assigned_seq)
    rest = a_pool("p", *({"a", "b", "c"} - {last}))
    got = Counter(deal(rest, 10, ledger=ledger, start=31))
    assert set(got.values()) == {5}


@given(st.lists(st.integers(1, 5), min_size=2, max_size=8))
def test_nobody_starves(weights):
    pool = a_pool("p", *zip(names(len(weights)), map(float, weights), strict=True))
    got = deal(pool, 300)
    longest_wait = 2 * sum(weights) / min(weights) + len(weights)
    for name in names(len(weights)):
        turns = [-1, *(n for n, who in enumerate(got) if who == name), len(got)]
        assert max(later - earlier for earlier, later in pairwise(turns)) <= longest_wait + 1


@given(st.lists(st.sampled_from([1.0, 2.0, 3.0]), min_size=2, max_size=8), st.randoms())
def test_the_order_of_the_members_in_the_file_changes_nothing(weights, random):
    pairs = list(zip(names(len(weights)), weights, strict=True))
    shuffled = random.sample(pairs, len(pairs))
    assert deal(a_pool("p", *pairs), 60) == deal(a_pool("p", *shuffled), 60)


@given(
    st.lists(st.sampled_from([1.0, 2.0, 3.0]), min_size=3, max_size=6),
    st.integers(1, 40),
    st.integers(1, 100),
)
def test_who_was_away_neither_catches_up_nor_falls_behind(weights, before, away):
    pairs = list(zip(names(len(weights)), weights, strict=True))
    pool, gone, ledger = a_pool("p", *pairs), names(1)[0], {}
    deal(pool, before, ledger=ledger)
    deal(pool, away, ledger=ledger, absent={gone}, start=before + 1)
    got = Counter(deal(pool, 60, ledger=ledger, start=before + away + 1))
    assert abs(got[gone] - 60 * weights[0] / sum(weights)) <= 4


@given(st.lists(st.sets(st.sampled_from(names(4)), max_size=3), min_size=1, max_size=60))
def test_places_never_go_backwards_and_nobody_absent_is_chosen(absences):
    pool, ledger, lowest = a_pool("p", *names(4)), {}, 0.0
    for seq, absent in enumerate(absences, 1):
        [chosen] = deal(pool, 1, ledger=ledger, absent=absent, start=seq)
        assert chosen not in absent
        assert ledger[chosen].virtual_time >= lowest + 1
        lowest = ledger[chosen].virtual_time - 1


@given(st.integers(2, 6), st.integers(0, 50), st.integers(0, 50), st.sampled_from([0, 2, None]))
def test_leads_out_of_turn_are_made_up_for_however_long_the_other_is_away(before, sticky, away, catch_up):
    pool, ledger = replace(a_pool("p", "a", "b"), catch_up=catch_up), {}
    go_on(pool, before, ledger)
    stick(pool, "a", sticky, ledger=ledger)
    go_on(pool, away, ledger, "b")
    got = go_on(pool, 2 * sticky + away + 4, ledger)
    missed = {0: 0, 2: min(2, away), None: away}[catch_up]
    assert abs(got["b"] - got["a"] - sticky - missed) <= 3


def test_who_is_away_for_one_lead_keeps_what_they_are_owed():
    pool, ledger = a_pool("p", "a", "b"), {}
    go_on(pool, 2, ledger)
    stick(pool, "a", 40, ledger=ledger)
    go_on(pool, 1, ledger, "b")
    assert go_on(pool, 40, ledger) == {"b": 40}


def test_who_never_had_a_lead_is_owed_what_others_got_out_of_turn():
    pool, ledger = a_pool("p", "a", "b"), {}
    stick(pool, "a", 40, ledger=ledger)
    assert go_on(pool, 40, ledger) == {"b": 40}
    assert go_on(pool, 20, ledger) == {"a": 10, "b": 10}


def test_two_who_are_ahead_do_not_use_up_what_a_third_is_owed():
    pool, ledger = a_pool("p", "a", "b", "c"), {}
    go_on(pool, 3, ledger)
    stick(pool, "a", 20, ledger=ledger)
    stick(pool, "b", 20, ledger=ledger)
    go_on(pool, 100, ledger, "c")
    assert 19 <= go_on(pool, 60, ledger)["c"] - 40 / 3 <= 21


@pytest.mark.parametrize("is_new", [True, False])
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 8), st.integers(1, 8)), max_size=20))
def test_who_was_away_or_is_new_gets_no_more_than_who_was_there(is_new, given_out_of_turn):
    """Leads that others got out of turn meanwhile are not owed to them."""
    pool, ledger = a_pool("p", "a", "b", "c"), {}
    go_on(pool, 6, ledger, *("c" if is_new else ""))
    go_on(pool, 6, ledger, "c")
    for to_a, leads, turns in given_out_of_turn:
        stick(pool, "a" if to_a else "b", leads, ledger=ledger)
        go_on(pool, turns, ledger, "c")
    got = go_on(pool, 60, ledger)
    assert got["c"] <= max(got["a"], got["b"]) + 1


def test_leads_out_of_turn_of_all_are_owed_to_nobody():
    pool, ledger = a_pool("p", "a", "b"), {}
    go_on(pool, 2, ledger)
    for _ in range(20):
        stick(pool, "a", 1, ledger=ledger)
        stick(pool, "b", 1, ledger=ledger)
    got = go_on(a_pool("p", "a", "b", "c"), 30, ledger)
    assert abs(got["c"] - 10) <= 1


@given(
    st.integers(2, 6),
    st.lists(st.tuples(st.integers(0, 5), st.integers(1, 20)), max_size=12),
    st.sampled_from([0, 2, None]),
)
def test_a_turn_given_back_is_one_lead_more_and_no_more(count, given_back, catch_up):
    """What everybody got, less what was given back, is never more than a lead apart once all is made up."""
    pool = replace(a_pool("all", *names(count)), catch_up=catch_up)
    ledger: dict[str, Seat] = {}
    got = go_on(pool, count, ledger)
    for who, turns in given_back:
        member = names(count)[who % count]
        ledger[member] = replace(ledger[member], credit=ledger[member].credit + 1)
        got[member] -= 1
        got += go_on(pool, turns, ledger)
    got += go_on(pool, count * len(given_back), ledger)  # whoever is owed leads has had them by now
    assert all(seat.credit == 0 for seat in ledger.values())
    assert max(got.values()) - min(got.values()) <= 1


def test_who_is_owed_a_lead_keeps_it_while_away():
    pool, ledger = a_pool("all", "a", "b", "c"), {}
    go_on(pool, 3, ledger)
    ledger["a"] = replace(ledger["a"], credit=1)
    assert go_on(pool, 6, ledger, "a") == {"b": 3, "c": 3}
    assert go_on(pool, 4, ledger) == {"a": 2, "b": 1, "c": 1}


def test_a_lead_out_of_turn_uses_up_what_is_owed():
    pool, ledger = a_pool("all", "a", "b"), {}
    go_on(pool, 2, ledger)
    ledger["a"] = replace(ledger["a"], credit=1)
    stick(pool, "a", 1, ledger=ledger)
    assert ledger["a"].credit == 0
    assert go_on(pool, 4, ledger) == {"a": 2, "b": 2}
