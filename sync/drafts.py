"""Drafts: copies that a decision changes while what was read stays as it was."""

from __future__ import annotations

import copy
import hashlib

from model.account import Account
from model.event import StoredEvent
from model.lead import Lead


def new_lead_id(stored: StoredEvent) -> str:
    """Derive a lead's id from the event it is born of, so that the same events give the same leads.

    It begins with the second in which the event came in: rows of new leads then stand together in each
    index, where ids without order would have a large store write a page for each row.
    """
    event = stored.event
    text = "\x1f".join((event.space, event.source, event.event_id))
    lot = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    return f"ld_{int(event.received_at.timestamp()):08x}{lot}"


def copy_of(lead: Lead) -> Lead:
    """Return a draft: changing it leaves the lead as it was."""
    draft = copy.copy(lead)
    draft.fields = dict(lead.fields)
    draft.provenance = dict(lead.provenance)
    draft.identities = set(lead.identities)
    draft.touches = list(lead.touches)
    draft.activities = list(lead.activities)
    draft.engagements = dict(lead.engagements)
    draft.links = dict(lead.links)
    draft.timers = dict(lead.timers)
    draft.asked = set(lead.asked)
    return draft


def copy_of_account(account: Account) -> Account:
    """Return a draft: changing it leaves the account as it was."""
    draft = copy.copy(account)
    draft.fields = dict(account.fields)
    draft.provenance = dict(account.provenance)
    draft.links = dict(account.links)
    return draft
