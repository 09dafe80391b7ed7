"""What a person should look at, most pressing first: each with a sentence and where to go."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from dashboard.house import House
from dashboard.words import number, span
from sync.days import Days
from sync.status import Queues

LATE = timedelta(minutes=5)  # a change that has been due for so long is not just busy
UNTOLD = {  # alarms of which no other line here tells -> the page to go to
    "store": "connections",
    "disk": "connections",
    "decider": "connections",
    "reconcile": "comparisons",
}
ASIDE = {  # state -> what one does, what several do
    "dead": ("event failed on our own rules", "events failed on our own rules"),
    "review": ("post waits for a person's word", "posts wait for a person's word"),
    "quarantined": ("post cannot be used as it is", "posts cannot be used as they are"),
}


@dataclass(frozen=True, slots=True)
class Trouble:
    """One thing to look at."""

    is_error: bool  # else it is a warning
    text: str
    page: str  # endpoint
    where: dict[str, str]


def find(
    house: House,
    facts: dict[str, Any],
    queues: Queues,
    table: Days | None,
    held: int,
    asked: int,
    sales: int,
    missed: Mapping[str, int],
    now: datetime,
) -> list[Trouble]:
    """Return what is wrong, errors first.

    ``table`` is ``None`` until it is counted; ``held`` is how many fields wait for a person, ``asked``
    how many things somebody could agree to, ``sales`` how many records may be a deal that is known,
    ``missed`` how many deletions are held, by connection.
    """
    found = [*_process(house, facts), *_connections(house, facts, queues, now), *_sources(table, now)]
    for state, (one, several) in ASIDE.items():
        if count := queues.events[state]:
            text = f"{number(count)} {one if count == 1 else several}"
            found.append(Trouble(state == "dead", text, "aside", {"tab": state}))
    if held:
        text = "field waits for your choice" if held == 1 else "fields wait for your choice"
        found.append(Trouble(False, f"{number(held)} {text} between two values", "conflicts", {}))
    if asked:
        text = "record could" if asked == 1 else "records could"
        what = f"{number(asked)} {text} be merged or deleted as in another CRM, once you agree"
        found.append(Trouble(False, what, "reviews", {}))
    if sales:
        text = "record may be a deal" if sales == 1 else "records may be deals"
        found.append(Trouble(False, f"{number(sales)} {text} known here: say which", "reviews", {}))
    for name, count in missed.items():
        what = f"{name}: {number(count)} deletions at once; nothing follows from them until you say so"
        found.append(Trouble(True, what, "reviews", {}))
    return sorted(found, key=lambda trouble: not trouble.is_error)


def _process(house: House, facts: dict[str, Any]) -> list[Trouble]:
    found = [
        Trouble(True, f"{name}: {reason}", "connections", {})
        for name, check in house.checks.items()
        if (reason := check())
    ]
    found += [
        Trouble(True, f"{one['kind']}: {one['text']}", UNTOLD[one["kind"]], {})
        for one in facts.get("alarms", ())
        if one["kind"] in UNTOLD
    ]
    found += [Trouble(True, f"{words.capitalize()}", "connections", {}) for words in facts.get("missing", ())]
    for one in facts.get("processes", ()):
        if not one["lives"]:
            text = f"{one['role']} {one['name']} is silent for {span(one['heard_seconds_ago'])}"
            found.append(Trouble(False, text, "connections", {}))
    if facts["playbook_problem"]:
        found.append(Trouble(True, f"Playbook: {facts['playbook_problem']}", "playbook", {}))
    if facts.get("playbook_aside"):
        found.append(Trouble(False, f"Playbook: {facts['playbook_aside']}", "playbook", {}))
    if not facts["deciding"]:
        text = "This process does not decide: another one does, or the decider waits for its lease"
        found.append(Trouble(False, text, "connections", {}))
    return found


def _connections(house: House, facts: dict[str, Any], queues: Queues, now: datetime) -> list[Trouble]:
    found = []
    for name, failure in facts["polls"].items():
        if failure:
            found.append(Trouble(True, f"{name}: owners cannot be read: {failure}", "connections", {}))
    for name in house.playbook().crms:
        if name in facts["unusable"]:
            text = f"{name} cannot be used: {facts['unusable'][name]}"
            found.append(Trouble(True, text, "connections", {}))
        elif name not in facts["connections"]:
            text = f"{name} is in the playbook, but not connected: nothing is done for it"
            found.append(Trouble(False, text, "connections", {}))
    for name, count in queues.connections.items():
        if count.dead:
            text = f"{name}: {number(count.dead)} dead {'letter' if count.dead == 1 else 'letters'}"
            found.append(Trouble(True, text, "aside", {"tab": "letters", "place": name}))
        writes = facts["connections"].get(name, {}).get("mode") == "write"
        if writes and count.oldest_due and now - count.oldest_due > LATE:
            text = f"{name}: a change has been due for {span(now - count.oldest_due)}"
            found.append(Trouble(True, text, "connections", {}))
    for target, told in queues.effects.items():
        if told.dead:
            what = "task or message was given up" if told.dead == 1 else "tasks and messages were given up"
            where = {"tab": "letters", "place": target}
            found.append(Trouble(True, f"{target}: {number(told.dead)} {what}", "aside", where))
    return found


def _sources(table: Days | None, now: datetime) -> list[Trouble]:
    found = []
    for source in table.sources.values() if table else ():
        if source.gap:
            text = f"{source.name}: {number(source.gap)} received whose end nobody can tell"
            found.append(Trouble(True, text, "sources", {}))
        if source.is_silent and source.last_post is not None:
            text = f"{source.name}: no post for {span(now - source.last_post)}"
            found.append(Trouble(False, text, "sources", {}))
    return found
