"""Territories and pools."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mappings.playbook.condition import Condition
from model.decision import Place


@dataclass(frozen=True, slots=True)
class Member:
    """A teammate in a pool; twice the weight is twice the leads."""

    email: str
    weight: float
    place: Place


@dataclass(frozen=True, slots=True)
class Pool:
    """People who take leads in turn."""

    name: str
    members: tuple[Member, ...]
    place: Place


@dataclass(frozen=True, slots=True)
class Territory:
    """Leads that match ``when`` go to ``pool`` or to ``owner``; the first territory that matches wins."""

    name: str
    when: Condition
    place: Place
    pool: str = ""
    owner: str = ""


@dataclass(frozen=True, slots=True)
class Routing:
    """Who gets which lead."""

    territories: tuple[Territory, ...]
    pools: Mapping[str, Pool]
    fallback_pool: str
    fallback_place: Place
    place: Place
    from_stage: str = ""  # leads get an owner from this stage on; blank: at once
