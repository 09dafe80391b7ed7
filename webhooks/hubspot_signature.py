"""The signatures of HubSpot's calls, versions 1 to 3 (developer documentation, "Request validation").

Written here and not taken from HubSpot's client: that lets stamps from the future pass, decodes no
address, and fails with errors of its own on a missing header.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import unquote

from model.errors import Refused

TOLERANCE_MS = 5 * 60 * 1000

# Decoded in the address, and only there, before version 3 is computed.
_DECODED = re.compile("%(?:3A|2F|3F|40|21|24|27|28|29|2A|2C|3B)", re.IGNORECASE)


Header = Callable[[str, str], str]
"""Name and default -> what a header of the call holds."""


@dataclass(frozen=True, slots=True)
class Proof:
    """A signature as it came, and what must have been signed."""

    version: str
    given: str
    signed: bytes  # without the secret

    def is_by(self, secret: str) -> bool:
        """Say, in constant time, whether the holder of this secret made it."""
        if self.version == "v3":
            expected = base64.b64encode(hmac.digest(secret.encode(), self.signed, "sha256"))
        else:
            expected = hashlib.sha256(secret.encode() + self.signed).hexdigest().encode()
        return hmac.compare_digest(expected, self.given.encode("latin-1", "replace"))


def proof_in(method: str, uri: str, header: Header, body: bytes, now: datetime) -> Proof:
    """Return the strongest signature of a call; ``uri`` is the address that HubSpot was given.

    Raises ``Refused`` where there is none, or one of version 3 whose stamp is more than five minutes
    off, to either side. Versions 1 and 2 carry no time.
    """
    if given := header("X-HubSpot-Signature-v3", ""):
        stamp = header("X-HubSpot-Request-Timestamp", "")
        _check(stamp, now)
        signed = f"{method}{decoded(uri)}".encode() + body + stamp.encode()
        return Proof("v3", given, signed)
    given = header("X-HubSpot-Signature", "")
    version = header("X-HubSpot-Signature-Version", "v1").lower()
    if not given or version not in ("v1", "v2"):
        raise Refused(
            401,
            "signature_missing",
            "There is no signature of HubSpot's",
            "Send X-HubSpot-Signature-v3 with X-HubSpot-Request-Timestamp, as HubSpot does.",
        )
    return Proof(version, given, f"{method}{uri}".encode() + body if version == "v2" else body)


def decoded(uri: str) -> str:
    """Return an address as version 3 signs it: some escapes are undone, all others stay."""
    return _DECODED.sub(lambda match: unquote(match[0]), uri)


def _check(stamp: str, now: datetime) -> None:
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= 15):
        raise Refused(
            401,
            "timestamp_malformed",
            "X-HubSpot-Request-Timestamp is missing, or no time in milliseconds since 1970",
            "Send the moment of the call, in milliseconds.",
        )
    if abs(now.timestamp() * 1000 - int(stamp)) > TOLERANCE_MS:
        raise Refused(
            401,
            "timestamp_outside_tolerance",
            "X-HubSpot-Request-Timestamp is more than five minutes from the server's clock",
            "Sign each attempt anew; if HubSpot sent this, set the server's clock.",
        )
