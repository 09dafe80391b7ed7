"""A Teams workflow that posts what its address receives: "When a Teams webhook request is received".

Documented by Microsoft are the message (msteams-docs, "Create Incoming Webhooks"), its 28 KB and four
requests a second; the refusals are those of recorded answers of Power Automate. A flow answers 202 before it
runs, so a card that Teams does not take is no error for the sender: the run fails, and nobody sees the card.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response, request

from sandbox.messaging.shapes import Answer, flow_too_fast, teams_error
from sandbox.reading import json_of
from sandbox.records import Record

if TYPE_CHECKING:
    from sandbox.messaging.service import Messaging

MOST_BYTES = 28_672  # of a message; seen in the error of a run (msteams-docs issue 11274)
CARD = "application/vnd.microsoft.card.adaptive"
PATHS = (
    "/workflows/<flow_id>/triggers/manual/paths/invoke",  # logic.azure.com
    "/powerautomate/automations/direct/workflows/<flow_id>/triggers/manual/paths/invoke",  # powerplatform.com
)


def add_to(api: Blueprint, service: Messaging) -> None:
    """Add the address, in its older and its newer form."""

    def invoke(flow_id: str) -> Response:
        """Start the flow: 202 and nothing more, whatever becomes of the run."""
        with service.lock:
            flow = _flow(service, flow_id)
            body = _body()
            wait_s = service.teams_pace.wait_s(flow.id, service.faults.limits["teams_per_s"], service.now())
            if wait_s:
                return flow_too_fast(wait_s)
            service.keep("teams", _run(body, flow), service.call)
        return Response(status=202)

    for number, path in enumerate(PATHS):
        api.add_url_rule(path, f"invoke_flow_{number}", invoke, methods=["POST"])


def _flow(service: Messaging, flow_id: str) -> Record:
    """The flow of that address, where it may be started; raise ``Answer`` where not."""
    flow = service.tables["hooks"].get(flow_id)
    if flow is None or flow.values["kind"] != "teams":
        raise Answer(teams_error(404, "WorkflowNotFound", "The workflow could not be found."))
    state, sig = flow.values["state"], request.args.get("sig", "")
    if not sig or state == "tenant_only":  # such a flow has an address without a signature, and wants a token
        message = "The request must be authenticated only by Shared Access scheme."
        raise Answer(teams_error(401, "DirectApiAuthorizationRequired", message))
    if sig != flow.values["secret"]:
        message = "The authentication credentials are not valid."
        raise Answer(teams_error(401, "AuthorizationFailed", message))
    if state != "active":
        named = {"off": "Disabled", "deleted": "Deleted"}[state]
        message = (
            f"Could not execute workflow '{flow_id}' trigger 'manual' with state '{named}': "
            "trigger is not enabled."
        )
        raise Answer(teams_error(400, "WorkflowTriggerIsNotEnabled", message))
    return flow


def _body() -> dict[str, Any]:
    try:
        body = json_of(request.get_data())
    except ValueError as error:
        message = f"The request content is not valid and could not be deserialized: '{error}'."
        raise Answer(teams_error(400, "InvalidRequestContent", message)) from None
    if not isinstance(body, dict):
        raise _mismatch(f"Invalid type. Expected Object but got {type(body).__name__}.")
    attachments = body.get("attachments")
    if attachments is not None and not isinstance(attachments, list):
        raise _mismatch(f"Invalid type. Expected Array but got {type(attachments).__name__}.")
    for attachment in attachments or ():
        if not isinstance(attachment, dict):
            raise _mismatch(f"Invalid type. Expected Object but got {type(attachment).__name__}.")
        lacking = [name for name in ("contentType", "content") if name not in attachment]
        if lacking:
            raise _mismatch(f"Required properties are missing from object: {', '.join(lacking)}.")
    return body


def _mismatch(details: str) -> Answer:
    message = (
        "The input body for trigger 'manual' of type 'Request' did not match its schema definition. "
        f"Error details: '{details}'."
    )
    return Answer(teams_error(400, "TriggerInputSchemaMismatch", message))


def _run(body: Mapping[str, Any], flow: Record) -> dict[str, Any]:
    """What the run made of the body: a posted message, or a failed run with its error."""
    cards = [one["content"] for one in body.get("attachments") or () if one["contentType"] == CARD]
    size = len(json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode())
    error = None
    if not cards:
        error = "There is no Adaptive Card in the attachments, so there is nothing to post."
    elif size > MOST_BYTES:
        error = (
            "MessageSizeExceeded-Message properties size exceeded. Actual message properties size: "
            f"{size} bytes, whereas max allowed size is {MOST_BYTES} bytes"
        )
    return {
        "channel": flow.values["channel"],
        "from": f"flow {flow.id}",
        "text": "\n".join(text for card in cards for text in _words(card)),
        "state": "failed" if error else "posted",
        "error": error,
        "payload": dict(body),
    }


def _words(part: Any) -> Iterator[str]:
    """The words of a card in the order in which they are shown: texts, facts, and the titles of buttons."""
    if isinstance(part, list):
        for one in part:
            yield from _words(one)
    elif isinstance(part, dict):
        if isinstance(part.get("text"), str):
            yield part["text"]
        if "title" in part and "value" in part:
            yield f"{part['title']}: {part['value']}"
        elif isinstance(part.get("title"), str):
            yield part["title"]
        for key in ("body", "items", "columns", "facts", "inlines", "actions"):
            yield from _words(part.get(key))
