"""Who may take a lead now, and why others may not, in words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta

from handlers.base import Context, Lookups
from handlers.workload import UTC_ZONE, calendar_of, zone_of
from mappings.playbook import Member, Person, Pool, Routing
from model.hours import day_of, is_open, next_start, said, start_of
from model.lead import Lead

THIS = {"hour": "this hour", "day": "today", "week": "this week", "month": "this month"}
MOST_SHIFTS = 400  # of an absence that are passed over
LONGEST = 60  # characters of a condition in a because-line


@dataclass(frozen=True, slots=True)
class Missing:
    """Why somebody does not take a lead. ``is_full``: they could, were it another hour or fewer leads."""

    why: str
    is_full: bool = False


def why_not_owner(email: str, routing: Routing, context: Context) -> str:
    """Return why somebody cannot own a lead that is theirs by name; blank if they can.

    Neither shifts nor caps count there: it waits for them.
    """
    person = routing.people.get(email)
    return why_not(email, context.lookups) or (_absence(person, None, context.now) if person else "")


def missing(member: Member, pool: Pool, lead: Lead, routing: Routing, context: Context) -> Missing | None:
    """Return the first reason for which a member does not take this lead; ``None`` if there is none."""
    person = routing.people.get(member.email)
    unfit = (
        why_not(member.email, context.lookups)
        or (_absence(person, pool, context.now) if person else "")
        or _unfit(member, pool, lead, context)
    )
    if unfit:
        return Missing(unfit)
    full = _off_shift(person, pool, context.now) or (_full(person, pool, context) if person else "")
    return Missing(full, is_full=True) if full else None


def next_chance(
    member: Member, pool: Pool, lead: Lead, routing: Routing, context: Context
) -> datetime | None:
    """Return when the next shift of a member begins who could take this lead then; ``None``: there is none.

    Of somebody without shifts it is the first midnight after an absence.
    """
    person = routing.people.get(member.email)
    if why_not(member.email, context.lookups) or _unfit(member, pool, lead, context):
        return None
    calendar = calendar_of(person, pool)
    moment = context.now
    for _ in range(MOST_SHIFTS):
        start = next_start(calendar, moment) if calendar else _midnight_after_absence(person, moment)
        if start is None or person is None or not _absence(person, pool, start):
            return start
        moment = start
    return None


def _midnight_after_absence(person: Person | None, now: datetime) -> datetime | None:
    today = day_of(now, UTC_ZONE)
    away = person.absent if person else ()
    last = max((one.last for one in away if one.first <= today <= one.last), default=None)
    return datetime.combine(last + timedelta(days=1), time(), UTC_ZONE) if last else None


def why_not(email: str, lookups: Lookups) -> str:
    """Return why this person cannot own leads on every CRM whose roster is known; blank if they can."""
    rosters = lookups.rosters()
    if not rosters:
        return ""
    teammate = lookups.teammate(email)
    if teammate is None:
        return "is in no CRM's roster"
    for connection in sorted(rosters):
        if connection not in teammate.ids:
            return f"is not in {connection}'s roster"
        if not teammate.can_own_on(connection):
            return f"is inactive in {connection}"
    return ""


def _absence(person: Person, pool: Pool | None, now: datetime) -> str:
    if not person.absent:
        return ""
    today = day_of(now, zone_of(calendar_of(person, pool)))
    last = max((one.last for one in person.absent if one.first <= today <= one.last), default=None)
    return f"is absent until {last.day} {last:%B}" if last else ""


def _unfit(member: Member, pool: Pool, lead: Lead, context: Context) -> str:
    if member.takes is not None and not member.takes.matches(lead):
        text = member.takes.text
        return f"takes only {text if len(text) <= LONGEST else f'{text[:LONGEST]}…'}"
    if pool.skip_earlier_owners:
        earlier = context.lookups.workload().earlier_owners.get(lead.id, ())
        return "had this lead before" if member.email in earlier else ""
    return ""


def _off_shift(person: Person | None, pool: Pool, now: datetime) -> str:
    calendar = calendar_of(person, pool)
    if calendar is None or is_open(calendar, now):
        return ""
    start = next_start(calendar, now)
    return f"is off shift until {said(start, now)} {calendar.zone.key}" if start else "is off shift for good"


def _full(person: Person, pool: Pool, context: Context) -> str:
    workload = context.lookups.workload()
    zone = zone_of(calendar_of(person, pool))
    for unit, most in person.caps.items():
        given = workload.given_since(person.email, start_of(unit, context.now, zone))
        if given >= most:
            return f"is at the cap: {given}/{most} {THIS[unit]}"
    if person.open_leads is not None and (count := workload.open_leads[person.email]) >= person.open_leads:
        return f"is at the cap: {count}/{person.open_leads} open leads"
    return ""
