"""The seeded runs of tests/agreement with real processes, servers and time, each process killed once."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from flask import Flask

from handlers.registry import HANDLERS
from mappings.compile import load
from sandbox.app import vendor_of
from sandbox.clock import Clock
from sandbox.registry import VENDORS
from sandbox.server import running
from tests.agreement.counts import what_happened
from tests.agreement.crms import Account
from tests.contracts.crms import CRMS
from tests.rabbitmq import Broker
from tests.scaled.town import Town
from tests.scaled.world import TownWorld, for_runs, note_reads
from tests.waiting import eventually

pytestmark = [pytest.mark.soak, pytest.mark.timeout(600)]

STEPS = 300
MOST_SEEDS = 3  # each takes two minutes


def seeds() -> range:
    first, last = map(int, os.environ.get("SEEDS", "1:3").split(":"))
    return range(first, min(last, first + MOST_SEEDS - 1) + 1)


@dataclass(frozen=True)
class Address:
    """Where a sandbox is."""

    url: str


@pytest.fixture
def vendors() -> Iterator[Mapping[str, tuple[Flask, str]]]:
    """Both sandboxes, as new, on the real clock."""
    with ExitStack() as stack:
        apps = {name: VENDORS[name](Clock()) for name in CRMS}
        yield {name: (app, stack.enter_context(running(app))) for name, app in apps.items()}


@pytest.mark.parametrize("seed", seeds())
def test_in_the_end_all_three_agree_whoever_is_killed(
    seed: int,
    vendors: Mapping[str, tuple[Flask, str]],
    broker: Broker,
    migrated_postgres_url: str,
    tmp_path: Path,
):
    accounts = {}
    for name, (app, _) in vendors.items():
        vendor = vendor_of(app)
        vendor.faults.set({"limits": dict.fromkeys(vendor.limits)})
        accounts[name] = Account(name, app)
        note_reads(app, accounts[name])
    urls = {name: url for name, (_, url) in vendors.items()}
    town = Town(
        migrated_postgres_url, broker.url, tmp_path, {name: Address(url) for name, url in urls.items()}
    )
    try:
        for_runs(town.playbook)
        playbook = load(town.playbook, tuple(HANDLERS))
        clock = vendor_of(vendors["hubspot"][0]).clock
        town.start()
        eventually(lambda: town.matched() == set(CRMS), "the mirrors of both CRMs")
        world = TownWorld(migrated_postgres_url, accounts, urls, clock, playbook, seed, town=town)
        try:
            run(world, town)
        except BaseException:
            print(*world.log, sep="\n")
            print(f"To repeat, in the machine's own order: SEEDS={seed}:{seed} make soak ARGS='-k scaled'")
            raise
    finally:
        town.close()


def run(world: TownWorld, town: Town) -> None:
    """Let people act, kill each process once meanwhile, and see that all agree in the end."""
    victims = list(town.members.items())
    world.random.shuffle(victims)
    for name, victim in victims:
        for _ in range(STEPS // len(victims)):
            world.act()
        victim.kill()
        world.note(f"{name} is killed")
        world.act()
        victim.start()
    eventually(town.is_up, "all processes")
    world.come_to_rest()
    assert all(account.seen._reads for account in world.accounts.values()), "no read was noted"
    faults = sum(account.fates.faults for account in world.accounts.values())
    made = len(world.edits), len(world.said)
    print(f"seed {world.seed}: {made[0]} edits and {made[1]} words of posts, {faults} faults, all agree")
    print(
        "what happened:", ", ".join(f"{name} {times}" for name, times in sorted(what_happened(world).items()))
    )
