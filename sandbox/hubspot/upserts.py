"""The batch upsert: each row creates a record or changes the one with its key."""

from __future__ import annotations

from collections.abc import Sequence

from flask import Response

from sandbox.hubspot import render, shapes
from sandbox.hubspot.errors import ApiError, bad_request, busy_row, not_valid
from sandbox.hubspot.objects import Objects
from sandbox.hubspot.rows import Outcome, Row, echo, existing_id, identifiers_in, traces_in
from sandbox.hubspot.values import as_text


def upsert(objects: Objects, rows: Sequence[Row]) -> Response:
    """By e-mail all rows or none ("partial upserts are not supported"); by a custom key each row alone."""
    account = objects.account
    id_property = _id_property(rows)
    identifiers = identifiers_in(objects, rows, id_property)
    _check(objects, id_property)
    by_email = id_property == "email"
    traces, _ = traces_in(rows)
    outcome = Outcome(account.now())
    if by_email:
        for row, identifier in zip(rows, identifiers, strict=True):
            _dry_run(objects, row, identifier, id_property)
        if any(account.plan.item_fails() for _ in rows):
            return account.failure(503)
    for row, identifier, trace in zip(rows, identifiers, traces, strict=True):
        try:
            if not by_email and account.plan.item_fails():
                raise busy_row()
            outcome.results.append(_one(objects, row, identifier, id_property) | echo(trace))
        except ApiError as error:
            named = {"objectWriteTraceId": [trace]} if trace else {"ids": [identifier]}
            outcome.errors.append(error.row(**named, **existing_id(error)))
    return outcome.answer(account, 200)


def _id_property(rows: Sequence[Row]) -> str:
    named = {shapes.text(row.get("idProperty")) for row in rows}
    if len(named) > 1:
        raise bad_request("Invalid request: all inputs must have the same idProperty.")
    return named.pop()


def _check(objects: Objects, id_property: str) -> None:
    unique = [*objects.definitions.unique, *(["email"] if objects.kind.name == "contacts" else [])]
    if id_property not in ("", "hs_object_id", *unique):
        type_id = objects.kind.type_id
        raise bad_request(f"Unable to perform update/upsert by non-unique {type_id} property {id_property}")


def _sent(row: Row, identifier: str, id_property: str) -> dict[str, object]:
    properties = dict(render.properties_of(row))
    if id_property not in ("", "hs_object_id") and not as_text(properties.get(id_property)):
        properties[id_property] = identifier
    return properties


def _dry_run(objects: Objects, row: Row, identifier: str, id_property: str) -> None:
    """Refuse what one row would be refused for, before any row takes effect."""
    record = objects.find(identifier, id_property)
    sent = _sent(row, identifier, id_property)
    if record is not None and as_text(sent.get("email")).strip().lower() == objects.key(identifier, "email"):
        del sent["email"]
    values, problems = objects.sort_out(sent, record)
    if problems:
        raise not_valid(problems)
    error = objects.conflict({**(record.values if record else {}), **values}, record)
    if error:
        raise error


def _one(objects: Objects, row: Row, identifier: str, id_property: str) -> dict[str, object]:
    record = objects.find(identifier, id_property)
    sent = _sent(row, identifier, id_property)
    if record is None:
        if id_property in ("", "hs_object_id"):
            raise ApiError(404, "resource not found", "OBJECT_NOT_FOUND")
        made = objects.create(objects.read(sent))
        return render.created(objects, made) | {"new": True}
    written = list(sent)
    if as_text(sent.get(id_property)).strip().lower() == objects.key(identifier, id_property).lower():
        sent.pop(id_property)  # found by a secondary address, the first one stays
    objects.update(record, objects.read(sent, record))
    return render.updated(objects, record, written) | {"new": False}
