"""People first: who opted out is not tasked and not messaged, and what somebody agreed to. Pure.

A lead field ``consent_<purpose>`` says how a purpose stands: yes, no, or blank where nobody has asked.
``consent_<purpose>_confirmed`` says that the yes was confirmed from the person's own mailbox.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from model.event import JsonValue
from model.lead import OPT_OUT, Lead, Provenance

GRANTED, WITHDRAWN = "granted", "withdrawn"
REQUESTED, CONFIRMED = "requested", "confirmed"  # of a double opt-in
ACTS = (GRANTED, WITHDRAWN, REQUESTED, CONFIRMED)

EVERYTHING = "*"
"""The purpose of an opt-out: none of them."""

CONSENT_TEXT = "consent_text"
"""The lead field that says which version of the words a form showed, where the form says so."""

MAILBOX = "double_opt_in"
"""The source of a yes that was confirmed by a link in a mail."""


@dataclass(frozen=True, slots=True)
class Consenting:
    """One thing that somebody said of a purpose, as the ledger keeps it for ever."""

    purpose: str
    act: str  # of ``ACTS``
    source: str  # a source, a connection, ``PERSON`` or ``MAILBOX``
    said_at: datetime
    text_version: str = ""
    basis: str = ""  # the legal basis, by the playbook of then
    counts: bool = True  # it says how the purpose stands from then on; else something newer did
    by: str = ""  # who noted it here, where a person did


def field_of(purpose: str) -> str:
    """Return the lead field that says how a purpose stands."""
    return f"consent_{purpose}"


def confirmed_field_of(purpose: str) -> str:
    """Return the lead field that says that the yes was confirmed."""
    return f"consent_{purpose}_confirmed"


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


def why_kept(known: JsonValue, origin: Provenance | None, said: JsonValue, at: datetime) -> str:
    """Return why what is known of a purpose stands against what somebody said at that moment; blank if not.

    The later word counts, and of two at the same moment the no. Whoever has the authority over
    the field: a no is lifted by what the person says later, and by nothing else, and no yes of a CRM's
    people outlasts a no of the person's own.
    """
    if known is None or origin is None:
        return ""
    if known is not True and said is True and at <= origin.at:
        return f"a no of {origin.at:%Y-%m-%d %H:%M} UTC stands against what was said before it"
    if at < origin.at and not (said is False and origin.by_people):
        return f"{origin.source} said something newer (event {origin.event})"
    return ""
