"""What retention removes, and what it never touches."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from sync import audit
from sync.keeping import retention
from sync.replays import letters, replay
from sync.tables import audit as audit_lines
from sync.tables import audit_details, conflicts, inbox_events, outbox_effects, reviews
from tests.sync.stores import count, rows

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
DAY = timedelta(days=1)
KEEP = {
    "posts": 10 * DAY,
    "spam": 2 * DAY,
    "quarantine": 5 * DAY,
    "crm_events": 3 * DAY,
    "reviews": 10 * DAY,
    "conflicts": 10 * DAY,
    "messages": 10 * DAY,
    "audit_details": 10 * DAY,
}
BODY = {"body": {"email": "ada@analytical.example"}, "query": {}}


@pytest.fixture
def add(store):
    """Put an event into the inbox that came in so many days ago: ``add(3, state="spam")`` -> its id."""

    def put(days: float, *, state: str = "new", kind: str = "intake", payload=None) -> int:
        at = NOW - days * DAY
        row = {"space": "main", "source": "website", "kind": kind, "payload": payload or BODY, "state": state}
        row |= {"occurred_at": at, "received_at": at, "event_id": f"{kind}-{state}-{days}-{at.timestamp()}"}

        def insert(connection):
            newest = connection.execute(sa.select(sa.func.max(inbox_events.c.id))).scalar() or 0
            row["event_id"] += f"-{newest}"
            statement = sa.insert(inbox_events).values(row).returning(inbox_events.c.id)
            return connection.execute(statement).scalar_one()

        return store.write(insert)

    return put


def due(store, keep=KEEP):
    with store.snapshot() as snapshot:
        return {one.kind: (one.rows, one.oldest) for one in retention.preview(snapshot, "main", keep, NOW)}


def payloads(store):
    return {row["id"]: row["payload"] for row in rows(store, inbox_events)}


def emptied(store):
    return {row for row, payload in payloads(store).items() if retention.REMOVED in payload}


@pytest.mark.parametrize(
    ("state", "days"), [("new", 10), ("merged", 10), ("replayed", 10), ("spam", 2), ("quarantined", 5)]
)
def test_a_body_goes_when_its_term_has_passed_and_the_line_stays(store, add, state, days):
    old, young = add(days + 0.1, state=state), add(days - 0.1, state=state)
    retention.run(store, "main", KEEP, NOW)
    assert emptied(store) == {old}
    assert payloads(store)[young] == BODY
    assert retention.run(store, "main", KEEP, NOW) == {}  # nothing twice


@pytest.mark.parametrize("state", ["waiting", "dead", "review"])
@pytest.mark.parametrize(
    "kind",
    ["intake", "replay", "found", "changed", "hint", "choice", "gone", "delivered", "roster"],
)
def test_what_waits_or_was_set_aside_is_never_touched(store, add, state, kind):
    add(4_000, state=state, kind=kind)
    add(1)
    retention.run(store, "main", KEEP, NOW)
    assert emptied(store) == set()
    assert count(store, inbox_events) == 2


@pytest.mark.parametrize("state", ["waiting", "dead", "review", "quarantined"])
def test_a_post_that_a_replay_will_be_decided_from_is_kept(store, add, state):
    first = add(100, state="replayed")
    aside = add(90, state="spam")
    add(1, state=state, kind="replay", payload={"event": aside, "came_in": first})
    retention.run(store, "main", KEEP, NOW)
    assert emptied(store) == set()


# A waiting replay again and again, each of another event: the database makes them faster than we send them.
ALIKE = sa.text(
    "WITH RECURSIVE numbers(n) AS (SELECT :first UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < :upto) "
    "INSERT INTO inbox_events "
    "(space, source, event_id, kind, payload, occurred_at, received_at, state, attempts) "
    "SELECT space, source, 'r' || n, kind, '{\"event\":' || n || ',\"came_in\":' || n || '}', "
    "occurred_at, received_at, state, attempts FROM inbox_events CROSS JOIN numbers WHERE event_id = :like"
).bindparams(sa.bindparam("first", type_=sa.Integer), sa.bindparam("upto", type_=sa.Integer))


def test_however_many_replays_wait_what_they_name_is_kept_and_the_rest_goes(store, add, monkeypatch):
    aside = [add(20 + number, state="spam") for number in range(30)]
    rest = {add(11, state="spam"), add(40, state="spam")}
    many = 33_000  # more than a statement takes parameters
    replayed = {
        "space": "main", "source": "website", "kind": "replay", "state": "waiting", "occurred_at": NOW,
        "received_at": NOW,
    }  # fmt: skip
    waiting = [
        replayed | {"event_id": f"r{named}", "payload": {"event": named, "came_in": named}} for named in aside
    ]
    store.write(lambda on: on.execute(sa.insert(inbox_events), waiting))
    store.write(lambda on: on.execute(ALIKE, {"first": 10**6, "upto": 10**6 + many, "like": f"r{aside[0]}"}))
    monkeypatch.setattr(retention, "CHUNK", 20_000)
    keep = {"spam": KEEP["spam"]}  # what is needed is read for each kind that goes
    assert due(store, keep)["spam"] == (2, NOW - 40 * DAY)
    assert retention.run(store, "main", keep, NOW) == {"spam": 2}
    assert emptied(store) == rest


def test_a_replay_forgets_what_was_corrected_and_keeps_what_it_is_about(store, add):
    post = add(1)
    payload = {"event": post, "came_in": post, "by": "ops", "overrides": {"email": "ada@analytical.example"}}
    replay = add(20, kind="replay", payload=payload)
    retention.run(store, "main", KEEP, NOW)
    left = payloads(store)[replay]
    assert left.pop(retention.REMOVED)
    assert left == {"event": post, "came_in": post}


def test_an_emptied_event_cannot_be_replayed_and_one_that_only_looks_so_can(store, add):
    old = add(20, state="spam")
    tricky = add(1, state="spam", payload={"body": {"removed_at": "x"}, "query": {}})
    retention.run(store, "main", KEEP, NOW)
    with store.snapshot() as snapshot:
        assert "was removed" in str(replay.unfit(snapshot, "main", old))
        assert replay.unfit(snapshot, "main", tricky) is None
        count, last = letters.first(snapshot, "main", letters.SHELVES["spam"], letters.ANY, 10)
        assert (count, last) == (1, tricky)
    later = NOW + 5 * DAY
    assert retention.run(store, "main", KEEP, later) == {"spam": 1}


def test_what_crms_told_goes_rosters_with_their_lines(store, add):
    found = add(4, state="done", kind="found", payload={"lead_id": "ld_1", "record": {"fields": {}}})
    add(4, state="done", kind="roster", payload={"owners": []})
    last = add(4, state="done", kind="roster", payload={"owners": []})
    retention.run(store, "main", KEEP, NOW)
    assert emptied(store) == {found}
    assert set(payloads(store)) == {found, last}  # no id is given twice


@pytest.mark.parametrize("kind", ["found", "changed", "hint", "choice", "gone", "delivered"])
def test_what_was_told_of_a_record_goes_and_the_line_stays(store, add, kind):
    payload = {"record": {"fields": {"email": "ada@analytical.example"}}, "fields": {"phone": "+49 1"}}
    old = add(3.1, state="done", kind=kind, payload=payload)
    young = add(2.9, state="done", kind=kind, payload=payload)
    assert due(store)["crm_events"] == (1, NOW - 3.1 * DAY)
    assert retention.run(store, "main", KEEP, NOW) == {"crm_events": 1}
    assert emptied(store) == {old}
    assert list(payloads(store)[old]) == [retention.REMOVED]
    assert payloads(store)[young] == payload
    assert retention.run(store, "main", KEEP, NOW) == {}  # nothing twice


def test_other_tables(store):
    old, young = NOW - 11 * DAY, NOW - 9 * DAY

    def fill(connection):
        entry = {"kind": "x", "event": 1, "detail": {}, "space": "main"}
        for number, (state, at) in enumerate([("open", old), ("done", old), ("done", young)]):
            connection.execute(
                sa.insert(reviews).values(entry | {"state": state, "created_at": at, "doubt": str(number)})
            )
        lost = {"space": "main", "lead_id": "l", "event": 1, "connection": "c", "field": "f", "rule": "r"}
        connection.execute(sa.insert(conflicts), [lost | {"at": old}, lost | {"at": young}])
        audit.record(connection, "main", [audit.Entry(at, "x", "y", {"a": 1}) for at in (old, young)])

    store.write(fill)
    assert due(store) == {
        "posts": (0, None),
        "spam": (0, None),
        "quarantine": (0, None),
        "crm_events": (0, None),
        "reviews": (1, old),
        "conflicts": (1, old),
        "messages": (0, None),
        "activities": (0, None),
        "audit_details": (1, old),
    }
    removed = retention.run(store, "main", KEEP, NOW)
    assert removed == {"reviews": 1, "conflicts": 1, "audit_details": 1}
    assert [row["state"] for row in rows(store, reviews)] == ["open", "done"]
    assert count(store, conflicts) == 1
    said = {row["audit_id"]: row["details"] for row in rows(store, audit_details)}
    lines = rows(store, audit_lines)
    assert len(lines) == 2 + 3  # the lines stay, and a run says what it removed
    assert [said.get(line["id"]) for line in lines][:2] == [None, {"a": 1}]
    noted = [said[line["id"]]["kind"] for line in lines if line["actor"] == "retention"]
    assert noted == ["reviews", "conflicts", "audit_details"]


def test_tasks_and_messages_keep_their_line_and_key_but_not_their_words(store):
    old, young = NOW - 11 * DAY, NOW - 9 * DAY
    states = [
        ("sent", old),
        ("withheld", old),
        ("unknown", old),
        ("dead", old),
        ("sent", young),
        ("waiting", None),
    ]

    def fill(connection):
        for number, (state, at) in enumerate(states):
            row = {
                "space": "main", "key": f"k{number}", "kind": "message", "target": "slack", "lead_id": "l",
                "event": 1, "payload": {"rule": "New lead", "because": ["Ada is a CEO"]}, "needs": [],
                "state": state, "attempts": 1, "due_at": old, "patient_until": old, "raised_at": old,
                "settled_at": at, "in_flight": {"title": "Ada"},
            }  # fmt: skip
            connection.execute(sa.insert(outbox_effects).values(row))

    store.write(fill)
    assert due(store)["messages"] == (3, old)
    assert retention.run(store, "main", KEEP, NOW) == {"messages": 3}
    kept = rows(store, outbox_effects)
    assert [row["key"] for row in kept] == [f"k{number}" for number in range(6)]
    assert ["because" in row["payload"] for row in kept] == [False] * 3 + [True] * 3
    assert {row["payload"]["rule"] for row in kept} == {"New lead"}
    assert [row["in_flight"] is None for row in kept] == [True] * 3 + [False] * 3
    assert retention.run(store, "main", KEEP, NOW) == {}


def test_the_preview_says_what_a_run_then_removes(store, add):
    for days in (11, 12, 30):
        add(days)
    add(11, state="spam")
    before = due(store)
    assert before["posts"] == (3, NOW - 30 * DAY)
    assert before["spam"] == (1, NOW - 11 * DAY)
    removed = retention.run(store, "main", KEEP, NOW)
    assert removed == {kind: found for kind, (found, _) in before.items() if found}
    assert {found for found, _ in due(store).values()} == {0}


def test_nothing_goes_without_terms(store, add):
    add(4_000)
    assert retention.run(store, "main", {}, NOW) == {}
    assert due(store, {})["posts"] == (0, None)
    assert emptied(store) == set()


def test_a_run_goes_in_pieces_and_can_be_told_to_end(store, add, monkeypatch):
    monkeypatch.setattr(retention, "CHUNK", 2)
    for number in range(5):
        add(20 + number)
    writes = []
    write = store.write
    monkeypatch.setattr(store, "write", lambda work: writes.append(work) or write(work))
    retention.run(store, "main", KEEP, NOW, pause=lambda: len(writes) >= 2)
    assert len(emptied(store)) == 4
    retention.run(store, "main", KEEP, NOW)
    assert len(emptied(store)) == 5


def test_an_event_that_is_sent_on_its_way_meanwhile_is_left_alone(store, add, monkeypatch):
    """Between the look and the removal a person releases a spam post."""
    spam = add(20, state="spam")
    write = store.write

    def late(work):
        if getattr(work, "func", None) is retention._remove:
            add(0, state="waiting", kind="replay", payload={"event": spam, "came_in": spam})
        return write(work)

    monkeypatch.setattr(store, "write", late)
    retention.run(store, "main", KEEP, NOW)
    assert emptied(store) == set()
