"""A seeded run of people, companies and deals in both CRMs, on the real clock, beside a town of processes."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
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
from tests.agreement.crms import Account, is_by_hand
from tests.agreement.names import NAMES
from tests.agreement.sales import Sales
from tests.agreement.world import ADDRESSES, VALUES, FailingStore, Said, VirtualClock, World
from tests.scaled.town import Town
from tests.waiting import eventually

LEFT_OUT = ("tasks", "adopt_when")  # of the maps
APART = ("follow_up", "notify")  # of the handlers
OBJECT = re.compile(r"/objects/[^/]*/?(contacts|companies|deals)\b")
ID = re.compile(r"(?:ld|ac|de)_[0-9a-f]{24}")  # of a lead, an account or a deal
READS = ("/search", "/batch/read")
TOLD = (  # of whom a problem names: the column that says whose a row is
    *(tables.leads.c.id, tables.links.c.lead_id, tables.merged_leads.c.into),
    *(tables.accounts.c.id, tables.account_links.c.account_id),
    *(tables.deals.c.id, tables.deal_links.c.deal_id, tables.deal_parties.c.deal_id),
    *(tables.outbox_changes.c.entity_id, tables.conflicts.c.lead_id, tables.holds.c.entity_id),
    tables.reviews.c.lead_id,
)
EVENT, WORD = tables.inbox_events, re.compile(r"\w+")
QUIET = 6.0  # seconds in which nothing changes: longer than the time between two polls
PATIENCE = 150.0  # seconds until all three agree


def for_runs(playbook: Path) -> None:
    """Change a playbook on disk: no tasks and messages, and polls every few seconds."""
    for path in sorted((playbook / "crm").glob("*.yaml")):
        crm = yaml.safe_load(path.read_text(encoding="utf-8"))
        crm = {name: part for name, part in crm.items() if name not in LEFT_OUT}
        crm["poll"] = {"every": "3s", "overlap": "15s", "sweep_every": "20s"}
        for one in crm["objects"].values():  # nobody waits for a record on the other CRM
            one["fields"] = {name: to for name, to in one["fields"].items() if "links." not in str(to)}
        path.write_text(yaml.safe_dump(crm, sort_keys=False), encoding="utf-8")
    path = playbook / "pipeline.yaml"
    pipeline = yaml.safe_load(path.read_text(encoding="utf-8"))
    pipeline["handlers"] = [one for one in pipeline["handlers"] if one not in APART]
    path.write_text(yaml.safe_dump(pipeline, sort_keys=False), encoding="utf-8")


def note_reads(app: Flask, account: Account) -> None:
    """Let an account remember what it has told leadrelay of each record, whichever process asked.

    An answer that is lost on its way tells nobody anything.
    """

    def note(response: Response) -> Response:
        is_read = request.method == "GET" or request.path.endswith(READS) or account.name == "salesforce"
        is_call = is_read and response.is_json and "__sandbox" not in request.path
        if is_call and response.status_code < 300 and account.vendor.call.id not in account.fates.lost:
            for record in _records(account.name, request.path, response.get_json()):
                account.seen.note(record)
        return response

    app.after_request(note)


def _records(name: str, path: str, told: Any) -> Iterator[Record]:
    """Yield the people, companies and deals in an answer, however deep they lie in it."""
    if isinstance(told, list):
        for one in told:
            yield from _records(name, path, one)
    if not isinstance(told, dict):
        return
    kind = told["attributes"].get("type") if isinstance(told.get("attributes"), dict) else None
    if kind in NAMES[name].objects and "Id" in told:
        yield _record(name, kind, told["Id"], told)
    elif isinstance(told.get("properties"), dict) and (found := OBJECT.search(path)):
        yield _record(name, found[1], str(told["id"]), told["properties"])
    else:
        for one in told.values():
            yield from _records(name, path, one)


def _record(name: str, object_type: str, record_id: str, told: dict[str, Any]) -> Record:
    remotes = NAMES[name].fields_of(object_type).values()
    return Record(RecordRef(name, object_type, record_id), {k: v for k, v in told.items() if k in remotes})


@dataclass
class TownWorld(World):
    """The people and the sellers of a run; leadrelay itself is the town's processes."""

    town: Town | None = None

    def __post_init__(self) -> None:
        self.random, self.now, self.sales = Random(self.seed), VirtualClock(self.clock), Sales(self)

    @property
    def store(self) -> FailingStore:
        """The store of the town."""
        assert self.town is not None
        return FailingStore(self.town.store)

    def _acts(self) -> dict[Callable[[], None], float]:
        return {
            self.someone_posts: 6,
            self.someone_edits: 10,
            self.someone_creates: 3,
            self.someone_merges: 1.5,
            self.someone_converts: 1.5,
            self.someone_deletes: 1,
            self.hints_arrive: 12,
            self.time_passes: 24,
            self.weather_changes: 2,
        }

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
            found = problems(self) if self.town.is_settled() else ["it has not settled:", *self._waiting()]
            agreed_since = None if found else agreed_since or time.monotonic()
            if time.monotonic() > deadline:
                raise AssertionError("\n".join([*found, *self._known_of(found)]))

    def _waiting(self) -> list[str]:
        """Return what is still to be decided or written."""
        rows, events = tables.outbox_changes, tables.inbox_events
        with self.store.snapshot() as snapshot:
            due = sa.select(rows).where(rows.c.wanted > rows.c.done, rows.c.wanted > rows.c.dead)
            heard = sa.select(events.c.id, events.c.kind, events.c.error).where(events.c.state == "waiting")
            return [str(dict(row)) for one in (due, heard) for row in snapshot.execute(one).mappings()]

    def _known_of(self, found: list[str]) -> Iterator[str]:
        """Yield what is known of those that problems name, for whoever looks into them."""
        records = set(WORD.findall(" ".join(found)))
        with self.store.snapshot() as snapshot:
            for one in sorted(filter(ID.fullmatch, records)):
                for column in TOLD:
                    for row in snapshot.execute(sa.select(column.table).where(column == one)).mappings():
                        records.add(str(row.get("remote_id")))
                        yield f"{column.table.name}: {dict(row)}"
            events = sa.select(EVENT).where(EVENT.c.record_id.in_(records)).order_by(EVENT.c.id)
            for row in snapshot.execute(events).mappings():
                yield f"event: {dict(row)}"
                said = sa.select(tables.audit_details.c.details).join_from(
                    tables.audit, tables.audit_details, tables.audit.c.id == tables.audit_details.c.audit_id
                )
                yield from map(str, snapshot.execute(said.where(tables.audit.c.event == row["id"])).scalars())
        for name, account in self.accounts.items():
            for write in account.vendor.history.writes:
                if write.record_id in records:
                    who = "a person" if is_by_hand(write) else "leadrelay"
                    did = f"{write.kind} {write.record_id} {write.changes}"
                    yield f"{name} {write.at:%H:%M:%S.%f} {who}: {did}"
