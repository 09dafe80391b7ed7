"""Going live: what was gathered is let out in pieces, never twice, never more than was agreed to."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest
import sqlalchemy as sa

from model.errors import LeadRelayError
from scheduler.release import ReleaseJob
from sync import connections, outbox, releases
from sync.connections import StoredConnection
from sync.outbox import PARKED
from sync.releases import DONE, HELD, PREPARING, RELEASING, STOPPED, Order
from sync.tables import outbox_changes
from tests.sync.house import HUBSPOT, SALESFORCE, House, a_house


class Gathered:
    """A house whose HubSpot is observed, with the job that goes live."""

    def __init__(self, store):
        self.house: House = a_house(store)
        self.store, self.clock = store, self.house.clock
        self.job = ReleaseJob(store, self.clock, lambda: self.house.playbook)

    def post(self, *numbers):
        for number in numbers:
            self.house.post(email=f"p{number}@x.example", first_name=f"P{number}")
        self.house.decide()

    def go_live(self, expected, at_most=None):
        order = Order(HUBSPOT, "hubspot", "http://x", "7", expected, at_most or expected + 25, "ada")
        return self.store.write(partial(releases.begin, space="main", order=order, now=self.clock.now()))

    def release(self):
        with self.store.snapshot() as snapshot:
            return releases.load(snapshot, "main")[HUBSPOT]

    def mode(self):
        with self.store.snapshot() as snapshot:
            return connections.load(snapshot, "main")[HUBSPOT].mode

    def parked(self):
        with self.store.snapshot() as snapshot:
            return releases.backlog(snapshot, "main").get(HUBSPOT, 0)

    def run(self, rounds=6):
        """Let the job and delivery work in turns, as the daemon does once HubSpot is written to."""
        for _ in range(rounds):
            self.job.run()
            if self.mode() == "write":
                self.house.deliver(HUBSPOT)
                self.house.decide()

    def records(self):
        return sorted(kept.fields["email"] for kept in self.house.crms[HUBSPOT].records.values())


@pytest.fixture
def gathered(store):
    return Gathered(store)


def test_all_that_was_gathered_is_written_once_and_the_release_is_done(gathered):
    gathered.post(*range(30))
    assert gathered.go_live(30).state == PREPARING
    assert gathered.mode() == "observe"
    gathered.run()
    release = gathered.release()
    assert (release.state, release.released, release.written) == (DONE, 30, 30)
    assert gathered.mode() == "write"
    assert gathered.records() == sorted(f"p{n}@x.example" for n in range(30))


def test_it_is_let_out_in_pieces(gathered, monkeypatch):
    monkeypatch.setattr("scheduler.release.AHEAD", 10)
    monkeypatch.setattr("scheduler.release.PIECE", 7)
    gathered.post(*range(25))
    gathered.go_live(25)
    gathered.job.run()
    assert (gathered.mode(), gathered.parked()) == ("write", 25)
    gathered.job.run()
    assert gathered.parked() == 15
    gathered.job.run()
    assert gathered.parked() == 15, "no more before delivery has dealt with those"
    gathered.house.deliver(HUBSPOT)
    gathered.job.run()
    assert gathered.parked() == 5


def test_the_brake_holds_at_what_was_agreed_to_and_a_second_go_live_goes_on(gathered):
    gathered.post(*range(20))
    gathered.go_live(20, at_most=8)
    gathered.run()
    release = gathered.release()
    assert (release.state, release.written, gathered.parked()) == (HELD, 8, 12)
    assert release.reason == "8 records were written, and 8 were agreed to"
    assert len(gathered.records()) == 8
    again = gathered.go_live(12)
    assert (again.number, again.state, again.written) == (2, RELEASING, 0)
    gathered.run()
    assert gathered.release().state == DONE
    assert len(gathered.records()) == 20


def test_the_brake_counts_whom_the_decider_has_still_to_merge(gathered):
    for number in range(6):
        gathered.house.crms[HUBSPOT].put("contacts", email=f"p{number}@x.example")
    gathered.post(*range(6))
    gathered.go_live(6, at_most=2)
    for _ in range(4):  # delivery finds who is there, and settles the rows; the decider is behind
        gathered.job.run()
        if gathered.mode() == "write":
            gathered.house.deliver(HUBSPOT)
    assert (gathered.release().released, gathered.parked()) == (2, 4)
    gathered.run()
    assert (gathered.release().state, gathered.release().written, gathered.parked()) == (HELD, 2, 4)
    written = [one for one in gathered.house.crms[HUBSPOT].records.values() if one.fields.get("first_name")]
    assert len(written) == 2


def test_a_release_is_not_over_before_the_last_record_that_was_found_is_merged(gathered):
    gathered.house.crms[HUBSPOT].put("contacts", email="p1@x.example")
    gathered.post(1)
    gathered.go_live(1)
    for _ in range(4):
        gathered.job.run()
        if gathered.mode() == "write":
            gathered.house.deliver(HUBSPOT)
    assert gathered.release().state == RELEASING
    gathered.run()
    assert (gathered.release().state, gathered.release().written) == (DONE, 1)


def test_associations_that_wait_for_their_people_do_not_hold_the_people_up(gathered, monkeypatch):
    monkeypatch.setattr("scheduler.release.AHEAD", 3)
    gathered.post(*range(6))
    first = sa.select(outbox_changes.c.id).where(outbox_changes.c.connection == HUBSPOT).limit(4)
    turned = sa.update(outbox_changes).where(outbox_changes.c.id.in_(first.order_by(outbox_changes.c.id)))
    waiting = turned.values(entity_kind="association", object="companies")
    assert gathered.store.write(lambda connection: connection.execute(waiting).rowcount) == 4
    gathered.go_live(6)
    for _ in range(8):  # more of them than are let out ahead, and none can be delivered
        gathered.job.run()
        if gathered.mode() == "write":
            done = sa.update(outbox_changes).where(
                outbox_changes.c.connection == HUBSPOT,
                outbox_changes.c.entity_kind == "lead",
                outbox_changes.c.release.is_not(None),
            )
            settled = done.values(done=outbox_changes.c.wanted)
            gathered.store.write(lambda connection, settled=settled: connection.execute(settled))
    assert gathered.parked() == 0


def test_a_second_go_live_takes_over_what_the_first_has_let_out(gathered, monkeypatch):
    monkeypatch.setattr("scheduler.release.AHEAD", 6)
    gathered.post(*range(20))
    gathered.go_live(20)
    gathered.job.run()
    gathered.job.run()
    gathered.go_live(20, at_most=10)
    gathered.run()
    release = gathered.release()
    assert (release.number, release.state, release.written) == (2, HELD, 10)
    assert len(gathered.records()) == 10


def test_a_fresh_post_does_not_wait_behind_what_was_gathered(gathered, monkeypatch):
    monkeypatch.setattr("scheduler.release.AHEAD", 5)
    gathered.post(*range(20))
    gathered.go_live(20)
    gathered.job.run()
    gathered.job.run()
    gathered.clock.advance(1)
    gathered.post("new", 19)  # a new person, and one of those that are parked
    target = gathered.house.targets[HUBSPOT]
    with gathered.store.snapshot() as snapshot:
        rows = outbox.due(snapshot, "main", HUBSPOT, target.clock.now(), 2, ())
    leads = {gathered.house.lead_id("pnew@x.example"), gathered.house.lead_id("p19@x.example")}
    assert {row.entity_id for row in rows} == leads
    assert [row.release for row in rows] == [None, None]


def test_a_fresh_post_goes_out_where_the_release_is_held(gathered):
    gathered.post(*range(10))
    gathered.go_live(10, at_most=3)
    gathered.run()
    gathered.post("new", 9)
    gathered.run(1)
    assert {"pnew@x.example", "p9@x.example"} <= set(gathered.records())
    assert len(gathered.records()) == 5


def test_a_record_counts_once_however_often_it_is_written(gathered):
    gathered.post(*range(10))
    gathered.go_live(10, at_most=10)
    gathered.run(2)
    assert gathered.release().written == 10
    for number in range(10):
        gathered.house.post(email=f"p{number}@x.example", country="FR")
    gathered.house.decide()
    gathered.run()
    release = gathered.release()
    assert (release.state, release.written) == (DONE, 10)
    assert {one.fields["country"] for one in gathered.house.crms[HUBSPOT].records.values()} == {"FR"}


def test_the_brake_takes_back_what_it_had_let_out(gathered, monkeypatch):
    gathered.post(*range(10))
    gathered.go_live(10)
    gathered.job.run()
    gathered.job.run()
    assert gathered.parked() == 0
    wrote = partial(releases.count_written, space="main", name=HUBSPOT, number=1, rows=range(1_000, 1_036))
    gathered.store.write(partial(wrote, now=gathered.clock.now()))
    assert gathered.release().state == HELD
    gathered.job.run()
    assert gathered.parked() == 10


def test_leads_that_came_before_the_connection_get_their_rows(gathered):
    gathered.post(*range(12))
    with_none = sa.delete(outbox_changes).where(outbox_changes.c.connection == HUBSPOT)
    gathered.store.write(lambda connection: connection.execute(with_none))
    gathered.go_live(12)
    gathered.run()
    release = gathered.release()
    assert (release.state, release.written) == (DONE, 12)
    assert len(gathered.records()) == 12


def test_a_dead_letter_is_not_revived(gathered):
    gathered.post(1, 2)
    dead = sa.update(outbox_changes).where(
        outbox_changes.c.connection == HUBSPOT,
        outbox_changes.c.entity_id == gathered.house.lead_id("p1@x.example"),
    )
    gathered.store.write(lambda connection: connection.execute(dead.values(dead=outbox_changes.c.wanted)))
    gathered.go_live(1)
    gathered.run()
    assert gathered.records() == ["p2@x.example"]


def test_a_process_that_dies_at_any_step_leaves_a_state_to_go_on_from(gathered, monkeypatch):
    monkeypatch.setattr("scheduler.release.AHEAD", 4)
    monkeypatch.setattr("scheduler.release.PIECE", 3)
    gathered.post(*range(15))
    gathered.go_live(15)
    for _ in range(60):
        gathered.job = ReleaseJob(gathered.store, gathered.clock, lambda: gathered.house.playbook)
        gathered.job.run()
        gathered.job.run()  # a second process at the same moment
        if gathered.mode() == "write":
            gathered.house.deliver(HUBSPOT)
    release = gathered.release()
    assert (release.state, release.released, release.written) == (DONE, 15, 15)
    assert len(gathered.records()) == 15


def test_the_same_step_taken_twice_from_one_reading_lets_nothing_out_twice(gathered):
    gathered.post(*range(6))
    gathered.go_live(6)
    gathered.job.run()
    stale = gathered.release()
    step = partial(releases.let_out, space="main", release=stale, ahead=6, needs=(), now=gathered.clock.now())
    assert [gathered.store.write(step), gathered.store.write(step)] == [6, 0]
    raised = outbox.Raise(HUBSPOT, "contacts", "ld_nobody")
    look = partial(releases.raise_missing, space="main", release=stale, upto="ld_a", now=gathered.clock.now())
    for _ in range(2):
        gathered.store.write(partial(look, raises=[raised]))
    with gathered.store.snapshot() as snapshot:
        row = snapshot.execute(sa.select(outbox_changes).filter_by(entity_id="ld_nobody")).one()
    assert (row.wanted, row.due_at) == (1, PARKED)


def test_what_needs_another_connections_record_waits_for_it(gathered):
    crms = gathered.house.playbook.crms
    needing = replace(crms[HUBSPOT], needs=(SALESFORCE,))
    gathered.house.playbook = replace(gathered.house.playbook, crms={**crms, HUBSPOT: needing})
    gathered.post(1, 2)
    named = sa.update(outbox_changes).where(outbox_changes.c.connection == HUBSPOT).values(needs=[SALESFORCE])
    gathered.store.write(lambda connection: connection.execute(named))
    gathered.go_live(2)
    gathered.run()
    assert (gathered.release().state, gathered.parked(), gathered.records()) == (RELEASING, 2, [])
    gathered.house.deliver(SALESFORCE)
    gathered.run()
    assert (gathered.release().state, len(gathered.records())) == (DONE, 2)


def test_observed_again_nothing_is_let_out_and_going_live_again_takes_all_along(gathered, monkeypatch):
    monkeypatch.setattr("scheduler.release.AHEAD", 4)
    gathered.post(*range(10))
    gathered.go_live(10)
    gathered.job.run()
    gathered.job.run()
    gathered.store.write(
        partial(releases.observe, space="main", name=HUBSPOT, by="bo", now=gathered.clock.now())
    )
    gathered.job.run()
    release = gathered.release()
    assert (gathered.mode(), release.state, release.reason) == ("observe", STOPPED, "observed again, by bo")
    assert gathered.parked() == 6
    gathered.go_live(10)
    gathered.run()
    assert (gathered.release().state, len(gathered.records())) == (DONE, 10)


def test_another_account_under_the_name_is_refused(gathered):
    stored = StoredConnection(HUBSPOT, "hubspot", "http://x", "token", "sealed", account="8")
    gathered.store.write(partial(connections.save, space="main", one=stored, now=gathered.clock.now()))
    with pytest.raises(LeadRelayError, match="hubspot stands for account 8 of hubspot here, and this is 7"):
        gathered.go_live(1)
