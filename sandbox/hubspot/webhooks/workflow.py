"""What a workflow's action "Send a webhook" sends of one record, signed as version 2."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sandbox.hubspot import render, shapes
from sandbox.hubspot.acts import as_refusal
from sandbox.hubspot.apps import APP_ID, App
from sandbox.hubspot.errors import bad_request
from sandbox.hubspot.webhooks import signatures
from sandbox.hubspot.webhooks.sender import USER_AGENT, call
from sandbox.hubspot.webhooks.subscriptions import check_target
from sandbox.vendor import Refused

if TYPE_CHECKING:
    from sandbox.hubspot.account import HubSpot

TIMEOUT_S = 30.0
METHODS = ("POST", "GET")


@dataclass(frozen=True, slots=True)
class Action:
    """One call that is to be made; a GET has no body."""

    app: App
    method: str
    url: str
    body: str

    def send(self) -> dict[str, Any]:
        """Make the call, once, and tell what came of it: a status, or in words why there was none."""
        headers = {
            "User-Agent": USER_AGENT,
            "X-HubSpot-Signature": signatures.v2(self.app.client_secret, self.method, self.url, self.body),
            "X-HubSpot-Signature-Version": "v2",
        }
        if self.body:
            headers["Content-Type"] = "application/json"
        outcome = call(self.method, self.url, self.body, headers, TIMEOUT_S)
        return {"method": self.method, "url": self.url, "body": self.body, "outcome": outcome}


def action_of(account: HubSpot, told: Mapping[str, Any]) -> Action:
    """The action that a control request describes. Callers hold the vendor's lock."""
    with as_refusal():
        app = account.apps.by_id(shapes.whole(told.get("app_id") or APP_ID))
        method, url = (shapes.text(told.get("method")) or "POST").upper(), shapes.text(told.get("url"))
        check_target(url)
        objects = account.of(shapes.text(told.get("object")))
        record = objects.find(shapes.text(told.get("id")))
        names = shapes.texts(told.get("properties"))
        if method not in METHODS:
            raise bad_request(f"{method} is no method of a workflow's webhook; known: {', '.join(METHODS)}.")
    if app is None or record is None:
        what = "app" if app is None else "record"
        raise Refused(404, f"no_such_{what}", f"there is no such {what}", "Name one that is there.")
    sent = {name: record.values.get(name) for name in names} if names else render.created(objects, record)
    body = json.dumps(sent, separators=(",", ":"), ensure_ascii=False) if method == "POST" else ""
    return Action(app, method, url, body)
