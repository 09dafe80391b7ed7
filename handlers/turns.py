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
    """The member whose turn it is; ``at`` is their place in the ledger, ``after`` the one to keep.

    ``clock`` is where the pool's rotation stands from then on: nobody who was there is below it.
    """

    email: str
    at: float
    after: float
    equals: int  # eligible members at the same place, this one included
    clock: float


def next_turn(pool: Pool, eligible: Sequence[Member], seats: Mapping[str, Seat]) -> Turn | None:
    """Return the turn of the eligible member at the lowest place.

    A tie goes to who has waited longest, then by e-mail, so the order of the file decides
    nothing. Who is new starts where those who were there stand. Who was away does, too, less the
    leads that ``catch_up`` lets them have.
    """
    if not eligible:
        return None
    clock = _clock(pool, seats)
    places = _places(pool, eligible, seats, clock)
    lowest = min(places.values())
    level = [member for member in eligible if places[member.email] <= lowest + SLACK]
    chosen = min(level, key=lambda one: (seats.get(one.email, NEVER).last_assigned_seq, one.email))
    at = places[chosen.email]
    return Turn(chosen.email, at, at + 1 / chosen.weight, len(level), max(clock, at))


def out_of_turn(pool: Pool, member: Member, seats: Mapping[str, Seat]) -> Turn:
    """Return the turn of a member who gets a lead whosever turn it is: later turns make up for it."""
    clock = _clock(pool, seats)
    at = _places(pool, pool.members, seats, clock)[member.email]
    return Turn(member.email, at, at + 1 / member.weight, 1, max(clock, 0.0))


def _places(
    pool: Pool, eligible: Sequence[Member], seats: Mapping[str, Seat], clock: float
) -> dict[str, float]:
    """Return each eligible member's place, raised for those who are new or were away."""
    own = {one.email: seats[one.email].virtual_time for one in eligible if one.email in seats}
    # Whoever was eligible at the last turn was not below it, for the lowest was served.
    present = [place for place in own.values() if place >= clock - SLACK]
    floor = min(present) if present else max(clock, 0.0)
    places = {}
    for one in eligible:
        if one.email not in own:
            places[one.email] = floor
        elif pool.catch_up is None:
            places[one.email] = own[one.email]
        else:
            places[one.email] = max(own[one.email], floor - pool.catch_up / one.weight)
    return places


def _clock(pool: Pool, seats: Mapping[str, Seat]) -> float:
    """Return the place at which the pool's latest turn was taken; minus infinity before the first.

    Seats of an earlier version do not say: there it follows from the weight.
    """
    weights = {member.email: member.weight for member in pool.members}
    latest, clock = 0, float("-inf")
    for email, seat in seats.items():
        if seat.last_assigned_seq <= latest:
            continue
        if seat.clock is not None:
            latest, clock = seat.last_assigned_seq, seat.clock
        elif email in weights:
            latest, clock = seat.last_assigned_seq, seat.virtual_time - 1 / weights[email]
    return clock
