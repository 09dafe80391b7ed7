"""Seats: one process at a time has one, keeps it while it lives, and a dead one's passes on."""

from __future__ import annotations

import pytest

from scheduler.seats import LOOK_EVERY, Seats
from tests.sync.clock import FakeClock
from tests.sync.stores import opened, store, store_url

__all__ = ["opened", "store", "store_url"]


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def seats(store, clock):
    """Builds what a process of that name takes its seats by."""
    return lambda holder: Seats(store, clock, "main", holder, monotonic=lambda: clock.now().timestamp())


def pass_by(clock, seconds):
    clock.advance(seconds)


def test_one_has_it_and_the_other_stands_by(seats):
    first, second = seats("a"), seats("b")
    assert first.at("poll:hubspot").take()
    assert not second.at("poll:hubspot").take()
    assert second.at("poll:salesforce").take(), "another work is another seat"


def test_who_lives_keeps_it_however_long(seats, clock):
    first, second = seats("a"), seats("b")
    assert first.at("poll:hubspot").take()
    for _ in range(10):
        pass_by(clock, first.term.total_seconds() / 2)
        first.keep()
        assert not second.at("poll:hubspot").take()
    assert first.at("poll:hubspot").take()


def test_a_dead_ones_seat_is_taken_when_its_term_is_over(seats, clock):
    first, second = seats("a"), seats("b")
    first.at("poll:hubspot").take()
    assert not second.at("poll:hubspot").take()
    pass_by(clock, first.term.total_seconds() + LOOK_EVERY)
    assert second.at("poll:hubspot").take()


def test_who_stood_still_finds_it_taken(seats, clock):
    first, second = seats("a"), seats("b")
    first.at("poll:hubspot").take()
    pass_by(clock, 60)
    assert second.at("poll:hubspot").take()
    assert first.at("poll:hubspot").take(), "it does not know yet"
    first.keep()
    assert not first.at("poll:hubspot").is_ours
    assert not first.at("poll:hubspot").take()
    second.keep()
    assert second.at("poll:hubspot").is_ours


def test_one_that_is_given_up_is_free_at_once(seats, clock):
    first, second = seats("a"), seats("b")
    first.at("poll:hubspot").take()
    first.release_all()
    assert second.at("poll:hubspot").take()
    pass_by(clock, LOOK_EVERY)
    assert not first.at("poll:hubspot").take()


def test_who_stands_by_asks_the_store_once_a_second(seats, clock, store, monkeypatch):
    seats("a").at("poll:hubspot").take()
    waiting, asked = seats("b").at("poll:hubspot"), []
    snapshot = store.snapshot
    monkeypatch.setattr(store, "snapshot", lambda: asked.append(1) or snapshot())
    for _ in range(10):
        waiting.take()
    assert len(asked) == 1
    pass_by(clock, LOOK_EVERY)
    waiting.take()
    assert len(asked) == 2
