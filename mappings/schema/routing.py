"""routing.yaml"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from mappings.schema.words import Condition, Label, Strict, Text


class MemberMap(Strict):
    """A teammate in a pool."""

    email: Text = Field(description="The address by which the CRMs know the person.")
    weight: float = Field(1.0, gt=0, le=100, description="2 gets twice as many leads as 1.")


def _member(value: Any) -> Any:
    return {"email": value} if isinstance(value, str) else value


class PoolMap(Strict):
    """People who take leads in turn."""

    members: list[Annotated[MemberMap, BeforeValidator(_member, json_schema_input_type=str | MemberMap)]] = (
        Field(description="Who takes leads, in any order.")
    )


class TerritoryMap(Strict):
    """Which leads go to which pool, or to one person."""

    name: Text = Field(description="The reason, as people will read it.")
    when: Condition = Field(description="Which leads belong here.")
    pool: str = Field("", description="The pool that takes them in turn.")
    owner: str = Field("", description="One person's e-mail, instead of a pool.")


class RoutingFile(Strict):
    """Who gets which lead; the first territory that matches wins."""

    from_stage: str = Field("", description="Leads get an owner from this stage on; left out: at once.")
    territories: list[TerritoryMap] = Field(default_factory=list, description="The first that matches wins.")
    pools: dict[Label, PoolMap] = Field(min_length=1, description="Name: its members.")
    fallback_pool: Text = Field(description="Takes what no territory matches, so that no lead is left alone.")
