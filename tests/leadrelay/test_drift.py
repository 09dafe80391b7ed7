"""The look at the fields of the accounts: when it is due, what it asks for, what it keeps."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from types import SimpleNamespace

import pytest
import sqlalchemy as sa

from connectors.inspection import Described, Field, Fields
from leadrelay.drift import Drift
from model.errors import RetryLater
from sync import schema_looks
from sync.tables import outbox_changes
from tests.builders import a_crm, a_playbook, mapped
from tests.sync.clock import FakeClock
from tests.sync.stores import opened, store, store_url

__all__ = ["opened", "store", "store_url"]

FITS = Fields({"city": Field("city", "text", "string"), "email": Field("email", "text", "string")})
LACKS = Fields({"email": Field("email", "text", "string")})


@dataclass
class Told:
    """An account that has what a test says, and remembers what it was asked."""

    has: Fields = FITS
    version: str = "v1"
    is_away: bool = False
    asked: list[str] = field(default_factory=list)

    def describe(self, _object: str, since: str = "") -> Described:
        self.asked.append(since)
        if self.is_away:
            raise RetryLater("away")
        if since == self.version:
            return Described(None, since, is_unchanged=True)
        return Described(self.has, self.version)


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def job(store, told) -> Drift:
    crm = a_crm("hubspot", "contacts", mapped("city", "city"), mapped("email", "email"))
    connected = SimpleNamespace(
        reach=SimpleNamespace(base_url="http://crm.example"), writes=True, inspector=lambda _: told
    )
    playbook = a_playbook(crms={"hubspot": replace(crm, kind="hubspot")})
    clock = FakeClock()  # noon; the night's look is at 02:30
    return Drift(store, clock, lambda: playbook, lambda: {"hubspot": connected})


def kept(job: Drift) -> list[tuple[str, str]]:
    with job.store.snapshot() as snapshot:
        return schema_looks.load(snapshot, "main")["hubspot"].findings


def test_it_is_looked_at_once_connected_then_by_night_for_what_has_changed(job, told):
    assert job.run() == ["hubspot"]
    assert job.run() == []
    job.clock.advance(24 * 3600)
    told.has = LACKS
    assert job.run() == ["hubspot"]
    assert (told.asked, kept(job)) == (["", "v1"], [])  # the vendor says that it is as it was
    job.clock.advance(24 * 3600)
    told.version = "v2"
    assert job.run() == ["hubspot"]
    [(fact, fix)] = kept(job)
    assert fact == "contacts: not there, or hidden: city"
    assert fix.startswith("Make it in HubSpot")


def test_what_does_not_fit_is_read_anew_each_hour_until_it_does(job, told):
    told.has = LACKS
    job.run()
    job.clock.advance(3599)
    assert job.run() == []
    told.has = FITS
    job.clock.advance(1)
    assert job.run() == ["hubspot"]
    assert (told.asked, kept(job)) == (["", ""], [])


@pytest.mark.parametrize(("cause", "looks"), [("INVALID_OPTION city", True), ("INVALID_EMAIL email", False)])
def test_a_refusal_that_lies_in_the_fields_has_them_read_at_once(job, told, cause, looks):
    job.run()
    job.clock.advance(600)
    now = job.clock.now() - timedelta(seconds=5)
    row = {
        "space": "main",
        "connection": "hubspot",
        "object": "contacts",
        "entity_kind": "lead",
        "entity_id": "l",
    }
    row |= {"wanted": 1, "done": 0, "dead": 1, "needs": [], "attempts": 1, "due_at": now, "raised_at": now}
    row |= {"settled_at": now, "cause": cause}
    job.store.write(lambda on: on.execute(sa.insert(outbox_changes), [row]))
    assert job.run() == (["hubspot"] if looks else [])


def test_another_map_is_looked_at_and_an_account_that_is_away_is_let_be_for_a_while(job, told):
    job.run()
    crm = job.playbook().crms["hubspot"]
    objects = {name: replace(one, fields=one.fields[:1]) for name, one in crm.objects.items()}
    playbook = replace(job.playbook(), crms={"hubspot": replace(crm, objects=objects)})
    job.playbook = lambda: playbook
    told.is_away = True
    assert (job.run(), job.run(), told.asked) == ([], [], ["", ""])
    told.is_away = False
    job.clock.advance(900)
    assert job.run() == ["hubspot"]
