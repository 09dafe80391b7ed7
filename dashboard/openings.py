"""What the pages are handed to plan and to open an account: the daemon does it, in threads of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Unmade:
    """A field that could not be made in the account, and what a person does about it."""

    field: str
    reason: str
    steps: Sequence[str]


@dataclass(frozen=True, slots=True)
class Opening:
    """How far planning and opening one connection has come since the daemon started."""

    is_planning: bool = False
    is_opening: bool = False
    plan: Mapping[str, Any] | None = None  # as ``leadrelay plan --json`` prints it
    at: datetime | None = None  # when it was made
    expected: int = 0  # records it would write
    at_most: int = 0  # records after which the brake holds, unless a person says otherwise
    problem: str = ""  # why the last step came to nothing
    made: Sequence[str] = ()  # fields that were made in the account
    unmade: Sequence[Unmade] = ()

    @property
    def mark(self) -> str:
        """What a person who has looked at the plan hands back with their word."""
        return self.at.isoformat() if self.at else ""

    @property
    def is_busy(self) -> bool:
        """Say whether something is under way."""
        return self.is_planning or self.is_opening


class Openings(Protocol):
    """Plans and opens connections. What is refused is a ``LeadRelayError`` with a sentence."""

    def look(self, name: str) -> Opening:
        """Return how far a connection is."""

    def plan(self, name: str) -> None:
        """Begin to plan; a plan that is being made goes on."""

    def go_live(self, name: str, agreed: str, at_most: int, by: str) -> None:
        """Begin to open an account by the plan that was ``agreed`` to; refused when it is another by now."""

    def observe(self, name: str, by: str) -> None:
        """Write no more to an account."""
