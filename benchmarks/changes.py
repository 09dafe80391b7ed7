"""What a changed record costs: calls until both CRMs agree, and when a history of values is read."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import count
from pathlib import Path

import requests

from benchmarks.crms import Crm
from benchmarks.figures import Table
from benchmarks.house import House
from benchmarks.posts import email
from benchmarks.sides import Calls, Sides, is_read

KNOWN = 1_000  # people who are in both accounts
SIZES = (1, 10, 100, 1_000)  # records that change between two looks
BOTH = 100  # records that both sides change
EMAILS = {"hubspot": ("contacts", "email"), "salesforce": ("Lead", "Email")}
CITIES = {"hubspot": "city", "salesforce": "City"}  # no rule of the starter reads it
COMPANIES = {"hubspot": "company", "salesforce": "Company"}
Parts = Mapping[str, Mapping[str, Calls]]
HEAD = (
    "changed", "where", "looks", "reads by id", "reads before writing", "writes", "written to",
    "calls a changed record",
)  # fmt: skip


def measure(house: House, *, quick: bool) -> Iterator[Table]:
    """Change known people in one account, in the other, and on both sides at once."""
    known = KNOWN // 10 if quick else KNOWN
    house.renew(limited=False)
    for crm in house.crms:
        crm.reset(limited=False, latency=False)
        crm.search_freely()
    with tempfile.TemporaryDirectory(dir=house.folder) as home:
        sides = Sides(house, Path(home))
        try:
            records = _everybody(sides, known)
            rows = []
            for name, other in (("hubspot", "salesforce"), ("salesforce", "hubspot")):
                for size in (one for one in SIZES if one <= known):
                    _edit(sides.crms[name], records[name][:size], CITIES[name], f"{name} {size}")
                    rows.append(_row(sides.settle(), size, name, (other,)))
            yield Table("Records that one side changes", HEAD, rows, NOTE)
            yield _both(sides, records, min(BOTH, known))
        finally:
            sides.close()


NOTE = (
    "City, which no rule of the starter reads. Looks are made every 30 seconds whatever changes; the last "
    "column leaves them out and counts all else in both accounts. Where a thousand records have just been "
    "written, a look reads their pages again (`poll.overlap`)."
)


def _everybody(sides: Sides, known: int) -> dict[str, list[str]]:
    """Let people be known in both accounts; return their records' ids, in the same order."""
    people = list(range(known))
    sides.post(people, 1)
    sides.settle()
    sides.settle()  # the looks see our own writes
    found = {}
    for name, crm in sides.crms.items():
        object_type, field = EMAILS[name]
        listed = requests.get(f"{crm.url}/__sandbox/records/{object_type}", timeout=60).json()["records"]
        by_email = {str(row["fields"][field]).lower(): row["id"] for row in listed}
        found[name] = [by_email[email(person)] for person in people]
    return found


def _edit(crm: Crm, ids: Sequence[str], field: str, value: str) -> None:
    with requests.Session() as session:
        for one in ids:
            body = {"object": EMAILS[crm.name][0], "id": one, "fields": {field: value}}
            session.post(f"{crm.url}/__sandbox/act/edit", json=body, timeout=10).raise_for_status()


def _both(sides: Sides, records: Mapping[str, Sequence[str]], size: int) -> Table:
    """Change the company by a form and in an account before either is carried over."""
    rows = []
    visits = count(2)
    for name in ("hubspot", "salesforce"):
        for order in ("form, then edit", "edit, then form"):
            visit = next(visits)
            steps = [partial(_type, sides, size, visit), partial(_company, sides, records, size, name, visit)]
            for step in steps if order.startswith("form") else reversed(steps):
                step()
                sides.clock.advance(2)
            row = _row(sides.settle(), size, name, ("hubspot", "salesforce"))
            rows.append([row[0], f"{row[1]}: {order}", *row[2:]])
    note = (
        "A form and a person in the account change the company of each before either is carried over; the "
        "later one counts. A history of values is read (by id) only where the record's stamp is later than "
        "the form, and may be another field's. HubSpot keeps one for every property, Salesforce for tracked "
        "fields only, so there the record's stamp counts."
    )
    return Table("Records that both sides change", HEAD, rows, note)


def _type(sides: Sides, size: int, visit: int) -> None:
    sides.post(range(size), visit, company=f"Typed in form {visit}")
    sides.decide()


def _company(sides: Sides, records: Mapping[str, Sequence[str]], size: int, name: str, visit: int) -> None:
    _edit(sides.crms[name], records[name][:size], COMPANIES[name], f"Edited in {name} {visit}")


def _row(parts: Parts, size: int, where: str, to: Sequence[str]) -> list[str]:
    looks = sum(_sum(calls) for calls in parts["polls"].values())
    by_id = sum(_sum(calls) for calls in parts["reads by id"].values())
    sent = [(call, n) for calls in parts["delivery"].values() for call, n in calls.items()]
    reads = sum(n for call, n in sent if is_read(call))
    writes = sum(n for call, n in sent if not is_read(call))
    each = (by_id + reads + writes) / size
    counts = [str(one) for one in (looks, by_id, reads, writes)]
    return [f"{size:,}", where, *counts, " and ".join(to), f"{each:.3f}"]


def _sum(calls: Calls) -> int:
    return sum(calls.values())
