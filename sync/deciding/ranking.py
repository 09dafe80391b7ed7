"""Which of several leads that are one person comes first: tie-breakers in their order; pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from mappings.playbook import TOP_STAGE
from model.lead import Lead

TIE_BREAKERS: Sequence[tuple[str, Callable[[Lead], Any]]] = (
    ("is a customer", lambda lead: lead.stage == TOP_STAGE),
    ("has an open deal", lambda lead: lead.fields.get("deal_outcome") == "open"),
    ("was active last", lambda lead: _last_active(lead)),
    ("was there first", lambda lead: _age(lead)),
)


def first_of(leads: Sequence[Lead]) -> tuple[Lead, str]:
    """Return the first by the tie-breakers, and which one decided, in words; at last the lesser id does."""
    left = list(leads)
    for words, rank in TIE_BREAKERS:
        ranks = [rank(lead) for lead in left]
        best = max(ranks)
        left = [lead for lead, each in zip(left, ranks, strict=True) if each == best]
        if len(left) == 1:
            return left[0], words
    return min(left, key=lambda lead: lead.id), "has the lesser id"


def _last_active(lead: Lead) -> str:
    at = [touch.at for touch in lead.touches] + [act.at for act in lead.activities]
    return max((str(one) for one in at), default="")


def _age(lead: Lead) -> float:
    return -lead.created_at.timestamp() if lead.created_at else float("-inf")
