"""The recycle bin: what was deleted is told of those who are linked, once, wherever the walk broke off."""

from __future__ import annotations

import threading

import pytest

from model.event import RecordRef
from scheduler.following import FollowLoop
from sync import mirror, tables
from sync.cursors import ARCHIVED
from sync.fetches import Wish, raise_wanted
from tests.sync.crashing import Crash, CrashingStore
from tests.sync.followed import ADA, BO, a_bin, a_fetcher, a_poll, asked, cursor, known, look, told
from tests.sync.house import HUBSPOT, SALESFORCE, House, a_house
from tests.sync.reconciled import mirrored
from tests.sync.stores import rows

HOUR = 3600


@pytest.fixture
def house(store) -> House:
    return a_house(store)


def look_through(recycled, seconds: float = 0.0) -> int:
    """Let some time pass, then look until nothing is due; return how many records were told."""
    recycled.clock.advance(seconds)
    told_of = 0
    for _ in range(50):
        step = recycled.step()
        if step is None:
            return told_of
        told_of += step.records
    raise AssertionError("the walk does not come to its end")


def pages(house: House) -> list[str]:
    return asked(house, "contacts", call="archived")


def bin_of(house: House):
    return cursor(house, job=ARCHIVED)


def test_a_deleted_record_that_is_linked_is_told_once_and_nobodys_is_not(house):
    ids = known(house, title="Intern")
    crm = house.crms[HUBSPOT]
    crm.archive(crm.put("contacts", email=BO))
    crm.archive(ids[HUBSPOT])
    recycled = a_bin(house)
    assert look_through(recycled) == 1
    house.decide()
    assert told(house) == [ids[HUBSPOT]]
    lead = house.lead(ADA)
    assert lead.links[HUBSPOT].gone_at is not None
    assert lead.fields["title"] == "Intern"  # nothing was read of it
    assert look_through(recycled, HOUR) == 0
    assert told(house) == [ids[HUBSPOT]]


def test_nobodys_deleted_record_matches_nobody_any_more_unless_it_was_read_since(house):
    crm = house.crms[HUBSPOT]
    gone, restored = crm.put("contacts", email=ADA), crm.put("contacts", email=BO)
    mirrored(house)
    for one in (gone, restored):
        crm.archive(one)
    recycled = a_bin(house)
    listing = crm.archived_page

    def restored_meanwhile(*asked):
        page = listing(*asked)
        house.clock.advance(1)
        crm.records[restored].archived = False
        crm.touch(restored)
        mirrored(house)
        return page

    crm.archived_page = restored_meanwhile
    assert look_through(recycled) == 0
    with house.store.snapshot() as snapshot:
        kept = mirror.read(
            snapshot, "main", [RecordRef(HUBSPOT, "contacts", one) for one in (gone, restored)]
        )
    assert {ref.id: one.record.archived for ref, one in kept.items()} == {gone: True, restored: False}


def test_one_that_was_restored_and_deleted_again_is_told_again(house):
    ids = known(house, title="Intern")
    crm, recycled, poll = house.crms[HUBSPOT], a_bin(house), a_poll(house)
    look(poll)
    crm.archive(ids[HUBSPOT])
    look_through(recycled)
    house.decide()
    crm.records[ids[HUBSPOT]].archived = False
    house.clock.advance(60)
    crm.edit(ids[HUBSPOT], title="CTO")
    look(poll)
    house.decide()
    assert house.lead(ADA).links[HUBSPOT].gone_at is None
    crm.archive(ids[HUBSPOT])
    assert look_through(recycled, HOUR) == 1
    house.decide()
    assert house.lead(ADA).links[HUBSPOT].gone_at is not None


def test_records_merged_into_one_that_was_deleted_before_anybody_heard_of_it_are_read(house):
    ids = known(house)
    crm = house.crms[HUBSPOT]
    new = crm.put("contacts", **crm.records.pop(ids[HUBSPOT]).fields)
    crm.merged[ids[HUBSPOT]] = new
    crm.archive(new)
    assert look_through(a_bin(house)) == 0
    crm.merged.clear()  # what leads nowhere is not there
    house.settle()
    assert house.lead(ADA).links[HUBSPOT].gone_at is not None
    assert look_through(a_bin(house), HOUR) == 0
    assert rows(house.store, tables.outbox_fetches) == []


def test_a_vendor_whose_changes_tell_of_deleted_records_has_nothing_in_the_bin(house):
    ids = known(house)
    house.crms[SALESFORCE].archive(ids[SALESFORCE])
    assert look_through(a_bin(house, SALESFORCE)) == 0
    assert look(a_poll(house, SALESFORCE)) == 1
    assert told(house) == [ids[SALESFORCE]]


def test_it_is_looked_through_again_after_an_hour_from_the_beginning(house):
    recycled = a_bin(house)
    crm = house.crms[HUBSPOT]
    for number in range(15):
        crm.archive(crm.put("contacts", email=f"p{number}@example.com"))
    look_through(recycled)
    assert pages(house) == ["", "h10"]
    assert not bin_of(house).is_walking
    assert recycled.step() is None
    look_through(recycled, HOUR - 1)
    assert pages(house) == ["", "h10"]
    look_through(recycled, 1)
    assert pages(house) == ["", "h10"] * 2


def test_after_a_break_it_goes_on_behind_the_last_page(house):
    ids = known(house)
    crm = house.crms[HUBSPOT]
    for number in range(15):
        crm.archive(crm.put("contacts", email=f"p{number}@example.com"))
    crm.archive(ids[HUBSPOT])  # the first of the first page
    first = a_bin(house).step()
    assert (first.records, bin_of(house).is_walking) == (1, True)
    assert look_through(a_bin(house)) == 0  # another process
    assert pages(house) == ["", "h10"]
    assert told(house) == [ids[HUBSPOT]]


@pytest.mark.parametrize("after", [False, True])
def test_killed_at_the_end_of_a_page_a_deletion_is_neither_missed_nor_told_twice(house, after):
    ids = known(house)
    house.crms[HUBSPOT].archive(ids[HUBSPOT])
    crashing = CrashingStore(house.store)
    recycled = a_bin(house)
    recycled.store = crashing
    crashing.crash(2, after=after)  # the first begins the walk
    with pytest.raises(Crash):
        recycled.step()
    assert told(house) == ([ids[HUBSPOT]] if after else [])
    house.decide()
    look_through(a_bin(house))
    assert told(house) == [ids[HUBSPOT]]


def test_where_another_process_looks_this_one_tells_nothing_and_comes_back_later(house):
    ids = known(house)
    crm = house.crms[HUBSPOT]
    crm.archive(ids[HUBSPOT])
    recycled = a_bin(house)
    crm.next("archived", before=lambda: look_through(a_bin(house)))
    house_step = recycled.step()
    assert (house_step.records, told(house)) == (0, [ids[HUBSPOT]])
    house.decide()
    look_through(recycled)
    made = len(pages(house))
    look_through(recycled, HOUR - 1)
    assert len(pages(house)) == made
    look_through(recycled, 1)
    assert len(pages(house)) == made + 1


def test_a_page_that_fails_waits_and_other_objects_go_on(house):
    recycled, crm = a_bin(house), house.crms[HUBSPOT]
    crm.next("archived", refused="503")
    failed = recycled.step()
    assert (failed.object, failed.wait, failed.problem) == ("contacts", 2.0, "503")
    assert recycled.step().object == "companies"
    assert recycled.step() is None
    house.clock.advance(2)
    assert recycled.step().object == "contacts"


def broken() -> None:
    raise KeyError("results")


@pytest.mark.parametrize(
    ("trouble", "wait", "problem"),
    [
        ({"refused": "429", "wait": 33.0}, 33.0, "429"),
        ({"unauthorized": True}, 60.0, "hubspot: the token has expired"),
        ({"before": broken}, 2.0, "an unexpected failure (KeyError)"),
    ],
)
def test_whatever_fails_is_tried_again_when_its_time_has_come(house, trouble, wait, problem):
    recycled = a_bin(house)
    house.crms[HUBSPOT].next("archived", **trouble)
    failed = recycled.step()
    assert (failed.wait, str(failed.problem).partition("; the log")[0]) == (wait, problem)
    look_through(recycled)
    assert len(pages(house)) == 1
    assert str(bin_of(house).problem).partition("; the log")[0] == problem
    look_through(recycled, wait)
    assert len(pages(house)) == 2
    assert bin_of(house).problem is None


def test_a_problem_that_lasts_is_noted_once(house):
    crm, recycled = house.crms[HUBSPOT], a_bin(house)
    crm.next("archived", refused="503", wait=60.0)
    recycled.step()
    noted = bin_of(house)
    house.clock.advance(60)
    crm.next("archived", refused="503", wait=60.0)
    recycled.step()
    assert (bin_of(house).problem, bin_of(house).moved_at) == ("503", noted.moved_at)


# The thread that follows a connection


def a_follower(house: House) -> FollowLoop:
    nudge = threading.Event()
    nudge.set()  # no step waits
    return FollowLoop(a_fetcher(house), [a_poll(house)], [a_bin(house)], nudge)


def test_what_is_wanted_is_read_first_then_what_has_changed_then_the_bin(house):
    ids = known(house)
    crm = house.crms[HUBSPOT]
    crm.calls.clear()
    wishes = [Wish(HUBSPOT, "contacts", ids[HUBSPOT])]
    house.store.write(lambda connection: raise_wanted(connection, "main", wishes, house.clock.now()))
    follower = a_follower(house)
    for _ in range(8):
        assert follower._step() == 1
    made = [name for name, _ in crm.calls]
    assert made == ["read", *["changes"] * 4, "archived", "archived"]  # a position and a look of each object


def test_while_a_poll_waits_for_a_crm_that_is_away_what_is_wanted_is_still_read(house):
    [there] = [house.crms[HUBSPOT].put("contacts", email=ADA)]
    crm, follower = house.crms[HUBSPOT], a_follower(house)
    crm.next("changes", refused="503", wait=600.0)
    follower._step()
    wishes = [Wish(HUBSPOT, "contacts", there)]
    house.store.write(lambda connection: raise_wanted(connection, "main", wishes, house.clock.now()))
    follower._step()
    assert told(house) == [there]
    assert rows(house.store, tables.outbox_fetches) == []


def test_a_thread_is_started_and_stopped(house):
    looked = threading.Event()
    house.crms[HUBSPOT].next("changes", before=looked.set)
    follower = FollowLoop(a_fetcher(house), [a_poll(house)], [a_bin(house)], threading.Event())
    follower.start()
    assert looked.wait(10)
    follower.stop()
    assert not follower.loop.is_alive
