"""The local API: commands that write while the daemon runs hand their events in here."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue

from model.errors import LeadRelayError, Refused, StoreBusy
from model.event import Event, EventKind
from model.times import Clock, from_text
from sync.inbox import Receipt

ALLOWED = (EventKind.REPLAY, EventKind.FORGET)


@dataclass(frozen=True, slots=True)
class Control:
    """What the local API needs of the daemon."""

    append: Callable[[Sequence[Event]], Sequence[Receipt]]
    clock: Clock
    token: str  # from the control file, readable by the daemon's user only
    facts: Callable[[], dict[str, Any]]  # what only the running process knows
    act: Callable[[str, Mapping[str, str]], None]  # one of ``sync.access.ACTS``
    space: str = "main"


def blueprint(control: Control) -> Blueprint:
    """Build the routes under ``/control``; every one asks for the token of the control file."""
    routes = Blueprint("control", __name__, url_prefix="/control")

    @routes.before_request
    def check_token() -> None:
        fix = "Use the leadrelay command as the daemon's own user."
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if not hmac.compare_digest(given.encode(), control.token.encode()):
            raise Refused(401, "token", "The control token is missing or wrong.", fix)

    @routes.get("/facts")
    def facts() -> ResponseReturnValue:
        """Return what only the running process knows."""
        return jsonify(control.facts())

    @routes.post("/events")
    def events() -> ResponseReturnValue:
        """Append replay and forget events; answered after the commit."""
        body = request.get_json(silent=True)
        if not isinstance(body, list):
            raise Refused(400, "malformed", "A JSON list of events is needed.", "Use the leadrelay command.")
        receipts = control.append([_event(item, control) for item in body])
        return jsonify(taken=sum(not receipt.duplicate for receipt in receipts)), 202

    @routes.post("/access")
    def access() -> ResponseReturnValue:
        """Change who may look; answered after the commit."""
        body = request.get_json(silent=True)
        if not isinstance(body, dict) or not all(isinstance(value, str) for value in body.values()):
            raise Refused(400, "malformed", "A JSON object of texts is needed.", "Use the leadrelay command.")
        try:
            control.act(body.get("act", ""), body)
        except KeyError as error:
            text = f"Nothing of the kind: {error}."
            raise Refused(400, "malformed", text, "Use the leadrelay command.") from error
        except StoreBusy:
            raise
        except LeadRelayError as error:
            raise Refused(409, "refused", str(error), "See the message.") from error
        return jsonify(done=True)

    return routes


def _event(item: Any, control: Control) -> Event:
    try:
        kind = EventKind(item["kind"])
        if kind not in ALLOWED:
            raise ValueError(f"kind {kind} does not come in here")
        return Event(
            source=str(item["source"]),
            event_id=str(item["event_id"]),
            kind=kind,
            payload=dict(item["payload"]),
            occurred_at=from_text(item["occurred_at"]),
            received_at=control.clock.now(),
            space=control.space,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise Refused(400, "malformed", f"Not an event: {error}.", "Use the leadrelay command.") from error
