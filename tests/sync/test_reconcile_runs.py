"""Runs of a comparison: samples, troubles, processes that die or meet, nights, orders to mend, the brake."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest
import sqlalchemy as sa

from model.errors import Conflict
from model.times import to_text
from sync import forget, tables
from sync.reconciling import books, mends, sampling
from sync.reconciling.mends import Braked, Mends
from sync.reconciling.nightly import Nightly
from sync.reconciling.runs import Asked, Found
from tests.sync.house import HUBSPOT, House, a_house
from tests.sync.reconciled import a_reconciler, begin, compare, finish, found, mirrored, order
from tests.sync.stores import rows
from tests.sync.test_following import ADA, known

DAY = 86_400


@pytest.fixture
def house(store) -> House:
    return a_house(store)


def people(house: House, count: int) -> None:
    for number in range(count):
        house.post(email=f"person{number:03}@example.com", title="CTO")
    house.settle()
    mirrored(house)


def spoil(house: House) -> None:
    """Let every record hold another title than the one both agreed on."""
    for kept in house.crms[HUBSPOT].records.values():
        kept.fields["title"] = "CEO"


def calls(house: House, since: int) -> list[str]:
    return [name for name, _ in house.crms[HUBSPOT].calls[since:]]


# Samples


def test_a_sample_takes_a_count_an_object_and_only_the_reads_it_needs(house):
    people(house, 130)
    before = len(house.crms[HUBSPOT].calls)
    run = compare(house, sample=30)
    assert calls(house, before) == ["count", "count", "read"]
    assert run.looked == 30


def test_all_is_read_in_full_batches_and_listed_once(house):
    people(house, 130)
    before = len(house.crms[HUBSPOT].calls)
    run = compare(house)
    made = calls(house, before)
    assert (made.count("count"), made.count("read"), run.looked) == (2, 2, 130)
    assert made.count("list") == 13 + 1  # ten a page here, and one of companies


def test_the_same_seed_draws_the_same_sample_with_what_changed_last_in_it(house):
    people(house, 40)
    house.clock.advance(60)
    last = known(house, ADA)[HUBSPOT]
    with house.store.snapshot() as snapshot:
        first, again, other = (
            sampling.choose(snapshot, "main", HUBSPOT, 12, seed) for seed in ("a", "a", "b")
        )
    assert first == again != other
    assert len(first) == 12
    assert all(("links", "contacts", last) in one for one in (first, other))


def test_one_object_alone_is_counted_read_and_listed(house):
    people(house, 3)
    before = len(house.crms[HUBSPOT].calls)
    run = compare(house, object="companies")
    assert calls(house, before) == ["count", "list"]
    assert run.looked == 0


# Troubles


def test_what_a_crm_puts_off_is_noted_and_done_later(house):
    people(house, 3)
    house.crms[HUBSPOT].next("count", refused="busy", wait=30.0)
    begin(house)
    step = a_reconciler(house).step()
    assert step is not None
    assert (step.problem, step.wait) == ("busy", 30.0)
    run = finish(house)
    assert (run.state, run.problem, run.looked) == ("done", None, 3)


def test_a_token_that_is_refused_ends_the_run_with_the_reason(house):
    people(house, 3)
    house.crms[HUBSPOT].next("count", unauthorized=True)
    run = compare(house)
    assert (run.state, run.problem) == ("failed", "hubspot: the token has expired")


def test_a_crm_that_never_answers_ends_the_run_after_two_hours(house):
    people(house, 3)
    for _ in range(100):
        house.crms[HUBSPOT].next("count", refused="busy")
    began = house.clock.now()
    run = compare(house)
    assert run.state == "failed"
    assert house.clock.now() - began < timedelta(hours=3)


def test_a_run_goes_on_behind_the_last_page_that_was_stored(house):
    people(house, 130)
    begin(house)
    steps = 0
    while (step := a_reconciler(house).step()) is not None:
        steps += 1
        if steps == 3:
            before = len(house.crms[HUBSPOT].calls)
            house.crms[HUBSPOT].next("read", refused="busy", wait=1.0)  # as if it had died there
        house.clock.advance(step.wait)
    assert calls(house, before).count("read") <= 2 + 1
    [run] = rows(house.store, tables.reconciles)
    assert (run["state"], run["looked"]) == ("done", 130)


def test_of_two_processes_one_moves_a_run_on(house, opened):
    people(house, 3)
    run = begin(house)
    a_reconciler(house, store=opened()).step()
    with pytest.raises(Conflict):
        house.store.write(
            partial(books.move, space="main", before=run, now=run, found=Found(), at=house.clock.now())
        )
    assert finish(house).looked == 3


def test_a_lead_that_changes_while_it_is_read_is_left_for_the_next_run(house):
    people(house, 3)
    spoil(house)

    def meanwhile() -> None:
        house.post(email="person000@example.com", title="Chair")
        house.decide()

    house.crms[HUBSPOT].next("read", before=meanwhile)
    run = compare(house)
    assert (run.looked, run.moving, run.found) == (3, 1, 2)


def test_a_second_wish_for_a_run_is_the_one_under_way(house):
    assert begin(house).id == begin(house, sample=5).id


def test_what_old_runs_found_is_removed_and_their_figures_stay(house):
    people(house, 1)
    spoil(house)
    for _ in range(books.LISTED_RUNS + 2):
        compare(house)
    kept = {row["run"] for row in rows(house.store, tables.differences)}
    assert len(kept) == books.LISTED_RUNS
    assert len(rows(house.store, tables.reconciles)) == books.LISTED_RUNS + 2


# Nights


def a_night(house: House) -> Nightly:
    return Nightly(house.store, house.clock, lambda: house.playbook, lambda: [HUBSPOT])


def until(house: House, hour: int, minute: int = 0) -> None:
    """Let it become this time of day."""
    now = house.clock.now()
    at = now.replace(hour=hour, minute=minute, second=0, microsecond=0)
    house.clock.advance(((at - now).total_seconds()) % DAY)


def test_each_night_has_one_run_of_the_maps_sample(house):
    people(house, 30)
    until(house, 2, 20)
    assert a_night(house).run() == []
    until(house, 2, 30)
    assert a_night(house).run() == [HUBSPOT]
    run = finish(house)
    assert (run.asked.nightly, run.asked.sample, run.by) == (True, 200, "the night")
    assert a_night(house).run() == []
    house.clock.advance(DAY)
    assert a_night(house).run() == [HUBSPOT]


def test_an_account_that_was_connected_after_the_hour_waits_for_its_first_night(house):
    until(house, 3)
    assert a_night(house).run() == []
    mirrored(house)
    assert a_night(house).run() == []
    house.clock.advance(DAY)
    assert a_night(house).run() == [HUBSPOT]


def test_a_night_that_was_slept_through_is_made_up_in_the_morning_and_not_in_the_afternoon(house):
    mirrored(house)
    until(house, 8, 29)
    assert a_night(house).run() == [HUBSPOT]
    finish(house)
    house.clock.advance(2 * 60 + DAY)
    assert a_night(house).run() == []


def test_a_map_that_takes_no_sample_has_no_nights(house):
    mirrored(house)
    crm = house.playbook.crms[HUBSPOT]
    rules = replace(crm.reconcile, sample=0)
    house.playbook = replace(
        house.playbook, crms={**house.playbook.crms, HUBSPOT: replace(crm, reconcile=rules)}
    )
    until(house, 2, 30)
    assert a_night(house).run() == []


def test_a_run_that_somebody_asked_for_does_not_stand_for_the_night(house):
    mirrored(house)
    until(house, 2, 30)
    compare(house)
    assert a_night(house).run() == [HUBSPOT]


# Orders


def test_more_than_the_brake_lets_through_is_mended_only_when_the_number_is_said(house):
    people(house, 101)
    spoil(house)
    run = compare(house)
    with pytest.raises(Braked, match="101"):
        order(house, run)
    assert rows(house.store, tables.mends) == []
    assert order(house, run, at_most=101) == 101


def test_an_order_is_handed_in_once_however_often_it_is_given(house):
    people(house, 3)
    spoil(house)
    run = compare(house)
    assert [order(house, run), order(house, run)] == [3, 3]
    while Mends(house.store, house.clock).step():
        pass
    assert order(house, run) == 0
    events = [row for row in rows(house.store, tables.inbox_events) if row["event_id"].startswith("mend-")]
    assert len(events) == 3


def test_only_the_last_run_is_mended(house):
    people(house, 3)
    spoil(house)
    first = compare(house)
    compare(house)
    with pytest.raises(mends.LeadRelayError, match="not the last one"):
        order(house, first)


def test_a_mended_difference_says_who_asked_and_when(house):
    people(house, 1)
    spoil(house)
    run = compare(house)
    order(house, run)
    Mends(house.store, house.clock).step()
    [row] = rows(house.store, tables.differences)
    assert (row["mended_by"], row["mended_at"]) == ("olga", house.clock.now())
    assert [one.kind for one in found(house, run, mendable=True)] == []


def test_few_are_handed_in_while_many_still_wait(house, monkeypatch):
    monkeypatch.setattr(mends, "AHEAD", 2)
    monkeypatch.setattr(mends, "CHUNK", 2)
    people(house, 6)
    spoil(house)
    run = compare(house)
    order(house, run)
    steps = 0
    while Mends(house.store, house.clock).step():
        steps += 1
        house.decide()
    assert len(rows(house.store, tables.outbox_fetches)) == 2
    house.settle()
    assert Mends(house.store, house.clock).step()


def test_a_run_keeps_what_it_was_asked_and_when_it_began(house):
    run = begin(house, sample=7)
    assert run.asked == Asked(7, seed=to_text(house.clock.now()))


def test_a_forgotten_lead_leaves_no_values_behind(house):
    people(house, 1)
    spoil(house)
    compare(house)
    with house.store.snapshot() as snapshot:
        [lead_id] = snapshot.execute(sa.select(tables.leads.c.id)).scalars()
    house.store.write(lambda connection: forget.remove_test_leads(connection, [lead_id]))
    assert rows(house.store, tables.differences) == []


def test_the_last_comparison_of_all_objects_is_the_one_that_alarms_look_at(house):
    people(house, 2)
    spoil(house)
    whole = compare(house)
    compare(house, object="companies")
    begin(house)
    with house.store.snapshot() as snapshot:
        assert {name: run.id for name, run in books.last(snapshot, "main").items()} == {HUBSPOT: whole.id}


def test_shares_are_of_what_was_looked_at(house):
    people(house, 4)
    [first, *_] = house.crms[HUBSPOT].records.values()
    first.fields |= {"title": "CEO", "company": "Acme"}  # two differences of one record
    house.clock.advance(2 * 3_600)
    run = compare(house)
    assert (run.found, run.shares) == (2, {"links": 0.25, "missing": 0.0, "counts": 0.0})
