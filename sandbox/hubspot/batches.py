"""The batch endpoints for contacts: up to 100 rows, and what becomes of the good ones beside a bad one."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response, request

from sandbox.app import answer
from sandbox.hubspot import render
from sandbox.hubspot.contacts import Values
from sandbox.hubspot.errors import (
    ApiError,
    Problem,
    already_exists,
    bad_request,
    busy_row,
    duplicate_ids,
    not_valid,
    some_not_found,
)
from sandbox.hubspot.properties import iso
from sandbox.hubspot.render import View, flag_in
from sandbox.hubspot.singles import OBJECTS, check_id_property
from sandbox.records import Key, Record

if TYPE_CHECKING:
    from sandbox.hubspot.account import HubSpot

MOST_ROWS = 100
Row = Mapping[str, Any]


@dataclass
class Outcome:
    """What a batch has come to so far."""

    started_at: datetime
    results: list[dict[str, Any]] = field(default_factory=list)
    errors: list[dict[str, Any]] = field(default_factory=list)

    def answer(self, account: HubSpot, status: int) -> Response:
        """The answer of that status, or 207 where a row failed."""
        if account.faults.setting["batch_order"] == "shuffled":
            random.Random(account.call.id).shuffle(self.results)
        told: dict[str, Any] = {"status": "COMPLETE", "results": self.results}
        if self.errors:
            told |= {"numErrors": len(self.errors), "errors": self.errors}
        told |= {"startedAt": iso(self.started_at), "completedAt": iso(account.now())}
        return answer(told, 207 if self.errors else status)


def add_to(api: Blueprint, account: HubSpot) -> None:
    """Register the endpoints under every path scheme."""
    calls: dict[str, Callable[[HubSpot, Sequence[Row]], Response]] = {
        "create": _create,
        "read": _read,
        "update": _update,
        "archive": _archive,
    }

    def batch(object_type: str, call: str) -> Response:
        account.check_type(object_type)
        rows = _rows()
        with account.lock:
            return calls[call](account, rows)

    for base in OBJECTS:
        for call in calls:
            rule = f"{base}/<object_type>/batch/{call}"
            api.add_url_rule(rule, f"batch {call} {base}", batch, methods=["POST"], defaults={"call": call})


def _create(account: HubSpot, rows: Sequence[Row]) -> Response:
    """All or nothing, unless every row carries a trace id of its own: then each row stands alone."""
    traces = [str(row.get("objectWriteTraceId") or "") for row in rows]
    row_by_row = all(traces) and len(set(traces)) == len(traces)
    sent = [account.contacts.sort_out(render.properties_of(row)) for row in rows]
    if not row_by_row:
        _refuse_problems([problem for _, problems in sent for problem in problems])
    if not row_by_row or account.faults.setting["batch_create_conflict"] == "409":
        _refuse_conflicts(account, [values for values, _ in sent])
    if not row_by_row and any(account.plan.item_fails() for _ in rows):
        return account.failure(503)
    outcome = Outcome(account.now())
    for trace, (values, problems) in zip(traces, sent, strict=True):
        try:
            _refuse_problems(problems)
            if row_by_row and account.plan.item_fails():
                raise busy_row()
            told = render.created(account.contacts.create(values))
            outcome.results.append(told | ({"objectWriteTraceId": trace} if trace else {}))
        except ApiError as error:
            outcome.errors.append(error.row(objectWriteTraceId=[trace], **_existing_id(error)))
    return outcome.answer(account, 201)


def _read(account: HubSpot, rows: Sequence[Row]) -> Response:
    asked = render.body()
    id_property = asked.get("idProperty")
    check_id_property(account, id_property)
    view = View(account, asked.get("properties") or (), asked.get("propertiesWithHistory") or ())
    outcome, missing = Outcome(account.now()), []
    for identifier in _identifiers(account, rows, id_property):
        record = account.contacts.find(identifier, id_property)
        if flag_in("archived"):
            record = _archived(account, identifier)
        if record is None:
            missing.append(identifier)
        elif account.plan.item_fails():
            outcome.errors.append(busy_row().row(ids=[identifier]))
        else:
            outcome.results.append(view.show(record))
    if missing:
        outcome.errors.append(some_not_found(missing).row())
    return outcome.answer(account, 200)


def _update(account: HubSpot, rows: Sequence[Row]) -> Response:
    """A bad value or a taken address refuses the whole batch; a row without a contact fails alone."""
    id_properties = {str(row.get("idProperty") or "") for row in rows}
    for id_property in id_properties - {"", "hs_object_id", *account.unique}:
        raise bad_request(f"Unable to perform update/upsert by non-unique 0-1 property {id_property}")
    sent = [account.contacts.sort_out(render.properties_of(row)) for row in rows]
    _refuse_problems([problem for _, problems in sent for problem in problems])
    identifiers = _identifiers(account, rows, rows[0].get("idProperty") if rows else None)
    found = [
        account.contacts.find(identifier, row.get("idProperty"))
        for identifier, row in zip(identifiers, rows, strict=True)
    ]
    _refuse_taken(
        account, [(record, values) for record, (values, _) in zip(found, sent, strict=True) if record]
    )
    outcome, missing = Outcome(account.now()), []
    for row, identifier, record, (values, _) in zip(rows, identifiers, found, sent, strict=True):
        trace = {"objectWriteTraceId": [row["objectWriteTraceId"]]} if row.get("objectWriteTraceId") else {}
        if record is None and not trace:
            missing.append(identifier)
        elif record is None:
            outcome.errors.append(some_not_found([identifier]).row(**trace))
        elif account.plan.item_fails():
            outcome.errors.append(busy_row().row(**(trace or {"ids": [identifier]})))
        else:
            account.contacts.update(record, values)
            echo = {"objectWriteTraceId": row["objectWriteTraceId"]} if trace else {}
            outcome.results.append(render.updated(record, values) | echo)
    if missing:
        outcome.errors.append(some_not_found(missing).row())
    return outcome.answer(account, 200)


def _archive(account: HubSpot, rows: Sequence[Row]) -> Response:
    for identifier in _identifiers(account, rows, None):
        record = account.contacts.find(identifier, None)
        if record is not None:
            account.contacts.archive(record)
    return Response(status=204)


def _rows() -> list[Row]:
    rows = render.body().get("inputs")
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise bad_request("Invalid request: inputs must be a list of objects.")
    if len(rows) > MOST_ROWS:
        raise bad_request(
            f"Invalid request to {request.path}: {len(rows)} inputs, the maximum is {MOST_ROWS}."
        )
    return rows


def _identifiers(account: HubSpot, rows: Sequence[Row], id_property: str | None) -> list[str]:
    identifiers = [str(row.get("id", "")) for row in rows]
    counted = Counter(account.contacts.key(identifier, id_property) for identifier in identifiers)
    twice = [identifier for identifier, times in counted.items() if times > 1]
    if twice:
        raise duplicate_ids(twice)
    return identifiers


def _existing_id(error: ApiError) -> dict[str, list[str]]:
    existing = error.message.rpartition("Existing ID: ")[2] if error.category == "CONFLICT" else ""
    return {"existingId": [existing]} if existing else {}


def _archived(account: HubSpot, identifier: str) -> Record | None:
    record = account.tables["contacts"].get(identifier)
    return record if record is not None and record.archived_at is not None else None


def _refuse_problems(problems: Sequence[Problem]) -> None:
    if problems:
        raise not_valid(problems)


def _refuse_conflicts(account: HubSpot, batch: Sequence[Values]) -> None:
    """Refuse a batch of new contacts for its first clash, with a contact or within the batch."""
    taken: set[Key] = set()
    for values in batch:
        error = account.contacts.conflict(values)
        keys = set(account.contacts.keys_of(values))
        if error is None and keys & taken:
            error = already_exists(None)
        if error:
            raise error
        taken |= keys


def _refuse_taken(account: HubSpot, batch: Sequence[tuple[Record, Values]]) -> None:
    """Refuse a batch of changes for its first value that another contact has."""
    taken: dict[Key, Record] = {}
    for record, values in batch:
        kept = {**record.values, **values}
        error = account.contacts.conflict(kept, record)
        for key in account.contacts.keys_of(kept):
            holder = taken.setdefault(key, record)
            if error is None and holder is not record:
                error = already_exists(holder.id)
        if error:
            raise error
