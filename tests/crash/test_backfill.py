"""kill -9 at any millisecond of a backfill: no record is missing or doubled, a kill costs a page at most."""

from __future__ import annotations

import random
import time
from collections import Counter
from math import ceil

import pytest
import requests
import sqlalchemy as sa

from sync import cursors
from sync.tables import mirror, mirror_keys
from tests.journeys.house import SPACE
from tests.waiting import eventually

SETTINGS = {"LEADRELAY_LEASE_SECONDS": "5", "LEADRELAY_LOG_LEVEL": "info"}
COUNTS = {
    "hubspot": {"contacts": 3_050, "companies": 610},
    "salesforce": {"Lead": 7_000, "Contact": 6_000, "Account": 2_100},
}
PAGES = {"hubspot": 200, "salesforce": 2_000}


def there(crm) -> dict[str, set[str]]:
    found = {}
    for name in COUNTS[crm.name]:
        rows = requests.get(f"{crm.url}/__sandbox/records/{name}?limit=1000000", timeout=60).json()["records"]
        found[name] = {row["id"] for row in rows}
    return found


def pages_asked(crm) -> int:
    """Return how many pages of these objects the backfill asked for; the polls beside it ask by time."""
    return sum(
        _is_page(str(sent.path), str(sent.body), name) for sent in crm.sent for name in COUNTS[crm.name]
    )


def _is_page(path: str, body: str, name: str) -> bool:
    if path.endswith(f"/{name}/search"):
        return "GTE" not in body and "DESCENDING" not in body
    return path.endswith("/composite") and f"FROM%20{name}%20" in body and "ORDER%20BY%20Id" in body


def is_whole(books) -> bool:
    found = books.read(lambda snapshot: cursors.load(snapshot, SPACE))
    ended = Counter(
        one.connection
        for one in found
        if one.job == cursors.BACKFILL and not one.is_walking and one.object in COUNTS[one.connection]
    )
    return ended == Counter({name: len(counts) for name, counts in COUNTS.items()})


@pytest.mark.parametrize("seed", [1])
def test_a_backfill_that_is_killed_again_and_again_is_whole_in_the_end(seed, daemon, crms):
    chance = random.Random(seed)
    for name, crm in crms.items():
        body = COUNTS[name] | {"seed": seed}
        requests.post(f"{crm.url}/__sandbox/seed", json=body, timeout=60).raise_for_status()
        crm.faults(latency_ms={"min": 20, "max": 120}, seed=seed)
        crm.sent.clear()
    process = daemon(**SETTINGS)
    kills = 0
    process.start()
    for _ in range(6):
        before = sum(pages_asked(crm) for crm in crms.values())
        process.wait_until_up()
        eventually(lambda asked=before: sum(pages_asked(crm) for crm in crms.values()) > asked + 2, "pages")
        time.sleep(chance.uniform(0, 0.25))
        with process.books() as books:
            if is_whole(books):
                break
        process.kill()
        kills += 1
        process.start()
    with process.books() as books:
        eventually(lambda: is_whole(books), "both mirrors")
        rows = books.read(lambda snapshot: snapshot.execute(sa.select(mirror)).all())
        keys = books.read(lambda snapshot: snapshot.execute(sa.select(mirror_keys)).all())
        stored = books.read(lambda snapshot: cursors.load(snapshot, SPACE))
    process.terminate()
    assert process.exit_code() == 0
    assert kills >= 3
    assert len(keys) == len(set(keys))
    for name, crm in crms.items():
        for object_type, ids in there(crm).items():
            held = [row.remote_id for row in rows if (row.connection, row.object) == (name, object_type)]
            assert len(held) == len(set(held))
            assert set(held) == ids
            whose = (name, cursors.BACKFILL, object_type)
            [cursor] = [one for one in stored if (one.connection, one.job, one.object) == whose]
            assert cursor.seen == len(ids)
        allowed = sum(ceil(count / PAGES[name]) * 1.03 for count in COUNTS[name].values()) + kills
        assert pages_asked(crm) <= allowed, f"{name}: {pages_asked(crm)} calls, {kills} kills"
