"""Asks a person about a lead whose score is in the band under review, once for each stay there; pure."""

from __future__ import annotations

from mappings.playbook import Lifecycle
from mappings.reviewing import KIND, is_before
from model.decision import NOTHING, AskReview, Because, Decision, SettleReviews
from model.event import JsonValue
from model.lead import IN_REVIEW, REVIEWED_BAND, Lead


def looked_at(lifecycle: Lifecycle, lead: Lead, stage: str) -> Decision:
    """Ask where the lead needs a verdict; settle what was asked where it needs none any more.

    ``stage`` is where the lead is by now. One that moves, by whomsoever, while its band is under review has
    been judged; it is asked about again only after it has left the band.
    """
    review, band = lifecycle.review, lead.fields.get("band")
    waits, judged = lead.fields.get(IN_REVIEW) is True, lead.fields.get(REVIEWED_BAND)
    if review is None:
        if not waits and judged is None:
            return NOTHING
        return _settled(lead, "the playbook has no review any more", None)
    if band != review.band:
        return _settled(lead, f"out of the band {review.band}", None)
    if waits and judged == review.band:  # asked as one of two leads that became one, judged as the other
        return _settled(lead, "a person has judged it", review.band)
    if waits:
        is_open = is_before(lifecycle, stage)
        return NOTHING if is_open else _settled(lead, f"the lead is in {stage} now", review.band)
    if judged == review.band or not is_before(lifecycle, stage):
        return NOTHING
    because = Because(f"in the band {band}: a person is asked to approve or disqualify", review.place)
    return Decision(
        fields={IN_REVIEW: True, REVIEWED_BAND: None},
        effects=(AskReview(KIND, {"band": review.band}),),
        because=(because,),
    )


def _settled(lead: Lead, why: str, judged: str | None) -> Decision:
    """Ask no more, and remember for which band the lead was judged."""
    fields: dict[str, JsonValue] = {}
    if lead.fields.get(REVIEWED_BAND) != judged:
        fields[REVIEWED_BAND] = judged
    if lead.fields.get(IN_REVIEW) is not True:
        return Decision(fields=fields) if fields else NOTHING
    fields[IN_REVIEW] = False
    return Decision(
        fields=fields, effects=(SettleReviews(KIND),), because=(Because(f"review not needed: {why}"),)
    )
