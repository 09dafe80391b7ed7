"""Contacts and their companies: read what is there, then write only what is missing."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from connectors.batches import CallRefused, cut_pairs
from connectors.hubspot.client import Client
from connectors.hubspot.errors import words
from model.change import Association, Gone, Outcome, Postponed, Updated
from model.errors import RetryLater

PRIMARY, UNLABELLED = 1, 279  # contact to company, HUBSPOT_DEFINED; HubSpot "Associate records"
NONE_FOUND = "crm.associations.NO_ASSOCIATIONS_FOUND"
MOST = 1_000  # records of one batch read; a batch create takes 2,000

Pairs = Sequence[Association]


class Associator:
    """Associates contacts with companies."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def associate(self, pairs: Pairs) -> Iterator[Outcome]:
        """Yield one outcome for each pair; a read, and a write where something is missing."""
        try:
            held = self._held(pairs)
        except RetryLater as error:
            yield from (Postponed(pair.key, str(error), error.wait) for pair in pairs)
            return
        except CallRefused as refusal:
            yield from cut_pairs(pairs, refusal, self.associate)
            return
        missing: list[tuple[Association, int]] = []
        for pair in pairs:
            kind = _missing(held.get(pair.person.id, {}), pair.company.id)
            if kind is None:
                yield Updated(pair.key, pair.person, {})
            else:
                missing.append((pair, kind))
        if missing:
            yield from self._write(missing)

    def _held(self, pairs: Pairs) -> dict[str, dict[str, set[int]]]:
        """Return contact id -> company id -> types of association."""
        first = pairs[0]
        ids = list(dict.fromkeys(pair.person.id for pair in pairs))
        answer = self._client.associated(
            first.person.object, first.company.object, [{"id": each} for each in ids]
        )
        for error in answer.errors:
            if error.get("subCategory") != NONE_FOUND:  # who is not read is not written either
                raise RetryLater(f"HubSpot {answer.status}: {words(error)}")
        return {str(row["from"]["id"]): _types(row) for row in answer.results}

    def _write(self, missing: Sequence[tuple[Association, int]]) -> Iterator[Outcome]:
        pairs = [pair for pair, _ in missing]
        first = pairs[0]
        inputs = [_input(pair, kind) for pair, kind in missing]
        try:
            answer = self._client.associate(first.person.object, first.company.object, inputs)
        except RetryLater as error:
            yield from (Postponed(pair.key, str(error), error.wait) for pair in pairs)
            return
        except CallRefused as refusal:
            again = {pair.key: kind for pair, kind in missing}
            yield from cut_pairs(
                pairs, refusal, lambda part: self._write([(pair, again[pair.key]) for pair in part])
            )
            return
        done = {(str(row.get("fromObjectId")), str(row.get("toObjectId"))) for row in answer.results}
        strays = _strays(done, pairs)
        for pair in pairs:
            if (pair.person.id, pair.company.id) in done:
                yield Updated(pair.key, pair.person, {})
            elif blame := next((one for one in answer.errors if _names(one, pair)), None):
                yield Gone(pair.key, f"HubSpot {blame.get('category', 'error')}: {words(blame)}")
            elif others := strays.get(pair.company.id):
                said = (
                    f"contact {pair.person.id} was merged; contact {' or '.join(others)} has the company now"
                )
                yield Gone(pair.key, said)
            else:  # writing it once more changes nothing
                yield Postponed(pair.key, "HubSpot's answer does not name this association")


def _strays(done: Collection[tuple[str, str]], pairs: Pairs) -> dict[str, list[str]]:
    """Return company id -> contacts that were associated with it and that nobody named.

    HubSpot takes the id of a contact that was merged away, and answers with that of the one it became.
    """
    named = {pair.person.id for pair in pairs}
    found: dict[str, list[str]] = {}
    for person, company in sorted(done):
        if person not in named:
            found.setdefault(company, []).append(person)
    return found


def _types(row: Mapping[str, Any]) -> dict[str, set[int]]:
    return {
        str(to.get("toObjectId")): {int(one["typeId"]) for one in to.get("associationTypes") or ()}
        for to in row.get("to") or ()
    }


def _missing(companies: Mapping[str, set[int]], company: str) -> int | None:
    """Return which type of association is to be written; ``None`` for none.

    A contact's first company becomes the primary one. Where there is a primary company already,
    ours stands beside it.
    """
    if not any(PRIMARY in types for types in companies.values()):
        return PRIMARY
    return None if company in companies else UNLABELLED


def _input(pair: Association, kind: int) -> dict[str, Any]:
    types = [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": kind}]
    return {"from": {"id": pair.person.id}, "to": {"id": pair.company.id}, "types": types}


def _names(error: Mapping[str, Any], pair: Association) -> bool:
    """Say whether an error names one of the two records: it is not there any more (recorded traffic)."""
    context = error.get("context")
    named = context.get("objectId") if isinstance(context, dict) else None
    return isinstance(named, list) and not {pair.person.id, pair.company.id}.isdisjoint(map(str, named))
