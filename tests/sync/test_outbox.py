"""The outbox: level-triggered rows, their leases, and what becomes of them."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import partial

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import sqlite

from model.event import RecordRef
from model.priority import Priority
from sync import links, outbox
from sync.links import Agreed
from sync.outbox import Claim, Raise, Settled, Unsent
from sync.outbox.wanted import GIVEN_UP_ANEW, GONE_ANEW
from sync.tables import outbox_changes
from tests.builders import NOON, at
from tests.sync.stores import rows

TERM = timedelta(seconds=120)
FORCE = "salesforce"


def raised(store, *lead_ids: str, now: datetime = NOON, connection: str = "hubspot", needs=()):
    wanted = [Raise(connection, "contacts", lead_id, tuple(needs)) for lead_id in lead_ids]
    store.write(partial(outbox.raise_wanted, space="main", raises=wanted, now=now))


def due(store, now: datetime = NOON, connection: str = "hubspot", limit: int = 100, needs=()):
    with store.snapshot() as snapshot:
        return outbox.due(snapshot, "main", connection, now, limit, needs)


def lease(store, found, token: str = "t", now: datetime = NOON, **values):
    claims = [Claim(row, values) for row in found]
    return store.write(partial(outbox.lease, claims=claims, token=token, now=now, until=now + TERM))


def settle(store, *settled: Settled, now: datetime = NOON):
    store.write(partial(outbox.settle, settled=settled, now=now))


def held(store, ids, token: str = "t"):
    return store.write(partial(outbox.held, ids=ids, token=token))


def the_row(store, lead_id: str = "L1"):
    [row] = [row for row in rows(store, outbox_changes) if row["entity_id"] == lead_id]
    return row


def letters(store):
    with store.snapshot() as snapshot:
        return outbox.dead_letters(snapshot, "main")


def test_a_row_is_due_while_more_is_wanted_than_done(store):
    raised(store, "L1", "L1")
    raised(store, "L1")
    [row] = due(store)
    assert (row.wanted, row.done) == (2, 0)  # one raise a save: the same wish twice is one
    lease(store, [row])
    settle(store, Settled(row.id, done=2))
    assert due(store) == []
    raised(store, "L1")
    [row] = due(store)
    assert (row.wanted, row.done) == (3, 2)


def test_what_is_on_its_way_to_a_lead_and_to_the_contact_that_it_became_is_told_together(store):
    raises = [Raise(FORCE, name, "L1", ()) for name in ("Lead", "Contact")]
    store.write(partial(outbox.raise_wanted, space="main", raises=raises, now=NOON))
    [first] = due(store, connection=FORCE, limit=1)
    lease(store, [first], "a", title=["CEO"], phone=["1"])
    [second] = due(store, connection=FORCE, limit=1)
    lease(store, [second], "b", title=["CTO"])
    with store.snapshot() as snapshot:
        [sent] = outbox.in_flight(snapshot, "main", [FORCE], ["L1"]).values()
    assert {name: sorted(values) for name, values in sent.items()} == {
        "title": ["CEO", "CTO"],
        "phone": ["1"],
    }


def test_rows_are_due_in_order_up_to_the_limit_and_only_of_the_connection(store):
    raised(store, "L2", now=at(2))
    raised(store, "L1", now=at(1))
    raised(store, "L3", now=at(3))
    raised(store, "L9", now=at(0), connection=FORCE)
    assert [row.entity_id for row in due(store, at(5), limit=2)] == ["L1", "L2"]
    assert [row.entity_id for row in due(store, at(2))] == ["L1", "L2"]


def test_what_is_wanted_while_it_is_on_its_way_is_not_lost(store):
    raised(store, "L1")
    [row] = due(store)
    lease(store, [row], title="CTO")
    raised(store, "L1", now=at(1))
    assert due(store, at(1)) == []  # leased
    settle(store, Settled(row.id, done=row.wanted), now=at(1))
    [again] = due(store, at(1))
    assert (again.wanted, again.done, again.in_flight) == (2, 1, None)


def test_a_new_wish_does_not_shorten_a_wait(store):
    raised(store, "L1")
    [row] = due(store)
    lease(store, [row])
    settle(store, Settled(row.id, due_at=at(10), error="busy"))
    raised(store, "L1", now=at(1))
    assert the_row(store)["due_at"] == at(10)
    assert due(store, at(9)) == []
    [again] = due(store, at(10))
    assert (again.wanted, again.attempts, again.raised_at) == (2, 1, NOON)


def test_a_new_wish_revives_what_was_given_up_at_once(store):
    raised(store, "L1")
    [row] = due(store)
    lease(store, [row])
    settle(store, Settled(row.id, dead=row.wanted, error="INVALID"), now=at(1))
    assert due(store, at(60)) == []
    [letter] = letters(store)
    assert (letter.lead_id, letter.error, letter.at) == ("L1", "INVALID", at(1))
    raised(store, "L1", now=at(5))
    assert letters(store) == []
    [again] = due(store, at(5))
    assert (again.attempts, again.raised_at) == (0, at(5))
    lease(store, [again], now=at(5))
    settle(store, Settled(again.id, done=again.wanted), now=at(6))
    assert letters(store) == []
    assert the_row(store)["error"] is None


def test_a_change_wanted_while_the_older_one_is_given_up_is_still_due(store):
    raised(store, "L1")
    [row] = due(store)
    lease(store, [row])
    raised(store, "L1")
    settle(store, Settled(row.id, dead=row.wanted, error="INVALID"))
    assert letters(store) == []
    assert [one.wanted for one in due(store)] == [2]


def test_values_in_doubt_stay_on_the_row_and_others_do_not(store):
    raised(store, "L1", "L2")
    found = due(store)
    lease(store, found, title="CTO")
    settle(
        store,
        *(Settled(row.id, due_at=NOON, error="x", doubtful=row.entity_id == "L1") for row in found),
    )
    assert {row.entity_id: row.in_flight for row in due(store)} == {"L1": {"title": "CTO"}, "L2": None}


def test_a_lease_runs_out_and_leaves_the_values_in_doubt(store):
    raised(store, "L1")
    lease(store, due(store), title="CTO")
    assert due(store, NOON + TERM - timedelta(seconds=1)) == []
    [again] = due(store, NOON + TERM)
    assert (again.in_flight, again.attempts) == ({"title": "CTO"}, 1)


def test_one_who_lost_the_lease_holds_nothing(store):
    raised(store, "L1")
    [row] = due(store)
    assert lease(store, [row], "mine") == {row.id}
    later = NOON + TERM
    assert lease(store, due(store, later), "other", later) == {row.id}
    assert held(store, [row.id], "mine") == set()
    assert held(store, [row.id], "other") == {row.id}


@pytest.mark.parametrize("end", ["leased", "done", "postponed", "dead"])
def test_a_row_that_is_not_as_it_was_read_is_not_leased(store, end):
    """A slow claimer must not send from an old look after another has sent and settled."""
    raised(store, "L1", "L2")
    seen = due(store)
    first = [row for row in seen if row.entity_id == "L1"]
    lease(store, first, "other", title="CTO")
    [row] = first
    ends = {
        "done": Settled(row.id, done=row.wanted),
        "postponed": Settled(row.id, due_at=NOON, doubtful=True),
        "dead": Settled(row.id, dead=row.wanted, error="x"),
    }
    if end in ends:
        settle(store, ends[end])
    raised_again = end == "done"
    if raised_again:
        raised(store, "L1")
    assert lease(store, seen, "mine") == {one.id for one in seen if one.entity_id == "L2"}
    assert the_row(store)["in_flight"] == ({"title": "CTO"} if end in ("leased", "postponed") else None)


def test_claimers_at_once_never_get_the_same_row(store, opened):
    raised(store, *(f"L{n:03}" for n in range(40)))
    barrier = threading.Barrier(8)

    def claim(n: int):
        seen = due(store, limit=30)
        barrier.wait(10)
        return lease(store, seen, f"t{n}")

    with ThreadPoolExecutor(8) as pool:
        got = list(pool.map(claim, range(8)))
    assert sum(map(len, got)) == len(set().union(*got)) == 30
    tokens = {row["id"]: row["lease_token"] for row in rows(store, outbox_changes)}
    for n, ids in enumerate(got):
        assert {tokens[one] for one in ids} <= {f"t{n}"}


def test_rows_without_anything_to_send_are_done_and_hopeless_ones_say_why(store):
    raised(store, "L1", "L2", "L3")
    one, two, three = due(store)
    lease(store, [three], "other")
    unsent = [Unsent(one), Unsent(two, "left out"), Unsent(three)]
    store.write(partial(outbox.settle_unsent, unsent=unsent, now=at(1)))
    ends = {
        row["entity_id"]: (row["done"], row["dead"], row["lease_token"])
        for row in rows(store, outbox_changes)
    }
    assert ends == {"L1": (1, 0, None), "L2": (0, 1, None), "L3": (0, 0, "other")}
    assert [letter.error for letter in letters(store)] == ["left out"]


def test_freeing_all_leases_keeps_the_values_in_doubt(store):
    raised(store, "L1", "L2")
    lease(store, due(store, limit=1), title="CTO")
    assert store.write(partial(outbox.release_leases, space="main")) == 1
    assert {row.entity_id: row.in_flight for row in due(store)} == {"L1": {"title": "CTO"}, "L2": None}


# Needs -----------------------------------------------------------------------------------


def link(store, lead_id: str, connection: str = "hubspot"):
    agreed = [Agreed(lead_id, RecordRef(connection, "contacts", f"h-{lead_id}"), {}, {})]
    store.write(partial(links.LEADS.agree, space="main", deals=agreed, at=NOON, read_at=NOON))


def test_a_change_waits_for_the_links_it_needs(store):
    raised(store, "L1", "L2", connection=FORCE, needs=["hubspot"])
    raised(store, "L3", connection=FORCE)
    link(store, "L2")
    link(store, "L1", "other")
    assert [row.entity_id for row in due(store, connection=FORCE, needs=["hubspot"])] == ["L2", "L3"]


def orphans(store, now: datetime = NOON) -> int:
    return store.write(partial(outbox.give_up_orphans, space="main", now=now))


def test_what_needs_a_record_that_was_given_up_is_given_up_with_the_cause(store):
    raised(store, "L1", "L2")
    raised(store, "L1", "L2", "L3", connection=FORCE, needs=["hubspot"])
    raised(store, "L1", connection="other")
    link(store, "L2")  # that another lead has its record there changes nothing
    assert orphans(store) == 0
    [row] = [row for row in due(store) if row.entity_id == "L1"]
    lease(store, [row])
    settle(store, Settled(row.id, dead=row.wanted, error="INVALID_EMAIL"))
    assert orphans(store, at(1)) == 1
    assert orphans(store, at(1)) == 0
    [cause, orphan] = letters(store)
    assert (orphan.connection, orphan.lead_id, orphan.at) == (FORCE, "L1", at(1))
    assert "hubspot: INVALID_EMAIL" in orphan.error
    raised(store, "L1")  # the cause is mended: nothing is given up for it any more
    raised(store, "L1", connection=FORCE, needs=["hubspot"])
    assert orphans(store) == 0
    assert cause.connection == "hubspot"


def test_an_orphan_on_its_way_is_left_to_its_delivery(store):
    raised(store, "L1")
    [row] = due(store)
    settle(store, Settled(row.id, dead=row.wanted, error="x"))
    raised(store, "L1", connection=FORCE, needs=["hubspot"])
    lease(store, due(store, connection=FORCE))
    assert orphans(store) == 0


def test_looking_for_what_is_due_reads_an_index(store):
    raised(store, "L1")
    if store.dialect == "postgresql":
        return  # on so small a table PostgreSQL rightly reads it through
    statement = (
        "EXPLAIN QUERY PLAN SELECT id FROM outbox_changes WHERE space = 'main' AND connection = 'hubspot' "
        "AND wanted > done AND wanted > dead AND due_at <= 'x' ORDER BY due_at, id LIMIT 10"
    )
    with store.snapshot() as snapshot:
        plan = str(snapshot.execute(sa.text(statement)).all())
    assert "ix_outbox_changes_due" in plan


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("statement", [GONE_ANEW, GIVEN_UP_ANEW], ids=["gone", "given up"])
def test_what_is_planned_anew_is_found_by_its_owner(store, statement):
    text = str(statement.compile(dialect=sqlite.dialect(), compile_kwargs={"render_postcompile": True}))
    with store.snapshot() as snapshot:
        marks = text.count("?")
        plan = snapshot.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", ("x",) * marks).all()
    assert "(entity_id=?" in str(plan)


# Priorities ------------------------------------------------------------------------------


def wished(store, lead_id: str, priority: Priority, now: datetime = NOON):
    wish = Raise("hubspot", "contacts", lead_id, priority=priority)
    store.write(partial(outbox.raise_wanted, space="main", raises=[wish], now=now))


def due_leads(store, limit: int = 100, *, last_first: bool = False):
    with store.snapshot() as snapshot:
        found = outbox.due(snapshot, "main", "hubspot", at(60), limit, (), last_first=last_first)
    return [row.entity_id for row in found]


def test_a_new_lead_goes_before_thousands_that_a_reconcile_raised(store):
    wishes = [Raise("hubspot", "contacts", f"old{n}", priority=Priority.RECONCILE) for n in range(2000)]
    store.write(partial(outbox.raise_wanted, space="main", raises=wishes, now=NOON))
    wished(store, "known", Priority.PEOPLE, at(5))
    wished(store, "new", Priority.SPEED_TO_LEAD, at(9))
    assert due_leads(store, 3)[:2] == ["new", "known"]
    assert due_leads(store, 100, last_first=True)[0] == "old0"
    assert len(due_leads(store, 100)) == 100


def test_rows_of_one_priority_go_by_age(store):
    for n in (3, 1, 2):
        wished(store, f"L{n}", Priority.PEOPLE, at(n))
    assert due_leads(store) == due_leads(store, last_first=True) == ["L1", "L2", "L3"]


def test_of_several_wishes_the_first_priority_counts_until_the_row_rests(store):
    wished(store, "L1", Priority.RECONCILE)
    wished(store, "L1", Priority.SPEED_TO_LEAD)
    wished(store, "L1", Priority.BACKFILL)
    [row] = due(store)
    assert (row.priority, row.wanted) == (Priority.SPEED_TO_LEAD, 3)
    lease(store, [row])
    settle(store, Settled(row.id, done=3))
    wished(store, "L1", Priority.RECONCILE)
    assert due(store)[0].priority == Priority.RECONCILE


def test_of_two_wishes_in_one_save_the_first_priority_counts_once(store):
    wishes = [Raise("hubspot", "contacts", "L1", priority=one) for one in (1, 0, 4)]
    store.write(partial(outbox.raise_wanted, space="main", raises=wishes, now=NOON))
    assert [(row.priority, row.wanted) for row in due(store)] == [(0, 1)]


def test_a_lease_is_renewed_where_it_is_still_ours(store):
    raised(store, "L1", "L2")
    found = due(store)
    lease(store, found, "mine")
    ids = [row.id for row in found]
    later = NOON + 3 * TERM
    assert store.write(partial(outbox.renew, ids=ids, token="mine", until=later))
    assert due(store, NOON + 2 * TERM) == []
    assert len(due(store, later)) == 2
    lease(store, due(store, later), "theirs", now=later)
    assert not store.write(partial(outbox.renew, ids=ids, token="mine", until=later + TERM))


def test_a_parked_row_is_made_due_by_a_post_and_not_by_what_a_crm_said(store):
    def wish(**more):
        one = Raise("hubspot", "contacts", "L1", **more)
        store.write(partial(outbox.raise_wanted, space="main", raises=[one], now=NOON))

    wish(is_parked=True)
    wish(is_answer=True)
    assert due(store) == []
    [row] = rows(store, outbox_changes)
    assert (row["wanted"], row["due_at"]) == (2, outbox.PARKED)
    wish()
    [row] = due(store)
    assert row.wanted == 3
    lease(store, [row])
    settle(store, Settled(row.id, done=row.wanted))
    wish(is_answer=True)  # nothing was parked any more
    assert [row.wanted for row in due(store)] == [4]
