"""The receiver of forms and of every other sender that posts events: ``POST /in/<source>``."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Callable, Sequence
from datetime import datetime

from flask import Blueprint, Request, Response, g, jsonify, request
from werkzeug.exceptions import MethodNotAllowed

from mappings import lead_ads
from mappings.playbook import Captcha, Playbook, Source
from mappings.sending import id_of, kept_id, moment_of
from model.errors import Refused
from model.event import CAPTCHA_TOKEN, Event, EventKind, JsonValue
from model.times import Clock
from sync.inbox import Receipt
from webhooks import challenges, envelope, signatures
from webhooks.signatures import SecretOf

Append = Callable[[Sequence[Event]], Sequence[Receipt]]
"""Stores events durably and returns a receipt for each, after the commit. Raises ``StoreBusy``."""

LONGEST_TOKEN = 16_384  # characters of a captcha's token; Turnstile's have 2,048 at most
PREFLIGHT_SECONDS = 600


def blueprint(
    append: Append, playbook: Callable[[], Playbook], secret_of: SecretOf, clock: Clock
) -> Blueprint:
    """Build the receiver; ``playbook`` returns the one in force, so a reload takes effect at once."""
    routes = Blueprint("forms", __name__)

    @routes.post("/in/<name>", provide_automatic_options=False)
    def receive(name: str) -> Response:
        """Check the sender, store the event, answer; all rules run later."""
        source, post = _source(playbook(), name), _current_request()
        raw = envelope.read(post, source)
        now = clock.now()
        payload = _proven(source, post, raw, secret_of, now)
        if source.auth.challenge != "none":
            secret = signatures.secret_for(source.auth, secret_of)
            if (told := challenges.answer_to(source.auth, payload["body"], secret)) is not None:
                return jsonify(told)
        if source.lead_ads is not None:
            return _take_notices(source, payload, append, now)
        if source.captcha is not None:
            _take_token(payload, source.captcha)
        [receipt] = append([to_event(source, post, payload, now)])
        answer = jsonify(event=receipt.event_id, duplicate=receipt.duplicate)
        answer.status_code = source.success_status
        if source.redirect and _prefers_a_page(post):
            answer.status_code = 303
            answer.location = source.redirect
        return answer

    @routes.get("/in/<name>", provide_automatic_options=False)
    def make_sure(name: str) -> Response:
        """Answer a vendor that makes sure of the address; there is nothing to read here."""
        source = _source(playbook(), name)
        answer = challenges.answer_to_get(source.auth, _current_request().args, secret_of)
        if answer is None:
            raise MethodNotAllowed(["OPTIONS", "POST"])
        return answer

    @routes.route("/in/<name>", methods=["OPTIONS"])
    def preflight(name: str) -> Response:
        """Tell a browser whether a page of its origin may post here."""
        source = _source(playbook(), name)
        answer = Response(status=204)
        if _allowed_origin(source, request):
            own = (source.id_header, source.auth.header)
            answer.headers["Access-Control-Allow-Methods"] = "POST"
            answer.headers["Access-Control-Allow-Headers"] = ", ".join(filter(None, ("Content-Type", *own)))
            answer.headers["Access-Control-Max-Age"] = str(PREFLIGHT_SECONDS)
        return answer

    @routes.after_request
    def share(answer: Response) -> Response:
        """Let pages of the source's origins read the answer, refusals included; no credentials."""
        source: Source | None = g.get("source")
        if source is None or not source.cors:
            return answer
        answer.vary.add("Origin")
        if origin := _allowed_origin(source, _current_request()):
            answer.headers["Access-Control-Allow-Origin"] = origin
        return answer

    return routes


def _current_request() -> Request:
    """Return the request itself: a post looks at it thirty times, and Flask's proxy makes each look dear."""
    found: Request = request._get_current_object()  # type: ignore[attr-defined]
    return found


def _take_notices(source: Source, payload: dict[str, JsonValue], append: Append, now: datetime) -> Response:
    """Store an event for each lead that a post names, known by its number; the lead itself is read later."""
    assert source.lead_ads is not None
    try:
        found = lead_ads.notices(source.lead_ads.kind, payload["body"])
    except ValueError as error:
        fix = f"Send what {source.lead_ads.kind} sends."
        raise Refused(422, "notice_malformed", str(error).capitalize(), fix) from error
    events = [
        Event(
            source=source.name,
            event_id=one.id,
            kind=EventKind.INTAKE,
            payload={**payload, "body": dict(one.body)},
            occurred_at=moment_of(source, dict(one.body), now),
            received_at=now,
        )
        for one in found
    ]
    receipts = append(events) if events else []
    answer = jsonify(events=[{"event": one.event_id, "duplicate": one.duplicate} for one in receipts])
    answer.status_code = source.success_status
    return answer


def _take_token(payload: dict[str, JsonValue], captcha: Captcha) -> None:
    """Put the captcha's token beside the body: it is no part of the lead, and kept until it is checked."""
    body = payload["body"]
    given = body.pop(captcha.field, "") if isinstance(body, dict) else ""
    texts = [one for one in (given if isinstance(given, list) else [given]) if isinstance(one, str)]
    payload[CAPTCHA_TOKEN] = next(filter(None, texts), "")[:LONGEST_TOKEN]


def _proven(
    source: Source, post: Request, raw: bytes, secret_of: SecretOf, now: datetime
) -> dict[str, JsonValue]:
    """Return what was posted, once the sender has proved itself; a token in the body is not kept."""
    auth = source.auth
    if not auth.field:
        signatures.verify(auth, post, raw, secret_of, now)
        return envelope.parse(post, source, raw)
    payload = envelope.parse(post, source, raw)
    body = payload["body"]
    given = body.pop(auth.field, None) if isinstance(body, dict) else None
    signatures.verify_token_in_body(auth, given, secret_of)
    return payload


def to_event(source: Source, request: Request, payload: dict[str, JsonValue], now: datetime) -> Event:
    """Return the event of one post.

    Without an id of the sender's, one is minted, and the body's hash lets the inbox know a
    repeat within the source's window: SHA-256, in hex, of ``[body, query]``, and of a captcha's
    token behind them, as JSON with sorted names, no spaces and ASCII only.
    """
    event_id = _sender_id(source, request, payload["body"])
    window = None if event_id else now + source.dedupe_window
    return Event(
        source=source.name,
        event_id=event_id or f"evt_{uuid.uuid4().hex}",
        kind=EventKind.INTAKE,
        payload=payload,
        occurred_at=moment_of(source, payload["body"], now),
        received_at=now,
        body_hash=None if event_id else _hash_of(payload),
        hash_expires_at=window,
    )


def _source(playbook: Playbook, name: str) -> Source:
    source = playbook.sources.get(name)
    if source is None:
        raise Refused(
            404,
            "unknown_source",
            "There is no source of this name",
            "Check the last part of the address against the sources of the playbook.",
        )
    g.source = source
    return source


def _sender_id(source: Source, request: Request, body: JsonValue) -> str:
    """Return the sender's id as the source says where to find it, ``""`` when there is none."""
    event_id = envelope.header(request, source.id_header) if source.id_header else ""
    if not event_id:
        event_id = id_of(source, body)
    if not event_id and source.auth.kind == "standard_webhooks":
        event_id = envelope.header(request, "webhook-id")
    return kept_id(event_id)


def _hash_of(payload: dict[str, JsonValue]) -> str:
    """Hash what was posted; with another token of a captcha it is another try of somebody who was refused."""
    parts = [payload["body"], payload["query"]]
    parts += [token] if (token := payload.get(CAPTCHA_TOKEN)) else []
    canonical = json.dumps(parts, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode("ascii")).hexdigest()


def _prefers_a_page(request: Request) -> bool:
    accepted = request.accept_mimetypes
    return accepted["text/html"] > accepted["application/json"]


def _allowed_origin(source: Source, request: Request) -> str:
    """Return what ``Access-Control-Allow-Origin`` may say, ``""`` when the origin is not listed."""
    if "*" in source.cors:
        return "*"
    origin = request.headers.get("Origin", "")
    return origin if origin in source.cors else ""
