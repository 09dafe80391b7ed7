"""Which tests a run has: all, or those that one machine alone is done with in a few minutes."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

import pytest

WHOLE = "LEADRELAY_TEST_WHOLE"  # set by `make test WHOLE=1`, as CI does
QUICK = "LEADRELAY_TEST_QUICK"  # set here for a run's worker processes
LEFT_OUT = "PostgreSQL, several processes, kill -9, browsers and long seeded runs were left out"

SERVERS = {"postgres", "postgresql"}  # as those who ask for ``store_url`` name it
STORES = {"sqlite", *SERVERS}
ON_A_SERVER = {"postgres_url", "migrated_postgres_url", "postgres_server", "shared_database"}
DRIVING = ("journeys", "crash")  # folders whose tests run all of leadrelay
HOUSES = ("house", "closed_house")  # fixtures: all of leadrelay, or all that decides and delivers
LONG = ("acceptance", "agreement", "browser", "crash", "scaled")  # folders


def decide(config: pytest.Config) -> None:
    """Note for all workers whether this is a quick run: nobody asked for all tests, nor for some of them."""
    names_some = config.args_source is not config.ArgsSource.TESTPATHS or config.option.keyword
    if not (names_some or os.environ.get(WHOLE)):
        os.environ[QUICK] = "1"


def is_quick() -> bool:
    """Say whether this run leaves out what takes long or needs a service."""
    return QUICK in os.environ


def in_turns(items: Sequence[pytest.Item]) -> None:
    """Run each test that drives a house on one of its two stores, in turns; `make soak` runs the other.

    That is every journey, every crash, and every story of sync/. What a store could do differently the
    tests of each part of sync/ see on both.
    """
    stories: dict[str, list[pytest.Item]] = {}
    for item in items:
        store = _store_of(item)
        if store is not None:
            stories.setdefault(item.nodeid.replace(store, "", 1), []).append(item)
    for number, one in enumerate(stories.values()):
        if len(one) == 2:
            one[number % 2].add_marker(pytest.mark.soak)


def leave_out(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Take out of a quick run what it has no time for."""
    out = [item for item in items if _is_long(item)]
    if out:
        config.hook.pytest_deselected(items=out)
        items[:] = [item for item in items if not _is_long(item)]


def _is_long(item: pytest.Item) -> bool:
    is_there = item.path.relative_to(item.config.rootpath).parts[1] in LONG
    asks = set(getattr(item, "fixturenames", ()))
    return is_there or not ON_A_SERVER.isdisjoint(asks) or not SERVERS.isdisjoint(_parameters(item).values())


def _store_of(item: pytest.Item) -> str | None:
    """Return the store that a test drives a house on, if it does."""
    drives = item.path.parent.name in DRIVING or not set(HOUSES).isdisjoint(getattr(item, "fixturenames", ()))
    store = _parameters(item).get("store_url") if drives else None
    return store if store in STORES else None


def _parameters(item: pytest.Item) -> Mapping[str, str]:
    """Return the words that a test is run with."""
    callspec = getattr(item, "callspec", None)
    given = callspec.params.items() if callspec else ()
    return {name: value for name, value in given if isinstance(value, str)}
