"""What waits for a person: found by its cause and by an index, named for what it is, sent again in pieces."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

import pytest
import sqlalchemy as sa

from handlers.registry import build
from model.cause import Cause
from sync import inbox, outbox, tables
from sync.replays import letters, mending, replay, replaying
from sync.replays.letters import ASIDE, CHANGE, EFFECT, SHELVES, Asked
from sync.replays.replaying import Order, Replays
from tests.builders import NOON
from tests.sync.house import HUBSPOT, FailsOn, a_house, house_playbook
from tests.sync.stores import rows
from tests.sync.test_lists import plan

MANY = 3_000  # enough for a planner to care; one in twenty waits for a person


def fill(store, store_url) -> None:
    """Store letters of many causes among far more that are done, straight into the tables."""
    event = {"space": "main", "source": "website", "kind": "intake", "payload": {}, "occurred_at": NOON}
    change = {
        "space": "main", "entity_kind": "lead", "wanted": 1, "needs": [], "attempts": 0, "due_at": NOON,
        "raised_at": NOON,
    }  # fmt: skip
    effect = {
        "space": "main", "kind": "message", "lead_id": "L1", "event": 1, "payload": {}, "needs": [],
        "attempts": 0, "due_at": NOON, "patient_until": NOON, "raised_at": NOON,
    }  # fmt: skip

    def write(on: sa.Connection) -> None:
        kinds: dict[sa.Table, list] = {
            tables.inbox_events: [],
            tables.outbox_changes: [],
            tables.outbox_effects: [],
        }
        for number in range(MANY):
            is_dead = number % 20 == 0
            cause = (
                ("INVALID_OPTION industry", "INVALID_OPTION stage", "GONE")[number // 20 % 3]
                if is_dead
                else ""
            )
            at = NOON + timedelta(hours=number)
            state = ASIDE[number // 20 % 4] if is_dead else "new"
            kinds[tables.inbox_events].append(
                event | {"event_id": f"e{number}", "state": state, "cause": cause, "received_at": at}
            )
            kinds[tables.outbox_changes].append(
                change
                | {
                    "connection": HUBSPOT if number % 40 == 0 else "salesforce",
                    "object": "contacts" if number % 40 == 0 else "Lead",
                    "entity_id": f"L{number}",
                    "done": int(not is_dead),
                    "dead": int(is_dead),
                    "cause": cause,
                    "settled_at": at,
                }
            )
            kinds[tables.outbox_effects].append(
                effect
                | {
                    "key": f"k{number}",
                    "target": "slack" if number % 40 == 0 else HUBSPOT,
                    "state": "dead" if is_dead else "sent",
                    "cause": cause,
                    "settled_at": at,
                }
            )
        for table, found in kinds.items():
            on.execute(sa.insert(table), found)

    store.write(write)
    if store.dialect == "postgresql":
        engine = sa.create_engine(store_url, isolation_level="AUTOCOMMIT")
        with engine.connect() as on:
            on.exec_driver_sql("VACUUM ANALYZE inbox_events, outbox_changes, outbox_effects")
        engine.dispose()


ALL_FILTERS = Asked("hubspot", "", "GONE", NOON, NOON + timedelta(hours=2_000))
INDEXES = {
    **dict.fromkeys(ASIDE, "ix_inbox_events_aside"),
    CHANGE: "ix_outbox_changes_letters",
    EFFECT: "ix_outbox_effects_letters",
}


def test_every_shelf_is_read_by_an_index_that_holds_nothing_else_in_its_order(store, store_url):
    fill(store, store_url)
    with store.snapshot() as snapshot:
        if store.dialect == "postgresql":  # of so few a planner would sort what it finds
            for way in ("seqscan", "bitmapscan", "sort"):
                snapshot.exec_driver_sql(f"SET LOCAL enable_{way} = off")
        for name, index in INDEXES.items():
            shelf = SHELVES[name]
            for asked in (letters.ANY, ALL_FILTERS, Asked(cause="INVALID_OPTION")):
                for before in (None, 2_000):
                    found = plan(snapshot, letters.page_statement("main", shelf, asked, before, 51))
                    is_by_state = asked == letters.ANY and "ix_inbox_events_state" in found  # as good
                    assert index in found or is_by_state, (name, asked, found)
                    for slow in ("Seq Scan", "SCAN ", "TEMP B-TREE", "Sort"):
                        assert slow not in found, (name, found)
            counted = plan(snapshot, letters.groups_statement("main", shelf))
            assert index in counted, (name, counted)
            assert "Seq Scan" not in counted
            if store.dialect == "sqlite":
                assert f"COVERING INDEX {index}" in counted


FILTERS = (
    letters.ANY,
    Asked(cause="INVALID_OPTION"),
    Asked(cause="INVALID_OPTION stage"),
    Asked(cause="INVALID"),
    Asked(place=HUBSPOT),
    Asked(object="contacts"),
    Asked(since=NOON + timedelta(hours=500), until=NOON + timedelta(hours=1_000)),
)


def test_a_filter_finds_all_that_fit_page_after_page_and_nothing_else(store, store_url):
    fill(store, store_url)
    with store.snapshot() as snapshot:
        for name, shelf in SHELVES.items():
            everything = letters.page(snapshot, "main", shelf, size=MANY).rows
            grouped = letters.groups(snapshot, "main", shelf)
            assert len(everything) == sum(one.count for one in grouped) > 0
            for asked in FILTERS:
                fitting = [one for one in everything if fits(one, asked)]
                assert walk(snapshot, shelf, asked) == fitting, (name, asked)
                _, upto = letters.first(snapshot, "main", shelf, asked, MANY)
                numbers = letters.numbers(snapshot, "main", shelf, asked, after=0, upto=upto, limit=MANY)
                assert numbers == [one.id for one in fitting][::-1]
                if asked.since is None:
                    assert sum(one.count for one in grouped if one.fits(asked)) == len(fitting)


def walk(snapshot, shelf, asked) -> list[letters.Letter]:
    seen, before = [], None
    while True:
        page = letters.page(snapshot, "main", shelf, asked, before, size=7)
        seen += page.rows
        if page.next is None:
            return seen
        before = int(page.next)


def fits(letter, asked) -> bool:
    thing = letter.object if letter.shelf in (CHANGE, EFFECT) else ""
    return (
        asked.place in ("", letter.place)
        and asked.object in ("", thing)
        and asked.cause in ("", letter.cause.code, str(letter.cause))
        and (asked.since is None or asked.since <= letter.at < asked.until)
    )


def test_what_was_given_up_by_an_older_version_is_a_group_without_a_name(store):
    house = a_house(store)
    house.crms[HUBSPOT].next("create", rejects="ada@")
    house.post(email="ada@example.com")
    house.settle()
    store.write(lambda on: on.execute(sa.update(tables.outbox_changes).values(cause="", letter=None)))
    with store.snapshot() as snapshot:
        [group] = letters.groups(snapshot, "main", SHELVES[CHANGE])
        [letter] = letters.page(snapshot, "main", SHELVES[CHANGE], Asked(cause=letters.NAMELESS)).rows
    assert (group.cause, letter.cause, letter.attempts, letter.sent) == (Cause(), Cause(), None, {})
    assert group.fits(Asked(cause=letters.NAMELESS))
    assert not group.fits(Asked(cause="GONE"))


def test_a_refused_change_names_lead_record_field_value_words_and_what_to_do(store):
    house = a_house(store)
    house.post(email="ada@example.com", first_name="Ada")
    house.settle()
    house.crms[HUBSPOT].next("update", rejects="ada@")
    house.post(email="ada@example.com", email_2="", first_name="Augusta", country="GB")
    house.settle()
    with store.snapshot() as snapshot:
        found = letters.page(snapshot, "main", SHELVES[CHANGE]).rows
        [told] = mending.tell(snapshot, found, house.playbook)
    letter = told.letter
    [record] = house.crms[HUBSPOT].by_email("ada@example.com")
    assert (letter.place, letter.object, letter.cause) == (HUBSPOT, "contacts", Cause("INVALID", "email"))
    assert letter.words == ["INVALID: the CRM will not take it (fields: email)"]
    assert (letter.attempts, letter.lead_id) == (1, house.lead_id("ada@example.com"))
    assert letter.sent["country"] == "GB"
    assert (told.email, told.record) == ("ada@example.com", ("contacts", record))
    assert told.lead_field == "email"
    assert told.rule == str(house.playbook.crms[HUBSPOT].objects["contacts"].fields[1].place)
    assert told.advice

    house.post(email="ada@example.com", title="CEO")  # revived, and written: nothing of it is kept
    house.settle()
    [row] = [one for one in rows(store, tables.outbox_changes) if one["connection"] == HUBSPOT]
    assert (row["cause"], row["letter"], row["error"]) == ("", None, None)


@pytest.mark.parametrize(
    ("post", "state", "cause"),
    [
        ({"email": "not an address"}, "quarantined", "BAD_VALUE email"),
        ({"first_name": "Ada"}, "quarantined", "NO_KEY"),
        ({"email": "s@example.com", "website_url": "x"}, "spam", "HONEYPOT"),
        ({"email": "info@example.com"}, "review", "ROLE_ADDRESS"),
        ({"phone": "+44 20 7946 0000"}, "review", "PHONE_ALONE"),
        ({"email": "d@example.com", "company": "Bad"}, "dead", "RuntimeError"),
        ({"email": "ada@example.com"}, "new", ""),
    ],
)
def test_an_event_set_aside_has_the_name_of_its_cause(store, post, state, cause):
    playbook = house_playbook()
    house = a_house(store, playbook=playbook, handlers=[*build(playbook), ("fails", FailsOn("Bad"))])
    house.post(**post)
    house.decide()
    [event] = [one for one in rows(store, tables.inbox_events) if one["kind"] == "intake"]
    assert (event["state"], event["cause"]) == (state, cause)


def refused(store, count: int):
    """Return a house in which HubSpot refused so many people."""
    house = a_house(store)
    house.crms[HUBSPOT].next("create", rejects="@")
    for number in range(count):
        house.post(email=f"p{number}@example.com")
    house.settle()
    assert len(dead(store)) == count
    return house


def dead(store) -> list[outbox.DeadLetter]:
    with store.snapshot() as snapshot:
        return outbox.dead_letters(snapshot, "main")


def order(store, house, **given) -> int:
    wanted = Order(CHANGE, Asked(cause="INVALID"), "ada", **given)
    return store.write(lambda on: replaying.begin(on, "main", wanted, house.clock.now()))


def progress(store) -> list[tuple[str, int, int]]:
    with store.snapshot() as snapshot:
        found = replaying.recent(snapshot, "main", [*SHELVES])
    return [(one.state, one.handed_in, one.total) for one in found]


def test_a_list_is_sent_again_in_chunks_and_each_letter_once(store, monkeypatch):
    monkeypatch.setattr(replaying, "CHUNK", 2)
    house = refused(store, 5)
    replays = Replays(store, house.clock)
    assert not replays.step(), "nobody asked for anything"
    assert (order(store, house), order(store, house)) == (5, 5)
    assert progress(store) == [("running", 0, 5)], "the same list twice at once is one order"
    assert replays.step()
    assert progress(store) == [("running", 2, 5)]
    house.settle()
    assert len(dead(store)) == 3
    replays.run()
    assert progress(store) == [("done", 5, 5)]
    house.settle()
    assert dead(store) == []
    assert len(house.crms[HUBSPOT].records) == 5


def test_new_leads_go_before_a_list_that_is_sent_again(store, monkeypatch):
    monkeypatch.setattr("sync.inbox.QUEUE", 1)
    house = refused(store, 3)
    order(store, house)
    replays = Replays(store, house.clock)
    for number in range(2):
        house.post(email=f"new{number}@example.com")
    assert not replays.step()
    assert progress(store) == [("running", 0, 3)]
    house.decide()
    assert replays.step()
    assert progress(store) == [("done", 3, 3)]


def test_what_dies_after_it_was_asked_for_and_what_is_over_the_limit_stays(store):
    house = refused(store, 3)
    _, _, third = dead(store)
    assert order(store, house, limit=2) == 2
    house.crms[HUBSPOT].next("create", rejects="late@")
    house.post(email="late@example.com")
    house.settle()
    Replays(store, house.clock).run()
    house.settle()
    assert [one.lead_id for one in dead(store)] == [third.lead_id, house.lead_id("late@example.com")]


def test_a_letter_that_was_sent_again_meanwhile_is_not_handed_in_twice(store, monkeypatch):
    monkeypatch.setattr(replaying, "CHUNK", 2)
    house = refused(store, 4)
    order(store, house)
    with store.snapshot() as snapshot:
        some = letters.page(snapshot, "main", SHELVES[CHANGE]).rows[:1]
    inbox.append(store, replay.of_letters(some, "main", by="bo", now=house.clock.now()))
    Replays(store, house.clock).run()
    assert progress(store) == [("done", 3, 4)]
    again = [one for one in rows(store, tables.inbox_events) if one["kind"] == "replay"]
    assert len(again) == 4


def test_two_processes_hand_a_chunk_in_once(store, monkeypatch):
    monkeypatch.setattr(replaying, "CHUNK", 2)
    house = refused(store, 4)
    order(store, house)
    one, other = Replays(store, house.clock), Replays(store, house.clock)
    write, raced = store.write, []

    def write_second(job):
        if not raced:
            raced.append(True)
            assert other.step()
        return write(job)

    monkeypatch.setattr(store, "write", write_second)
    assert not one.step(), "the other one has handed it in"
    assert progress(store) == [("running", 2, 4)]
    one.run()
    assert progress(store) == [("done", 4, 4)]
    assert len([row for row in rows(store, tables.inbox_events) if row["kind"] == "replay"]) == 4


def test_events_of_a_list_are_sent_again_with_one_correction(store):
    playbook = house_playbook()
    house = a_house(store, playbook=playbook, handlers=[*build(playbook), ("fails", FailsOn("Bad"))])
    for number in range(3):
        house.post(email=f"d{number}@example.com", company="Bad")
    house.decide()
    wanted = Order("dead", Asked("website", cause="RuntimeError"), "ada", overrides={"company": "Good"})
    assert store.write(partial(_begin, order=wanted, now=house.clock.now())) == 3
    Replays(store, house.clock).run()
    house.decide()
    assert {house.lead(f"d{number}@example.com").get("company") for number in range(3)} == {"Good"}


def _begin(on, order, now):
    return replaying.begin(on, "main", order, now)


def test_an_order_for_nothing_is_none_and_old_ones_are_forgotten(store):
    house = refused(store, 1)
    assert (
        store.write(lambda on: replaying.begin(on, "main", Order(CHANGE, Asked(cause="GONE"), "ada"), NOON))
        == 0
    )
    order(store, house)
    Replays(store, house.clock).run()
    house.crms[HUBSPOT].next("create", rejects="p0@")
    house.settle()
    house.clock.advance(8 * 86_400)
    assert order(store, house) == 1
    assert progress(store) == [("running", 0, 1)]
