"""The journeys' sandboxes and stores, and a daemon that can be killed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from tests.crash.process import Process
from tests.journeys.conftest import crms, running_sandboxes, store_url  # noqa: F401
from tests.journeys.crms import Crm


@pytest.fixture
def daemon(
    store_url: str,  # noqa: F811
    tmp_path: Path,
    crms: Mapping[str, Crm],  # noqa: F811
) -> Iterator[Callable[..., Process]]:
    """Build a daemon process on the store: ``daemon(LEADRELAY_DELIVERY_LANES="2")``."""
    built: list[Process] = []

    def build(**environ: str) -> Process:
        built.append(Process(store_url, tmp_path, crms, **environ))
        return built[-1]

    yield build
    for process in built:
        process.kill()
