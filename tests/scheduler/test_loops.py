"""The loops: woken by a commit, stopped without losing anything, and one decider at a time."""

from __future__ import annotations

import threading
import time

import pytest

from model.errors import StoreBusy
from scheduler import loops
from scheduler.loops import DeciderSeat, Dispatcher, Loop
from sync import leases, tables
from sync.deciding.decider import TERM, Decider
from sync.leases import Lease
from tests.sync.house import HUBSPOT, House, a_house
from tests.sync.stores import count, rows
from tests.waiting import eventually

ADA = "ada@example.com"


@pytest.fixture(autouse=True)
def long_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a loop that is not woken sleep for long, so that no test passes by waiting."""
    monkeypatch.setattr(loops, "IDLE_WAIT", 30.0)
    monkeypatch.setattr(loops, "FAULT_WAIT", 0.01)


# Loop ------------------------------------------------------------------------------------


def test_a_loop_goes_on_while_there_is_work_then_sleeps_until_it_is_nudged():
    nudge, steps, left = threading.Event(), [], [1, 1, 0, 1, 0]
    loop = Loop("x", lambda: steps.append(1) or left.pop(0), nudge)
    loop.start()
    eventually(lambda: len(steps) == 3)
    time.sleep(0.05)
    assert len(steps) == 3
    nudge.set()
    eventually(lambda: len(steps) == 5)
    loop.stop(5)
    assert not loop.is_alive


def test_a_drain_is_over_when_a_step_that_began_after_it_found_nothing():
    nudge, gate, left = threading.Event(), threading.Event(), [0, 1, 1, 0]
    loop = Loop("x", lambda: gate.wait(5) and left.pop(0), nudge)
    loop.start()
    gate.set()
    eventually(lambda: left == [1, 1, 0])
    assert loop.drain(5)
    assert left == []
    loop.stop(5)


def test_a_drain_waits_no_longer_than_it_is_asked_to_nor_past_the_end():
    gate, nudge = threading.Event(), threading.Event()
    loop = Loop("x", lambda: 0 if gate.wait(5) else 1, nudge)
    loop.start()
    assert not loop.drain(0.05), "the step under way takes long"
    waiting = threading.Thread(target=loop.drain, args=(30,))
    waiting.start()
    loop.wind_down()
    waiting.join(5)
    assert not waiting.is_alive()
    gate.set()
    loop.stop(5)


def test_a_nudge_during_a_step_is_not_lost():
    nudge, steps = threading.Event(), []

    def step() -> int:
        steps.append(1)
        if len(steps) == 1:
            nudge.set()  # a commit while we looked and found nothing
        return 0

    loop = Loop("x", step, nudge)
    loop.start()
    eventually(lambda: len(steps) == 2)
    loop.stop(5)


@pytest.mark.parametrize(
    ("error", "shown"),
    [
        (StoreBusy("disk full"), "disk full"),
        (RuntimeError("a bug"), "an unexpected failure (RuntimeError); the log has it as fault "),
    ],
)
def test_a_loop_survives_failures_shows_them_and_forgets_them_once_it_works(error, shown):
    nudge, fails = threading.Event(), [True]

    def step() -> int:
        if fails[0]:
            nudge.set()
            raise error
        return 0

    loop = Loop("x", step, nudge)
    loop.start()
    eventually(lambda: loop.failure)
    assert shown in str(loop.failure)
    assert shown == str(error) or str(error) not in str(loop.failure)
    fails[0] = False
    nudge.set()
    eventually(lambda: loop.failure is None)
    assert loop.is_alive
    loop.stop(5)
    assert not loop.is_alive


def test_what_a_loop_fails_with_is_shown_without_people():
    def step() -> int:
        raise StoreBusy("Key (email)=(ada@example.com) is there, says 'ada@example.com' of ada@example.com")

    loop = Loop("x", step, threading.Event())
    loop.start()
    eventually(lambda: loop.failure)
    assert "Key (email)" in str(loop.failure)
    assert "ada@example.com" not in str(loop.failure)
    loop.stop(5)


def test_a_pause_ends_when_the_loop_is_stopped():
    loop = Loop("x", lambda: loop.pause(60) or 1, threading.Event())
    loop.start()
    began = time.monotonic()
    loop.stop(5)
    assert time.monotonic() - began < 5
    assert not loop.is_alive


# Dispatcher ------------------------------------------------------------------------------


def a_dispatcher(house: House, lanes: int = 2) -> Dispatcher:
    nudge = house.store.signals.event(f"outbox:{HUBSPOT}")
    return Dispatcher(house.targets[HUBSPOT], nudge, lanes=lanes)


def links(store) -> int:
    return sum(row["connection"] == HUBSPOT for row in rows(store, tables.links))


def test_a_decision_wakes_delivery(store):
    house = a_house(store)
    dispatcher = a_dispatcher(house)
    dispatcher.start()
    time.sleep(0.05)  # it has looked and sleeps
    house.post(email=ADA)
    house.decide()
    eventually(lambda: links(store) == 1)
    dispatcher.stop()


def test_rows_are_claimed_only_when_a_lane_is_free(store):
    house = a_house(store)
    fake = house.crms[HUBSPOT]
    fake.batch_size = 2
    go = threading.Event()
    for _ in range(3):
        fake.next("create", before=lambda: go.wait(10))
    for n in range(10):
        house.post(email=f"p{n}@example.com")
    house.decide()
    dispatcher = a_dispatcher(house, lanes=2)
    dispatcher.start()
    eventually(lambda: fake.called("create") == 2)
    time.sleep(0.05)
    leased = [row for row in rows(store, tables.outbox_changes) if row["lease_token"]]
    assert (fake.called("create"), len(leased)) == (2, 4)
    go.set()
    eventually(lambda: links(store) == 10)
    dispatcher.stop()
    assert fake.called("create") == 5


def test_while_the_budget_allows_no_call_nothing_is_claimed(store):
    house = a_house(store)
    waits = [0.02, 0.01]
    house.targets[HUBSPOT].ready_in = lambda _: waits.pop(0) if waits else 0.0
    house.post(email=ADA)
    house.decide()
    dispatcher = a_dispatcher(house)
    assert dispatcher._step() == 1
    assert house.crms[HUBSPOT].calls[-1][0] == "owners"
    assert [row["attempts"] for row in rows(store, tables.outbox_changes)] == [0, 0]
    assert dispatcher._step() == 1
    assert dispatcher._step() == 1
    eventually(lambda: links(store) == 1)
    dispatcher._pool.shutdown()


def test_stop_lets_the_calls_in_flight_settle(store):
    house = a_house(store)
    fake = house.crms[HUBSPOT]
    called, go = threading.Event(), threading.Event()
    fake.next("create", before=lambda: called.set() or go.wait(10))
    house.post(email=ADA)
    house.decide()
    dispatcher = a_dispatcher(house)
    dispatcher.start()
    assert called.wait(5)
    stopping = threading.Thread(target=dispatcher.stop)
    stopping.start()
    time.sleep(0.02)
    house.post(email="late@example.com")
    house.decide()
    go.set()
    stopping.join(10)
    ends = {
        row["entity_id"]: row["done"]
        for row in rows(store, tables.outbox_changes)
        if row["connection"] == HUBSPOT
    }
    assert ends == {house.lead_id(ADA): 1, house.lead_id("late@example.com"): 0}
    assert all(row["lease_token"] is None for row in rows(store, tables.outbox_changes))


def test_a_settlement_that_fails_frees_its_lane(store, monkeypatch):
    house = a_house(store)

    def broken(*_args) -> None:
        raise StoreBusy("disk full")

    monkeypatch.setattr(loops, "finish", broken)
    house.post(email=ADA)
    house.decide()
    dispatcher = a_dispatcher(house, lanes=1)
    assert dispatcher._step() == 1
    eventually(lambda: dispatcher._lanes.acquire(blocking=False))
    dispatcher._pool.shutdown()


# DeciderSeat -----------------------------------------------------------------------------


def a_seat(house: House, holder: str, *, alone: bool = False) -> DeciderSeat:
    def build(lease: Lease) -> Decider:
        return Decider(house.store, house.clock, lease, house.pipeline)

    return DeciderSeat(house.store, house.clock, holder, build, alone=alone)


def an_empty_house(store) -> House:
    """Return a house whose own decider has given up the lease."""
    house = a_house(store)
    leases.release(store, house.decider.lease)
    return house


def test_a_seat_stands_by_and_takes_over_when_the_term_is_over(store):
    house = an_empty_house(store)
    first, second = a_seat(house, "a"), a_seat(house, "b")
    house.post(email=ADA)
    assert first._step() == 1
    assert second._step() == 0
    assert (first.is_seated, second.is_seated) == (True, False)
    house.clock.advance(TERM.total_seconds() + 1)
    house.post(email="bob@example.com")
    assert second._step() == 1
    house.post(email="cy@example.com")
    assert first._step() == 0  # its save was fenced off
    assert not first.is_seated
    assert second._step() == 1
    assert count(store, tables.leads) == 3


def test_renewing_keeps_the_seat_through_quiet_times(store):
    house = an_empty_house(store)
    first, second = a_seat(house, "a"), a_seat(house, "b")
    first._step()
    for _ in range(5):
        house.clock.advance(TERM.total_seconds() - 1)
        first.renew()
        second.renew()  # has nothing to renew
        assert second._step() == 0
    assert (first.is_seated, second.is_seated) == (True, False)


def test_one_who_finds_its_lease_gone_when_renewing_steps_down(store):
    house = an_empty_house(store)
    first, second = a_seat(house, "a"), a_seat(house, "b")
    first._step()
    house.clock.advance(TERM.total_seconds() + 1)
    second._step()
    first.renew()
    assert (first.is_seated, second.is_seated) == (False, True)


def test_a_seat_given_up_is_taken_at_once(store):
    house = an_empty_house(store)
    first, second = a_seat(house, "a"), a_seat(house, "b")
    first._step()
    first.release()
    first.release()
    second._step()
    assert (first.is_seated, second.is_seated) == (False, True)


def test_one_who_is_alone_does_not_wait_for_a_dead_processs_term(store):
    house = a_house(store)  # its decider holds the lease and is never heard of again
    seat = a_seat(house, "b", alone=True)
    house.post(email=ADA)
    assert seat._step() == 1


def test_a_post_wakes_the_decider_and_its_end_the_delivery(store):
    house = an_empty_house(store)
    seat, dispatcher = a_seat(house, "a"), a_dispatcher(house)
    seat.loop.start()
    dispatcher.start()
    eventually(lambda: seat.is_seated)
    time.sleep(0.05)
    house.post(email=ADA)
    eventually(lambda: links(store) == 1)
    eventually(
        lambda: {row["state"] for row in rows(store, tables.inbox_events)} == {"new", "done"}
    )  # the delivered event too
    dispatcher.stop()
    seat.loop.stop(5)
    seat.release()
    assert rows(store, tables.leases)[0]["holder"] == ""


def test_a_loop_that_winds_down_begins_no_other_step():
    began, go_on, steps = threading.Event(), threading.Event(), []

    def step() -> int:
        steps.append(1)
        began.set()
        go_on.wait(5)
        return 1

    loop = Loop("x", step, threading.Event())
    loop.start()
    assert began.wait(5)
    loop.wind_down()
    go_on.set()
    loop.stop()
    assert len(steps) == 1
    assert not loop.is_alive
