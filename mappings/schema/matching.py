"""matching.yaml, match_weights.yaml"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from mappings.schema.words import Names, Strict, Text

How = Literal["name", "text", "company", "code", "number", "date", "choice"]
Survives = Literal["newest", "oldest", "longest", "most_complete", "max", "min", "human"]
TieBreaker = Literal[
    "customer", "open_deal", "owner", "same_country", "active_last", "most_complete", "oldest"
]
Share = Annotated[float, Field(gt=0, lt=1)]


class SameLimits(Strict):
    """How many leads are joined without a person."""

    per_hour: Annotated[int, Field(ge=1)] = Field(default=10, description="In any hour at most so many.")
    per_day: Annotated[int, Field(ge=1)] = Field(default=50, description="In any 24 hours at most so many.")


class MatchingFile(Strict):
    """Which leads people are asked about, whether the two are one person, and which are joined unasked."""

    review: Annotated[float, Field(ge=0.5, lt=1)] = Field(
        default=0.95, description="How likely two leads must be one person before somebody is asked."
    )
    same: Annotated[float, Field(ge=0.9, lt=1)] | None = Field(
        default=None,
        description="How likely two leads must be one person to be joined unasked; left out: none are.",
    )
    same_limits: SameLimits | None = Field(
        default=None, description="How many are joined unasked at most; a person is asked about the others."
    )
    same_weights: Literal["learned", "shipped"] | None = Field(
        default=None,
        description="By which weights: learned (the default) or shipped, which are judgement, too.",
    )
    never_across: Names = Field(
        default_factory=list, description="Lead fields: nobody is asked about two who differ in one of them."
    )
    tie_breakers: list[TieBreaker] | None = Field(
        default=None,
        description="Which of several leads that are one person comes first: the first in which they differ.",
    )
    compare: dict[Text, How] = Field(
        default_factory=dict,
        description="Lead fields of your own that are compared, too, and how: birth_date: date.",
    )
    survivorship: dict[Text, Survives] = Field(
        default_factory=dict,
        description="Lead field: which of two values stays when people say that two leads are one person.",
    )
    trust: dict[Text, Names] = Field(
        default_factory=dict,
        description="Lead field: sources, connections, providers whose word stays, the first one first.",
    )


class LevelWeight(Strict):
    """How often a level is found."""

    m: Share = Field(description="Among pairs of one person.")
    u: Share = Field(description="Among candidate pairs of two people.")


class MatchWeightsFile(Strict):
    """What evidence weighs, as leadrelay match learn writes it."""

    pairs: Annotated[int, Field(gt=0)] = Field(description="Candidate pairs that it was learned from.")
    prior: Share = Field(description="Share of the candidate pairs that are one person.")
    fields: dict[Text, dict[Text, LevelWeight]] = Field(description="Comparison: its levels.")
