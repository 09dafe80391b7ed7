"""Territories and pools: from the checked file to what handlers use."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from math import ceil

from mappings.compiling.calendars import absences, compile_calendars
from mappings.compiling.covering import Coverage, covered, is_same
from mappings.compiling.scope import Scope
from mappings.compiling.validation import Checked
from mappings.loader import Document
from mappings.playbook import (
    QUEUE,
    Credit,
    Member,
    Person,
    Pool,
    Routing,
    Share,
    Territory,
)
from mappings.playbook.routing import LONGEST_WAIT
from mappings.problems import did_you_mean
from mappings.schema import (
    RoutingFile,
)
from mappings.schema.routing import MOST_LAST, PersonMap
from mappings.values.converters import Unusable, email
from mappings.values.durations import duration
from model.hours import UNITS, Calendar

MOST_WAIT = timedelta(days=30)
SLACK = 1e-9  # 0.07 of 100 is 7.000…1


def compile_routing(checked: Checked[RoutingFile], scope: Scope) -> Routing:
    """Return the territories and pools."""
    file, document = checked.model, checked.document
    if file.from_stage:
        scope.knows(document.value_place("from_stage"), "stage", file.from_stage, scope.stages)
    scope.knows(document.value_place("fallback_pool"), "pool", file.fallback_pool, scope.pools)
    _check_reachable(file, document, scope)
    territories = []
    for n, entry in enumerate(file.territories):
        at = document.place("territories", n)
        if bool(entry.pool) == bool(entry.owner) and document.sound:
            scope.fault(at, f'the territory "{entry.name}" needs either a pool or an owner')
        if entry.pool:
            scope.knows(document.value_place("territories", n, "pool"), "pool", entry.pool, scope.pools)
        owner = _address(entry.owner, document, scope, "territories", n, "owner") if entry.owner else ""
        when = scope.condition(document, entry.when, "territories", n, "when")
        if when is not None:
            territories.append(Territory(entry.name, when, at, entry.pool, owner))
    calendars = scope.made_calendars = compile_calendars(checked, scope)
    return Routing(
        territories=tuple(territories),
        pools={name: _pool(name, checked, calendars, scope) for name in file.pools},
        fallback_pool=file.fallback_pool,
        fallback_place=document.place("fallback_pool"),
        place=document.place("territories"),
        from_stage=file.from_stage,
        shares=tuple(_shares(checked, scope)),
        is_sticky=file.sticky == "account",
        count_sticky=file.count_sticky,
        sticky_place=document.value_place("sticky"),
        people=_people(checked, calendars, scope),
    )


def _shares(checked: Checked[RoutingFile], scope: Scope) -> Iterator[Share]:
    document = checked.document
    for n, entry in enumerate(checked.model.shares):
        scope.knows(document.value_place("shares", n, "pool"), "pool", entry.pool, scope.pools)
        if entry.share * entry.of_last < 1 - SLACK:
            least = ceil(1 / entry.share - SLACK)
            message = (
                f"{entry.share:g} of the last {entry.of_last} is less than one lead: the pool never gets any"
            )
            fix = f"Write of_last: {least} or more." if least <= MOST_LAST else "Write a larger share."
            scope.fault(document.value_place("shares", n, "share"), message, fix)
        when = scope.condition(document, entry.when, "shares", n, "when")
        if when is not None:
            at = document.place("shares", n)
            yield Share(entry.name, when, entry.pool, entry.share, entry.of_last, at)


def _people(
    checked: Checked[RoutingFile], calendars: Mapping[str, Calendar], scope: Scope
) -> Mapping[str, Person]:
    """Return what holds for each person; whoever takes no leads is a fault, for it is a slip of the pen."""
    file, document = checked.model, checked.document
    known = {entry.email.strip().lower() for pool in file.pools.values() for entry in pool.members}
    known |= {entry.owner.strip().lower() for entry in file.territories if entry.owner}
    people: dict[str, Person] = {}
    for name, entry in file.people.items():
        at = document.place("people", name)
        address = name.strip().lower()
        if address not in known and document.sound:
            fix = did_you_mean(address, known)
            scope.fault(at, f'"{name}" is in no pool and owns no territory', fix)
        if address in people:
            scope.fault(at, f'"{address}" stands twice', "Put both together.")
        calendar = _calendar(entry.shifts, calendars, document, scope, "people", name, "shifts")
        caps = _caps_of(entry)
        away = absences(name, entry, document, scope)
        people[address] = Person(address, at, calendar, away, caps, entry.open_leads)
    return people


def _caps_of(person: PersonMap) -> dict[str, int]:
    """Return how many leads somebody gets at most, by unit."""
    return {unit: most for unit in UNITS if (most := getattr(person.caps, f"per_{unit}")) is not None}


def _calendar(
    name: str, calendars: Mapping[str, Calendar], document: Document, scope: Scope, *path: str | int
) -> Calendar | None:
    if name and name not in calendars and name not in scope.calendars:
        fix = did_you_mean(name, calendars) or "Describe it under calendars."
        scope.fault(document.value_place(*path), f'there is no calendar "{name}"', fix)
    return calendars.get(name)


def _pool(name: str, checked: Checked[RoutingFile], calendars: Mapping[str, Calendar], scope: Scope) -> Pool:
    document, entry_of_pool = checked.document, checked.model.pools[name]
    members: dict[str, Member] = {}
    for n, entry in enumerate(entry_of_pool.members):
        at = document.place("pools", name, "members", n)
        address = _address(entry.email, document, scope, "pools", name, "members", n, "email")
        if address in members:
            fix = "For more leads, give one entry more weight: {email: …, weight: 2}."
            scope.fault(at, f'"{address}" is in the pool "{name}" twice', fix)
        takes = None
        if entry.takes is not None:
            takes = scope.condition(document, entry.takes, "pools", name, "members", n, "takes")
        members[address] = Member(address, entry.weight, at, takes)
    if not members and checked.document.sound:
        fix = "Add a member, or send its territories to another pool."
        scope.fault(document.place("pools", name), f'the pool "{name}" has no members', fix)
    return Pool(
        name,
        tuple(members.values()),
        document.place("pools", name),
        _calendar(entry_of_pool.shifts, calendars, document, scope, "pools", name, "shifts"),
        entry_of_pool.catch_up.limit,
        entry_of_pool.skip_earlier_owners,
        entry_of_pool.if_nobody,
        _longest_wait(name, checked, scope),
        _credit(name, checked, scope),
    )


def _credit(name: str, checked: Checked[RoutingFile], scope: Scope) -> Credit | None:
    entry, document = checked.model.pools[name].credit, checked.document
    if entry is None:
        return None
    at = document.place("pools", name, "credit")
    if entry.when is None and not entry.reassigned:
        fix = "Write when: {stage: disqualified}, or reassigned: true, or both."
        scope.fault(at, "credit does not say for which leads a turn is given back", fix)
    when = scope.condition(document, entry.when, "pools", name, "credit", "when") if entry.when else None
    return Credit(at, when, entry.reassigned, entry.per_month)


def _longest_wait(name: str, checked: Checked[RoutingFile], scope: Scope) -> timedelta:
    """Return how long leads wait for a shift; to wait for nobody, or without end, is a slip of the pen."""
    document, pool, people = checked.document, checked.model.pools[name], checked.model.people
    at = document.value_place("pools", name, "if_nobody")
    if pool.longest_wait is not None and pool.if_nobody != QUEUE:
        where = document.value_place("pools", name, "longest_wait")
        scope.fault(
            where, "nobody waits in this pool", f"Write if_nobody: {QUEUE}, or leave longest_wait out."
        )
    if pool.if_nobody == QUEUE and pool.members and document.sound:
        come_free = {name.strip().lower() for name, one in people.items() if _is_away_at_times(one)}
        if not pool.shifts and not any(one.email.strip().lower() in come_free for one in pool.members):
            fix = "Give the pool shifts, or its members shifts, caps or open_leads; or if_nobody: fallback."
            scope.fault(at, f'the pool "{name}" has no shifts or caps whose end a lead could wait for', fix)
    found = LONGEST_WAIT if pool.longest_wait is None else duration(pool.longest_wait)
    if not found or found > MOST_WAIT:
        where = document.value_place("pools", name, "longest_wait")
        scope.fault(where, f'"{pool.longest_wait}" is no time that a lead should wait', "Write 1m to 30d.")
    return found


def _is_away_at_times(person: PersonMap) -> bool:
    """Say whether there are times at which somebody cannot take a lead, and others at which they can."""
    return bool(person.shifts or person.absent or person.open_leads or any(_caps_of(person).values()))


def _address(text: str, document: Document, scope: Scope, *path: str | int) -> str:
    try:
        return email(text)
    except Unusable as error:
        scope.fault(document.value_place(*path), f'"{text}" {error.reason}')
        return text


def _check_reachable(file: RoutingFile, document: Document, scope: Scope) -> None:
    """Find territories that earlier ones leave nothing."""
    if "fields" in scope.unread:
        return
    entries = file.territories
    coverage = Coverage(scope.fields, scope.stages)
    for n, earlier in covered([entry.when for entry in entries], coverage):
        at, names = document.place("territories", n), [f'"{entries[m].name}"' for m in earlier]
        if is_same(entries[n].when, entries[earlier[0]].when):
            said = f"{names[0]} has the same condition"
            fix = "The first territory that matches wins."
        else:
            said = f"{' and '.join(names)} before it {'takes' if len(names) == 1 else 'take'} them all"
            fix = f"The first territory that matches wins: move it before {names[0]}."
        scope.fault(at, f'no lead reaches the territory "{entries[n].name}": {said}', fix)
