"""The counts: every post ends in exactly one place, and the sum says so at every moment."""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa

from handlers.registry import build
from sync import status, tables
from sync.database import Store
from sync.status import ConnectionCount, SourceCount
from tests.builders import NOON
from tests.sync.house import HUBSPOT, SALESFORCE, FailsOn, a_house, house_playbook


def ends_of(count: SourceCount) -> int:
    """Return the sum of where the events of a source ended."""
    return (
        count.delivered
        + count.merged
        + count.review
        + count.quarantined
        + count.spam
        + count.dead
        + count.in_flight
    )


def test_received_is_the_sum_of_the_ends_at_every_step(store):
    playbook = house_playbook()
    house = a_house(store, playbook=playbook, handlers=[*build(playbook), ("fails", FailsOn("Bad"))])
    house.crms[HUBSPOT].next("create", rejects="rejected@")
    house.crms[SALESFORCE].next("create", refused="503", wait=5)
    house.post(email="ada@example.com")
    house.post(email="ada@example.com", title="CEO")
    house.post(email="rejected@example.com")
    house.post(email="info@example.com")
    house.post(email="not an address")
    house.post(email="s@example.com", website_url="http://buy")
    house.post(email="d@example.com", company="Bad")
    house.post(event_id="post-1", email="ada@example.com")  # a repeat

    def look() -> SourceCount:
        count = house.status().sources["website"]
        assert (count.received, count.duplicates, ends_of(count)) == (7, 1, 7)
        return count

    assert look().in_flight == 7
    while house.decider.decide_batch(1):
        look()
    assert look().in_flight == 3
    house.deliver(HUBSPOT)
    assert look().in_flight == 3  # their records in Salesforce are on the way
    house.settle()
    assert look() == SourceCount(7, 1, delivered=1, merged=1, review=1, quarantined=1, spam=1, dead=2)
    found = house.status()
    assert found.leads == 2
    assert sum(found.leads_by_stage.values()) == 2
    assert {name: (c.due, c.waiting, c.dead, c.done) for name, c in found.connections.items()} == {
        HUBSPOT: (0, 0, 1, 1),
        SALESFORCE: (0, 0, 0, 2),
    }


def test_only_writing_connections_keep_a_person_from_having_arrived(store):
    house = a_house(store)
    house.post(email="ada@example.com")
    house.decide()
    house.deliver(HUBSPOT)
    assert house.status(HUBSPOT).sources["website"].delivered == 1
    assert house.status(HUBSPOT, SALESFORCE).sources["website"].in_flight == 1


def test_a_record_that_was_found_is_on_its_way_until_it_is_merged(store):
    house = a_house(store)
    house.crms[HUBSPOT].put(email="ada@example.com", lead_id="")
    house.post(email="ada@example.com")
    house.decide()
    house.deliver(HUBSPOT)
    assert house.status(HUBSPOT).sources["website"].in_flight == 1
    house.settle()
    assert house.status(HUBSPOT).sources["website"].delivered == 1


def test_queues_tell_what_waits_and_since_when(store):
    house = a_house(store)
    house.post(email="ada@example.com")
    house.post(email="not an address")
    with store.snapshot() as snapshot:
        assert status.queues(snapshot, "main", NOON).events["waiting"] == 2
    house.decide()
    house.crms[HUBSPOT].next("create", refused="503", wait=60)
    house.deliver(HUBSPOT)
    with store.snapshot() as snapshot:
        found = status.queues(snapshot, "main", NOON)
    assert found.events == {"waiting": 0, "dead": 0, "quarantined": 1, "review": 0}
    assert (found.connections[HUBSPOT].waiting, found.connections[SALESFORCE].due) == (1, 1)
    assert found.connections[SALESFORCE].oldest_due == NOON
    assert house.status().as_dict()["connections"][SALESFORCE]["oldest_due"].startswith("2026-03-02T12")


def test_another_spaces_events_are_not_counted(store):
    house = a_house(store)
    house.post(email="ada@example.com")
    with store.snapshot() as snapshot:
        other = status.read(snapshot, "other", [HUBSPOT], NOON)
    assert (other.sources, other.connections, other.leads) == ({}, {}, 0)


def test_a_scrape_reads_no_change_that_is_done(store):
    """The outbox keeps a row for every person for ever: a scrape goes by the partial indexes."""
    done = {"entity_kind": "lead", "done": 1, "wanted": 1, "dead": 0, "needs": [], "attempts": 1}
    one = {"space": "main", "object": "o", "due_at": NOON, "raised_at": NOON} | done
    change = [
        one | {"connection": name, "entity_id": f"ld_{n}"}
        for n in range(2000)
        for name in (HUBSPOT, SALESFORCE)
    ]
    change[0] |= {"wanted": 2}
    change[2] |= {"wanted": 2, "due_at": NOON + timedelta(seconds=1)}
    change[4] |= {"done": 0, "dead": 1}
    change[6] |= {"wanted": 3, "dead": 2}  # given up once, and raised since
    store.write(lambda connection: connection.execute(sa.insert(tables.outbox_changes), change))
    if store.dialect == "postgresql":
        store.write(lambda connection: connection.execute(sa.text("ANALYZE outbox_changes")))
    asked = []
    with store.snapshot() as snapshot:

        @sa.event.listens_for(snapshot, "before_cursor_execute")
        def keep(_connection, _cursor, statement, parameters, *_more):
            asked.append((statement, parameters))

        found = status.queues(snapshot, "main", NOON)
        explain = "EXPLAIN QUERY PLAN " if store.dialect == "sqlite" else "EXPLAIN "
        plans = [
            "\n".join(str(row[-1]) for row in snapshot.exec_driver_sql(explain + statement, parameters))
            for statement, parameters in list(asked)
            if "outbox_changes" in statement
        ]
    assert found.connections == {HUBSPOT: ConnectionCount(due=2, waiting=1, dead=1, oldest_due=NOON)}
    assert "ix_outbox_changes_due" in plans[0]
    assert "ix_outbox_changes_letters" in plans[1]
    assert len(plans) == 2
    everything = house_counts(store)
    assert (everything[HUBSPOT].due, everything[HUBSPOT].waiting, everything[HUBSPOT].dead) == (2, 1, 1)
    assert (everything[HUBSPOT].done, everything[SALESFORCE].done) == (1996, 2000)


def house_counts(store: Store) -> dict[str, ConnectionCount]:
    """Return what `status` says of the outbox, which counts all of it."""
    with store.snapshot() as snapshot:
        return status.read(snapshot, "main", [HUBSPOT, SALESFORCE], NOON).connections
