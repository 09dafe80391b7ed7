"""What the rules of one file may name in the others, and where faults between files are noted."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from mappings.conditions import ConditionCompiler
from mappings.fitting import no_option
from mappings.loader import Document
from mappings.playbook import Condition, Deals, NamedValue
from mappings.problems import Problem, unknown
from model.decision import Place
from model.event import JsonValue
from model.hours import Calendar
from model.lead import LEAD_FIELDS, TOUCH_FIELDS


@dataclass
class Scope:
    """Names as the files declare them, read leniently so that one fault does not make ten."""

    fields: Mapping[str, type]
    stages: tuple[str, ...]
    pools: Collection[str]
    groups: Collection[str]
    objects: Mapping[str, Collection[str]]  # connection -> the vendor's objects
    activities: Collection[str]
    handlers: Collection[str]
    bands: tuple[str, ...] = ()  # of the score, the lowest first
    options: Mapping[str, tuple[str, ...]] = field(
        default_factory=dict
    )  # of fields that hold no other values
    problems: list[Problem] = field(default_factory=list)
    named: list[NamedValue] = field(default_factory=list)  # texts that conditions compare fields with
    consents: Collection[str] = frozenset()  # fields that say how a purpose of consent stands
    confirmed: Collection[str] = frozenset()  # fields that say that a consent was confirmed
    deals: Deals | None = None  # the stages of deals, once they are compiled
    calendars: Collection[str] = ()  # as routing.yaml names them, faulty ones included
    unread: Collection[str] = ()
    """Of which files ("fields", "lifecycle", "sources", "crms", …) one says nothing that can be read: what is
    named elsewhere may well stand there, so nothing is said of it."""
    made_calendars: Mapping[str, Calendar] = field(default_factory=dict)  # once they are compiled

    def fault(self, at: Place, message: str, fix: str = "") -> None:
        """Note a problem."""
        self.problems.append(Problem(at, message, fix))

    def knows(self, at: Place, kind: str, name: str, known: Collection[str]) -> bool:
        """Say whether ``name`` is known; note a problem if not. With no names at all nothing can be said."""
        if name in known or not known:
            return True
        if any(file in self.unread for file in _SAID_IN.get(kind.rpartition(" ")[2], ())):
            return False
        self.problems.append(unknown(at, kind, name, known))
        return False

    def knows_option(self, at: Place, name: str, value: JsonValue) -> bool:
        """Say whether a field may hold a value; note a problem if not."""
        if (wrong := no_option(name, value, self.options.get(name, ()))) is not None:
            self.fault(at, *wrong)
        return wrong is None

    def knows_field(self, at: Place, name: str) -> bool:
        """Say whether ``name`` is a lead field, dotted ones of touches included; note a problem if not."""
        return self.knows(at, "lead field", name, self.field_names)

    @property
    def own_fields(self) -> set[str]:
        """The fields that fields.yaml adds."""
        return set(self.fields) - set(LEAD_FIELDS)

    @cached_property
    def field_names(self) -> list[str]:
        """Every lead field, and every part of those that hold a touch."""
        touches = [name for name, kind in self.fields.items() if kind is dict]
        return [*self.fields, *(f"{touch}.{part}" for touch in touches for part in TOUCH_FIELDS)]

    def condition(self, document: Document, data: Any, *path: str | int) -> Condition | None:
        """Compile a condition; its faults are noted."""
        compiler = ConditionCompiler(
            document,
            self.fields,
            self.stages,
            self.problems,
            bands=self.bands,
            options=self.options,
            named=self.named,
            has_all_fields="fields" not in self.unread,
        )
        return compiler.compile(data, *path)


_SAID_IN: Mapping[str, tuple[str, ...]] = {
    "field": ("fields",),
    "activity": ("sources", "crms"),
    "connection": ("crms",),
    "provider": ("sources", "crms", "enrichment"),
    "object": ("crms",),
    "stage": ("lifecycle",),
    "calendar": ("routing",),
}
"""The last word of a kind of name -> the files that say which there are."""


def declared(document: Document | None, *path: str) -> list[str]:
    """Return the names under a setting: the keys of a mapping, or the ``name`` of each list entry."""
    data = document.data if document else None
    for step in path:
        data = data.get(step) if isinstance(data, dict) else None
    if isinstance(data, dict):
        return list(data)
    if isinstance(data, list):
        return [item["name"] for item in data if isinstance(item, dict) and isinstance(item.get("name"), str)]
    return []
