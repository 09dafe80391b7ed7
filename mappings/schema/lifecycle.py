"""lifecycle.yaml"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from mappings.schema.words import Condition, Name, Names, Strict, Text

Mover = Literal["rules", "deals", "crm", "page"]


class AlternativeMap(Strict):
    """One of several ways to meet a criterion; all that is given must hold."""

    name: Text = Field(description="The criterion, as people will read it.")
    min_score: int | None = Field(None, ge=0, description="The score has reached this.")
    when: Condition | None = Field(None, description="The lead satisfies this condition.")
    activity: Names = Field(default_factory=list, description="The lead did one of these at least once.")


class CriterionMap(AlternativeMap):
    """What must be so; without any test it is for people to judge, and only shown."""

    any_of: list[AlternativeMap] = Field(default_factory=list, description="One of these is enough.")


def _spelled_out(value: Any) -> Any:
    """Let a text stand for a criterion that people judge."""
    return {"name": value} if isinstance(value, str) else value


Criterion = Annotated[CriterionMap, BeforeValidator(_spelled_out, json_schema_input_type=str | CriterionMap)]


class GateMap(Strict):
    """What is asked of a lead that enters a stage, or moves on from it."""

    criteria: list[Criterion] = Field(default_factory=list, description="All of these hold.")
    mandatory: Names = Field(default_factory=list, description="Lead fields that are not blank.")


class MoveMap(Strict):
    """A move that is allowed."""

    to: Text = Field(description="The stage that it leads to.")
    by: list[Mover] = Field(
        default=["rules", "deals", "crm", "page"],
        min_length=1,
        description="Who may: rules, deals, crm (people in a CRM), page (people here). Left out: all.",
    )
    reason: str = Field("", description="The lead field that must say why.")
    reasons: list[Text] = Field(default_factory=list, description="What it may say; left out: anything.")


def _move(value: Any) -> Any:
    return {"to": value} if isinstance(value, str) else value


Move = Annotated[MoveMap, BeforeValidator(_move, json_schema_input_type=str | MoveMap)]


class StageMap(Strict):
    """One lifecycle stage."""

    name: Name = Field(description="The stage, as rules and CRM maps name it.")
    label: str = Field("", max_length=200, description="What people call it; left out: its name.")
    definition: Text = Field(description="What is true of a lead in this stage.")
    team: Text = Field(description="Who acts on it.")
    activities: list[Text] = Field(default_factory=list, description="What that team does, for people.")
    entry: GateMap = Field(default_factory=GateMap, description="What is asked of a lead that enters it.")
    exit: GateMap = Field(
        default_factory=GateMap, description="What is asked of a lead that moves on from it, up the way."
    )
    moves: list[Move] | None = Field(
        None, description="Where a lead may go from here; left out: on and aside, as always."
    )
    end: bool | None = Field(
        None, description="No rule leads a lead away from here; so it is with customer and disqualified."
    )
    calendar: str = Field("", description="Working hours of its team, from routing.yaml.")


class StageRuleMap(Strict):
    """What moves a lead; all that is given must hold."""

    to: Text = Field(description="The stage that the lead enters.")
    name: Text = Field(description="The reason, as people will read it.")
    starts: Names = Field(
        default_factory=list,
        alias="from",
        description="Only leads in these stages, also backwards, where their moves allow it.",
    )
    min_score: int | None = Field(None, ge=0, description="The score has reached this.")
    when: Condition | None = Field(None, description="The lead satisfies this condition.")
    activity: Names = Field(default_factory=list, description="The lead did one of these at least once.")


class PeopleMap(Strict):
    """What becomes of a move that people make in a CRM."""

    unmet: Literal["flag", "refuse"] = Field(
        default="flag", description="A criterion or mandatory field is missing: taken and said, or put back."
    )
    forbidden: Literal["refuse", "ask"] = Field(
        default="refuse",
        description="No such move is allowed, or its reason is missing: put back, or a person asked.",
    )


class ApproveMap(Strict):
    """What becomes of a lead that a person approves."""

    to: Text = Field(description="The stage that it enters.")


class DisqualifyMap(Strict):
    """What becomes of a lead that a person disqualifies."""

    to: Text = Field(description="The stage that it enters.")
    reason: Text = Field(description="The lead field that says why.")
    reasons: list[Text] = Field(min_length=1, description="What it may say; one must be chosen.")


class ReviewMap(Strict):
    """Leads of which the score does not tell enough: a person approves or disqualifies them."""

    band: Text = Field(description="The band of scoring.yaml whose leads are looked at.")
    approve: ApproveMap = Field(description="What becomes of a lead that a person approves.")
    disqualify: DisqualifyMap = Field(description="What becomes of a lead that a person disqualifies.")


class LifecycleFile(Strict):
    """The stages in their order in life, and what moves a lead forward."""

    start: Text = Field(description="The stage in which every lead begins.")
    stages: list[StageMap] = Field(min_length=1, description="The stages, in their order in life.")
    rules: list[StageRuleMap] = Field(default_factory=list, description="What moves a lead forward.")
    people: PeopleMap = Field(default_factory=PeopleMap, description="What becomes of moves in a CRM.")
    review: ReviewMap | None = Field(None, description="Leads of one band wait for a person's verdict.")
    calendar: str = Field("", description="Working hours by which stages are timed, from routing.yaml.")
