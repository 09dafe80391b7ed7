"""A map of the playbook against the fields that the account has. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from difflib import get_close_matches

from connectors.inspection import Field, Fields
from leadrelay.doctor.findings import Area, Finding, named
from mappings.listed import plain
from mappings.playbook import DEAL_NEEDS, CrmField, CrmMap, NamedValue, ObjectMap, TaskMap
from model.event import JsonValue
from model.lead import LEAD_FIELDS

ID_LENGTH = 27  # characters of a lead's id
KEY_LENGTH = 35  # of a task's key
NEAR = (
    0.8  # how alike a name must be to be offered: of "job_title" and "jobtitel", not of "state" and "status"
)
TEXT_LIKE = frozenset({"text", "choice"})
# Where a field is made or opened, by kind of CRM.
MAKE = {
    "hubspot": "Make it in HubSpot (Settings, Properties), or correct crm/*.yaml",
    "salesforce": "Make it in Setup (Object Manager), or let the user see it (field-level security)",
}
OPEN = {
    "hubspot": "Map another property; HubSpot sets this one itself",
    "salesforce": "Let the user edit it (field-level security), or map another field",
}


def check_map(
    area: Area,
    crm: CrmMap,
    of: Mapping[str, Fields | None],
    types: Mapping[str, type],
    stages: Collection[str] = (),
    named: Sequence[NamedValue] = (),
) -> Iterator[Finding]:
    """Yield what each mapped object and field lacks, and one line for what is well.

    ``stages`` are those of the lifecycle: a list of options that takes their names must have them.
    ``named`` are values that conditions compare lead fields with.
    """
    for name in crm.described:
        yield from check_object(area, crm, name, of.get(name), types, stages, named)


def check_object(
    area: Area,
    crm: CrmMap,
    name: str,
    held: Fields | None,
    types: Mapping[str, type],
    stages: Collection[str] = (),
    named: Sequence[NamedValue] = (),
) -> Iterator[Finding]:
    """Yield what one of the described objects lacks; the doctor and the nightly look go by it."""
    if (mapped := crm.all_objects.get(name)) is not None:
        if held is None:
            yield area.problem(
                f"{name}: the account has no such object, or this user may not see it",
                "Give the user access to it, or correct crm/*.yaml.",
            )
            return
        found = list(_object(area, crm, mapped, held, types))
        if mapped is not crm.account and mapped is not crm.deal:
            found += [*_stages(area, mapped, held, stages), *_named(area, mapped, held, named)]
        yield from found
        if not found:
            yield area.ok(f"{name}: all {len(mapped.fields)} mapped fields are there and fit")
    if crm.tasks is not None and crm.tasks.object == name:
        yield from _tasks(area, crm.tasks, held)


def _tasks(area: Area, tasks: TaskMap, held: Fields | None) -> Iterator[Finding]:
    """The tasks that follow_up.yaml makes, and the field of theirs that holds our key."""
    what, at = f"{tasks.object}.{tasks.key_field}", f"[{tasks.place}]"
    if held is None or not held.can_create:
        yield area.problem(
            f"{tasks.object}: the user may not create tasks, or not see them",
            f"Give the user that right, or take `tasks` out of the map. {at}",
        )
        return
    field = held.by_name.get(tasks.key_field)
    if field is None:
        fix = f"Make it: a text field of {KEY_LENGTH} characters or more. {at}"
        yield area.problem(f"{what}: the field for leadrelay's key is not there, or hidden", fix)
        return
    lacks = []
    if field.type != "text":
        lacks.append(f"it is of type {field.said}, not a text")
    if field.length is not None and field.length < KEY_LENGTH:
        lacks.append(f"it takes {field.length} characters, and a key has {KEY_LENGTH}")
    if not field.can_create:
        lacks.append("this user may not set it")
    if lacks:
        yield area.problem(f"{what}: {'; '.join(lacks)}", f"Without it no task is made. {at}")
    else:
        yield area.ok(f"{tasks.object}: {tasks.key_field} is there and fits")


def _object(
    area: Area, crm: CrmMap, mapped: ObjectMap, held: Fields, types: Mapping[str, type]
) -> Iterator[Finding]:
    is_made = mapped.object == crm.create_object or mapped is crm.account
    is_made = is_made or (mapped is crm.deal and crm.creates_deals)
    may = [
        word
        for word, allowed in (("create", held.can_create or not is_made), ("edit", held.can_update))
        if not allowed
    ]
    if may:
        yield area.problem(
            f"{mapped.object}: the user may not {' or '.join(may)} these records",
            "Give the user's profile or permission set those rights on the object.",
        )
    rules = [rule for rule in mapped.fields if rule.remote != mapped.id_field]  # that one is looked at below
    lacking = missing(mapped, held)
    if lacking:
        yield area.problem(
            f"{mapped.object}: not there, or hidden: {named([rule.remote for rule in lacking], 50)}",
            f"{MAKE.get(crm.kind, 'Make them')}{_places(lacking)}.{_near_names(lacking, mapped, held)}",
        )
    for rule in rules:
        if (field := held.by_name.get(rule.remote)) is not None:
            expected = expected_type(rule, types)
            for level, fact, fix in _field(crm, rule, field, expected, is_made=is_made):
                make = area.problem if level == "problem" else area.warn
                yield make(f"{mapped.object}.{field.name}: {fact}", f"{fix} [{rule.place}]")
    if mapped.id_field:
        yield from _id_field(area, crm, mapped, held.by_name.get(mapped.id_field))
    if is_made:
        yield from _required(area, crm, mapped, held)


def _stages(area: Area, mapped: ObjectMap, held: Fields, stages: Collection[str]) -> Iterator[Finding]:
    """Look whether a list of options has the stages that are written by their own names."""
    for rule in mapped.fields:
        field = held.by_name.get(rule.remote)
        if rule.field != "stage" or rule.values or rule.read_only or field is None or field.type != "choice":
            continue
        unknown = [stage for stage in stages if stage not in field.options]
        if unknown:
            make = area.problem if field.is_closed else area.warn
            tail = "are refused" if field.is_closed else "are taken, but stand in no list"
            yield make(
                f"{mapped.object}.{field.name}: has no option {named([repr(one) for one in unknown])}; "
                f"leads in these stages {tail}",
                f"Add them to its options, or write `values`.{_near_options(unknown, field)} [{rule.place}]",
            )


def _named(area: Area, mapped: ObjectMap, held: Fields, asked: Sequence[NamedValue]) -> Iterator[Finding]:
    """Look whether a list of options has the values that conditions name; ``values`` are looked at apart."""
    for rule in mapped.fields:
        field = held.by_name.get(rule.remote)
        # Into an open list people and programs write other values, too.
        if field is None or field.type != "choice" or not field.is_closed or rule.expression is not None:
            continue
        options = {plain(option) for option in field.options}
        for one in asked:
            if one.field != rule.field or rule.values or rule.kind != "text" or plain(one.value) in options:
                continue
            near = nearest(one.value, field.options)
            meant = f" Did you mean {near!r}?" if near else ""
            yield area.warn(
                f"{mapped.object}.{field.name}: has no option {one.value!r}, which a condition names",
                f"Correct the condition, or add the option.{meant} [{one.place}]",
            )


def missing(mapped: ObjectMap, held: Fields) -> list[CrmField]:
    """Return the mapped fields that the account lacks or hides; that of our own id is looked at apart."""
    return [
        rule for rule in mapped.fields if rule.remote != mapped.id_field and rule.remote not in held.by_name
    ]


def unfit(field: Field, value: JsonValue) -> str:
    """Return why a field will not take a value; blank where nothing speaks against it."""
    if field.type == "choice" and field.is_closed and str(value) not in field.options:
        return "is no option of the field"
    if field.type == "number" and _number(value) is None:
        return "is no number"
    if field.type == "text" and field.length is not None and len(str(value)) > field.length:
        return f"is longer than {field.length} characters"
    return ""


def _number(value: JsonValue) -> float | None:
    """Read a number as a CRM does; ``None`` for what is none."""
    try:
        return float(str(value))
    except ValueError:
        return None


def _near_names(lacking: list[CrmField], mapped: ObjectMap, held: Fields) -> str:
    """Return which fields of the account may be meant: those of a near name that no line has."""
    taken = {rule.remote for rule in mapped.fields}
    others = [name for name in held.by_name if name not in taken]
    told = []
    for rule in lacking:
        if near := nearest(rule.remote, others):
            told.append(f"{near} for {rule.remote}")
    return f" Did you mean {named(told)}?" if told else ""


def nearest(name: str, known: Collection[str]) -> str:
    """Return the nearest of the known names, in whatever case and with whatever marks; blank for none."""
    plain: dict[str, str] = {}
    for one in known:
        plain.setdefault(_letters(one), one)
    near = get_close_matches(_letters(name), plain, n=1, cutoff=NEAR)
    return plain[near[0]] if near else ""


def _letters(name: str) -> str:
    """Return a name without case, marks and the ending of custom fields: Job_Title__c is jobtitle."""
    return "".join(char for char in name.lower().removesuffix("__c") if char.isalnum())


def _places(rules: list[CrmField]) -> str:
    return f" [{rules[0].place}]" if rules else ""


def expected_type(rule: CrmField, types: Mapping[str, type]) -> str:
    """Return the type of value that the map writes."""
    if rule.field == "owner" or rule.kind == "owner":
        return "owner"
    if rule.kind in ("number", "bool", "datetime"):
        return rule.kind
    if rule.kind == "money":
        return "number"
    if rule.kind == "date":
        return "datetime" if rule.zone else "date"
    if rule.values or rule.kind in ("stage", "range"):
        return "listed"
    if rule.expression is not None:
        return rule.kind
    if rule.field.endswith(".at"):
        return "datetime"
    kind = types.get(rule.field) or LEAD_FIELDS.get(rule.field) or str
    return "bool" if kind is bool else "number" if kind in (int, float) else "text"


def _field(
    crm: CrmMap, rule: CrmField, field: Field, expected: str, *, is_made: bool
) -> Iterator[tuple[str, str, str]]:
    """Yield level, fact and remedy of one mapped field."""
    if rule.read_only:
        yield from _unlisted(rule, field)
        return
    if not field.can_update or (is_made and not field.can_create):
        act = "changed" if not field.can_update else "set on a new record"
        yield "problem", f"cannot be {act} by this user", f"{OPEN.get(crm.kind, 'Map another field')}."
        return
    if wrong := _mismatch(expected, field):
        level, fix = wrong
        yield level, f"is of type {field.said}, and the map writes {_spoken(rule, expected)}", fix
        return
    yield from _options(rule, field, expected)
    yield from _length(rule, field, expected)


def _spoken(rule: CrmField, expected: str) -> str:
    if expected == "listed":
        return f"words such as {next(iter(rule.values.values()), 'a stage')}"
    spoken = {"owner": "an owner's id", "datetime": "a moment", "date": "a day", "bool": "true or false"}
    return spoken.get(expected, f"a {expected}")


def _mismatch(expected: str, field: Field) -> tuple[str, str] | None:
    """Say whether values of a type fit into a field, and what to do if not."""
    another = "Map a field of another type, or say the `kind` of value in crm/*.yaml."
    if field.type == "other" or expected == field.type:
        return None
    fits = {
        "listed": TEXT_LIKE,
        "text": TEXT_LIKE,
        "number": frozenset({"text", "number"}),
        "bool": frozenset({"choice", "text"}),
        "datetime": frozenset({"text"}),
        "date": frozenset({"text", "datetime"}),
        "owner": frozenset({"text"}),
    }[expected]
    if field.type in fits:
        return None
    if expected == "datetime" and field.type == "date":
        return "warn", "The day is kept and the time is lost; a date-and-time field keeps both."
    if expected == "text" and field.type == "number":
        return "warn", "What is not a number will be refused; set `kind: number` in crm/*.yaml."
    return "problem", another


def _options(rule: CrmField, field: Field, expected: str) -> Iterator[tuple[str, str, str]]:
    if field.type != "choice":
        return
    if rule.values:
        unknown = [value for value in dict.fromkeys(rule.values.values()) if value not in field.options]
        if unknown:
            level = "problem" if field.is_closed else "warn"
            tail = "are refused" if field.is_closed else "are taken, but stand in no list"
            yield (
                level,
                f"has no option {named([repr(value) for value in unknown])}; such values {tail}",
                f"Add them to its options, or correct `values`. It has: {named(list(field.options), 12)}."
                f"{_near_options(unknown, field)}",
            )
        yield from _unlisted(rule, field)
    elif field.is_closed and expected == "text" and rule.field != "stage":
        yield (
            "warn",
            f"takes only its {len(field.options)} options, and the map writes whatever was posted",
            "List in `values` which lead value becomes which option; others are not sent then.",
        )


def _near_options(unknown: list[str], field: Field) -> str:
    told = [f"{near!r} for {value!r}" for value in unknown if (near := nearest(value, field.options))]
    return f" Did you mean {named(told)}?" if told else ""


def _unlisted(rule: CrmField, field: Field) -> Iterator[tuple[str, str, str]]:
    """The other way round: what people may choose in the CRM, and the map knows no lead value for.

    Of stages that is meant so: one that is not listed is neither read nor overwritten.
    """
    is_read = rule.kind in ("text", "range") and rule.field != "stage" and not rule.write_only
    if not rule.values or not is_read or field.type != "choice":
        return
    listed = set(rule.values.values())
    others = [option for option in field.options if option not in listed]
    if others:
        yield (
            "warn",
            f"has {named([repr(one) for one in others])}, which `values` does not list; chosen there, "
            "it is read as it is",
            "List them in `values`, so that rules and the other CRM know them.",
        )


def _length(rule: CrmField, field: Field, expected: str) -> Iterator[tuple[str, str, str]]:
    if field.length is None or field.type != "text":
        return
    if expected == "listed":
        longest = max((len(value) for value in rule.values.values()), default=0)
        if longest > field.length:
            yield "problem", f"takes {field.length} characters, and `values` has {longest}", "Make it longer."
    elif expected == "text" and rule.max_length is not None and rule.max_length > field.length:
        yield (
            "problem",
            f"takes {field.length} characters, and the map sends up to {rule.max_length}",
            f"Set `max_length: {field.length}`, or make the field longer.",
        )
    elif expected == "text" and rule.max_length is None and rule.kind != "stage" and rule.field != "stage":
        yield (
            "warn",
            f"takes {field.length} characters, and the map cuts nothing; a longer value is refused",
            f"Set `max_length: {field.length}`.",
        )


def _id_field(area: Area, crm: CrmMap, mapped: ObjectMap, field: Field | None) -> Iterator[Finding]:
    """The field of our own id: by it a record is found whose answer was lost."""
    what = f"{mapped.object}.{mapped.id_field}"
    at = f"[{mapped.place}]"
    if field is None:
        yield area.problem(
            f"{what}: the field for leadrelay's own id is not there, or hidden",
            f"Make a text field of {ID_LENGTH} characters or more, {_unique_word(crm.kind)}. {at}",
        )
        return
    lacks = []
    if field.type != "text":
        lacks.append(f"it is of type {field.said}, not a text")
    if not field.is_unique:
        lacks.append("its values are not unique")
    if not field.is_key:
        lacks.append("records cannot be looked up by it")
    if field.length is not None and field.length < ID_LENGTH:
        lacks.append(f"it takes {field.length} characters, and an id has {ID_LENGTH}")
    if not field.can_create or not field.can_update:
        lacks.append("this user may not set it")
    if lacks:
        yield area.problem(f"{what}: {'; '.join(lacks)}", f"It must be {_unique_word(crm.kind)}. {at}")


def _unique_word(kind: str) -> str:
    if kind == "salesforce":
        return "marked External ID and Unique, and editable by the user"
    return 'with "Require unique values", which can be chosen only when a property is made'


def _required(area: Area, crm: CrmMap, mapped: ObjectMap, held: Fields) -> Iterator[Finding]:
    """Fields that a new record must have and the map may leave out; a deal is not made before it has them."""
    waited_for = DEAL_NEEDS[crm.kind] if mapped is crm.deal else ()
    sure = {
        rule.remote
        for rule in mapped.fields
        if rule.when is None and (rule.default is not None or rule.field in waited_for)
    }
    maps = {rule.remote for rule in mapped.fields}
    for name, field in held.by_name.items():
        if not field.is_required or name in sure or name == mapped.id_field:
            continue
        if name in maps:
            yield area.warn(
                f"{mapped.object}.{name}: needed on a new record, and blank where the lead has none",
                "Give the line in crm/*.yaml a `default`.",
            )
        else:
            yield area.problem(
                f"{mapped.object}.{name}: needed on a new record, and the map does not set it",
                "Map it with a `default`, or make it optional in the CRM.",
            )
