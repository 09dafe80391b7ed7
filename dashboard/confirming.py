"""The page behind the link of a double opt-in: what is agreed to, and a button. Nobody signs in to it.

Looking at it changes nothing, for mail scanners open links; only the button's POST does.
"""

from __future__ import annotations

from functools import partial

import structlog
from flask import Blueprint, Response, render_template, request
from flask.typing import ResponseReturnValue

from dashboard.doors import HEADERS
from dashboard.house import House
from mappings.playbook import ConfirmPage, Purpose
from model.consent import CONFIRMED, confirmed_field_of, field_of, why_not
from model.errors import StoreBusy
from sync import consents, inbox, joins, leads
from sync.links_of_consent import PATH, Asked, ConsentLinks

log = structlog.get_logger("leadrelay.http")

LONGEST_TOKEN = 2_000  # characters
PLAIN = ConfirmPage()


def blueprint(house: House, links: ConsentLinks | None) -> Blueprint:
    """Build the page; without ``links`` nobody was sent any, and it knows none."""
    routes = Blueprint("confirming", __name__, template_folder="templates")

    @routes.after_request
    def close(answer: Response) -> Response:
        for name, value in HEADERS.items():
            answer.headers[name] = value
        answer.headers["Cache-Control"] = "no-store"
        answer.headers["Referrer-Policy"] = "no-referrer"
        answer.headers["X-Robots-Tag"] = "noindex"
        return answer

    @routes.route(f"{PATH}<token>", methods=["GET", "POST"])
    def confirm(token: str) -> ResponseReturnValue:
        """Show what is to be confirmed, or confirm it."""
        request.max_content_length = 1_024
        asked = links.read(token) if links is not None and len(token) <= LONGEST_TOKEN else None
        now = house.clock.now()
        found = _standing(house, asked) if asked is not None and now < asked.expires_at else None
        words = _words(house, asked)
        show = partial(render_template, "dashboard/confirm.html", words=words)
        if asked is None or found is None:
            return show(state="over"), 404
        purpose, lead_id, is_confirmed = found
        if is_confirmed or request.method != "POST":  # scanners of mail look by GET and by HEAD
            state = "done" if is_confirmed else "asked"
            text = (purpose.shown_at(now) or purpose.texts[0]).text
            return show(state=state, purpose=purpose, text=text)
        event = consents.event_of(
            lead_id,
            purpose.name,
            CONFIRMED,
            space=house.space,
            by="",
            now=now,
            request=asked.request,
        )
        try:
            inbox.append(house.store, [event])
        except StoreBusy:
            return show(state="busy"), 503, {"Retry-After": "5"}
        log.info("consent.confirmed", lead=lead_id, purpose=purpose.name)
        return show(state="done", purpose=purpose)

    return routes


def _words(house: House, asked: Asked | None) -> ConfirmPage:
    """Return the words of the purpose that a link is about; English ones where that is not known."""
    purpose = house.playbook().consent.purposes.get(asked.purpose) if asked else None
    return purpose.confirm.page if purpose and purpose.confirm else PLAIN


def _standing(house: House, asked: Asked) -> tuple[Purpose, str, bool] | None:
    """Return the purpose, whose it is by now, and whether it is confirmed; ``None`` where it cannot be.

    The lead must have the address that the mail went to, and agree still. A link is good once: where the
    person said no after it and then yes again, that yes has a mail of its own.
    """
    purpose = house.playbook().consent.purposes.get(asked.purpose)
    if purpose is None:
        return None
    with house.reading() as snapshot:
        lead_id = joins.present_ids(snapshot, [asked.lead_id]).get(asked.lead_id, asked.lead_id)
        lead = leads.load(snapshot, [lead_id], ledgers=False).get(lead_id)
        whose = {asked.lead_id, lead_id}
        is_used = consents.is_used(snapshot, house.space, whose, purpose.name, asked.request)
    if lead is None or not asked.is_for(lead.fields.get("email")) or why_not(lead):
        return None
    if lead.fields.get(field_of(purpose.name)) is not True:
        return None
    is_confirmed = lead.fields.get(confirmed_field_of(purpose.name)) is True
    return None if is_used and not is_confirmed else (purpose, lead_id, is_confirmed)
