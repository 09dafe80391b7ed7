"""The control endpoints of outbound messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response, jsonify

from sandbox.reading import sent_json
from sandbox.salesforce.outbound.rules import BadRule, rule_of
from sandbox.vendor import Refused

if TYPE_CHECKING:
    from sandbox.salesforce.org import Org


def add_controls_to(routes: Blueprint, org: Org) -> None:
    """Add the endpoints, under /__sandbox."""

    @routes.get("/outbound-messages")
    def show() -> Response:
        """The rules, what waits because of them, and how sending went."""
        with org.lock:
            waiting = [one.as_json() for one in org.outbox.waiting]
            rules = [rule.as_json() for rule in org.outbox.rules.values()]
            return jsonify(rules=rules, waiting=waiting, counts=org.outbox.counts)

    @routes.post("/outbound-messages")
    def add() -> tuple[Response, int]:
        """Tell an address of an object's changes from now on."""
        given: Any = sent_json()
        try:
            if not isinstance(given, dict):
                raise BadRule("the body is no JSON object")
            by_itself = bool(given.pop("send_by_itself", True))
            known = {kind.name: tuple(field.name for field in kind.fields) for kind in org.schema}
            with org.lock:
                rule = rule_of(given, org.outbox.mint_action(), known)
                org.outbox.add_rule(rule)
        except (BadRule, TypeError) as error:
            fix = "See docs/sandbox.md for the settings of an outbound message."
            raise Refused(400, "bad_rule", str(error), fix) from None
        if by_itself:
            org.sender.start()
        return jsonify(rule.as_json()), 201

    @routes.delete("/outbound-messages")
    def clear() -> tuple[str, int]:
        """Tell nobody any more, and forget what waits."""
        with org.lock:
            org.new_outbox()
        return "", 204

    @routes.post("/outbound-messages/send")
    def send() -> Response:
        """Send now what is due; for tests that leave nothing to a thread."""
        return jsonify(envelopes=org.outbox.deliver(), counts=org.outbox.counts)
