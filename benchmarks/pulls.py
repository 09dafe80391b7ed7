"""What following a large account costs: all of it read once, then a hundred changes among its records."""

from __future__ import annotations

import random
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

import requests

from benchmarks.crms import Crm
from benchmarks.figures import Table, Target
from benchmarks.house import House
from benchmarks.sides import LOOK, Sides, calls_of

LARGE = 100_000
TARGETS = {  # calls for so many records: by search, by listing
    "hubspot": Target(511, "<=", "{:.0f}"),
    "salesforce": Target(1_000, "<=", "{:.0f}"),
}
ONE = Target(1, "<=", "{:.0f}")
CHANGED = 100
OBJECTS = {"hubspot": ("contacts", "companies"), "salesforce": ("Lead", "Contact", "Account")}
PEOPLE = {"hubspot": "contacts", "salesforce": "Lead"}
HOW = {"hubspot": "search above an id", "salesforce": "query above an id"}
EDITED = {
    "contacts": "jobtitle",
    "companies": "city",
    "Lead": "Title",
    "Contact": "Title",
    "Account": "BillingCity",
}


def of_hubspot(house: House, *, quick: bool) -> Iterator[Table]:
    """Read all of HubSpot, then look at what has changed."""
    return _measure(house, house.hubspot, 10_000 if quick else 100_000)


def of_salesforce(house: House, *, quick: bool) -> Iterator[Table]:
    """Read all of Salesforce, then look at what has changed."""
    return _measure(house, house.salesforce, 10_000 if quick else 100_000)


def _measure(house: House, crm: Crm, people: int) -> Iterator[Table]:
    """Fill an account, read all of it, then change some records of each object and look once."""
    for one in house.crms:
        one.reset(limited=False, latency=False)
        one.search_freely()
    _seed(crm, people)
    with tempfile.TemporaryDirectory(dir=house.folder) as home:
        sides = Sides(house, Path(home))
        try:
            yield _pulls(sides, crm, people)
            yield _looks(sides, crm, people)
        finally:
            sides.close()


def _seed(crm: Crm, people: int) -> None:
    wanted = {name: _size(crm, name, people) for name in OBJECTS[crm.name]}
    answer = requests.post(f"{crm.url}/__sandbox/seed", json={**wanted, "seed": 7}, timeout=120)
    answer.raise_for_status()


def _pulls(sides: Sides, crm: Crm, people: int) -> Table:
    """Read all, and count the calls of each object's pages."""
    filler, found, calls = sides.filler(crm.name), Counter[str](), Counter[str]()
    seconds: defaultdict[str, float] = defaultdict(float)
    before, began = _total(crm), time.monotonic()
    while (step := filler.step()) is not None:
        seconds[step.object] += time.monotonic() - began
        calls[step.object] += (after := _total(crm)) - before
        found[step.object] += step.records
        before, began = after, time.monotonic()
    rows = []
    for each in OBJECTS[crm.name]:
        is_large = people == LARGE and found[each] >= LARGE
        target = TARGETS[crm.name].judge(calls[each]) if is_large else ""
        rows.append(
            [each, HOW[crm.name], f"{found[each]:,}", str(calls[each]), target, f"{seconds[each]:.0f} s"]
        )
    head = ("object", "how", "records", "calls", "target", "time")
    note = (
        "No latency and no limits: what reading and storing alone take. Of HubSpot's five searches a second "
        "leadrelay takes four, so there 500 calls take 125 s. Calls by the sandbox's own count."
    )
    return Table(f"All of {crm.name} read once, into the mirror", head, rows, note)


def _looks(sides: Sides, crm: Crm, people: int) -> Table:
    """Change records of each object, and look once at all."""
    for _ in range(2):  # where each walk begins, and what was seen late
        sides.clock.advance(LOOK)
        sides.look()
    chance, rows = random.Random(3), []
    for each in OBJECTS[crm.name]:
        _edit(crm, each, chance)
    sides.clock.advance(LOOK)
    calls, told = _look(sides, crm.name)
    for each in OBJECTS[crm.name]:
        figures = [f"{_size(crm, each, people):,}", str(CHANGED), str(told[each]), str(calls[each])]
        rows.append([each, *figures, ONE.judge(calls[each])])
    head = ("object", "records", "changed", "told of", "poll calls", "target")
    note = "One look at each object after the changes. For the contacts alone tap-hubspot makes 1,004 calls."
    title = f"{CHANGED} changes of each object of {crm.name}, among {people:,} people"
    return Table(title, head, rows, note)


def _size(crm: Crm, object_type: str, people: int) -> int:
    return people if object_type == PEOPLE[crm.name] else people // 20


def _look(sides: Sides, name: str) -> tuple[Counter[str], Counter[str]]:
    """Look once at every object; return the calls and the records told of, by object."""
    calls, told = Counter[str](), Counter[str]()
    poll, crm = sides.polls[name], sides.crms[name]
    before = _total(crm)
    while not (step := poll.step()).wait:
        after = _total(crm)
        calls[step.object] += after - before
        told[step.object] += step.records
        before = after
        sides.decide()
    return calls, told


def _edit(crm: Crm, object_type: str, chance: random.Random) -> None:
    listed = requests.get(f"{crm.url}/__sandbox/records/{object_type}?limit=1000", timeout=60).json()
    with requests.Session() as session:
        for n, row in enumerate(chance.sample(listed["records"], CHANGED)):
            body = {"object": object_type, "id": row["id"], "fields": {EDITED[object_type]: f"Changed {n}"}}
            session.post(f"{crm.url}/__sandbox/act/edit", json=body, timeout=10).raise_for_status()


def _total(crm: Crm) -> int:
    return sum(calls_of(crm).values())
