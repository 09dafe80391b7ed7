"""What a lead costs under the vendors' limits: the person alone, and the full job."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from benchmarks.crms import Crm, wait_for
from benchmarks.figures import Table, Target, percentile, seconds
from benchmarks.house import House
from benchmarks.load import Plan, send
from benchmarks.posts import email

RATE = 50  # leads a second
FORM = "demo"  # makes the lead one that sales is told of
PATIENCE = 90.0  # seconds after the last post
TIMES_PERSON = 2.5  # HubSpot calls of the full job ÷ those of the person alone
PERSON_CALLS = {"hubspot": Target(0.2, "<="), "salesforce": Target(0.1, "<=")}
HEAD = ("job", "where", "made", "calls", "calls a lead", "target", "p50", "arrived", "429, 403")
# What the calls and the records of a CRM are about.
KINDS = {
    "hubspot": {"contacts": "people", "companies": "companies", "tasks": "tasks"},
    "salesforce": {"Lead": "people", "Account": "companies", "Task": "tasks"},
}


Stats = Mapping[str, Mapping[str, int]]  # "calls", "answers" and "records", as /__sandbox/stats tells them


@dataclass(frozen=True, slots=True)
class Spell:
    """What one minute of leads made and cost."""

    sent: int
    arrived: Mapping[str, dict[str, float]]
    sent_at: Mapping[str, float]
    stats: Mapping[str, Stats]  # by vendor


def measure(house: House, *, quick: bool) -> Iterator[Table]:
    """Send new people for a minute, with the slim playbook, then with the one that ships."""
    length = 10 if quick else 60
    rows: list[list[str]] = []
    person_calls = 0.0
    for job in ("person", "full"):
        with house.daemon(limited=True, full=job == "full", slack=True) as daemon:
            spell = _spell(house, daemon.port, length)
        for crm in house.crms:
            each = sum(_calls(spell, crm.name).values()) / spell.sent
            if job == "person":
                target = PERSON_CALLS[crm.name]
                person_calls = each if crm.name == "hubspot" else person_calls
            else:
                target = Target(TIMES_PERSON * person_calls, "<=") if crm.name == "hubspot" else None
            rows += _rows(job, spell, crm, target)
        rows.append(_messages(job, spell))
    note = (
        f"{RATE} leads a second for {length} s, all of them new. The first line of a CRM counts every call "
        "but those that read its owners; the lines below it, where paths tell, what the calls are about."
    )
    yield Table("The job under HubSpot's OAuth limits and Slack's one message a second", HEAD, rows, note)


def _spell(house: House, port: int, length: int) -> Spell:
    before = {name: crm.stats() for name, crm in house.vendors.items()}
    sent = send(Plan(port, 0, RATE * length, senders=64, rate=RATE, seconds=length + 1.0, form=FORM))
    sent_at = {email(one.person): one.at for one in sent}
    arrivals = wait_for(house.crms, sent_at, PATIENCE)
    _settle(house)
    stats = {name: _since(before[name], crm.stats()) for name, crm in house.vendors.items()}
    arrived = {crm.name: found for crm, found in zip(house.crms, arrivals, strict=True)}
    return Spell(len(sent), arrived, sent_at, stats)


def _settle(house: House) -> None:
    """Wait until messages and tasks, which come after the person, have gone out too."""
    last: list[int] = []
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        counts = [sum(crm.stats()["calls"].values()) for crm in house.vendors.values()]
        if counts == last:
            return
        last = counts
        time.sleep(5)  # a digest waits for the second of the one before


def _since(before: Stats, after: Stats) -> Stats:
    return {
        part: {name: n - before.get(part, {}).get(name, 0) for name, n in after[part].items()}
        for part in ("calls", "records", "answers")
    }


def _calls(spell: Spell, vendor: str) -> dict[str, int]:
    return {path: n for path, n in spell.stats[vendor]["calls"].items() if "owners" not in path}


def _rows(job: str, spell: Spell, crm: Crm, target: Target | None) -> Iterator[list[str]]:
    calls, records = _calls(spell, crm.name), spell.stats[crm.name]["records"]
    total, arrived = sum(calls.values()), spell.arrived[crm.name]
    each = total / spell.sent
    waits = [at - spell.sent_at[who] for who, at in arrived.items()]
    answers = spell.stats[crm.name]["answers"]
    yield [
        job, crm.name, "", str(total), f"{each:.3f}", target.judge(each) if target else "",
        seconds(percentile(waits, 0.5, spell.sent - len(waits))),
        f"{100 * len(waits) / spell.sent:.0f} %", str(answers.get("429", 0) + answers.get("403", 0)),
    ]  # fmt: skip
    about: dict[str, int] = {}
    for path, n in calls.items() if crm.name == "hubspot" else ():  # Salesforce's calls mix the objects
        kind = _about(path)
        about[kind] = about.get(kind, 0) + n
    made = {kind: records.get(name, 0) for name, kind in KINDS[crm.name].items()}
    for kind in dict.fromkeys((*made, *about)):
        if made.get(kind) or about.get(kind):
            n = about.get(kind)
            cost = ["", ""] if n is None else [str(n), f"{n / spell.sent:.3f}"]
            yield [job, f"– {kind}", str(made.get(kind, "")), *cost, "", "", "", ""]


def _about(path: str) -> str:
    if "/associations/" in path:
        return "associations"
    return next((kind for name, kind in KINDS["hubspot"].items() if f"/{name}/" in path), "other")


def _messages(job: str, spell: Spell) -> list[str]:
    stats = spell.stats["messaging"]
    posts, refused = sum(stats["calls"].values()), stats["answers"].get("429", 0)
    made = str(stats["records"].get("slack", 0))
    return [job, "Slack", made, str(posts), f"{posts / spell.sent:.3f}", "", "", "", str(refused)]
