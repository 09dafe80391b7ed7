"""Whom tasks, events and campaign members are about: the Lead or Contact that each names.

Source: "Object Reference". ``WhoId`` is the primary person of an activity; the others of an activity with
several ("Shared Activities") are in relation objects and are not read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from connectors.salesforce.ids import is_id, long_id
from model.event import RecordRef
from model.listing import Listed

PEOPLE = {"00Q": "Lead", "003": "Contact"}  # by how their ids begin
NAMED_BY: Mapping[str, tuple[str, ...]] = {
    "Task": ("WhoId",),
    "Event": ("WhoId",),
    "CampaignMember": ("LeadId", "ContactId"),
}


def told(connection: str, object_type: str, one: Listed) -> Listed:
    """Return a row with whom it is about; fields of a parent ("Campaign.Name") stand beside its own."""
    fields = dict(one.record.fields)
    people = [fields.pop(name, None) for name in NAMED_BY[object_type]]
    for name in [name for name in fields if "." in name]:
        fields[name] = _of_parent(fields, name)
    flat = {name: value for name, value in fields.items() if not isinstance(value, Mapping)}
    return replace(
        one,
        record=replace(one.record, fields=flat),
        about=tuple(
            RecordRef(connection, PEOPLE[each[:3]], long_id(each))
            for each in people
            if isinstance(each, str) and is_id(each) and each[:3] in PEOPLE
        ),
    )


def _of_parent(fields: Mapping[str, Any], path: str) -> Any:
    outer, inner = path.split(".", 1)
    parent = fields.get(outer)
    return parent.get(inner) if isinstance(parent, Mapping) else None
