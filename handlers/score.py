"""Counts what a lead is and did as points; ``qualify`` decides what they mean."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from handlers.bands import graded, settled
from handlers.base import Context
from handlers.fading import changes_at
from handlers.points import Points, points
from mappings.playbook import Lifecycle, Scoring
from model.decision import Because, Decision, Effect, SetTimer
from model.event import JsonValue
from model.lead import BELOW_SINCE, TOLD_SCORE, Lead
from model.times import from_text, to_text

TIMER = ("score", "")


@dataclass(frozen=True, slots=True)
class Score:
    """Set the score that a lead has now, its band and its grade, and what the CRMs are told of it.

    The score is a function of the lead's facts, its ledger and the moment alone (``handlers.points``),
    so counting again gives the same. ``thresholds`` are scores by which the lifecycle moves leads, in order.
    """

    scoring: Scoring
    thresholds: Sequence[int] = ()

    @property
    def unused(self) -> tuple[str, ...]:
        """Fields that the playbook does not ask for (any more)."""
        scoring = self.scoring
        bands = () if scoring.bands else ("band", BELOW_SINCE)
        grade = () if scoring.grade else ("grade",)
        told = () if scoring.write_points is not None else (TOLD_SCORE, "score_reasons")
        return (*bands, *grade, *told)

    def __call__(self, lead: Lead, context: Context) -> Decision:
        found = points(lead, self.scoring, context.now)
        fields: dict[str, JsonValue] = {"score": found.total}
        because = list(found.lines)
        if self.scoring.bands:
            fields |= self._band(lead, found.total, context.now, because)
        if self.scoring.grade:
            fields["grade"] = graded(self.scoring.grade, found.by_group)
        if self.scoring.write_points is not None:
            fields |= self._told(lead, found, fields.get("band"), because)
        changed = {name: value for name, value in fields.items() if lead.fields.get(name) != value}
        changed |= {name: None for name in self.unused if lead.fields.get(name) is not None}
        return Decision(
            fields=changed, effects=self._next_look(lead, fields, context), because=tuple(because)
        )

    def _band(self, lead: Lead, score: int, now: datetime, because: list[Because]) -> dict[str, JsonValue]:
        current, since = lead.fields.get("band"), lead.fields.get(BELOW_SINCE)
        below = from_text(since) if isinstance(since, str) else None
        name, below = settled(self.scoring.bands, current, below, score, now)
        band = next(band for band in self.scoring.bands if band.name == name)
        if name != current:
            what = f"band {name}" if current is None else f"band {current} → {name}"
            because.append(Because(what, band.place))
        elif below is not None:
            text = f"band {name} kept until {to_text(below + band.after)}: the score fell below {band.down}"
            because.append(Because(text, band.place))
        return {"band": name, BELOW_SINCE: to_text(below) if below is not None else None}

    def _told(
        self, lead: Lead, found: Points, band: JsonValue, because: list[Because]
    ) -> dict[str, JsonValue]:
        """Say what the CRMs are to hold: in steps, so that no score that wavers is written on and on."""
        told = lead.fields.get(TOLD_SCORE)
        if isinstance(told, int):
            is_far = abs(found.total - told) >= (self.scoring.write_points or 1)
            is_moved = bisect_right(self.thresholds, told) != bisect_right(self.thresholds, found.total)
            is_other_band = band is not None and band != lead.fields.get("band")
            if not (is_far or is_moved or is_other_band):
                if told != found.total:
                    because.append(
                        Because(f"the CRMs keep {told} points until more changes", self.scoring.place)
                    )
                return {}
        return {
            TOLD_SCORE: found.total,
            "score_reasons": "; ".join(line.text for line in found.lines) or None,
        }

    def _next_look(self, lead: Lead, fields: Mapping[str, JsonValue], context: Context) -> tuple[Effect, ...]:
        """Have the lead looked at again when its score or band will be another one by time alone."""
        if not self.scoring.changes_by_time:
            return ()
        due_at, why = changes_at(lead, self.scoring, context.now), "points that go with time"
        falls_at = self._falls_at(fields)
        if falls_at is not None and (due_at is None or falls_at <= due_at):
            due_at, why = falls_at, f"falls out of the band {fields['band']}"
        if due_at is None and TIMER not in lead.timers:
            return ()
        return (SetTimer("score", due_at, context.now, why),)

    def _falls_at(self, fields: Mapping[str, JsonValue]) -> datetime | None:
        """Return when a lead leaves its band whose score stays as low as it is; ``None``: it does not."""
        since = fields.get(BELOW_SINCE)
        after = {band.name: band.after for band in self.scoring.bands}
        return from_text(since) + after[str(fields["band"])] if isinstance(since, str) else None


def thresholds(lifecycle: Lifecycle) -> tuple[int, ...]:
    """Return the scores by which rules of the lifecycle move leads, in order."""
    return tuple(sorted({rule.min_score for rule in lifecycle.rules if rule.min_score is not None}))
