"""Makes properties in a HubSpot account, in a group of their own."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from connectors.base import Endpoint
from connectors.hubspot.errors import Refused, to_connector_error, words
from connectors.hubspot.inspector import NEWEST, error_of
from connectors.hubspot.limits import usage_of
from connectors.hubspot.paths import dated
from connectors.inspection import Answer, Caller
from connectors.making import Made, NewField

GROUP = "leadrelay"
BATCH = 100
ONE_LINE = 255  # longer texts get a box of several lines
# Our type -> HubSpot's type, and how it is shown. HubSpot "Properties": type and fieldType values.
_TYPES = {
    "text": ("string", "text"),
    "number": ("number", "number"),
    "bool": ("bool", "booleancheckbox"),
    "datetime": ("datetime", "date"),
    "date": ("date", "date"),
    "choice": ("enumeration", "select"),
}
_SHOWN = {
    "text": "Single-line text",
    "textarea": "Multi-line text",
    "number": "Number",
    "booleancheckbox": "Single checkbox",
    "date": "Date picker, with the time",
    "select": "Dropdown select",
}
_YES_NO = (("Yes", "true"), ("No", "false"))
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_WORDS = {"contacts": "Contact properties", "companies": "Company properties", "deals": "Deal properties"}


class HubSpotMaker:
    """Makes the properties of one account; implements ``connectors.making.Maker``."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._caller = Caller(endpoint, "HubSpot", usage_of, error_of)
        self._version = endpoint.options.get("api_version", NEWEST)

    def make(self, fields: Sequence[NewField]) -> Iterator[Made]:
        """Make properties, up to 100 a call, in the group ``leadrelay``."""
        for object_type in dict.fromkeys(field.object for field in fields):
            mine = [field for field in fields if field.object == object_type]
            wrong = [field for field in mine if not _can_be_made(field)]
            yield from (Made(field, "HubSpot makes no property of this name and type") for field in wrong)
            good = [field for field in mine if _can_be_made(field)]
            if good:
                self._make_group(object_type)
            for start in range(0, len(good), BATCH):
                yield from self._make_batch(object_type, good[start : start + BATCH])

    def steps(self, field: NewField) -> Sequence[str]:
        """Return what a person does in HubSpot's settings."""
        lines = [
            f"Settings > Properties, {_WORDS.get(field.object, field.object)}: Create property.",
            f'Label "{field.label}", group {GROUP} (make it first); internal name {field.name}.',
            f"Field type: {'Date picker' if field.type == 'date' else _SHOWN[_shape(field)[1]]}.",
        ]
        if field.options:
            lines.append(f"Options (internal values): {', '.join(field.options)}.")
        if field.is_unique:
            lines.append('Rules: tick "Require unique values for this property"; it cannot be done later.')
        return lines

    def _make_group(self, object_type: str) -> None:
        if self._call("GET", object_type, f"/groups/{GROUP}").status == 200:
            return
        answer = self._call("POST", object_type, "/groups", {"name": GROUP, "label": GROUP})
        if answer.status not in (200, 201, 409):  # 409: somebody else has made it this moment
            raise to_connector_error(answer.status, answer.headers, answer.row, writes=True)

    def _make_batch(self, object_type: str, fields: Sequence[NewField]) -> Iterator[Made]:
        inputs = [_definition(field) for field in fields]
        answer = self._call("POST", object_type, "/batch/create", {"inputs": inputs})
        if answer.status not in (200, 201, 207):
            error = to_connector_error(answer.status, answer.headers, answer.row, writes=True)
            if not isinstance(error, Refused):
                raise error
            yield from (self._make_one(object_type, field) for field in fields)
            return
        made = {row.get("name") for row in _rows(answer.row.get("results"))}
        errors = [(name, row) for row in _rows(answer.row.get("errors")) for name in _named(row)]
        made |= {name for name, row in errors if row.get("category") == "CONFLICT"}  # it is there
        why = {name: words(row) for name, row in errors}
        for field in fields:
            if field.name in made:
                yield Made(field)
            elif field.name in why:
                yield Made(field, f"HubSpot: {why[field.name]}")
            else:
                yield self._make_one(object_type, field)

    def _make_one(self, object_type: str, field: NewField) -> Made:
        """Make a property alone, where a batch was refused for one of its rows."""
        answer = self._call("POST", object_type, "", _definition(field))
        if answer.status in (200, 201, 409):  # 409: it is there
            return Made(field)
        error = to_connector_error(answer.status, answer.headers, answer.row, writes=True)
        if not isinstance(error, Refused):
            raise error
        return Made(field, str(error))

    def _call(self, method: str, object_type: str, rest: str, body: Any = None) -> Answer:
        path = dated(f"/crm/v3/properties/{object_type}{rest}", self._version)
        return self._caller.call(method, path, body=body)


def _can_be_made(field: NewField) -> bool:
    return field.type in _TYPES and _NAME.fullmatch(field.name) is not None


def _shape(field: NewField) -> tuple[str, str]:
    kind, shown = _TYPES[field.type]
    return kind, "textarea" if field.type == "text" and field.length > ONE_LINE else shown


def _definition(field: NewField) -> dict[str, Any]:
    kind, shown = _shape(field)
    options = [(value, value) for value in field.options] if kind == "enumeration" else []
    options = list(_YES_NO) if kind == "bool" else options
    told: dict[str, Any] = {
        "name": field.name,
        "label": field.label,
        "type": kind,
        "fieldType": shown,
        "groupName": GROUP,
        "description": field.purpose,
        "formField": False,
    }
    if options:
        told["options"] = [
            {"label": label, "value": value, "displayOrder": place, "hidden": False}
            for place, (label, value) in enumerate(options)
        ]
    return told | ({"hasUniqueValue": True} if field.is_unique else {})


def _rows(listed: Any) -> list[dict[str, Any]]:
    return [row for row in listed if isinstance(row, dict)] if isinstance(listed, list) else []


def _named(error: dict[str, Any]) -> list[str]:
    context = error.get("context")
    names = context.get("name") if isinstance(context, dict) else None
    return [str(name) for name in names] if isinstance(names, list) else []
