"""What the checks of a run find, and what they let pass: small runs with one story each."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from sync import tables
from tests.agreement.checks import problems
from tests.agreement.running import Runs
from tests.agreement.world import World

ADA = "ada@acme.example"
ANNA = "anna.keller@northlight.example"


@pytest.fixture
def world(runs: Runs) -> Iterator[World]:
    """A run with people alone, in which nothing has happened yet."""
    world = runs.begin(1, webhooks=False)
    yield world
    runs.end(world)


def is_typed(world: World, name: str, object_type: str, record_id: str, **said: str) -> None:
    """Let somebody change a record, and let leadrelay see it."""
    account = world.accounts[name]
    world.types(account, object_type, record_id, said, fields=account.spelled(said))


def known(world: World) -> tuple[str, str]:
    """Let somebody make a person in HubSpot; return the person's contact and Lead."""
    contact = world.accounts["hubspot"].create({"email": ADA, "title": "CEO"}, ANNA)
    world.come_to_rest()
    [lead] = world.accounts["salesforce"].living("Lead")
    assert contact is not None
    return contact, lead.id


def is_replaced(world: World, lead_id: str) -> None:
    """Let somebody delete a Lead, and make another one of the same person."""
    account = world.accounts["salesforce"]
    account.act("delete", "Lead", lead_id, ANNA)
    world.come_to_rest()
    account.create({"email": ADA, "title": "CTO"}, ANNA)
    world.come_to_rest()


def test_an_edit_may_give_way_to_a_later_one_in_a_record_that_was_let_go_of_since(world):
    contact, lead = known(world)
    is_typed(world, "hubspot", "contacts", contact, company="Zeta")
    world.come_to_rest()
    is_typed(world, "salesforce", "Lead", lead, company="Acme")
    is_replaced(world, lead)
    assert problems(world) == []


def test_an_edit_in_a_record_that_was_let_go_of_is_in_the_log_or_it_is_lost(world):
    _, lead = known(world)
    is_typed(world, "salesforce", "Lead", lead, title="Countess")
    is_replaced(world, lead)
    assert problems(world) == []
    world.store.write(lambda connection: connection.execute(sa.delete(tables.conflicts)))
    [problem] = problems(world)
    assert f"salesforce {lead} title='Countess'" in problem
    assert "was read and is lost" in problem
