"""What the pages are handed to connect accounts in the browser, and to let them go: the daemon does it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from model.errors import LeadRelayError


@dataclass(frozen=True, slots=True)
class Standing:
    """How one connection stands with the sign-in of its vendor."""

    vendor: str  # as people call it
    may_begin: bool = False
    is_sandbox: bool = False  # on this machine: written to as soon as it is connected
    lacks: str = ""  # what has to be set before anybody can connect in the browser
    hosts: Sequence[tuple[str, str]] = ()  # where people may sign in: value, words; none: one place
    is_kept: bool = False  # its credentials are in the store: it can be disconnected here
    method: str = ""
    account: str = ""
    by: str = ""  # who connected it
    at: datetime | None = None
    reconnect: str = ""  # why it is to be connected anew


@dataclass(frozen=True, slots=True)
class Beginning:
    """What a person asks for who presses Connect."""

    name: str  # of the connection
    host: str  # one of ``Standing.hosts``, or blank
    domain: str  # My Domain, where that was chosen
    session: str  # the browser's token
    home: str  # the address of these pages: https://leads.example.com
    by: str


class NotConnected(LeadRelayError):
    """A person came back from the vendor's page, and nothing was connected."""

    def __init__(self, message: str, fix: str, name: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.fix = fix
        self.name = name  # of the connection, where that is known


class Grants(Protocol):
    """Connects and disconnects accounts. What is refused is a ``LeadRelayError`` with a sentence."""

    def look(self, name: str) -> Standing:
        """Return how a connection of the playbook stands."""

    def begin(self, one: Beginning) -> str:
        """Return the address of the vendor's page to which the person goes now."""

    def finish(self, kind: str, session: str, answer: Mapping[str, str]) -> str:
        """Take what a person brought back; return the connection's name. Raises ``NotConnected``."""

    def disconnect(self, name: str, by: str) -> str:
        """Forget an account's credentials; return what became of them at the vendor."""
