"""The API budget: never more calls than the vendor allows, and a share left to others."""

from __future__ import annotations

import threading
from itertools import pairwise
from time import monotonic, sleep

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.base import A_DAY, Usage
from mappings.playbook import Limits
from model.errors import NoBudget, RetryLater
from model.priority import Priority
from sync.budgets import MemoryBudget
from sync.budgets.turns import OTHERS_TURN
from tests.sync.budgets import Time, a_budget, spend_in_time


def most_within(moments: list[float], window: float) -> int:
    """Return the greatest number of moments in any half-open window."""
    most, start = 0, 0
    for end, moment in enumerate(moments):
        while moment - moments[start] >= window - 1e-9:
            start += 1
        most = max(most, end - start + 1)
    return most


@settings(deadline=None, max_examples=60)
@given(
    calls=st.integers(2, 200),
    seconds=st.sampled_from([1.0, 10.0, 60.0]),
    reserve=st.sampled_from([0.0, 0.2, 0.5]),
    pauses=st.lists(st.floats(0, 40), max_size=30),
)
def test_no_window_ever_holds_more_than_its_share(calls, seconds, reserve, pauses):
    time = Time()
    budget = a_budget(time, burst_calls=calls, burst_seconds=seconds, reserve=reserve)
    moments = []
    for n in range(min(4 * calls, 200)):
        spend_in_time(budget, time)
        moments.append(time.now)
        if n < len(pauses):
            time.now += pauses[n]
    assert most_within(moments, seconds) <= max(1, calls * (1 - reserve)) + 1e-6


@settings(deadline=None, max_examples=30)
@given(sizes=st.lists(st.integers(1, 8), min_size=1, max_size=40))
def test_searches_stay_below_five_a_second(sizes):
    time = Time()
    budget = a_budget(time, burst_calls=110, reserve=0.2, search=5.0)
    moments = []
    for size in sizes:
        for _ in range(size):
            budget.spend("search")
            moments.append(time.now)
        time.now += size / 4
    assert most_within(moments, 1.0) <= 5


def test_a_burst_may_begin_at_once_and_the_share_is_used_up_over_the_window():
    time = Time()
    budget = a_budget(time, burst_calls=110, burst_seconds=10.0, reserve=0.2)
    for _ in range(8):
        budget.spend()
    assert time.now == 0
    for _ in range(80):
        budget.spend()
    assert 9.0 <= time.now <= 10.1
    assert budget.calls == 88


def test_without_limits_nothing_waits():
    time = Time()
    budget = a_budget(time)
    for _ in range(1000):
        budget.spend()
    assert (time.now, budget.ready_in()) == (0.0, 0.0)


def test_looking_whether_a_call_may_go_out_counts_nothing():
    budget = a_budget(burst_calls=10, reserve=0.0)
    assert [budget.ready_in() for _ in range(5)] == [0.0] * 5
    budget.spend()
    assert budget.ready_in() > 0
    assert budget.calls == 1


def test_a_refusal_stops_all_calls_for_as_long_as_the_server_said():
    time = Time()
    budget = a_budget(time, burst_calls=110)
    budget.refused(7)
    budget.refused(3)  # a shorter one does not shorten it
    assert budget.ready_in() == 7
    budget.spend()
    assert time.now == pytest.approx(7)
    budget.spend("search")
    assert time.now == pytest.approx(7)


def test_a_refused_search_stops_searches_only():
    time = Time()
    budget = a_budget(time, burst_calls=110, search=5)
    budget.refused(1, "search")
    budget.spend()
    assert time.now == 0
    budget.spend("search")
    assert time.now == pytest.approx(1)


def test_a_search_takes_nothing_of_the_window_of_other_calls():
    time = Time()
    budget = a_budget(time, burst_calls=10, search=5, reserve=0.0)
    budget.spend("search")
    budget.spend()
    assert time.now == 0


def test_a_refusal_counts_without_limits_too():
    time = Time()
    budget = a_budget(time)
    budget.refused(5)
    budget.spend()
    assert time.now == pytest.approx(5)


def test_threads_share_one_budget():
    budget = MemoryBudget(Limits(burst_calls=400, burst_seconds=1.0, reserve=0.0))
    threads = [
        threading.Thread(target=lambda: [budget.spend() for _ in range(10)], daemon=True) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert budget.calls == 40


def test_a_closed_budget_puts_off_what_would_wait_for_long():
    budget = MemoryBudget(Limits())
    budget.refused(10)

    def put_off() -> None:
        with pytest.raises(RetryLater):
            budget.spend()

    waiting = threading.Thread(target=put_off, daemon=True)
    waiting.start()
    budget.close()
    waiting.join(5)
    assert not waiting.is_alive()
    with pytest.raises(RetryLater, match="left of a pause"):
        budget.spend()


def test_a_closed_budget_lets_what_is_half_done_wait_a_moment():
    time = Time()
    budget = a_budget(time, burst_calls=10, burst_seconds=10.0, reserve=0.0)
    budget.spend()
    budget.close()
    budget.spend()
    assert 1 <= time.now <= 1.5


# Priorities ------------------------------------------------------------------------------


class Crowd:
    """Callers in threads of their own; the bucket is refilled by hand, a call at a time."""

    def __init__(self) -> None:
        self.time = Time()
        self.gone: list[Priority] = []
        self._lock = threading.Lock()
        self._step = threading.Condition()
        self.budget = MemoryBudget(
            Limits(burst_calls=10, burst_seconds=10.0, reserve=0.0),  # one call at once, one a second
            monotonic=self.time.monotonic,
            sleep=self._sleep,
            now=self.time.wall,
        )

    def _sleep(self, _seconds: float) -> None:
        with self._step:
            self._step.wait(0.01)

    def send(self, priority: Priority, calls: int = 1) -> threading.Thread:
        """Let a caller make so many calls, one after the other."""

        def run() -> None:
            for _ in range(calls):
                while True:
                    try:
                        self.budget.at(priority).spend()
                    except NoBudget:
                        continue  # as a backfill does
                    break
                with self._lock:
                    self.gone.append(priority)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        return thread

    def let_out(self, wanted: int) -> None:
        """Let time pass until so many calls have gone out."""
        end = monotonic() + 20
        while len(self.gone) < wanted:
            assert monotonic() < end, f"{len(self.gone)} of {wanted} calls went out"
            self.time.now += 0.12
            sleep(0.02)  # whoever waits looks again meanwhile


def test_the_higher_priority_goes_first():
    crowd = Crowd()
    crowd.send(Priority.PEOPLE)
    crowd.let_out(1)  # what may go out at once
    waiting = [Priority.BACKFILL, Priority.TASKS, Priority.PEOPLE, Priority.SPEED_TO_LEAD]
    for priority in waiting:
        crowd.send(priority)
        sleep(0.02)
    crowd.let_out(5)
    assert crowd.gone[1:] == sorted(waiting)


def test_of_ten_calls_one_goes_to_who_waits_behind():
    crowd = Crowd()
    crowd.send(Priority.SPEED_TO_LEAD)
    crowd.let_out(1)
    crowd.send(Priority.BACKFILL, 2)
    sleep(0.02)
    for _ in range(2):  # there is always one of them waiting
        crowd.send(Priority.SPEED_TO_LEAD, 100)
    crowd.let_out(2 * OTHERS_TURN + 2)
    places = [n for n, priority in enumerate(crowd.gone[1:]) if priority is Priority.BACKFILL]
    assert len(places) == 2
    assert all(OTHERS_TURN - 2 <= b - a <= OTHERS_TURN for a, b in pairwise([-1, *places]))


@pytest.mark.parametrize("priority", list(Priority)[1:])
def test_who_goes_behind_leaves_calls_ready_for_a_new_lead(priority):
    time = Time()
    budget = a_budget(time, burst_calls=110, burst_seconds=10.0, reserve=0.2)
    for _ in range(60):
        budget.at(priority).spend()
    assert budget.ready_in() == 0
    with_all = time.now
    for _ in range(60):
        budget.at(priority).spend()
    assert 60 / (time.now - with_all) == pytest.approx(7.92, rel=0.02)  # and yet the whole rate is used


# What the vendor says of the window ------------------------------------------------------


def test_an_account_whose_window_is_smaller_than_the_maps_is_kept_to():
    time = Time()
    budget = a_budget(time, burst_calls=190, reserve=0.0)
    budget.learn([Usage(10.0, 1, 100)])
    moments = []
    for _ in range(200):
        budget.spend()
        moments.append(time.now)
    assert most_within(moments, 10.0) <= 100


@pytest.mark.parametrize("others", [0, 20, 60, 80, 100])
def test_others_who_fill_the_window_slow_us_down_before_the_server_refuses(others):
    """A server with a rolling window of 110 calls, of which other apps make so many in any ten seconds."""
    time = Time()
    budget = a_budget(time, burst_calls=110, burst_seconds=10.0, reserve=0.2)
    times = [-10 * (n + 1) / others for n in range(others)][::-1] if others else []
    ours, refused, next_of_others = 0, 0, 0.0
    while time.now < 120:
        spend_in_time(budget, time)
        while others and next_of_others <= time.now:
            times.append(next_of_others)
            next_of_others += 10 / others
        times = sorted(one for one in times if one > time.now - 10)
        if len(times) >= 110:
            refused += 1
            budget.refused(10.0)
            continue
        times.append(time.now)
        ours += 1
        budget.learn([Usage(10.0, len(times), 110)])
    assert refused == 0
    assert ours / 12 >= 0.5 * min(88, 110 - others)  # and yet most of what is left is used


def test_a_day_is_not_taken_for_a_window():
    time = Time()
    budget = a_budget(time, burst_calls=110, reserve=0.2)
    budget.learn([Usage(A_DAY, 5, 1000)])
    for _ in range(8):
        budget.spend()
    assert time.now == 0
