"""Alarms: told once when they begin, daily while they last, once when they are over."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
import sqlalchemy as sa

from connectors.channels import Postponed, Promise, Sent
from leadrelay.alerts.looks import Alarm, Following, InProcess, InStore, Looks, read
from leadrelay.alerts.teller import Teller
from leadrelay.alerts.watch import Watch
from model.errors import StoreBusy
from sync import alerts, cursors
from sync.cursors import POLL, Cursor
from sync.edges.effect_books import EffectCount
from sync.followed import Followed, ObjectFollowed
from sync.outbox import PARKED
from sync.status import ConnectionCount, Queues
from sync.tables import inbox_events, outbox_changes
from tests.sync.clock import FakeClock
from tests.sync.stores import opened, store, store_url

__all__ = ["opened", "store", "store_url"]

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


def test_a_channel_that_fails_keeps_no_other_from_being_told_and_nothing_is_told_twice(store, box, capsys):
    class Broken(Mailbox):
        name = "broken"

        def send(self, message):
            raise RuntimeError(f"of '{message.title}'")

    seen = []
    teller = Teller(store, [Broken(), box], "here", observe=seen.append)
    for minute in range(5):
        teller.tell([BROKEN], NOW + minute * MINUTE)
    assert len(box.read) == 1
    assert seen == ["failed", "sent"]
    told = capsys.readouterr().out
    assert "alert.not_sent" in told
    assert "leadrelay here" not in told


def test_it_works_while_the_store_does_not(store, teller, box, monkeypatch):
    def away(*_args):
        raise StoreBusy("the disk is full")

    monkeypatch.setattr(store, "write", away)
    monkeypatch.setattr(store, "snapshot", away)
    for minute in range(3):
        teller.tell([FULL], NOW + minute * MINUTE)
    assert len(box.read) == 1


BEHIND = Alarm("decider", "", "events wait for their decision")
STAND_BY = ("decider",)


def test_one_who_stands_by_ends_no_alarm_of_another(store, box):
    seated, stand_by = Teller(store, [box], "here"), Teller(store, [box], "there")
    seated.tell([BROKEN], NOW)
    for minute in range(1, 20):
        late = [BEHIND] if minute < 9 else []  # both see that in the one store
        seated.tell([BROKEN, *late], NOW + minute * MINUTE)
        stand_by.tell(late, NOW + minute * MINUTE, STAND_BY)
        assert ("connection", "hubspot") in [one.key for one in stand_by.standing]
    assert box.read == [
        "leadrelay here: hubspot cannot be used (since 2026-11-22 12:00 UTC)",
        "leadrelay here: events wait for their decision (since 2026-11-22 12:01 UTC)",
        "leadrelay here: over: events wait for their decision",
    ]
    with store.snapshot() as snapshot:
        assert list(alerts.load(snapshot, "main")) == [("connection", "hubspot")]


def test_one_who_loses_the_seat_shows_what_the_new_one_says(store, box):
    first, second = Teller(store, [box], "first"), Teller(store, [box], "second")
    first.tell([BROKEN, FULL], NOW)
    second.tell([BROKEN], NOW + MINUTE)
    for minute in range(2, 9):
        second.tell([BROKEN], NOW + minute * MINUTE)
        first.tell([BROKEN, FULL], NOW + minute * MINUTE, STAND_BY)
    assert [one.key for one in first.standing] == [("connection", "hubspot")]
    assert [text.split(" (")[0] for text in box.read[1:]] == ["leadrelay second: over: only 3 MiB are free"]


def test_what_one_process_has_ended_another_does_not_end_again(store, box):
    first, second = Teller(store, [box], "first"), Teller(store, [box], "second")
    for minute in range(2):
        first.tell([BEHIND], NOW + minute * MINUTE)
        second.tell([BEHIND], NOW + minute * MINUTE, STAND_BY)
    for minute in range(2, 20):
        first.tell([], NOW + minute * MINUTE)
        second.tell([], NOW + minute * MINUTE, STAND_BY)
    assert [text.split(": ")[1] for text in box.read] == [
        "events wait for their decision (since 2026-11-22 12:00 UTC)",
        "over",
    ]
    assert (first.standing, second.standing) == ([], [])


@pytest.mark.parametrize(("is_seated", "told"), [(True, 2), (False, 1)])
def test_a_watch_looks_after_all_or_only_after_whoever_decides(store, box, is_seated, told):
    clock = FakeClock()
    teller = Teller(store, [box], "here")
    broken = process(unusable={"hubspot": "no key"})
    watch = Watch(store, clock, Looks(list), teller, lambda _: broken, lambda: is_seated, list)
    late = {
        "space": "main", "source": "website", "event_id": "e1", "kind": "intake", "payload": {},
        "state": "waiting", "occurred_at": clock.now() - HOUR, "received_at": clock.now() - HOUR,
    }  # fmt: skip
    store.write(lambda on: on.execute(sa.insert(inbox_events).values(late)))
    watch.run()
    assert len(teller.standing) == told
    store.write(lambda on: on.execute(sa.update(inbox_events).values(state="new")))
    for _ in range(12):
        clock.advance(60)
        watch.run()
    assert [one.kind for one in teller.standing] == (["connection"] if is_seated else [])
    assert "over: events wait for their decision" in box.read[-1]


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


def in_store(*, waiting=0, dead=0, oldest=None, changes=None, refused=0, untold=0, silent=None, **given):
    events = {"waiting": waiting, "dead": dead, "quarantined": 0, "review": 0}
    counts = {"hubspot": ConnectionCount(dead=refused)}
    effects = {"slack": EffectCount(dead=untold)}
    return InStore(Queues(events, counts, effects), oldest, changes or {}, silent or {}, **given)


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
        ({}, {"untold": 1}, ("dead_letters", "")),
        ({}, {"waiting": 9, "oldest": NOW - 5 * MINUTE}, ("decider", "")),
        ({}, {"silent": {"website": NOW - DAY}}, ("source", "website")),
        ({}, {"held": {"hubspot": 312}}, ("deletions", "hubspot")),
        ({}, {"providers": {"firmo": "HTTP 503"}}, ("provider", "firmo")),
        ({}, {"over_limit": 3}, ("matching", "")),
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


def test_an_observed_connection_that_failed_days_ago_begins_anew():
    looks = Looks(list)
    away = process(unread={"hubspot": "401"})
    assert looks.alarms(away, in_store(), NOW) == []
    assert looks.alarms(process(), in_store(), NOW + MINUTE) == []
    assert looks.alarms(away, in_store(), NOW + 2 * DAY) == []


def test_what_went_unwritten_while_it_was_observed_begins_anew():
    writing = ["hubspot"]
    looks, due = Looks(lambda: writing), in_store(changes={"hubspot": NOW - DAY})
    assert looks.alarms(process(), due, NOW) == []
    writing.clear()
    assert looks.alarms(process(), due, NOW + HOUR) == []
    writing.append("hubspot")
    assert looks.alarms(process(), due, NOW + 2 * HOUR) == []


def test_what_is_parked_until_a_person_lets_it_go_does_not_wait_for_the_connection(store):
    held = {
        "space": "main", "connection": "hubspot", "object": "contacts", "entity_kind": "lead", "wanted": 1,
        "done": 0, "dead": 0, "needs": [], "attempts": 0, "raised_at": NOW - DAY,
    }  # fmt: skip
    parked = [held | {"entity_id": f"L{number}", "due_at": PARKED} for number in range(3)]
    store.write(lambda on: on.execute(sa.insert(outbox_changes), parked))
    with store.snapshot() as snapshot:
        assert read(snapshot, "main", NOW).oldest_change == {}
    due = held | {"entity_id": "L9", "due_at": NOW, "raised_at": NOW - HOUR}
    store.write(lambda on: on.execute(sa.insert(outbox_changes).values(due)))
    with store.snapshot() as snapshot:
        assert read(snapshot, "main", NOW).oldest_change == {"hubspot": NOW - HOUR}


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


OURS = Following(("contacts", "companies"), timedelta(seconds=30))


def followed_at(minutes, problem=None, **others):
    """In the store: contacts read to the end at minute so and so, companies a minute ago unless told."""
    read = {"contacts": (minutes, problem)} | others
    objects = {name: ObjectFollowed(NOW - DAY, NOW + at * MINUTE, why) for name, (at, why) in read.items()}
    return replace(in_store(), followed={"hubspot": Followed(objects)})


def test_changes_that_are_not_read_to_the_end_are_told_with_the_reason_and_no_person(looks):
    ours = process(following={"hubspot": OURS})
    for minute in range(31):
        well = followed_at(0, companies=(minute, None))
        assert looks.alarms(ours, well, NOW + minute * MINUTE) == []
    late = followed_at(0, "ada@example.com: HTTP 500", companies=(31, None))
    [alarm] = looks.alarms(ours, late, NOW + 31 * MINUTE)
    assert (alarm.kind, alarm.subject) == ("connection", "hubspot")
    assert alarm.text == (
        "what changes in hubspot was not read to the end for 31 minutes (contacts): "
        "[e-mail]: HTTP 500; see `leadrelay doctor hubspot`"
    )
    assert looks.alarms(ours, followed_at(32, companies=(32, None)), NOW + 32 * MINUTE) == []


def test_a_recycle_bin_that_stays_unread_is_told_beside_changes_that_are_read(looks):
    ours = process(following={"hubspot": OURS})
    for minute in range(31):
        at = NOW + minute * MINUTE
        failing = ObjectFollowed(NOW - DAY, at, bin_problem="403: ada@example.com may not")
        store = replace(in_store(), followed={"hubspot": Followed({"contacts": failing})})
        ours = process(following={"hubspot": replace(OURS, objects=("contacts",))})
        alarms = looks.alarms(ours, store, at)
        assert bool(alarms) == (minute == 30)
    [alarm] = alarms
    assert (alarm.kind, alarm.subject) == ("connection", "hubspot")
    assert alarm.text == (
        "what is deleted in hubspot may stay unseen, its recycle bin cannot be looked through (contacts): "
        "403: [e-mail] may not; see `leadrelay doctor hubspot`"
    )
    well = ObjectFollowed(NOW - DAY, NOW + 31 * MINUTE)
    assert (
        looks.alarms(ours, replace(store, followed={"hubspot": Followed({"contacts": well})}), at + MINUTE)
        == []
    )


def test_a_follower_that_hangs_or_fails_before_its_first_look_is_told_too(looks):
    hangs = process(following={"hubspot": OURS})
    assert looks.alarms(hangs, in_store(), NOW) == []
    [alarm] = looks.alarms(hangs, in_store(), NOW + 31 * MINUTE)
    assert "for 31 minutes (contacts, companies): no failure is known" in alarm.text
    fails = process(following={"hubspot": replace(OURS, failure="KeyError: '…'")})
    [alarm] = looks.alarms(fails, in_store(), NOW + 32 * MINUTE)
    assert "KeyError: '…'" in alarm.text


def test_what_went_unread_while_nobody_followed_it_begins_anew(looks):
    ours, old = process(following={"hubspot": OURS}), followed_at(-600, companies=(-600, None))
    assert looks.alarms(ours, old, NOW) == []  # the daemon has just begun
    assert looks.alarms(process(), old, NOW + 40 * MINUTE) == []  # it is not connected
    assert looks.alarms(ours, old, NOW + 41 * MINUTE) == []


def test_objects_that_the_playbook_has_no_more_and_rare_looks_are_no_alarm(looks):
    rarely = replace(OURS, objects=("contacts",), every=HOUR)
    ours, store = process(following={"hubspot": rarely}), followed_at(0, deals=(-600, None))
    for minute in range(0, 90, 10):
        assert looks.alarms(ours, store, NOW + minute * MINUTE) == []
    assert kinds(looks.alarms(ours, store, NOW + 90 * MINUTE)) == [("connection", "hubspot")]


def test_that_changes_are_not_followed_is_told_once_and_once_when_it_is_well_again(store, box):
    clock, failing = FakeClock(), "HTTP 503"
    began = clock.now()
    cursor = Cursor("hubspot", POLL, "contacts", began, began, problem=failing)
    store.write(lambda on: cursors.begin(on, "main", cursor))
    ours = process(following={"hubspot": replace(OURS, objects=("contacts",))})
    teller = Teller(store, [box], "here")
    watch = Watch(store, clock, Looks(list), teller, lambda _: ours, lambda: True, list)
    for _ in range(60):
        watch.run()
        clock.advance(60)
    assert len(box.read) == 1
    assert (
        "what changes in hubspot was not read to the end for 31 minutes (contacts): HTTP 503" in box.read[0]
    )
    for _ in range(10):
        read = replace(cursor, problem=None, finished_at=clock.now())
        store.write(lambda on, read=read: cursors.begin(on, "main", read, anew=True))
        watch.run()
        clock.advance(60)
    assert len(box.read) == 2
    assert "over: what changes in hubspot" in box.read[1]


def compared(**figures):
    """The last comparison of hubspot."""
    shares = {"links": 0.0, "missing": 0.0, "counts": 0.0} | figures
    return {"hubspot": SimpleNamespace(id=12, shares=shares)}


@pytest.mark.parametrize(
    ("figures", "said"),
    [
        ({"links": 0.03}, "3.0 % of the records compared differ without a reason in hubspot"),
        ({"missing": 0.021}, "2.1 % of the people and companies here have no record"),
        ({"counts": 0.5}, "50.0 % of all records counted are unaccounted for"),
    ],
)
def test_more_than_may_be_unexplained_is_an_alarm(looks, figures, said):
    store = replace(in_store(), compared=compared(**figures))
    [alarm] = looks.alarms(process(bearable={"hubspot": 0.02}), store, NOW)
    assert (alarm.kind, alarm.subject) == ("reconcile", "hubspot")
    assert said in alarm.text
    assert "at most 2 % may; see `leadrelay reconcile --connection hubspot --last`" in alarm.text


@pytest.mark.parametrize("bearable", [{"hubspot": 0.03}, {}, {"salesforce": 0.0}])
def test_what_may_be_or_is_of_no_connection_of_ours_is_none(looks, bearable):
    store = replace(in_store(), compared=compared(links=0.03))
    assert looks.alarms(process(bearable=bearable), store, NOW) == []


def test_fields_that_do_not_fit_are_an_alarm_with_the_remedy_where_it_is_written(looks):
    found = [(f"Lead.F{n}: takes 5 characters", "Make it longer.") for n in range(5)]
    store = replace(in_store(), misfits={"hubspot": found, "elsewhere": found, "salesforce": []})
    [alarm] = looks.alarms(process(), store, NOW)
    assert (alarm.kind, alarm.subject) == ("schema", "hubspot")
    assert alarm.text == (
        "the fields of hubspot do not fit the playbook: Lead.F0: takes 5 characters (Make it longer); "
        "Lead.F1: takes 5 characters (Make it longer); Lead.F2: takes 5 characters (Make it longer); "
        "and 2 more; see `leadrelay doctor hubspot`"
    )
