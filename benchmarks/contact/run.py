"""The whole way: fill two accounts, observe, post, plan, edit by hand, go live, and check what came of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import requests

from benchmarks.contact import checks, oracle
from benchmarks.contact.accounts import Account, Record, fill, hubspot, salesforce
from benchmarks.contact.oracle import Place
from benchmarks.contact.world import World
from benchmarks.figures import Table
from benchmarks.house import HOUSE, House, Process, free_port, process

PEOPLE, FEW = 100_000, 2_000
SENDERS = 8
MOST_EDITS = 500
PATIENCE = 5_400.0  # seconds that any one wait may take at most
EDITS = {  # what a person writes into records between the plan and going live
    "contacts": {"jobtitle": "Boss", "company": "By hand", "phone": "+49 30 5550100"},
    "Lead": {"Title": "Boss", "Company": "By hand", "Phone": "+49 30 5550100"},
    "Contact": {"Title": "Boss", "MailingCity": "By hand", "Phone": "+49 30 5550100"},
}


class Wrong(AssertionError):
    """Something is not as it must be."""


@dataclass
class Contact:
    """One run, with the seconds that each part took."""

    world: World
    accounts: dict[str, Account]
    environ: dict[str, str]
    port: int
    seconds: dict[str, float] = field(default_factory=dict)
    plans: dict[str, dict[str, Any]] = field(default_factory=dict)
    expected: dict[str, oracle.Expected] = field(default_factory=dict)

    @property
    def pause(self) -> float:
        """Seconds between two looks: a look is work for the machine that is being measured."""
        return 1.0 if self.world.people < 10_000 else 10.0

    @contextmanager
    def timed(self, part: str) -> Iterator[None]:
        """Note how long a part takes."""
        began = time.monotonic()
        yield
        self.seconds[part] = self.seconds.get(part, 0.0) + time.monotonic() - began

    def command(self, *words: str) -> Any:
        """Run a command with ``--json``."""
        ran = subprocess.run(
            [sys.executable, "-m", "leadrelay", *words, "--json"],
            cwd=HOUSE, env=os.environ | self.environ, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if ran.returncode:
            raise Wrong(f"leadrelay {' '.join(words)} ended with {ran.returncode}: {ran.stderr[-2000:]}")
        return json.loads(ran.stdout)

    def post(self, posts: Iterable[Mapping[str, str]]) -> int:
        """Post forms from some senders at once; return how many were taken."""
        with requests.Session() as session:
            session.mount("http://", requests.adapters.HTTPAdapter(pool_maxsize=SENDERS))

            def send(post: Mapping[str, str]) -> int:
                url = f"http://127.0.0.1:{self.port}/in/website"
                answer = session.post(url, json=dict(post), timeout=60)
                if answer.status_code != 202:
                    raise Wrong(f"a post was answered {answer.status_code}: {answer.text[:200]}")
                return 1

            with ThreadPoolExecutor(SENDERS) as pool:
                return sum(pool.map(send, posts))


def run(house: House, people: int) -> Contact:
    """Go the whole way; raises ``Wrong`` as soon as something is not as it must be."""
    world, port = World(people), free_port()
    accounts = {"hubspot": hubspot(house.hubspot.url), "salesforce": salesforce(house.salesforce.url)}
    with tempfile.TemporaryDirectory(dir=house.folder) as home:
        environ = {
            "LEADRELAY_DATABASE_URL": f"sqlite:///{home}/leadrelay.db",
            "LEADRELAY_PLAYBOOK": str(house.playbook(limited=False, full=True)),
            "LEADRELAY_PORT": str(port),
            "LEADRELAY_SANDBOX": "false",
            "LEADRELAY_LOG_LEVEL": "warning",
        }
        for name, account in accounts.items():
            environ |= {f"LEADRELAY_{name.upper()}_BASE_URL": account.url}
            environ |= {f"LEADRELAY_{name.upper()}_TOKEN": account.token}
        contact = Contact(world, accounts, environ, port)
        with contact.timed("filling the accounts"):
            fill(accounts["hubspot"], accounts["salesforce"], world)
        with process(["leadrelay", "serve"], port, environ) as daemon:
            _observe(contact)
            edits = _plan(contact)
            _go_live(contact, edits)
            contact.seconds["memory of the daemon, MB"] = daemon_memory(daemon)
    return contact


def daemon_memory(daemon: Process) -> float:
    """Return the most memory that the daemon ever held."""
    return daemon.memory_mb()


def _observe(contact: Contact) -> None:
    """Let both be observed while people post; nothing may be written."""
    since = {name: account.next_call() for name, account in contact.accounts.items()}
    posts = list(contact.world.posts())
    early = len(posts) // 10
    with contact.timed("posting"):
        contact.post(posts[:early])  # before the mirror is complete
    with contact.timed("mirroring both accounts"):
        for name in contact.accounts:
            _wait(lambda name=name: _is_mirrored(contact.command("status"), name), contact.pause)
            _wait(lambda name=name: contact.command("plan", name)["mirror"]["is_matched"], contact.pause)
    with contact.timed("posting"):
        contact.post(posts[early:])
    with contact.timed("deciding"):
        _wait(lambda: not contact.command("status")["sources"]["website"]["in_flight"], contact.pause)
    for name, account in contact.accounts.items():
        written = list(islice(account.by_api(since[name]), 3))
        if written:
            raise Wrong(f"{name} was written to while it was observed: {written}")


def _plan(contact: Contact) -> dict[str, dict[Place, Record]]:
    """Compare each plan with a count of our own; then have people edit some of the records."""
    people = oracle.people_of(contact.world.posts())
    edits: dict[str, dict[Place, Record]] = {}
    records = {name: account.everything() for name, account in contact.accounts.items()}
    firms = len(oracle.companies_of(people, records.values()))
    for name, account in contact.accounts.items():
        before, [elsewhere] = records[name], [rows for other, rows in records.items() if other != name]
        expected = contact.expected[name] = oracle.expect(before, elsewhere, people)
        with contact.timed(f"plan {name}"):
            plan = contact.plans[name] = contact.command("plan", name)
        if wrong := expected.differs(plan["counts"]):
            raise Wrong(f"plan of {name}: {wrong}; {json.dumps(plan['conflicts'], indent=1)}")
        wanted = [{"object": account.company, "records": firms}]
        if plan["companies"] != wanted:
            raise Wrong(f"plan of {name}: {plan['companies']}, and it must be {wanted}")
        contact.plans[name]["before"] = before
    for name, account in contact.accounts.items():  # a poll would tell the other plan of them
        edits[name] = _edit(account, list(contact.expected[name].records.values()))
    return edits


def _edit(account: Account, places: list[Place]) -> dict[Place, Record]:
    """Have a person edit every fourth of the records that are about to be written."""
    some = places[::4][:MOST_EDITS]
    for kind, record in some:
        account.act("edit", kind, record, fields=EDITS[kind])
    return {place: EDITS[place[0]] for place in some}


def _go_live(contact: Contact, edits: Mapping[str, dict[Place, Record]]) -> None:
    """Open both accounts, wait until all is written, and look at what came of it."""
    people = oracle.people_of(contact.world.posts())
    since = {name: account.next_call() for name, account in contact.accounts.items()}
    counts = {name: len(contact.plans[name]["before"]) for name in contact.accounts}
    with contact.timed("going live until all is written"):
        for name in contact.accounts:
            contact.command("go-live", name, "--yes")
        _wait(lambda: _is_settled(contact.command("status")), contact.pause)
    status = contact.command("status")
    for name, account in contact.accounts.items():
        before, expected = contact.plans[name].pop("before"), contact.expected[name]
        release = status["releases"][name]
        if release["written"] > release["at_most"]:
            raise Wrong(
                f"{name}: the brake let {release['written']} through, {release['at_most']} were agreed to"
            )
        if status["connections"][name]["dead"]:
            raise Wrong(f"{name}: dead letters: {status['dead_letters'][:3]}")
        stories = _stories(contact, name, people, edits)
        found = [
            *checks.overwritten(account, since[name], before, stories),
            *checks.not_as_edited(account, edits[name]),
            *checks.owners_changed(account, before, edits[name]),
            *checks.duplicates(account),
            *checks.companies_twice(account),
            *checks.told_late(account),
        ]
        if found:
            raise Wrong(f"{len(found)} things are wrong, the first:\n" + "\n".join(found[:10]))
        now = account.everything()
        if len(now) != counts[name] + expected.create:
            raise Wrong(f"{name} has {len(now)} people, not {counts[name]} and {expected.create} new ones")
        there = oracle.addresses(now)
        missing = [one for one in people if one not in there and expected.known_as.get(one) not in there]
        if missing:
            raise Wrong(f"{name} lacks {len(missing)} who posted: {missing[:3]}")
        contact.plans[name]["release"] = release


def _stories(
    contact: Contact,
    name: str,
    people: Mapping[str, Mapping[str, str]],
    edits: Mapping[str, Mapping[Place, Record]],
) -> dict[Place, checks.Story]:
    """Return by record what was posted of its person, and what was written by hand in the other account."""
    other = next(one for one in contact.accounts if one != name)
    elsewhere = contact.expected[other].records
    return {
        place: checks.Story(
            people[email], frozenset(edits[other].get(elsewhere.get(email, ("", "")), {}).values())
        )
        for email, place in contact.expected[name].records.items()
    }


def _is_mirrored(status: Mapping[str, Any], name: str) -> bool:
    """Say whether every object of an account was read to its end."""
    objects = status["mirror"].get(name, {}).values()
    return bool(objects) and all(one["is_whole"] for one in objects)


def _is_settled(status: Mapping[str, Any]) -> bool:
    """Say whether nothing waits any more; a release that is held is no way to settle."""
    releases = status["releases"]
    if held := [one for one in releases.values() if one["state"] == "held"]:
        raise Wrong(f"a release is held: {held}")
    waits = [one["due"] + one["waiting"] + one["backlog"] for one in status["connections"].values()]
    return len(releases) == 2 and all(one["state"] == "done" for one in releases.values()) and not sum(waits)


def _wait(look: Callable[[], Any], pause: float) -> None:
    deadline = time.monotonic() + PATIENCE
    while not look():
        if time.monotonic() > deadline:
            raise Wrong(f"it did not come true within {PATIENCE:g} s")
        time.sleep(pause)


def measure(house: House, *, quick: bool, people: int | None = None) -> Iterator[Table]:
    """Yield what was counted and how long it took; raises ``Wrong`` where something is not as it must be."""
    size = people or (FEW if quick else PEOPLE)
    contact = run(house, size)
    rows = []
    for name, plan in contact.plans.items():
        counts, release = plan["counts"], plan["release"]
        numbers = [counts[key] for key in ("leads", "create", "match", "update", "conflict")]
        numbers += [sum(one["records"] for one in plan["companies"]), release["written"]]
        rows.append([name, *(f"{n:,}" for n in numbers)])
    head = ("account", "leads", "create", "match", "update", "both hold a value", "companies", "written")
    note = (
        "Planned as counted apart; nothing written before; nothing of a person's overwritten; nobody twice."
    )
    yield Table(f"First contact with {size:,} existing people: plans", head, rows, note)
    took = [[part, f"{value:,.1f}"] for part, value in contact.seconds.items()]
    yield Table("First contact: seconds", ("part", "seconds"), took)
