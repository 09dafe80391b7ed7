"""What of an event is a reason to tell somebody, and the words for why it happened. Pure."""

from __future__ import annotations

from handlers.base import Context
from mappings.truth import CAUSED
from model.event import JsonValue
from model.lead import RULE, Lead

TELLING = ("score", "qualify", "assign")
"""Handlers whose because-lines say why a lead is worth a person's time."""

MOST_REASONS = 8
LONGEST_REASON = 200


def assignment(lead: Lead, context: Context) -> str:
    """Return the name of the assignment that a rule made in this event; blank if it made none.

    An owner whom a person chose in a CRM is no cause: that person knows.
    """
    origin = lead.provenance.get("owner")
    if not lead.owner or origin is None or origin.source != RULE or origin.event != context.event_id:
        return ""
    return f"assignment-{origin.event}"


def stage_entry(lead: Lead, context: Context) -> str:
    """Return the name of the stage that the lead entered in this event; blank if it entered none."""
    origin = lead.provenance.get("stage")
    if not lead.stage or origin is None or origin.event != context.event_id:
        return ""
    return f"stage-{lead.stage}-{origin.event}"


def post(_lead: Lead, context: Context) -> str:
    """Return the name of the post that this event is; blank if it is none."""
    return f"post-{context.event_id}" if context.event is not None else ""


CAUSES = {"assignment": assignment, "stage": stage_entry, "post": post}


def facts_of(lead: Lead, context: Context) -> dict[str, JsonValue]:
    """Return which causes there are in this event, for who asks what each rule was worth."""
    return {CAUSED: [name for name, find in CAUSES.items() if find(lead, context)]}


def reasons_of(context: Context) -> list[str]:
    """Return why, as the handlers before said it: at most ``MOST_REASONS`` lines."""
    told = [one.because.text[:LONGEST_REASON] for one in context.reasons if one.handler in TELLING]
    return told[:MOST_REASONS]
