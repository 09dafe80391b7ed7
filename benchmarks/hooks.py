"""How long a change in one CRM takes to be in the other, told by a webhook: by the vendors' own clocks."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import requests

from benchmarks.crms import Crm, wait_for
from benchmarks.figures import Table, percentile, seconds
from benchmarks.house import House, Process
from benchmarks.load import Plan, send
from benchmarks.posts import email

SECRET = "a-path-that-nobody-can-guess-0001"
ENVIRON = {
    "LEADRELAY_HUBSPOT_WEBHOOK_SECRET": "sandbox-client-secret-0001",
    "LEADRELAY_SALESFORCE_HOOK_SECRET": SECRET,
}
TITLES = {"hubspot": ("contacts", "jobtitle"), "salesforce": ("Lead", "Title")}
RATES = (1, 10)  # edits a second
PATIENCE = 30.0


def measure(house: House, *, quick: bool) -> Iterator[Table]:
    """Edit known people in one account, then in the other, and see when the other one holds it."""
    length = 5 if quick else 10
    rows = []
    with house.daemon(limited=True, poll="1h", more=ENVIRON) as daemon:
        _subscribe(house, daemon)
        people = max(RATES) * length
        sent = send(Plan(daemon.port, 0, people, rate=20, seconds=people / 20 + 5))
        wait_for(house.crms, {email(one.person): one.at for one in sent}, 60)
        for rate in RATES:
            for here, there in (house.crms, house.crms[::-1]):
                rows.append(_row(here, there, rate, rate * length))
    head = ("edits/s", "edited in", "written to", "edits", "arrived", "p50", "p99")
    note = (
        "From the edit to the write in the other account, with vendor latencies and limits, polls an hour "
        "apart. The sandbox gathers its webhooks for a moment before it sends them, as the vendors do: that "
        "is in the figures."
    )
    yield Table("A change in one CRM reaches the other, by webhook", head, rows, note)


def _subscribe(house: House, daemon: Process) -> None:
    door = f"http://127.0.0.1:{daemon.port}/hooks"
    hooks = {"target_url": f"{door}/hubspot", "subscriptions": ["contact.propertyChange:jobtitle"]}
    _post(house.hubspot, "webhooks", hooks)
    _post(house.salesforce, "outbound-messages", {"object": "Lead", "url": f"{door}/salesforce/{SECRET}"})


def _row(here: Crm, there: Crm, rate: int, count: int) -> list[str]:
    edited = _edit(here, count, rate)
    deadline = time.monotonic() + PATIENCE
    while len(arrived := _written(there, edited)) < count and time.monotonic() < deadline:
        time.sleep(1.0)
    waits = [at - edited[value] for value, at in arrived.items()]
    missing = count - len(arrived)
    quantiles = [seconds(percentile(waits, share, missing)) for share in (0.5, 0.99)]
    return [str(rate), here.name, there.name, str(count), f"{100 * len(arrived) / count:.0f} %", *quantiles]


def _edit(crm: Crm, count: int, rate: int) -> dict[str, float]:
    """Edit the title of so many people, each once; return when, by the value."""
    object_type, title = TITLES[crm.name]
    listed = requests.get(f"{crm.url}/__sandbox/records/{object_type}", timeout=60).json()["records"]
    began = time.monotonic()
    for n, row in enumerate(listed[:count]):
        time.sleep(max(0.0, began + n / rate - time.monotonic()))
        value = f"{crm.name} {rate} {n}"
        _post(crm, "act/edit", {"object": object_type, "id": row["id"], "fields": {title: value}})
    return _written(crm, {f"{crm.name} {rate} {n}": 0.0 for n in range(count)})


def _written(crm: Crm, values: dict[str, float]) -> dict[str, float]:
    """Return when each of these titles was first written here."""
    object_type, title = TITLES[crm.name]
    answer = requests.get(f"{crm.url}/__sandbox/history", params={"object": object_type}, timeout=60)
    found: dict[str, float] = {}
    for write in answer.json()["writes"]:
        value = (write["changes"].get(title) or (None, None))[1]
        if value in values:
            found.setdefault(value, datetime.fromisoformat(write["at"]).timestamp())
    return found


def _post(crm: Crm, path: str, body: dict[str, Any]) -> None:
    requests.post(f"{crm.url}/__sandbox/{path}", json=body, timeout=10).raise_for_status()
