"""How long leads were in their stages, pass by pass, in wall and in business hours; read from the ledger."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mappings.offering import Offer, offers
from mappings.playbook import Lifecycle
from mappings.standing import Standing, standing
from model.hours import worked
from sync.leads import load
from sync.tables import leads, merged_leads, stage_history

MOST = 50_000  # leads of which a report reads the history at once


@dataclass(frozen=True, slots=True)
class Stay:
    """A lead's time in one stage: ``until`` is ``None`` while it is there.

    ``wall`` runs on until now; ``business`` are the hours of the stage's calendar, ``None`` without one.
    """

    stage: str
    pass_number: int
    by: str  # who moved it there: ``EnterStage.by``
    since: datetime
    until: datetime | None
    wall: timedelta
    business: timedelta | None


@dataclass(frozen=True, slots=True)
class StageTimes:
    """One stage on one pass: how many came, left and are there; median times of those who left."""

    stage: str
    pass_number: int
    entered: int
    left: int
    wall: timedelta | None
    business: timedelta | None


@dataclass(frozen=True, slots=True)
class LifeSoFar:
    """Where a lead stands (``None`` in an unknown stage), and the stages it was in, oldest first."""

    standing: Standing | None
    stays: list[Stay]
    offers: tuple[Offer, ...] = ()  # the moves that people here may ask for, with what is in the way

    def as_json(self) -> dict[str, Any]:
        """Return plain data; moments stay moments, times are seconds."""
        return {
            "standing": self.standing.as_json() if self.standing else None,
            "moves": [one.as_json() for one in self.offers],
            "stays": [
                {
                    "stage": one.stage,
                    "pass": one.pass_number,
                    "by": one.by,
                    "since": one.since,
                    "until": one.until,
                    "seconds": int(one.wall.total_seconds()),
                    "business_seconds": None if one.business is None else int(one.business.total_seconds()),
                }
                for one in self.stays
            ],
        }


def life_of(snapshot: Connection, lead_id: str, lifecycle: Lifecycle, now: datetime) -> LifeSoFar:
    """Return where a known lead stands, what is in its way, and how long it was in each stage."""
    lead = load(snapshot, [lead_id])[lead_id]
    stayed = stays(snapshot, lead_id, lifecycle, now)
    return LifeSoFar(standing(lifecycle, lead), stayed, offers(lifecycle, lead))


def stays(snapshot: Connection, lead_id: str, lifecycle: Lifecycle, now: datetime) -> list[Stay]:
    """Return the stages a lead was in, oldest first; those of leads taken into it are among them."""
    rows = snapshot.execute(_history(stage_history.c.lead_id == lead_id)).all()
    ends = snapshot.execute(sa.select(merged_leads.c.at).where(merged_leads.c.into == lead_id)).scalars()
    present = snapshot.execute(sa.select(leads.c.stage).where(leads.c.id == lead_id)).scalar_one_or_none()
    return _stays(rows, sorted(ends), present, lifecycle, now)


def times(
    snapshot: Connection, space: str, lifecycle: Lifecycle, since: datetime, now: datetime
) -> list[StageTimes]:
    """Return the times in each stage of those who entered it since; test leads count for nothing.

    A lead's history is read as a whole, as a stage is left by the next row; the newest ``MOST`` leads count.
    """
    c = stage_history.c
    entered = sa.select(c.lead_id, sa.func.max(c.id).label("last")).where(c.space == space, c.at >= since)
    newest = entered.group_by(c.lead_id).order_by(sa.desc("last")).limit(MOST).subquery()
    real = sa.select(leads.c.id).where(leads.c.id == c.lead_id, leads.c.is_test.is_(False)).exists()
    rows = snapshot.execute(_history(c.lead_id.in_(sa.select(newest.c.lead_id)), real))
    whose: dict[str, list[Any]] = {}
    for row in rows:
        whose.setdefault(row.lead_id, []).append(row)
    ends: dict[str, list[datetime]] = {}
    for into, at in snapshot.execute(
        sa.select(merged_leads.c.into, merged_leads.c.at).where(
            merged_leads.c.into.in_(sa.select(newest.c.lead_id))
        )
    ):
        ends.setdefault(into, []).append(at)
    present: Mapping[str, str | None] = {
        row.id: row.stage
        for row in snapshot.execute(
            sa.select(leads.c.id, leads.c.stage).where(leads.c.id.in_(sa.select(newest.c.lead_id)))
        )
    }
    found = (
        stay
        for lead_id, one in whose.items()
        for stay in _stays(one, sorted(ends.get(lead_id, ())), present.get(lead_id), lifecycle, now)
        if stay.since >= since
    )
    return list(_added_up(found, lifecycle))


def _history(*which: sa.ColumnElement[bool]) -> sa.Select[Any]:
    c = stage_history.c
    columns = (c.lead_id, c.at, c.stage, c.previous, c.by, c.pass_number)
    return sa.select(*columns).where(*which).order_by(c.id)


def _stays(
    rows: Sequence[Any],
    ends: Sequence[datetime],
    present: str | None,
    lifecycle: Lifecycle,
    now: datetime,
) -> list[Stay]:
    """Turn rows into stays. Two leads that became one have a chain of rows each until then.

    A row belongs to the chain that stands at its ``previous``, and begins one where there is none. The chain
    that ends at the lead's present stage goes on; the others ended when their leads were taken in.
    """
    chains: list[list[Any]] = []
    for row in rows:
        known = [chain for chain in chains if chain[-1].stage == row.previous] if row.previous else []
        if known:
            known[-1].append(row)
        else:
            chains.append([row])
    standing = next((chain for chain in reversed(chains) if chain[-1].stage == present), None)
    found = []
    for chain in chains:
        left = [row.at for row in chain[1:]]
        last = None if chain is standing else next((at for at in ends if at >= chain[-1].at), None)
        found += [_stay(row, until, lifecycle, now) for row, until in zip(chain, [*left, last], strict=True)]
    return sorted(found, key=lambda stay: stay.since)


def _stay(row: Any, until: datetime | None, lifecycle: Lifecycle, now: datetime) -> Stay:
    stage = lifecycle.stage(row.stage)
    calendar = stage.calendar if stage else None
    end = max(until or now, row.at)
    business = worked(calendar, row.at, end) if calendar is not None else None
    return Stay(row.stage, row.pass_number, row.by, row.at, until, end - row.at, business)


def _added_up(found: Iterable[Stay], lifecycle: Lifecycle) -> Iterator[StageTimes]:
    groups: dict[tuple[int, str, int], list[Stay]] = {}
    for stay in found:
        place = lifecycle.order(stay.stage)
        key = (place if place >= 0 else len(lifecycle.stages), stay.stage, stay.pass_number)
        groups.setdefault(key, []).append(stay)
    for (_, stage, number), all_of in sorted(groups.items()):
        left = [stay for stay in all_of if stay.until is not None]
        business = [stay.business for stay in left if stay.business is not None]
        yield StageTimes(
            stage,
            number,
            len(all_of),
            len(left),
            _median([stay.wall for stay in left]),
            _median(business),
        )


def _median(spans: Sequence[timedelta]) -> timedelta | None:
    return timedelta(seconds=median(span.total_seconds() for span in spans)) if spans else None
