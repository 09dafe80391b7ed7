"""The endpoints for property definitions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response

from sandbox.app import answer
from sandbox.hubspot import render, shapes
from sandbox.hubspot.errors import ApiError, bad_request, fields_missing, not_found
from sandbox.hubspot.objects import Objects
from sandbox.hubspot.properties import Definition
from sandbox.hubspot.render import flag_in
from sandbox.hubspot.rows import Outcome, rows_in
from sandbox.hubspot.values import iso

if TYPE_CHECKING:
    from sandbox.hubspot.account import HubSpot

PROPERTIES = ("/crm/v3/properties", "/crm/properties/2026-03", "/crm/properties/2026-09")
NEEDED = ("name", "label", "type", "fieldType", "groupName")
NAME = re.compile(r"[a-z][a-z0-9_]*")
MOST_UNIQUE = 10
# type: the field types it may be shown as
FIELD_TYPES = {
    "bool": ("booleancheckbox", "calculation_equation"),
    "enumeration": ("booleancheckbox", "checkbox", "radio", "select", "calculation_equation"),
    "date": ("date",),
    "datetime": ("date",),
    "number": ("number", "calculation_equation"),
    "phone_number": ("phonenumber",),
    "string": ("file", "html", "phonenumber", "text", "textarea", "calculation_equation"),
}
CHANGEABLE = (
    "label", "type", "fieldType", "groupName", "options", "description", "displayOrder", "hidden", "formField"
)  # fmt: skip


def add_to(api: Blueprint, account: HubSpot) -> None:
    """Register the endpoints under every path scheme."""

    def listing(object_type: str) -> Response:
        definitions = account.of(object_type).definitions
        told = definitions.archived.values() if flag_in("archived") else definitions.live.values()
        return answer({"results": list(told)})

    def read(object_type: str, name: str) -> Response:
        return answer(_existing(account.of(object_type), name, archived=flag_in("archived")))

    def create(object_type: str) -> Response:
        with account.lock:
            return answer(_create(account.of(object_type), render.body()), 201)

    def update(object_type: str, name: str) -> Response:
        with account.lock:
            return answer(_update(account.of(object_type), name, render.body()))

    def archive(object_type: str, name: str) -> Response:
        with account.lock:
            _archive(account.of(object_type), name)
        return Response(status=204)

    def batch_create(object_type: str, status: int) -> Response:
        objects, outcome = account.of(object_type), Outcome(account.now())
        with account.lock:
            for row in rows_in():
                try:
                    outcome.results.append(_create(objects, row))
                except ApiError as error:
                    outcome.errors.append(error.row(name=[str(row.get("name", ""))]))
        return outcome.answer(account, status)

    def batch_read(object_type: str) -> Response:
        objects, outcome = account.of(object_type), Outcome(account.now())
        archived = bool(render.body().get("archived"))
        for row in rows_in():
            try:
                outcome.results.append(_existing(objects, str(row.get("name", "")), archived=archived))
            except ApiError as error:
                outcome.errors.append(error.row(name=[str(row.get("name", ""))]))
        return outcome.answer(account, 200)

    def batch_archive(object_type: str) -> Response:
        objects = account.of(object_type)
        with account.lock:
            for row in rows_in():
                _archive(objects, str(row.get("name", "")))
        return Response(status=204)

    for base in PROPERTIES:
        kind = f"{base}/<object_type>"
        made = {"status": 200 if base.endswith("2026-09") else 201}
        batch = f"{kind}/batch"
        api.add_url_rule(kind, f"list {base}", listing, methods=["GET"])
        api.add_url_rule(kind, f"create {base}", create, methods=["POST"])
        api.add_url_rule(f"{kind}/<name>", f"read {base}", read, methods=["GET"])
        api.add_url_rule(f"{kind}/<name>", f"update {base}", update, methods=["PATCH"])
        api.add_url_rule(f"{kind}/<name>", f"archive {base}", archive, methods=["DELETE"])
        api.add_url_rule(f"{batch}/create", f"batch {base}", batch_create, methods=["POST"], defaults=made)
        api.add_url_rule(f"{batch}/read", f"batch read {base}", batch_read, methods=["POST"])
        api.add_url_rule(f"{batch}/archive", f"batch archive {base}", batch_archive, methods=["POST"])


def _existing(objects: Objects, name: str, *, archived: bool = False) -> Definition:
    definitions = objects.definitions
    told = definitions.archived.get(name) if archived else definitions.get(name)
    if told is None:
        raise not_found(f'Property "{name}" does not exist')
    return told


def _create(objects: Objects, sent: Mapping[str, Any]) -> Definition:
    missing = [name for name in NEEDED if not sent.get(name)]
    if missing:
        raise fields_missing(missing)
    name = str(sent["name"])
    if not NAME.fullmatch(name):
        message = f'"{name}" is no valid property name: lower-case letters, digits and underscores.'
        raise bad_request(message, context={"name": [name]})
    if name in objects.definitions:
        raise ApiError(409, f"A property named '{name}' already exists.", "CONFLICT")
    if sent.get("hasUniqueValue") and len(objects.definitions.unique) >= MOST_UNIQUE:
        raise bad_request(f"{objects.kind.code} has {MOST_UNIQUE} unique properties, which is the most.")
    _check(objects, sent, sent)
    return objects.definitions.add(sent, at=iso(objects.account.now()))


def _update(objects: Objects, name: str, sent: Mapping[str, Any]) -> Definition:
    present = _existing(objects, name)
    changes = {key: sent[key] for key in CHANGEABLE if key in sent}
    locked = {"type", "fieldType", "groupName"} & set(changes)
    if present["modificationMetadata"]["readOnlyDefinition"] and locked:
        raise bad_request(
            f'"{name}" is defined by HubSpot; its {", ".join(sorted(locked))} cannot be changed.'
        )
    _check(objects, {**present, **changes}, changes)
    return objects.definitions.change(name, changes, at=iso(objects.account.now()))


def _archive(objects: Objects, name: str) -> None:
    told = _existing(objects, name)
    if told["modificationMetadata"]["readOnlyDefinition"]:
        raise bad_request(f'"{name}" is defined by HubSpot and cannot be archived.')
    objects.definitions.archive(name, at=iso(objects.account.now()))


def _check(objects: Objects, told: Mapping[str, Any], sent: Mapping[str, Any]) -> None:
    """Refuse types that do not go together, groups that are not there, options without a value."""
    for key in ("label", "type", "fieldType", "groupName", "description"):
        shapes.text(told.get(key))
    allowed = FIELD_TYPES.get(told["type"])
    if allowed is None:
        raise bad_request(f"{told['type']} is no property type; allowed: {', '.join(FIELD_TYPES)}.")
    if told["fieldType"] not in allowed:
        pair = f"fieldType {told['fieldType']} does not go with type {told['type']}"
        raise bad_request(f"{pair}; allowed: {', '.join(allowed)}.")
    if "groupName" in sent and told["groupName"] not in objects.definitions.groups:
        raise bad_request(f"There is no property group named '{told['groupName']}'.")
    for option in shapes.objects(sent.get("options")):
        if not shapes.text(option.get("label")) or not shapes.text(option.get("value")):
            raise fields_missing(["label", "value"])
