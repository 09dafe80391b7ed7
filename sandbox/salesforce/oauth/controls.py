"""The control endpoints of the apps that may sign in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response, jsonify

from sandbox.reading import sent_json
from sandbox.salesforce.oauth.apps import BadApp, app_of
from sandbox.vendor import Refused

if TYPE_CHECKING:
    from sandbox.salesforce.org import Org


def add_controls_to(routes: Blueprint, org: Org) -> None:
    """Add the control endpoints of the apps, under /__sandbox."""

    @routes.get("/apps")
    def apps() -> Response:
        """The apps that may sign in."""
        return jsonify(apps=[app.as_json() for app in org.apps.values()])

    @routes.post("/apps")
    def register() -> tuple[Response, int]:
        """Register an app, or change the settings of one."""
        given: Any = sent_json()
        try:
            if not isinstance(given, dict):
                raise BadApp("the body is no JSON object")
            with org.lock:
                app = app_of(given, org.apps.get(str(given.get("client_id"))))
                org.apps[app.client_id] = app
        except (BadApp, TypeError) as error:
            raise Refused(
                400, "bad_app", str(error), "See docs/sandbox.md for the settings of an app."
            ) from None
        return jsonify(app.as_json()), 201
