"""Posts by which a vendor makes sure that an address is ours: answered, and never stored."""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from typing import Any

from mappings.playbook import SourceAuth
from model.errors import Refused
from model.event import JsonValue

ZOOM_EVENT = "endpoint.url_validation"
_PLAIN_TOKEN = re.compile(r"[A-Za-z0-9_+/=-]{1,200}")
"""No colon: what Zoom signs otherwise begins with ``v0:``, and nobody gets a signature of that here."""


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
