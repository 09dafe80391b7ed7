"""The batch endpoints: up to 100 rows, and what becomes of the good ones beside a bad one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from flask import Blueprint, Response

from sandbox.hubspot import render, shapes
from sandbox.hubspot.errors import ApiError, already_exists, bad_request, busy_row, some_not_found
from sandbox.hubspot.objects import Objects, Values
from sandbox.hubspot.render import View, flag_in
from sandbox.hubspot.rows import (
    Outcome,
    Row,
    echo,
    existing_id,
    identifiers_in,
    refuse_problems,
    rows_in,
    trace_of,
    traces_in,
)
from sandbox.hubspot.singles import OBJECTS, check_id_property
from sandbox.hubspot.upserts import upsert
from sandbox.hubspot.wanted import wanted_in
from sandbox.records import Key, Record

if TYPE_CHECKING:
    from sandbox.hubspot.account import HubSpot


def add_to(api: Blueprint, account: HubSpot) -> None:
    """Register the endpoints under every path scheme."""
    calls: dict[str, Callable[[Objects, Sequence[Row]], Response]] = {
        "create": _create,
        "read": _read,
        "update": _update,
        "upsert": upsert,
        "archive": _archive,
    }

    def batch(object_type: str, call: str) -> Response:
        objects, rows = account.of(object_type), rows_in()
        with account.lock:
            return calls[call](objects, rows)

    for base in OBJECTS:
        for call in calls:
            rule = f"{base}/<object_type>/batch/{call}"
            api.add_url_rule(rule, f"batch {call} {base}", batch, methods=["POST"], defaults={"call": call})


def _create(objects: Objects, rows: Sequence[Row]) -> Response:
    """All or nothing, unless every row carries a trace id of its own: then each row stands alone."""
    account = objects.account
    traces, row_by_row = traces_in(rows)
    sent = [objects.sort_out(render.properties_of(row)) for row in rows]
    if not row_by_row:
        refuse_problems([problem for _, problems in sent for problem in problems])
        _refuse_incomplete(objects, rows, [values for values, _ in sent])
    if not row_by_row or account.faults.setting["batch_create_conflict"] == "409":
        _refuse_conflicts(objects, [values for values, _ in sent])
    if not row_by_row and any(account.plan.item_fails() for _ in rows):
        return account.failure(503)
    outcome = Outcome(account.now())
    for row, trace, (values, problems) in zip(rows, traces, sent, strict=True):
        try:
            refuse_problems(problems)
            wanted = wanted_in(objects, row)
            if row_by_row and account.plan.item_fails():
                raise busy_row()
            record = objects.create(values, wanted)
            outcome.results.append(render.created(objects, record) | echo(trace))
        except ApiError as error:
            outcome.errors.append(error.row(objectWriteTraceId=[trace], **existing_id(error)))
    return outcome.answer(account, 201)


def _read(objects: Objects, rows: Sequence[Row]) -> Response:
    asked, account = render.body(), objects.account
    id_property = shapes.text(asked.get("idProperty")) or None
    check_id_property(objects, id_property)
    wanted, with_history = (shapes.texts(asked.get(key)) for key in ("properties", "propertiesWithHistory"))
    view = View(objects, wanted, with_history)
    outcome, missing = Outcome(account.now()), []
    for identifier in identifiers_in(objects, rows, id_property):
        record = objects.find(identifier, id_property)
        if flag_in("archived"):
            record = objects.find_archived(identifier)
        if record is None:
            missing.append(identifier)
        elif account.plan.item_fails():
            outcome.errors.append(busy_row().row(ids=[identifier]))
        else:
            outcome.results.append(view.show(record))
    if missing:
        outcome.errors.append(some_not_found(objects.kind, missing).row())
    return outcome.answer(account, 200)


def _update(objects: Objects, rows: Sequence[Row]) -> Response:
    """A bad value or a taken address refuses the whole batch; a row without a record fails alone."""
    account = objects.account
    id_properties = {shapes.text(row.get("idProperty")) for row in rows}
    for id_property in id_properties - {"", "hs_object_id", *objects.definitions.unique}:
        type_id = objects.kind.type_id
        raise bad_request(f"Unable to perform update/upsert by non-unique {type_id} property {id_property}")
    identifiers = identifiers_in(objects, rows, shapes.text(rows[0].get("idProperty")) or None)
    found = [
        objects.find_exact(identifier, shapes.text(row.get("idProperty")) or None)
        for identifier, row in zip(identifiers, rows, strict=True)
    ]
    sent = [
        objects.sort_out(render.properties_of(row), record) for row, record in zip(rows, found, strict=True)
    ]
    refuse_problems([problem for _, problems in sent for problem in problems])
    _refuse_taken(
        objects, [(record, values) for record, (values, _) in zip(found, sent, strict=True) if record]
    )
    outcome, missing = Outcome(account.now()), []
    for row, identifier, record, (values, _) in zip(rows, identifiers, found, sent, strict=True):
        trace = {"objectWriteTraceId": [trace_of(row)]} if trace_of(row) else {}
        if record is None and not trace:
            missing.append(identifier)
        elif record is None:
            outcome.errors.append(some_not_found(objects.kind, [identifier]).row(**trace))
        elif account.plan.item_fails():
            outcome.errors.append(busy_row().row(**(trace or {"ids": [identifier]})))
        else:
            objects.update(record, values)
            told = render.updated(objects, record, values)
            outcome.results.append(told | echo(trace_of(row)))
    if missing:
        outcome.errors.append(some_not_found(objects.kind, missing).row())
    return outcome.answer(account, 200)


def _archive(objects: Objects, rows: Sequence[Row]) -> Response:
    for identifier in identifiers_in(objects, rows, None):
        record = objects.find_exact(identifier)
        if record is not None:
            objects.archive(record)
    return Response(status=204)


def _refuse_incomplete(objects: Objects, rows: Sequence[Row], batch: Sequence[Values]) -> None:
    """Refuse a batch of new records for the first that lacks something."""
    for row, values in zip(rows, batch, strict=True):
        error = objects.incomplete(values, wanted_in(objects, row))
        if error:
            raise error


def _refuse_conflicts(objects: Objects, batch: Sequence[Values]) -> None:
    """Refuse a batch of new records for its first clash, with a record or within the batch."""
    taken: set[Key] = set()
    for values in batch:
        error = objects.conflict(values)
        keys = set(objects.keys_of(values))
        if error is None and keys & taken:
            error = already_exists(objects.kind, None)
        if error:
            raise error
        taken |= keys


def _refuse_taken(objects: Objects, batch: Sequence[tuple[Record, Values]]) -> None:
    """Refuse a batch of changes for its first value that another record has."""
    taken: dict[Key, Record] = {}
    for record, values in batch:
        kept = {**record.values, **values}
        error = objects.conflict(kept, record)
        for key in objects.keys_of(kept):
            holder = taken.setdefault(key, record)
            if error is None and holder is not record:
                error = already_exists(objects.kind, holder.id)
        if error:
            raise error
