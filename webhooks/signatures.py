"""How a sender proves itself: one check for each kind of ``SourceAuth``, in constant time.

Every failure is a ``Refused`` with status 401 whose words help the sender and tell nothing
of the secret. A source whose secret is not set takes nothing; while one cannot be read, the
sender is asked to come again (503).
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Callable
from datetime import datetime

import structlog
from flask import Request

from mappings.playbook import SourceAuth
from model.errors import LeadRelayError, Refused
from model.event import JsonValue
from webhooks.answers import RETRY_AFTER_SECONDS

log = structlog.get_logger("leadrelay.http")

SecretOf = Callable[[str], str | None]
"""Environment variable -> its secret; ``None`` or blank when it is not set.

Raises ``LeadRelayError`` when it is set but cannot be read now.
"""

FORWARDED = ("HTTP_FORWARDED", "HTTP_X_FORWARDED_FOR", "HTTP_X_REAL_IP", "HTTP_VIA")
"""Whoever sends one of these speaks for someone else: a proxy on this machine is no loopback sender."""

LATEST_SECOND = 253_402_300_799  # the end of the year 9999
EARLIEST_MILLISECOND = 10**11  # that many seconds would be the year 5138


def verify(auth: SourceAuth, request: Request, body: bytes, secret_of: SecretOf, now: datetime) -> None:
    """Return if the sender is who the source expects; raise ``Refused`` otherwise.

    A token inside the body is for ``verify_token_in_body``, once the body has been read.
    """
    if auth.kind == "none":
        _loopback(request)
    elif auth.kind == "token":
        _token(auth, request, secret_for(auth, secret_of))
    elif auth.kind == "hmac":
        _hmac(auth, request, body, secret_for(auth, secret_of), now)
    elif auth.kind == "standard_webhooks":
        _standard_webhooks(auth, request, body, secret_for(auth, secret_of), now)
    else:
        raise ValueError(f"{auth.place}: unknown auth kind {auth.kind!r}")  # the playbook was not checked


def verify_token_in_body(auth: SourceAuth, given: JsonValue, secret_of: SecretOf) -> None:
    """Return if the body held the token that the source expects; raise ``Refused`` otherwise."""
    secret = secret_for(auth, secret_of)
    text = given if isinstance(given, str) else ""
    _compare_token(auth, text, text.encode("utf-8", "replace"), secret)


def unreadable(name: str, error: LeadRelayError) -> Refused:
    """Return what a sender is told while a secret cannot be read, and log why."""
    log.error("source.secret_unreadable", secret=name, reason=str(error))
    return Refused(
        503,
        "secret_unreadable",
        "The server cannot read this source's secret now; nothing was taken, send again",
        f"Send the same request again after {RETRY_AFTER_SECONDS} seconds; the server's log has why.",
        retry_after=RETRY_AFTER_SECONDS,
    )


def secret_for(auth: SourceAuth, secret_of: SecretOf) -> str:
    """Return the source's secret; raise ``Refused`` where there is none, or none can be read now."""
    return secret_named(auth.secret_env, secret_of)


def secret_named(name: str, secret_of: SecretOf) -> str:
    """Return a secret of a source by its variable; raises ``Refused`` like ``secret_for``."""
    try:
        secret = secret_of(name)
    except LeadRelayError as error:
        raise unreadable(name, error) from error
    if not secret:  # a blank one would let anyone sign
        raise Refused(
            401,
            "secret_missing",
            f"This source takes nothing until {name} is set on the server",
            f"Set {name} (or {name}_FILE) and start leadrelay again.",
        )
    return secret


def _loopback(request: Request) -> None:
    peer = (request.remote_addr or "").removeprefix("::ffff:")
    forwarded = any(name in request.environ for name in FORWARDED)
    if forwarded or not (peer.startswith("127.") or peer == "::1"):
        raise Refused(
            401, "unsigned_source", "An unsigned source accepts loopback only", "Set auth for this source."
        )


def _token(auth: SourceAuth, request: Request, secret: str) -> None:
    given = request.headers.get(auth.header, "") if auth.header else ""
    if auth.header.lower() == "authorization":
        scheme, _, credentials = given.partition(" ")
        given = credentials.strip() if scheme.lower() == "bearer" else given
    if not given and auth.query:
        given = request.args.get(auth.query, "")
        sent = given.encode("utf-8", "replace")
    else:
        sent = given.encode("latin-1", "replace")  # as the server decoded it
    _compare_token(auth, given, sent, secret)


def _compare_token(auth: SourceAuth, given: str, sent: bytes, secret: str) -> None:
    if not given:
        raise Refused(
            401, "token_missing", "The token is missing", f"Send the token in {_token_place(auth)}."
        )
    if not hmac.compare_digest(sent, secret.encode()):
        raise Refused(
            401, "token_wrong", "The token is wrong", f"Send the token that {auth.secret_env} holds."
        )


def _token_place(auth: SourceAuth) -> str:
    places = []
    if auth.header:
        bearer = auth.header.lower() == "authorization"
        places.append('the header "Authorization: Bearer …"' if bearer else f'the header "{auth.header}"')
    if auth.query:
        places.append(f'the query parameter "{auth.query}"')
    if auth.field:
        places.append(f'the field "{auth.field}" of the body')
    return " or ".join(places)


def _hmac(auth: SourceAuth, request: Request, body: bytes, secret: str, now: datetime) -> None:
    header = request.headers.get(auth.header, "").strip()
    given = _named(header, auth.signature_key) if auth.signature_key else [header]
    if not any(given):
        raise Refused(
            401,
            "signature_missing",
            f'The header "{auth.header}" is missing',
            f"Sign the raw body with HMAC-{auth.algorithm} and send the signature in that header.",
        )
    before, _, after = auth.signed.partition("{body}")
    stamp = ""
    if auth.time_header or auth.time_key:
        stamp = request.headers.get(auth.time_header, "").strip() if auth.time_header else ""
        stamp = next(iter(_named(header, auth.time_key)), "") if auth.time_key else stamp
        _check_stamp(auth, stamp, now)
    head, tail = (text.replace("{time}", stamp).encode("latin-1", "replace") for text in (before, after))
    expected = hmac.digest(secret.encode(), head + body + tail, auth.algorithm)
    # Several while the sender's secret is being rotated; no early end, so time tells nothing.
    if not sum(
        text.startswith(auth.prefix)
        and hmac.compare_digest(_decoded(text.removeprefix(auth.prefix), auth.encoding), expected)
        for text in given
    ):
        raise Refused(
            401,
            "signature_wrong",
            "The signature does not match the body",
            f"Sign the raw bytes of the body with the secret that {auth.secret_env} holds: "
            f'"{auth.prefix}" and then HMAC-{auth.algorithm} of "{auth.signed}" in {auth.encoding}.',
        )


def _named(header: str, name: str) -> list[str]:
    """Return what a header such as ``t=…,v1=…`` says under a name, in its order."""
    pairs = (part.strip().partition("=") for part in header.split(","))
    return [value.strip() for found, _, value in pairs if found.strip() == name and value.strip()]


def _check_stamp(auth: SourceAuth, stamp: str, now: datetime) -> None:
    """Refuse a signed time that is missing, is none, or is too far from the clock, to either side."""
    where = f'"{auth.time_header}"' if auth.time_header else f'"{auth.time_key}=" in "{auth.header}"'
    if not stamp:
        raise Refused(
            401, "signature_missing", f"The signed time {where} is missing", "Send the time that was signed."
        )
    sent_at = int(stamp) if stamp.isascii() and stamp.isdigit() and len(stamp) <= 15 else -1
    seconds = sent_at / 1000 if sent_at >= EARLIEST_MILLISECOND else sent_at
    if not 0 <= seconds <= LATEST_SECOND:
        raise Refused(
            401,
            "timestamp_malformed",
            f"The signed time {where} is not a time since 1970",
            "Send whole seconds or milliseconds.",
        )
    if abs(now.timestamp() - seconds) > auth.tolerance.total_seconds():
        raise Refused(
            401,
            "timestamp_outside_tolerance",
            f"The signed time is more than {auth.tolerance.total_seconds():.0f} s from the server's clock",
            "Set the sender's clock, and sign each attempt anew.",
        )


def _decoded(text: str, encoding: str) -> bytes:
    """Return the signature's bytes, ``b""`` when the text is none: that never equals a digest."""
    try:
        return base64.b64decode(text, validate=True) if encoding == "base64" else bytes.fromhex(text)
    except ValueError:
        return b""


def _standard_webhooks(auth: SourceAuth, request: Request, body: bytes, secret: str, now: datetime) -> None:
    """Check by the Standard Webhooks specification, version 1 (standardwebhooks.com), symmetric keys."""
    message_id = request.headers.get("webhook-id", "")
    timestamp = request.headers.get("webhook-timestamp", "")
    signatures = request.headers.get("webhook-signature", "")
    if not (message_id and timestamp and signatures):
        raise Refused(
            401,
            "signature_missing",
            "One of webhook-id, webhook-timestamp and webhook-signature is missing",
            "Send all three headers of the Standard Webhooks specification.",
        )
    sent_at = int(timestamp) if timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12 else -1
    if not 0 <= sent_at <= LATEST_SECOND:
        raise Refused(
            401,
            "timestamp_malformed",
            "webhook-timestamp is not a time in whole seconds since 1970",
            "Send seconds, not milliseconds.",
        )
    if abs(now.timestamp() - sent_at) > auth.tolerance.total_seconds():
        raise Refused(
            401,
            "timestamp_outside_tolerance",
            f"webhook-timestamp is more than {auth.tolerance.total_seconds():.0f} s from the server's clock",
            "Set the sender's clock, and sign each attempt anew.",
        )
    signed = f"{message_id}.{timestamp}.".encode("latin-1", "replace") + body
    expected = hmac.digest(_webhook_key(auth, secret), signed, "sha256")
    given = [text.removeprefix("v1,") for text in signatures.split() if text.startswith("v1,")]
    # Several while the sender's secret is being rotated; no early end, so time tells nothing.
    if not sum(hmac.compare_digest(_decoded(text, "base64"), expected) for text in given):
        raise Refused(
            401,
            "signature_wrong",
            "No v1 signature matches",
            f"Sign webhook-id.webhook-timestamp.body with the secret that {auth.secret_env} holds.",
        )


def _webhook_key(auth: SourceAuth, secret: str) -> bytes:
    try:
        key = base64.b64decode(secret.strip().removeprefix("whsec_"), validate=True)
    except ValueError:
        key = b""
    if not key:
        raise Refused(
            401,
            "secret_malformed",
            f"This source takes nothing: {auth.secret_env} does not hold a Standard Webhooks secret",
            f'Set {auth.secret_env} to the secret as the sender shows it: "whsec_" and base64.',
        )
    return key
