"""The connected accounts that may call us, and what their receivers share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from flask import Request

from model.errors import LeadRelayError, Refused
from webhooks import envelope, signatures
from webhooks.signatures import SecretOf

LARGEST = 4 * 1024 * 1024  # bytes; HubSpot sends a hundred events a call, Salesforce as many records


@dataclass(frozen=True, slots=True)
class Caller:
    """One connection of the playbook as its receiver sees it."""

    connection: str
    account: str  # the vendor's id of the account, "" where it is not known yet
    objects: frozenset[str]  # that are mapped; what is said of others leads to nothing
    secrets: tuple[str, ...]  # environment variables: the first that is set counts
    certificate: tuple[str, str] | None = None  # header and value by which a proxy vouches for the client's

    def secret(self, secret_of: SecretOf) -> str:
        """Return the secret, "" when none is set. Raises ``Refused`` while it cannot be read."""
        for name in self.secrets:
            try:
                if found := secret_of(name):
                    return found
            except LeadRelayError as error:
                raise signatures.unreadable(name, error) from error
        return ""


Callers = Callable[[str], Sequence[Caller]]
"""Kind of CRM -> its connections. Raises ``StoreBusy`` while the store cannot say."""


@dataclass(frozen=True, slots=True)
class Hooks:
    """What the receivers of CRMs need."""

    callers: Callers
    long_id: Callable[[str], str]  # Salesforce id of 15 or 18 characters -> the same with 18
    public_url: str = ""  # where HubSpot was told to send


def body_of(request: Request) -> bytes:
    """Return the raw body. Raises ``Refused`` for one that is too large, compressed or cut off."""
    return envelope.read_within(request, LARGEST, _too_large)


def _too_large() -> Refused:
    return Refused(413, "too_large", f"The body is larger than {LARGEST} bytes", "Send less in one request.")
