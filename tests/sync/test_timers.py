"""A lead is looked at again later: set with the decision, handed in once, moved or dropped with it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from leadrelay.alerts import looks
from leadrelay.alerts.looks import InProcess, Looks
from mappings.playbook import Absence, Expiry, Person
from model.event import EventKind
from scheduler.timing import MOST, TimerJob
from sync import explain, inbox, tables, timers
from sync.database import open_store
from sync.keeping import archive as archives
from sync.keeping import retention
from sync.keeping.backup import backup
from sync.keeping.restore import restore
from sync.replays import letters
from tests.builders import (
    NOON,
    a_lifecycle,
    a_pool,
    a_routing,
    a_scoring,
    field_is,
    moves_to,
    place,
    points,
)
from tests.sync.followed import ADA, BO, known
from tests.sync.house import HUBSPOT, SALESFORCE, House, a_house, house_playbook
from tests.sync.stores import count, rows
from tests.sync.test_joins import merged_in_salesforce

DAY = timedelta(days=1)
NOTHING_WRONG = InProcess({}, {}, {}, None, 0, None)
FADES = a_scoring(points(10, "demo", activity="demo_request", max_times=3, decay=Expiry(30 * DAY)))


@pytest.fixture
def house(store) -> House:
    return a_house(store, playbook=house_playbook(scoring=FADES))


def pass_by(house: House, time: timedelta) -> int:
    """Let time pass and the job look; return how many events it handed in."""
    house.clock.advance(time.total_seconds())
    return TimerJob(house.store, house.clock).run()


def events(house: House) -> list[dict]:
    return [row for row in rows(house.store, tables.inbox_events) if row["kind"] == str(EventKind.TIMER)]


def told(house: House, event: int) -> list[str]:
    with house.store.snapshot() as snapshot:
        [row] = snapshot.execute(explain.decided(tables.audit.c.event == event)).all()
    return [reason["text"] for reason in row.details["reasons"]]


def test_points_that_go_reach_the_crms_with_no_event_from_outside(house):
    known(house, ADA)
    assert house.crms[HUBSPOT].records[house.lead(ADA).links[HUBSPOT].remote_id].fields["score"] == 10
    assert pass_by(house, 29 * DAY) == 0
    assert pass_by(house, 1 * DAY) == 1
    house.settle()
    assert house.lead(ADA).score == 0
    for name in (HUBSPOT, SALESFORCE):
        assert house.crms[name].records[house.lead(ADA).links[name].remote_id].fields["score"] == 0
    assert count(house.store, tables.timers) == 0
    [event] = events(house)
    assert (event["state"], event["lead_id"]) == ("done", house.lead_id(ADA))
    assert "score: points that go with time" in told(house, event["id"])


def test_another_activity_moves_the_timer_and_the_story_says_until_when(house):
    house.post(email=ADA), house.decide()
    [first] = rows(house.store, tables.timers)
    house.clock.advance(3600)
    house.post(email=ADA), house.decide()
    with house.store.snapshot() as snapshot:
        [timer] = explain.read(snapshot, house.lead_id(ADA)).timers
    assert timer.due_at == first["due_at"]  # the older demo goes first
    house.clock.advance((29 * DAY).total_seconds())
    assert pass_by(house, timedelta(hours=23.5)) == 1
    house.decide()
    [after] = rows(house.store, tables.timers)
    assert (after["due_at"] - first["due_at"], after["handed_in_at"]) == (timedelta(hours=1), None)


def test_a_timer_is_handed_in_once_however_often_it_is_looked_at(house):
    house.post(email=ADA), house.decide()
    assert pass_by(house, 31 * DAY) == 1
    assert pass_by(house, DAY) == 0
    # A process that had read it as waiting before: the same event, which is there already.
    house.store.write(
        lambda connection: connection.execute(sa.update(tables.timers).values(handed_in_at=None))
    )
    assert pass_by(house, DAY) == 1
    assert len(events(house)) == 1
    assert house.decide() == 1


@pytest.mark.parametrize(
    ("column", "text"), [("due_at", "the time was moved to"), (None, "nothing is waited for")]
)
def test_the_event_of_a_timer_that_was_moved_or_dropped_meanwhile_does_nothing(house, column, text):
    house.post(email=ADA), house.decide()
    assert pass_by(house, 31 * DAY) == 1
    statement = sa.delete(tables.timers)
    if column:
        statement = sa.update(tables.timers).values(due_at=NOON + 90 * DAY, handed_in_at=None)
    house.store.write(lambda connection: connection.execute(statement))
    house.decide()
    [event] = events(house)
    assert text in told(house, event["id"])[0]
    assert house.lead(ADA).score == 10


def test_after_a_downtime_all_are_handed_in_in_pieces_and_what_came_from_outside_goes_first(house):
    for n in range(MOST + 5):
        house.post(email=f"p{n}@example.com")
    house.decide()
    house.clock.advance((60 * DAY).total_seconds())
    for n in range(inbox.QUEUE + 1):
        house.post(email=f"p{n}@example.com")
    job = TimerJob(house.store, house.clock)
    assert job.run() == 0
    with house.store.snapshot() as snapshot:
        found = timers.count(snapshot, "main", house.clock.now())
        assert (found.waiting, found.overdue, found.by_kind) == (MOST + 5, MOST + 5, {"score": MOST + 5})
        assert timers.totals(snapshot, "main", house.clock.now()).overdue == MOST + 5
    house.decide()  # the leads of now: their timers are moved with that
    assert job.run() == MOST + 5 - inbox.QUEUE - 1
    house.decide()
    assert job.run() == 0
    assert {house.lead(f"p{n}@example.com").score for n in (0, inbox.QUEUE)} == {10}
    assert {house.lead(f"p{n}@example.com").score for n in (inbox.QUEUE + 1, MOST + 4)} == {0}


def test_at_most_so_many_are_handed_in_at_a_time_the_longest_due_first(house):
    for n in range(3):
        house.post(email=f"p{n}@example.com")
        house.decide()
        house.clock.advance(60)
    house.clock.advance((60 * DAY).total_seconds())
    now = house.clock.now()
    assert house.store.write(lambda connection: timers.hand_in(connection, "main", now, 2)) == 2
    left = [row["lead_id"] for row in rows(house.store, tables.timers) if row["handed_in_at"] is None]
    assert left == [house.lead_id("p2@example.com")]


def test_the_timers_of_a_lead_that_is_taken_in_are_the_others(house):
    known(house, ADA), known(house, BO)
    gone = house.lead_id(BO)
    inbox.append(house.store, [merged_in_salesforce(house, BO, ADA)])
    house.settle()
    assert {row["lead_id"] for row in rows(house.store, tables.timers)} == {house.lead_id(ADA)} != {gone}
    assert house.lead(ADA).score == 20
    assert pass_by(house, 31 * DAY) == 1
    house.decide()
    assert house.lead(ADA).score == 0


def test_a_timer_that_was_handed_in_for_a_lead_taken_in_meanwhile_harms_nobody(house):
    known(house, ADA), known(house, BO)
    house.clock.advance((31 * DAY).total_seconds())
    joined = merged_in_salesforce(house, BO, ADA)
    assert TimerJob(house.store, house.clock).run() == 2
    inbox.append(house.store, [joined])
    house.settle()
    assert {row["state"] for row in events(house)} == {"done"}
    assert (house.lead(ADA).score, count(house.store, tables.timers)) == (0, 0)


def test_old_events_of_timers_go_by_the_term_of_what_is_no_post(house):
    house.post(email=ADA), house.decide()
    pass_by(house, 31 * DAY), house.decide()
    house.post(email=BO), house.decide()
    retention.run(house.store, "main", {"crm_events": 3 * DAY}, house.clock.now() + 4 * DAY)
    assert events(house) == []


def test_a_lead_that_waits_for_a_shift_is_assigned_and_told_of_when_it_begins(store):
    today = NOON.date()
    away = {one: Person(one, place(50), absent=(Absence(today, today),)) for one in ("ann@example.com",)}
    pool = replace(a_pool("everyone", *away), if_nobody="queue_until_shift")
    routing = replace(a_routing(pools=[pool]), people=away)
    house = a_house(store, playbook=house_playbook(routing=routing))
    house.post(email=ADA, country="DE"), house.decide()
    assert house.lead(ADA).owner is None
    with store.snapshot() as snapshot:
        [timer] = explain.read(snapshot, house.lead_id(ADA)).timers
    assert timer.why.startswith("ann@example.com in pool everyone, free from")
    house.clock.advance(3600)
    house.post(email=ADA, company="Acme"), house.decide()
    [row] = rows(store, tables.timers)
    assert (row["since"], row["due_at"]) == (NOON, timer.due_at)
    assert pass_by(house, timer.due_at - house.clock.now()) == 1
    house.decide()
    assert house.lead(ADA).owner == "ann@example.com"
    assert count(store, tables.timers) == 0


def test_a_lead_that_waits_for_a_place_gets_it_when_an_open_lead_is_closed_the_longest_first(store):
    ann = Person("ann@example.com", place(50), open_leads=2)
    routing = a_routing(pools=[replace(a_pool("everyone", ann.email), if_nobody="queue_until_shift")])
    lifecycle = a_lifecycle(moves_to("nurture", when=field_is("company", "Rival")))
    playbook = house_playbook(routing=replace(routing, people={ann.email: ann}), lifecycle=lifecycle)
    house = a_house(store, playbook=playbook)
    for name in ("ada", "bo", "cy", "di", "ed"):
        house.post(email=f"{name}@example.com"), house.decide()
        house.clock.advance(60)
    house.post(email="cy@example.com", company="Other"), house.decide()  # it waits no less long for that
    house.post(email="ada@example.com", company="Rival"), house.decide()
    assert [pass_by(house, timedelta(0)), house.decide()] == [1, 1]
    owned = {name: house.lead(f"{name}@example.com").owner for name in ("cy", "di", "ed")}
    assert owned == {"cy": ann.email, "di": None, "ed": None}
    house.post(email="bo@example.com", company="Rival"), house.decide()
    assert [pass_by(house, timedelta(0)), house.decide()] == [1, 1]
    assert house.lead("di@example.com").owner == ann.email
    [left] = rows(store, tables.timers)
    assert (left["lead_id"], left["kind"]) == (house.lead_id("ed@example.com"), "place")


def test_who_becomes_active_in_the_rosters_again_gets_the_leads_that_wait(store):
    today = NOON.date()
    ann = Person("ann@example.com", place(50), absent=(Absence(today, today),))
    pool = replace(a_pool("everyone", ann.email, "bo@example.com"), if_nobody="queue_until_shift")
    routing = replace(a_routing(pools=[pool]), people={ann.email: ann})
    house = a_house(store, playbook=house_playbook(routing=routing))
    crm = house.crms[HUBSPOT]
    here = crm.staff
    crm.staff = [replace(one, active=one.email != "bo@example.com") for one in here]
    house.clock.advance(300), house.read_rosters()
    house.post(email=ADA), house.decide()
    assert house.lead(ADA).owner is None
    house.clock.advance(300), house.read_rosters()
    assert pass_by(house, timedelta(0)) == 0  # nobody came back
    crm.staff = here
    house.clock.advance(300), house.read_rosters()
    assert [pass_by(house, timedelta(0)), house.decide()] == [1, 1]
    assert house.lead(ADA).owner == "bo@example.com"
    assert count(store, tables.timers) == 0


def test_a_playbook_whose_points_stay_sets_no_timer(store):
    house = a_house(store)
    house.post(email=ADA), house.decide()
    assert count(store, tables.timers) == 0


def stumbles(_lead, _context):
    raise RuntimeError("a rule stumbles")


def test_an_event_that_fails_is_set_aside_and_its_timer_fires_on_its_replay(house):
    house.post(email=ADA), house.decide()
    pass_by(house, 31 * DAY)
    handlers, house.handlers = house.handlers, [("score", stumbles)]
    house.decide()
    [event] = events(house)
    assert event["state"] == "dead"
    with house.store.snapshot() as snapshot:
        [heap] = letters.groups(snapshot, "main", letters.SHELVES["dead"])
        told = Looks(list).alarms(NOTHING_WRONG, looks.read(snapshot, "main", NOON), NOON)
    assert (heap.count, heap.place, house.status().timers.set_aside) == (1, "rule", 1)
    assert [(one.kind, "1 events that our rules failed on" in one.text) for one in told] == [
        ("dead_letters", True)
    ]
    house.handlers = handlers
    house.replay(event["id"]), house.decide()
    assert (house.lead(ADA).score, house.status().timers.set_aside) == (0, 0)


@pytest.mark.parametrize("is_handed_in", [False, True])
def test_a_timer_fires_once_in_a_store_restored_from_a_backup(house, tmp_path, is_handed_in):
    """Whether it waited for its time when the backup was made, or its event for the decider."""
    house.post(email=ADA), house.decide()
    if is_handed_in:
        assert pass_by(house, 31 * DAY) == 1
    backup(house.store, tmp_path / "b.zip", house.clock.now())
    url = f"sqlite:///{tmp_path / 'restored.db'}"
    with archives.opened(tmp_path / "b.zip") as archive:
        restore(archive, url, house.clock.now())
    other = open_store(url)
    there = a_house(other, playbook=house.playbook, clock=house.clock)
    assert pass_by(there, 31 * DAY) == (0 if is_handed_in else 1)
    there.decide()
    assert [pass_by(there, DAY), there.decide(), len(events(there))] == [0, 0, 1]
    assert (there.lead(ADA).score, count(other, tables.timers)) == (0, 0)
    other.close()
