"""What a sandbox saw twice: read from the calls that arrived and from its history of every write."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from sync.tables import outbox_changes
from tests.journeys.crms import NAMES, Crm, Sent
from tests.journeys.house import Books
from tests.journeys.slack import told_of

LEAD_ID = re.compile(r"(?:ld|ac)_[0-9a-f]{24}")  # of a lead or an account


@dataclass(frozen=True)
class InFlight:
    """What the store says was in flight when the daemon was killed."""

    leads: frozenset[tuple[str, str]]  # connection, lead
    calls: Counter[str]  # by connection: each lane has one call out at a time

    @classmethod
    def of(cls, books: Books) -> InFlight:
        """Read it from the leases that nobody settled."""

        def look(snapshot: Connection) -> InFlight:
            c = outbox_changes.c
            rows = snapshot.execute(
                sa.select(c.connection, c.entity_id, c.lease_token).where(c.lease_token.is_not(None))
            ).all()
            tokens = {(row.connection, row.lease_token) for row in rows}
            leads = frozenset((row.connection, row.entity_id) for row in rows)
            return cls(leads, Counter(connection for connection, _ in tokens))

        return books.read(look)


@dataclass(frozen=True)
class Row:
    """One record of one write call."""

    call: int
    lead: str
    record: str  # blank in a create
    fields: frozenset[str]


@dataclass(frozen=True)
class Repeats:
    """What one sandbox was told again."""

    calls: frozenset[int]  # numbers of the write calls with anything that was there already
    leads: frozenset[str]  # the leads they were about
    looked_up: frozenset[str]  # leads that were looked up by id or address more than once


def assert_created_once(crm: Crm) -> None:
    """Every record has one creation, and there is one for each lead and each domain."""
    people, companies = crm.people(), crm.companies()
    assert Counter(crm.made()) == Counter(one["record"] for one in (*people, *companies))
    assert len({person["id"] for person in people}) == len(people)
    assert len({company["domain"] for company in companies}) == len(companies) > 0


def assert_each_told_once(crm: Crm, effects: Sequence[tuple[str, str, str]]) -> None:
    """Every task that the store wanted is there, once, whatever was in flight at a kill."""
    field = "leadrelay_key" if crm.name == "hubspot" else "LeadRelay_Key__c"
    keys = [task[field] for task in crm.tasks()]
    assert len(set(keys)) == len(keys)
    states = [state for kind, target, state in effects if (kind, target) == ("task", crm.name)]
    assert set(states) == {"sent"}
    assert len(states) == len(keys)


def assert_nobody_told_twice(slack: str, effects: Sequence[tuple[str, str, str]]) -> None:
    """No message goes out twice; only what was on its way at a kill may be unknown, and may have arrived."""
    ends = Counter(state for kind, _, state in effects if kind == "message")
    assert set(ends) <= {"sent", "unknown"}
    told = told_of(slack)
    assert set(told.values()) <= {1}
    assert ends["sent"] <= len(told) <= ends["sent"] + ends["unknown"]


def repeats(crm: Crm) -> Repeats:
    """Find creates of those who were there, and values written over themselves."""
    lead_of = {one["record"]: one["id"] for one in (*crm.people(), *crm.companies())}
    changed = {
        (write["call"]["id"], write["id"]): frozenset(write["changes"])
        for write in crm.history()
        if write["kind"] == "update"
    }
    known: set[str] = set()
    again: list[Row] = []
    for row in _rows(crm, lead_of):
        if not row.record:
            again += [row] if row.lead in known else []
            known.add(row.lead)
        elif row.fields - changed.get((row.call, row.record), frozenset()):
            again.append(row)
    asked = Counter(lead for sent in crm.sent for lead in _asked(sent))
    return Repeats(
        frozenset(row.call for row in again),
        frozenset(row.lead for row in again),
        frozenset(lead for lead, times in asked.items() if times > 1),
    )


def _rows(crm: Crm, lead_of: Mapping[str, str]) -> Iterator[Row]:
    """Yield every record of every write call that was answered, in the order they arrived."""
    for sent in sorted(crm.sent, key=lambda sent: sent.id):
        for kind, record, fields in _written(sent):
            lead = str(fields.get(NAMES[crm.object]["id"], "")) if kind == "create" else lead_of[record]
            yield Row(sent.id, lead, record, frozenset(fields))


def _written(sent: Sent) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Yield what a call wrote to records; an association may be written twice, it is no record."""
    if "/associations/" in sent.path:
        return
    if sent.path.endswith("/batch/create"):
        if not sent.path.endswith("/tasks/batch/create"):  # looked at apart
            yield from (("create", "", each["properties"]) for each in sent.body["inputs"])
    elif sent.path.endswith("/batch/update"):
        yield from (("update", each["id"], each["properties"]) for each in sent.body["inputs"])
    elif sent.path.endswith("/composite/sobjects"):
        for each in sent.body["records"]:
            fields = {name: value for name, value in each.items() if name not in ("attributes", "id")}
            if each["attributes"]["type"] == "Task":
                continue
            yield ("update", each["id"], fields) if "id" in each else ("create", "", fields)


def _asked(sent: Sent) -> Sequence[str]:
    """Return the leads that a look-up asked for: both objects are asked in one call."""
    if not sent.path.endswith("/composite"):
        return ()
    return sorted({lead for part in sent.body["compositeRequest"] for lead in LEAD_ID.findall(part["url"])})
