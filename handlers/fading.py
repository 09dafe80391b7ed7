"""When a score is another one by time alone; pure, on top of ``handlers.points``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from handlers.points import POINT, counted, worth
from mappings.playbook import ScoreRule, Scoring
from model.lead import Lead

Changed = Callable[[int], bool]
"""Says of a number of minutes whether something has changed by then."""

MINUTE = timedelta(minutes=1)
MOST_STEPS = 32  # past moments at which nothing is another than before
FARTHEST = 1 << 23  # minutes, some sixteen years: what is left by then stays


@dataclass(frozen=True, slots=True)
class Piece:
    """What one deed gives by a rule, and when the deed was."""

    rule: ScoreRule
    at: datetime

    def worth_at(self, moment: datetime) -> int:
        """Return what is left of it at a moment, in millionths."""
        return worth(self.rule.points, self.rule.decay, moment - self.at)


@dataclass(frozen=True, slots=True)
class Fading:
    """A group's points: what stays, and what goes with time."""

    cap: int
    stays: int
    gains: Sequence[Piece]  # go down
    losses: Sequence[Piece]  # of rules with negative points: go up

    def points_at(self, gains_at: datetime, losses_at: datetime) -> int:
        """Return the group's points where its gains and its losses are as at these moments."""
        found = self.stays + sum(one.worth_at(gains_at) for one in self.gains)
        found += sum(one.worth_at(losses_at) for one in self.losses)
        return max(0, min(found, self.cap * POINT))


def changes_at(lead: Lead, scoring: Scoring, now: datetime) -> datetime | None:
    """Return when the score may next be another one by time alone, to the minute; ``None``: it stays.

    Exact where all that fades has points of one sign. Else it may be early: gains that fade and losses that
    fade can make up for each other, so the lead is looked at once the gains alone, or the losses alone, would
    tell. A moment at which the score turns out to be the same is stepped over, ``MOST_STEPS`` times at most:
    what all but cancels out would have the lead looked at each minute. Never late by more than a minute.
    """
    if not scoring.fades:
        return None
    groups = _groups(lead, scoring, now)
    gains, losses = any(group.gains for group in groups), any(group.losses for group in groups)
    if not (gains or losses):
        return None
    total, then = _total(groups, now, now), now
    for _ in range(MOST_STEPS if gains and losses else 1):
        first = _first(partial(_tells, groups, then, total))
        if first is None:
            return None
        then += first * MINUTE
        if _total(groups, then, then) != total:
            break
    return then


def _tells(groups: Sequence[Fading], moment: datetime, total: int, minutes: int) -> bool:
    """Say whether the gains alone, or the losses alone, make another score so many minutes later."""
    then = moment + minutes * MINUTE
    return _total(groups, then, moment) != total or _total(groups, moment, then) != total


def _groups(lead: Lead, scoring: Scoring, now: datetime) -> list[Fading]:
    deeds = lead.deeds()
    stays = {group.name: 0 for group in scoring.groups}
    gains: dict[str, list[Piece]] = {group.name: [] for group in scoring.groups}
    losses: dict[str, list[Piece]] = {group.name: [] for group in scoring.groups}
    for rule in scoring.rules:
        if rule.when is not None and not rule.when.matches(lead):
            continue
        if not rule.activity:
            stays[rule.group] += rule.points * POINT
            continue
        done = counted(rule, deeds)
        if rule.decay is None:
            stays[rule.group] += rule.points * POINT * len(done)
            continue
        left = [one for deed in done if (one := Piece(rule, deed.at)).worth_at(now)]
        (gains if rule.points >= 0 else losses)[rule.group] += left
    return [
        Fading(group.cap, stays[group.name], gains[group.name], losses[group.name])
        for group in scoring.groups
    ]


def _total(groups: Sequence[Fading], gains_at: datetime, losses_at: datetime) -> int:
    """Round as ``handlers.points`` does."""
    return (sum(group.points_at(gains_at, losses_at) for group in groups) + POINT // 2) // POINT


def _first(has_changed: Changed) -> int | None:
    """Return the first minute at which something that stays true has become true; ``None``: never."""
    high = 1
    while not has_changed(high):
        high *= 2
        if high > FARTHEST:
            return None
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if has_changed(middle) else (middle, high)
    return high
