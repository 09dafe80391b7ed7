"""Whose turn it is in a pool: a stride ledger, in which twice the weight is twice the leads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from handlers.base import Seat
from mappings.playbook import Member, Pool

NEVER = Seat()
SLACK = 1e-9  # far below any 1/weight, far above what adding floats loses


@dataclass(frozen=True, slots=True)
class Turn:
    """The member whose turn it is; ``at`` is their place in the ledger, ``after`` the one to keep."""

    email: str
    at: float
    after: float
    equals: int  # eligible members at the same place, this one included


def next_turn(pool: Pool, eligible: Sequence[Member], seats: Mapping[str, Seat]) -> Turn | None:
    """Return the turn of the eligible member at the lowest place.

    A tie goes to who has waited longest, then by e-mail, so the order of the file decides
    nothing. Who was away or is new starts where those who were there stand: nobody catches up.
    """
    if not eligible:
        return None
    places = _places(pool, eligible, seats)
    lowest = min(places.values())
    level = [member for member in eligible if places[member.email] <= lowest + SLACK]
    chosen = min(level, key=lambda one: (seats.get(one.email, NEVER).last_assigned_seq, one.email))
    at = places[chosen.email]
    return Turn(chosen.email, at, at + 1 / chosen.weight, len(level))


def _places(pool: Pool, eligible: Sequence[Member], seats: Mapping[str, Seat]) -> dict[str, float]:
    """Return each eligible member's place, raised for those who are new or were away."""
    clock = _last_place_served(pool, seats)
    own = {one.email: seats[one.email].virtual_time for one in eligible if one.email in seats}
    # Whoever was eligible at the last turn was not below it, for the lowest was served.
    present = [place for place in own.values() if place >= clock - SLACK]
    floor = min(present) if present else max(clock, 0.0)
    return {one.email: place if (place := own.get(one.email, 0.0)) >= floor else floor for one in eligible}


def _last_place_served(pool: Pool, seats: Mapping[str, Seat]) -> float:
    """Return the place at which the pool's latest turn was taken; minus infinity before the first."""
    served = [
        (seat.last_assigned_seq, seat.virtual_time - 1 / member.weight)
        for member in pool.members
        if (seat := seats.get(member.email)) and seat.last_assigned_seq
    ]
    return max(served)[1] if served else float("-inf")
