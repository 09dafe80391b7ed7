"""What is wrong with a playbook, in words that teach: the place, the fault, and what to write instead."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from model.decision import Place
from model.errors import LeadRelayError

MOST_NAMES_LISTED = 12


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault of the playbook; ``fix`` is a suggestion and may be empty."""

    at: Place
    message: str
    fix: str = ""

    def __str__(self) -> str:
        line = f"{self.at}: {self.message}"
        return f"{line}\n    {self.fix}" if self.fix else line


class PlaybookError(LeadRelayError):
    """The playbook cannot be used; ``problems`` has every fault, sorted by file and line."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(in_order(problems))
        super().__init__(report(self.problems))


def in_order(problems: Iterable[Problem]) -> list[Problem]:
    """Return the problems as a reader goes through the files, each said once."""
    return sorted(
        dict.fromkeys(problems), key=lambda problem: (problem.at.file, problem.at.line, problem.at.column)
    )


def report(problems: Sequence[Problem]) -> str:
    """Write the problems one below the other, and count them."""
    count = "1 problem found." if len(problems) == 1 else f"{len(problems)} problems found."
    return "\n".join([*map(str, problems), count])


def unknown(at: Place, kind: str, name: str, known: Iterable[str]) -> Problem:
    """Say that ``name`` is no such thing (``kind``: "lead field"), and offer the nearest that exists."""
    return Problem(at=at, message=f'there is no {kind} "{name}"', fix=did_you_mean(name, known))


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Offer the nearest known name, else a few to choose from."""
    names = list(dict.fromkeys(known))
    near = get_close_matches(name, names, n=1) or get_close_matches(name.lower(), names, n=1)
    if near:
        return f'Did you mean "{near[0]}"?'
    if not names:
        return ""
    listed = ", ".join(names[:MOST_NAMES_LISTED])
    return f"Known: {listed}, …" if len(names) > MOST_NAMES_LISTED else f"Known: {listed}."
