"""The control endpoints that only HubSpot has: the apps that may be connected."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import Blueprint, jsonify, request

from sandbox.vendor import Refused

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from sandbox.hubspot.account import HubSpot


def add_to(routes: Blueprint, account: HubSpot) -> None:
    """Register the endpoints under /__sandbox."""

    @routes.get("/apps")
    def apps() -> ResponseReturnValue:
        """The apps that are known."""
        return jsonify(apps=[app.as_json() for app in account.apps.by_client.values()])

    @routes.post("/apps")
    def register() -> ResponseReturnValue:
        """Make an app known, or change one; what is left out is made up."""
        with account.lock:
            return jsonify(account.apps.register(body_in()).as_json()), 201


def body_in() -> dict[str, Any]:
    """The JSON object that was sent."""
    sent = request.get_json(silent=True, force=True)
    if not isinstance(sent, dict):
        raise Refused(400, "bad_json", "the body is no JSON object", "Send a JSON object.")
    return sent
