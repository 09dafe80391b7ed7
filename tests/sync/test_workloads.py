"""What somebody was given and owns is counted from the store, once a batch, and only where rules ask."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from mappings.playbook import Absence, Credit, Person, Share
from model.decision import GIVEN
from model.hours import Calendar, Span
from sync import seats, tables, workloads
from sync.fairness import portions
from tests.builders import NOON, a_pool, a_routing, field_is, place
from tests.sync.followed import ADA, a_poll, known, look
from tests.sync.house import HUBSPOT, a_house, house_playbook
from tests.sync.stores import rows

ANN, BO, CY = "ann@example.com", "bo@example.com", "cy@example.com"
BERLIN = ZoneInfo("Europe/Berlin")
ALWAYS = Calendar("always", BERLIN, ((Span(0, 1440),),) * 7, {}, frozenset())
DAY = 24 * 3600


def a_person(email, **given):
    return Person(email, place(50), **given)


def routing(*people, pools=None, **given):
    made = a_routing(pools=pools or [a_pool("everyone", ANN, BO)])
    return replace(made, people={one.email: one for one in people}, sticky_place=place(2), **given)


def house_with(store, rules, **given):
    return a_house(store, playbook=house_playbook(routing=rules, **given), rosters=False)


def posted(house, *names, decide_each=False, **fields):
    for name in names:
        house.post(email=f"{name}@{fields.get('at', 'gmail.com')}", country="DE")
        if decide_each:
            house.decide()
    house.decide()
    return [house.lead(f"{name}@{fields.get('at', 'gmail.com')}").owner for name in names]


@pytest.mark.parametrize("decide_each", [True, False])
def test_a_cap_holds_within_a_batch_and_between_batches_and_ends_with_its_day(store, decide_each):
    house = house_with(store, routing(a_person(ANN, calendar=ALWAYS, caps={"day": 2})))
    got = posted(house, *"abcdef", decide_each=decide_each)
    assert Counter(got) == {ANN: 2, BO: 4}
    house.clock.advance(11 * 3600 - 1)  # noon is 13:00 in Berlin: a second before midnight
    assert posted(house, "g") == [BO]
    house.clock.advance(1)
    assert posted(house, "h", "i", "j").count(ANN) == 2


@pytest.mark.parametrize("decide_each", [True, False])
def test_open_leads_are_counted_and_those_that_are_set_aside_are_not(store, decide_each):
    house = house_with(store, routing(a_person(ANN, open_leads=2)))
    assert Counter(posted(house, *"abcde", decide_each=decide_each)) == {ANN: 2, BO: 3}
    with store.snapshot() as snapshot:
        own = sa.select(tables.leads.c.id).where(tables.leads.c.owner == ANN).order_by(tables.leads.c.id)
        first = snapshot.execute(own).scalars().first()
    store.write(
        lambda on: on.execute(
            sa.update(tables.leads).where(tables.leads.c.id == first).values(stage="nurture")
        )
    )
    assert ANN in posted(house, "f", "g")


@pytest.mark.parametrize("decide_each", [True, False])
def test_leads_of_one_company_have_one_owner(store, decide_each):
    house = house_with(store, routing(is_sticky=True))
    assert "account" in house.playbook.pipeline
    posted(house, "u", "v")  # both have had a turn
    first, *others = posted(house, *"abcd", at="acme.example", decide_each=decide_each)
    assert others == [first] * 3
    assert [row["way"] for row in rows(store, tables.assignments)] == ["turn"] * 3 + ["sticky"] * 3
    assert set(posted(house, "x", "y", "z", at="gmail.com")) == {BO if first == ANN else ANN}


def test_an_absence_is_minded_and_a_share_counts_what_was_given_before(store):
    gone = a_person(ANN, absent=(Absence(date(2026, 3, 2), date(2026, 3, 2)),))
    top = Share("Top", field_is("country", "DE"), "senior", 0.25, 8, place(40))
    rules = routing(gone, pools=[a_pool("senior", CY), a_pool("everyone", ANN, BO)], shares=(top,))
    got = posted(house_with(store, rules), *"abcdefgh", decide_each=True)
    assert got == [BO, BO, BO, CY] * 2


def test_where_the_rotation_stands_is_kept(store):
    house = house_with(store, routing())
    posted(house, *"abc")
    with store.snapshot() as snapshot:
        kept = seats.load(snapshot, "main")["everyone"]
    assert {email: (seat.virtual_time, seat.clock) for email, seat in kept.items()} == {
        ANN: (2.0, 1.0),
        BO: (1.0, 0.0),
    }


def test_nothing_is_read_where_no_rule_asks(store):
    house = house_with(store, routing(a_person(ANN, calendar=ALWAYS)))
    with store.snapshot() as snapshot:
        assert workloads.load(snapshot, "main", house.playbook, ["x"], ["y"], NOON) is None


def test_the_words_of_the_index_name_the_ways_that_count():
    named = ", ".join(f"'{way}'" for way in sorted(GIVEN))
    assert str(tables.GIVEN_BY_RULES) == f"way IN ({named})"


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("asks", "index"),
    [
        ("caps", "ix_assignments_owner (space=? AND owner=? AND at>?)"),
        ("open_leads", "ix_leads_owner_stage (space=? AND owner=? AND stage=? AND is_test=?)"),
        ("shares", "ix_assignments_given (space=?)"),
        ("sticky", "ix_leads_account_id (account_id=?)"),
    ],
)
def test_counts_are_answered_by_an_index(store, asks, index):
    """On SQLite, where the plan does not depend on what is in the tables."""
    settings = {"caps": {"caps": {"month": 9}}, "open_leads": {"open_leads": 9}}.get(asks, {})
    top = Share("Top", field_is("country", "DE"), "everyone", 0.25, 8, place(40))
    shares = (top,) if asks == "shares" else ()
    rules = routing(a_person(ANN, **settings), shares=shares, is_sticky=asks == "sticky")
    plans = []
    with store.snapshot() as snapshot:

        def explain(connection, cursor, statement, parameters, context, many):
            if statement.startswith("SELECT"):
                plan = connection.connection.cursor().execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
                plans.extend(row[3] for row in plan.fetchall())

        sa.event.listen(snapshot, "before_cursor_execute", explain)
        workloads.load(snapshot, "main", house_playbook(routing=rules), [], ["ac_1"], NOON)
        sa.event.remove(snapshot, "before_cursor_execute", explain)
    read = [plan for plan in plans if "B-TREE" not in plan]
    assert [plan.split("INDEX ")[-1] for plan in read] == [index]


def test_who_had_a_lead_before_is_known(store):
    pool = replace(a_pool("everyone", ANN, BO), skip_earlier_owners=True)
    house = house_with(store, routing(pools=[pool]))
    [first] = posted(house, "a")
    lead_id = house.lead_id("a@gmail.com")
    with store.snapshot() as snapshot:
        read = workloads.load(snapshot, "main", house.playbook, [lead_id, "nobody"], [], NOON)
    assert read is not None
    assert read.earlier_owners == {lead_id: {first}}


def test_who_had_a_lead_does_not_get_it_again_when_a_crm_takes_it_from_them(store):
    pool = replace(a_pool("everyone", ANN, BO), skip_earlier_owners=True)
    playbook = house_playbook(routing=routing(pools=[pool]))
    objects = {
        name: replace(
            each, fields=tuple(replace(one, allow_clear=one.field == "owner") for one in each.fields)
        )
        for name, each in playbook.crms[HUBSPOT].objects.items()
    }
    crms = {**playbook.crms, HUBSPOT: replace(playbook.crms[HUBSPOT], objects=objects)}
    house = a_house(store, playbook=replace(playbook, crms=crms))
    ids = known(house, country="DE")
    assert house.lead(ADA).owner == ANN
    posted(house, "z")  # and so it is Ann's turn again
    poll = a_poll(house)
    look(poll)
    house.decide()
    house.clock.advance(3600)
    house.crms[HUBSPOT].edit(ids[HUBSPOT], owner="")
    assert look(poll, 3600) > 0
    house.decide()
    house.settle()
    assert [(row["owner"]) for row in rows(store, tables.assignments)] == [ANN, BO, BO]
    assert house.lead(ADA).owner == BO


def test_fairness_is_read_from_the_ledger(store):
    pool = a_pool("everyone", (ANN, 2.0), BO)
    house = house_with(store, routing(pools=[pool]))
    posted(house, *"abcdef")
    house.clock.advance(2 * DAY)
    posted(house, *"ghi")
    smaller = a_pool("everyone", (ANN, 2.0), CY)

    def told(of, since=None):
        with store.snapshot() as snapshot:
            found = portions(snapshot, "main", [of], since)
        return [(one.email, one.weight, one.turns, one.got, one.expected) for one in found]

    assert told(pool) == [(ANN, 2.0, 6, 6, 6.0), (BO, 1.0, 3, 3, 3.0)]
    assert told(pool, datetime(2026, 3, 3, tzinfo=UTC)) == [(ANN, 2.0, 2, 2, 2.0), (BO, 1.0, 1, 1, 1.0)]
    assert told(smaller) == [(ANN, 2.0, 6, 6, 4.0), (BO, None, 3, 3, 0.0), (CY, 1.0, 0, 0, 2.0)]


@pytest.mark.parametrize("decide_each", [True, False])
def test_a_turn_is_given_back_once_and_kept_in_the_store(store, decide_each):
    spam = Credit(place(60), when=field_is("last_name", "Nobody"))
    house = house_with(store, routing(pools=[replace(a_pool("everyone", ANN, BO), credit=spam)]))
    first, second = posted(house, "a", "b", decide_each=decide_each)
    for _ in range(2):
        house.post(email="a@gmail.com", last_name="Nobody")
        if decide_each:
            house.decide()
    house.decide()
    assert Counter(row["way"] for row in rows(store, tables.assignments)) == {"turn": 2, "credit": 1}
    with store.snapshot() as snapshot:
        assert seats.load(snapshot, "main")["everyone"][first].credit == 1
    assert posted(house, *"cde", decide_each=decide_each) == [first, second, first]
    with store.snapshot() as snapshot:
        found = portions(snapshot, "main", house.playbook.routing.pools.values(), None)
    assert {one.email: (one.turns, one.given_back, one.got) for one in found} == {
        first: (3, 1, 2),
        second: (2, 0, 2),
    }


def test_a_month_has_so_many_turns_to_give_back(store):
    spam = Credit(place(60), when=field_is("last_name", "Nobody"), per_month=1)
    house = house_with(store, routing(pools=[replace(a_pool("everyone", ANN), credit=spam)]))
    posted(house, *"abc")
    for name in "ab":
        house.post(email=f"{name}@gmail.com", last_name="Nobody")
        house.decide()
    ways = [row["way"] for row in rows(store, tables.assignments)]
    assert ways == ["turn"] * 3 + ["credit"]
    house.clock.advance(31 * DAY)
    house.post(email="c@gmail.com", last_name="Nobody")
    house.decide()
    assert [row["way"] for row in rows(store, tables.assignments)] == [*ways, "credit"]
