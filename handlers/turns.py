"""Whose turn it is in a pool: a stride ledger, in which twice the weight is twice the leads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from handlers.base import Seat
from mappings.playbook import Member, Pool

NEVER = Seat()
SLACK = 1e-9  # far below any 1/weight, far above what adding floats loses


@dataclass(frozen=True, slots=True)
class Turn:
    """The member whose turn it is; ``at`` is their place in the ledger, ``after`` the one to keep.

    ``clock`` is where the pool's rotation stands from then on: nobody who was there is below it.
    Leads out of turn move it only as far as all who are there have had such leads. ``credit`` is what
    the member is still owed for leads that were given back; who is owed one gets it at the place that
    they keep, and the rotation stands still.
    """

    email: str
    at: float
    after: float
    equals: int  # eligible members at the same place, this one included
    clock: float
    places: Mapping[str, float] = field(default_factory=dict)  # of all who were eligible
    credit: int = 0


def next_turn(pool: Pool, eligible: Sequence[Member], seats: Mapping[str, Seat]) -> Turn | None:
    """Return the turn of the eligible member at the lowest place.

    A tie goes to who has waited longest, then by e-mail, so the order of the file decides
    nothing. Who is new starts where the rotation stands. Who was away does, too, less the
    leads that ``catch_up`` lets them have. Whoever had leads given back is ahead by as many turns.
    """
    if not eligible:
        return None
    clock = _clock(pool, seats)
    places = _places(pool, eligible, seats, clock)
    credits = {member.email: seats.get(member.email, NEVER).credit for member in eligible}
    ahead = {one.email: places[one.email] - credits[one.email] / one.weight for one in eligible}
    lowest = min(ahead.values())
    level = [one for one in eligible if ahead[one.email] <= lowest + SLACK]
    chosen = min(level, key=lambda one: (seats.get(one.email, NEVER).last_assigned_seq, one.email))
    at = places[chosen.email]
    if credit := credits[chosen.email]:  # the lead that they are owed: their place and the rotation stay
        return Turn(chosen.email, lowest, at, len(level), max(clock, 0.0), ahead, credit - 1)
    after = _clock_after(pool, chosen, eligible, places, clock)
    return Turn(chosen.email, at, at + 1 / chosen.weight, len(level), after, ahead)


def out_of_turn(pool: Pool, member: Member, seats: Mapping[str, Seat]) -> Turn:
    """Return the turn of a member who gets a lead whosever turn it is: later turns make up for it."""
    clock = _clock(pool, seats)
    at = _places(pool, pool.members, seats, clock)[member.email]
    if credit := seats.get(member.email, NEVER).credit:
        return Turn(member.email, at, at, 1, max(clock, 0.0), credit=credit - 1)
    before = _there(pool, seats, clock)
    after = at + 1 / member.weight
    # Where all who are there have had such leads there is nobody left to whom they are owed.
    raised = min((before | {member.email: after}).values()) - min(before.values(), default=at)
    return Turn(member.email, at, after, 1, max(clock, 0.0) + max(raised, 0.0))


def _places(
    pool: Pool, eligible: Sequence[Member], seats: Mapping[str, Seat], clock: float
) -> dict[str, float]:
    """Return each eligible member's place, raised for those who are new or were away."""
    floor = max(clock, 0.0)
    places = {}
    for one in eligible:
        if one.email not in seats:
            places[one.email] = floor
        elif pool.catch_up is None:
            places[one.email] = seats[one.email].virtual_time
        else:
            places[one.email] = max(seats[one.email].virtual_time, clock - pool.catch_up / one.weight)
    return places


def _there(pool: Pool, seats: Mapping[str, Seat], clock: float) -> dict[str, float]:
    """Return the places of the members whom no turn has passed over: the others were away."""
    places = {}
    for one in pool.members:
        if one.email in seats:
            if seats[one.email].virtual_time >= clock - SLACK:
                places[one.email] = seats[one.email].virtual_time
        elif clock <= SLACK:  # a later turn would have been theirs, had they been there
            places[one.email] = 0.0
    return places


def _clock_after(
    pool: Pool, chosen: Member, eligible: Sequence[Member], places: Mapping[str, float], clock: float
) -> float:
    """Return where the rotation stands after a turn: at its place.

    But where others are away a place that leads out of turn have raised is not the rotation's:
    they would lose what they are owed. There it goes on as fast as those who take turns do.
    """
    at = places[chosen.email]
    if clock == float("-inf") or len(eligible) == len(pool.members):
        return max(clock, at)
    if at <= clock + 1 / chosen.weight + SLACK:  # no further than one turn moves somebody on
        return max(clock, at)
    in_turn = [one.weight for one in eligible if places[one.email] <= at + 1 / one.weight + SLACK]
    return clock + 1 / sum(in_turn)


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
