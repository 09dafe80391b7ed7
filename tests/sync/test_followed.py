"""How well changes are followed, as it is told: read to the end, failed, waiting to be read by id."""

from __future__ import annotations

from datetime import timedelta

import pytest

from sync import fetches, followed
from sync.fetches import Wish
from sync.followed import Followed
from sync.reading.polling import Poll
from sync.reading.recycling import RecycleBin
from tests.sync.clock import FakeClock
from tests.sync.fake_crm import FakeCrm
from tests.sync.house import HUBSPOT, a_house, house_playbook

OBJECTS = ("contacts", "companies")


@pytest.fixture
def crm() -> FakeCrm:
    return FakeCrm(HUBSPOT, FakeClock())


@pytest.fixture
def poll(store) -> Poll:
    """Of a house whose owners are known: nothing is followed to the end before."""
    house = a_house(store)
    return Poll(house.crms[HUBSPOT], store, house.clock, lambda: house.playbook)


def look(store) -> dict[str, Followed]:
    with store.snapshot() as snapshot:
        return followed.read(snapshot, "main")


def to_the_end(poll: Poll) -> None:
    for _ in range(20):
        if poll.step().wait:
            return
    raise AssertionError("the walk does not end")


def test_nothing_was_looked_at_yet(store):
    assert look(store) == {}


def test_each_object_says_when_it_was_read_to_the_end(store, poll):
    crm, began = poll.connector, poll.clock.now()
    poll.step()
    first = look(store)[HUBSPOT].objects["contacts"]
    assert (first.begun_at, first.read_at, first.problem) == (began, None, None)
    crm.clock.advance(5)
    to_the_end(poll)
    found = look(store)[HUBSPOT]
    assert set(found.objects) == set(OBJECTS)
    assert {one.read_at for one in found.objects.values()} == {crm.clock.now()}
    assert (found.to_read, found.to_read_since) == (0, None)


def test_a_look_that_fails_is_told_until_one_succeeds(store, poll):
    crm = poll.connector
    to_the_end(poll)
    read_at = crm.clock.now()
    crm.clock.advance(60)
    crm.next("changes", unauthorized=True)
    poll.step()
    failing = look(store)[HUBSPOT].objects["contacts"]
    assert (failing.read_at, failing.problem) == (read_at, f"{HUBSPOT}: the token has expired")
    crm.clock.advance(1800)
    assert failing.late_by(crm.clock.now()) == timedelta(seconds=1860)
    to_the_end(poll)
    well = look(store)[HUBSPOT].objects["contacts"]
    assert (well.read_at, well.problem) == (crm.clock.now(), None)


def test_a_quiet_account_is_read_to_the_end_at_each_look(store, poll):
    to_the_end(poll)
    for _ in range(60):
        poll.clock.advance(60)
        to_the_end(poll)
        found = look(store)[HUBSPOT].objects
        assert {one.late_by(poll.clock.now()) for one in found.values()} == {timedelta(0)}


def test_the_recycle_bin_says_when_it_was_looked_through(store, crm):
    playbook = house_playbook()
    deleted = RecycleBin(crm, store, crm.clock, lambda: playbook)
    while deleted.step():
        pass
    found = look(store)[HUBSPOT].objects
    assert {name: one.bin_read_at for name, one in found.items()} == dict.fromkeys(OBJECTS, crm.clock.now())
    assert {one.begun_at for one in found.values()} == {None}  # the bin alone


def test_what_waits_to_be_read_by_id_is_counted_with_its_oldest(store):
    clock = FakeClock()
    oldest = clock.now()
    for number in range(3):
        wish = Wish(HUBSPOT, "contacts", f"h{number}")
        store.write(lambda on, wish=wish: fetches.raise_wanted(on, "main", [wish], clock.now()))
        clock.advance(60)
    found = look(store)[HUBSPOT]
    assert (found.to_read, found.to_read_since) == (3, oldest)
    assert found.as_dict() == {
        "objects": {},
        "to_read": 3,
        "to_read_since": oldest.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
    }
