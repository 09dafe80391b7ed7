"""routing.yaml"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from mappings.schema.words import Condition, Duration, Label, Names, Strict, Text, _listed

MOST_LAST = 1000  # leads given last, of which a share is taken


class MemberMap(Strict):
    """A teammate in a pool."""

    email: Text = Field(description="The address by which the CRMs know the person.")
    weight: float = Field(1.0, gt=0, le=100, description="2 gets twice as many leads as 1.")
    takes: Condition | None = Field(None, description="Takes only leads of this pool that match.")


def _member(value: Any) -> Any:
    return {"email": value} if isinstance(value, str) else value


class CatchUpMap(Strict):
    """How far somebody who was away catches up."""

    limit: int | None = Field(ge=0, le=1000, description="At most so many leads.")


def _catch_up(value: Any) -> Any:
    if isinstance(value, str):
        if value not in _CATCH_UP:
            raise ValueError(f'"{value}" is not possible here: write none, full or {{limit: 5}}')
        return {"limit": _CATCH_UP[value]}
    return value


_CATCH_UP = {"none": 0, "full": None}


class CreditMap(Strict):
    """When whoever got a lead by turn gets that turn back."""

    when: Condition | None = Field(None, description="The lead matches: {stage: disqualified}.")
    reassigned: bool = Field(False, description="People gave the lead to somebody else.")
    per_month: int | None = Field(None, ge=1, le=1000, description="At most so many for each member.")


class PoolMap(Strict):
    """People who take leads in turn."""

    members: list[Annotated[MemberMap, BeforeValidator(_member, json_schema_input_type=str | MemberMap)]] = (
        Field(description="Who takes leads, in any order.")
    )
    shifts: str = Field("", description="The calendar of those who have none of their own.")
    catch_up: Annotated[
        CatchUpMap,
        BeforeValidator(_catch_up, json_schema_input_type=Literal["none", "full"] | CatchUpMap),
    ] = Field(
        default_factory=lambda: CatchUpMap(limit=0),
        description="Whether who was away gets the leads missed: none, full or {limit: 5}.",
    )
    skip_earlier_owners: bool = Field(False, description="Nobody gets a lead again that was theirs before.")
    if_nobody: Literal["fallback", "any_member", "ask", "queue_until_shift"] = Field(
        "fallback",
        description="When nobody can take a lead: fallback, any_member, ask or queue_until_shift.",
    )
    longest_wait: Duration | None = Field(
        None,
        description="With queue_until_shift: how long a lead waits at most; then the fallback (3d).",
    )
    credit: CreditMap | None = Field(None, description="When a turn is given back.")


class TerritoryMap(Strict):
    """Which leads go to which pool, or to one person."""

    name: Text = Field(description="The reason, as people will read it.")
    when: Condition = Field(description="Which leads belong here.")
    pool: str = Field("", description="The pool that takes them in turn.")
    owner: str = Field("", description="One person's e-mail, instead of a pool.")


class ShareMap(Strict):
    """Leads that a pool may take before the territories, up to a share of all."""

    name: Text = Field(description="The reason, as people will read it.")
    when: Condition = Field(description="Which leads it is about, for example {score: {at_least: 80}}.")
    pool: Text = Field(description="The pool that takes them.")
    share: float = Field(gt=0, le=1, description="The part of all leads given that the pool gets at most.")
    of_last: int = Field(100, ge=5, le=MOST_LAST, description="The part of so many leads given last.")


Hours = Annotated[list[Text], BeforeValidator(_listed, json_schema_input_type=str | list[str])]


class CalendarMap(Strict):
    """When people work; shifts over midnight belong to the day on which they begin."""

    time_zone: Text = Field(description="Where the hours are meant: Europe/Berlin.")
    hours: dict[str, Hours] = Field(description="Days and their hours: mon-fri: 09:00-17:30.")
    holidays: Names = Field(default_factory=list, description="Regions whose holidays are free.")
    days: dict[str, Hours] = Field(
        default_factory=dict, description="Days with hours of their own: 2026-12-24: 09:00-12:00."
    )


class AbsenceMap(Strict):
    """Days on which somebody is away."""

    first: Text = Field(alias="from", description="The first day away: 2026-12-20.")
    to: Text = Field(description="The last day away.")


class CapsMap(Strict):
    """How many leads somebody gets at most, by the clock of their calendar's zone."""

    per_hour: int | None = Field(None, ge=0, description="In an hour of the clock.")
    per_day: int | None = Field(None, ge=0, description="From midnight.")
    per_week: int | None = Field(None, ge=0, description="From Monday.")
    per_month: int | None = Field(None, ge=0, description="From the first.")


class PersonMap(Strict):
    """What holds for somebody in every pool."""

    shifts: str = Field("", description="The calendar by which the person works.")
    absent: list[AbsenceMap] = Field(default_factory=list, description="Days on which the person is away.")
    caps: CapsMap = Field(
        default_factory=lambda: CapsMap.model_validate({}), description="The most leads in a time."
    )
    open_leads: int | None = Field(
        None, ge=0, description="The most leads owned at a time that are neither won nor set aside."
    )


class RoutingFile(Strict):
    """Who gets which lead; the first territory that matches wins."""

    from_stage: str = Field("", description="Leads get an owner from this stage on; left out: at once.")
    territories: list[TerritoryMap] = Field(default_factory=list, description="The first that matches wins.")
    pools: dict[Label, PoolMap] = Field(min_length=1, description="Name: its members.")
    fallback_pool: Text = Field(description="Takes what no territory matches, so that no lead is left alone.")
    shares: list[ShareMap] = Field(default_factory=list, description="What a pool gets before, and how much.")
    sticky: Literal["none", "account"] = Field(
        "none", description="account: leads of a company go to the one who owns its other leads."
    )
    count_sticky: bool = Field(True, description="A lead given to the company's owner counts as a turn.")
    people: dict[str, PersonMap] = Field(default_factory=dict, description="E-mail: shifts, absences, caps.")
    calendars: dict[Label, CalendarMap] = Field(default_factory=dict, description="Name: when people work.")
    holidays: dict[Label, list[Text]] = Field(default_factory=dict, description="Region: its free days.")
