"""The real servers: PostgreSQL as all tests have it, and a RabbitMQ of this worker's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from tests import rabbitmq
from tests.journeys.conftest import crms, running_sandboxes  # noqa: F401
from tests.journeys.crms import Crm
from tests.rabbitmq import Broker
from tests.scaled.town import Town


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """A RabbitMQ node."""
    if not rabbitmq.is_installed():
        pytest.skip(rabbitmq.WITHOUT)
    one = Broker(tmp_path_factory.mktemp("rabbitmq") / "node")
    try:
        one.start()
        yield one
    finally:
        one.close()


@pytest.fixture
def town(
    broker: Broker,
    migrated_postgres_url: str,
    tmp_path: Path,
    crms: Mapping[str, Crm],  # noqa: F811
) -> Iterator[Callable[..., Town]]:
    """Builds a town on a new store, with more settings; nothing is started yet."""
    built: list[Town] = []

    def build(**environ: str) -> Town:
        built.append(Town(migrated_postgres_url, broker.url, tmp_path, crms, **environ))
        return built[-1]

    yield build
    for one in built:
        one.close()
