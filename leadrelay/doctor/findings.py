"""One line of the doctor's: how it stands, the fact, and what to do."""

from __future__ import annotations

from dataclasses import dataclass

OK, WARN, PROBLEM = "ok", "warn", "problem"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at and found; ``fix`` says what to do where it is not ok."""

    level: str
    area: str  # "store", "playbook", "hubspot", …
    fact: str
    fix: str = ""


@dataclass(frozen=True, slots=True)
class Area:
    """Makes findings about one thing: ``area.warn("fact", "what to do")``."""

    name: str

    def ok(self, fact: str) -> Finding:
        """Return a finding of something that is as it should be."""
        return Finding(OK, self.name, fact)

    def warn(self, fact: str, fix: str) -> Finding:
        """Return a finding of something that works, but not for long or not in every case."""
        return Finding(WARN, self.name, fact, fix)

    def problem(self, fact: str, fix: str) -> Finding:
        """Return a finding of something that does not work."""
        return Finding(PROBLEM, self.name, fact, fix)


def named(names: list[str], most: int = 8) -> str:
    """Return a list of names for a sentence, cut where it is long."""
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")
