"""scoring.yaml"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from mappings.schema.words import Condition, Duration, Names, Strict, Text


class GroupMap(Strict):
    """A share of the score."""

    cap: int = Field(ge=0, le=100, description="The most that the rules of this group can give together.")


class LinearMap(Strict):
    """Points that go in equal steps."""

    percent: int = Field(ge=1, le=100, description="How much of the first points goes each time.")
    every: Duration = Field(description="In how long that much goes: 30d.")


class DecayMap(Strict):
    """How the points of an activity go with time; one of the three."""

    linear: LinearMap | None = Field(
        None, description="10 points at 50 percent every 30d: 5 then, later none."
    )
    half_life: Duration | None = Field(None, description="In this time half of what is left goes: 14d.")
    expires_after: Duration | None = Field(None, description="All of it goes at once, this long after: 30d.")


def _decay(value: Any) -> Any:
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        time = value if isinstance(value, str) and value[:1].isdigit() else "14d"
        linear = f"{{linear: {{percent: 50, every: {time}}}}}"
        fix = (
            f"Write {{half_life: {time}}}, {{expires_after: {time}}} or {linear}; left out, the points stay."
        )
        raise ValueError(f'how the points go is expected here, not "{value}"', fix)
    return value


class ScoreRuleMap(Strict):
    """Points for a fact (when) or for what a person did (activity)."""

    name: Text = Field(description="The reason, as people will read it.")
    group: Text = Field(description="The group in which the points count.")
    points: int = Field(ge=-100, le=100, description="Points; less than 0 takes some away.")
    when: Condition | None = Field(None, description="The points count while the lead satisfies this.")
    activity: str = Field("", description="The points count for each time the lead did this.")
    max_times: int = Field(1, ge=1, le=1000, description="How often the activity counts; left out, once.")
    per: Duration | None = Field(None, description="max_times holds for any such time (7d), not for ever.")
    unique_by: Literal["detail"] | None = Field(None, description="detail: the same form counts once.")
    decay: Annotated[DecayMap | None, BeforeValidator(_decay, json_schema_input_type=DecayMap | None)] = (
        Field(None, description="How the points go with time; left out, they stay.")
    )


class BandMap(Strict):
    """A range of the score with a name."""

    up: int = Field(ge=0, le=100, description="With this score a lead rises into the band, at once.")
    down: int | None = Field(
        None, ge=0, le=100, description="Below this score it falls out; left out: below up."
    )
    after: Duration | None = Field(
        None, description="It falls once the score has been too low for so long: 7d. Left out: at once."
    )


class WriteScoreMap(Strict):
    """When the CRMs are told of a score; within leadrelay it is always exact."""

    points: int = Field(
        5,
        ge=1,
        le=100,
        description="They are told when it is so many points away from what they were told last.",
    )


class ScoringFile(Strict):
    """The scoring model; the caps of the groups add up to 100."""

    groups: dict[str, GroupMap] = Field(min_length=1, description="Name: its share of the score.")
    rules: list[ScoreRuleMap] = Field(min_length=1, description="What gives points.")
    bands: dict[Text, BandMap] = Field(
        default_factory=dict, description="Name: a range of the score; a lead has the field band."
    )
    grade: dict[str, dict[Text, int]] = Field(
        default_factory=dict,
        description="Two groups, each with marks and their least points; a lead has the field grade (A1).",
    )
    sign_off: Names = Field(
        default_factory=list,
        description="Who must sign off a change of thresholds (apply --signed-off-by); left out: nobody.",
    )
    write_back: WriteScoreMap | None = Field(
        None, description="When the CRMs are told of a score; left out: of every change."
    )
