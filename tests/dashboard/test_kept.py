"""Dear figures: no request waits for a long count, none is counted twice at once, a failure is told."""

from __future__ import annotations

import threading

import pytest

from dashboard.kept import Kept
from tests.sync.clock import FakeClock
from tests.waiting import eventually


class Count:
    """A count that takes as long as a test wants."""

    def __init__(self) -> None:
        self.begun = 0
        self.may_end = threading.Event()
        self.failure: Exception | None = None

    def __call__(self) -> int:
        self.begun += 1
        number = self.begun
        assert self.may_end.wait(10)
        if self.failure:
            raise self.failure
        return number


@pytest.fixture
def count():
    made = Count()
    yield made
    made.may_end.set()


def wait_for(kept: Kept[int], number: int) -> None:
    """Wait until a figure is there."""

    def is_there() -> bool:
        found = kept.get(0.01)
        return found is not None and found.value == number

    eventually(is_there, f"a count of {number}")


def test_a_page_waits_for_a_quick_count_and_is_shown_it_again_while_fresh(count):
    count.may_end.set()
    kept = Kept(count, FakeClock(), fresh=60)
    assert [kept.get(10).value, kept.get(10).value] == [1, 1]
    assert count.begun == 1


def test_the_first_count_is_not_waited_for_longer_than_patience_and_made_once(count):
    kept = Kept(count, FakeClock(), fresh=60)
    assert [kept.get(0.01), kept.get(0.01)] == [None, None]
    assert count.begun == 1
    count.may_end.set()
    wait_for(kept, 1)


def test_a_later_count_leaves_the_last_one_on_the_page_until_it_is_there(count):
    count.may_end.set()
    kept = Kept(count, FakeClock(), fresh=0)
    assert kept.get(10).value == 1
    count.may_end.clear()
    assert [kept.get(0.01).value, kept.get(0.01).value] == [1, 1]
    assert count.begun == 2
    count.may_end.set()
    wait_for(kept, 2)


def test_a_failure_is_told_to_who_waits_and_counted_anew_for_the_next(count):
    count.may_end.set()
    count.failure = TimeoutError("the store does not answer")
    kept = Kept(count, FakeClock(), fresh=60)
    with pytest.raises(TimeoutError, match="the store does not answer"):
        kept.get(10)
    count.failure = None
    assert kept.get(10).value == 2
