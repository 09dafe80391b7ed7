"""The API budget: never more calls than the vendor allows, and a share left to others."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mappings.playbook import Limits
from model.errors import RetryLater
from sync.budgets import DAILY_PACE, PATIENCE, MemoryBudget


class Time:
    """A clock whose sleepers make it go on."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.now += max(seconds, 1e-9)  # a clock goes on, however short the nap


def a_budget(time: Time | None = None, **limits) -> MemoryBudget:
    time = time or Time()
    return MemoryBudget(Limits(**limits), monotonic=time.monotonic, sleep=time.sleep)


def spend_in_time(budget: MemoryBudget, time: Time) -> None:
    """Spend a call as a dispatcher does: one that is put off is tried again when it is due."""
    while True:
        try:
            return budget.spend()
        except RetryLater as put_off:
            time.now += max(put_off.wait or 0.0, PATIENCE)


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
    budget = a_budget(time, burst_calls=110, reserve=0.2)
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


def test_a_refusal_counts_without_limits_too():
    time = Time()
    budget = a_budget(time)
    budget.refused(5)
    budget.spend()
    assert time.now == pytest.approx(5)


# The day ---------------------------------------------------------------------------------


def pace(budget: MemoryBudget, time: Time, calls: int = 30) -> float:
    """Return the calls a second that are let through."""
    for _ in range(10):
        spend_in_time(budget, time)  # what may go out at once
    begin = time.now
    for _ in range(calls):
        spend_in_time(budget, time)
    return calls / (time.now - begin)


@pytest.mark.parametrize(
    ("used", "expected"),
    [
        (0, DAILY_PACE),
        (39_000, DAILY_PACE),  # half of the share is left
        (60_000, DAILY_PACE / 2),  # a quarter of 80,000: half the pace
        (79_000, DAILY_PACE / 40),
    ],
)
def test_calls_slow_down_as_the_days_share_runs_out(used, expected):
    time = Time()
    budget = a_budget(time, daily_calls=100_000, reserve=0.2)
    budget.learn({"Sforce-Limit-Info": f"api-usage={used}/100000"})
    assert pace(budget, time) == pytest.approx(expected, rel=0.05)


@pytest.mark.parametrize("used", [80_000, 95_000, 120_000])
def test_when_the_share_is_used_up_a_call_a_minute_keeps_us_told(used):
    time = Time()
    budget = a_budget(time, daily_calls=100_000, reserve=0.2)
    budget.learn({"Sforce-Limit-Info": f"api-usage={used}/100000"})
    assert pace(budget, time, 3) == pytest.approx(1 / 60, rel=0.05)


def test_the_server_knows_better_what_was_used_and_what_is_allowed():
    time = Time()
    budget = a_budget(time, daily_calls=100_000, reserve=0.2)
    budget.learn({"Sforce-Limit-Info": "api-usage=15000/15000"})
    slow = pace(budget, time, 2)
    budget.learn({"Sforce-Limit-Info": "api-usage=0/15000 (a new day)"})
    assert slow < 0.02
    assert pace(budget, time) == pytest.approx(DAILY_PACE, rel=0.05)


@pytest.mark.parametrize("headers", [{}, {"Sforce-Limit-Info": "nonsense"}, {"X": "api-usage=1/2"}])
def test_answers_that_say_nothing_of_limits_change_nothing(headers):
    time = Time()
    budget = a_budget(time, daily_calls=100_000)
    budget.learn(headers)
    assert pace(budget, time) == pytest.approx(DAILY_PACE, rel=0.05)


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
