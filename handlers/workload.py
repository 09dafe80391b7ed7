"""What is known of who got how much: read once a batch, kept as its events decide. Only what rules ask."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from mappings.playbook import TOP_STAGE, Lifecycle, Person, Pool, Routing
from model.decision import GIVEN, Assigned, GiveBack
from model.hours import Calendar, start_of
from model.lead import Lead

UTC_ZONE = ZoneInfo("UTC")


@dataclass(frozen=True, slots=True)
class GivenTurn:
    """The turn by which somebody got a lead."""

    pool: str
    owner: str


@dataclass(slots=True)
class Workload:
    """Leads that were given and are owned."""

    given: dict[str, dict[datetime, int]] = field(default_factory=dict)  # e-mail -> since when -> how many
    open_leads: Counter[str] = field(default_factory=Counter)  # by owner
    earlier_owners: dict[str, set[str]] = field(default_factory=dict)  # lead -> who had it
    account_owners: dict[str, Counter[str]] = field(default_factory=dict)  # account -> owner -> leads
    last_pools: list[str] = field(default_factory=list)  # of the last assignments, the latest at the end
    last_turns: dict[str, GivenTurn] = field(default_factory=dict)  # lead -> the turn not given back yet
    credits: Counter[tuple[str, str]] = field(default_factory=Counter)  # (pool, e-mail) -> back this month
    eased: set[str] = field(default_factory=set)  # who came to own an open lead fewer than before

    def given_since(self, email: str, since: datetime) -> int:
        """Return how many leads somebody was given since a moment that was asked for."""
        return self.given.get(email, {}).get(since, 0)

    def assigned(self, lead_id: str, effect: Assigned) -> None:
        """Note that a lead was given to somebody."""
        self.earlier_owners.setdefault(lead_id, set()).add(effect.owner)
        if effect.way not in GIVEN:
            return
        if effect.pool:
            self.last_turns[lead_id] = GivenTurn(effect.pool, effect.owner)
        self.last_pools.append(effect.pool)
        for since in self.given.get(effect.owner, {}):
            self.given[effect.owner][since] += 1

    def gave_back(self, lead_id: str, effect: GiveBack) -> None:
        """Note that a turn was given back."""
        self.last_turns.pop(lead_id, None)
        self.credits[effect.pool, effect.owner] += 1

    def absorbed(self, gone: Lead, into: str, stages: Collection[str]) -> None:
        """Note that a lead was taken into another: it counts no more, and its owners are the other's."""
        self.changed(gone, None, stages)
        self.earlier_owners.setdefault(into, set()).update(self.earlier_owners.pop(gone.id, ()))

    def changed(self, before: Lead | None, after: Lead | None, stages: Collection[str]) -> None:
        """Note how a lead was, and how it is now; ``stages`` are those in which it counts as open."""
        busy = [one.owner if one is not None and one.stage in stages else None for one in (before, after)]
        if busy[0] and busy[0] != busy[1]:
            self.eased.add(busy[0])
        for lead, step in ((before, -1), (after, 1)):
            if lead is None or lead.is_test or not lead.owner:
                continue
            if lead.stage in stages:
                self.open_leads[lead.owner] += step
            if account := lead.fields.get("account"):
                self.account_owners.setdefault(str(account), Counter())[lead.owner] += step


def open_stages(lifecycle: Lifecycle) -> frozenset[str]:
    """Return the stages of leads that somebody is at work on: on the way, and not won."""
    return frozenset(
        stage.name
        for stage in lifecycle.stages
        if stage.name != TOP_STAGE and not lifecycle.is_beside(stage.name)
    )


def zone_of(calendar: Calendar | None) -> ZoneInfo:
    """Return the zone by whose clock somebody's days and leads are counted."""
    return calendar.zone if calendar else UTC_ZONE


def calendar_of(person: Person | None, pool: Pool | None) -> Calendar | None:
    """Return the calendar by which somebody works in a pool: their own, else the pool's."""
    return (person and person.calendar) or (pool and pool.calendar) or None


def asked_since(routing: Routing, now: datetime) -> Mapping[str, frozenset[datetime]]:
    """Return for each person with caps since when leads are counted, in any pool of theirs."""
    asked: dict[str, set[datetime]] = {}
    for person, pool in _capped(routing):
        zone = zone_of(calendar_of(person, pool))
        asked.setdefault(person.email, set()).update(start_of(unit, now, zone) for unit in person.caps)
    return {email: frozenset(since) for email, since in asked.items()}


def _capped(routing: Routing) -> Iterator[tuple[Person, Pool]]:
    for pool in routing.pools.values():
        for member in pool.members:
            person = routing.people.get(member.email)
            if person is not None and person.caps:
                yield person, pool
