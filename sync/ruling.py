"""Each rule of a decision with its truth, by the version and the functions that made it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from handlers.screen import Screen
from mappings import inward, truths
from mappings.playbook import Playbook
from mappings.problems import PlaybookError
from mappings.truth import RuleTruth, Truth
from model.event import EventKind
from sync import inbox, register
from sync.explain import Chapter
from sync.inbox import Taken
from sync.keeping.retention import REMOVED
from sync.register import Version
from sync.tables import inbox_events

SCREENS = {
    "honeypot": "a field that people leave blank is filled in",
    "fill_time": "it was filled in faster than people do",
    "captcha": "the provider of the captcha says that no person sent it",
    "blocked_domains": "e-mail domain is in blocked_domains",
    "disposable": "e-mail domain is of a throw-away service",
    "contents": "something cannot be used",
    "required": "is missing",
    "key": "neither e-mail nor phone nor record id",
}


def ruled(snapshot: Connection, space: str, chapters: Sequence[Chapter]) -> dict[int, list[RuleTruth]]:
    """Return by event each rule with its truth, those that failed before the one that took, too.

    Told of decisions whose facts are kept and whose version this leadrelay can read; what a post was screened
    for, as long as its body is kept.
    """
    told = {one.event: one for one in chapters if one.event is not None and one.facts and one.version}
    posts = inbox.load(snapshot, [*told])
    found: dict[int, list[RuleTruth]] = {}
    playbooks: dict[int, Playbook | None] = {}
    for event, one in told.items():
        if one.version not in playbooks:
            playbooks[one.version] = _playbook(snapshot, space, one.version)
        if (playbook := playbooks[one.version]) is None:
            continue
        found[event] = of_decision(one, posts.get(event), playbook)
    return found


def of_decision(one: Chapter, post: Taken | None, playbook: Playbook) -> list[RuleTruth]:
    """Return each rule of one decision with its truth, by the playbook that made it."""
    screens = _screens(post, one.decided_at, playbook) if post is not None else ()
    return [*screens, *truths.rules(one.facts, one.then, one.reasons, playbook, one.decided_at)]


def of_screens(post: Taken, at: datetime, playbook: Playbook) -> list[RuleTruth]:
    """Return what a post was screened for, by the playbook that did it."""
    return list(_screens(post, at, playbook))


def screened(snapshot: Connection, space: str, event: int) -> list[RuleTruth]:
    """Return what a post that was set aside was screened for, by the version that did it."""
    c = inbox_events.c
    which = sa.select(c.decided_at, c.decided_seq).where(c.space == space, c.id == event)
    row = snapshot.execute(which).first()
    version = register.at(snapshot, space, row.decided_seq) if row and row.decided_seq else None
    playbook = _read(snapshot, version) if version else None
    if row is None or playbook is None:
        return []
    return list(_screens(inbox.load(snapshot, [event])[event], row.decided_at, playbook))


def _playbook(snapshot: Connection, space: str, number: int) -> Playbook | None:
    version = register.find(snapshot, space, str(number))
    return _read(snapshot, version) if version else None


def _read(snapshot: Connection, version: Version) -> Playbook | None:
    try:
        return register.playbook_of(register.texts_of(snapshot, version), version.number)
    except PlaybookError:
        return None  # of another leadrelay


def _screens(post: Taken, at: datetime, playbook: Playbook) -> Iterator[RuleTruth]:
    """Yield what a post was screened for: it is read and looked at once more, by the rules of then."""
    event = post.event
    is_kept = event.kind is EventKind.INTAKE and REMOVED not in event.payload
    if not is_kept or "screen" not in playbook.pipeline or event.source not in playbook.sources:
        return
    reading = inward.read(post.stamped(at, 0), playbook)
    for check in Screen(playbook.screening).checks(reading):
        caught = bool(check.found)
        about = f"{check.about} " if check.name == "required" else ""
        was = "; ".join(because.text for _, because, _ in check.found)
        if not was and check.name in ("blocked_domains", "disposable"):
            was = f"…@{check.about}"
        fields = ("email",) if check.name in ("blocked_domains", "disposable") else ()
        ask = Truth(f"{about}{SCREENS[check.name]}", caught, was, fields=frozenset(fields))
        yield RuleTruth("screen", check.name, str(check.place or ""), caught, took=caught, asks=(ask,))
