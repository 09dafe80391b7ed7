"""What the tests of polls, fetches and the recycle bin share: a known person, walks, what was told."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from model.event import EventKind
from sync import cursors, tables
from sync.cursors import POLL, Cursor
from sync.reading.fetching import Fetcher
from sync.reading.polling import Poll
from sync.reading.recycling import RecycleBin
from tests.sync.house import HUBSPOT, House
from tests.sync.stores import rows

ADA, BO = "ada@example.com", "bo@example.org"


def known(house: House, address: str = ADA, **fields: Any) -> dict[str, str]:
    """Post a person, write them to both CRMs; return their records' ids."""
    house.post(email=address, **fields)
    house.settle()
    house.clock.advance(60)
    return {name: link.remote_id for name, link in house.lead(address).links.items()}


def a_poll(house: House, name: str = HUBSPOT, **given: Any) -> Poll:
    """Build a poll as a process that has just started does."""
    return Poll(
        house.crms[name],
        given.get("store", house.store),
        given.get("clock", house.clock),
        lambda: house.playbook,
    )


def a_bin(house: House, name: str = HUBSPOT) -> RecycleBin:
    """Build what looks through a recycle bin."""
    return RecycleBin(house.crms[name], house.store, house.clock, lambda: house.playbook)


def a_fetcher(house: House, name: str = HUBSPOT) -> Fetcher:
    """Build what reads records by id."""
    return Fetcher(house.crms[name], house.store, house.clock, lambda: house.playbook)


def look(poll: Poll, seconds: float = 0.0) -> int:
    """Let some time pass, then walk until nothing is due; return how many records were told."""
    poll.clock.advance(seconds)  # type: ignore[attr-defined]
    told = 0
    for _ in range(50):
        step = poll.step()
        if step.wait and not step.problem:
            return told
        told += step.records
    raise AssertionError("the poll does not come to rest")


def asked(house: House, object_type: str, name: str = HUBSPOT, call: str = "changes") -> list[str]:
    """Return the positions from which an object's pages were asked for."""
    return [keys[1] for made, keys in house.crms[name].calls if made == call and keys[0] == object_type]


def told(house: House) -> list[str]:
    """Return the ids of the records that the decider was told of, in order."""
    return [
        row["record_id"]
        for row in rows(house.store, tables.inbox_events)
        if row["kind"] == str(EventKind.CHANGED)
    ]


def cursor(house: House, object_type: str = "contacts", name: str = HUBSPOT, job: str = POLL) -> Cursor:
    """Return where a walk stands."""
    with house.store.snapshot() as snapshot:
        found = cursors.find(snapshot, "main", name, job, object_type)
    assert found is not None
    return found


def follow(house: House, name: str = HUBSPOT, **rules: Any) -> None:
    """Change how a connection's changes are followed."""
    crm = house.playbook.crms[name]
    crms = {**house.playbook.crms, name: replace(crm, polling=replace(crm.polling, **rules))}
    house.playbook = replace(house.playbook, crms=crms)
