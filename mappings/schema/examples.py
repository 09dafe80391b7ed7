"""tests/*.yaml"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from mappings.schema.words import Duration, Names, Scalar, Strict, Text


class PostMap(Strict):
    """What somebody sends."""

    source: Text = Field(description="The source that it is posted to.")
    body: dict[str, Any] = Field(description="The sender's fields, as they would be posted.")
    query: dict[str, str] = Field(
        default_factory=dict, description="The query of the address, if it has one."
    )
    headers: dict[str, str] = Field(
        default_factory=dict, description="Headers that a source may read: referer, user-agent, origin."
    )
    later: Duration = Field("1m", description="How long after the post before.")


class ExpectMap(Strict):
    """What is to be true after the last post; what is left out is not looked at."""

    outcome: Literal["new", "merged", "review", "quarantined", "spam"] | None = Field(
        None, description="What becomes of the last post."
    )
    lead: dict[str, Scalar] = Field(
        default_factory=dict,
        description='Lead field: its value; null is blank. Dotted for touches ("first_touch.source").',
    )
    pool: str | None = Field(None, description="The pool whose turn gave the lead its owner.")
    crm: dict[str, dict[str, Scalar]] = Field(
        default_factory=dict, description="Connection: its fields and what a new record would hold there."
    )
    because: Names = Field(
        default_factory=list, description="Texts, each of which is part of a reason of the last post."
    )
    because_not: Names = Field(
        default_factory=list, description="Texts that are part of no reason of the last post."
    )
    asks: Names | None = Field(None, description="What people are asked, in any order; [] is nothing.")
    tasks: Names | None = Field(
        None, description="The rules of follow_up.yaml whose tasks are made; [] is none."
    )
    messages: Names | None = Field(
        None, description="The rules of notifications.yaml whose messages are sent; [] is none."
    )


class ExampleMap(Strict):
    """An example of what the playbook does."""

    name: Text = Field(description="What is shown, as people will read it.")
    begins: str = Field(
        "", description="When the first post comes: 2026-12-25T10:00Z; left out, a Wednesday noon of January."
    )
    posts: list[PostMap] = Field(min_length=1, description="What is sent, in this order.")
    expect: ExpectMap = Field(description="What is to be true then.")


class ExamplesFile(Strict):
    """Examples of what the playbook does, which `leadrelay test` tries."""

    examples: list[ExampleMap] = Field(
        min_length=1, description="The examples; each begins with nobody known."
    )
