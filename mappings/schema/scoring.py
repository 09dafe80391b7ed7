"""scoring.yaml"""

from __future__ import annotations

from pydantic import Field

from mappings.schema.words import Condition, Strict, Text


class GroupMap(Strict):
    """A share of the score."""

    cap: int = Field(ge=0, le=100, description="The most that the rules of this group can give together.")


class ScoreRuleMap(Strict):
    """Points for a fact (when) or for what a person did (activity)."""

    name: Text = Field(description="The reason, as people will read it.")
    group: Text = Field(description="The group in which the points count.")
    points: int = Field(ge=-100, le=100, description="Points; less than 0 takes some away.")
    when: Condition | None = Field(None, description="The points count while the lead satisfies this.")
    activity: str = Field("", description="The points count for each time the lead did this.")
    max_times: int = Field(1, ge=1, le=1000, description="How often the activity counts.")


class ScoringFile(Strict):
    """The scoring model; the caps of the groups add up to 100."""

    groups: dict[str, GroupMap] = Field(min_length=1, description="Name: its share of the score.")
    rules: list[ScoreRuleMap] = Field(min_length=1, description="What gives points.")
