"""Cutting batches up, and one outcome for each change."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.batches import CallRefused, cut_down, first_of_each, halves, one_outcome_each
from model.change import Postponed, RecordChange, Rejected, Updated
from model.errors import NotAuthorized
from model.event import RecordRef


def a_change(key, **fields):
    return RecordChange(str(key), "contacts", fields)


def done(change):
    return Updated(change.key, RecordRef("crm", change.object, change.key), change.fields)


def refusing(bad, blamed=()):
    """A write that refuses any call with a bad change in it; remembers the sizes of its calls."""
    sizes = []

    def write(batch):
        sizes.append(len(batch))
        if bad & {change.key for change in batch}:
            yield from cut_down(batch, CallRefused("no", blamed), write, rejected)
        else:
            yield from map(done, batch)

    return write, sizes


def rejected(change, refusal):
    return Rejected(change.key, str(refusal))


@given(count=st.integers(1, 120), bad=st.sets(st.integers(0, 119), max_size=5))
def test_the_culprits_stand_alone_and_all_others_are_done(count, bad):
    batch = [a_change(number) for number in range(count)]
    write, _ = refusing({str(number) for number in bad})
    outcomes = {outcome.key: type(outcome) for outcome in write(batch)}
    expected = {change.key: Rejected if int(change.key) in bad else Updated for change in batch}
    assert outcomes == expected


def test_a_field_that_is_blamed_leads_straight_to_those_who_send_it():
    batch = [a_change(number, title="CTO") for number in range(100)]
    batch[77] = a_change(77, stage="nonsense")
    write, sizes = refusing({"77"}, blamed=("stage",))
    assert len(list(write(batch))) == 100
    assert sizes == [100, 99, 1]


def test_a_field_that_all_send_blames_nobody():
    write, sizes = refusing({"1"}, blamed=("title",))
    assert len(list(write([a_change(number, title="CTO") for number in range(4)]))) == 4
    assert sizes == [4, 2, 1, 1, 2]


@given(st.lists(st.integers(), min_size=2))
def test_halves_are_all_of_it_and_neither_is_empty(items):
    left, right = halves(items)
    assert [*left, *right] == items
    assert left
    assert right


def test_the_first_under_a_key_is_parted_from_its_repeats():
    changes = [a_change(1, email="a"), a_change(2, email="b"), a_change(3, email="a"), a_change(4)]
    first, repeated = first_of_each(changes, lambda change: change.fields.get("email"))
    assert ([each.key for each in first], [each.key for each in repeated]) == (["1", "2", "4"], ["3"])


def test_a_change_without_an_outcome_is_in_doubt():
    changes = [a_change(1), a_change(2)]
    one, two = one_outcome_each(changes, [done(changes[0])])
    assert isinstance(one, Updated)
    assert two == Postponed("2", "The answer did not name this record.", answer_lost=True)


def test_a_second_outcome_and_one_of_nobody_are_dropped():
    change = a_change(1)
    outcomes = [done(change), Rejected("1", "no"), done(a_change("stranger"))]
    assert list(one_outcome_each([change], outcomes)) == [done(change)]


def test_not_authorized_is_raised_before_the_first_outcome_and_postpones_the_rest_after_it():
    changes = [a_change(1), a_change(2)]

    def outcomes(first):
        yield from first
        raise NotAuthorized("expired")

    with pytest.raises(NotAuthorized):
        list(one_outcome_each(changes, outcomes([])))
    assert list(one_outcome_each(changes, outcomes([done(changes[0])]))) == [
        done(changes[0]),
        Postponed("2", "expired"),
    ]
