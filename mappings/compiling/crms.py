"""CRM maps: from the checked file to what drafts, differences and connectors use."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from mappings.compiling import accounts as compile_accounts
from mappings.compiling import deals as compile_deals
from mappings.compiling.authority import check_line, is_read_only, is_write_only
from mappings.compiling.making import made_of
from mappings.compiling.scope import Scope
from mappings.compiling.validation import Checked
from mappings.engagements import ASKED
from mappings.loader import Document
from mappings.playbook import (
    Breaker,
    Condition,
    CrmField,
    CrmMap,
    DeleteBrake,
    Limits,
    ObjectMap,
    Polling,
    Reconciling,
    TaskMap,
)
from mappings.schema import CrmFieldMap, CrmFile, ObjectFile, ReconcileMap
from mappings.values.durations import duration
from model.account import ACCOUNT_FIELDS
from model.deal import DEAL_FIELDS
from model.decision import Place
from model.engagement import COUNTED
from model.lead import LINKS

TASK_OBJECTS = {"hubspot": "tasks", "salesforce": "Task"}
PEOPLE = {"hubspot": ("contacts",), "salesforce": ("Contact", "Lead")}  # a Contact is what a Lead becomes
TEXT_ONLY = {"hubspot"}  # answers every value as text, whatever the property's type

# When the day's allowance is new. HubSpot "API usage guidelines": at midnight of the account's time zone;
# Salesforce "App Limits Cheat Sheet": the last 24 hours count.
DAYS = {"hubspot": "midnight", "salesforce": "rolling"}
LEAST_PAUSE = timedelta(seconds=10)  # between two looks at an object of activities
SEARCHES = {"hubspot": 5.0}  # HubSpot "CRM search": five a second and account


def compile_crm(checked: Checked[CrmFile], connection: str, scope: Scope) -> CrmMap:
    """Return the map of one connection; what it names wrongly is noted in the scope."""
    file, document = checked.model, checked.document
    people = [name for name in file.objects if name not in (file.account, file.deal)]
    if checked.document.sound:
        scope.knows(document.value_place("create"), "object", file.create, people)
        compile_accounts.check_objects(checked, scope)
        compile_deals.check_object(checked, scope)
    for n, name in enumerate(file.needs):
        scope.knows(document.value_place("needs", n), "connection", name, list(scope.objects))
    return CrmMap(
        connection=connection,
        kind=file.kind,
        create_object=file.create,
        objects={
            name: _object_map(name, file.objects[name], file.kind, document, Known(scope, connection, LEADS))
            for name in people
        },
        limits=_limits(file),
        place=document.place("connection"),
        needs=tuple(file.needs),
        read_before_write=duration(file.read_before_write),
        account=_other_map(file.account, file, document, Known(scope, connection, ACCOUNTS)),
        associates=file.associate,
        consent_read_within=duration(file.consent_read_within),
        tasks=TaskMap(TASK_OBJECTS[file.kind], file.tasks.key_field, document.place("tasks"))
        if file.tasks
        else None,
        match=_match(file, document, scope),
        breaker=Breaker(file.breaker.flips, duration(file.breaker.per)),
        polling=Polling(
            duration(file.poll.every),
            duration(file.poll.overlap),
            duration(file.poll.sweep_every),
            duration(file.poll.sweep_overlap),
            _activities(file, document, scope),
        ),
        reconcile=_reconciling(file.reconcile),
        adopts=file.adopt == "all",
        adopt_when=scope.condition(document, file.adopt_when, "adopt_when")
        if file.adopt_when is not None
        else None,
        merges=file.merges,
        on_delete=file.on_delete,
        on_forget=file.on_forget,
        delete_brake=DeleteBrake(
            file.delete_brake.count, file.delete_brake.share, duration(file.delete_brake.per)
        ),
        deal=_other_map(file.deal, file, document, Known(scope, connection, DEALS)),
        adopts_deals=file.adopt_deals == "known",
        creates_deals=file.create_deals,
    )


def _reconciling(file: ReconcileMap) -> Reconciling:
    hours, minutes = map(int, file.at.split(":"))
    return Reconciling(file.sample, timedelta(hours=hours, minutes=minutes), file.alarm_above)


LEADS, ACCOUNTS, DEALS = "lead", "account", "deal"
"""What an object can hold."""

FIELDS: Mapping[str, Mapping[str, type]] = {ACCOUNTS: ACCOUNT_FIELDS, DEALS: DEAL_FIELDS}


@dataclass(frozen=True, slots=True)
class Known:
    """What the lines of an object may name: the fields of what it holds, and other connections."""

    scope: Scope
    connection: str
    holds: str

    @property
    def types(self) -> Mapping[str, type]:
        """Field names with the type of their value."""
        return FIELDS.get(self.holds, self.scope.fields)

    def knows(self, at: Place, name: str) -> bool:
        """Say whether a line may hold this field; note a problem if not."""
        outer, dot, inner = name.partition(".")
        if outer == LINKS and dot:
            others = [one for one in self.scope.objects if one != self.connection]
            return self.scope.knows(at, "other connection", inner, others)  # the only one: never filled
        if self.holds in FIELDS:
            return self.scope.knows(at, f"{self.holds} field", name, list(FIELDS[self.holds]))
        return self.scope.knows_field(at, name)


def _match(file: CrmFile, document: Document, scope: Scope) -> tuple[str, ...]:
    """Return where people are looked for; where they are created must be among it, or they would be twice."""
    known = PEOPLE[file.kind]
    for n, name in enumerate(file.match):
        scope.knows(document.value_place("match", n), "object of people", name, known)
    if file.match and file.create in known and file.create not in file.match:
        text = f"a person who was created as {file.create} would not be found again"
        scope.fault(document.place("match"), text, f"Add {file.create} to match:.")
    return tuple(dict.fromkeys(file.match)) or known


def _activities(file: CrmFile, document: Document, scope: Scope) -> Mapping[str, timedelta]:
    """Return which objects of activities are followed, and how often each is looked at."""
    for name in file.poll.activities:
        scope.knows(
            document.place("poll", "activities", name), "object of activities", name, ASKED[file.kind]
        )
    paces = {name: duration(every) for name, every in file.poll.activities.items()}
    for name, every in paces.items():
        if every < LEAST_PAUSE:
            at = document.value_place("poll", "activities", name)
            scope.fault(at, f"{name} would be looked at without a pause", "Write 10s or more.")
    return paces


def activities_of(crms: Mapping[str, Document]) -> set[str]:
    """Return what rules may count, where any map follows activities."""
    polls = (document.data.get("poll") for document in crms.values() if isinstance(document.data, dict))
    return set(COUNTED) if any(isinstance(one, dict) and one.get("activities") for one in polls) else set()


def _limits(file: CrmFile) -> Limits:
    limits = file.limits
    return Limits(
        burst_calls=limits.burst_calls,
        burst_seconds=limits.burst_seconds,
        daily_calls=limits.daily_calls,
        reserve=limits.reserve,
        search=limits.search or SEARCHES.get(file.kind),
        day=DAYS.get(file.kind, "rolling"),
    )


def _other_map(name: str | None, file: CrmFile, document: Document, known: Known) -> ObjectMap | None:
    """Return the map of the object that holds companies, or deals; ``None`` where none does."""
    if name is None or name not in file.objects:
        return None
    return _object_map(name, file.objects[name], file.kind, document, known)


def _object_map(name: str, entry: ObjectFile, kind: str, document: Document, known: Known) -> ObjectMap:
    fields = [
        rule
        for remote, field in entry.fields.items()
        if (rule := _crm_field(name, remote, field, kind, document, known)) is not None
    ]
    id_field = entry.id_field
    id_rule = next((rule for rule in fields if rule.field == "id"), None)
    if id_field and id_rule is None:
        place = document.place("objects", name, "id_field")
        fields.insert(0, CrmField("id", id_field, "leadrelay", place))
    if known.holds == DEALS:
        fields = compile_deals.completed(fields)
    return ObjectMap(
        object=name,
        fields=tuple(fields),
        place=document.place("objects", name),
        id_field=id_field or (id_rule.remote if id_rule else ""),
        as_text=kind in TEXT_ONLY,
        currency=compile_deals.currency_of(fields, known.scope.deals) if known.holds == DEALS else "",
    )


def _crm_field(
    object_name: str, remote: str, entry: CrmFieldMap, vendor: str, document: Document, known: Known
) -> CrmField | None:
    path = ("objects", object_name, "fields", remote)
    name, scope, types = entry.field, known.scope, known.types
    if name != "id" and not known.knows(document.value_place(*path, "field"), name):
        return None
    is_of_deal = known.holds == DEALS
    made = made_of(entry, document, known.scope, path, is_of_people=known.holds == LEADS)
    usual = compile_deals.usual_kind(name) if is_of_deal else _usual_kind(name, types)
    kind = entry.kind or (made.kind if made else usual)
    at = document.place(*path)
    if name.startswith(f"{LINKS}.") and entry.authority != "leadrelay":
        fix = "Only leadrelay knows which records belong together: write authority: leadrelay."
        scope.fault(document.value_place(*path, "authority"), f'"{name}" is leadrelay\'s', fix)
    if vendor == "salesforce" and re.search(r"[^_]_c$", remote):
        fix = f"Fields of your own end in two underscores and c: {remote[:-2]}__c."
        scope.fault(at, f"{vendor} has no field that is called {remote}", fix)
    if types.get(name) is dict:
        fix = f'Name a part of it: "{name}.source".'
        scope.fault(document.value_place(*path, "field"), f'"{name}" is a whole touch, not one value', fix)
    if is_of_deal:
        compile_deals.check_line(entry, kind, document, scope, path)
    elif kind in compile_deals.MEANT and not (kind == "date" and types.get(name) is date):
        fix = (
            f'Say "type: date" of "{name}" in fields.yaml.'
            if kind == "date" and name in scope.own_fields
            else ""
        )
        scope.fault(document.value_place(*path, "kind"), f"only deals have fields of kind {kind}", fix)
    if kind in ("stage", "owner") and (name != kind or (is_of_deal and kind == "stage")):
        scope.fault(document.value_place(*path, "kind"), f'only the lead field "{kind}" is of kind {kind}')
    if name == "stage" and not is_of_deal:
        for stage in entry.values:
            scope.knows(document.place(*path, "values", stage), "stage", stage, scope.stages)
    for ours in entry.values if kind == "text" else ():
        scope.knows_option(document.place(*path, "values", ours), name, ours)
    if kind == "range":
        _check_brackets(entry, document, scope, *path)
    check_line(entry, kind, document, scope, *path)
    is_moment = is_of_deal and kind == "date" and vendor in TEXT_ONLY  # what HubSpot keeps a close date as
    zone = known.scope.deals.time_zone if is_moment and known.scope.deals else ""
    if entry.direction == "off":
        return None
    return CrmField(
        field=name,
        remote=remote,
        authority=entry.authority,
        place=at,
        kind=kind,
        values=dict(entry.values),
        default=entry.default,
        max_length=entry.max_length,
        allow_clear=entry.allow_clear,
        read_only=is_read_only(entry),
        write_only=is_write_only(entry),
        blank_values=tuple(entry.blank_values),
        zone=zone,
        when=_when(entry, document, known, *path),
        expression=made,
    )


def _when(entry: CrmFieldMap, document: Document, known: Known, *path: str) -> Condition | None:
    """Return the condition of a line; one that is read cannot have one.

    What the CRM holds while the condition does not is left over from before: read back it would pass for
    what somebody had typed.
    """
    if entry.when is None:
        return None
    scope, at = known.scope, document.place(*path, "when")
    if known.holds != LEADS:
        scope.fault(at, "only lines of people have a condition", "Take when: out.")
        return None
    if not is_write_only(entry):
        fix = (
            "What is left over there while it does not hold would be read as an edit: add direction: to_crm."
        )
        scope.fault(at, "a line with a condition is only written", fix)
        return None
    return scope.condition(document, entry.when, *path, "when")


def _check_brackets(entry: CrmFieldMap, document: Document, scope: Scope, *path: str) -> None:
    if not entry.values:
        scope.fault(
            document.value_place(*path, "kind"), "a range needs values: the least number of each bracket"
        )
    for least in entry.values:
        if not least.replace(".", "", 1).isdigit():
            fix = 'Write the least number of the bracket: "50": "50-100".'
            scope.fault(document.place(*path, "values", least), f'"{least}" is not a number', fix)


def _usual_kind(name: str, fields: Mapping[str, type]) -> str:
    """Return the kind that follows from the lead field."""
    if name in ("stage", "owner"):
        return name
    if name.endswith(".at"):
        return "datetime"
    return {int: "number", float: "number", bool: "bool", date: "date"}.get(fields.get(name, str), "text")


def check_needs(crms: Mapping[str, CrmMap], places: Mapping[str, Place], scope: Scope) -> None:
    """Find connections that wait for each other; each circle is told once."""
    told: set[frozenset[str]] = set()
    for start in crms:
        way = _circle(start, crms)
        if way and frozenset(way) not in told:
            told.add(frozenset(way))
            message = f"these connections wait for each other: {' → '.join([*way, start])}"
            scope.fault(places[start], message, "Take one of them out of needs:.")


def _circle(start: str, crms: Mapping[str, CrmMap]) -> list[str]:
    """Return a way from a connection back to itself, or nothing."""
    ways = [[start]]
    seen: set[str] = set()
    while ways:
        way = ways.pop()
        for name in crms[way[-1]].needs:
            if name == start:
                return way
            if name in crms and name not in seen:
                seen.add(name)
                ways.append([*way, name])
    return []
