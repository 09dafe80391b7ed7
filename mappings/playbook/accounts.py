"""Which domains stand for companies, and when a lead is matched to one by other evidence."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

from model.decision import Place


@dataclass(frozen=True, slots=True)
class AccountMatch:
    """When a lead whose domain names no known account is matched by evidence of several fields."""

    same: float  # from this probability on it belongs there
    review: float  # from this one on a person is asked
    only: tuple[str, ...]  # what an account must have: "customer", "open_deal", "owner"
    tie_breakers: tuple[str, ...]  # of several that are sure
    fallback: str  # "domain" | "none": what becomes of the lead while a person is asked
    place: Place


@dataclass(frozen=True, slots=True)
class Accounts:
    """Which domains stand for a company."""

    shared_domains: frozenset[str] = frozenset()  # of many companies or of none
    aliases: Mapping[str, str] = dataclasses.field(default_factory=dict)  # domain -> the company's main one
    match: AccountMatch | None = None  # without it the domain alone decides
