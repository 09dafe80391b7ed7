"""The endpoints that take form submissions; HubSpot has them on a host of their own, api.hsforms.com."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, Response

from sandbox.app import answer
from sandbox.hubspot import render
from sandbox.hubspot.errors import PORTAL_ID, ApiError
from sandbox.hubspot.forms import not_valid, problems_of, submit

if TYPE_CHECKING:
    from sandbox.hubspot.account import HubSpot

BASE = "/submissions/v3/integration"
CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "POST, OPTIONS",
    "Access-Control-Allow-Headers": "Content-Type",
}
TOO_MANY = "error code: 1015"  # plain text, from the edge


def add_to(api: Blueprint, account: HubSpot) -> None:
    """Register the open endpoint, and the one for bearers of a token."""

    def take(portal_id: int, form_guid: str) -> Response:
        sent = render.body()
        with account.lock:
            form = account.forms.get(form_guid)
            if form is None or portal_id != PORTAL_ID:
                raise ApiError(404, f"No form was found for {portal_id}/{form_guid}.", None)
            problems = list(problems_of(account, form, sent))
            if problems:
                raise not_valid(problems)
            submit(account.objects["contacts"], form, sent)
        if form.redirect_uri:
            return answer({"redirectUri": form.redirect_uri})
        return answer({"inlineMessage": "Thanks for submitting the form."})

    def open_take(portal_id: int, form_guid: str) -> Response:
        with account.lock:
            refused = account.submissions.take(account.faults.limits["forms_per_10s"], account.clock.now())
        response = (
            Response(TOO_MANY, 429, mimetype="text/plain") if refused else _answered(portal_id, form_guid)
        )
        response.headers.extend(CORS)
        return response

    def _answered(portal_id: int, form_guid: str) -> Response:
        try:
            return take(portal_id, form_guid)
        except ApiError as error:  # with the headers of the open endpoint
            return account.refuse(error)

    def preflight(portal_id: int, form_guid: str) -> Response:  # noqa: ARG001
        return Response(status=204, headers={**CORS, "Access-Control-Max-Age": "600"})

    rule = f"{BASE}/submit/<int:portal_id>/<form_guid>"
    api.add_url_rule(rule, "form submit", open_take, methods=["POST"], provide_automatic_options=False)
    api.add_url_rule(rule, "form preflight", preflight, methods=["OPTIONS"], provide_automatic_options=False)
    secure = f"{BASE}/secure/submit/<int:portal_id>/<form_guid>"
    api.add_url_rule(secure, "submit", take, methods=["POST"])
