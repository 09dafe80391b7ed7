"""What a person may say of a lead whose score does not tell enough, and whether it can be done. Pure."""

from __future__ import annotations

from mappings.moving import PAGE, Ruling, judge
from mappings.playbook import Lifecycle
from model.lead import IN_REVIEW, Lead

KIND = "borderline"
"""Of the reviews that ask whether a lead in the band is approved or disqualified."""

APPROVE, DISQUALIFY = "approve", "disqualify"
VERDICTS = {APPROVE: "approved", DISQUALIFY: "disqualified"}


def is_before(lifecycle: Lifecycle, stage: str | None) -> bool:
    """Say whether a lead in this stage is still to be approved."""
    review = lifecycle.review
    if review is None or lifecycle.is_beside(stage) or lifecycle.is_end(stage):
        return False
    return 0 <= lifecycle.order(stage) < lifecycle.order(review.approve)


def ruling(lifecycle: Lifecycle, lead: Lead, verdict: str, reason: str) -> Ruling:
    """Say whether a person's verdict can be followed, and why not."""
    review = lifecycle.review
    if review is None:
        return Ruling(allowed=False, why="the playbook has no review any more")
    if lead.fields.get(IN_REVIEW) is not True:
        return Ruling(allowed=False, why="the lead does not wait for a review (any more)")
    if verdict == APPROVE:
        return judge(lifecycle, lead, review.approve, PAGE)
    if verdict != DISQUALIFY:
        return Ruling(allowed=False, why=f"{verdict} is no answer: approve, disqualify")
    if reason not in review.reasons:
        said = f'"{reason}" is none of the reasons' if reason else "a reason is missing"
        return Ruling(allowed=False, why=f"{said}: {', '.join(review.reasons)}")
    return judge(lifecycle, lead, review.disqualify, PAGE, {review.reason: reason})
