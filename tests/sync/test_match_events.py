"""What matching one connection asks of another: parked, or behind everything else; and nobody is told."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest

from mappings.playbook import FollowUp
from model.priority import Priority
from scheduler.release import ReleaseJob
from sync import outbox, releases
from sync.outbox import PARKED
from sync.releases import DONE, Order
from sync.tables import outbox_changes
from tests.sync.house import HUBSPOT, SALESFORCE, House, a_house
from tests.sync.stores import rows
from tests.sync.test_effects import telling_playbook
from tests.sync.test_matching import fill, match_all, told

ADA, BOB = "ada@example.com", "bob@example.com"


def a_matched_house(store, *, observed: bool) -> House:
    """A house whose Salesforce has Ada and Bob; HubSpot has newer titles, not matched yet."""
    house = a_house(store)
    house.shut = {HUBSPOT: "hubspot is only observed"} if observed else {}
    for address in (ADA, BOB):
        house.post(email=address, title="CEO")
    house.decide()
    house.deliver(SALESFORCE)
    house.decide()
    house.clock.advance(60)
    for address in (ADA, BOB):
        house.crms[HUBSPOT].put("contacts", email=address, title="Countess")
    fill(house, HUBSPOT)
    return house


def wanted(house: House, name: str):
    """Return the rows of a connection that are not settled."""
    return [
        r for r in rows(house.store, outbox_changes) if r["connection"] == name and r["wanted"] > r["done"]
    ]


def test_matching_an_observed_connection_writes_nothing_to_one_that_is_written_to(store):
    house = a_matched_house(store, observed=True)
    assert match_all(house, HUBSPOT) == 2
    house.deliver(SALESFORCE)
    assert house.lead(ADA).fields["title"] == "Countess"
    assert house.crms[SALESFORCE].one(ADA)["title"] == "CEO"
    assert [row["due_at"] for row in wanted(house, SALESFORCE)] == [PARKED, PARKED]
    assert house.status().connections[SALESFORCE].backlog == 2


def test_what_matching_parked_is_let_out_by_a_go_live_with_its_brake(store):
    house = a_matched_house(store, observed=True)
    mode = partial(_write_to, name=SALESFORCE)
    mode(house)
    match_all(house, HUBSPOT)
    order = Order(SALESFORCE, "salesforce", "http://x", "7", 2, 1, "ada")
    job = ReleaseJob(store, house.clock, lambda: house.playbook)
    begin = partial(releases.begin, space="main", order=order, now=house.clock.now())
    store.write(begin)
    for _ in range(4):
        job.run()
        house.deliver(SALESFORCE)
        house.decide()
    titles = sorted(kept.fields["title"] for kept in house.crms[SALESFORCE].records.values())
    assert titles == ["CEO", "Countess"]
    assert house.status().connections[SALESFORCE].backlog == 1
    store.write(begin)
    for _ in range(4):
        job.run()
        house.deliver(SALESFORCE)
        house.decide()
    assert {kept.fields["title"] for kept in house.crms[SALESFORCE].records.values()} == {"Countess"}
    with store.snapshot() as snapshot:
        assert releases.load(snapshot, "main")[SALESFORCE].state == DONE


def _write_to(house: House, name: str) -> None:
    """Open a connection for which nothing has been gathered."""
    order = Order(name, name, "http://x", "7", 0, 25, "ada")
    house.store.write(partial(releases.begin, space="main", order=order, now=house.clock.now()))
    job = ReleaseJob(house.store, house.clock, lambda: house.playbook)
    for _ in range(4):
        job.run()
        house.deliver(name)


def test_a_change_that_is_due_already_stays_due(store):
    house = a_matched_house(store, observed=True)
    house.post(email=ADA, country="FR")
    house.decide()
    match_all(house, HUBSPOT)
    due = {row["entity_id"]: row["due_at"] for row in wanted(house, SALESFORCE)}
    assert due[house.lead_id(BOB)] == PARKED
    assert due[house.lead_id(ADA)] < PARKED


def test_a_new_post_does_not_wait_for_the_go_live(store):
    house = a_matched_house(store, observed=True)
    match_all(house, HUBSPOT)
    house.post(email=ADA, country="FR")
    house.decide()
    house.deliver(SALESFORCE)
    assert house.crms[SALESFORCE].one(ADA)["country"] == "FR"
    assert house.crms[SALESFORCE].one(BOB)["title"] == "CEO"


def test_matching_a_connection_that_is_written_to_goes_behind_all_else(store):
    house = a_matched_house(store, observed=False)
    match_all(house, HUBSPOT)
    raised = wanted(house, SALESFORCE)
    assert [row["priority"] for row in raised] == [Priority.RECONCILE] * 2
    house.settle()
    assert house.crms[SALESFORCE].one(ADA)["title"] == "Countess"


def test_of_two_wishes_for_a_row_the_one_that_is_due_counts(store):
    house = a_house(store)
    wish = partial(outbox.Raise, SALESFORCE, "Lead", "ld_1", (), Priority.RECONCILE)
    raises = [wish(), wish(is_parked=True)]
    store.write(partial(outbox.raise_wanted, space="main", raises=raises, now=house.clock.now()))
    [row] = wanted(house, SALESFORCE)
    assert row["due_at"] < PARKED


@pytest.mark.parametrize("observed", [True, False])
def test_nobody_is_told_of_who_was_in_a_crm_all_along(store, observed):
    plain = telling_playbook()
    [rule] = plain.notifications.rules
    on_stage = replace(plain.notifications, rules=(replace(rule, on="stage"),))
    house = a_house(store, playbook=replace(plain, notifications=on_stage, follow_up=FollowUp()))
    house.shut = {HUBSPOT: "hubspot is only observed"} if observed else {}
    house.post(email=ADA)
    house.decide()
    before = house.effects()
    house.clock.advance(60)
    house.crms[HUBSPOT].put("contacts", email=ADA, stage="sql")
    fill(house, HUBSPOT)
    assert match_all(house, HUBSPOT) == 1
    assert house.lead(ADA).stage == "sql", "which is a cause to tell people, had it just happened"
    assert house.effects() == before
    because = "matched with the mirror, which is no news: no task is made, nobody is told"
    assert because in told(house, ADA)
