"""The inbox: each event durably and once, taken in order, settled once."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from model.event import Event, EventKind, EventState, RecordRef
from sync import inbox
from sync.inbox import Mark
from sync.tables import body_hashes, inbox_events, source_days
from tests.builders import NOON, at
from tests.sync.house import a_post
from tests.sync.stores import count, rows

WINDOW = timedelta(minutes=10)
THREADS = 16


def hashed(event_id: str, now: datetime = NOON, body_hash: str = "h", **given) -> Event:
    """Build a post of a sender without ids."""
    post = a_post(event_id, now, email="ada@example.com")
    return replace(post, body_hash=body_hash, hash_expires_at=now + WINDOW, **given)


def states(store) -> list[tuple[str, str]]:
    return [(row["event_id"], row["state"]) for row in rows(store, inbox_events)]


def test_an_event_is_kept_as_it_came(store):
    payload = {"body": {"née": "Ada \U0001f600", "n": 1.5, "deep": [{"a": None}]}, "query": {}}
    event = replace(a_post("a", NOON), payload=payload, record=RecordRef("hubspot", "contacts", "7"))
    inbox.append(store, [event])
    with store.snapshot() as snapshot:
        [taken] = inbox.take(snapshot, "main", 10)
    assert taken.event == event


def test_the_senders_moment_is_never_after_ours(store):
    inbox.append(store, [a_post("a", NOON, occurred_at=at(5)), a_post("b", NOON, occurred_at=at(-5))])
    with store.snapshot() as snapshot:
        taken = inbox.take(snapshot, "main", 10)
    assert [one.event.occurred_at for one in taken] == [NOON, at(-5)]


def test_the_same_id_of_a_source_is_the_same_event(store):
    first = inbox.append(store, [a_post("a", NOON, email="one@example.com")])
    again = inbox.append(store, [a_post("a", at(600), email="two@example.com")])
    other = inbox.append(store, [replace(a_post("a", NOON), source="partner")])
    assert [r.duplicate for r in (*first, *again, *other)] == [False, True, False]
    assert again[0].event_id == "a"
    assert rows(store, inbox_events)[0]["payload"]["body"] == {"email": "one@example.com"}
    assert count(store, inbox_events) == 2


def test_the_same_id_in_another_space_is_another_event(store):
    receipts = inbox.append(store, [a_post("a", NOON), replace(a_post("a", NOON), space="other")])
    assert [r.duplicate for r in receipts] == [False, False]


def test_repeats_within_one_call_are_repeats(store):
    receipts = inbox.append(store, [a_post("a", NOON), a_post("b", NOON), a_post("a", NOON)])
    assert [r.duplicate for r in receipts] == [False, False, True]
    receipts = inbox.append(store, [hashed("c"), hashed("d"), hashed("e", body_hash="x")])
    assert [(r.event_id, r.duplicate) for r in receipts] == [("c", False), ("c", True), ("e", False)]


@pytest.mark.parametrize(
    ("minutes", "is_repeat"), [(0, True), (9.99, True), (10, False), (600, False), (-5, True)]
)
def test_a_body_is_a_repeat_within_its_window_only(store, minutes, is_repeat):
    inbox.append(store, [hashed("first")])
    [receipt] = inbox.append(store, [hashed("second", at(minutes))])
    assert (receipt.event_id, receipt.duplicate) == (("first", True) if is_repeat else ("second", False))


def test_a_repeat_does_not_stretch_the_window(store):
    inbox.append(store, [hashed("first")])
    inbox.append(store, [hashed("second", at(9))])
    [receipt] = inbox.append(store, [hashed("third", at(11))])
    assert not receipt.duplicate
    [receipt] = inbox.append(store, [hashed("fourth", at(12))])
    assert receipt.event_id == "third"


def test_the_same_body_from_another_source_is_no_repeat(store):
    inbox.append(store, [hashed("first")])
    [receipt] = inbox.append(store, [hashed("second", source="partner")])
    assert not receipt.duplicate


@pytest.mark.parametrize("by_hash", [False, True])
def test_of_many_copies_at_once_exactly_one_is_new(store, by_hash):
    barrier = threading.Barrier(THREADS)

    def send(n: int):
        event = hashed(f"e{n}") if by_hash else a_post("same", NOON)
        barrier.wait(10)
        return inbox.append(store, [event])[0]

    with ThreadPoolExecutor(THREADS) as pool:
        receipts = list(pool.map(send, range(THREADS)))
    assert sum(not r.duplicate for r in receipts) == 1
    [kept] = rows(store, inbox_events)
    assert {r.event_id for r in receipts} == {kept["event_id"]}
    [day] = rows(store, source_days)
    assert (day["received"], day["duplicates"]) == (1, THREADS - 1)


def test_senders_of_different_events_at_once_lose_none(store):
    def send(n: int):
        return inbox.append(store, [a_post(f"{n}-{m}", NOON) for m in range(5)] + [hashed(f"h{n}")])

    with ThreadPoolExecutor(THREADS) as pool:
        receipts = [one for some in pool.map(send, range(THREADS)) for one in some]
    assert sum(not r.duplicate for r in receipts) == count(store, inbox_events) == THREADS * 5 + 1


def test_days_are_counted_by_source_and_bookkeeping_is_not(store):
    roster = replace(a_post("r", NOON), kind=EventKind.ROSTER, source="hubspot")
    inbox.append(store, [a_post("a", NOON), a_post("b", at(60 * 24)), a_post("a", NOON), roster])
    days = [
        (row["source"], row["day"], row["received"], row["duplicates"]) for row in rows(store, source_days)
    ]
    assert days == [("website", "2026-03-02", 1, 1), ("website", "2026-03-03", 1, 0)]


def test_nothing_of_a_failed_transaction_is_taken(store):
    def poll(connection: Connection) -> None:
        inbox.insert_new(connection, [a_post("a", NOON), hashed("b")])
        raise RuntimeError("the page is broken")

    with pytest.raises(RuntimeError):
        store.write(poll)
    assert (count(store, inbox_events), count(store, body_hashes), count(store, source_days)) == (0, 0, 0)
    assert not inbox.append(store, [hashed("b")])[0].duplicate


def test_forgotten_hashes_are_those_whose_window_has_passed(store):
    inbox.append(store, [hashed("a"), hashed("b", at(5), "other")])
    assert store.write(partial(inbox.forget_hashes, now=at(10))) == 1
    assert [row["hash"] for row in rows(store, body_hashes)] == ["other"]


# Taking and settling ---------------------------------------------------------------------


def test_events_are_taken_in_order_and_only_of_the_space(store):
    inbox.append(store, [a_post(name, NOON) for name in "cab"])
    inbox.append(store, [replace(a_post("x", NOON), space="other")])
    with store.snapshot() as snapshot:
        assert [one.event.event_id for one in inbox.take(snapshot, "main", 10)] == ["c", "a", "b"]
        assert [one.event.event_id for one in inbox.take(snapshot, "main", 2)] == ["c", "a"]
        assert [one.event.event_id for one in inbox.take(snapshot, "other", 2)] == ["x"]


def test_an_event_that_commits_late_with_an_earlier_id_is_not_passed_over(store):
    """On PostgreSQL a slow session may commit a lower id after a higher one was settled."""
    inbox.append(store, [a_post("late", NOON), a_post("early", NOON)])
    store.write(partial(inbox.mark, marks=[_done(2)]))
    with store.snapshot() as snapshot:
        assert [one.event.event_id for one in inbox.take(snapshot, "main", 10)] == ["late"]


def test_a_session_that_commits_late_is_not_passed_over(store, opened):
    if store.dialect == "sqlite":  # one writer: ids commit in order
        inbox.append(store, [a_post("slow", NOON), a_post("quick", NOON)])
    else:
        inserted, go = threading.Event(), threading.Event()

        def slow(connection: Connection) -> None:
            inbox.insert_new(connection, [replace(a_post("slow", NOON), kind=EventKind.ROSTER)])
            inserted.set()
            assert go.wait(10)

        thread = threading.Thread(target=store.write, args=(slow,))
        thread.start()
        assert inserted.wait(10)
        inbox.append(opened(), [a_post("quick", NOON)])
        with store.snapshot() as snapshot:
            assert [one.event.event_id for one in inbox.take(snapshot, "main", 10)] == ["quick"]
        go.set()
        thread.join(10)
    store.write(partial(inbox.mark, marks=[_done(2)]))
    with store.snapshot() as snapshot:
        assert [one.event.event_id for one in inbox.take(snapshot, "main", 10)] == ["slow"]


def _done(row: int) -> Mark:
    return Mark(row, EventState.NEW, NOON, row, lead_id="L1")


def test_only_waiting_events_are_settled_and_the_number_says_so(store):
    inbox.append(store, [a_post(name, NOON) for name in "abc"])
    assert store.write(partial(inbox.mark, marks=[_done(1), _done(2)])) == 2
    assert store.write(partial(inbox.mark, marks=[_done(2), _done(3)])) == 1
    assert store.write(partial(inbox.mark, marks=[])) == 0
    assert states(store) == [("a", "new"), ("b", "new"), ("c", "new")]
    assert [row["attempts"] for row in rows(store, inbox_events)] == [1, 1, 1]


def test_settling_keeps_the_lead_an_event_named_itself(store):
    found = replace(a_post("f", NOON), kind=EventKind.FOUND, payload={"lead_id": "L7"})
    inbox.append(store, [found])
    mark = Mark(1, EventState.DEAD, NOON, 1, error="broken")
    store.write(partial(inbox.mark, marks=[mark]))
    [row] = rows(store, inbox_events)
    assert (row["lead_id"], row["state"], row["error"]) == ("L7", "dead", "broken")


def test_events_are_loaded_by_row_whatever_their_state(store):
    inbox.append(store, [a_post("a", NOON), a_post("b", NOON)])
    store.write(partial(inbox.mark, marks=[_done(1)]))
    with store.snapshot() as snapshot:
        found = inbox.load(snapshot, [1, 2, 99])
        assert {row: one.state for row, one in found.items()} == {1: "new", 2: "waiting"}
        assert inbox.load(snapshot, []) == {}


def test_the_query_for_waiting_events_uses_its_index(store):
    if store.dialect == "postgresql":
        return  # on so small a table PostgreSQL rightly reads it through
    with store.snapshot() as snapshot:
        plan = snapshot.execute(
            sa.text(
                "EXPLAIN QUERY PLAN SELECT * FROM inbox_events WHERE space = 'main' AND state = 'waiting' "
                "ORDER BY id LIMIT 200"
            )
        ).all()
    assert "USING INDEX" in str(plan)
    assert "TEMP B-TREE" not in str(plan)
