"""What all batch calls share: the rows sent, their identifiers, and what becomes of each."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from flask import Response, request

from sandbox.app import answer
from sandbox.hubspot import render, shapes
from sandbox.hubspot.errors import ApiError, Problem, bad_request, duplicate_ids, not_valid
from sandbox.hubspot.objects import Objects
from sandbox.hubspot.values import iso

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
        partly = status if "/2026-09" in request.path and _is_told_in_200(account) else 207
        return answer(told, partly if self.errors else status)


def _is_told_in_200(account: HubSpot) -> bool:
    """Whether failed rows come with the usual status: HubSpot's document of 2026-09 knows no 207."""
    return bool(account.faults.setting["partial_in_2026_09"] == "200")


def rows_in(most: int = MOST_ROWS) -> list[Row]:
    """The rows of the batch that was sent."""
    rows = render.body().get("inputs")
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise bad_request("Invalid request: inputs must be a list of objects.")
    if not rows:
        raise bad_request("Batch input provided should have at least one object.")
    if len(rows) > most:
        raise bad_request(f"Invalid request to {request.path}: {len(rows)} inputs, the maximum is {most}.")
    return rows


def identifiers_in(objects: Objects, rows: Sequence[Row], id_property: str | None) -> list[str]:
    """The id of each row; a record named twice refuses the batch."""
    identifiers = [shapes.text(row.get("id")) for row in rows]
    counted = Counter(objects.key(identifier, id_property) for identifier in identifiers)
    twice = [identifier for identifier, times in counted.items() if times > 1]
    if twice:
        raise duplicate_ids(twice)
    return identifiers


def traces_in(rows: Sequence[Row]) -> tuple[list[str], bool]:
    """The trace id of each row, and whether every row has one of its own, so that it may fail alone."""
    traces = [trace_of(row) for row in rows]
    return traces, all(traces) and len(set(traces)) == len(traces)


def trace_of(row: Row) -> str:
    """The trace id of a row."""
    return shapes.text(row.get("objectWriteTraceId"))


def echo(trace: str) -> dict[str, str]:
    """The trace id of a row in its result."""
    return {"objectWriteTraceId": trace} if trace else {}


def refuse_problems(problems: Sequence[Problem]) -> None:
    """Refuse the batch or the row for its values."""
    if problems:
        raise not_valid(problems)


def existing_id(error: ApiError) -> dict[str, list[str]]:
    """The id that a conflict names, for the context of a row's error."""
    existing = error.message.rpartition("Existing ID: ")[2] if error.category == "CONFLICT" else ""
    return {"existingId": [existing]} if existing else {}
