"""The control endpoints that only HubSpot has: its apps, its forms, and what it sends."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from flask import Blueprint, jsonify, request

from sandbox.hubspot import shapes
from sandbox.hubspot.acts import as_refusal
from sandbox.hubspot.apps import APP_ID
from sandbox.hubspot.forms import FIELDS, Form
from sandbox.hubspot.webhooks.subscriptions import CONCURRENT
from sandbox.hubspot.webhooks.workflow import action_of
from sandbox.reading import sent_json, whole_number
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
        told = body_in()
        with account.lock, as_refusal():
            return jsonify(account.apps.register(told).as_json()), 201

    @routes.get("/forms")
    def forms() -> ResponseReturnValue:
        """The forms and what came in through them."""
        return jsonify(forms=[form.as_json() for form in account.forms.values()])

    @routes.post("/forms")
    def set_form() -> ResponseReturnValue:
        """Make a form, or change one of that guid."""
        told = body_in()
        made = Form(str(told.get("guid") or uuid.uuid4()), str(told.get("name") or "Form"))
        with as_refusal():
            made.fields = shapes.texts(told.get("fields")) or FIELDS
            made.required = shapes.texts(told.get("required"))
        made.redirect_uri = str(told.get("redirect_uri") or "")
        with account.lock:
            account.forms[made.guid] = made
        return jsonify(made.as_json()), 201

    @routes.get("/webhooks")
    def webhooks() -> ResponseReturnValue:
        """The hooks of an app, what waits, and what was sent, the latest last."""
        app_id = whole_number(request.args.get("app_id", str(APP_ID))) or APP_ID
        return jsonify(_shown(account, app_id) | {"deliveries": list(account.desk.sender.deliveries)})

    @routes.post("/webhooks")
    def set_webhooks() -> ResponseReturnValue:
        """Replace the hooks of an app: where events go, and of what; all are active at once."""
        told = body_in()
        with account.lock, as_refusal():
            app_id = shapes.whole(told.get("app_id") or APP_ID)
            if account.apps.by_id(app_id) is None:
                raise Refused(
                    404, "no_such_app", f"there is no app {app_id}", "Register it at /__sandbox/apps."
                )
            hooks = account.desk.of(app_id)
            hooks.by_number.clear()
            hooks.configure(str(told.get("target_url", "")), CONCURRENT, at=account.now())
            for row in shapes.texts(told.get("subscriptions")):
                event_type, _, name = row.partition(":")
                named = {"propertyName": name or None, "active": True}
                hooks.subscribe(_type_of(event_type) | named, at=account.now())
            return jsonify(_shown(account, app_id))

    _add_workflow(routes, account)

    @routes.post("/webhooks/flush")
    def flush() -> ResponseReturnValue:
        """Send at once what is due."""
        return jsonify(calls=account.desk.sender.flush(), **account.desk.sender.counts())


def _add_workflow(routes: Blueprint, account: HubSpot) -> None:
    @routes.post("/webhooks/workflow")
    def workflow() -> ResponseReturnValue:
        """Send what a workflow's webhook sends of a record; the answer tells what came of it."""
        told = body_in()
        with account.lock:
            action = action_of(account, told)
        return jsonify(action.send())


def _type_of(text: str) -> dict[str, Any]:
    """ "object.creation/0-136" names the type of a generic subscription."""
    event_type, _, type_id = text.partition("/")
    return {"eventType": event_type, "objectTypeId": type_id or None}


def _shown(account: HubSpot, app_id: int) -> dict[str, Any]:
    hooks = account.desk.of(app_id)
    return {
        "app_id": app_id,
        "target_url": hooks.settings.target_url if hooks.settings else None,
        "subscriptions": [one.as_json() for one in hooks],
        **account.desk.sender.counts(),
    }


def body_in() -> dict[str, Any]:
    """The JSON object that was sent."""
    sent = sent_json()
    if not isinstance(sent, dict):
        raise Refused(400, "bad_json", "the body is no JSON object", "Send a JSON object.")
    return sent
