"""Tries a playbook's examples: each on an empty store of its own, by the decider that runs everywhere else.

Nothing leaves the process, and nothing of the store in use is touched. The moment is always the same one, so
that what an example says today it says tomorrow. Every member of a pool can own leads: no roster is known.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from handlers.base import Handler
from mappings.examples import Example, Expected
from mappings.outward import draft
from mappings.playbook import Playbook
from mappings.prepared import text_of
from mappings.truth import RuleTruth
from model.decision import Place
from model.event import Event, EventKind, JsonValue
from model.lead import Lead
from sync import explain, inbox, leads, leases, migrate, ruling
from sync.database import Store, open_store
from sync.deciding.decider import TERM, Decider
from sync.deciding.pipeline import Pipeline
from sync.people import People
from sync.tables import assignments, inbox_events, outbox_effects, reviews
from sync.why_otherwise import why_otherwise

SPACE = "main"


@dataclass(slots=True)
class At:
    """A clock that stands where the examples put it."""

    moment: datetime

    def now(self) -> datetime:
        """Return the moment."""
        return self.moment


@dataclass(frozen=True, slots=True)
class Failure:
    """Something that an example expects and that is not so."""

    place: Place
    text: str
    why: Sequence[str] = ()  # which rule took, and what was lacking of those that were to

    def __str__(self) -> str:
        return f"{self.place}: {self.text}"


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of one example."""

    example: Example
    failures: Sequence[Failure]
    reasons: Sequence[str]  # of the last post, for whoever looks why


def rehearse(
    examples: Sequence[Example], playbook: Playbook, handlers: Sequence[tuple[str, Handler]]
) -> Iterator[Tried]:
    """Try examples one after the other; yields each as soon as it is done."""
    with tempfile.TemporaryDirectory(prefix="leadrelay-test-") as folder:
        empty = Path(folder) / "empty.db"
        migrate.upgrade(f"sqlite:///{empty}")
        # Nobody is asked, so that nothing waits for an answer, either.
        asking_nobody = [one for one in handlers if one[0] != "enrich"]
        for number, example in enumerate(examples):
            path = Path(folder) / f"{number}.db"
            shutil.copy(empty, path)
            store = open_store(f"sqlite:///{path}")
            try:
                yield _try(store, example, Pipeline(playbook, asking_nobody))
            finally:
                store.close()


def _try(store: Store, example: Example, pipeline: Pipeline) -> Tried:
    clock = At(example.begins)
    lease = leases.acquire(store, f"decider:{SPACE}", "test", clock.now(), TERM, alone=True)
    assert lease is not None, "nobody else knows this store"
    decider = Decider(store, clock, lease, lambda: pipeline)
    for number, post in enumerate(example.posts):
        clock.moment += post.later if number else post.later * 0
        event = Event(post.source, f"post-{number}", EventKind.INTAKE, post.payload, clock.now(), clock.now())
        inbox.append(store, [event])
        while decider.decide_batch():
            pass
    with store.snapshot() as snapshot:
        ended = _Ended.of(snapshot, pipeline.playbook)
    found = [
        replace(failure, why=[*why_otherwise(one, ended.rules, pipeline.playbook)])
        for one in example.expected
        if (failure := _compare(one, ended))
    ]
    return Tried(example, found, ended.reasons)


@dataclass(frozen=True, slots=True)
class _Ended:
    """How the last post ended, and what is there then."""

    outcome: str
    lead: Lead | None
    reasons: Sequence[str]
    pool: str | None
    asks: Sequence[str]
    tasks: Sequence[str]
    messages: Sequence[str]
    rules: Sequence[RuleTruth]  # of the last post's decision
    crm: dict[str, dict[str, JsonValue]]  # what a new record would hold, by connection

    @classmethod
    def of(cls, snapshot: Connection, playbook: Playbook) -> _Ended:
        posts = sa.select(inbox_events).where(inbox_events.c.kind == str(EventKind.INTAKE))
        last = snapshot.execute(posts.order_by(inbox_events.c.id.desc()).limit(1)).one()
        lead = leads.load(snapshot, [last.lead_id])[last.lead_id] if last.lead_id else None
        reasons = [str(one["text"]) for one in last.reasons or ()]
        post = inbox.load(snapshot, [last.id])[last.id]
        rules = ruling.of_screens(post, last.decided_at, playbook)
        if lead is not None:
            chapters = explain.read(snapshot, lead.id).chapters
            for each in (one for one in chapters if one.event == last.id):
                reasons += [str(one["text"]) for one in each.reasons]
                rules = ruling.of_decision(each, post, playbook)
        pools = sa.select(assignments.c.pool).where(assignments.c.lead_id == last.lead_id)
        pools = pools.order_by(assignments.c.seq.desc())
        sent = outbox_effects.c.state != "withheld"  # from who wants to hear nothing, for one
        effects = snapshot.execute(
            sa.select(outbox_effects.c.kind, outbox_effects.c.payload).where(sent)
        ).all()
        return cls(
            outcome=last.state,
            lead=lead,
            reasons=reasons,
            rules=rules,
            pool=snapshot.execute(pools).scalars().first(),
            asks=sorted(snapshot.execute(sa.select(reviews.c.kind)).scalars()),
            tasks=sorted({row.payload["rule"] for row in effects if row.kind == "task"}),
            messages=sorted({row.payload["rule"] for row in effects if row.kind == "message"}),
            crm=_drafts(lead, playbook, People.load(snapshot, SPACE)) if lead is not None else {},
        )


def _drafts(lead: Lead, playbook: Playbook, people: People) -> dict[str, dict[str, JsonValue]]:
    return {
        name: draft(lead, crm.objects[crm.create_object], name, people, creating=True)
        for name, crm in playbook.crms.items()
    }


def _compare(expected: Expected, ended: _Ended) -> Failure | None:
    """Return what is not as expected, if it is not."""
    match expected.what:
        case "because" | "because_not":
            there = any(str(expected.value) in reason for reason in ended.reasons)
            if there is (expected.what == "because"):
                return None
            said = "no reason says" if expected.what == "because" else "a reason says"
            return Failure(expected.place, f'{said} "{expected.value}"')
        case "asks" | "tasks" | "messages":
            is_, wanted = getattr(ended, expected.what), sorted(expected.value)
        case "lead":
            is_, wanted = (ended.lead.get(expected.of[0]) if ended.lead else None), expected.value
        case "crm":
            connection, remote = expected.of
            is_, wanted = ended.crm.get(connection, {}).get(remote), expected.value
            if isinstance(is_, str) and isinstance(wanted, int | float) and is_ == text_of(wanted):
                return None  # a CRM whose values are all texts
        case _:
            is_, wanted = getattr(ended, expected.what), expected.value
    if (is_ == wanted and isinstance(is_, bool) is isinstance(wanted, bool)) or (
        wanted is None and is_ == ""
    ):
        return None
    name = " ".join((expected.what, *expected.of))
    return Failure(expected.place, f"{name} is {_shown(is_)}, not {_shown(wanted)}")


def _shown(value: JsonValue) -> str:
    if value is None:
        return "blank"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or "nothing"
    return (
        f'"{value}"'
        if isinstance(value, str)
        else str(value).lower()
        if isinstance(value, bool)
        else str(value)
    )
