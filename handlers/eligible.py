"""Who may take a lead now, and why others may not, in words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from handlers.base import Context, Lookups
from handlers.workload import calendar_of, zone_of
from mappings.playbook import Member, Person, Pool, Routing
from model.hours import DAY, day_of, end_of, is_open, midnight, next_start, said, start_of
from model.lead import Lead

THIS = {"hour": "this hour", "day": "today", "week": "this week", "month": "this month"}
MOST_STEPS = 400  # from one obstacle to the next
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


def is_at_open_leads(member: Member, pool: Pool, lead: Lead, routing: Routing, context: Context) -> bool:
    """Say whether a member who takes such leads owns as many open ones as they may: no time ends that."""
    person = routing.people.get(member.email)
    if person is None or not person.open_leads or not _has_no_place(person, context):
        return False
    return not (why_not(member.email, context.lookups) or _unfit(member, pool, lead, context))


def next_chance(
    member: Member, pool: Pool, lead: Lead, routing: Routing, context: Context
) -> datetime | None:
    """Return from when on a member could take this lead, as far as time alone brings that about.

    A shift begins, or an absence, a holiday or the time of a cap ends, be it within a shift. ``None``: the
    member takes no such leads, or owns as many open leads as they may, or no shift of theirs begins.
    """
    person = routing.people.get(member.email)
    if why_not(member.email, context.lookups) or _unfit(member, pool, lead, context):
        return None
    if person is not None and (_has_no_place(person, context) or 0 in person.caps.values()):
        return None
    calendar = calendar_of(person, pool)
    zone = zone_of(calendar)
    moment = max([context.now, *(_full_until(person, zone, context) if person else ())])
    for _ in range(MOST_STEPS):
        before = moment
        back = _last_day_away(person, zone, moment)
        if back is not None:
            moment = midnight(back + DAY, zone)
        if calendar is not None and not is_open(calendar, moment):
            start = next_start(calendar, moment)
            if start is None:
                return None
            moment = start
        if moment == before:
            return moment.astimezone(zone)
    return None


def _full_until(person: Person, zone: ZoneInfo, context: Context) -> Iterator[datetime]:
    """Yield for each cap that somebody is at when its hour, day, week or month is over."""
    workload = context.lookups.workload()
    for unit, most in person.caps.items():
        if workload.given_since(person.email, start_of(unit, context.now, zone)) >= most:
            yield end_of(unit, context.now, zone)


def _has_no_place(person: Person, context: Context) -> bool:
    return (
        person.open_leads is not None
        and context.lookups.workload().open_leads[person.email] >= person.open_leads
    )


def _last_day_away(person: Person | None, zone: ZoneInfo, moment: datetime) -> date | None:
    if person is None or not person.absent:
        return None
    today = day_of(moment, zone)
    return max((one.last for one in person.absent if one.first <= today <= one.last), default=None)


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
    last = _last_day_away(person, zone_of(calendar_of(person, pool)), now)
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
    if _has_no_place(person, context):
        return f"is at the cap: {workload.open_leads[person.email]}/{person.open_leads} open leads"
    return ""
