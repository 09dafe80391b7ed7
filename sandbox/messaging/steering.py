"""Control endpoints of the messaging sandbox: all messages, the addresses, the channels, captcha tokens."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response, jsonify, request

from sandbox.messaging import captcha, places
from sandbox.reading import json_of, whole_number
from sandbox.records import Record
from sandbox.vendor import Refused

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from sandbox.messaging.service import Messaging

CHANNELS = ("mail", "slack", "teams")


def add_to(routes: Blueprint, service: Messaging) -> None:
    """Add the endpoints."""

    @routes.get("/messages")
    def messages() -> ResponseReturnValue:
        """What people can see, oldest first; of one channel, or from a moment or after a number on."""
        channel = request.args.get("channel")
        if channel not in (None, *CHANNELS):
            raise Refused(400, "bad_argument", f"channel={channel}", f"Known: {', '.join(CHANNELS)}.")
        is_wanted = _since(request.args.get("since"))
        with service.lock:
            told = [
                _message(name, row)
                for name, row in service.messages()
                if channel in (None, name) and is_wanted(row)
            ]
        return jsonify(messages=told)

    @routes.get("/messages/<message_id>/raw")
    def raw(message_id: str) -> ResponseReturnValue:
        """A mail byte by byte, to be saved and not shown."""
        content = service.raw_mail.get(message_id)
        if content is None:
            raise Refused(404, "no_such_record", f'there is no mail "{message_id}"')
        name = f"attachment; filename={message_id}.eml"
        return Response(content, mimetype="message/rfc822", headers={"Content-Disposition": name})

    @routes.get("/hooks")
    def hooks() -> ResponseReturnValue:
        """The addresses that take messages, with their secrets."""
        with service.lock:
            return jsonify(hooks=[_hook(row) for row in service.tables["hooks"].after()])

    @routes.post("/hooks")
    def set_hook() -> ResponseReturnValue:
        """Make an address, or put one into another state."""
        told = _body()
        with service.lock:
            service.begin_call("ACT hooks")
            if "id" in told:
                found = service.tables["hooks"].get(str(told["id"]))
                if found is None:
                    raise Refused(404, "no_such_record", f'there is no address "{told["id"]}"')
                service.set_state("hooks", found, str(told.get("state", "active")))
                return jsonify(_hook(found))
            return jsonify(_hook(_made(service, told))), 201

    @routes.get("/channels")
    def channels() -> ResponseReturnValue:
        """The Slack channels."""
        with service.lock:
            return jsonify(channels=[_channel(service, row) for row in service.tables["channels"].after()])

    @routes.post("/channels")
    def set_channel() -> ResponseReturnValue:
        """Make a Slack channel, or archive one."""
        told = _body()
        name = str(told.get("name", "")).removeprefix("#")
        if not name:
            raise Refused(
                400, "bad_argument", "name is missing", 'Send {"name": "leads", "state": "archived"}.'
            )
        with service.lock:
            service.begin_call("ACT channels")
            found = service.channel_named(name)
            is_new = found is None
            if found is None:
                number = len(service.tables["channels"]) + 1
                found = Record(
                    f"C0MADE{number:04}",
                    {"name": name, "topic": "", "state": "active"},
                    service.now(),
                    service.now(),
                )
                service.tables["channels"].add(found)
            service.set_state("channels", found, str(told.get("state", "active")))
            return jsonify(_channel(service, found)), 201 if is_new else 200

    @routes.post("/captcha")
    def mint() -> ResponseReturnValue:
        """Give a token to a visitor who passed, as a widget does."""
        told = _body()
        provider, score = str(told.get("provider", "recaptcha")), told.get("score")
        if provider not in captcha.LIVES:
            raise Refused(400, "bad_argument", f"provider={provider}", f"Known: {', '.join(captcha.LIVES)}.")
        if score is not None and (
            isinstance(score, bool) or not isinstance(score, int | float) or not 0 <= score <= 1
        ):
            raise Refused(400, "bad_argument", f"score={score} is no number from 0 to 1")
        with service.lock:
            token = service.captchas.mint(
                provider,
                at=service.now(),
                hostname=str(told.get("hostname", "www.northlight.example")),
                action=told.get("action"),
                score=None if score is None else float(score),
            )
        return jsonify(token=token.text, secret=captcha.SECRET), 201


def _made(service: Messaging, told: dict[str, Any]) -> Record:
    kind, channel = str(told.get("kind", "slack")), str(told.get("channel", "")).removeprefix("#")
    if kind not in ("slack", "teams") or not channel:
        fix = 'Send {"kind": "slack" or "teams", "channel": "leads"}.'
        raise Refused(400, "bad_argument", "an address has a kind and a channel", fix)
    if kind == "slack" and service.channel_named(channel) is None:
        raise Refused(
            404, "no_such_record", f"there is no channel #{channel}", "Make it at /__sandbox/channels."
        )
    hook_id, secret = places.made_up(kind, len(service.tables["hooks"]) + 1)
    made = service.add_hook(kind, hook_id, channel, secret, "active", service.now())
    if "state" in told:
        service.set_state("hooks", made, str(told["state"]))
    return made


def _since(text: str | None) -> Callable[[Record], bool]:
    """Which messages ``?since=`` means: those after a number, or those from a moment on."""
    if text is None:
        return lambda _row: True
    number = whole_number(text)
    if number is not None:
        return lambda row: int(row.values["number"]) > number
    try:
        at = datetime.fromisoformat(text.replace(" ", "+"))  # a plus sign in a query is a space
    except ValueError:
        raise Refused(400, "bad_argument", f"since={text} is neither a number nor an ISO 8601 time") from None
    moment = at if at.tzinfo else at.replace(tzinfo=UTC)
    return lambda row: row.created_at >= moment


def _message(channel: str, row: Record) -> dict[str, Any]:
    """A message over all channels; what only one kind has lies under the vendor's names in ``fields``."""
    values = row.values
    return {
        "number": values["number"],
        "id": row.id,
        "channel": channel,
        "at": row.created_at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "from": values["from"],
        "to": values["to"] if channel == "mail" else [values["channel"]],
        "subject": values.get("subject", ""),
        "text": values["text"],
        "fields": {
            name: values[name]
            for name in ("html", "headers", "ts", "thread_ts", "payload")
            if values.get(name)
        },
    }


def _hook(row: Record) -> dict[str, Any]:
    return {**row.values, "url": request.host_url.rstrip("/") + places.hook_path(row.values)}


def _channel(service: Messaging, row: Record) -> dict[str, Any]:
    return {"id": row.id, **row.values, "messages": sum(1 for _ in service.said_in(row.values["name"]))}


def _body() -> dict[str, Any]:
    try:
        sent = json_of(request.get_data() or b"{}")
    except ValueError:
        sent = None
    if not isinstance(sent, dict):
        raise Refused(400, "bad_json", "the body is no JSON object", "Send a JSON object.")
    return sent
