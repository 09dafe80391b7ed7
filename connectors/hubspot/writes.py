"""Batch create and batch update: one call for up to a hundred changes, one outcome for each of them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from connectors.batches import CallRefused, cut_down, postponed
from connectors.hubspot.client import Client
from connectors.hubspot.errors import Clash, is_clash, refused_alone, row_outcome, words
from connectors.hubspot.reads import Reader
from connectors.hubspot.records import moment, values_of
from connectors.hubspot.stages import STAGE, emptied, goes_back, is_stuck
from connectors.hubspot.verdicts import Verdicts, sort_out
from model.change import Created, Exists, Outcome, Postponed, Record, RecordChange, Updated
from model.errors import RetryLater
from model.event import JsonValue, RecordRef

Batch = Sequence[RecordChange]
Fields = Mapping[str, Sequence[str]]

ABOUT = {"tasks": 204}  # "Associate records": the type of a new record's association to its contact


class Writer:
    """Writes batches of one object type and reads what stands in their way."""

    def __init__(self, connection: str, client: Client, reader: Reader) -> None:
        self._connection = connection
        self._client = client
        self._reader = reader

    def create(self, batch: Batch, fields: Fields) -> Iterator[Outcome]:
        """Create a batch; who exists is read instead, and the rest is sent again."""
        again = partial(self.create, fields=fields)
        try:
            answer = self._client.create(batch[0].object, [_new(change) for change in batch])
        except RetryLater as error:
            yield from (postponed(change, error) for change in batch)
        except Clash as clash:
            yield from self._after_clash(batch, clash, fields)
        except CallRefused as refusal:
            yield from cut_down(batch, refusal, again, refused_alone)
        else:
            verdicts = sort_out(batch, answer)
            clashing = {key for key, error in verdicts.errors.items() if is_clash(error)}
            clashes = [change for change in batch if change.key in clashing]
            others = [change for change in batch if change.key not in clashing]
            yield from (
                Created(
                    change.key,
                    self._ref(change, row),
                    {**change.fields, **values_of(row)},
                    moment(row.get("updatedAt")),
                )
                for change, row in _pairs(others, verdicts.results)
            )
            yield from (row_outcome(change, error) for change, error in _pairs(others, verdicts.errors))
            yield from self._existing(clashes, verdicts.errors, fields)
            yield from _silent(batch, verdicts, again)

    def update(self, batch: Batch) -> Iterator[Outcome]:
        """Change a batch of known records.

        "Lifecycle stages": the API sets one further along; to go back, the property is emptied first. What
        is known to go back is emptied along with all else of its change; what HubSpot would not set, of
        which it says nothing, in a call of its own. Any other value that it ignored comes back as it stands.
        """
        backwards = {change.key for change in batch if goes_back(change)}
        sent = [emptied(change) if change.key in backwards else change for change in batch]
        try:
            answer = self._client.update(batch[0].object, [_known(change) for change in sent])
        except RetryLater as error:
            yield from (postponed(change, error) for change in batch)
        except CallRefused as refusal:
            yield from cut_down(batch, refusal, self.update, refused_alone)
        else:
            verdicts = sort_out(sent, answer)
            rows = verdicts.results
            stuck = {change.key for change, row in _pairs(sent, rows) if is_stuck(change, row)}
            yield from (
                self._updated(change, row)
                for change, row in _pairs(batch, rows)
                if change.key not in stuck | backwards
            )
            yield from (row_outcome(change, error) for change, error in _pairs(batch, verdicts.errors))
            yield from _silent(batch, verdicts, self.update)
            yield from self._set_back(batch, backwards & rows.keys(), stuck)

    def _set_back(self, batch: Batch, empty: Collection[str], stuck: Collection[str]) -> Iterator[Outcome]:
        """Set the stages of which those changes say that they go back, and that are empty by now.

        Those that HubSpot left as they were are emptied before. All else of these changes is written by now.
        What the last answer shows is how it ended.
        """
        if stuck:
            cleared = yield from self._write_stage(_of(batch, stuck), lambda _: "")
            empty = {*empty, *cleared}
        if empty:
            rows = yield from self._write_stage(_of(batch, empty), lambda change: change.fields[STAGE])
            yield from (self._updated(change, row) for change, row in _pairs(batch, rows))

    def _write_stage(
        self, batch: Batch, value_of: Callable[[RecordChange], JsonValue]
    ) -> Generator[Outcome, None, Mapping[str, Mapping[str, Any]]]:
        """Write the stage alone; yield the outcomes of those that failed, return the rows of the others."""
        sent = [replace(change, fields={STAGE: value_of(change)}) for change in batch]
        try:
            answer = self._client.update(batch[0].object, [_known(change) for change in sent])
        except (RetryLater, CallRefused) as error:  # the rest has arrived: it is read before
            yield from (
                replace(postponed(change, error), answer_lost=True, untried=False) for change in batch
            )
            return {}
        verdicts = sort_out(sent, answer)
        yield from (row_outcome(change, error) for change, error in _pairs(batch, verdicts.errors))
        reason = "HubSpot's answer does not name this record"
        yield from (Postponed(change.key, reason, answer_lost=True) for change in verdicts.silent)
        return verdicts.results

    def _updated(self, change: RecordChange, row: Mapping[str, Any]) -> Updated:
        fields = {**change.fields, **values_of(row)}
        return Updated(change.key, self._ref(change, row), fields, moment(row.get("updatedAt")))

    def _after_clash(self, batch: Batch, clash: Clash, fields: Fields) -> Iterator[Outcome]:
        """A 409 for the whole call: who exists is read, the rest is sent again in one call."""
        named = {batch[0].key: clash.body} if len(batch) == 1 else {}
        try:
            found = self._reader.find(batch, fields, named)
        except (RetryLater, CallRefused) as error:
            yield from (postponed(change, error) for change in batch)
            return
        yield from (Exists(key, record) for key, record in found.items())
        rest = [change for change in batch if change.key not in found]
        if rest and found:
            yield from self.create(rest, fields)
        elif rest:
            yield from cut_down(rest, clash, partial(self.create, fields=fields), postponed)

    def _existing(self, clashes: Batch, errors: Mapping[str, Any], fields: Fields) -> Iterator[Outcome]:
        """Read exactly those of whom a row's error says that they exist."""
        if not clashes:
            return
        found: Mapping[str, Record] = {}
        reason = "The record in the way could not be read"
        try:
            found = self._reader.find(clashes, fields, errors)
        except (RetryLater, CallRefused) as error:
            reason = str(error)
        for change in clashes:
            if change.key in found:
                yield Exists(change.key, found[change.key])
            else:
                yield Postponed(change.key, f"{reason} (HubSpot: {words(errors[change.key])})")

    def _ref(self, change: RecordChange, row: Mapping[str, Any]) -> RecordRef:
        return RecordRef(self._connection, change.object, str(row["id"]))


def _silent(
    batch: Batch, verdicts: Verdicts, again: Callable[[Batch], Iterator[Outcome]]
) -> Iterator[Outcome]:
    """The outcomes of those that an answer does not name; each call sent again is smaller than the last."""
    if verdicts.is_doubtful:
        reason = "HubSpot's answer does not name this record"
        yield from (Postponed(change.key, reason, answer_lost=True) for change in verdicts.silent)
    elif len(verdicts.silent) < len(batch):
        if verdicts.silent:
            yield from again(verdicts.silent)
    elif len(batch) == 1:
        yield row_outcome(batch[0], verdicts.nameless[0])
    else:
        yield from cut_down(batch, CallRefused(), again, refused_alone)


def _of(batch: Batch, keys: Collection[str]) -> Batch:
    return [change for change in batch if change.key in keys]


def _pairs(batch: Batch, by_key: Mapping[str, Any]) -> Iterator[tuple[RecordChange, Any]]:
    return ((change, by_key[change.key]) for change in batch if change.key in by_key)


def _new(change: RecordChange) -> dict[str, Any]:
    # HubSpot "Error handling": only inputs with a trace id get an error each instead of one for all.
    new: dict[str, Any] = {"objectWriteTraceId": change.key, "properties": _properties(change)}
    if change.about is not None:
        kind = {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": ABOUT[change.object]}
        new["associations"] = [{"to": {"id": change.about.id}, "types": [kind]}]
    return new


def _known(change: RecordChange) -> dict[str, Any]:
    return {"objectWriteTraceId": change.key, "id": change.remote_id, "properties": _properties(change)}


def _properties(change: RecordChange) -> dict[str, Any]:
    return {name: "" if value is None else value for name, value in change.fields.items()}  # "" clears
