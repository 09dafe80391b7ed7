"""The form by which a person has the mask of one lead, or of one post, lifted for themselves."""

from __future__ import annotations

from functools import partial

from flask import g, request

from dashboard.house import House
from model.errors import LeadRelayError, Refused, StoreBusy
from sync import access, unmasking


def unmask(house: House, *, lead_id: str | None = None, event: int | None = None) -> str:
    """Lift the mask and put it on record; return why not, where the form lacks a reason.

    ``Refused`` (403) for a role that may not.
    """
    if g.role != access.ADMIN:
        fix = "Who runs leadrelay can change your role: leadrelay user role NAME admin."
        raise Refused(403, "role", "Your role may not see personal data that is masked", fix)
    playbook = house.playbook()
    lift = partial(
        unmasking.lift,
        space=house.space,
        by=g.who,
        reason=request.form.get("reason", ""),
        now=house.clock.now(),
        playbook=(playbook.version, playbook.number),
        lead_id=lead_id,
        event=event,
    )
    try:
        house.store.write(lift)
    except StoreBusy:
        raise
    except LeadRelayError as error:
        return str(error)
    return ""
