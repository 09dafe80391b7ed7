"""Reconciliation by day: the sum holds each day, a replay counts where its post does, silence is heard."""

from __future__ import annotations

from datetime import timedelta

import pytest

from handlers.registry import build
from sync import days
from sync.replays.letters import SHELVES, page
from sync.status import ENDS
from sync.tables import inbox_events
from tests.builders import NOON
from tests.sync.house import HUBSPOT, SALESFORCE, FailsOn, a_house, house_playbook

DAY = 86_400
WRITING = (HUBSPOT, SALESFORCE)


@pytest.fixture
def house(store):
    playbook = house_playbook()
    return a_house(store, playbook=playbook, handlers=[*build(playbook), ("fails", FailsOn("Bad"))])


def read(house, **given):
    with house.store.snapshot() as snapshot:
        return days.read(snapshot, "main", WRITING, house.clock.now(), **{"known": ["website"], **given})


def ends(count) -> dict[str, int]:
    return {name: getattr(count, name) for name in ENDS if getattr(count, name)}


def test_each_day_adds_up_and_a_replay_counts_on_the_day_of_its_post(house):
    house.post(email="ada@example.com")
    house.post(email="d@example.com", company="Bad")
    house.settle()
    house.clock.advance(DAY)
    house.post(email="ada@example.com", title="CEO")
    house.post(event_id="post-1", email="ada@example.com")  # a repeat
    house.settle()
    with house.store.snapshot() as snapshot:
        [dead] = page(snapshot, "main", SHELVES["dead"]).rows
    house.replay(dead.id, company="Good")
    table = read(house).sources["website"].days
    assert ends(table["2026-03-02"]) == {"delivered": 1, "dead": 1}  # the replay waits
    house.decide()
    house.settle()
    table = read(house).sources["website"].days
    assert list(table) == ["2026-03-03", "2026-03-02"]
    assert ends(table["2026-03-02"]) == {"delivered": 2}
    assert ends(table["2026-03-03"]) == {"merged": 1}
    assert (table["2026-03-03"].received, table["2026-03-03"].duplicates) == (1, 1)
    assert read(house).sources["website"].gap == 0
    assert [count.gap for count in table.values()] == [0, 0]


def test_a_post_that_nobody_can_account_for_is_a_gap(house):
    house.post(email="ada@example.com")
    house.settle()
    house.store.write(lambda on: on.execute(inbox_events.delete().where(inbox_events.c.kind == "intake")))
    assert read(house).sources["website"].gap == 1


def test_days_before_the_table_are_left_out(house):
    house.post(email="ada@example.com")
    house.settle()
    house.clock.advance(7 * DAY)
    assert read(house).sources["website"].days == {}
    assert list(read(house, days=8).sources["website"].days) == ["2026-03-02"]


def test_hours_are_those_of_the_last_day(house):
    house.post(email="a@example.com")
    house.clock.advance(3_600)
    house.post(email="b@example.com")
    house.post(email="c@example.com")
    hours = dict(read(house).hours)
    assert len(hours) == 24
    assert {at: count for at, count in hours.items() if count} == {NOON: 1, NOON + timedelta(hours=1): 2}


@pytest.mark.parametrize(
    ("pauses", "quiet", "is_silent"),
    [
        ([], 23.9, False),  # one post only: a day
        ([], 24.1, True),
        ([0.1] * 30, 0.9, False),  # however busy: not within the hour
        ([0.1] * 30, 1.1, True),
        ([2, 2, 2], 5.9, False),  # three times the usual gap
        ([2, 2, 2], 6.1, True),
        ([2, 15, 2, 15], 23.9, False),  # nights: three times would be two days
        ([2, 15, 2, 15], 24.1, True),
        ([2, 60, 2], 59.9, False),  # weekends are usual
        ([2, 60, 2], 60.1, True),
    ],
)
def test_a_source_is_silent_after_three_times_its_usual_gap_or_a_day(house, pauses, quiet, is_silent):
    house.post(email="first@example.com")
    for number, hours in enumerate(pauses):
        house.clock.advance(hours * 3_600)
        house.post(email=f"p{number}@example.com")
    house.clock.advance(quiet * 3_600)
    assert read(house).sources["website"].is_silent is is_silent
    assert read(house, known=[]).sources["website"].is_silent is False


def test_a_source_that_stopped_weeks_ago_is_silent_and_one_that_never_began_is_not(house):
    house.post(email="ada@example.com")
    house.clock.advance(20 * DAY)
    found = read(house, known=["website", "partner"]).sources
    assert found["website"].is_silent
    assert found["website"].last_post == NOON.replace(hour=0) + timedelta(days=1)
    assert not found["partner"].is_silent
    assert found["partner"].last_post is None


def test_the_first_event_of_a_day_is_found_among_many(house):
    for number in range(300):
        house.post(email=f"p{number}@example.com")
        house.clock.advance(60)
    with house.store.snapshot() as snapshot:
        first = days.first_since(snapshot, NOON + timedelta(minutes=200))
        assert days.first_since(snapshot, NOON - timedelta(days=1)) <= 3
        assert days.first_since(snapshot, NOON + timedelta(days=9)) > 300
    assert 185 <= first <= 195  # ten minutes of posts early: they may have waited for a commit
