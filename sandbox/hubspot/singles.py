"""The endpoints for one record, and for a page of them."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from flask import Blueprint, Response, request

from sandbox.app import answer
from sandbox.hubspot import render
from sandbox.hubspot.errors import bad_request, not_found
from sandbox.hubspot.objects import Objects
from sandbox.hubspot.render import View, flag_in, limit_in, names_in
from sandbox.hubspot.wanted import wanted_in
from sandbox.records import Record

if TYPE_CHECKING:
    from sandbox.hubspot.account import HubSpot

OBJECTS = ("/crm/v3/objects", "/crm/objects/2026-03", "/crm/objects/2026-09")


def add_to(api: Blueprint, account: HubSpot) -> None:
    """Register the endpoints under every path scheme."""

    def listing(object_type: str) -> Response:
        objects = account.of(object_type)
        view, archived = _view(objects), flag_in("archived")
        size = limit_in(10, 50 if view.with_history else 100)
        with account.lock:
            table, after = objects.table, request.args.get("after")
            if after and table.get(after) is None:
                raise bad_request(f"Invalid after: {after}")
            rows = list(islice(table.after(after, archived=archived), size + 1))
            shown = [view.show(row) for row in rows[:size]]
        return answer(render.page(shown, rows[size - 1].id if len(rows) > size else None))

    def create(object_type: str) -> Response:
        objects, sent = account.of(object_type), render.body()
        properties = render.properties_of(sent)
        with account.lock:
            record = objects.create(objects.read(properties), wanted_in(objects, sent))
            return answer(render.created(objects, record), 201)

    def read(object_type: str, record_id: str) -> Response:
        objects = account.of(object_type)
        view = _view(objects)
        with account.lock:
            return answer(view.show(_existing(objects, record_id, archived=flag_in("archived"))))

    def update(object_type: str, record_id: str) -> Response:
        objects = account.of(object_type)
        sent = render.properties_of(render.body())
        if not sent:
            raise bad_request("No properties found to update, please provide at least one.")
        with account.lock:
            record = _existing(objects, record_id)
            objects.update(record, objects.read(sent, record))
            return answer(render.updated(objects, record, sent))

    def archive(object_type: str, record_id: str) -> Response:
        objects = account.of(object_type)
        with account.lock:
            record = objects.find(record_id)
            if record is not None:
                objects.archive(record)
        return Response(status=204)

    for base in OBJECTS:
        one = f"{base}/<object_type>/<record_id>"
        api.add_url_rule(f"{base}/<object_type>", f"list {base}", listing, methods=["GET"])
        api.add_url_rule(f"{base}/<object_type>", f"create {base}", create, methods=["POST"])
        api.add_url_rule(one, f"read {base}", read, methods=["GET"])
        api.add_url_rule(one, f"update {base}", update, methods=["PATCH"])
        api.add_url_rule(one, f"archive {base}", archive, methods=["DELETE"])


def check_id_property(objects: Objects, id_property: str | None) -> None:
    """Refuse to find records by a property that is not unique."""
    unique = ["email"] if objects.kind.name == "contacts" else []
    if id_property not in (None, "", "hs_object_id", *unique, *objects.definitions.unique):
        type_id = objects.kind.type_id
        raise bad_request(f"Unable to find objects by non-unique {type_id} property {id_property}")


def _view(objects: Objects) -> View:
    names, with_history = names_in("properties"), names_in("propertiesWithHistory")
    return View(objects, names, with_history, names_in("associations"))


def _existing(objects: Objects, record_id: str, *, archived: bool = False) -> Record:
    id_property = request.args.get("idProperty")
    check_id_property(objects, id_property)
    record = objects.find_archived(record_id) if archived else objects.find(record_id, id_property)
    if record is None:
        raise not_found()
    return record
