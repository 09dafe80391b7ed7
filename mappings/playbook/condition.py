"""A test of a lead."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from model.decision import Place
from model.lead import Lead


class Term(Protocol):
    """A condition, or a part of one."""

    @property
    def test(self) -> Callable[[Lead], bool]:
        """Say whether a lead satisfies it."""

    @property
    def text(self) -> str:
        """Return it as a person would say it."""

    @property
    def fields(self) -> frozenset[str]:
        """Return the lead fields that it asks for."""

    @property
    def glue(self) -> str:
        """Return how its parts are put together."""

    @property
    def parts(self) -> tuple[Term, ...]:
        """Return what it is put together of."""


@dataclass(frozen=True, slots=True)
class Condition:
    """A declarative test of a lead, compiled once; blank fields never match except ``is_blank``."""

    test: Callable[[Lead], bool]
    text: str  # as a person would say it: "country in DE, AT, CH"
    place: Place
    fields: frozenset[str] = frozenset()
    glue: str = ""  # "and" | "or" | "not": how the parts are put together; blank: it has none
    parts: tuple[Term, ...] = ()

    def matches(self, lead: Lead) -> bool:
        """Say whether the lead satisfies the condition."""
        return self.test(lead)


@dataclass(frozen=True, slots=True)
class NamedValue:
    """A text that a condition compares a field with as a whole: it should be one that the field can have."""

    field: str
    value: str
    place: Place


@dataclass(frozen=True, slots=True)
class Expression:
    """What makes a value of a lead's fields; blank where one that it is made of is."""

    value: Callable[[Callable[[str], Any]], str | float | bool | None]
    text: str  # as the playbook writes it
    place: Place
    fields: frozenset[str]  # the lead fields that it asks for
    kind: str  # of the line whose value it is: "text", "number" or "bool"

    def of(self, lead: Lead) -> str | float | bool | None:
        """Return the value for a lead."""
        return self.value(lead.get)
