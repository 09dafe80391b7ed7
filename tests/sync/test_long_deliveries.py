"""A delivery whose calls outlast its lease: nobody else takes its rows, and it does not go on for ever."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from connectors.batches import postponed
from model.change import Outcome, RecordChange
from model.errors import NoBudget, RetryLater
from model.priority import Priority
from sync import tables
from sync.delivery.claiming import claim
from sync.delivery.deliverer import deliver_batch
from sync.delivery.target import Target
from tests.sync.fake_crm import FakeCrm
from tests.sync.house import HUBSPOT, House, a_house, a_map, house_playbook
from tests.sync.stores import rows


class OneByOne(FakeCrm):
    """A CRM that takes no batch: each record is a call of its own, which takes ``slow``."""

    slow = timedelta(0)
    between: Callable[[], None] = staticmethod(lambda: None)

    def create(
        self, changes: Sequence[RecordChange], fields: Mapping[str, Sequence[str]]
    ) -> Iterator[Outcome]:
        for change in changes:
            self.clock.advance(self.slow.total_seconds())
            self.between()
            yield from super().create([change], fields)


def slow_house(store, seconds: float, people: int) -> tuple[House, OneByOne]:
    playbook = house_playbook(crms={HUBSPOT: a_map(HUBSPOT, "contacts")})
    house = a_house(store, playbook=playbook)
    fake = OneByOne(HUBSPOT, house.clock)
    fake.slow = timedelta(seconds=seconds)
    house.crms = {HUBSPOT: fake}
    house.restart()
    for n in range(people):
        house.post(email=f"p{n}@example.com")
    house.decide()
    return house, fake


def outbox_rows(store):
    return [row for row in rows(store, tables.outbox_changes) if row["wanted"] > row["done"]]


def test_rows_in_hand_are_not_claimed_by_another_however_long_the_calls_take(store):
    house, fake = slow_house(store, seconds=50, people=20)
    ours = house.targets[HUBSPOT]
    ours.lease_term = timedelta(seconds=120)
    others = Target(fake, store, house.clock, ours.playbook)
    taken: list[object] = []

    def meanwhile() -> None:
        ours.renew()  # as the daemon's job does every quarter of the term
        taken.append(claim(others))

    fake.between = meanwhile
    first = ours.clock.now()
    deliver_batch(ours)
    assert set(taken) == {None}
    assert ours.clock.now() - first == timedelta(seconds=150)  # the term, and the call under way
    left = outbox_rows(store)
    assert len(left) == 17
    assert {(row["lease_token"], row["attempts"]) for row in left} == {(None, 0)}
    fake.between = lambda: None
    house.settle()
    assert fake.creates == Counter({f"p{n}@example.com": 1 for n in range(20)})


def test_without_renewal_another_would_have_claimed_them(store):
    house, fake = slow_house(store, seconds=130, people=3)
    ours = house.targets[HUBSPOT]
    others = Target(fake, store, house.clock, ours.playbook)
    claimed = []
    fake.between = lambda: claimed.append(claim(others))
    deliver_batch(ours)
    assert claimed[0] is not None


def test_a_delivery_that_has_lost_its_lease_makes_no_further_calls(store):
    house, fake = slow_house(store, seconds=130, people=5)
    ours = house.targets[HUBSPOT]
    ours.lease_term = timedelta(hours=1)  # it would go on
    others = Target(fake, store, house.clock, ours.playbook, lease_term=timedelta(hours=2))

    def meanwhile() -> None:
        if fake.called("create") == 1:
            house.clock.advance(3601)
            assert claim(others) is not None
        ours.renew()

    fake.between = meanwhile
    deliver_batch(ours)
    assert fake.called("create") == 2
    assert len(outbox_rows(store)) == 5  # nothing is recorded by one who came back late


def test_what_a_long_series_leaves_is_looked_at_before_it_is_sent(store):
    house, _fake = slow_house(store, seconds=200, people=2)
    deliver_batch(house.targets[HUBSPOT])
    [left] = outbox_rows(store)
    assert left["in_flight"]
    assert left["attempts"] == 0


# Whose calls go out at which priority ----------------------------------------------------


class NoCalls(FakeCrm):
    """A connector whose budget lets nothing out."""

    def create(self, changes, fields):
        yield from (postponed(change, NoBudget("used up", 700)) for change in changes)


def test_a_change_pays_nothing_for_a_budget_that_is_used_up(store):
    house, _ = slow_house(store, seconds=0, people=1)
    fake = NoCalls(HUBSPOT, house.clock)
    target = replace(house.targets[HUBSPOT], connector=fake)
    for _ in range(3):
        assert deliver_batch(target) == 1
        [row] = outbox_rows(store)
        assert (row["attempts"], row["error"], row["in_flight"]) == (0, "used up", None)
        house.clock.advance(701)


def test_a_new_persons_record_goes_at_the_first_priority_and_a_known_ones_behind(store):
    house, fake = slow_house(store, seconds=0, people=1)
    asked: list[Priority] = []
    target = house.targets[HUBSPOT]
    target.connector_at = lambda priority: asked.append(priority) or fake
    deliver_batch(target)
    house.decide()
    assert set(asked) == {Priority.SPEED_TO_LEAD}
    asked.clear()
    house.post(email="p0@example.com", title="CTO")
    house.decide()
    deliver_batch(target)
    assert set(asked) == {Priority.PEOPLE}


def test_each_tenth_claim_begins_with_those_who_go_behind(store):
    house, fake = slow_house(store, seconds=0, people=1)
    house.settle()
    fake.batch_size = 1
    house.post(email="p0@example.com", title="CTO")  # behind
    for n in range(12):
        house.post(email=f"new{n}@example.com")
    house.decide()
    target = house.targets[HUBSPOT]
    target.claims = 0
    kinds = []
    for _ in range(13):
        before = fake.called("update")
        deliver_batch(target)
        kinds.append("known" if fake.called("update") > before else "new")
    assert kinds.index("known") == 9


@pytest.mark.parametrize("error", [NoBudget("x"), RetryLater("x")])
def test_only_our_own_budget_leaves_a_change_untried(error):
    assert postponed(RecordChange("k", "contacts", {}), error).untried is isinstance(error, NoBudget)
