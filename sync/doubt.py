"""Values whose fate is unknown: everything that was sent and may have arrived, field by field. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mappings.outward import same_on
from mappings.playbook import ObjectMap
from model.event import JsonValue

Doubt = Mapping[str, Sequence[JsonValue]]
"""Vendor field -> every value sent since the last answer: any of several attempts may have arrived."""


def with_sent(doubt: Doubt | None, values: Mapping[str, JsonValue]) -> dict[str, list[JsonValue]]:
    """Return the doubt as it is once these values are sent too."""
    grown = {name: list(sent) for name, sent in (doubt or {}).items()}
    for name, value in values.items():
        sent = grown.setdefault(name, [])
        if value not in sent:
            sent.append(value)
    return grown


def both(one: Doubt | None, other: Doubt) -> dict[str, list[JsonValue]]:
    """Return what is in doubt by the one or the other."""
    joined = {name: list(sent) for name, sent in (one or {}).items()}
    for name, sent in other.items():
        known = joined.setdefault(name, [])
        known += [value for value in sent if value not in known]
    return joined


def arrived(doubt: Doubt, held: Mapping[str, JsonValue], object_map: ObjectMap) -> dict[str, JsonValue]:
    """Return the fields in which a record holds what we sent, with the value sent."""
    return {
        name: value
        for name, sent in doubt.items()
        for value in sent
        if same_on(object_map, name, held.get(name), value)
    }
