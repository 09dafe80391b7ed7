"""Posts by which a vendor makes sure that an address is ours: answered, and never stored."""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from typing import Any

from flask import Response, jsonify

from mappings.playbook import SourceAuth
from model.errors import Refused
from model.event import JsonValue
from webhooks import signatures
from webhooks.signatures import SecretOf

FACEBOOK_WORD = re.compile(r"[A-Za-z0-9_.-]{1,200}")  # an int, as Meta says
LINKEDIN_CODE = re.compile(r"[A-Za-z0-9-]{1,100}")  # a UUID
ZOOM_EVENT = "endpoint.url_validation"
_PLAIN_TOKEN = re.compile(r"[A-Za-z0-9_+/=-]{1,200}")
"""No colon: what Zoom signs otherwise begins with ``v0:``, and nobody gets a signature of that here."""


def answer_to_get(auth: SourceAuth, given: Mapping[str, str], secret_of: SecretOf) -> Response | None:
    """Return the answer to a GET by which a vendor makes sure of an address; ``None`` where it is none.

    Meta ("Getting Started" with Webhooks): ``hub.challenge`` as it came, where ``hub.verify_token`` is the
    word of the app's dashboard. LinkedIn ("Webhooks"): ``challengeCode`` with its HMAC-SHA256 in hex, by the
    app's secret. Raises ``Refused`` for a wrong word, or where ours is not set.
    """
    if auth.challenge == "facebook" and given.get("hub.mode") == "subscribe":
        word, code = given.get("hub.verify_token", ""), given.get("hub.challenge", "")
        ours = signatures.secret_named(auth.verify_env, secret_of)
        if not hmac.compare_digest(word.encode("utf-8", "replace"), ours.encode()):
            fix = f"Write the word that {auth.verify_env} holds into the Verify Token of the app's webhook."
            raise Refused(403, "verify_token_wrong", "The verify token is wrong", fix)
        return Response(_sound(code, FACEBOOK_WORD), mimetype="text/plain")
    if auth.challenge == "linkedin" and "challengeCode" in given:
        code = _sound(given["challengeCode"], LINKEDIN_CODE)
        secret = signatures.secret_for(auth, secret_of)
        proof = hmac.new(secret.encode(), code.encode(), "sha256").hexdigest()
        return jsonify(challengeCode=code, challengeResponse=proof)
    return None


def _sound(code: str, form: re.Pattern[str]) -> str:
    if not form.fullmatch(code):
        fix = "Send letters, digits and - only."
        raise Refused(422, "challenge_malformed", "The challenge is none that could be one", fix)
    return code


def answer_to(auth: SourceAuth, body: JsonValue, secret: str) -> dict[str, str] | None:
    """Return the answer to a challenge, ``None`` for every other post.

    Only a post whose own signature was right may come here. Zoom (developers.zoom.us, "Validate your
    webhook endpoint"): ``plainToken`` as it came, and ``encryptedToken``, its HMAC-SHA256 in hex.
    Raises ``Refused`` (422) for a challenge without a token that can be one.
    """
    if auth.challenge != "zoom" or not isinstance(body, Mapping) or body.get("event") != ZOOM_EVENT:
        return None
    payload: Any = body.get("payload")
    token = payload.get("plainToken") if isinstance(payload, Mapping) else None
    if not (isinstance(token, str) and _PLAIN_TOKEN.fullmatch(token)):
        raise Refused(
            422,
            "challenge_malformed",
            "The challenge has no plainToken that could be one",
            "Send what Zoom sends: letters, digits and - _ + / = only.",
        )
    return {
        "plainToken": token,
        "encryptedToken": hmac.new(secret.encode(), token.encode(), "sha256").hexdigest(),
    }
