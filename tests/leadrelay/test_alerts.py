"""Alarms: told once when they begin, daily while they last, once when they are over."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from connectors.channels import Postponed, Promise, Sent
from leadrelay.alerts.looks import Alarm, InProcess, InStore, Looks
from leadrelay.alerts.teller import Teller
from model.errors import StoreBusy
from sync.status import ConnectionCount, Queues
from tests.sync.stores import opened, shared_database, store, store_url

__all__ = ["opened", "shared_database", "store", "store_url"]

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
BROKEN = Alarm("connection", "hubspot", "hubspot cannot be used")
FULL = Alarm("disk", "", "only 3 MiB are free")


class Mailbox:
    """A channel that keeps what it is given, or is away."""

    name, kind, promise, pace, capacity = "box", "mail", Promise.AT_MOST_ONCE, 1.0, 1000

    def __init__(self):
        self.read: list[str] = []
        self.is_away = False

    def send(self, message):
        if self.is_away:
            return Postponed("away")
        lines = [part.text for line in message.lines for part in line]
        self.read.append(" | ".join([message.title, *lines]))
        return Sent()


@pytest.fixture
def box():
    return Mailbox()


@pytest.fixture
def teller(store, box):
    return Teller(store, [box], "here")


def test_an_alarm_is_told_when_it_begins_and_when_it_is_over(teller, box):
    for minute in range(3):
        teller.tell([BROKEN], NOW + minute * MINUTE)
    assert box.read == ["leadrelay here: hubspot cannot be used (since 2026-11-22 12:00 UTC)"]
    for minute in range(3, 12):
        teller.tell([], NOW + minute * MINUTE)
    assert box.read[1:] == ["leadrelay here: over: hubspot cannot be used"]
    assert teller.standing == []


def test_what_comes_and_goes_is_one_alarm(teller, box):
    for minute in range(60):
        teller.tell([BROKEN] if minute % 4 == 0 else [], NOW + minute * MINUTE)
    assert len(box.read) == 1


def test_it_is_told_again_once_a_day_while_it_lasts(teller, box):
    for hour in range(49):
        teller.tell([BROKEN], NOW + hour * HOUR)
    assert len(box.read) == 3


def test_two_alarms_are_one_message(teller, box):
    teller.tell([BROKEN, FULL], NOW)
    assert len(box.read) == 1
    assert "2 wrong, 0 over" in box.read[0]
    assert "only 3 MiB" in box.read[0]


def test_a_restart_tells_nothing_twice_and_still_says_when_it_is_over(store, box):
    Teller(store, [box], "here").tell([BROKEN], NOW)
    again = Teller(store, [box], "here")
    again.tell([BROKEN], NOW + MINUTE)
    assert len(box.read) == 1
    for minute in range(2, 9):
        again.tell([], NOW + minute * MINUTE)
    assert box.read[1:] == ["leadrelay here: over: hubspot cannot be used"]
    Teller(store, [box], "here").tell([], NOW + HOUR)
    assert len(box.read) == 2


def test_a_message_that_nobody_takes_is_sent_again_later(teller, box):
    box.is_away = True
    for minute in range(5):
        teller.tell([BROKEN], NOW + minute * MINUTE)
    box.is_away = False
    teller.tell([BROKEN], NOW + 20 * MINUTE)
    assert len(box.read) == 1
    box.is_away = True
    for minute in range(21, 40):
        teller.tell([], NOW + minute * MINUTE)
    box.is_away = False
    teller.tell([], NOW + 60 * MINUTE)
    assert box.read[1:] == ["leadrelay here: over: hubspot cannot be used"]


def test_it_works_while_the_store_does_not(store, teller, box, monkeypatch):
    def away(*_args):
        raise StoreBusy("the disk is full")

    monkeypatch.setattr(store, "write", away)
    monkeypatch.setattr(store, "snapshot", away)
    for minute in range(3):
        teller.tell([FULL], NOW + minute * MINUTE)
    assert len(box.read) == 1


def process(**facts):
    usual = {
        "unusable": {},
        "unread": {},
        "delivered_at": {},
        "free_bytes": 10**12,
        "least_free": 10**9,
        "store_trouble": None,
    }
    return InProcess(**usual | facts)


def in_store(*, waiting=0, dead=0, oldest=None, changes=None, refused=0, silent=None):
    events = {"waiting": waiting, "dead": dead, "quarantined": 0, "review": 0}
    counts = {"hubspot": ConnectionCount(dead=refused)}
    return InStore(Queues(events, counts), oldest, changes or {}, silent or {})


def kinds(alarms):
    return [(one.kind, one.subject) for one in alarms]


@pytest.fixture
def looks():
    return Looks(lambda: ["hubspot"])


def test_nothing_is_wrong(looks):
    assert looks.alarms(process(), in_store(waiting=5, oldest=NOW - MINUTE), NOW) == []
    assert looks.alarms(process(free_bytes=None), in_store(), NOW) == []


@pytest.mark.parametrize(
    ("facts", "store", "expected"),
    [
        ({"unusable": {"hubspot": "no key opens it"}}, {}, ("connection", "hubspot")),
        ({"free_bytes": 10**9 - 1}, {}, ("disk", "")),
        ({}, {"dead": 1}, ("dead_letters", "")),
        ({}, {"refused": 1}, ("dead_letters", "")),
        ({}, {"waiting": 9, "oldest": NOW - 5 * MINUTE}, ("decider", "")),
        ({}, {"silent": {"website": NOW - DAY}}, ("source", "website")),
    ],
)
def test_what_is_wrong_at_once(looks, facts, store, expected):
    assert kinds(looks.alarms(process(**facts), in_store(**store), NOW)) == [expected]


def test_a_connection_that_cannot_be_read_is_told_after_a_while(looks):
    away = process(unread={"hubspot": "401"})
    assert looks.alarms(away, in_store(), NOW) == []
    assert looks.alarms(away, in_store(), NOW + 14 * MINUTE) == []
    assert kinds(looks.alarms(away, in_store(), NOW + 15 * MINUTE)) == [("connection", "hubspot")]
    assert looks.alarms(process(), in_store(), NOW + 16 * MINUTE) == []
    assert looks.alarms(away, in_store(), NOW + 17 * MINUTE) == []


def test_nothing_delivered_while_something_waits(looks):
    due = in_store(changes={"hubspot": NOW - DAY})
    assert looks.alarms(process(), due, NOW) == []  # the daemon has just begun
    assert kinds(looks.alarms(process(), due, NOW + 31 * MINUTE)) == [("connection", "hubspot")]
    others_go = process(delivered_at={"hubspot": NOW + 20 * MINUTE})  # one stubborn record is no broken line
    assert looks.alarms(others_go, due, NOW + 31 * MINUTE) == []


def test_a_store_that_is_away(looks):
    broken = process(store_trouble="database or disk is full")
    assert looks.alarms(broken, None, NOW) == []
    assert kinds(looks.alarms(broken, None, NOW + MINUTE)) == [("store", "")]
