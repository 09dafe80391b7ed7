"""The sandbox CRMs as the benchmarks steer and read them."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

import requests

LATENCY_MS = {"hubspot": 150, "salesforce": 200, "messaging": 100}
LIMITS = {"hubspot": "per_10s", "salesforce": "daily", "messaging": "slack_per_s"}
PEOPLE = {"hubspot": ("contacts", "email"), "salesforce": ("Lead", "Email")}
QUIET_SECONDS = 0.7  # longer than a look-up and a create
OWNER = {"hubspot": "hubspot_owner_id", "salesforce": "OwnerId"}


@dataclass(frozen=True, slots=True)
class Count:
    """Calls that read or write people, and refusals, since the account was new."""

    calls: int
    refused: int

    def since(self, before: Count) -> Count:
        """Return what came after an earlier count."""
        return Count(self.calls - before.calls, self.refused - before.refused)


class Crm:
    """One fake vendor, a CRM or the messaging services, over its control endpoints."""

    def __init__(self, name: str, url: str) -> None:
        self.name, self.url = name, url
        self.object, self._email = PEOPLE.get(name, ("", ""))
        self._emails: dict[str, str] = {}
        self._session = requests.Session()

    def is_up(self) -> bool:
        """Say whether it answers."""
        try:
            return self._session.get(f"{self.url}/__sandbox/stats", timeout=2).ok
        except requests.ConnectionError:
            return False

    def reset(self, *, limited: bool, latency: bool = True) -> None:
        """Make the account new, as slow as the vendor is, with the vendor's limits or without."""
        self._emails.clear()
        self._session.post(f"{self.url}/__sandbox/reset", timeout=10).raise_for_status()
        faults: dict[str, object] = {"latency_ms": LATENCY_MS[self.name] if latency else 0}
        if not limited:
            faults["limits"] = {LIMITS[self.name]: None}
        self._session.post(f"{self.url}/__sandbox/faults", json=faults, timeout=10).raise_for_status()

    def search_freely(self) -> None:
        """Let HubSpot take any number of searches a second; for others that is nothing."""
        if self.name == "hubspot":
            limits = {"limits": {LIMITS[self.name]: None, "search_per_s": None}}
            self._session.post(f"{self.url}/__sandbox/faults", json=limits, timeout=10).raise_for_status()

    def count(self) -> Count:
        """Return the calls so far; reading the owners, every five minutes, is not among them."""
        stats = self.stats()
        calls = sum(n for path, n in stats["calls"].items() if "owners" not in path)
        return Count(calls, stats["answers"].get("429", 0) + stats["answers"].get("403", 0))

    def stats(self) -> dict[str, dict[str, int]]:
        """Return what the vendor counts: ``calls`` by path, ``answers`` by status, ``records`` by kind."""
        told: dict[str, dict[str, int]] = self._session.get(f"{self.url}/__sandbox/stats", timeout=10).json()
        return told

    def hook(self) -> str:
        """Return the address of a Slack channel."""
        hooks = self._session.get(f"{self.url}/__sandbox/hooks", timeout=10).json()["hooks"]
        return str(next(one["url"] for one in hooks if one["kind"] == "slack" and one["state"] == "active"))

    def writes(self) -> list[tuple[str, float, bool]]:
        """Return every write so far as (address, when, whether the record has or got an owner)."""
        answer = self._session.get(
            f"{self.url}/__sandbox/history", params={"object": self.object}, timeout=60
        )
        found = []
        for write in answer.json()["writes"]:
            changes = write["changes"]
            if write["kind"] == "create":
                self._emails[write["id"]] = str(changes[self._email][1]).lower()
            if changes:
                at = datetime.fromisoformat(write["at"]).timestamp()
                has_owner = bool(changes.get(OWNER[self.name], (None, None))[1])
                found.append((self._emails[write["id"]], at, has_owner))
        return found

    def arrivals(self, sent_at: Mapping[str, float]) -> dict[str, float]:
        """Return when the first write after each address was sent came about; what is not there did not."""
        arrived: dict[str, float] = {}
        for address, at, _ in self.writes():
            # The history keeps whole milliseconds, rounded down.
            if address in sent_at and at + 0.001 >= sent_at[address]:
                arrived.setdefault(address, at)
        return arrived

    def owned(self, addresses: Iterable[str]) -> int:
        """Return how many of these have been given an owner."""
        with_owner = {address for address, _, has_owner in self.writes() if has_owner}
        return len(with_owner.intersection(addresses))


def wait_for(crms: Iterable[Crm], sent_at: Mapping[str, float], patience: float) -> list[dict[str, float]]:
    """Return each CRM's arrivals, when all are there or patience is at its end.

    Reading a history is work for the machine that is being measured, so it is read only once no
    call has come for a while.
    """
    crms = list(crms)
    deadline = time.monotonic() + patience
    while True:
        _wait_for_quiet(crms, deadline)
        arrivals = [crm.arrivals(sent_at) for crm in crms]
        if time.monotonic() > deadline or all(len(found) == len(sent_at) for found in arrivals):
            return arrivals


def _wait_for_quiet(crms: Iterable[Crm], deadline: float) -> None:
    counts: list[Count] = []
    while time.monotonic() < deadline:
        before, counts = counts, [crm.count() for crm in crms]
        if counts == before:
            return
        time.sleep(QUIET_SECONDS)
