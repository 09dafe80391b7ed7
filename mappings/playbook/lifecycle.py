"""Stages, what is asked of leads in them, and what moves a lead."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from mappings.playbook.condition import Condition
from model.decision import Place
from model.hours import Calendar

STAYS = "stays "  # begins what is said of a rule that held, and that the stages did not let through


@dataclass(frozen=True, slots=True)
class Criterion:
    """What must be so; all that is given holds. One without any test is for people to judge."""

    name: str
    place: Place
    min_score: int | None = None
    when: Condition | None = None
    activities: tuple[str, ...] = ()  # the lead did one of these at least once
    any_of: tuple[Criterion, ...] = ()

    @property
    def is_for_people(self) -> bool:
        """Say whether no rule can tell: it is shown, and never in the way."""
        return self.min_score is None and self.when is None and not self.activities and not self.any_of


@dataclass(frozen=True, slots=True)
class Gate:
    """What is asked of a lead that enters a stage, or moves on from it; ``mandatory`` are lead fields."""

    criteria: tuple[Criterion, ...] = ()
    mandatory: tuple[str, ...] = ()


OPEN_GATE = Gate()


@dataclass(frozen=True, slots=True)
class Move:
    """A move that is allowed: ``by`` whom, and which lead field must say why (blank: none)."""

    to: str
    by: frozenset[str]  # of "rules", "deals", "crm", "page"
    place: Place
    reason: str = ""
    reasons: tuple[str, ...] = ()  # what that field may say; none: anything


@dataclass(frozen=True, slots=True)
class Stage:
    """One lifecycle stage; their order in the file is their order in life."""

    name: str
    definition: str
    team: str
    place: Place
    label: str = ""
    activities: tuple[str, ...] = ()
    entry: Gate = OPEN_GATE
    exit: Gate = OPEN_GATE
    moves: tuple[Move, ...] | None = None  # ``None``: the usual ones
    is_end: bool | None = None  # ``None``: by its name
    calendar: Calendar | None = None

    @property
    def title(self) -> str:
        """What people call it."""
        return self.label or self.name


@dataclass(frozen=True, slots=True)
class StageRule:
    """What moves a lead to a stage: forward, or from the stages it names also back."""

    to: str
    name: str
    place: Place
    min_score: int | None = None
    when: Condition | None = None
    activity: str = ""  # the lead did this at least once
    starts: frozenset[str] = frozenset()  # only leads in these stages; none: in any before


@dataclass(frozen=True, slots=True)
class Review:
    """Which band of the score people look at, and where their two verdicts lead."""

    band: str
    approve: str  # a stage
    disqualify: str  # a stage
    reason: str  # the lead field that says why one was disqualified
    reasons: tuple[str, ...]  # what it may say
    place: Place


TOP_STAGE = "customer"
"""The last step on the way; stages listed after it stand beside the way."""
CLOSED_STAGE = "disqualified"
"""Beside the way, and closed: only a person leads a lead back from here."""


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """The stages, where a lead starts, and what moves it forward."""

    stages: tuple[Stage, ...]
    start: str
    rules: tuple[StageRule, ...]
    place: Place
    unmet: str = "flag"  # | "refuse": people's moves that lack something
    forbidden: str = "refuse"  # | "ask": people's moves that are not allowed
    review: Review | None = None
    by_name: Mapping[str, tuple[int, Stage]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        known: dict[str, tuple[int, Stage]] = {}
        for n, stage in enumerate(self.stages):
            known.setdefault(stage.name, (n, stage))
        object.__setattr__(self, "by_name", known)

    def order(self, stage: object) -> int:
        """Return the stage's position; -1 for none or an unknown one."""
        known = self.by_name.get(stage) if isinstance(stage, str) else None
        return known[0] if known else -1

    def stage(self, name: object) -> Stage | None:
        """Return a stage by its name."""
        known = self.by_name.get(name) if isinstance(name, str) else None
        return known[1] if known else None

    def is_beside(self, stage: object) -> bool:
        """Say whether the stage is listed after ``customer``; without a ``customer`` none is."""
        top = self.order(TOP_STAGE)
        return top >= 0 and self.order(stage) > top

    def is_end(self, stage: str | None) -> bool:
        """Say whether no rule leads a lead away from here."""
        known = self.stage(stage)
        if known is None or known.is_end is None:
            return stage in (TOP_STAGE, CLOSED_STAGE)
        return known.is_end

    def goes_back(self, here: object, to: object) -> bool:
        """Say whether a move goes down the way."""
        on_the_way = self.order(here) >= 0 and not self.is_beside(here) and not self.is_beside(to)
        return on_the_way and 0 <= self.order(to) < self.order(here)

    def goes_on(self, here: object, to: object) -> bool:
        """Say whether a move goes up the way."""
        return self.goes_back(to, here)
