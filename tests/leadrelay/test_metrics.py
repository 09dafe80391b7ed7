"""What Prometheus scrapes."""

from __future__ import annotations

from contextlib import closing

import sqlalchemy as sa
from prometheus_client import generate_latest

from leadrelay.metrics import Metrics
from sync.database import open_store
from sync.tables import outbox_changes
from tests.builders import NOON
from tests.sync.clock import FakeClock


def test_a_series_of_the_outbox_stays_when_nothing_waits(empty_store):
    metrics = Metrics()

    def series() -> set[str]:
        lines = generate_latest(metrics.registry).decode().splitlines()
        return {line for line in lines if line.startswith("leadrelay_outbox_changes{")}

    row = {"space": "main", "object": "o", "entity_kind": "lead", "entity_id": "ld_1", "needs": []}
    row |= {"wanted": 1, "done": 0, "dead": 0, "attempts": 0, "due_at": NOON, "raised_at": NOON}
    with closing(open_store(empty_store)) as store:
        metrics.watch(store, FakeClock(), "main", ["hubspot"], dict)
        assert series() == set(expected("hubspot", due=0))
        change = row | {"connection": "another"}
        store.write(lambda connection: connection.execute(sa.insert(outbox_changes), [change]))
        assert series() == set(expected("hubspot", due=0)) | set(expected("another", due=1))
        store.write(lambda connection: connection.execute(sa.update(outbox_changes).values(done=1)))
        assert series() == set(expected("hubspot", due=0)) | set(expected("another", due=0))


def expected(connection: str, *, due: int) -> list[str]:
    counts = {"due": due, "waiting": 0, "backlog": 0, "dead": 0}
    head = f'leadrelay_outbox_changes{{connection="{connection}",state='
    return [f'{head}"{state}"}} {float(count)}' for state, count in counts.items()]
