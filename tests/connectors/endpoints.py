"""Endpoints for tests: a budget that only takes notes, and tokens that are given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from connectors.base import Endpoint, Usage


@dataclass
class Notes:
    """A budget that lets every call through and remembers what it was told."""

    calls: int = 0
    learned: list[list[Usage]] = field(default_factory=list)
    refusals: list[tuple[float | None, str]] = field(default_factory=list)

    def spend(self, kind: str = "burst", calls: int = 1) -> None:
        """Count calls."""
        self.calls += calls

    def learn(self, told: Sequence[Usage]) -> None:
        """Remember what an answer said."""
        self.learned.append(list(told))

    def refused(self, wait: float | None, stops: str = "connection") -> None:
        """Remember how long the server wants no calls, and of what."""
        self.refusals.append((wait, stops))


@dataclass
class Tokens:
    """Tokens in the order they are asked for; the last one stays."""

    waiting: list[str]
    asked: int = 0

    def token(self) -> str:
        """Return the next token."""
        self.asked += 1
        return self.waiting.pop(0) if len(self.waiting) > 1 else self.waiting[0]


def an_endpoint(
    url: str,
    *tokens: str,
    budget: Notes | None = None,
    timeout: tuple[float, float] = (2.0, 5.0),
    **options: str,
) -> Endpoint:
    """An endpoint at an address of this machine."""
    return Endpoint(url, Tokens(list(tokens) or ["token"]), budget or Notes(), timeout, options)
