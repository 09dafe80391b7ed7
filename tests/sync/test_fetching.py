"""Records that are wanted by id: read together, once more where need be, never told under a lost lease."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest

from model.errors import NoBudget, Refusal
from model.event import Event, EventKind, RecordRef
from model.hint import DIFFERS, Hint
from sync import fetches, inbox, tables
from sync.fetches import Wish
from sync.reading.fetching import MENDS_TURN
from tests.sync.crashing import Crash, CrashingStore
from tests.sync.followed import ADA, a_fetcher, known, told
from tests.sync.house import HUBSPOT, SALESFORCE, House, a_house
from tests.sync.stores import rows

DAY = 24 * 3600


@pytest.fixture
def house(store) -> House:
    return a_house(store)


def want(house: House, *ids: str, object_type: str = "contacts", name: str = HUBSPOT, history: bool = False):
    """Want records read, one wish after the other."""
    for one in ids:
        wish = Wish(name, object_type, one, history)
        house.store.write(partial(fetches.raise_wanted, space="main", wishes=[wish], now=house.clock.now()))


def reads(house: House, name: str = HUBSPOT) -> list[int]:
    """Return how many records each read asked for."""
    return [len(keys) for call, keys in house.crms[name].calls if call == "read"]


def waiting(house: House) -> list[dict]:
    return rows(house.store, tables.outbox_fetches)


def people(house: House, count: int) -> list[str]:
    return [house.crms[HUBSPOT].put("contacts", email=f"p{number}@example.com") for number in range(count)]


# Together


def test_a_hundred_wishes_for_a_record_are_one_read(house):
    [there] = people(house, 1)
    want(house, *[there] * 100)
    house.fetch()
    assert (reads(house), told(house), waiting(house)) == ([1], [there], [])


def test_a_hundred_records_are_one_call_and_the_rest_the_next(house):
    ids = people(house, 130)
    wishes = [Wish(HUBSPOT, "contacts", one) for one in ids]
    house.store.write(partial(fetches.raise_wanted, space="main", wishes=wishes, now=house.clock.now()))
    house.fetch()
    assert (reads(house), sorted(told(house))) == ([100, 30], sorted(ids))


def test_with_their_history_fifty_are_one_call(house):
    ids = people(house, 60)
    wishes = [Wish(HUBSPOT, "contacts", one, history=True) for one in ids]
    house.store.write(partial(fetches.raise_wanted, space="main", wishes=wishes, now=house.clock.now()))
    house.fetch()
    assert (reads(house), len(told(house))) == ([50, 10], 60)
    changed_at = [
        row["payload"]["record"]["changed_at"] for row in rows(house.store, tables.inbox_events)[2:]
    ]
    assert all("email" in one for one in changed_at)


def test_a_wish_for_the_history_beside_one_without_reads_it_with_its_history(house):
    [there] = people(house, 1)
    want(house, there)
    want(house, there, history=True)
    want(house, there)
    [row] = waiting(house)
    assert (row["wanted"], row["history"]) == (3, True)


def test_objects_are_read_one_after_the_other(house):
    [contact] = people(house, 1)
    company = house.crms[HUBSPOT].put("companies", domain="example.com", name="Example")
    want(house, contact)
    want(house, company, object_type="companies")
    house.fetch()
    assert (reads(house), set(told(house))) == ([1, 1], {contact, company})


# Who goes first


def mends(house: House, *ids: str) -> None:
    """Want records read because a reconcile found that they differ."""
    hints = [
        Event(
            HUBSPOT,
            f"mend-{each}",
            EventKind.HINT,
            Hint("contacts", each, DIFFERS).as_payload(),
            house.clock.now(),
            house.clock.now(),
            record=RecordRef(HUBSPOT, "contacts", each),
        )
        for each in ids
    ]
    inbox.append(house.store, hints)
    house.decide()


def test_what_a_webhook_told_of_is_read_before_what_a_reconcile_wants_mended(house):
    ids = people(house, 301)
    mends(house, *ids[:300])
    house.clock.advance(60)
    want(house, ids[300])
    a_fetcher(house).step()
    assert (reads(house), ids[300] in told(house)) == ([100], True)  # the rest of the call is filled
    house.fetch()
    assert (reads(house), len(told(house))) == ([100, 100, 100, 1], 301)


def test_a_record_that_is_told_of_does_not_wait_as_a_mend_any_more(house):
    ids = people(house, 150)
    mends(house, *ids)
    want(house, ids[-1])
    assert [row["is_mend"] for row in waiting(house)].count(False) == 1
    mends(house, ids[-1])
    a_fetcher(house).step()
    assert ids[-1] in told(house)


def test_mends_are_read_however_much_is_told_of(house):
    mended, *ids = people(house, 101)
    mends(house, mended)
    fetcher, crowd = a_fetcher(house), [Wish(HUBSPOT, "contacts", each) for each in ids]
    for turn in range(1, MENDS_TURN + 1):
        want = partial(fetches.raise_wanted, space="main", wishes=crowd, now=house.clock.now())
        house.store.write(want)
        fetcher.step()
        assert (mended in told(house)) == (turn == MENDS_TURN)


# Once more


def test_a_wish_that_comes_while_the_record_is_read_is_read_once_more(house):
    ids = known(house, title="Intern")
    crm = house.crms[HUBSPOT]

    def edited_and_told():
        crm.edit(ids[HUBSPOT], title="CTO")
        want(house, ids[HUBSPOT])

    real = crm.read

    def read(*given, **named):  # the answer is from before the edit
        answer = list(real(*given, **named))
        crm.read = real
        house.clock.advance(1)
        edited_and_told()
        return answer

    crm.read = read
    want(house, ids[HUBSPOT])
    house.fetch()
    house.decide()
    assert reads(house)[-2:] == [1, 1]
    assert (house.lead(ADA).fields["title"], waiting(house)) == ("CTO", [])


def test_under_a_lost_lease_nothing_is_told_and_the_other_reads_anew(house):
    [there] = people(house, 1)
    crm = house.crms[HUBSPOT]
    want(house, there)
    other = a_fetcher(house)
    seen = []

    def meanwhile():
        house.clock.advance(121)  # the call took longer than the lease
        assert other.step() == 1
        seen.append(told(house))

    crm.next("read", before=meanwhile)
    a_fetcher(house).step()
    assert seen == [[there]]
    assert (told(house), waiting(house)) == ([there], [])


def test_a_lease_that_another_holds_is_left_alone(house):
    [there] = people(house, 1)
    want(house, there)
    crm = house.crms[HUBSPOT]
    crm.next("read", before=lambda: steps.append(a_fetcher(house).step()))
    steps: list[int] = []
    a_fetcher(house).step()
    assert (steps, reads(house)) == ([0], [1])


def test_killed_while_it_reads_the_record_is_read_after_the_lease(house):
    [there] = people(house, 1)
    want(house, there)
    crashing = CrashingStore(house.store)
    fetcher = a_fetcher(house)
    fetcher.store = crashing
    crashing.crash(2, after=False)  # the lease is written, the answer not
    with pytest.raises(Crash):
        fetcher.step()
    assert (told(house), a_fetcher(house).step()) == ([], 0)
    house.clock.advance(121)
    house.fetch()
    assert (told(house), waiting(house)) == ([there], [])


def test_a_process_that_knows_it_is_alone_frees_the_leases_of_the_last_one(house):
    [there] = people(house, 1)
    want(house, there)
    crashing = CrashingStore(house.store)
    fetcher = a_fetcher(house)
    fetcher.store = crashing
    crashing.crash(2, after=False)
    with pytest.raises(Crash):
        fetcher.step()
    assert house.store.write(partial(fetches.release_leases, space="main")) == 1
    house.fetch()
    assert told(house) == [there]


# What fails


def test_a_read_that_fails_waits_longer_each_time_and_as_long_as_the_crm_asks(house):
    [there] = people(house, 1)
    crm = house.crms[HUBSPOT]
    want(house, there)
    waits = []
    for trouble in ({"refused": "503"}, {"refused": "503"}, {"refused": "429", "wait": 33.0}):
        crm.next("read", **trouble)
        a_fetcher(house).step()
        [row] = waiting(house)
        waits.append((row["due_at"] - house.clock.now()).total_seconds())
        assert (row["error"], row["lease_token"]) == (trouble["refused"], None)
        house.clock.advance(waits[-1])
    assert waits == [2.0, 4.0, 33.0]
    house.fetch()
    assert told(house) == [there]


def test_a_wish_does_not_shorten_the_wait_that_the_crm_asked_for(house):
    [there] = people(house, 1)
    want(house, there)
    house.crms[HUBSPOT].next("read", refused="429", wait=33.0)
    house.fetch()
    want(house, there)
    assert a_fetcher(house).step() == 0
    house.clock.advance(33)
    house.fetch()
    assert (told(house), waiting(house)) == ([there], [])


@pytest.mark.parametrize(
    ("error", "text", "wait"),
    [
        (Refusal("400: no such property"), "400: no such property", 2.0),
        (NoBudget("the day's calls are spent", 50.0), "the day's calls are spent", 50.0),
        (KeyError("results"), "an unexpected failure (KeyError)", 2.0),
    ],
)
def test_whatever_a_read_raises_the_records_are_read_later(house, error, text, wait):
    [there] = people(house, 1)
    want(house, there)

    def fail():
        raise error

    house.crms[HUBSPOT].next("read", before=fail)
    assert a_fetcher(house).step() == 1
    [row] = waiting(house)
    assert row["error"].partition("; the log")[0] == text
    assert (row["due_at"] - house.clock.now()).total_seconds() == wait
    house.clock.advance(wait)
    house.fetch()
    assert told(house) == [there]


def test_a_token_that_is_refused_waits_a_minute(house):
    [there] = people(house, 1)
    want(house, there)
    house.crms[HUBSPOT].next("read", unauthorized=True)
    assert a_fetcher(house).step() == 1
    [row] = waiting(house)
    assert (row["due_at"] - house.clock.now()).total_seconds() == 60.0
    assert row["error"] == "hubspot: the token has expired"


def test_what_cannot_be_read_for_a_day_is_given_up_and_told_of_nowhere(house):
    first, second = people(house, 2)
    want(house, first)
    house.clock.advance(DAY - 1)
    house.crms[HUBSPOT].next("read", refused="503", wait=1.0)
    house.fetch()
    assert [row["remote_id"] for row in waiting(house)] == [first]
    want(house, second)
    house.clock.advance(1)
    house.crms[HUBSPOT].next("read", refused="503", wait=1.0)
    house.fetch()
    assert ([row["remote_id"] for row in waiting(house)], told(house)) == ([second], [])


def test_the_day_of_a_record_that_was_read_and_is_wanted_again_begins_anew(house):
    [there] = people(house, 1)
    want(house, there)
    house.clock.advance(DAY)
    house.crms[HUBSPOT].next("read", before=lambda: want(house, there))
    a_fetcher(house).step()
    house.crms[HUBSPOT].next("read", refused="503", wait=1.0)
    a_fetcher(house).step()
    assert [row["error"] for row in waiting(house)] == ["503"]


# What is told


def test_a_record_that_is_not_there_is_told_as_archived_beside_those_that_are(house):
    ids = known(house)
    [other] = people(house, 1)
    house.crms[HUBSPOT].records.pop(ids[HUBSPOT])
    want(house, ids[HUBSPOT], other)
    house.fetch()
    payloads = [row["payload"] for row in rows(house.store, tables.inbox_events) if row["kind"] == "changed"]
    archived = {one["record"]["id"]: one["record"]["archived"] for one in payloads}
    assert archived == {ids[HUBSPOT]: True, other: False}
    assert all(one["by_id"] for one in payloads)
    house.decide()
    assert house.lead(ADA).links[HUBSPOT].gone_at is not None


def test_a_record_that_was_merged_away_comes_as_the_winner_and_is_not_missing(house):
    ids = known(house)
    crm = house.crms[HUBSPOT]
    winner = crm.put("contacts", **crm.records[ids[HUBSPOT]].fields)
    crm.unite(ids[HUBSPOT], winner)
    want(house, ids[HUBSPOT], winner)
    house.fetch()
    assert (told(house), waiting(house)) == ([winner], [])
    house.settle()
    assert house.lead(ADA).links[HUBSPOT].remote_id == winner


def test_wishes_for_an_object_that_the_map_dropped_meanwhile_are_over(house):
    there = house.crms[SALESFORCE].put("Contact", email=ADA)
    want(house, there, object_type="Contact", name=SALESFORCE)
    crm = house.playbook.crms[SALESFORCE]
    fewer = replace(crm, objects={"Lead": crm.objects["Lead"]}, match=("Lead",))
    house.playbook = replace(house.playbook, crms={**house.playbook.crms, SALESFORCE: fewer})
    house.fetch()
    assert (reads(house, SALESFORCE), told(house), waiting(house)) == ([], [], [])


def test_reads_of_the_same_version_at_different_times_are_two_events_and_change_nothing_twice(house):
    ids = known(house, title="Intern")
    version = house.lead(ADA).version
    for _ in range(2):
        want(house, ids[HUBSPOT])
        house.fetch()
        house.clock.advance(1)
    assert told(house) == [ids[HUBSPOT]] * 2
    house.decide()
    assert house.lead(ADA).version == version


def test_the_wishes_of_a_connection_that_is_no_more_are_dropped(house):
    want(house, "h1")
    want(house, "s1", object_type="Lead", name=SALESFORCE)
    house.store.write(partial(fetches.forget, space="main", name=HUBSPOT))
    with house.store.snapshot() as snapshot:
        assert {name: one.records for name, one in fetches.waiting(snapshot, "main").items()} == {
            SALESFORCE: 1
        }
