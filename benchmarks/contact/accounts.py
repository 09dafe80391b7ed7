"""The two sandbox accounts: seeded through the vendors' own calls, steered and read behind them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import requests

from benchmarks.contact.world import HALF_GONE, LEAVING, Somebody, World

Record = dict[str, Any]
HANDS = 4  # people at work at the same time while the accounts are filled


@dataclass
class Account:
    """One sandbox account."""

    name: str
    url: str
    token: str
    objects: tuple[str, ...]  # of people
    company: str
    task: str
    session: requests.Session = field(default_factory=requests.Session)

    def reset(self, limits: Mapping[str, None]) -> None:
        """Make it new, and without limits on calls."""
        self.control("POST", "reset")
        self.control("POST", "faults", {"limits": dict(limits)})

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """Make one of the vendor's own calls."""
        answer = self.session.request(
            method,
            self.url + path,
            json=body,
            timeout=120,
            headers={"Authorization": f"Bearer {self.token}", **headers},
        )
        if not answer.ok or answer.status_code == 207:
            raise AssertionError(f"{self.name} {method} {path}: {answer.status_code} {answer.text[:300]}")
        return answer.json() if answer.content else None

    def control(self, method: str, path: str, body: Any = None) -> Any:
        """Ask or steer the sandbox behind the vendor."""
        answer = self.session.request(method, f"{self.url}/__sandbox/{path}", json=body, timeout=600)
        if not answer.ok:
            raise AssertionError(f"{self.name} {path}: {answer.status_code} {answer.text[:300]}")
        return answer.json() if answer.content else None

    def act(self, verb: str, object_name: str, record: str, by: str = "", **more: Any) -> Any:
        """Do what a person does in the vendor's pages."""
        return self.control("POST", f"act/{verb}", {"object": object_name, "id": record, "by": by, **more})

    def records(self, object_name: str) -> dict[str, Record]:
        """Return every live record of an object by id."""
        rows = self.control("GET", f"records/{object_name}")["records"]
        return {row["id"]: row["fields"] for row in rows if not row["archived"]}

    def everything(self) -> dict[tuple[str, str], Record]:
        """Return every live record of a person by object and id."""
        return {(name, key): row for name in self.objects for key, row in self.records(name).items()}

    def writes(self, since_call: int) -> Iterator[dict[str, Any]]:
        """Yield the writes after a call, those of each object oldest first."""
        for name in (*self.objects, self.company, self.task):
            yield from self.control("GET", f"history?object={name}&since_call={since_call}")["writes"]

    def by_api(self, since_call: int) -> Iterator[dict[str, Any]]:
        """Yield those that nobody did by hand."""
        return (write for write in self.writes(since_call) if not is_by_hand(write))

    def next_call(self) -> int:
        """Return a number past that of every call that has written so far."""
        high = 1
        while self._wrote_since(high):
            high *= 2
        low = high // 2
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self._wrote_since(middle) else (low, middle)
        return high

    def _wrote_since(self, call: int) -> bool:
        return bool(self.control("GET", f"history?since_call={call}&limit=1")["writes"])


def is_by_hand(write: Mapping[str, Any]) -> bool:
    """Say whether a person did it in the vendor's pages."""
    return bool(write["call"].get("by"))


def hubspot(url: str) -> Account:
    """The sandbox HubSpot."""
    return Account("hubspot", url, "sandbox-token", ("contacts",), "companies", "tasks")


def salesforce(url: str) -> Account:
    """The sandbox Salesforce."""
    return Account("salesforce", url, "00Dsandbox!sandbox-token", ("Lead", "Contact"), "Account", "Task")


def fill(hub: Account, sales: Account, world: World) -> None:
    """Fill both accounts, then have people merge, convert and leave."""
    hub.reset({"per_10s": None, "search_per_s": None})
    sales.reset({"daily": None})
    _fill_hubspot(hub, world)
    _fill_salesforce(sales, world)


def _fill_hubspot(hub: Account, world: World) -> None:
    owners = {row["email"]: row["id"] for row in hub.call("GET", "/crm/v3/owners?limit=100")["results"]}
    mine = [one for one in world.everyone() if one.in_hubspot]
    rows = [one.hubspot(owners) for one in mine]
    rows += [{"email": one.alias, "lastname": "Double"} for one in mine if one.is_merged]

    def make(some: Sequence[Record]) -> list[Record]:
        body = {"inputs": [{"properties": row} for row in some]}
        return list(hub.call("POST", "/crm/v3/objects/contacts/batch/create", body)["results"])

    made = {row["properties"]["email"]: row["id"] for part in _at_once(make, rows, 100) for row in part}
    for one in mine:
        if one.is_merged:
            hub.act("merge", "contacts", made[one.email], other=made[one.alias])
    hub.act("delete", "owners", owners[LEAVING])


def _fill_salesforce(sales: Account, world: World) -> None:
    asked = "/services/data/v68.0/query?q=SELECT+Id,Email+FROM+User"
    users = {row["Email"]: row["Id"] for row in sales.call("GET", asked)["records"]}
    mine = [one for one in world.everyone() if one.in_salesforce]

    def make(some: Sequence[Somebody]) -> list[tuple[Somebody, str]]:
        records = [
            {"attributes": {"type": "Contact" if one.is_contact else "Lead"}, **one.salesforce(users)}
            for one in some
        ]
        body = {"allOrNone": True, "records": records}
        path = "/services/data/v68.0/composite/sobjects"
        told = sales.call("POST", path, body, **{"Sforce-Auto-Assign": "FALSE"})
        return [(one, row["id"]) for one, row in zip(some, told, strict=True)]

    kinds = [[one for one in mine if one.is_contact], [one for one in mine if not one.is_contact]]
    made = [pair for kind in kinds for part in _at_once(make, kind, 200) for pair in part]
    for one, record in made:
        if one.is_converted:
            sales.act("convert", "Lead", record)
    for gone in (LEAVING, HALF_GONE):
        sales.act("edit", "User", users[gone], fields={"IsActive": False})


def _at_once(make: Callable[[Sequence[Any]], Any], rows: Iterable[Any], size: int) -> Iterator[Any]:
    """Make records in calls of so many, some calls at the same time."""
    left = iter(rows)
    pieces = list(iter(lambda: list(islice(left, size)), []))
    with ThreadPoolExecutor(HANDS) as pool:
        yield from pool.map(make, pieces)
