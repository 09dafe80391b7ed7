"""The endpoints for one contact, and for a page of them."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from flask import Blueprint, Response, request

from sandbox.app import answer
from sandbox.hubspot import render
from sandbox.hubspot.errors import ApiError, bad_request, not_found
from sandbox.hubspot.render import View, flag_in, limit_in, names_in
from sandbox.records import Record

if TYPE_CHECKING:
    from sandbox.hubspot.account import HubSpot

OBJECTS = ("/crm/v3/objects", "/crm/objects/2026-03", "/crm/objects/2026-09")


def add_to(api: Blueprint, account: HubSpot) -> None:
    """Register the endpoints under every path scheme."""

    def listing(object_type: str) -> Response:
        account.check_type(object_type)
        view, archived = _view(account), flag_in("archived")
        size = limit_in(10, 50 if view.with_history else 100)
        with account.lock:
            table, after = account.tables["contacts"], request.args.get("after")
            if after and table.get(after) is None:
                raise bad_request(f"Invalid after: {after}")
            rows = list(islice(table.after(after, archived=archived), size + 1))
            shown = [view.show(row) for row in rows[:size]]
        return answer(render.page(shown, rows[size - 1].id if len(rows) > size else None))

    def create(object_type: str) -> Response:
        account.check_type(object_type)
        sent = render.properties_of(render.body())
        with account.lock:
            record = account.contacts.create(account.contacts.read(sent))
            return answer(render.created(record), 201)

    def read(object_type: str, record_id: str) -> Response:
        account.check_type(object_type)
        view = _view(account)
        with account.lock:
            return answer(view.show(_existing(account, record_id, archived=flag_in("archived"))))

    def update(object_type: str, record_id: str) -> Response:
        account.check_type(object_type)
        sent = render.properties_of(render.body())
        with account.lock:
            record = _existing(account, record_id)
            account.contacts.update(record, account.contacts.read(sent))
            return answer(render.updated(record, sent))

    def archive(object_type: str, record_id: str) -> Response:
        account.check_type(object_type)
        with account.lock:
            record = account.contacts.find(record_id, None)
            if record is not None:
                account.contacts.archive(record)
        return Response(status=204)

    for base in OBJECTS:
        one = f"{base}/<object_type>/<record_id>"
        api.add_url_rule(f"{base}/<object_type>", f"list {base}", listing, methods=["GET"])
        api.add_url_rule(f"{base}/<object_type>", f"create {base}", create, methods=["POST"])
        api.add_url_rule(one, f"read {base}", read, methods=["GET"])
        api.add_url_rule(one, f"update {base}", update, methods=["PATCH"])
        api.add_url_rule(one, f"archive {base}", archive, methods=["DELETE"])


def check_id_property(account: HubSpot, id_property: str | None) -> None:
    """Refuse to find contacts by a property that is not unique."""
    if id_property not in (None, "", "hs_object_id", "email", *account.unique):
        raise bad_request(f"Unable to find objects by non-unique 0-1 property {id_property}")


def _view(account: HubSpot) -> View:
    if names_in("associations"):
        raise ApiError(501, "The sandbox has not built associations.", "NOT_BUILT")
    return View(account, names_in("properties"), names_in("propertiesWithHistory"))


def _existing(account: HubSpot, record_id: str, *, archived: bool = False) -> Record:
    id_property = request.args.get("idProperty")
    check_id_property(account, id_property)
    record = account.contacts.find(record_id, id_property)
    if archived:
        record = account.tables["contacts"].get(record_id)
        record = record if record is not None and record.archived_at is not None else None
    if record is None:
        raise not_found()
    return record
