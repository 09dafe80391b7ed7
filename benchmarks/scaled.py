"""Several processes on PostgreSQL and RabbitMQ: three workers under the vendors' limits, against one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy.engine import make_url

from benchmarks.crms import wait_for
from benchmarks.figures import Table
from benchmarks.house import House, Process, free_port, process
from benchmarks.load import Plan, send
from benchmarks.posts import email
from sync import migrate
from tests import postgres, rabbitmq
from tests.rabbitmq import Broker

ON_DISK = (
    "max_connections=300",
    "logging_collector=off",
)  # and synced, as PostgreSQL does unless told otherwise
WORKERS = (1, 3)
PATIENCE = 60.0
HEAD = (
    "workers",
    "leads",
    "leads/s",
    "HubSpot calls a lead",
    "Salesforce calls a lead",
    "CPU a lead",
    "429, 403",
    "arrived",
)


@dataclass(frozen=True, slots=True)
class Servers:
    """Where the two servers are."""

    database: str  # without a database
    broker: str


def measure(house: House, *, quick: bool) -> Iterator[Table]:
    """Send a burst of new people through one web and one worker, then through one web and three."""
    if postgres.binaries() is None or not rabbitmq.is_installed():
        raise RuntimeError(f"{rabbitmq.WITHOUT}, and PostgreSQL (postgresql)")
    count, rows, rates = 300 if quick else 1_000, [], []
    with TemporaryDirectory(prefix="leadrelay-servers-") as folder, _servers(Path(folder)) as servers:
        for workers in WORKERS:
            with _town(house, servers, workers) as town:
                row, rate = _row(house, town, count)
            rows.append([str(workers), *row])
            rates.append(rate)
    note = f"Three workers took {rates[1] / rates[0]:.2f} times what one took; one decides in both."
    yield Table("A burst through several processes, under the vendors' limits", HEAD, rows, note)


@contextmanager
def _servers(folder: Path) -> Iterator[Servers]:
    folder.chmod(0o755)  # PostgreSQL runs as somebody else where we are root
    broker = Broker(folder / "rabbitmq")
    try:
        broker.start()
        yield Servers(postgres.start(folder / "postgres", ON_DISK), broker.url)
    finally:
        broker.close()
        postgres.stop(folder / "postgres")


@contextmanager
def _town(house: House, servers: Servers, workers: int) -> Iterator[list[Process]]:
    """Run a web, so many workers and a scheduler on an empty store; the web is the first of them."""
    house.renew(limited=True)
    with postgres.database(make_url(servers.database)) as url, ExitStack() as stack:
        migrate.upgrade(url)
        environ = house.environ(url, house.playbook(limited=True)) | {"LEADRELAY_BROKER_URL": servers.broker}
        roles = ["web", "scheduler", *["worker"] * workers]
        ports = [free_port() for _ in roles]
        town = [
            stack.enter_context(process(["leadrelay", role], port, environ | {"LEADRELAY_PORT": str(port)}))
            for role, port in zip(roles, ports, strict=True)
        ]
        house.try_out(town[0].port)
        yield town


def _row(house: House, town: list[Process], count: int) -> tuple[list[str], float]:
    before, calls = sum(one.cpu_seconds() for one in town), [crm.count() for crm in house.crms]
    sent = send(Plan(town[0].port, 0, count, seconds=60))
    sent_at = {email(one.person): one.at for one in sent}
    arrivals = wait_for(house.crms, sent_at, PATIENCE)
    cpu = 1000 * (sum(one.cpu_seconds() for one in town) - before) / count
    last = max((at for arrived in arrivals for at in arrived.values()), default=float("inf"))
    rate = count / (last - min(sent_at.values()))
    counts = [crm.count().since(earlier) for crm, earlier in zip(house.crms, calls, strict=True)]
    row = [
        str(count),
        f"{rate:.0f}",
        *[f"{one.calls / count:.3f}" for one in counts],
        f"{cpu:.2f} ms",
        str(sum(one.refused for one in counts)),
        f"{100 * min(len(found) for found in arrivals) / count:.0f} %",
    ]
    return row, rate
