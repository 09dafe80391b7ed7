"""Letting a lead wait for somebody of a pool: for whom, until when, and since when it does."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from handlers.base import Context
from handlers.eligible import is_at_open_leads, next_chance
from handlers.workload import Workload
from mappings.playbook import Pool, Routing
from model.decision import Because, SetTimer
from model.event import JsonValue
from model.hours import said
from model.lead import QUEUED_SINCE, Lead
from model.times import from_text, to_text

SHIFT = "shift"  # kind of the timer of the moment at which somebody can take leads again
PLACE = "place"  # kind of those, one a person, that also come due once they own an open lead fewer
KINDS = frozenset({SHIFT, PLACE})
LONGEST_KEY = 64  # characters of a timer's key
MOST_NAMED = 3  # of those whom a lead waits for


@dataclass(frozen=True, slots=True)
class Wait:
    """A lead waits: the looks that end it, and what is remembered of its beginning."""

    timers: tuple[SetTimer, ...]
    fields: dict[str, JsonValue] = field(default_factory=dict)


def place_key(email: str) -> str:
    """Return the key of the timers of leads that wait for a place of somebody; long addresses by a hash."""
    return email if len(email) <= LONGEST_KEY else hashlib.sha256(email.encode()).hexdigest()


def waits_since(lead: Lead) -> datetime | None:
    """Return since when a lead has waited in all; ``None``: it has not since it had an owner last."""
    since = lead.fields.get(QUEUED_SINCE)
    if since is not None:
        return from_text(str(since))
    return min((one.since for name, one in lead.timers.items() if name[0] in KINDS), default=None)


def over(lead: Lead, kept: Sequence[SetTimer], now: datetime) -> Iterator[SetTimer]:
    """Yield what drops the timers of a wait that are not set anew."""
    names = {(one.kind, one.key) for one in kept}
    for kind, key in sorted(lead.timers):
        if kind in KINDS and (kind, key) not in names:
            yield SetTimer(kind, None, now, key=key)


def wait(pool: Pool, lead: Lead, routing: Routing, context: Context, because: list[Because]) -> Wait | None:
    """Let the lead wait for who of the pool can take it next, within its longest wait.

    By the hours, days and caps of its members that is a moment; for who owns as many open leads as they may
    it waits until they own one fewer, at most until the longest wait is over. ``None``, with the reason,
    where the moment would be too late, or never comes. A test lead does not wait: whoever sent it does.
    """
    if lead.is_test:
        because.append(Because("test lead: it waits for nobody", pool.place))
        return None
    now = context.now
    since = waits_since(lead)
    last = (since or now) + pool.longest_wait
    chances = [
        (at, member.email)
        for member in pool.members
        if (at := next_chance(member, pool, lead, routing, context)) is not None
    ]
    full = [one.email for one in pool.members if is_at_open_leads(one, pool, lead, routing, context)]
    if not chances and not full:
        text = f"pool {pool.name}: nobody comes free whom the lead could wait for"
        because.append(Because(text, pool.place))
        return None
    timers = [*_for_moment(chances, pool, now, last, because), *_for_places(full, pool, now, last, because)]
    if not timers:
        return None
    return Wait(tuple(timers), {} if QUEUED_SINCE in lead.fields else {QUEUED_SINCE: to_text(since or now)})


def freed(workload: Workload, routing: Routing) -> dict[str, int]:
    """Return how many places each has who came to own an open lead fewer, by the key of timers for them."""
    places: dict[str, int] = {}
    for email in workload.eased:
        person = routing.people.get(email)
        if person is not None and person.open_leads is not None:
            places[place_key(email)] = person.open_leads - workload.open_leads[email]
    return {key: number for key, number in places.items() if number > 0}


def _for_moment(
    chances: Sequence[tuple[datetime, str]], pool: Pool, now: datetime, last: datetime, because: list[Because]
) -> Iterator[SetTimer]:
    if not chances:
        return
    first = min(at for at, _ in chances)
    who = _names([email for at, email in chances if at == first])
    until = f"{said(first, now)} {getattr(first.tzinfo, 'key', 'UTC')}"
    if first > last:
        text = f"pool {pool.name}: {who} can take leads again {until}: longer than the lead may wait"
        because.append(Because(text, pool.place))
        return
    because.append(Because(f"pool {pool.name}: the lead waits for {who} until {until}", pool.place))
    yield SetTimer(SHIFT, first, now, f"{who} in pool {pool.name}, free from {until}")


def _for_places(
    full: Sequence[str], pool: Pool, now: datetime, last: datetime, because: list[Because]
) -> Iterator[SetTimer]:
    if not full or last <= now:
        return
    until = f"{said(last, now)} UTC"
    text = f"pool {pool.name}: the lead waits for a place of {_names(full)}, at most until {until}"
    because.append(Because(text, pool.place))
    for email in sorted(full):
        why = f"a place of {email} in pool {pool.name}, at most until {until}"
        yield SetTimer(PLACE, last, now, why, place_key(email))


def _names(emails: Sequence[str]) -> str:
    names = sorted(emails)
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return f"{', '.join(names[:MOST_NAMED])}{more}"
