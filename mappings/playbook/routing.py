"""Territories, pools, and the people who take leads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Literal

from mappings.playbook.condition import Condition
from model.decision import Place
from model.hours import Calendar

IfNobody = Literal["fallback", "any_member", "ask", "queue_until_shift"]
QUEUE: IfNobody = "queue_until_shift"
GETS_IT_BACK = " gets the turn back: "  # in what is said of a turn that is given back
SHARE_IS_FULL = ": not this one"  # ends what is said of a share whose pool had as much as it may
LONGEST_WAIT = timedelta(days=3)  # over a weekend


@dataclass(frozen=True, slots=True)
class Absence:
    """Days on which somebody is away, both ends included."""

    first: date
    last: date


@dataclass(frozen=True, slots=True)
class Person:
    """What holds for somebody in every pool; ``caps`` are by unit: hour, day, week, month."""

    email: str
    place: Place
    calendar: Calendar | None = None
    absent: tuple[Absence, ...] = ()
    caps: Mapping[str, int] = field(default_factory=dict)
    open_leads: int | None = None


@dataclass(frozen=True, slots=True)
class Member:
    """A teammate in a pool; twice the weight is twice the leads."""

    email: str
    weight: float
    place: Place
    takes: Condition | None = None


@dataclass(frozen=True, slots=True)
class Credit:
    """When a lead's turn is given back: it matches, or people gave it to somebody else."""

    place: Place
    when: Condition | None = None
    reassigned: bool = False
    per_month: int | None = None  # for each member, by the clock of the pool; ``None``: any number


@dataclass(frozen=True, slots=True)
class Pool:
    """People who take leads in turn.

    ``catch_up``: how many of the leads missed somebody gets who was away; ``None``: all of them.
    ``longest_wait``: how long a lead waits at most for a shift to begin.
    """

    name: str
    members: tuple[Member, ...]
    place: Place
    calendar: Calendar | None = None  # of those who have none of their own
    catch_up: int | None = 0
    skip_earlier_owners: bool = False
    if_nobody: IfNobody = "fallback"
    longest_wait: timedelta = LONGEST_WAIT
    credit: Credit | None = None


@dataclass(frozen=True, slots=True)
class Territory:
    """Leads that match ``when`` go to ``pool`` or to ``owner``; the first territory that matches wins."""

    name: str
    when: Condition
    place: Place
    pool: str = ""
    owner: str = ""


@dataclass(frozen=True, slots=True)
class Share:
    """Leads that ``pool`` takes first: at most the part ``share`` of the last ``of_last`` assignments."""

    name: str
    when: Condition
    pool: str
    share: float
    of_last: int
    place: Place


@dataclass(frozen=True, slots=True)
class Routing:
    """Who gets which lead."""

    territories: tuple[Territory, ...]
    pools: Mapping[str, Pool]
    fallback_pool: str
    fallback_place: Place
    place: Place
    from_stage: str = ""  # leads get an owner from this stage on; blank: at once
    shares: tuple[Share, ...] = ()
    is_sticky: bool = False  # who owns a company's other leads gets this one
    count_sticky: bool = True
    sticky_place: Place | None = None
    people: Mapping[str, Person] = field(default_factory=dict)  # by e-mail

    @property
    def longest_share(self) -> int:
        """Return how many of the last assignments are looked at; 0: none."""
        return max((one.of_last for one in self.shares), default=0)

    @property
    def gives_back(self) -> bool:
        """Say whether any pool gives turns back."""
        return any(pool.credit is not None for pool in self.pools.values())

    @property
    def queues(self) -> bool:
        """Say whether any pool lets leads wait for a shift to begin."""
        return any(pool.if_nobody == QUEUE for pool in self.pools.values())

    @property
    def members(self) -> frozenset[str]:
        """Return the addresses of all who are in a pool."""
        return frozenset(member.email for pool in self.pools.values() for member in pool.members)

    @property
    def skips_earlier_owners(self) -> bool:
        """Say whether any pool asks who had a lead before."""
        return any(pool.skip_earlier_owners for pool in self.pools.values())
