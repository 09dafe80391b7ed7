"""The fields that a map writes and an account lacks, as they should be made there. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping

from connectors.inspection import Fields
from connectors.making import NewField
from leadrelay.doctor.fields import expected_type, missing
from mappings.playbook import CrmField, CrmMap, ObjectMap, TaskMap

ID_LENGTH = 64  # characters; an id has 27, and may grow
TEXT_LENGTH = 255
PURPOSE = "Written by leadrelay: {}."


def wishes(crm: CrmMap, of: Mapping[str, Fields | None], types: Mapping[str, type]) -> list[NewField]:
    """Return every missing field of the objects that the account has, that of our own id first."""
    found: list[NewField] = []
    for name, mapped in crm.all_objects.items():
        held = of.get(name)
        if held is None:
            continue
        if mapped.id_field and mapped.id_field not in held.by_name:
            found.append(_id_field(mapped))
        found += [_wish(mapped, rule, types) for rule in missing(mapped, held) if not rule.read_only]
    held = of.get(crm.tasks.object) if crm.tasks else None
    if crm.tasks and held is not None and crm.tasks.key_field not in held.by_name:
        found.append(_key_field(crm.kind, crm.tasks))
    return found


def _key_field(kind: str, tasks: TaskMap) -> NewField:
    """The field by which a task is found again; no source says that activities can have unique ones."""
    return NewField(
        tasks.object,
        tasks.key_field,
        "text",
        _label(tasks.key_field),
        length=ID_LENGTH,
        is_unique=kind == "hubspot",
        purpose=PURPOSE.format("the task's key"),
        rule=str(tasks.place),
    )


def _id_field(mapped: ObjectMap) -> NewField:
    return NewField(
        mapped.object,
        mapped.id_field,
        "text",
        _label(mapped.id_field),
        length=ID_LENGTH,
        is_unique=True,
        purpose=PURPOSE.format("the lead's own id"),
        rule=str(mapped.place),
    )


def _wish(mapped: ObjectMap, rule: CrmField, types: Mapping[str, type]) -> NewField:
    kind = expected_type(rule, types)
    options = tuple(dict.fromkeys(rule.values.values())) if kind == "listed" else ()
    return NewField(
        mapped.object,
        rule.remote,
        {"listed": "choice" if options else "text"}.get(kind, kind),
        _label(rule.remote),
        length=rule.max_length or TEXT_LENGTH,
        options=options,
        purpose=PURPOSE.format(rule.field.replace("_", " ").replace(".", ", ")),
        rule=str(rule.place),
    )


def _label(name: str) -> str:
    """Return a field's name for people: ``First_Touch_Source__c`` is "First touch source"."""
    words = re.sub(r"_+", " ", name.removesuffix("__c")).strip()
    brand = re.sub(r"(?i)^lead ?relay\b", "leadrelay", words)
    return brand if brand.startswith("leadrelay") else words[:1].upper() + words[1:].lower()
