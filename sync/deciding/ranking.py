"""Which of several leads that are one person comes first: the tie-breakers of the playbook in order; pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from mappings.playbook import TOP_STAGE, Matching
from model.lead import DECIDED_FIELDS, Lead

Group = Sequence[Lead]


class TieBreaker(NamedTuple):
    """One way to tell leads apart: what is said of who comes first by it, and the rank of one among all."""

    words: str
    rank: Callable[[Lead, Group], Any]


def first_of(leads: Group, matching: Matching | None) -> tuple[Lead, str]:
    """Return the first by the tie-breakers, and which one decided, in words; at last the lesser id does."""
    left = list(leads)
    for name in (matching or Matching()).tie_breakers:
        words, rank = TIE_BREAKERS[name]
        ranks = [rank(lead, leads) for lead in left]
        best = max(ranks)
        left = [lead for lead, each in zip(left, ranks, strict=True) if each == best]
        if len(left) == 1:
            return left[0], words
    return min(left, key=lambda lead: lead.id), "has the lesser id"


def _same_country(lead: Lead, group: Group) -> int:
    """Return how many of the group are of the lead's country; of one without a country none are."""
    country = lead.fields.get("country")
    return sum(one.fields.get("country") == country for one in group) if country else 0


def _last_active(lead: Lead, _group: Group) -> str:
    at = [touch.at for touch in lead.touches] + [act.at for act in lead.activities]
    return max((str(one) for one in at), default="")


def _filled(lead: Lead, _group: Group) -> int:
    said = (value for name, value in lead.fields.items() if name not in DECIDED_FIELDS)
    return sum(value not in (None, "") for value in said)


def _age(lead: Lead, _group: Group) -> float:
    return -lead.created_at.timestamp() if lead.created_at else float("-inf")


TIE_BREAKERS: Mapping[str, TieBreaker] = {
    "customer": TieBreaker("is a customer", lambda lead, _: lead.stage == TOP_STAGE),
    "open_deal": TieBreaker("has an open deal", lambda lead, _: lead.fields.get("deal_outcome") == "open"),
    "owner": TieBreaker("has an owner", lambda lead, _: bool(lead.fields.get("owner"))),
    "same_country": TieBreaker("is of the country of most of them", _same_country),
    "active_last": TieBreaker("was active last", _last_active),
    "most_complete": TieBreaker("has most fields", _filled),
    "oldest": TieBreaker("was there first", _age),
}
"""By their names in matching.yaml."""
