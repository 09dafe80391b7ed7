"""Inward: a sender's post becomes a Reading in canonical words. Pure; wrong posts make problems."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mappings.memory import once_each
from mappings.paths import choose
from mappings.playbook import ActivityRule, FieldRule, Playbook, Source, SourceAuth
from mappings.reading import BAD_VALUE, FieldProblem, Reading
from mappings.steps import convert, converters_of, joined
from mappings.touches import Post, read_touch
from mappings.unfolding import unfold
from mappings.values import identity
from mappings.values.converters import (
    CONVERTERS,
    REGIONAL,
    Converter,
    Unusable,
    boolean,
    default_converter,
    is_blank,
    text,
)
from model.cause import NO_SOURCE
from model.decision import Place
from model.event import CAPTCHA_TOKEN, IMPORT, LEAD_READ, JsonValue, StoredEvent
from model.lead import DECIDED_FIELDS, Activity, Identity, Touch

TEST_MARK = "_leadrelay_test"
MAX_DETAIL = 255
FIELD_MISSING = "FIELD_MISSING"
SAID_BY_PEOPLE = (
    "lead",
    "release",
    "captcha",  # a provider's, this one
    "lead_ads",  # and this one
)  # a person's word on a replay, for ``identify`` and ``screen``; no fields

_NOTHING: Mapping[str, Any] = {}


def settable(playbook: Playbook) -> list[str]:
    """Return the fields that a person may correct on a replay."""
    return [name for name in playbook.fields if name not in DECIDED_FIELDS]


def read(stored: StoredEvent, playbook: Playbook) -> Reading:
    """Return what the event's source means by its post.

    Values that a person set on replay win over the sender's. Never raises for what was posted.
    """
    source = playbook.sources.get(stored.event.source)
    if source is None:
        return _without_source(stored)
    return _Reader(stored, source, playbook).reading()


def read_answer(
    stored: StoredEvent, reader: Source, values: Mapping[str, JsonValue], playbook: Playbook
) -> Reading:
    """Return what values of a provider mean, by path; only fields and problems of the reading count."""
    return _Reader(stored, reader, playbook, values).reading()


def _without_source(stored: StoredEvent) -> Reading:
    name = stored.event.source
    place = Place(f"sources/{name}.yaml", 1)
    problem = FieldProblem("source", f'"{name}" is no longer in the playbook', place, code=NO_SOURCE.code)
    return Reading(stored, Source(name, place, SourceAuth("none", place), ()), problems=(problem,))


Tests = tuple[tuple[str, frozenset[str]], ...]
"""Paths, each with the values that it may have, in small letters."""


@dataclass(frozen=True, slots=True)
class _Case:
    """One rule of a field, prepared."""

    rule: FieldRule
    tests: Tests
    converters: tuple[Converter, ...]
    is_phone: bool


@dataclass(frozen=True, slots=True)
class _Plan:
    """A source prepared for reading many posts: of each field its cases, the first that holds counts."""

    fields: tuple[tuple[_Case, ...], ...]
    regional: tuple[tuple[_Case, ...], ...]
    """Those to which the lead's country matters."""
    activities: tuple[tuple[ActivityRule, Tests], ...]


@once_each
def _plan(source: Source) -> _Plan:
    cases: dict[str, list[_Case]] = {}
    for rule in source.fields:
        converters = converters_of(rule.convert, rule.table, rule.field, rule.place) or (text,)
        is_phone = any(step.name == "phone" for step in rule.convert)
        cases.setdefault(rule.field, []).append(_Case(rule, _tests(rule.when), converters, is_phone))
    by_country = {
        rule.field for rule in source.fields for step in rule.convert if step.name in REGIONAL and rule.paths
    }
    early = [tuple(found) for name, found in cases.items() if name not in by_country]
    return _Plan(
        fields=tuple(sorted(early, key=lambda found: bool(found[0].rule.paths))),  # constants are told first
        regional=tuple(tuple(found) for name, found in cases.items() if name in by_country),
        activities=tuple((rule, _tests(rule.when)) for rule in source.activities),
    )


def _tests(when: Mapping[str, tuple[str, ...]]) -> Tests:
    return tuple((path, frozenset(value.casefold() for value in accepted)) for path, accepted in when.items())


class _Reader:
    """Reads one event; collects problems on the way."""

    def __init__(
        self,
        stored: StoredEvent,
        source: Source,
        playbook: Playbook,
        body: Mapping[str, JsonValue] | None = None,
    ) -> None:
        """Prepare it; ``body`` is read instead of what was posted."""
        self.stored = stored
        self.source = source
        self.plan = _plan(source)
        self.playbook = playbook
        self.problems: list[FieldProblem] = []
        payload: Any = stored.event.payload
        if not isinstance(payload, Mapping):
            payload = _NOTHING
        self.captcha: str | None = payload.get(CAPTCHA_TOKEN)
        self.ip = str(payload.get("ip") or "")
        self.body = self._object(payload.get("body")) if body is None else body
        if source.json_fields:
            self.body = unfold(self.body, source.json_fields, self._note_lightly)
        query, headers = payload.get("query"), payload.get("headers")
        self.query: Mapping[str, Any] = query if isinstance(query, Mapping) else _NOTHING
        self.headers: Mapping[str, Any] = headers if isinstance(headers, Mapping) else _NOTHING

    def reading(self) -> Reading:
        """Return all that could be understood, and what could not."""
        fields, records = self._fields()
        self._check_required(fields)
        at = self.stored.event.occurred_at
        source = self.source
        post = Post(self.find, self._names(), source.touch_paths, self._note_lightly)
        return Reading(
            stored=self.stored,
            source=source,
            fields=fields,
            identities=(*records, *_person(fields)),
            touch=Touch(at, read_touch(post, source.touch_constants)),
            activities=self._activities(at),
            problems=tuple(self.problems),
            honeypot=tuple(path for path in source.honeypot if not is_blank(self.find(path))),
            is_test=is_marked(self.body),
            filled_in_ms=self._filled_in_ms(),
            captcha=self.captcha,
            notice=self._notice(),
            ip=self.ip,
        )

    def find(self, path: str) -> JsonValue:
        """Return what a path leads to: in the body, else for ``query.`` and ``headers.`` there."""
        if "." not in path:
            return self.body.get(path)
        found = look_up(self.body, path)
        if found is None and path.startswith("query."):
            return look_up(self.query, path[6:])
        if found is None and path.startswith("headers."):
            return self.headers.get(path[8:].lower())
        return found

    def _filled_in_ms(self) -> float | None:
        """Return how long the form was open; ``None`` where nobody says so in a number."""
        said = self.find(self.source.fill_time_path) if self.source.fill_time_path else None
        try:
            took = float(said) if isinstance(said, str | int | float) and not isinstance(said, bool) else -1.0
        except ValueError:
            return None
        return took if 0 <= took < float("inf") else None

    def _notice(self) -> str:
        """Return the number of the lead that is still to be read; blank where the post has what is needed."""
        payload = self.stored.event.payload
        if self.source.lead_ads is None or not isinstance(payload, Mapping):
            return ""
        return "" if LEAD_READ in payload or IMPORT in payload else self.stored.event.event_id

    def _names(self) -> set[str]:
        """Return the names of everything that was sent."""
        names = set(self.body)
        names.update(f"query.{name}" for name in self.query)
        names.update(f"headers.{name}" for name in self.headers)
        return names

    def _object(self, body: JsonValue) -> Mapping[str, Any]:
        if isinstance(body, Mapping) and body:
            return body
        kind = "a list" if isinstance(body, list) else "a single value" if body else "empty"
        self._note("body", f"is {kind}; an object with named fields is expected")
        return _NOTHING

    def _note(
        self,
        field: str,
        reason: str,
        place: Place | None = None,
        *,
        fatal: bool = True,
        code: str = BAD_VALUE,
    ) -> None:
        self.problems.append(FieldProblem(field, reason, place or self.source.place, fatal, code))

    def _note_lightly(self, field: str, reason: str) -> None:
        self._note(field, reason, fatal=False)

    def _fields(self) -> tuple[dict[str, JsonValue], list[Identity]]:
        fields: dict[str, JsonValue] = {}
        records: list[Identity] = []
        for name, value in self._values(self.plan.fields, ""):
            if name.startswith("record."):
                _, connection, object_type = name.split(".", 2)
                records.append(identity.record_identity(connection, object_type, str(value)))
            else:
                fields[name] = value
        if self.stored.overrides:
            self._override(fields)
        # Last: the lead's country says how a telephone number or a state is meant.
        fields.update(self._values(self.plan.regional, str(fields.get("country") or "")))
        return fields, records

    def _values(self, fields: tuple[tuple[_Case, ...], ...], country: str) -> Iterator[tuple[str, JsonValue]]:
        """Yield each field that has a value in the first of its cases that holds."""
        overrides = self.stored.overrides
        for cases in fields:
            case: _Case | None = cases[0]
            if cases[0].rule.field in overrides:
                continue
            if cases[0].tests:
                case = next((case for case in cases if self._holds(case.tests)), None)
            value = self._value(case, country) if case else None
            if value is not None:
                yield cases[0].rule.field, value

    def _holds(self, tests: Tests) -> bool:
        return all(self._text(path).casefold() in accepted for path, accepted in tests)

    def _value(self, case: _Case, country: str) -> JsonValue:
        """Return the converted value of the first path that is not blank, else what the rule says then."""
        rule = case.rule
        if not rule.paths:
            return rule.constant
        own = self.source.region
        reason = ""
        for region in (country, own) if case.is_phone and country not in ("", own) else (country or own,):
            try:
                raw = self._raw(rule)
                return rule.default if raw is None else convert(raw, case.converters, region)
            except Unusable as error:
                reason = reason or error.reason
        self._note(rule.field, reason, rule.place, fatal=rule.field == "email")
        return None

    def _raw(self, rule: FieldRule) -> JsonValue:
        """Return what the sender wrote, all of it where the rule puts several fields together."""
        if rule.separator is not None:
            return joined([self.find(path) for path in rule.paths], rule.separator) or None
        for path in rule.paths:
            raw = self.find(path)
            if raw is not None and not is_blank(raw):
                return raw
        return None

    def _override(self, fields: dict[str, JsonValue]) -> None:
        """Put in what a person set on replay; a blank one takes the field away."""
        for name, value in self.stored.overrides.items():
            if name in SAID_BY_PEOPLE:
                continue
            kind = self.playbook.fields.get(name)
            if kind is None or name in DECIDED_FIELDS:
                self._note(name, "cannot be set by hand", fatal=False)
            elif is_blank(value):
                fields.pop(name, None)
            else:
                try:
                    region = str(fields.get("country") or self.source.region)
                    fields[name] = CONVERTERS[default_converter(name, kind)](value, region)
                except Unusable as error:
                    self._note(name, error.reason)

    def _check_required(self, fields: Mapping[str, JsonValue]) -> None:
        for rule in self.source.required:
            if not any(name in fields for name in rule.any_of):
                others = "".join(f" or {name}" for name in rule.any_of[1:])
                self._note(
                    rule.any_of[0], f"{others.strip()} is required".strip(), rule.place, code=FIELD_MISSING
                )

    def _activities(self, at: datetime) -> tuple[Activity, ...]:
        """Return the activity of the first rule that fits, if any."""
        for rule, tests in self.plan.activities:
            if self._holds(tests):
                detail = self._text(rule.detail_path)[:MAX_DETAIL] if rule.detail_path else ""
                return (Activity(rule.kind, at, detail),)
        return ()

    def _text(self, path: str) -> str:
        try:
            value = self.find(path)
            return "" if value is None else text(value)
        except Unusable:
            return ""


def is_test(payload: Mapping[str, JsonValue]) -> bool:
    """Say whether a post, as it came in, is marked as a test."""
    body = payload.get("body")
    return isinstance(body, Mapping) and is_marked(body)


def is_marked(body: Mapping[str, JsonValue]) -> bool:
    """Say whether the sender's words mark a test."""
    try:
        mark = body.get(TEST_MARK)
        return mark is not None and boolean(mark)
    except Unusable:
        return False


def look_up(data: Mapping[str, Any], path: str) -> JsonValue:
    """Return what a dotted path leads to, or ``None``; a field of that very name comes first."""
    found = data.get(path)
    if found is not None or "." not in path:
        return found
    if "[" in path:
        return choose(data, path)
    inside: Any = data
    for step in path.split("."):
        if isinstance(inside, Mapping):
            inside = inside.get(step)
        elif isinstance(inside, list) and step.isdecimal() and len(step) < 6:
            inside = inside[int(step)] if int(step) < len(inside) else None
        else:
            return None
    return inside


def _person(fields: Mapping[str, JsonValue]) -> list[Identity]:
    """Return the keys that the fields hold, the stronger first."""
    found = []
    if fields.get("email"):
        found.append(identity.email_identity(str(fields["email"])))
    if fields.get("phone"):
        found.append(identity.phone_identity(str(fields["phone"])))
    return found
