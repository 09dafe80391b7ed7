"""The moves of its stage that people here may ask for a lead, and what is in the way of each. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mappings.moving import PAGE, Ruling, judge, spelled
from mappings.playbook import Lifecycle, Move, Stage
from model.lead import Lead

LONGEST_REASON = 300  # characters


@dataclass(frozen=True, slots=True)
class Offer:
    """A stage that a lead is not in: whether people may move it there, and what is to be said of it.

    ``why`` is why not; ``lacks`` what the stages ask for and is missing, ``judged`` what people judge.
    ``reason`` is the lead field that must say why (blank: none), ``reasons`` what it may say (none: any).
    """

    to: str
    label: str
    is_back: bool
    allowed: bool
    why: str = ""
    lacks: tuple[str, ...] = ()
    judged: tuple[str, ...] = ()
    reason: str = ""
    reasons: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """Say in a line what is in the way."""
        if not self.allowed:
            return f"not possible: {self.why}"
        if self.lacks:
            return f"it would go without: {'; '.join(self.lacks)}"
        return "nothing is in the way"

    def as_json(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "to": self.to,
            "label": self.label,
            "back": self.is_back,
            "allowed": self.allowed,
            "why_not": self.why or None,
            "missing": list(self.lacks),
            "to_judge": list(self.judged),
            "reason": self.reason or None,
            "reasons": list(self.reasons),
        }


def offers(lifecycle: Lifecycle, lead: Lead) -> tuple[Offer, ...]:
    """Return every stage but the lead's, in the order of the file."""
    return tuple(_offer(lifecycle, lead, one) for one in lifecycle.stages if one.name != lead.stage)


def ruling(lifecycle: Lifecycle, lead: Lead, to: str, reason: str) -> Ruling:
    """Say whether people may move a lead to a stage for a reason, and why not."""
    if lifecycle.stage(to) is None:
        known = ", ".join(one.name for one in lifecycle.stages)
        return Ruling(allowed=False, why=f'there is no stage "{to}": {known}')
    if lead.stage == to:
        return Ruling(allowed=False, why=f"the lead is in {to}")
    if len(reason) > LONGEST_REASON:
        why = f"the reason has {len(reason)} characters, of {LONGEST_REASON} at most"
        return Ruling(allowed=False, why=why)
    name = reason_of(lifecycle, lead, to)
    if reason and not name:
        return Ruling(allowed=False, why=f"no field keeps a reason for a move from {lead.stage} to {to}")
    return judge(lifecycle, lead, to, PAGE, {name: reason} if reason else None)


def reason_of(lifecycle: Lifecycle, lead: Lead, to: str) -> str:
    """Return the lead field that must say why a lead moves to a stage; blank where none must."""
    move = _move(lifecycle, lead, to)
    return move.reason if move is not None else ""


def _offer(lifecycle: Lifecycle, lead: Lead, there: Stage) -> Offer:
    move, here = _move(lifecycle, lead, there.name), lifecycle.stage(lead.stage)
    name, reasons = (move.reason, move.reasons) if move is not None else ("", ())
    # A reason comes with the move: that there is none yet is nothing in its way.
    found = judge(lifecycle, lead, there.name, PAGE, {name: reasons[0] if reasons else "…"} if name else None)
    leaves = here.exit.criteria if here is not None and lifecycle.goes_on(here.name, there.name) else ()
    return Offer(
        there.name,
        there.title,
        lifecycle.goes_back(lead.stage, there.name),
        found.allowed,
        found.why,
        found.lacks,
        tuple(spelled(one) for one in (*leaves, *there.entry.criteria) if one.is_for_people),
        name,
        reasons,
    )


def _move(lifecycle: Lifecycle, lead: Lead, to: str) -> Move | None:
    """Return the line of the lead's stage that allows the move; ``None`` where its stage lists none."""
    here = lifecycle.stage(lead.stage)
    return next((one for one in (here.moves or () if here is not None else ()) if one.to == to), None)
