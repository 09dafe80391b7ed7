"""One field of a source, in one case: from the checked file to the rule that reading uses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches
from zoneinfo import available_timezones

from mappings import expressions
from mappings.compiling.scope import Scope
from mappings.compiling.validation import validated_part
from mappings.evaluating import value_of
from mappings.expressions import ExpressionFault, check_value
from mappings.loader import Document, Path_
from mappings.playbook import FieldRule, Step, Table
from mappings.problems import did_you_mean
from mappings.schema import NEEDED, OPTIONS, CaseMap
from mappings.steps import EXPRESSION, KNOWN, OPTION, TYPES, VALUE, VALUES, convert, converters_of, made_by
from mappings.values.converters import Unusable, default_converter
from mappings.values.dates import form_pattern
from model.decision import Place
from model.event import JsonValue

FITTING: Mapping[type, set[type]] = {
    int: {int},
    float: {int, float},
    bool: {bool},
    str: {str, date},
    date: {date},
}
USUAL: Mapping[type, str] = {int: "integer", float: "number", bool: "boolean", str: "text", date: "day"}
ELSE = ("keep", "blank")
_OF_SENDERS = (VALUES, "split", "multi_select", EXPRESSION)  # what a constant does not go through
_EXAMPLES = {"split": '{on: ",", part: 1}', EXPRESSION: "\"value == 'Other' ? null : value\""}
_MADE: Mapping[str, type] = {expressions.TEXT: str, expressions.NUMBER: float, expressions.BOOL: bool}
_WANTED: Mapping[type, str] = {
    str: expressions.TEXT,
    date: expressions.TEXT,
    int: expressions.NUMBER,
    float: expressions.NUMBER,
    bool: expressions.BOOL,
}
NEAR = 0.85  # of a word to one of ``ELSE``: "kep" is meant, "black" is not


@dataclass(frozen=True, slots=True)
class FieldCase:
    """What the file says of one lead field in one case; faults are noted in the scope."""

    field: str
    kind: type
    entry: CaseMap
    path: Path_
    document: Document
    scope: Scope
    region: str

    def rule(self) -> FieldRule | None:
        """Return the rule; ``None`` where something that it cannot do without is wrong."""
        entry = self.entry
        steps, is_sound = self._steps()
        if not is_sound or not self._fits(steps) or not self._says_whence():
            return None
        options = self.scope.options.get(self.field, ())
        if options:
            steps = (*steps, Step(OPTION, {"options": list(options)}))
        table = self._table()
        constant = self._ready("value", entry.value, steps) if entry.value is not None else None
        default = self._ready("default", entry.default, steps) if entry.default is not None else None
        return FieldRule(
            field=self.field,
            paths=tuple(entry.paths or entry.join),
            convert=steps,
            place=self.document.place(*self.path),
            constant=constant,
            when={path: tuple(values) for path, values in entry.when.items()},
            separator=entry.separator if entry.join else None,
            table=table,
            default=default,
        )

    def _place(self, *more: str | int) -> Place:
        return self.document.value_place(*self.path, *more)

    def _key(self, name: str) -> Place:
        return self.document.place(*self.path, name)

    def _says_whence(self) -> bool:
        """Check that there is one place that the value comes from, and nothing that says nothing there."""
        entry, scope = self.entry, self.scope
        given = [bool(entry.paths), bool(entry.join), entry.value is not None]
        if sum(given) != 1:
            if self.document.sound:
                fix = "from names the sender's fields; join puts several together; value is a constant."
                message = f'"{self.field}" needs one of from, join and value'
                scope.fault(self.document.place(*self.path), message, fix)
            return False
        if entry.value is not None and self.field.startswith("record."):
            scope.fault(self._key("value"), "a record's id is no constant", "Name the sender's field: from.")
            return False
        said = entry.model_fields_set
        for name, means in (
            ("separator", bool(entry.join)),
            ("otherwise", bool(entry.values)),
            ("values", entry.value is None),
            ("default", entry.value is None),
        ):
            if name in said and not means:
                needed = {"separator": "join", "otherwise": "values"}.get(name, "from")
                shown = {"otherwise": "else"}.get(name, name)
                fix = f"Take {shown}: out, or add {needed}:."
                scope.fault(self._key(shown), f'"{shown}" says something only beside {needed}', fix)
        return True

    def _steps(self) -> tuple[tuple[Step, ...], bool]:
        if self.entry.convert is None:
            return (Step(default_converter(self.field, self.kind)),), True
        found: list[Step | None] = []
        for n, given in enumerate(self.entry.convert):
            before = made_by(found[-1]) if found and found[-1] else str
            found.append(self._step(given, n, before))
        steps = [step for step in found if step]
        if self.kind is date and steps and steps[-1].name == "date":
            steps[-1] = Step("day", steps[-1].options)  # of a moment the field holds the day alone
        return tuple(steps), None not in found

    def _step(self, given: JsonValue, n: int, before: type) -> Step | None:
        """Return a converter with its options, which only now are checked: each converter has its own.

        ``before`` is the type of what the converter in front of it makes.
        """
        is_listed = (*self.path, "convert", n) in self.document.values
        path: Path_ = (*self.path, "convert", n) if is_listed else (*self.path, "convert")
        name = given if isinstance(given, str) else next(iter(given)) if isinstance(given, dict) else ""
        at = self.document.place(*path, name) if isinstance(given, dict) else self.document.value_place(*path)
        if not self.scope.knows(at, "converter", name, KNOWN):
            return None
        if name == VALUES and not self.entry.values:
            self.scope.fault(at, "there is no table to look up here", "Add values:, or take this out.")
            return None
        if not isinstance(given, dict):
            if name in NEEDED:
                fix = f"Write for example {{{name}: {_EXAMPLES[name]}}}."
                self.scope.fault(at, f'"{name}" needs to be told how', fix)
                return None
            return Step(name)
        if name not in OPTIONS:
            fix = f"Write {name} alone. Options have: {', '.join(OPTIONS)}."
            self.scope.fault(at, f'"{name}" has no options', fix)
            return None
        model, problems = validated_part(self.document, given[name], OPTIONS[name], *path, name)
        self.scope.problems.extend(problems)
        if model is None:
            return None
        options = model.model_dump(exclude_none=True)
        if name == EXPRESSION:
            is_last = n + 1 == len(self.entry.convert or ())
            return self._expression(options["text"], (*path, name), before, is_last=is_last)
        return Step(name, options) if self._means_something(options, (*path, name)) else None

    def _expression(self, source: str, path: Path_, before: type, *, is_last: bool) -> Step | None:
        """Return an expression with what it takes and makes; the last one makes what the field holds."""
        takes = str if before is date else before
        wanted = _WANTED[self.kind] if is_last else None
        path = (*path, "text") if (*path, "text") in self.document.values else path
        try:
            checked = check_value(source, {VALUE: takes}, wanted)
            value_of(checked, {VALUE: takes}, self.field, self.document.value_place(*path))
        except ExpressionFault as fault:
            at = self.document.place_within(path, fault.at)
            self.scope.fault(at, fault.message, fault.fix or f'The value so far is called "{VALUE}".')
            return None
        makes = self.kind if is_last and self.kind is not date else _MADE[checked.makes]
        names = {kind: name for name, kind in TYPES.items()}
        return Step(EXPRESSION, {"text": source, "takes": names[takes], "makes": names[makes]})

    def _means_something(self, options: Mapping[str, JsonValue], path: Path_) -> bool:
        zone, form = options.get("zone"), options.get("form")
        if isinstance(zone, str) and zone not in available_timezones():
            at = self.document.value_place(*path, "zone")
            fix = did_you_mean(zone, sorted(available_timezones()))
            self.scope.fault(at, f'there is no time zone "{zone}"', fix if "mean" in fix else _ZONES)
            return False
        if isinstance(form, str):
            try:
                form_pattern(form)
            except ValueError as error:
                self.scope.fault(self.document.value_place(*path, "form"), str(error))
                return False
        return True

    def _fits(self, steps: tuple[Step, ...]) -> bool:
        """Check that the last converter makes what the field holds."""
        made = made_by(steps[-1]) if steps else str
        if made in FITTING[self.kind]:
            return True
        wanted = USUAL[self.kind]
        message = f'"{self.field}" needs the converter "{wanted}" at the end'
        self.scope.fault(self._place("convert"), message, f"Write convert: {wanted}, or leave it out.")
        return False

    def _table(self) -> Table | None:
        entry = self.entry
        if not entry.values:
            return None
        seen: dict[str, str] = {}
        for name in entry.values:
            first = seen.setdefault(" ".join(name.split()).casefold(), name)
            if first != name:
                at = self.document.place(*self.path, "values", name)
                self.scope.fault(at, f'"{name}" is "{first}" in another case', "Take one of the two out.")
            self.scope.knows_option(
                self.document.value_place(*self.path, "values", name), self.field, entry.values[name]
            )
        otherwise = entry.otherwise
        if otherwise not in ELSE:
            self.scope.knows_option(self._place("else"), self.field, otherwise)
        if otherwise in ELSE:
            return Table(dict(entry.values), str(otherwise))
        near = get_close_matches(str(otherwise).lower(), ELSE, n=1, cutoff=NEAR)
        if near or otherwise is None:
            fix = f"Write {near[0]}." if near else "Write keep, blank, or a value."
            self.scope.fault(self._place("else"), f'"{otherwise or ""}" is not possible here', fix)
        return Table(dict(entry.values), "value", otherwise)

    def _ready(self, setting: str, value: JsonValue, steps: tuple[Step, ...]) -> JsonValue:
        """Return a constant as the field holds it; the table is for what senders write, not for this."""
        ours = tuple(step for step in steps if step.name not in _OF_SENDERS)
        try:
            return convert(value, converters_of(ours), self.region)
        except Unusable as error:
            self.scope.fault(self._place(setting), f"the value {error.reason}")
            return None


_ZONES = "Write a name such as Europe/Berlin or America/New_York."
