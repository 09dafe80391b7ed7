"""A lead waits for somebody's shift to begin: whom for, until when, and what ends it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from handlers.apply import apply
from mappings.playbook import Absence
from model.decision import AskReview, Assigned, SetTimer
from model.timer import LONGEST_WHY, Timer
from tests.builders import a_lead, a_pool, field_is, reasons
from tests.handlers.test_eligible import ANN, BERLIN, BO, CY, OFFICE, SATURDAY, a_person, decided, routing

NEVER = field_is("country", "FR")
MONDAY_AT_NINE = datetime(2026, 3, 9, 8, 0, tzinfo=UTC)
DAY = timedelta(days=1)
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
    assert timer.why == f"the shift of {ANN}, {BO} in pool dach, Mon 09:00 Europe/Berlin"
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
    full = [a_person(one, caps={"day": 0}) for one in (ANN, BO)]
    rules = routing(*full, dach=QUEUE)
    since = MONDAY_AT_NINE - 2.5 * DAY
    lead = german(timers={("shift", ""): Timer("shift", "", MONDAY_AT_NINE, since, "")})
    decision = decided(rules, now=MONDAY_AT_NINE, lead=lead)
    assert decision.fields == {"owner": CY}
    assert waiting(decision).due_at is None
    again = german(timers={("shift", ""): Timer("shift", "", MONDAY_AT_NINE, MONDAY_AT_NINE - DAY, "")})
    assert waiting(decided(rules, now=MONDAY_AT_NINE, lead=again)).due_at == MONDAY_AT_NINE + DAY


def test_where_the_fallback_cannot_either_a_person_is_asked():
    never = a_person(CY, absent=(Absence(date(2026, 3, 1), date(2026, 4, 1)),))
    decision = decided(routing(never, dach=replace(QUEUE, longest_wait=DAY)), now=SATURDAY)
    assert any(isinstance(one, AskReview) for one in decision.effects)


def test_who_gets_an_owner_otherwise_waits_no_more():
    lead = german(owner=BO, timers={("shift", ""): Timer("shift", "", MONDAY_AT_NINE, SATURDAY, "")})
    assert waiting(decided(routing(dach=QUEUE), now=SATURDAY, lead=lead)).due_at is None


def test_a_test_lead_does_not_wait():
    assert decided(routing(dach=QUEUE), now=SATURDAY, lead=german(is_test=True)).fields == {"owner": CY}


def test_who_takes_no_such_leads_is_not_waited_for():
    assert OFFICE.zone == BERLIN
    nobody = replace(QUEUE, members=tuple(replace(one, takes=NEVER) for one in QUEUE.members))
    decision = decided(routing(dach=nobody), now=SATURDAY)
    assert decision.fields == {"owner": CY}
    assert any("no shift begins" in text for text in reasons(decision))


def test_of_many_who_begin_together_three_are_named_and_the_reason_fits_its_column():
    crowd = [f"{'a' * 40}{n}@example.com" for n in range(5)]
    pool = replace(a_pool("dach", *crowd), calendar=OFFICE, if_nobody="queue_until_shift")
    decision = decided(routing(dach=pool), now=SATURDAY)
    assert f"{crowd[2]} and 2 more until Mon 09:00 Europe/Berlin" in reasons(decision)[-1]
    lead = german()
    apply(lead, decision, source="rule", event_id=1, at=SATURDAY)
    [timer] = lead.timers.values()
    assert len(timer.why) <= LONGEST_WHY
