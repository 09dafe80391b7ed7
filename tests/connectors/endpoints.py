"""Endpoints for tests: a budget that only takes notes, and tokens that are given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from connectors.base import Endpoint


@dataclass
class Notes:
    """A budget that lets every call through and remembers what it was told."""

    calls: int = 0
    learned: list[dict[str, str]] = field(default_factory=list)
    refusals: list[float] = field(default_factory=list)

    def spend(self, kind: str = "burst", calls: int = 1) -> None:
        """Count calls."""
        self.calls += calls

    def learn(self, headers: Mapping[str, str]) -> None:
        """Remember what an answer said."""
        self.learned.append({name.lower(): value for name, value in headers.items()})

    def refused(self, wait: float) -> None:
        """Remember how long the server wants no calls."""
        self.refusals.append(wait)


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
