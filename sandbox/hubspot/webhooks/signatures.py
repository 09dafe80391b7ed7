"""The three signatures by which a receiver knows that a call comes from HubSpot."""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64encode
from urllib.parse import unquote

# What is decoded in an address before it is signed; other escapes stay as they are.
DECODED = ("%3A", "%2F", "%3F", "%40", "%21", "%24", "%27", "%28", "%29", "%2A", "%2C", "%3B")


def v1(secret: str, body: str) -> str:
    """The signature of CRM subscriptions."""
    return hashlib.sha256(f"{secret}{body}".encode()).hexdigest()


def v2(secret: str, method: str, uri: str, body: str) -> str:
    """The signature of workflow webhooks and CRM cards."""
    return hashlib.sha256(f"{secret}{method}{uri}{body}".encode()).hexdigest()


def v3(secret: str, method: str, uri: str, body: str, timestamp: int) -> str:
    """The signature of everything since 2021; the time is in milliseconds."""
    source = f"{method}{decoded(uri)}{body}{timestamp}"
    return b64encode(hmac.new(secret.encode(), source.encode(), hashlib.sha256).digest()).decode()


def decoded(uri: str) -> str:
    """An address as version 3 signs it."""
    for escape in DECODED:
        for spelling in (escape, escape.lower()):
            uri = uri.replace(spelling, unquote(escape))
    return uri
