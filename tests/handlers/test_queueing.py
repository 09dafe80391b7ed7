"""A lead waits for somebody's shift to begin: whom for, until when, and what ends it."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from handlers.apply import apply
from handlers.queueing import freed
from handlers.workload import Workload, open_stages
from mappings.playbook import Absence
from model.decision import AskReview, Assigned, SetTimer
from model.hours import Span, start_of
from model.timer import LONGEST_WHY, Timer
from tests.builders import a_lead, a_lifecycle, a_pool, field_is, reasons
from tests.handlers.test_eligible import (
    ANN,
    BERLIN,
    BO,
    CY,
    MONDAY,
    OFFICE,
    SATURDAY,
    a_person,
    decided,
    routing,
)

NEVER = field_is("country", "FR")
MONDAY_AT_NINE = datetime(2026, 3, 9, 8, 0, tzinfo=UTC)
EVENING = datetime(2026, 3, 8, 21, 30, tzinfo=UTC)
DAY = timedelta(days=1)
OPEN = open_stages(a_lifecycle())
QUEUE = replace(a_pool("dach", ANN, BO), calendar=OFFICE, if_nobody="queue_until_shift")


def waiting(decision):
    [timer] = [one for one in decision.effects if isinstance(one, SetTimer)]
    return timer


def german(**given):
    return a_lead(stage="mql", country="DE", email="x@acme.example", **given)


def test_a_lead_of_the_weekend_waits_for_monday_and_is_assigned_then():
    rules = routing(dach=QUEUE)
    timer = waiting(decided(rules, now=SATURDAY))
    assert (timer.kind, timer.due_at) == ("shift", MONDAY_AT_NINE)
    assert timer.why == f"{ANN}, {BO} in pool dach, free from Mon 09:00 Europe/Berlin"
    lead = german(timers={("shift", ""): Timer("shift", "", MONDAY_AT_NINE, SATURDAY, timer.why)})
    monday = decided(rules, now=MONDAY_AT_NINE, lead=lead)
    [assigned, over] = monday.effects
    assert isinstance(assigned, Assigned)
    assert (assigned.pool, over) == ("dach", SetTimer("shift", None, MONDAY_AT_NINE))


def test_it_says_whom_it_waits_for_and_why_each_is_not_there():
    found = reasons(decided(routing(dach=QUEUE), now=SATURDAY))
    assert found[-1] == f"pool dach: the lead waits for {ANN}, {BO} until Mon 09:00 Europe/Berlin"
    assert f"{ANN} is off shift until Mon 09:00 Europe/Berlin" in found[-2]


@pytest.mark.parametrize(
    ("given", "until"),
    [
        ({"absent": (Absence(date(2026, 3, 9), date(2026, 3, 9)),)}, datetime(2026, 3, 10, 8, 0, tzinfo=UTC)),
        ({"calendar": replace(OFFICE, holidays=frozenset({date(2026, 3, 9)}))},
         datetime(2026, 3, 10, 8, 0, tzinfo=UTC)),
    ],
    ids=["absent on Monday", "a holiday on Monday"],
)  # fmt: skip
def test_absences_and_holidays_are_passed_over(given, until):
    pool = replace(QUEUE, members=QUEUE.members[:1])
    timer = waiting(decided(routing(a_person(ANN, **given), dach=pool), now=SATURDAY))
    assert timer.due_at == until


def test_who_has_no_shifts_is_waited_for_until_the_day_after_an_absence():
    away = a_person(ANN, absent=(Absence(date(2026, 3, 6), date(2026, 3, 7)),))
    pool = replace(QUEUE, members=QUEUE.members[:1], calendar=None)
    timer = waiting(decided(routing(away, dach=pool), now=SATURDAY))
    assert timer.due_at == datetime(2026, 3, 8, tzinfo=UTC)


def test_a_shift_that_begins_too_late_is_not_waited_for():
    decision = decided(routing(dach=replace(QUEUE, longest_wait=DAY)), now=SATURDAY)
    assert decision.fields == {"owner": CY}
    assert any("longer than the lead may wait" in text for text in reasons(decision))


def test_the_wait_is_counted_from_its_beginning_however_often_the_lead_is_looked_at():
    """At Monday's shift both are at their cap: the next begins on Tuesday, which is beyond three days."""
    rules = routing(*(a_person(one, caps={"day": 2}) for one in (ANN, BO)), dach=QUEUE)
    full = Workload(given={one: {MONDAY_AT_NINE - timedelta(hours=9): 2} for one in (ANN, BO)})
    since = MONDAY_AT_NINE - 2.5 * DAY
    lead = german(timers={("shift", ""): Timer("shift", "", MONDAY_AT_NINE, since, "")})
    decision = decided(rules, now=MONDAY_AT_NINE, lead=lead, work=full)
    assert decision.fields == {"owner": CY}
    assert waiting(decision).due_at is None
    again = german(timers={("shift", ""): Timer("shift", "", MONDAY_AT_NINE, MONDAY_AT_NINE - DAY, "")})
    assert waiting(decided(rules, now=MONDAY_AT_NINE, lead=again, work=full)).due_at == MONDAY_AT_NINE + DAY


def test_where_the_fallback_cannot_either_a_person_is_asked():
    never = a_person(CY, absent=(Absence(date(2026, 3, 1), date(2026, 4, 1)),))
    decision = decided(routing(never, dach=replace(QUEUE, longest_wait=DAY)), now=SATURDAY)
    assert any(isinstance(one, AskReview) for one in decision.effects)


def test_who_gets_an_owner_otherwise_waits_no_more():
    lead = german(owner=BO, timers={("shift", ""): Timer("shift", "", MONDAY_AT_NINE, SATURDAY, "")})
    assert waiting(decided(routing(dach=QUEUE), now=SATURDAY, lead=lead)).due_at is None


NIGHTS = replace(OFFICE, week=((Span(1320, 1800),),) * 7)  # 22:00 to 06:00
ROUND = replace(OFFICE, week=((Span(0, 1440),),) * 7)
MIDNIGHT = datetime(2026, 3, 8, 23, 0, tzinfo=UTC)  # of Monday in Berlin
SUNDAY = Absence(date(2026, 3, 8), date(2026, 3, 8))


@pytest.mark.parametrize(
    ("given", "had", "until"),
    [
        ({"calendar": NIGHTS, "absent": (SUNDAY,)}, {}, MIDNIGHT),
        ({"calendar": replace(ROUND, holidays=frozenset({date(2026, 3, 8)}))}, {}, MIDNIGHT),
        ({"calendar": ROUND, "caps": {"hour": 1}}, {"hour": 1}, EVENING + timedelta(minutes=30)),
        ({"calendar": ROUND, "caps": {"hour": 1, "day": 9}}, {"hour": 1, "day": 9}, MIDNIGHT),
        ({"calendar": ROUND, "caps": {"week": 9}}, {"week": 9}, MIDNIGHT),
        ({"calendar": ROUND, "caps": {"week": 9}, "absent": (Absence(date(2026, 3, 9), date(2026, 3, 9)),)},
         {"week": 9}, MIDNIGHT + DAY),
        ({"calendar": OFFICE, "caps": {"day": 9}}, {"day": 9}, MONDAY_AT_NINE),
        ({"caps": {"hour": 1}}, {"hour": 1}, EVENING + timedelta(minutes=30)),
    ],
    ids=["absence in a shift", "holiday", "hour", "hour and day", "week", "week, then absent",
         "day, then the shift", "no shifts"],
)  # fmt: skip
def test_what_ends_in_the_middle_of_a_shift_is_waited_for(given, had, until):
    """Sunday 22:30 in Berlin: a shift is on, or none is kept, and something else keeps its only member."""
    person = a_person(ANN, **given)
    zone = person.calendar.zone if person.calendar else ZoneInfo("UTC")
    work = Workload(given={ANN: {start_of(unit, EVENING, zone): number for unit, number in had.items()}})
    pool = replace(QUEUE, members=QUEUE.members[:1], calendar=None)
    assert waiting(decided(routing(person, dach=pool), now=EVENING, work=work)).due_at == until


def test_a_cap_of_nothing_is_not_waited_for():
    never = [a_person(one, caps={"hour": 0}) for one in (ANN, BO)]
    assert decided(routing(*never, dach=QUEUE), now=SATURDAY).fields == {"owner": CY}


def test_who_owns_too_many_open_leads_is_waited_for_until_that_ends():
    """Ann has no place, Bo is off shift: the lead waits for both, and is looked at for each."""
    busy = a_person(ANN, open_leads=2, calendar=ROUND)
    work = Workload(open_leads=Counter({ANN: 2}))
    decision = decided(routing(busy, dach=QUEUE), now=SATURDAY, work=work)
    looks = {(one.kind, one.key): one.due_at for one in decision.effects if isinstance(one, SetTimer)}
    assert looks == {("shift", ""): MONDAY_AT_NINE, ("place", ANN): SATURDAY + 3 * DAY}
    assert f"waits for a place of {ANN}, at most until Tue 12:00 UTC" in reasons(decision)[-1]


def test_a_place_that_never_comes_free_ends_with_the_longest_wait():
    rules = routing(*(a_person(one, open_leads=2) for one in (ANN, BO)), dach=QUEUE)
    work = Workload(open_leads=Counter({ANN: 2, BO: 5}))
    lead = german()
    apply(lead, decided(rules, now=MONDAY, work=work), source="rule", event_id=1, at=MONDAY)
    assert {name[0] for name in lead.timers} == {"place"}
    decision = decided(rules, now=MONDAY + 3 * DAY, work=work, lead=lead)
    assert decision.fields == {"owner": CY, "queued_since": None}
    assert {one.due_at for one in decision.effects if isinstance(one, SetTimer)} == {None}


def test_a_wait_that_was_in_vain_does_not_begin_afresh():
    """Nobody takes the lead at its end, and a person is asked; it is posted again on the next Saturday."""
    nobody = a_person(CY, absent=(Absence(date(2026, 3, 1), date(2026, 4, 1)),))
    rules = routing(nobody, dach=replace(QUEUE, longest_wait=2 * DAY))
    lead = german()
    apply(lead, decided(rules, now=SATURDAY), source="rule", event_id=1, at=SATURDAY)
    away = [a_person(one, absent=(Absence(date(2026, 3, 1), date(2026, 3, 14)),)) for one in (ANN, BO)]
    closed = routing(nobody, *away, dach=replace(QUEUE, longest_wait=2 * DAY))
    for now in (SATURDAY + 2 * DAY, SATURDAY + 7 * DAY):
        decision = decided(closed, now=now, lead=lead)
        apply(lead, decision, source="rule", event_id=2, at=now)
        assert any(isinstance(one, AskReview) for one in decision.effects)
        assert lead.timers == {}


@pytest.mark.parametrize("gives", [{"owner": BO}, {"stage": "nurture"}])
def test_who_has_an_owner_or_is_not_on_the_way_waits_from_its_beginning_next_time(gives):
    lead = german()
    lead.fields |= gives | {"queued_since": "2026-03-01T00:00:00.000000Z"}
    assert decided(routing(dach=QUEUE), now=SATURDAY, lead=lead).fields == {"queued_since": None}


def test_how_many_places_somebody_has_who_owns_a_lead_fewer():
    rules = routing(a_person(ANN, open_leads=3), a_person(BO, open_leads=1), a_person(CY), dach=QUEUE)
    work = Workload(open_leads=Counter({ANN: 3, BO: 3, CY: 1}))
    for who, becomes in ((ANN, "customer"), (ANN, "sal"), (BO, "nurture"), (CY, "customer")):
        work.changed(german(owner=who), a_lead(owner=who, stage=becomes), OPEN)
    assert freed(work, rules) == {ANN: 1}


def test_a_test_lead_does_not_wait():
    assert decided(routing(dach=QUEUE), now=SATURDAY, lead=german(is_test=True)).fields == {"owner": CY}


def test_who_takes_no_such_leads_is_not_waited_for():
    assert OFFICE.zone == BERLIN
    nobody = replace(QUEUE, members=tuple(replace(one, takes=NEVER) for one in QUEUE.members))
    decision = decided(routing(dach=nobody), now=SATURDAY)
    assert decision.fields == {"owner": CY}
    assert any("nobody comes free" in text for text in reasons(decision))


def test_of_many_who_begin_together_three_are_named_and_the_reason_fits_its_column():
    crowd = [f"{'a' * 40}{n}@example.com" for n in range(5)]
    pool = replace(a_pool("dach", *crowd), calendar=OFFICE, if_nobody="queue_until_shift")
    decision = decided(routing(dach=pool), now=SATURDAY)
    assert f"{crowd[2]} and 2 more until Mon 09:00 Europe/Berlin" in reasons(decision)[-1]
    lead = german()
    apply(lead, decision, source="rule", event_id=1, at=SATURDAY)
    [timer] = lead.timers.values()
    assert len(timer.why) <= LONGEST_WHY
