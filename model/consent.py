"""People first: who opted out is not tasked and not messaged. The one place that says so; pure."""

from __future__ import annotations

from model.event import JsonValue
from model.lead import OPT_OUT, Lead


def why_not(lead: Lead) -> str:
    """Return why nobody may be sent to this person or about them; blank where they may."""
    if lead.fields.get(OPT_OUT) is not True:
        return ""
    origin = lead.provenance.get(OPT_OUT)
    if origin is None:
        return "the person opted out"
    return f"the person opted out: {origin.source} said so, {origin.at:%Y-%m-%d %H:%M} UTC"


def is_taken_back(known: JsonValue, said: JsonValue) -> bool:
    """Say whether a value would lift an opt-out: that is a person's to do, never a form's or a CRM's."""
    return known is True and said is not True
