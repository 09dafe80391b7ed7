"""Which leads are joined without a person, and what stands in the way of it; pure."""

from __future__ import annotations

from mappings.matcher.learning import ENOUGH_PAIRS
from mappings.matcher.model import Evidence, Verdict
from mappings.matcher.weighing import model_of
from mappings.playbook import LEARNED, Matching

CONTRADICTS = -3.0
"""Bits: one field that makes one person eight times less likely is a contradiction, whatever else agrees.

Judgement: of the shipped weights another first or last name, city, postal code, date or number is one, and
another phone, mailbox, company or country by itself is none, for people have several or change them.
"""


def is_sure(matching: Matching, verdict: Verdict) -> bool:
    """Say whether two are so likely one person that nobody needs to be asked."""
    return matching.same is not None and verdict.probability >= matching.same


def why_unlearned(matching: Matching) -> str:
    """Say why the weights are none to join by; blank where they are, or the playbook wants these."""
    if matching.same_weights != LEARNED or (pairs := model_of(matching).pairs) >= ENOUGH_PAIRS:
        return ""
    if pairs == 0:
        return "the weights are the shipped ones, not learned"
    return f"the weights were learned from {pairs} pairs, and {ENOUGH_PAIRS} are needed"


def contradictions(verdict: Verdict) -> list[Evidence]:
    """Return what speaks so much against one person that nothing else outweighs it, the weightiest first."""
    against = (one for one in verdict.evidence if one.weight <= CONTRADICTS)
    return sorted(against, key=lambda one: (one.weight, one.name))


def why_asked(matching: Matching, verdict: Verdict) -> str:
    """Say why a person is asked about two who are sure all the same; blank where nothing is in the way."""
    if why := why_unlearned(matching):
        return why
    against = contradictions(verdict)
    return f"{', '.join(one.text for one in against)} speaks against it" if against else ""
