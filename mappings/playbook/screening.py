"""What does not reach people."""

from __future__ import annotations

from dataclasses import dataclass

from model.decision import Place


@dataclass(frozen=True, slots=True)
class Screening:
    """What ``screen`` refuses to let through to people."""

    place: Place
    disposable: str = "spam"  # "spam" | "quarantine" | "allow"
    role_addresses: str = "review"  # "review" | "allow"
    blocked_domains: frozenset[str] = frozenset()
    role_names: frozenset[str] = frozenset()  # "info", "sales", "office"
