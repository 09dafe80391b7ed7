"""lifecycle.yaml"""

from __future__ import annotations

from pydantic import Field

from mappings.schema.words import Condition, Name, Names, Strict, Text


class StageMap(Strict):
    """One lifecycle stage."""

    name: Name = Field(description="The stage, as rules and CRM maps name it.")
    definition: Text = Field(description="What is true of a lead in this stage.")
    team: Text = Field(description="Who acts on it.")


class StageRuleMap(Strict):
    """What moves a lead forward; all that is given must hold."""

    to: Text = Field(description="The stage that the lead enters.")
    name: Text = Field(description="The reason, as people will read it.")
    min_score: int | None = Field(None, ge=0, description="The score has reached this.")
    when: Condition | None = Field(None, description="The lead satisfies this condition.")
    activity: Names = Field(default_factory=list, description="The lead did one of these at least once.")


class LifecycleFile(Strict):
    """The stages in their order in life, and what moves a lead forward."""

    start: Text = Field(description="The stage in which every lead begins.")
    stages: list[StageMap] = Field(min_length=1, description="The stages, in their order in life.")
    rules: list[StageRuleMap] = Field(default_factory=list, description="What moves a lead forward.")
