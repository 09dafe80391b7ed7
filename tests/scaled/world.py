"""A seeded run of people in both CRMs and at the door, on the real clock, beside a town of processes."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import requests
import sqlalchemy as sa
import yaml
from flask import Flask, Response, request

from model.change import Record
from model.event import RecordRef
from sync import tables
from tests.agreement.checks import problems
from tests.agreement.crms import Account
from tests.agreement.names import NAMES
from tests.agreement.world import ADDRESSES, VALUES, FailingStore, Said, VirtualClock, World
from tests.crash.repeats import LEAD_ID
from tests.scaled.town import Town
from tests.waiting import eventually

LEFT_OUT = ("account", "deal", "adopt_deals", "tasks", "adopt_when")  # of the maps: the runs are about people
APART = ("account", "deals", "follow_up", "notify")  # of the handlers
OBJECT = re.compile(r"/objects/[^/]*/?(contacts)\b")
READS = ("/search", "/batch/read")
QUIET = 6.0  # seconds in which nothing changes: longer than the time between two polls
PATIENCE = 150.0  # seconds until all three agree


def for_runs(playbook: Path) -> None:
    """Change a playbook on disk: people alone, and polls every few seconds."""
    for path in sorted((playbook / "crm").glob("*.yaml")):
        crm = yaml.safe_load(path.read_text(encoding="utf-8"))
        crm = {name: part for name, part in crm.items() if name not in LEFT_OUT}
        crm["poll"] = {"every": "3s", "overlap": "15s", "sweep_every": "20s"}
        crm["objects"] = {
            name: one for name, one in crm["objects"].items() if name in NAMES[path.stem].people
        }
        for one in crm["objects"].values():  # nobody waits for a record on the other CRM
            one["fields"] = {name: to for name, to in one["fields"].items() if "links." not in str(to)}
        path.write_text(yaml.safe_dump(crm, sort_keys=False), encoding="utf-8")
    path = playbook / "pipeline.yaml"
    pipeline = yaml.safe_load(path.read_text(encoding="utf-8"))
    pipeline["handlers"] = [one for one in pipeline["handlers"] if one not in APART]
    path.write_text(yaml.safe_dump(pipeline, sort_keys=False), encoding="utf-8")


def note_reads(app: Flask, account: Account) -> None:
    """Let an account remember what it has told leadrelay of each record, whichever process asked."""

    def note(response: Response) -> Response:
        is_read = request.method == "GET" or request.path.endswith(READS) or account.name == "salesforce"
        if is_read and response.status_code < 300 and response.is_json and "__sandbox" not in request.path:
            for record in _records(account.name, request.path, response.get_json()):
                account.seen.note(record)
        return response

    app.after_request(note)


def _records(name: str, path: str, told: Any) -> Iterator[Record]:
    """Yield the people in an answer, however deep they lie in it."""
    if isinstance(told, list):
        for one in told:
            yield from _records(name, path, one)
    if not isinstance(told, dict):
        return
    kind = told["attributes"].get("type") if isinstance(told.get("attributes"), dict) else None
    if kind in NAMES[name].people and "Id" in told:
        yield Record(RecordRef(name, kind, told["Id"]), {k: v for k, v in told.items() if k in _fields(name)})
    elif isinstance(told.get("properties"), dict) and (found := OBJECT.search(path)):
        fields = {k: v for k, v in told["properties"].items() if k in _fields(name)}
        yield Record(RecordRef(name, found[1], str(told["id"])), fields)
    else:
        for one in told.values():
            yield from _records(name, path, one)


def _fields(name: str) -> set[str]:
    return set(NAMES[name].fields.values())


@dataclass
class TownWorld(World):
    """The people of a run; leadrelay itself is the town's processes."""

    town: Town | None = None

    def __post_init__(self) -> None:
        self.random, self.now, self.sales = Random(self.seed), VirtualClock(self.clock), None

    @property
    def store(self) -> FailingStore:
        """The store of the town."""
        assert self.town is not None
        return FailingStore(self.town.store)

    def act(self) -> None:
        """Let one thing happen outside."""
        happen = self.random.choices(
            [
                self.someone_posts,
                self.someone_edits,
                self.someone_creates,
                self.someone_merges,
                self.someone_converts,
                self.someone_deletes,
                self.hints_arrive,
                self.time_passes,
                self.weather_changes,
            ],
            weights=[6, 10, 3, 1.5, 1.5, 1, 6, 12, 1],
        )[0]
        happen()

    def someone_posts(self) -> None:
        """Send a form to whichever web answers."""
        email = self.random.choice(ADDRESSES)
        fields = {name: self.random.choice(values) for name, values in VALUES.items() if self.maybe(0.5)}
        number = self._number()
        self.said += [Said(number, email, name, value) for name, value in fields.items()]
        eventually(lambda: self._posted({"email": email, **fields}), "a web that takes a post", every=0.2)
        self.note(f"post {email} {fields}")

    def _posted(self, body: dict[str, str]) -> bool:
        assert self.town is not None
        try:
            answer = requests.post(f"{self.town.url()}/in/website", json=body, timeout=60)
        except requests.RequestException:
            return False
        assert answer.status_code in (202, 503), answer.text
        return answer.status_code == 202

    def hints_arrive(self) -> None:
        """Let webhooks of one CRM arrive."""
        self.push(self.random.choice(list(self.accounts)))

    def push(self, name: str, *, all_of_them: bool = False) -> None:
        """Let webhooks arrive late, doubled and out of order; none is lost.

        HubSpot says of a deleted record by nothing else for an hour, until its recycle bin is looked through.
        """
        self._pending += [(next(self._order), name, hint) for hint in self.accounts[name].hints()]
        super().push(name, all_of_them=all_of_them)

    def time_passes(self) -> None:
        """Wait a moment."""
        time.sleep(self.random.choice([0.05, 0.1, 0.3, 0.8]))

    def pass_time(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)

    def come_to_rest(self, rounds: int = 60) -> None:
        """Let nobody do anything any more, until all three have agreed for a while."""
        assert self.town is not None
        for account in self.accounts.values():
            account.vendor.faults.set({"limits": dict.fromkeys(account.vendor.limits)})
            self.push(account.name, all_of_them=True)
        self.note("quiet")
        deadline, agreed_since = time.monotonic() + PATIENCE, None
        while agreed_since is None or time.monotonic() - agreed_since < QUIET:
            self.town.store.write(self.town._make_due)
            time.sleep(0.5)
            found = problems(self) if self.town.is_settled() else ["it has not settled"]
            agreed_since = None if found else agreed_since or time.monotonic()
            if time.monotonic() > deadline:
                raise AssertionError("\n".join([*found, *self._known_of(found)]))

    def _known_of(self, found: list[str]) -> Iterator[str]:
        """Yield what the store holds of the leads that problems name, for whoever looks into them."""
        for lead_id in sorted({one for text in found for one in LEAD_ID.findall(text)}):
            for table in (
                tables.leads,
                tables.links,
                tables.outbox_changes,
                tables.conflicts,
                tables.holds,
                tables.reviews,
                tables.merged_leads,
            ):
                column = next(
                    table.c[name] for name in ("entity_id", "into", "lead_id", "id") if name in table.c
                )
                with self.store.snapshot() as snapshot:
                    rows = snapshot.execute(sa.select(table).where(column == lead_id)).mappings().all()
                yield from (f"{table.name}: {dict(row)}" for row in rows)
