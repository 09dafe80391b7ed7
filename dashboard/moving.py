"""The form by which a person moves a lead to another stage."""

from __future__ import annotations

from flask import g, request

from dashboard.house import House
from mappings.offering import ruling
from model.lead import Lead
from sync import inbox
from sync.stage_moves import move_event


def move(house: House, lead: Lead) -> str:
    """Take a person's word as an event; return why not, where the move is not possible as it stands."""
    to, seen = request.form.get("stage", ""), request.form.get("from", "")
    reason = request.form.get(f"reason-{to}", "").strip()
    if not to:
        return "No stage was chosen."
    if seen != (lead.stage or ""):
        return f"The lead is in {lead.stage} now, not in {seen} as when you looked. Nothing was done."
    found = ruling(house.playbook().lifecycle, lead, to, reason)
    if not found.allowed:
        return f"The lead was not moved: {found.why}."
    note = request.form.get("note", "")
    event = move_event(house.space, lead, to, reason=reason, note=note, by=g.who, now=house.clock.now())
    inbox.append(house.store, [event])
    return ""
