"""The way of each field: from the sender's names over the lead's to those of the CRMs. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from mappings.playbook import CrmField, CrmMap, FieldRule, Playbook, Source, Step
from mappings.steps import EXPRESSION
from model.account import ACCOUNT_FIELDS
from model.decision import Place

TYPES: Mapping[type, str] = {
    str: "text",
    int: "whole number",
    float: "number",
    bool: "yes or no",
    date: "day",
    dict: "touch",
}

NEEDED: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "hubspot": {"contacts": ("email",)},
    "salesforce": {"Lead": ("LastName", "Company"), "Contact": ("LastName",)},
}
"""CRM kind -> object -> the fields without which no person is made there.

Salesforce "Object Reference" (Lead, Contact); HubSpot would take a contact without an e-mail, but a create
that is sent twice would make two. What else an account demands, ``leadrelay doctor`` reads there.
"""


OF_COMPANIES = frozenset({"company", *ACCOUNT_FIELDS})
"""Lead fields that a Contact has by its account."""


@dataclass(frozen=True, slots=True)
class Stop:
    """One vendor field on the way."""

    connection: str
    object: str
    rule: CrmField

    @property
    def direction(self) -> str:
        """Which way values go."""
        return "from_crm" if self.rule.read_only else "to_crm" if self.rule.write_only else "both"

    def __str__(self) -> str:
        more = [self.rule.kind, self.rule.authority]
        more += [] if self.direction == "both" else [self.direction]
        more += [f"when {self.rule.when.text}"] if self.rule.when else []
        more += [f"= {self.rule.expression.text}"] if self.rule.expression else []
        return f"{self.object}.{self.rule.remote} ({', '.join(more)})"


@dataclass(frozen=True, slots=True)
class Way:
    """One field of a source, in one of its cases."""

    rule: FieldRule
    type: str
    stops: tuple[Stop, ...]

    @property
    def sender(self) -> str:
        """The sender's fields, as a person would say it."""
        rule = self.rule
        if not rule.paths:
            told = f'"{rule.constant}"'
        elif rule.separator is not None:
            told = " + ".join(rule.paths)
        else:
            told = ", else ".join(rule.paths)
        if rule.default is not None:
            told += f', else "{rule.default}"'
        tests = " and ".join(f"{path} is {' or '.join(values)}" for path, values in rule.when.items())
        return f"{told} (when {tests})" if tests else told

    @property
    def steps(self) -> str:
        """The converters in their order."""
        names = [spoken(step) for step in self.rule.convert] if self.rule.paths else []
        if self.rule.table and "values" not in names and "multi_select" not in names:
            names.insert(0, "values")
        return ", ".join(names)


@dataclass(frozen=True, slots=True)
class Gap:
    """A vendor field that a new person must have there, and that this source never fills."""

    connection: str
    object: str
    remote: str
    why: str
    place: Place


@dataclass(frozen=True, slots=True)
class Ways:
    """All ways of one source, and where they end too early."""

    source: Source
    ways: tuple[Way, ...]
    nowhere: tuple[str, ...]  # lead fields that no CRM is sent
    gaps: tuple[Gap, ...]
    lacking: tuple[tuple[Stop, str], ...] = ()  # a line, and the object of people that has none for its field


def ways_of(source: Source, playbook: Playbook) -> Ways:
    """Return the way of each field of a source."""
    ways = tuple(
        Way(rule, TYPES[playbook.fields.get(rule.field, str)], tuple(_stops(rule.field, playbook.crms)))
        for rule in source.fields
    )
    written = {way.rule.field for way in ways for stop in way.stops if stop.direction != "from_crm"}
    names = dict.fromkeys(way.rule.field for way in ways if not way.rule.field.startswith("record."))
    return Ways(
        source,
        ways,
        tuple(name for name in names if name not in written),
        tuple(gap for crm in playbook.crms.values() for gap in _gaps(crm, set(names))),
        tuple(_lacking(ways, playbook.crms)),
    )


def spoken(step: Step) -> str:
    """Return a converter with its options as the playbook writes it."""
    if not step.options:
        return step.name
    if step.name == EXPRESSION:
        return f"expression({step.options['text']})"
    return f"{step.name}({', '.join(f'{name}: {value}' for name, value in step.options.items())})"


def _stops(field: str, crms: Mapping[str, CrmMap]) -> Iterator[Stop]:
    for connection, crm in crms.items():
        for name, object_map in crm.objects.items():
            for rule in object_map.fields:
                if rule.field == field or (rule.expression and field in rule.expression.fields):
                    yield Stop(connection, name, rule)


def _lacking(ways: tuple[Way, ...], crms: Mapping[str, CrmMap]) -> Iterator[tuple[Stop, str]]:
    """Yield lines whose lead field another object of people has no line for, as a Lead and the Contact."""
    told = set[tuple[str, str, str]]()
    for way in ways:
        held = {(stop.connection, stop.object) for stop in way.stops}
        if way.rule.field in OF_COMPANIES:
            continue
        for stop in way.stops:
            for other in crms[stop.connection].objects:
                key = (stop.connection, other, way.rule.field)
                if (stop.connection, other) not in held and key not in told:
                    told.add(key)
                    yield stop, other


def _gaps(crm: CrmMap, brought: set[str]) -> Iterator[Gap]:
    """Yield what the object needs, in which a new person is made, and this source does not bring."""
    object_map = crm.objects.get(crm.create_object)
    for remote in NEEDED[crm.kind].get(crm.create_object, ()) if object_map else ():
        rules = [rule for rule in object_map.fields if rule.remote == remote] if object_map else []
        place = rules[0].place if rules else crm.place
        if not rules or rules[0].read_only:
            yield Gap(crm.connection, crm.create_object, remote, "no line of the map writes it", place)
        elif rules[0].default is None and rules[0].field not in brought:
            why = f"the source does not bring {rules[0].field}, and the line has no default"
            yield Gap(crm.connection, crm.create_object, remote, why, place)
