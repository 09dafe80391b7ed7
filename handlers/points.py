"""What a lead's facts and deeds are worth at a moment; pure arithmetic, in whole millionths of a point.

Whole numbers add up to the same in any order. Each deed is cut to a millionth towards 0; only the
total is rounded, to the nearest point, halves up. Caps hold after decay.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from mappings.playbook import Decay, Expiry, HalfLife, ScoreRule, Scoring
from model.decision import Because
from model.lead import Activity, Lead

POINT = 1_000_000
"""Millionths in a point."""

_TICK = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Points:
    """The score, 0 to 100, what each group gives to it (in millionths, after its cap), and why."""

    total: int
    by_group: Mapping[str, int]
    lines: tuple[Because, ...]


def points(lead: Lead, scoring: Scoring, at: datetime) -> Points:
    """Count a lead at a moment. The order of rules, groups and deeds changes no number."""
    sums = {group.name: 0 for group in scoring.groups}
    lines: list[Because] = []
    deeds = lead.deeds()
    for rule in scoring.rules:
        worths = _worths(rule, lead, deeds, at)
        if worths:
            sums[rule.group] += sum(worths)
            lines.append(_line(rule, worths))
    by_group: dict[str, int] = {}
    for group in scoring.groups:
        found = sums[group.name]
        counted = by_group[group.name] = max(0, min(found, group.cap * POINT))
        if counted != found:
            bound = "capped" if found > counted else "held"
            text = f"{group.name} {bound} at {_shown(counted)}, was {_shown(found)}"
            lines.append(Because(text, group.place))
    total = (sum(by_group.values()) + POINT // 2) // POINT
    return Points(total, by_group, tuple(lines))


def worth(amount: int, decay: Decay | None, age: timedelta) -> int:
    """Return what is left of ``amount`` points after ``age``, in millionths, cut towards 0.

    What lies ahead (an agreed meeting, a clock that is fast) counts as new.
    """
    full, age = abs(amount) * POINT, max(age, timedelta())
    if decay is None:
        left = full
    elif isinstance(decay, Expiry):
        left = full if age < decay.after else 0
    elif isinstance(decay, HalfLife):
        left = int(full * 2.0 ** -(age / decay.every))
    else:
        whole = 100 * (decay.every // _TICK)
        left = full * max(0, whole - decay.percent * (age // _TICK)) // whole
    return left if amount >= 0 else -left


def counted(rule: ScoreRule, deeds: Iterable[Activity]) -> list[Activity]:
    """Return the deeds that a rule counts, the oldest first.

    For ever ``max_times`` of them count, the newest, so that a repeat renews what decays. ``per``
    a time it goes forward from the first, so that what has counted goes on doing so.
    """
    done = sorted((deed for deed in deeds if deed.kind == rule.activity), key=lambda deed: deed.at)
    if rule.unique_by_detail:
        newest = {deed.detail: deed for deed in done}
        if rule.per is None:
            return sorted(newest.values(), key=lambda deed: deed.at)[-rule.max_times :]
        firsts = sorted({deed.detail: deed for deed in reversed(done)}.values(), key=lambda deed: deed.at)
        return [newest[deed.detail] for deed in _spread(rule, rule.per, firsts)]
    if rule.per is None:
        return done[-rule.max_times :]
    return _spread(rule, rule.per, done)


def _spread(rule: ScoreRule, per: timedelta, done: Sequence[Activity]) -> list[Activity]:
    """Return those that count where at most ``max_times`` do in any stretch of time."""
    kept: list[Activity] = []
    for deed in done:
        if len(kept) < rule.max_times or deed.at - kept[-rule.max_times].at >= per:
            kept.append(deed)
    return kept


def _worths(rule: ScoreRule, lead: Lead, deeds: Sequence[Activity], at: datetime) -> list[int]:
    """Return what the rule gives, time by time; what has wholly decayed is left out."""
    if rule.when is not None and not rule.when.matches(lead):
        return []
    if not rule.activity:
        return [rule.points * POINT]
    each = [worth(rule.points, rule.decay, at - deed.at) for deed in counted(rule, deeds)]
    return [one for one in each if one or rule.decay is None]


def _line(rule: ScoreRule, worths: Sequence[int]) -> Because:
    gives, first = sum(worths), rule.points * len(worths) * POINT
    often = f", {len(worths)} times" if len(worths) > 1 else ""
    faded = f", {_shown(first, '+')} when new" if gives != first else ""
    return Because(f"{_shown(gives, '+')} {rule.name}{often}{faded} ({rule.group})", rule.place)


def _shown(millionths: int, sign: str = "") -> str:
    """Write points for people, to a tenth."""
    return f"{Decimal(millionths) / POINT:{sign}.1f}".removesuffix(".0")
