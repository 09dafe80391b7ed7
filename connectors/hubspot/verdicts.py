"""Which line of a batch answer belongs to which change."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from connectors.hubspot.client import Answer
from connectors.hubspot.errors import subjects
from connectors.hubspot.records import email_of, emails_in, ids_in
from model.change import RecordChange

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Verdicts:
    """A batch answer sorted by change."""

    results: Mapping[str, Row]  # by key: the record as it is now
    errors: Mapping[str, Row]  # by key: why it was not written
    silent: Sequence[RecordChange]  # the answer names them nowhere
    nameless: Sequence[Row]  # errors that name no change
    is_doubtful: bool  # the silent ones may have been written


def sort_out(batch: Sequence[RecordChange], answer: Answer) -> Verdicts:
    """Sort a batch answer by the changes it speaks of."""
    marks = {change.remote_id: change.key for change in batch if change.remote_id is not None}
    marks |= {change.key: change.key for change in batch}
    errors: dict[str, Row] = {}
    nameless: list[Row] = []
    for error in answer.errors:
        keys = [marks[subject] for subject in subjects(error) if subject in marks]
        errors |= dict.fromkeys(keys, error)
        if not keys:
            nameless.append(error)
    rows = [row for row in answer.results if row.get("id")]
    results, strays = _claim([change for change in batch if change.key not in errors], rows)
    silent = [change for change in batch if change.key not in errors and change.key not in results]
    if len(silent) == len(nameless) == 1 and not strays:
        errors[silent[0].key] = nameless[0]
        silent, nameless = [], []
    return Verdicts(results, errors, silent, nameless, bool(strays) or not nameless or not answer.is_complete)


def _claim(batch: Sequence[RecordChange], rows: Sequence[Row]) -> tuple[dict[str, Row], list[Row]]:
    """Say which result is which change's, and which are nobody's.

    HubSpot does not promise the order of results, so what went out with each input decides: the
    trace id, the record id, the address. Order decides only where one result is left for each
    change that is left.
    """
    waiting = {change.key: change for change in batch}
    claimed: dict[str, Row] = {}
    left = list(rows)
    for sent, received in _WAYS:
        if not left:
            break
        wanted = {mark: change.key for change in waiting.values() if (mark := sent(change))}
        still_left = []
        for row in left:
            key = next((wanted[mark] for mark in received(row) if mark in wanted), None)
            if key is None or waiting.pop(key, None) is None:
                still_left.append(row)
            else:
                claimed[key] = row
        left = still_left
    if left and len(left) == len(waiting):
        return claimed | dict(zip(waiting, left, strict=True)), []
    return claimed, left


_WAYS: tuple[tuple[Callable[[RecordChange], str | None], Callable[[Row], Iterable[str]]], ...] = (
    (lambda change: change.key, lambda row: (str(row.get("objectWriteTraceId")),)),
    (lambda change: change.remote_id, ids_in),
    (email_of, emails_in),
)
