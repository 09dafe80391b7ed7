"""A process among others: signs of life, who is dead, what they know together."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from leadrelay import processes, settings
from leadrelay.processes import Processes, combined
from leadrelay.roles import SCHEDULER, WEB, WORKER
from leadrelay.wiring import Daemon
from model.errors import LeadRelayError
from sync import leases, tables
from sync.processes import DEAD_AFTER, Process
from tests.sync.house import HUBSPOT, a_house
from tests.sync.stores import opened, store, store_url

__all__ = ["opened", "store", "store_url"]

SILENCE = DEAD_AFTER.total_seconds() + 1


@pytest.fixture
def house(store):
    return a_house(store)


@pytest.fixture
def seconds(monkeypatch):
    """The seconds of the clock by which silence is measured."""
    passed = [0.0]
    monkeypatch.setattr(processes.time, "monotonic", lambda: passed[0])
    return passed


def a_process(house, role):
    one = Processes(house.store, house.clock, role)
    one.beat()
    return one


def test_processes_hear_of_each_other_until_one_leaves(house):
    web, worker = a_process(house, WEB), a_process(house, WORKER)
    web.beat()
    assert [one.role for one in web.others()] == ["worker"]
    assert web.missing() == ["no process schedules"]
    assert web.summary()["processes"] == {"web": 1, "worker": 1}
    worker.leave()
    web.beat()
    assert web.others() == []
    assert len(web.missing()) == 4


def test_one_that_was_killed_is_shown_as_silent_until_it_is_forgotten(house):
    web, _killed = a_process(house, WEB), a_process(house, WORKER)
    house.clock.advance(SILENCE)
    web.beat()
    assert {one["role"]: one["lives"] for one in web.told()} == {"web": True, "worker": False}
    assert web.others() == []
    house.clock.advance(3601)
    web.beat()
    web.bury()
    web.beat()
    assert [one["role"] for one in web.told()] == ["web"]


def leased_by(house, mark):
    """Lease the row of a lead's change as a process of that mark does."""
    house.post(email="ada@example.com")
    house.decide()
    until = house.clock.now() + timedelta(hours=1)
    values = {"lease_token": leases.new_token(mark), "lease_until": until}
    house.store.write(lambda on: on.execute(sa.update(tables.outbox_changes).values(**values)))


def free_rows(house):
    c = tables.outbox_changes.c
    with house.store.snapshot() as snapshot:
        found = snapshot.execute(sa.select(c.lease_token).where(c.connection == HUBSPOT)).scalars().all()
    return [token for token in found if token is None]


def test_what_a_dead_process_had_in_hand_is_freed_after_its_silence(house, seconds):
    scheduler, killed = a_process(house, SCHEDULER), a_process(house, WORKER)
    leased_by(house, killed.mark)
    for seconds[0] in range(0, int(SILENCE), 2):
        assert free_rows(house) == []
        scheduler.bury()
    assert free_rows(house)


def test_a_silence_while_the_store_was_away_for_all_is_no_proof(house, seconds):
    scheduler, worker = a_process(house, SCHEDULER), a_process(house, WORKER)
    leased_by(house, worker.mark)
    scheduler.bury()
    seconds[0] = SILENCE  # no look and no sign of life came through meanwhile
    scheduler.bury()
    seconds[0] += 1
    worker.beat()
    scheduler.bury()
    assert free_rows(house) == []


def test_who_gives_signs_of_life_is_not_dead_whatever_its_clock_says(house, seconds):
    scheduler, worker = a_process(house, SCHEDULER), a_process(house, WORKER)
    leased_by(house, worker.mark)
    scheduler.bury()
    for at in range(1, 30):
        house.clock.advance(-60 if at == 5 else 1)  # the machine's clock is set back by a minute
        worker.beat()
        seconds[0] = float(at)
        scheduler.bury()
    assert free_rows(house) == []


def test_a_silence_that_nobody_watched_is_no_proof(house, seconds):
    scheduler, worker = a_process(house, SCHEDULER), a_process(house, WORKER)
    leased_by(house, worker.mark)
    house.clock.advance(600)  # the store was away for all of them
    scheduler.bury()
    assert free_rows(house) == []


def test_facts_of_several_processes_are_those_of_one():
    def facts(**more):
        return {"deciding": False, "alarms": [], "connections": {}, "unusable": {}, "polls": {}} | {
            "following": {}, "polled_at": {}, **more
        }  # fmt: skip

    def process(**more):
        return Process("w:1:00", "worker", (), None, None, facts(**more))

    disk = {"kind": "disk", "subject": "", "text": "4 MB are free", "since": "x"}
    found = combined(
        facts(connections={"hubspot": {"mode": "write", "calls": 1}}),
        [
            process(deciding=True, connections={"hubspot": {"mode": "write", "calls": 5}}),
            process(alarms=[disk], polled_at={"hubspot": "2026-03-02T11:00:00Z"}),
            process(alarms=[disk], polled_at={"hubspot": None}, following={"hubspot": "KeyError: 'a'"}),
        ],
    )
    assert found["deciding"] is True
    assert found["alarms"] == [disk]
    assert found["connections"]["hubspot"]["calls"] == 6
    assert found["polled_at"] == {"hubspot": "2026-03-02T11:00:00Z"}
    assert found["following"] == {"hubspot": "KeyError: 'a'"}


@pytest.mark.parametrize("role", [WEB, WORKER, SCHEDULER], ids=lambda role: role.name)
def test_a_role_alone_says_what_it_needs(role, tmp_path):
    environ = {"LEADRELAY_DATABASE_URL": f"sqlite:///{tmp_path}/x.db"}
    with pytest.raises(LeadRelayError, match="LEADRELAY_BROKER_URL"):
        Daemon(settings.load(environ), role)


def test_a_token_begins_with_the_mark_and_fits_the_column(store):
    token = leases.new_token("0a1b2c3d")
    assert token.startswith("0a1b2c3d")
    assert len(token) == tables.outbox_changes.c.lease_token.type.length == leases.TOKEN_LENGTH
    assert len({leases.new_token() for _ in range(100)}) == 100
