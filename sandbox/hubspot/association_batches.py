"""The batch endpoints for associations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response

from sandbox.hubspot import shapes
from sandbox.hubspot.association_calls import LARGEST_PAGE, Pair
from sandbox.hubspot.errors import ApiError, bad_request, busy_row
from sandbox.hubspot.rows import Outcome, Row, rows_in
from sandbox.hubspot.values import as_text
from sandbox.hubspot.wanted import specs_in

if TYPE_CHECKING:
    from sandbox.hubspot.account import HubSpot

MOST_WRITTEN, MOST_READ = 2_000, 1_000
# path scheme: what a batch create answers, and what an archive answers. 2026-03 archives with a body, too.
BASES = {
    "/crm/v4/associations": (201, 204),
    "/crm/associations/2026-03": (201, 200),
    "/crm/associations/2026-09": (200, 200),
}
Call = Callable[["HubSpot", Pair, Sequence[Row], int], Response]


def add_to(api: Blueprint, account: HubSpot) -> None:
    """Register the endpoints under every path scheme."""

    def batch(object_type: str, to_type: str, call: str, status: int) -> Response:
        pair = Pair(account.of(object_type), account.of(to_type))
        rows = rows_in(MOST_READ if call == "read" else MOST_WRITTEN)
        with account.lock:
            response = CALLS[call](account, pair, rows, status)
            account.leads.drop_loose()
            return response

    for base, (created, archived) in BASES.items():
        statuses = {"create": created, "archive": archived, "labels/archive": archived}
        for call in CALLS:
            rule = f"{base}/<object_type>/<to_type>/batch/{call}"
            told = {"call": call, "status": statuses.get(call, 200)}
            api.add_url_rule(rule, f"associations {call} {base}", batch, methods=["POST"], defaults=told)


def _create(account: HubSpot, pair: Pair, rows: Sequence[Row], status: int) -> Response:
    outcome = Outcome(account.now())
    for row in rows:
        try:
            specs = specs_in(row.get("types"))
            pair.check(specs)
            source, target = pair.ends(_id(row, "from"), _id(row, "to"))
            _maybe_busy(account)
            account.links.add(source, target, specs)
            outcome.results.append(pair.labels(source, target, specs))
        except ApiError as error:
            outcome.errors.append(error.row())
    return outcome.answer(account, status)


def _associate(account: HubSpot, pair: Pair, rows: Sequence[Row], status: int) -> Response:
    outcome = Outcome(account.now())
    for row in rows:
        try:
            source, target = pair.ends(_id(row, "from"), _id(row, "to"))
            _maybe_busy(account)
            account.links.add(source, target)
            outcome.results += pair.both_ways(source, target)
        except ApiError as error:
            outcome.errors.append(error.row())
    return outcome.answer(account, status)


def _read(account: HubSpot, pair: Pair, rows: Sequence[Row], status: int) -> Response:
    outcome = Outcome(account.now())
    for row in rows:
        record_id = as_text(row.get("id"))
        shown, more = pair.page((pair.source, record_id), as_text(row.get("after")), LARGEST_PAGE)
        if not shown:
            outcome.errors.append(_nobody(pair, record_id))
            continue
        told: dict[str, Any] = {"from": {"id": record_id}, "to": shown}
        outcome.results.append(told | ({"paging": {"next": {"after": more}}} if more else {}))
    return outcome.answer(account, status)


def _archive(account: HubSpot, pair: Pair, rows: Sequence[Row], status: int) -> Response:
    for row in rows:
        if row.get("to") is None:
            raise bad_request("Invalid request: to must be a list of objects.")
        for other in shapes.objects(row["to"]):
            account.links.remove((pair.source, _id(row, "from")), (pair.target, as_text(other.get("id"))))
    return _done(account, status)


def _archive_labels(account: HubSpot, pair: Pair, rows: Sequence[Row], status: int) -> Response:
    for row in rows:
        specs = specs_in(row.get("types"))
        pair.check(specs)
        account.links.remove((pair.source, _id(row, "from")), (pair.target, _id(row, "to")), specs)
    return _done(account, status)


CALLS: dict[str, Call] = {
    "create": _create,
    "associate/default": _associate,
    "read": _read,
    "archive": _archive,
    "labels/archive": _archive_labels,
}


def _id(row: Row, end: str) -> str:
    told = row.get(end)
    if not isinstance(told, dict):
        raise bad_request(f"Invalid request: {end} must be an object with an id.")
    return as_text(told.get("id"))


def _nobody(pair: Pair, record_id: str) -> dict[str, Any]:
    """The row for a record without such associations (recorded traffic)."""
    one, other = pair.one.kind.singular, pair.other.kind.singular
    context = {"fromObjectId": [record_id], "fromObjectType": [one], "toObjectType": [other]}
    message = f"No {other} is associated with {one} {record_id}."
    told = ApiError(404, message, "OBJECT_NOT_FOUND").row(**context)
    return told | {"subCategory": "crm.associations.NO_ASSOCIATIONS_FOUND"}


def _maybe_busy(account: HubSpot) -> None:
    if account.plan.item_fails():
        raise busy_row()


def _done(account: HubSpot, status: int) -> Response:
    return Response(status=204) if status == 204 else Outcome(account.now()).answer(account, status)
