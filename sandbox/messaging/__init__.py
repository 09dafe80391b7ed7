"""Slack, Teams, enrichment and captchas over HTTP and a mailbox over SMTP, as their vendors answer."""

from __future__ import annotations

from flask import Blueprint, Flask, Response

from sandbox.app import build
from sandbox.clock import Clock
from sandbox.messaging import captcha, enrichment, slack_api, slack_hooks, teams
from sandbox.messaging.service import Messaging
from sandbox.messaging.shapes import Answer

PARTS = (slack_hooks, slack_api, teams, enrichment, captcha)


def create_app(clock: Clock | None = None) -> Flask:
    """Make the app of a new account."""
    service, api = Messaging(clock or Clock()), Blueprint("messaging", __name__)

    @api.errorhandler(Answer)
    def refused(refusal: Answer) -> Response:
        """Send the answer that a refusal carries."""
        return refusal.response

    for part in PARTS:
        part.add_to(api, service)
    return build(service, api)
