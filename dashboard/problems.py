"""What a person should look at, most pressing first: each with a sentence and where to go."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from dashboard.house import House
from dashboard.words import number, span
from sync.days import Days
from sync.questions import Questions
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
CHOICES = (
    "field waits for your choice between two values",
    "fields wait for your choice between two values",
)
BORDERLINE = ("lead waits to be approved or disqualified", "leads wait to be approved or disqualified")
PAIRS = ("pair of leads may be one person", "pairs of leads may each be one person")
ACCOUNTS = ("lead may belong to an account: say which", "leads may each belong to an account: say which")
DEALS = ("record may be a deal known here: say which", "records may be deals known here: say which")
PROPOSALS = (
    "record could be merged or deleted as in another CRM, once you agree",
    "records could be merged or deleted as in another CRM, once you agree",
)


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
    questions: Questions,
    now: datetime,
) -> list[Trouble]:
    """Return what is wrong, errors first. ``table`` is ``None`` until it is counted."""
    found = [*_process(house, facts), *_connections(house, facts, queues, now), *_sources(table, now)]
    for state, (one, several) in ASIDE.items():
        if count := queues.events[state]:
            text = f"{number(count)} {one if count == 1 else several}"
            found.append(Trouble(state == "dead", text, "aside", {"tab": state}))
    found += _questions(questions)
    return sorted(found, key=lambda trouble: not trouble.is_error)


def _questions(waiting: Questions) -> Iterator[Trouble]:
    """Yield what waits for a person's word, and where it is said."""
    for name, count in waiting.deletions.items():
        text = f"{name}: {number(count)} deletions at once; nothing follows from them until you say so"
        yield Trouble(True, text, "reviews", {"_anchor": "held"})
    for count, (one, several), page, anchor in (
        (waiting.choices, CHOICES, "conflicts", ""),
        (waiting.borderline, BORDERLINE, "reviews", "borderline"),
        (waiting.pairs, PAIRS, "reviews", "people"),
        (waiting.accounts, ACCOUNTS, "reviews", "accounts"),
        (waiting.deals, DEALS, "reviews", "sales"),
        (waiting.reviews, PROPOSALS, "reviews", "asked"),
    ):
        if count:
            text = f"{number(count)} {one if count == 1 else several}"
            yield Trouble(False, text, page, {"_anchor": anchor} if anchor else {})


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
    found += [
        Trouble(False, words[0].upper() + words[1:], "connections", {}) for words in facts.get("unset", ())
    ]
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
