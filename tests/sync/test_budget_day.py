"""The day's calls: paced, kept over a restart, corrected by the vendor, new at the right moment, forecast."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from structlog.testing import capture_logs

from connectors.base import A_DAY, Usage
from mappings.playbook import Limits
from model.errors import NoBudget
from model.priority import Priority
from sync.budgets import keeper
from sync.budgets.day import Day, Kept, Told
from sync.budgets.forecast import forecast
from sync.budgets.pace import DAILY_PACE, LAST_SHARE
from tests.sync.budgets import NOON, Time, a_budget, pace, spend_in_time


def told(used: int, most: int = 100_000) -> list[Usage]:
    return [Usage(A_DAY, used, most)]


# The pace --------------------------------------------------------------------------------


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
    budget.learn(told(used))
    assert pace(budget, time) == pytest.approx(expected, rel=0.05)


def test_a_larger_allowance_is_a_faster_pace():
    time = Time()
    budget = a_budget(time, daily_calls=5_000_000, reserve=0.2)
    pace(budget, time, 1_200)  # what may go out at once
    assert pace(budget, time, 1_000) == pytest.approx(4 * 4_000_000 / 86_400, rel=0.1)


def test_after_a_quiet_time_some_calls_go_out_at_once():
    time = Time()
    budget = a_budget(time, daily_calls=100_000, reserve=0.2)
    for _ in range(24):
        budget.spend()
    assert (time.now, budget.ready_in()) == (0.0, pytest.approx(0.25))


def test_what_has_begun_comes_to_its_end_before_more_of_its_kind_is_begun():
    time = Time()
    budget = a_budget(time, daily_calls=100_000, reserve=0.2)
    for _ in range(24):
        budget.spend()
    waiting = budget._lines["burst"].turns.join(Priority.PEOPLE, 2)
    assert budget.ready_in() == pytest.approx(0.25)  # a new lead does not wait for them
    assert budget.ready_in(Priority.PEOPLE) > 0.75
    budget._lines["burst"].turns.leave(waiting)


@pytest.mark.parametrize("used", [80_000, 95_000, 120_000])
def test_when_the_share_is_used_up_a_call_a_minute_keeps_us_told(used):
    time = Time()
    budget = a_budget(time, daily_calls=100_000, reserve=0.2)
    budget.learn(told(used))
    assert pace(budget, time, 3) == pytest.approx(1 / 60, rel=0.05)


def test_the_server_knows_better_what_was_used_and_what_is_allowed():
    time = Time()
    budget = a_budget(time, daily_calls=100_000, reserve=0.2)
    budget.learn(told(15_000, 15_000))
    slow = pace(budget, time, 2)
    budget.learn(told(0, 15_000))  # a new day
    assert slow < 0.02
    assert pace(budget, time) == pytest.approx(DAILY_PACE, rel=0.05)


def test_a_window_and_a_day_hold_both():
    time = Time()
    budget = a_budget(time, burst_calls=100, burst_seconds=10.0, daily_calls=100_000, reserve=0.2)
    assert pace(budget, time, 100) == pytest.approx(7.2, rel=0.02)  # the window's
    budget.learn(told(70_000))
    assert pace(budget, time, 100) == pytest.approx(2.0, rel=0.05)  # an eighth is left: a quarter of eight
    budget.learn(told(80_000))
    assert pace(budget, time, 3) < 0.02


@pytest.mark.parametrize("priority", list(Priority)[1:])
def test_the_last_part_of_the_share_is_for_new_leads(priority):
    time = Time()
    budget = a_budget(time, daily_calls=1000, reserve=0.2)
    budget.learn(told(round(800 * (1 - LAST_SHARE[priority])), 1000))
    with pytest.raises(NoBudget, match="kept for new leads"):
        budget.at(priority).spend()
    budget.spend()
    assert time.now == 0


def test_a_delivery_that_has_begun_comes_to_its_end_on_credit_and_the_next_one_pays():
    time = Time()
    budget = a_budget(time, daily_calls=15_000, reserve=0.2)
    budget.learn(told(11_900, 15_000))  # a call in fifteen seconds
    for _ in range(4):
        budget.spend()  # what may go out at once
    time.now += budget.ready_in()
    began = time.now
    budget.spend()  # the look-up
    budget.spend()  # and its write, which would be due in fifteen seconds only
    assert time.now - began == pytest.approx(2.0, abs=0.3)
    assert budget.ready_in() > 20
    with pytest.raises(NoBudget):
        budget.at(Priority.BACKFILL).spend()


@pytest.mark.parametrize(
    ("day", "zone", "wait"),
    [("rolling", "", 900), ("midnight", "", 900), ("midnight", "Europe/Berlin", 11 * 3600)],
)
def test_a_day_that_the_server_says_is_used_up_stops_all_calls_until_it_is_new(day, zone, wait):
    budget = a_budget(Time(), burst_calls=110, day=day)
    budget.day(lambda kept: kept.begin_in(zone))
    budget.refused(900, "day")
    assert budget.ready_in() == wait


# The count -------------------------------------------------------------------------------


def a_day(kind: str = "rolling", zone: str = "", **limits) -> Day:
    return Day(Limits(daily_calls=1000, day=kind, **limits), Kept(zone=zone))


def test_our_own_calls_count_until_the_vendor_speaks_and_again_after():
    day = a_day()
    day.count(5, NOON)
    assert day.used(NOON) == 5
    day.learn(300, 1000, NOON)
    day.count(7, NOON + timedelta(minutes=1))
    assert day.used(NOON + timedelta(minutes=1)) == 307
    day.learn(290, 1000, NOON + timedelta(minutes=2))  # theirs counts, whatever ours says
    assert day.used(NOON + timedelta(minutes=2)) == 290


def test_of_a_rolling_day_the_last_24_hours_count():
    day = a_day()
    day.count(40, NOON)
    day.count(2, NOON + timedelta(hours=20))
    assert day.used(NOON + timedelta(hours=23)) == 42
    assert day.used(NOON + timedelta(hours=24, minutes=15)) == 2
    assert day.renews(NOON) is None


@pytest.mark.parametrize(
    ("zone", "renews"),
    [
        ("", datetime(2026, 11, 23, tzinfo=UTC)),
        ("Europe/Berlin", datetime(2026, 11, 22, 23, tzinfo=UTC)),
        ("America/New_York", datetime(2026, 11, 23, 5, tzinfo=UTC)),
        ("Asia/Kathmandu", datetime(2026, 11, 22, 18, 15, tzinfo=UTC)),
        ("Mars/Olympus", datetime(2026, 11, 23, tzinfo=UTC)),  # what is no zone is UTC
    ],
)
def test_a_calendar_day_is_new_at_midnight_of_the_accounts_zone(zone, renews):
    day = a_day("midnight", zone)
    day.learn(900, 1000, NOON)
    day.count(3, renews - timedelta(seconds=1))
    assert (day.renews(NOON), day.used(renews - timedelta(seconds=1))) == (renews, 903)
    assert day.used(renews) == 0
    day.count(2, renews)
    assert day.used(renews) == 2


def test_the_day_on_which_clocks_go_back_has_25_hours():
    day = a_day("midnight", "Europe/Berlin")
    noon = datetime(2026, 10, 25, 12, tzinfo=UTC)
    assert day.renews(noon) - day.begins(noon) == timedelta(hours=25)


# Kept ------------------------------------------------------------------------------------


def keep(store, name: str, budget, now: datetime) -> None:
    keeper.checkpoint(store, "main", name, budget, now)


def kept(store, name: str) -> Kept:
    with store.snapshot() as snapshot:
        return keeper.load(snapshot, "main").get(name, Kept())


def test_a_restart_forgets_neither_the_day_nor_what_the_vendor_said(store):
    time = Time()
    budget = a_budget(time, daily_calls=1000, day="midnight")
    budget.day(lambda day: day.begin_in("Europe/Berlin"))
    for _ in range(4):
        budget.spend()
    budget.learn(told(500, 1000))
    budget.spend()
    keep(store, "crm", budget, time.wall())
    again = a_budget(time, kept(store, "crm"), daily_calls=1000, day="midnight")
    assert again.day(lambda day: (day.used(NOON), day.ours(NOON), day.zone)) == (501, 5, "Europe/Berlin")
    keep(store, "crm", again, time.wall())  # nothing new: nothing counts twice
    assert sum(kept(store, "crm").calls.values()) == 5


def test_two_processes_share_one_day(store):
    time = Time()
    one, two = (a_budget(time, daily_calls=1000, reserve=0.0) for _ in range(2))
    for budget, calls in ((one, 3), (two, 4), (one, 1)):
        for _ in range(calls):
            spend_in_time(budget, time)
        keep(store, "crm", budget, time.wall())
    keep(store, "crm", two, time.wall())
    assert [budget.day(lambda day: day.used(time.wall())) for budget in (one, two)] == [8, 8]


def test_what_could_not_be_kept_is_kept_the_next_time(store, monkeypatch):
    budget = a_budget(daily_calls=1000)
    budget.spend()
    with monkeypatch.context() as broken:
        broken.setattr(store, "write", lambda _work: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            keep(store, "crm", budget, NOON)
    budget.spend()
    keep(store, "crm", budget, NOON)
    assert sum(kept(store, "crm").calls.values()) == 2


def test_the_store_keeps_no_more_than_two_days(store):
    for days in range(5):
        calls = Kept({int((NOON + timedelta(days=days)).timestamp()) // 900: 1})
        store.write(
            partial(keeper.keep, space="main", name="crm", fresh=calls, now=NOON + timedelta(days=days))
        )
    assert len(kept(store, "crm").calls) <= 3


# The forecast ----------------------------------------------------------------------------


def a_busy_day(kind: str, per_hour: int, hours: int, *, others: int = 0, zone: str = "UTC") -> Day:
    """Build the day of an account that has been called evenly until noon."""
    day = Day(Limits(daily_calls=10_000, day=kind, reserve=0.2), Kept(zone=zone))
    for quarter in range(4 * hours):
        day.count(per_hour // 4, NOON - timedelta(minutes=15 * quarter))
    if others:
        day.learn(day.ours(NOON) + others, 10_000, NOON)
    return day


def test_a_day_that_lasts_says_what_will_be_used_when_it_is_new():
    found = forecast(a_busy_day("midnight", per_hour=200, hours=12), NOON)
    assert (found.used, found.share, found.per_hour) == (2400, 8000, 200)
    assert found.expected == pytest.approx(4800, rel=0.01)
    assert (found.is_short, found.runs_out_at) == (False, None)


def test_a_day_that_runs_short_says_when():
    found = forecast(a_busy_day("midnight", per_hour=600, hours=12), NOON)
    # 7,200 by noon, 800 are left, 600 an hour: gone at 13:20, looked at by quarters of an hour.
    assert found.runs_out_at == datetime(2026, 11, 22, 13, 30, tzinfo=UTC)
    assert found.expected == pytest.approx(14_400, rel=0.01)


def test_what_other_apps_use_goes_on_as_it_did():
    found = forecast(a_busy_day("midnight", per_hour=100, hours=12, others=3600), NOON)
    assert found.told_by_vendor
    assert found.expected == pytest.approx(2 * 4800, rel=0.02)
    assert found.is_short


def test_in_a_rolling_day_what_falls_out_comes_back():
    steady = forecast(a_busy_day("rolling", per_hour=300, hours=24), NOON)
    assert steady.expected == pytest.approx(7200, rel=0.02)
    assert not steady.is_short
    begun = forecast(a_busy_day("rolling", per_hour=400, hours=6), NOON)
    assert begun.expected == pytest.approx(9600, rel=0.02)
    assert begun.runs_out_at == NOON + timedelta(hours=14)


def test_where_no_day_is_limited_nothing_runs_out():
    day = Day(Limits(burst_calls=110))
    day.count(100_000, NOON)
    found = forecast(day, NOON)
    assert (found.used, found.share, found.is_short) == (100_000, None, False)


def test_a_day_that_tips_is_said_once_and_said_again_only_after_it_was_well():
    watch = keeper.Watch()
    short = forecast(a_busy_day("midnight", 600, 12), NOON)
    well = forecast(a_busy_day("midnight", 200, 12), NOON)
    with capture_logs() as logs:
        for found in (well, short, short, well, short):
            watch.look("crm", found)
    assert [(one["event"], one["log_level"]) for one in logs] == [
        ("budget.runs_short", "warning"),
        ("budget.lasts", "info"),
        ("budget.runs_short", "warning"),
    ]


def test_what_the_vendor_said_is_kept_as_it_was(store):
    said = Told(NOON, 5, 1000, 2)
    store.write(partial(keeper.keep, space="main", name="crm", fresh=Kept({1: 1}, said, "UTC"), now=NOON))
    assert kept(store, "crm").told == said
