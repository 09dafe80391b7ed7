"""A whole leadrelay in this process, on a store and the sandbox CRMs, as a journey uses it."""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import requests
import sqlalchemy as sa
from sqlalchemy.engine import Connection
from typer.testing import CliRunner

from leadrelay import settings
from leadrelay.cli import app
from leadrelay.wiring import Daemon
from mappings.playbook import Limits
from mappings.starter import write_starter
from mappings.values.identity import keys_of
from sync import cursors, explain, outbox, status
from sync.budgets import MemoryBudget
from sync.database import Store, open_store
from sync.explain import Story
from sync.people import People
from sync.status import SourceCount, Status
from sync.tables import outbox_changes, outbox_effects
from tests.journeys.crms import TOKENS, Crm
from tests.waiting import eventually

T = TypeVar("T")

SPACE = "main"
WRITING = ("hubspot", "salesforce")
EVENTS_TOKEN = "scanner-token"


class Clock:
    """The machine's time, which a test may move on: nobody waits for a backoff or a window."""

    def __init__(self) -> None:
        self._ahead = timedelta()

    def now(self) -> datetime:
        """Return the moment."""
        return datetime.now(UTC) + self._ahead

    def move_on(self, **by: float) -> None:
        """Let time pass: ``move_on(minutes=11)``."""
        self._ahead += timedelta(**by)

    def monotonic(self) -> float:
        """Return the seconds of a clock that nobody sets back."""
        return time.monotonic() + self._ahead.total_seconds()

    def budget(self, limits: Limits, **more: Any) -> MemoryBudget:
        """Build a budget that goes by this clock; no search waits for another, as the sandbox lets all in."""
        return MemoryBudget(
            replace(limits, search=None),
            monotonic=self.monotonic,
            now=self.now,
            sleep=lambda _seconds: time.sleep(0.01),
            **more,
        )


def environment(database_url: str, playbook: Path, crms: Mapping[str, Crm]) -> dict[str, str]:
    """Return the settings of a daemon on the sandbox CRMs, on a free port."""
    return {
        "LEADRELAY_DATABASE_URL": database_url,
        "LEADRELAY_PLAYBOOK": str(playbook),
        "LEADRELAY_PORT": "0",
        "LEADRELAY_SANDBOX": "true",
        "LEADRELAY_LEASE_SECONDS": "3600",  # no lease runs out because a test lets time pass
        "LEADRELAY_HUBSPOT_BASE_URL": crms["hubspot"].url,
        "LEADRELAY_HUBSPOT_TOKEN": TOKENS["hubspot"],
        "LEADRELAY_SALESFORCE_BASE_URL": crms["salesforce"].url,
        "LEADRELAY_SALESFORCE_TOKEN": TOKENS["salesforce"],
        "LEADRELAY_SOURCE_EVENTS_TOKEN": EVENTS_TOKEN,
    }


class Books:
    """The store as a person reads it beside the daemon: where everything stands."""

    def __init__(self, store: Store, clock: Clock | None = None) -> None:
        self.store = store
        self.clock = clock or Clock()

    def read(self, look: Callable[[Connection], T]) -> T:
        """Return what ``look`` finds in a snapshot."""
        with self.store.snapshot() as snapshot:
            return look(snapshot)

    def status(self) -> Status:
        """Where every event ended."""
        return self.read(lambda snapshot: status.read(snapshot, SPACE, WRITING, self.clock.now()))

    def website(self) -> SourceCount:
        """The ends of the website's posts."""
        return self.status().sources.get("website", SourceCount())

    def is_settled(self) -> bool:
        """Say whether nothing waits: no event for the decider, no change, task or message on its way."""
        queues = self.read(lambda snapshot: status.queues(snapshot, SPACE, self.clock.now()))
        changes = sum(one.due + one.waiting for one in queues.connections.values())
        effects = sum(one.waiting for one in queues.effects.values())
        return not queues.events["waiting"] + changes + effects

    def settle(self) -> None:
        """Wait until nothing waits any more."""
        eventually(self.is_settled, "an empty inbox and outbox")

    def settle_in_a_hurry(self) -> None:
        """Wait until nothing waits any more, while time flies: fastest where nothing is under way.

        What is due and stays so waits for a record that is not due itself.
        """
        seen: deque[int] = deque(maxlen=8)

        def look() -> bool:
            queues = self.read(lambda snapshot: status.queues(snapshot, SPACE, self.clock.now()))
            due = queues.events["waiting"] + sum(one.due for one in queues.connections.values())
            waiting = sum(one.waiting for one in queues.connections.values())
            waiting += sum(one.waiting for one in queues.effects.values())
            seen.append(due)
            self.clock.move_on(seconds=2 if due and (len(seen) < 8 or len(set(seen)) > 1) else 120)
            return not due + waiting

        eventually(look, "an empty inbox and outbox")

    def settle_beside(self) -> None:
        """Wait until nothing waits any more in another process, by making all of it due."""

        def look() -> bool:
            self.store.write(self._make_due)
            return self.is_settled()

        eventually(look, "an empty inbox and outbox")

    def _make_due(self, connection: Connection) -> None:
        now = self.clock.now()
        for table in (outbox_changes, outbox_effects):
            waits = sa.update(table).where(table.c.due_at > now, table.c.lease_token.is_(None))
            connection.execute(waits.values(due_at=now))

    def waiting(self, connection: str) -> int:
        """How many changes of a connection wait for a better time."""
        found = self.status().connections.get(connection)
        return found.waiting if found else 0

    def dead_letters(self) -> list[outbox.DeadLetter]:
        """What a CRM will not take."""
        return self.read(lambda snapshot: outbox.dead_letters(snapshot, SPACE))

    def effects(self) -> list[tuple[str, str, str]]:
        """All tasks and messages: kind, where to, state."""
        c = outbox_effects.c
        return self.read(
            lambda snapshot: [tuple(row) for row in snapshot.execute(sa.select(c.kind, c.target, c.state))]
        )

    def set_aside(self) -> list[dict[str, Any]]:
        """Events that a person should look at, newest first."""
        return self.read(lambda snapshot: explain.set_aside_list(snapshot, SPACE, limit=5000))

    def story(self, who: str) -> Story:
        """A lead's story, by address, number or lead id."""

        def look(snapshot: Connection) -> Story:
            lead_id = explain.find_lead(snapshot, SPACE, who, keys_of(who))
            assert lead_id is not None, f"nobody is known by {who}"
            return explain.read(snapshot, lead_id)

        return self.read(look)


class House(Books):
    """The daemon with its door; ``start`` and ``stop`` as often as a test likes, on one store."""

    def __init__(self, database_url: str, folder: Path, crms: Mapping[str, Crm], clock: Clock) -> None:
        super().__init__(open_store(database_url), clock)
        self.crms = crms
        self.playbook = folder / "playbook"
        write_starter(self.playbook)
        self.environ = environment(database_url, self.playbook, crms)
        self._daemon: Daemon | None = None
        self._session = requests.Session()

    @property
    def daemon(self) -> Daemon:
        """The running daemon."""
        assert self._daemon is not None, "the house is not open"
        return self._daemon

    def start(self, **environ: str) -> House:
        """Open: read settings and playbook, start everything."""
        self.environ |= environ
        self._daemon = Daemon(settings.load(self.environ))
        self._daemon.start()
        return self

    def settle_in(self) -> House:
        """Wait until the people of both CRMs are known: no post has to wait for that any more.

        Their records are mirrored by then, too, and what was there before is matched.
        """
        eventually(lambda: len(self._rosters()) == len(WRITING), "the rosters of both CRMs")
        eventually(lambda: self.matched() == set(WRITING), "the mirrors of both CRMs")
        return self

    def matched(self) -> set[str]:
        """The connections whose mirror is whole, and has been compared with the leads."""
        found = self.read(lambda snapshot: cursors.load(snapshot, SPACE))
        return {one.connection for one in found if one.job == cursors.MATCH and not one.is_walking}

    def _rosters(self) -> Collection[str]:
        return self.read(lambda snapshot: People.load(snapshot, SPACE)).rosters

    def stop(self) -> None:
        """Drain and close, if open."""
        daemon, self._daemon = self._daemon, None
        if daemon is not None:
            daemon.stop()

    def close(self) -> None:
        """Leave nothing behind."""
        self.stop()
        self.store.close()

    def edit(self, file: str, old: str, new: str) -> None:
        """Change a file of the playbook on disk, as its owner does."""
        path = self.playbook / file
        text = path.read_text(encoding="utf-8")
        assert old in text, f"{file} does not say {old!r}"
        path.write_text(text.replace(old, new), encoding="utf-8")

    def send(self, source: str = "website", **request: Any) -> requests.Response:
        """Make one request at the door."""
        url = f"http://127.0.0.1:{self.daemon.port}/in/{source}"
        return self._session.post(url, timeout=30, **request)

    def post(self, **fields: Any) -> dict[str, Any]:
        """Send a form as curl does; returns the answer, which must be 202."""
        answer = self.send(data=fields)
        assert answer.status_code == 202, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def scan(self, at: datetime, **fields: Any) -> dict[str, Any]:
        """Send a badge scan of that moment: a source that says when things happened."""
        body = {f"attendee_{name}": value for name, value in fields.items()} | {"scanned_at": at.isoformat()}
        answer = self.send("events", json=body, headers={"X-Api-Key": EVENTS_TOKEN})
        assert answer.status_code == 202, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def deliver(self, **fields: Any) -> dict[str, Any]:
        """Send a form and wait until all that follows from it has happened."""
        answer = self.post(**fields)
        self.settle()
        return answer

    def command(self, *words: str, exit_code: int = 0) -> str:
        """Run a command of the command line and return what it printed."""
        result = CliRunner().invoke(app, words, env=self.environ, catch_exceptions=False)
        assert result.exit_code == exit_code, result.output
        return result.output

    def command_json(self, *words: str) -> Any:
        """Run a command with ``--json`` and return what it found."""
        return json.loads(self.command(*words, "--json"))

    def everywhere(self, email: str) -> dict[str, dict[str, Any]]:
        """The one person of this address in each CRM."""
        return {name: crm.person(email) for name, crm in self.crms.items()}
