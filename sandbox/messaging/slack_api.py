"""Three methods of Slack's Web API: chat.postMessage, users.lookupByEmail and auth.test, with a bot token.

Sources: the pages of the methods in Slack's reference, "Using the Slack Web API" and "Rate limits".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response, request

from sandbox.app import answer
from sandbox.messaging import blocks, places
from sandbox.messaging.shapes import Answer, method_too_fast, slack_error
from sandbox.messaging.slack_hooks import message
from sandbox.reading import json_of, sent_json

if TYPE_CHECKING:
    from sandbox.messaging.service import Messaging

BOTH = ["GET", "POST"]  # Slack takes either for every method


def add_to(api: Blueprint, service: Messaging) -> None:
    """Add the methods."""

    @api.route("/api/auth.test", methods=BOTH)
    def auth_test() -> Response:
        """Who the token is."""
        _arguments()
        return answer(
            {
                "ok": True,
                "url": places.WORKSPACE_URL,
                "team": "Northlight",
                "user": places.BOT_NAME,
                "team_id": places.TEAM_ID,
                "user_id": places.BOT_USER_ID,
                "bot_id": places.BOT_ID,
                "is_enterprise_install": False,
            }
        )

    @api.route("/api/users.lookupByEmail", methods=BOTH)
    def lookup_by_email() -> Response:
        """The member with an e-mail address."""
        sent = _arguments()
        with service.lock:
            wait_s = service.lookups.wait_s(
                "users.lookupByEmail", service.faults.limits["slack_lookups_per_min"], service.now()
            )
        if wait_s:
            return method_too_fast(wait_s)
        found = places.user_by_email(str(sent.get("email", "")))
        return answer({"ok": True, "user": _member(found)}) if found else slack_error("users_not_found")

    @api.route("/api/chat.postMessage", methods=BOTH)
    def post_message() -> Response:
        """Post into a channel, or to a member whose id stands for one."""
        sent = _arguments()
        with service.lock:
            channel_id, name = _channel(service, str(sent.get("channel", "")))
            _check(sent)
            wait_s = service.slack_pace.wait_s(
                f"channel {channel_id}",
                service.faults.limits["slack_per_s"],
                service.faults.limits["slack_burst"],
                service.now(),
            )
            if wait_s:
                return method_too_fast(wait_s)
            sender = str(sent.get("username") or places.BOT_NAME)
            said = message(sent, channel=name, sender=sender, ts=service.next_ts())
            service.keep("slack", said, service.call)
        return answer({"ok": True, "channel": channel_id, "ts": said["ts"], "message": _told(said, sender)})


def _arguments() -> dict[str, Any]:
    """The arguments of a call with a good token: a form, a query or JSON. Lists in a form are JSON texts."""
    sent: dict[str, Any] = dict(request.values)
    if request.is_json and request.get_data():
        body = sent_json()
        if not isinstance(body, dict):
            raise Answer(slack_error("invalid_json" if body is None else "json_not_object"))
        sent |= body
    scheme, _, header = request.headers.get("Authorization", "").partition(" ")
    token = (header if scheme.lower() == "bearer" else "") or sent.pop("token", "")
    if not token:
        raise Answer(slack_error("not_authed"))
    if token != places.BOT_TOKEN:
        raise Answer(slack_error("invalid_auth"))
    return {name: _unpacked(name, value) for name, value in sent.items()}


def _unpacked(name: str, value: Any) -> Any:
    if name not in ("blocks", "attachments") or not isinstance(value, str):
        return value
    try:
        return json_of(value)
    except ValueError:
        raise Answer(slack_error(f"invalid_{name}_format")) from None


def _channel(service: Messaging, wanted: str) -> tuple[str, str]:
    """Id and name of the channel that was named; raise ``Answer`` where the bot cannot post there."""
    user = places.user_by_id(wanted)
    if user is not None:
        return places.direct_channel(user), f"@{user.handle}"
    found = service.channel_named(wanted)
    if found is None:
        raise Answer(slack_error("channel_not_found"))
    refusals = {"archived": "is_archived", "closed_to_bot": "not_in_channel"}
    if found.values["state"] in refusals:
        raise Answer(slack_error(refusals[found.values["state"]]))
    return found.id, str(found.values["name"])


def _check(sent: Mapping[str, Any]) -> None:
    shown, attached = sent.get("blocks") or [], sent.get("attachments") or []
    if not isinstance(shown, list):
        raise Answer(slack_error("invalid_blocks_format"))
    if not isinstance(attached, list):
        raise Answer(slack_error("invalid_attachments"))
    if len(attached) > blocks.MOST_ATTACHMENTS:
        raise Answer(slack_error("too_many_attachments"))
    wrong = blocks.problems(shown)
    if wrong:
        told = {"messages": [f"[ERROR] {text}" for text in wrong]}
        raise Answer(slack_error("invalid_blocks", errors=wrong, response_metadata=told))
    if not (sent.get("text") or shown or attached):
        raise Answer(slack_error("no_text"))


def _told(said: Mapping[str, Any], sender: str) -> dict[str, Any]:
    payload = said["payload"]
    told = {
        "text": str(payload.get("text", ""))[: blocks.LONGEST_TEXT],
        "username": sender,
        "bot_id": places.BOT_ID,
        "type": "message",
        "subtype": "bot_message",
        "ts": said["ts"],
    }
    return told | {
        name: payload[name] for name in ("blocks", "attachments", "thread_ts") if payload.get(name)
    }


def _member(user: places.User) -> dict[str, Any]:
    person = user.person
    return {
        "id": user.id,
        "team_id": places.TEAM_ID,
        "name": user.handle,
        "deleted": False,
        "real_name": person.name,
        "tz": "Europe/Berlin",
        "tz_label": "Central European Time",
        "tz_offset": 3600,
        "profile": {
            "real_name": person.name,
            "real_name_normalized": person.name,
            "display_name": user.handle,
            "display_name_normalized": user.handle,
            "first_name": person.first_name,
            "last_name": person.last_name,
            "email": person.email,
            "team": places.TEAM_ID,
        },
        "is_admin": False,
        "is_owner": False,
        "is_primary_owner": False,
        "is_restricted": False,
        "is_ultra_restricted": False,
        "is_bot": False,
        "is_app_user": False,
    }
