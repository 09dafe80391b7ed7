"""Sends the events: in batches, a few calls at a time, again after a failure, and not always in order."""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from random import Random
from typing import TYPE_CHECKING, Any

import urllib3

from sandbox.hubspot.apps import App
from sandbox.hubspot.values import iso
from sandbox.hubspot.webhooks import signatures
from sandbox.hubspot.webhooks.events import Event
from sandbox.hubspot.webhooks.subscriptions import Hooks

if TYPE_CHECKING:
    from sandbox.hubspot.account import HubSpot

LARGEST_BATCH, TIMEOUT_S = 100, 5.0
# Minutes before each of ten further attempts; with their spread they end within 24 hours.
WAITS = (1, 5, 15, 30, 60, 120, 180, 240, 300, 360)
SPREAD = 0.05
GATHER_S, TICK_S = 0.05, 0.05  # how long events wait for company, and how often the queue is looked at
USER_AGENT = "HubSpot Connect 2.0 (http://dev.hubspot.com/) (namespace: webhooks-nio-http-client)"
KEPT = 1_000  # deliveries that are remembered


@dataclass(frozen=True, slots=True)
class Batch:
    """Events that go out in one call."""

    app: App
    hooks: Hooks
    events: tuple[Event, ...]
    due_at: datetime
    attempt: int = 0


@dataclass
class Sender:
    """The events that wait, and the thread that sends them. ``lock`` guards the queue, not the network."""

    account: HubSpot
    deliveries: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=KEPT))
    _fresh: list[tuple[App, Hooks, Event, datetime]] = field(default_factory=list)
    _waiting: list[Batch] = field(default_factory=list)
    _under_way: list[Batch] = field(default_factory=list)  # sent again if the sandbox is killed meanwhile
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _round: threading.Lock = field(default_factory=threading.Lock)
    _thread: threading.Thread | None = None
    _heard: threading.Event = field(default_factory=threading.Event)
    _rounds: int = 0
    _era: int = 0  # grows when the account is reset; what was under way then is forgotten

    def clear(self) -> None:
        """Forget all events and deliveries."""
        with self._lock:
            self._fresh.clear()
            self._waiting.clear()
            self._under_way.clear()
            self.deliveries.clear()
            self._rounds, self._era = 0, self._era + 1

    def put(self, app: App, hooks: Hooks, event: Event) -> None:
        """Queue an event; the thread starts with the first one."""
        delay = timedelta(milliseconds=self.account.faults.setting["push_delay_ms"])
        with self._lock:
            self._fresh.append((app, hooks, event | {"appId": app.app_id}, self.account.now() + delay))
        self.start()

    def start(self) -> None:
        """Begin to send, if that has not begun."""
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="hubspot webhooks", daemon=True)
                self._thread.start()
        self._heard.set()

    def resume(self) -> None:
        """Go on after a restart: what was under way is sent once more."""
        self._waiting, self._under_way = [*self._under_way, *self._waiting], []
        if self._waiting or self._fresh:
            self.start()

    def still(self) -> threading.Lock:
        """What holds the queue still while it is held."""
        return self._lock

    def counts(self) -> dict[str, int]:
        """How much waits for its first or for another attempt."""
        with self._lock:
            retrying = sum(len(batch.events) for batch in self._waiting)
            return {"waiting": len(self._fresh), "retrying": retrying}

    def flush(self) -> int:
        """Send everything that is due and return how many calls that took."""
        with self._round:
            era, batches = self._due()
            by_hooks: dict[int, list[Batch]] = {}
            for batch in batches:
                by_hooks.setdefault(id(batch.hooks), []).append(batch)
            for some in by_hooks.values():
                settings = some[0].hooks.settings
                workers = min(settings.concurrent if settings else 1, len(some))
                with ThreadPoolExecutor(workers) as pool:
                    list(pool.map(lambda batch: self._send(batch, era), some))
            return len(batches)

    def _run(self) -> None:
        while not self.account.closed.is_set():
            self._heard.wait(1)
            self._heard.clear()
            self.account.closed.wait(GATHER_S)
            while any(self.counts().values()) and not self.account.closed.is_set():
                self.flush()
                self.account.closed.wait(TICK_S)

    def _due(self) -> tuple[int, list[Batch]]:
        """Take what is due out of the queue, in batches, with what the faults make of it."""
        now = self.account.now()
        with self._lock:
            fresh = [row for row in self._fresh if row[3] <= now]
            self._fresh = [row for row in self._fresh if row[3] > now]
            again = [batch for batch in self._waiting if batch.due_at <= now]
            self._waiting = [batch for batch in self._waiting if batch.due_at > now]
            self._rounds += bool(fresh)
            random = Random(f"{self.account.faults.setting['seed']}:{self._rounds}")
            of_app: dict[int, list[tuple[App, Hooks, Event, datetime]]] = {}
            for row in self._disturbed(fresh, random):
                of_app.setdefault(id(row[1]), []).append(row)
            batches = [
                Batch(
                    rows[0][0], rows[0][1], tuple(row[2] for row in rows[start : start + LARGEST_BATCH]), now
                )
                for rows in of_app.values()
                for start in range(0, len(rows), LARGEST_BATCH)
            ]
            self._under_way = [*again, *batches]
            return self._era, [*again, *batches]

    def _disturbed(self, rows: list[Any], random: Random) -> list[Any]:
        """Repeat some events and move some to another place, as often as the faults say."""
        setting = self.account.faults.setting
        twice = [row for row in rows if random.random() < setting["push_duplicate_rate"]]
        rows = [*rows, *twice]
        for place in range(len(rows)):
            if random.random() < setting["push_reorder_rate"]:
                other = random.randrange(len(rows))
                rows[place], rows[other] = rows[other], rows[place]
        return rows

    def _send(self, batch: Batch, era: int) -> None:
        settings = batch.hooks.settings
        if settings is None or era != self._era:
            return
        events = [event | {"attemptNumber": batch.attempt} for event in batch.events]
        body = json.dumps(events, separators=(",", ":"), ensure_ascii=False)
        sent_at = self.account.now()
        outcome = _post(settings.target_url, body, batch.app.client_secret, int(sent_at.timestamp() * 1000))
        good = isinstance(outcome, int) and outcome < 400
        told = {"at": iso(sent_at), "app_id": batch.app.app_id, "url": settings.target_url}
        told |= {"attempt": batch.attempt, "outcome": outcome, "events": events}
        again = None
        if not good and batch.attempt < len(WAITS):
            random = Random(f"{events[0]['eventId']}:{batch.attempt}")
            wait = timedelta(minutes=WAITS[batch.attempt] * random.uniform(1 - SPREAD, 1 + SPREAD))
            again = replace(batch, attempt=batch.attempt + 1, due_at=sent_at + wait)
        with self._lock:
            if era != self._era:
                return
            self.deliveries.append(told | {"again_at": iso(again.due_at) if again else None})
            self._under_way.remove(batch)
            self.account.is_changed = True
            if again is not None:
                self._waiting.append(again)


_POOL = urllib3.PoolManager(num_pools=10, maxsize=10, cert_reqs="CERT_NONE", retries=False)
urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)  # receivers here have local certificates


def _post(url: str, body: str, secret: str, timestamp: int) -> int | str:
    """Call the receiver; its status, or in words why there was none."""
    headers = {
        "Content-Type": "application/json",
        "User-Agent": USER_AGENT,
        "X-HubSpot-Signature": signatures.v1(secret, body),
        "X-HubSpot-Signature-Version": "v1",
        "X-HubSpot-Signature-v3": signatures.v3(secret, "POST", url, body, timestamp),
        "X-HubSpot-Request-Timestamp": str(timestamp),
    }
    return call("POST", url, body, headers, TIMEOUT_S)


def call(method: str, url: str, body: str, headers: Mapping[str, str], timeout_s: float) -> int | str:
    """Call an address; its status, or in words why there was none."""
    try:
        answer = _POOL.request(
            method, url, body=body.encode() or None, headers=headers, timeout=timeout_s, redirect=False
        )
    except urllib3.exceptions.HTTPError as error:
        return type(error).__name__
    return int(answer.status)
