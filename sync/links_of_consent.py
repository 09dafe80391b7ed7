"""Links by which people confirm what they agreed to: sealed, for a time, good for one address."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime

from mappings.values.identity import match_key
from model.times import from_text, to_text
from sync.vault import SealError, Vault

PATH = "/consent/"


@dataclass(frozen=True, slots=True)
class Asked:
    """What a link asks: that this lead confirms this purpose."""

    lead_id: str
    purpose: str
    request: str  # our key of the mail
    address: str  # a hash of the address that it went to
    expires_at: datetime

    def is_for(self, email: object) -> bool:
        """Say whether an address is the one that the mail went to."""
        return bool(email) and self.address == _hash(str(email))


@dataclass(frozen=True, slots=True)
class ConsentLinks:
    """Makes and reads links. What they hold is sealed, so that an address in a log tells nothing."""

    public_url: str
    vault: Vault = field(repr=False)

    def url(self, lead_id: str, purpose: str, email: str, request: str, expires_at: datetime) -> str:
        """Return the address at which the person confirms."""
        sealed = {"lead": lead_id, "purpose": purpose, "request": request, "address": _hash(email)}
        token = self.vault.seal(sealed | {"expires": to_text(expires_at)})
        return f"{self.public_url.rstrip('/')}{PATH}{token}"

    def read(self, token: str) -> Asked | None:
        """Return what a link asks; ``None`` for one that is not ours."""
        try:
            said = self.vault.open(token)
            expires = from_text(said["expires"])
            return Asked(said["lead"], said["purpose"], said["request"], said["address"], expires)
        except (SealError, KeyError, ValueError):
            return None


def _hash(email: str) -> str:
    return hashlib.sha256(match_key(email).encode("utf-8", "surrogatepass")).hexdigest()[:32]
