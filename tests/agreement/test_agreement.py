"""By chance: edits on all sides, merges, conversions, deletes, webhooks lost and doubled, faults, crashes."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from flask import Flask

from handlers.registry import HANDLERS
from mappings.compile import load
from mappings.playbook import Playbook
from mappings.starter import write_starter
from sandbox.app import vendor_of
from sandbox.clock import Clock
from sandbox.registry import VENDORS
from sandbox.server import running
from tests.agreement.checks import problems
from tests.agreement.crms import Account
from tests.agreement.world import NOON, World, for_runs
from tests.contracts.crms import CRMS, DIALECTS

STEPS = 120
APART = ("account", "follow_up", "notify")


def seeds(usual: str) -> range:
    first, last = map(int, os.environ.get("SEEDS", usual).split(":"))
    return range(first, last + 1)


@pytest.fixture(scope="session")
def vendors() -> Iterator[Mapping[str, tuple[Flask, str]]]:
    """Both sandboxes on one clock, with their addresses."""
    clock = Clock()
    with ExitStack() as stack:
        apps = {name: VENDORS[name](clock) for name in CRMS}
        yield {name: (app, stack.enter_context(running(app))) for name, app in apps.items()}


@pytest.fixture(scope="session")
def playbook(tmp_path_factory: pytest.TempPathFactory) -> Playbook:
    """The starter, for people alone, looked at often."""
    folder = tmp_path_factory.mktemp("playbook") / "starter"
    write_starter(folder)
    loaded = load(folder, tuple(HANDLERS))
    return for_runs(replace(loaded, pipeline=tuple(one for one in loaded.pipeline if one not in APART)))


def run(url: str, vendors: Mapping[str, tuple[Flask, str]], playbook: Playbook, seed: int, **given) -> World:
    """Let a run happen and come to rest."""
    for name, (app, _) in vendors.items():
        vendor = vendor_of(app)
        vendor.reset()
        vendor.faults.set({"limits": dict(DIALECTS[name].no_limits)})
    clock = vendor_of(vendors["hubspot"][0]).clock
    clock.set(NOON, frozen=True)
    world = World(
        url=url,
        accounts={name: Account(name, app) for name, (app, _) in vendors.items()},
        urls={name: address for name, (_, address) in vendors.items()},
        clock=clock,
        playbook=playbook,
        seed=seed,
        **given,
    )
    try:
        for _ in range(Random(seed).randint(STEPS // 2, STEPS)):
            world.act()
        world.come_to_rest()
        found = problems(world)
    except Exception:
        print(*world.log[-60:], sep="\n")
        print(f"To repeat: SEEDS={seed}:{seed} make test ARGS='tests/agreement'")
        raise
    finally:
        world.store.close()
    if found:
        print(*world.log, sep="\n")
        print(f"To repeat: SEEDS={seed}:{seed} make test ARGS='tests/agreement'")
    assert found == [], "\n".join(found)
    return world


@pytest.fixture
def url(migrated_file: Path, tmp_path: Path) -> str:
    """A store of the run's own."""
    path = tmp_path / "store.db"
    path.write_bytes(Path(migrated_file).read_bytes())
    return f"sqlite:///{path}"


@pytest.mark.parametrize("seed", seeds("1:50"))
def test_in_the_end_all_three_agree(vendors, playbook, url: str, seed: int):
    run(url, vendors, playbook, seed)


@pytest.mark.parametrize("seed", seeds("1:12"))
def test_they_agree_without_webhooks_too(vendors, playbook, url: str, seed: int):
    run(url, vendors, playbook, seed, webhooks=False)


@pytest.mark.soak
@pytest.mark.parametrize("webhooks", [True, False])
def test_they_agree_for_a_long_time(vendors, playbook, migrated_file: Path, tmp_path: Path, webhooks: bool):
    for seed in seeds("1:10000"):
        path = tmp_path / f"{seed}.db"
        path.write_bytes(Path(migrated_file).read_bytes())
        run(f"sqlite:///{path}", vendors, playbook, seed, webhooks=webhooks)
        path.unlink()
