"""Incoming webhooks: ``POST /services/T…/B…/…`` (Slack, "Sending messages using incoming webhooks")."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response, request

from sandbox.messaging import blocks, places
from sandbox.messaging.shapes import Answer, plain, webhook_too_fast
from sandbox.reading import json_of
from sandbox.records import Record

if TYPE_CHECKING:
    from sandbox.messaging.service import Messaging

SERVICE_ID = re.compile(r"B[A-Z0-9]{7,}")


def add_to(api: Blueprint, service: Messaging) -> None:
    """Add the endpoint."""

    @api.post("/services/<team_id>/<hook_id>/<secret>")
    def post_to_hook(team_id: str, hook_id: str, secret: str) -> Response:
        """Post into the webhook's channel: 200 ``ok``, or a status and one word that says why not."""
        with service.lock:
            hook = _hook(service, team_id, hook_id, secret)
            payload = _payload()
            check(payload)
            values = hook.values
            wait_s = service.slack_pace.wait_s(
                f"hook {hook.id}",
                service.faults.limits["slack_per_s"],
                service.faults.limits["slack_burst"],
                service.now(),
            )
            if wait_s:
                return webhook_too_fast(wait_s)
            ts = service.next_ts()
            said = message(payload, channel=values["channel"], sender=f"webhook {hook.id}", ts=ts)
            service.keep("slack", said, service.call)
        return plain("ok")


def _hook(service: Messaging, team_id: str, hook_id: str, secret: str) -> Record:
    """The webhook that was named, where it can take a message; raise ``Answer`` where it cannot."""
    if team_id != places.TEAM_ID:
        raise Answer(plain("no_team", 404))
    if not SERVICE_ID.fullmatch(hook_id):
        raise Answer(plain("no_service_id", 404))
    hook = service.tables["hooks"].get(hook_id)
    if hook is None or hook.values["kind"] != "slack":
        raise Answer(plain("no_service", 404))
    if secret != hook.values["secret"]:
        raise Answer(plain("invalid_token", 403))
    refusal = places.HOOK_STATES[hook.values["state"]]
    if refusal is not None:
        raise Answer(plain(*refusal))
    channel = service.channel_named(hook.values["channel"])
    if channel is None:
        raise Answer(plain("channel_not_found", 404))
    if channel.values["state"] == "archived":
        raise Answer(plain("channel_is_archived", 410))
    return hook


def _payload() -> dict[str, Any]:
    """What was sent: JSON, or a form with JSON in ``payload``."""
    text = request.form.get("payload") if request.form else request.get_data()
    try:
        payload = json_of(text or b"")
    except ValueError:
        raise Answer(plain("invalid_payload", 400)) from None
    if not isinstance(payload, dict):
        raise Answer(plain("invalid_payload", 400))
    return payload


def check(payload: Mapping[str, Any]) -> None:
    """Raise ``Answer`` for a message that a webhook does not take."""
    text, shown, attached = payload.get("text", ""), payload.get("blocks", []), payload.get("attachments", [])
    if not isinstance(text, str) or not isinstance(attached, list):
        raise Answer(plain("invalid_payload", 400))
    if len(attached) > blocks.MOST_ATTACHMENTS:
        raise Answer(plain("too_many_attachments", 400))
    if not isinstance(shown, list):
        raise Answer(plain("invalid_blocks_format", 400))
    if blocks.problems(shown):
        raise Answer(plain("invalid_blocks", 400))
    if not (text or shown or attached):
        raise Answer(plain("no_text", 400))


def message(payload: Mapping[str, Any], *, channel: str, sender: str, ts: str) -> dict[str, Any]:
    """A Slack message as it is kept: what people read, and the payload as it came."""
    text = str(payload.get("text", ""))[: blocks.LONGEST_TEXT]
    lines = [
        blocks.plain_text(payload.get("blocks") or []) or text
    ]  # beside blocks, text is for notifications
    lines += [_attachment_text(one) for one in payload.get("attachments") or () if isinstance(one, dict)]
    return {
        "channel": channel,
        "from": sender,
        "text": "\n".join(line for line in lines if line),
        "ts": ts,
        "thread_ts": payload.get("thread_ts"),
        "payload": dict(payload),
    }


def _attachment_text(attachment: Mapping[str, Any]) -> str:
    shown = attachment.get("blocks")
    told = attachment.get("text") or attachment.get("fallback") or attachment.get("title") or ""
    return blocks.plain_text(shown) if isinstance(shown, list) and shown else str(told)
