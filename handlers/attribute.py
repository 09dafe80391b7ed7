"""Keeps the ledger of touches and, beside it, the first and the last one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from handlers.base import Context
from model.decision import NOTHING, AddTouch, Because, Decision, Effect
from model.event import JsonValue
from model.lead import Lead, Touch
from model.times import to_text

TouchField = dict[str, JsonValue]

SESSION = timedelta(minutes=30)
"""The usual length of a web session: the same source again within it is the same touch."""

SAME = ("channel", "source", "medium", "campaign")


@dataclass(frozen=True, slots=True)
class Attribute:
    """Add the event's touch to the ledger; the earliest is the first touch, the latest the last.

    Late events come out as if they had been on time. With ``skip_direct`` a direct visit is
    the last touch only of a lead that has no other.
    """

    skip_direct: bool

    def __call__(self, lead: Lead, context: Context) -> Decision:
        touch = context.event.touch if context.event else context.touch
        if touch is None:
            return NOTHING
        effects: tuple[Effect, ...] = (AddTouch(touch.at, touch.fields),)
        because = [Because(f"touch: {touch.fields.get('channel') or 'channel unknown'}")]
        visit = ""
        if any(_is_same_session(touch, known) for known in lead.touches):
            effects, visit = (), ", of the same visit"
            because = [Because("touch not counted again: the same source within 30 minutes")]
        fields = self._ends(lead, touch)
        because += [
            Because(f"{name.replace('_', ' ')} is that of {end['at']}{visit}") for name, end in fields.items()
        ]
        if touch.is_direct and self.skip_direct and "last_touch" not in fields:
            because.append(Because("last touch kept: a direct visit does not replace it"))
        return Decision(fields=fields, effects=effects, because=tuple(because))

    def _ends(self, lead: Lead, touch: Touch) -> dict[str, TouchField]:
        """Return the ends that this touch moves.

        A touch of a session already counted moves them too: else they would depend on which
        of the session's touches came in first.
        """
        this = _as_field(touch)
        first = min([*_known(lead, "first_touch"), this], key=lambda end: end["at"])
        last = max([this, *_known(lead, "last_touch")], key=self._recency)
        ends = {"first_touch": first, "last_touch": last}
        return {name: end for name, end in ends.items() if end != lead.fields.get(name)}

    def _recency(self, end: TouchField) -> tuple[bool, str]:
        return not (self.skip_direct and end.get("channel") == "direct"), end["at"]


def ends_of(touches: Sequence[Touch], *, skip_direct: bool) -> dict[str, TouchField]:
    """Return the first and the last touch of these, as a lead's fields; none where there are none."""
    if not touches:
        return {}
    last = max(touches, key=lambda touch: (not (skip_direct and touch.is_direct), touch.at))
    first = min(touches, key=lambda touch: touch.at)
    return {"first_touch": _as_field(first), "last_touch": _as_field(last)}


def _known(lead: Lead, name: str) -> list[TouchField]:
    """Return the end as it stands, else all touches it could be taken from."""
    end = lead.fields.get(name)
    return [end] if end else [_as_field(touch) for touch in lead.touches]


def _as_field(touch: Touch) -> TouchField:
    return {"at": to_text(touch.at), **touch.fields}


def _is_same_session(touch: Touch, known: Touch) -> bool:
    return abs(touch.at - known.at) <= SESSION and all(
        touch.fields.get(name) == known.fields.get(name) for name in SAME
    )
