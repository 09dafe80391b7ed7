"""Collections create and update: one call for up to 200 changes, one outcome for each of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from connectors.batches import CallRefused, chunks, cut_down, first_of_each, postponed
from connectors.salesforce.client import Client
from connectors.salesforce.errors import (
    CONVERTED,
    EXISTS,
    MAYBE_GONE,
    Error,
    codes,
    fields_of,
    first_code,
    ids_in_the_way,
    item_outcome,
    refused_alone,
    words,
)
from connectors.salesforce.ids import is_id, long_id, object_of
from connectors.salesforce.people import PEOPLE, lead_id_of
from connectors.salesforce.reads import Finder
from model.change import Created, Exists, Gone, Outcome, Postponed, RecordChange, Rejected, Updated
from model.errors import RetryLater
from model.event import RecordRef

Batch = Sequence[RecordChange]
Fields = Mapping[str, Sequence[str]]
BATCH = 200


class Writer:
    """Writes batches and reads what stands in their way."""

    def __init__(self, connection: str, client: Client, finder: Finder, external_id_field: str) -> None:
        self._connection = connection
        self._client = client
        self._finder = finder
        self._external_id_field = external_id_field

    def create(self, changes: Batch, fields: Fields) -> Iterator[Outcome]:
        """Create records; who exists is read instead."""
        for batch in chunks(_sorted(changes), BATCH):
            yield from self._create(batch, fields)

    def update(self, changes: Batch) -> Iterator[Outcome]:
        """Change known records."""
        for change in changes:
            if not is_id(change.remote_id or ""):
                yield Rejected(change.key, f'"{change.remote_id}" is no Salesforce id', code="BAD_ID")
        for batch in chunks([each for each in _sorted(changes) if is_id(each.remote_id or "")], BATCH):
            first, repeated = first_of_each(batch, lambda change: long_id(change.remote_id or ""))
            yield from self._update(first)
            yield from (Postponed(each.key, "same record in this call", wait=0.0) for each in repeated)

    def _create(self, batch: Batch, fields: Fields) -> Iterator[Outcome]:
        sent = [self._with_lead_id(change) for change in batch]
        records = [
            {"attributes": {"type": change.object}, **values}
            for change, values in zip(batch, sent, strict=True)
        ]
        try:
            items = self._client.write("POST", records)
        except RetryLater as error:
            yield from (postponed(change, error) for change in batch)
            return
        except CallRefused as refusal:
            yield from cut_down(batch, refusal, partial(self._create, fields=fields), refused_alone)
            return
        clashes: list[tuple[RecordChange, Sequence[Error]]] = []
        for change, values, item in zip(batch, sent, items, strict=True):
            errors = errors_of(item)
            if item.get("success") and item.get("id"):
                yield Created(change.key, self._ref(change.object, item["id"]), values)
            elif item.get("success"):
                yield Postponed(change.key, "Salesforce names no id for the new record", answer_lost=True)
            elif codes(errors) & EXISTS:
                clashes.append((change, errors))
            else:
                yield item_outcome(change, errors)
        if clashes:
            yield from self._existing(clashes, fields)

    def _update(self, batch: Batch) -> Iterator[Outcome]:
        records = [
            {"attributes": {"type": change.object}, "id": long_id(change.remote_id or ""), **change.fields}
            for change in batch
        ]
        try:
            items = self._client.write("PATCH", records)
        except RetryLater as error:
            yield from (postponed(change, error) for change in batch)
            return
        except CallRefused as refusal:
            yield from cut_down(batch, refusal, self._update, refused_alone)
            return
        suspects: list[tuple[RecordChange, Sequence[Error]]] = []
        for change, item in zip(batch, items, strict=True):
            errors = errors_of(item)
            if item.get("success"):
                yield Updated(change.key, self._ref(change.object, change.remote_id), dict(change.fields))
            elif CONVERTED in codes(errors):  # the person goes on as a Contact, which a look-up finds
                yield Gone(change.key, words(errors))
            elif codes(errors) & MAYBE_GONE:
                suspects.append((change, errors))
            else:
                yield item_outcome(change, errors)
        if suspects:
            yield from self._gone_or_rejected(suspects)

    def _gone_or_rejected(
        self, suspects: Sequence[tuple[RecordChange, Sequence[Error]]]
    ) -> Iterator[Outcome]:
        """The same codes are said of a deleted record and of a deleted owner or account: look."""
        ids = [(change.object, long_id(change.remote_id or "")) for change, _ in suspects]
        try:
            there = self._finder.read(ids, {})
        except (RetryLater, CallRefused) as error:
            yield from (postponed(change, error) for change, _ in suspects)
            return
        for change, errors in suspects:
            if long_id(change.remote_id or "") in there:
                yield item_outcome(change, errors)
            else:
                yield Gone(change.key, words(errors))

    def _existing(
        self, clashes: Sequence[tuple[RecordChange, Sequence[Error]]], fields: Fields
    ) -> Iterator[Outcome]:
        """Read the records that duplicate errors name; look for the person where they name none."""
        ids = {
            change.key: self._finder.in_the_way(change, ids_in_the_way(errors)) for change, errors in clashes
        }
        wanted = [
            (object_of(each) or change.object, each) for change, _ in clashes if (each := ids[change.key])
        ]
        try:
            records = self._finder.read(wanted, fields)
        except (RetryLater, CallRefused) as error:
            yield from (postponed(change, error) for change, _ in clashes)
            return
        unknown = [change for change, _ in clashes if (ids[change.key] or "") not in records]
        looked_up = {outcome.key: outcome for outcome in self._finder.find(unknown, fields)}
        for change, errors in clashes:
            if change.key in looked_up:
                yield looked_up[change.key]
            elif (ids[change.key] or "") in records:
                yield Exists(change.key, records[ids[change.key] or ""])
            else:
                yield Rejected(change.key, words(errors), fields_of(errors), first_code(errors))

    def _with_lead_id(self, change: RecordChange) -> dict[str, Any]:
        lead_id = lead_id_of(change) if change.object in PEOPLE and self._external_id_field else None
        return dict(change.fields) if lead_id is None else {self._external_id_field: lead_id, **change.fields}

    def _ref(self, object_type: str, record_id: str | None) -> RecordRef:
        return RecordRef(self._connection, object_type, long_id(record_id or ""))


def errors_of(item: Mapping[str, Any]) -> list[Error]:
    """The errors of one item of a collection."""
    errors = item.get("errors")
    return [error for error in errors if isinstance(error, dict)] if isinstance(errors, list) else []


def _sorted(changes: Batch) -> list[RecordChange]:
    """Bring each object type together: Salesforce runs a mixed call in at most ten runs of one type."""
    return sorted(changes, key=lambda change: change.object)
