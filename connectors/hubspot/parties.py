"""Who takes part in deals: their contacts and companies, which no record and no search tells by itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from connectors.batches import CallRefused, chunks
from connectors.hubspot.associations import MOST, NONE_FOUND
from connectors.hubspot.client import Client
from connectors.hubspot.errors import words
from model.change import Outcome, Participation, Postponed, Record, Rejected, Updated
from model.deal import COMPANIES, PEOPLE
from model.errors import NoBudget, RetryLater
from model.lead import Identity
from model.listing import Listed

DEALS = "deals"
PRIMARY = 5  # deal to primary company, HUBSPOT_DEFINED; HubSpot "Associate records"
TO_CONTACT = 3  # deal to contact
SIDES = {PEOPLE: "contacts", COMPANIES: "companies"}
KINDS = {PEOPLE: "person", COMPANIES: "company"}  # of the keys that find a mirrored deal


class PartyReader:
    """Reads the parties of deals, a thousand deals a call for each of the two sides."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def listed(self, listed: Sequence[Listed]) -> list[Listed]:
        """Return deals of a page with who takes part in them, and with the keys that find them by it.

        Raises ``ConnectorError``: a deal of which that is not known says less than it seems to.
        """
        records = self.records([one.record for one in listed])
        return [
            replace(one, record=record, keys=(*one.keys, *_keys(record)))
            for one, record in zip(listed, records, strict=True)
        ]

    def records(self, records: Sequence[Record]) -> list[Record]:
        """Return deals with who takes part in them; those that are archived come as they are."""
        ids = [record.ref.id for record in records if not record.archived]
        told = {name: self._of(ids, side) for name, side in SIDES.items()} if ids else {}
        return [
            record
            if record.archived
            else replace(
                record,
                fields={**record.fields, **{name: told[name].get(record.ref.id, []) for name in SIDES}},
            )
            for record in records
        ]

    def _of(self, ids: Sequence[str], side: str) -> dict[str, list[str]]:
        """Return deal id -> ids on the other side: the primary one first, then as they grew."""
        found: dict[str, dict[str, bool]] = {}
        asked: list[dict[str, str]] = [{"id": each} for each in dict.fromkeys(ids)]
        while asked:
            following: list[dict[str, str]] = []
            for some in chunks(asked, MOST):
                answer = self._client.associated(DEALS, side, some)
                for error in answer.errors:
                    if error.get("subCategory") != NONE_FOUND:
                        raise RetryLater(f"HubSpot {answer.status}: {words(error)}")
                for row in answer.results:
                    deal = str(row["from"]["id"])
                    found.setdefault(deal, {}).update(_others(row))
                    if after := _after(row):
                        following.append({"id": deal, "after": after})
            asked = following
        return {
            deal: sorted(others, key=lambda one: (not others[one], int(one)))
            for deal, others in found.items()
        }


class PartyWriter:
    """Associates deals with contacts and companies, and ends associations with contacts."""

    def __init__(self, client: Client, reader: PartyReader) -> None:
        self._client = client
        self._reader = reader

    def take_part(self, parts: Sequence[Participation]) -> Iterator[Outcome]:
        """Yield one outcome for each: two reads, and up to three writes for what is missing or too much."""
        refs = [part.deal for part in parts]
        try:
            held = {
                record.ref: record.fields
                for record in self._reader.records([Record(ref, {}) for ref in refs])
            }
        except (RetryLater, CallRefused) as error:
            yield from (_put_off(part, error) for part in parts)
            return
        missing = {part.key: _missing(part, held[part.deal]) for part in parts}
        failed: dict[str, Outcome] = {}
        for side, name in SIDES.items():
            wanted = [
                (part, pair) for part in parts if part.key not in failed for pair in missing[part.key][side]
            ]
            if wanted:
                failed |= self._write(name, wanted)
        surplus = {
            part.key: [each for each in part.leave if each in held[part.deal][PEOPLE]] for part in parts
        }
        failed |= self._end([part for part in parts if surplus[part.key] and part.key not in failed], surplus)
        for part in parts:
            yield failed.get(part.key) or Updated(
                part.key, part.deal, _now(held[part.deal], missing[part.key], surplus[part.key])
            )

    def _end(
        self, parts: Sequence[Participation], surplus: Mapping[str, Sequence[str]]
    ) -> dict[str, Outcome]:
        """End associations with contacts; return the outcomes of those that failed. Safe to repeat."""
        if not parts:
            return {}
        inputs = [
            {"from": {"id": part.deal.id}, "to": [{"id": each} for each in surplus[part.key]]}
            for part in parts
        ]
        try:
            self._client.disassociate(DEALS, SIDES[PEOPLE], inputs)
        except (RetryLater, CallRefused) as error:
            if len(parts) > 1 and isinstance(error, CallRefused):  # one that is refused holds up no other
                return {key: one for each in parts for key, one in self._end([each], surplus).items()}
            return {part.key: _put_off(part, error) for part in parts}
        return {}

    def _write(self, name: str, wanted: Sequence[tuple[Participation, _Pair]]) -> dict[str, Outcome]:
        """Associate deals with records of one object; return the outcomes of those that failed."""
        inputs = [_input(part, pair) for part, pair in wanted]
        try:
            answer = self._client.associate(DEALS, name, inputs)
        except (RetryLater, CallRefused) as error:
            if len(wanted) > 1 and isinstance(error, CallRefused):  # one that is refused holds up no other
                return {key: one for each in wanted for key, one in self._write(name, [each]).items()}
            return {part.key: _put_off(part, error) for part, _ in wanted}
        done = {(str(row.get("fromObjectId")), str(row.get("toObjectId"))) for row in answer.results}
        said = "; ".join(words(error) for error in answer.errors) or "HubSpot's answer does not name it"
        return {
            part.key: Postponed(part.key, f"HubSpot: {said}")
            for part, pair in wanted
            if (part.deal.id, pair.other) not in done
        }


@dataclass(frozen=True, slots=True)
class _Pair:
    """An association that is missing."""

    other: str
    kind: int


def _missing(part: Participation, held: Mapping[str, Any]) -> dict[str, list[_Pair]]:
    people = [_Pair(each, TO_CONTACT) for each in part.people if each not in held[PEOPLE]]
    chosen = part.company_over(held[COMPANIES])
    company = [_Pair(chosen, PRIMARY)] if chosen else []
    return {PEOPLE: people, COMPANIES: company}


def _now(
    held: Mapping[str, Any], missing: Mapping[str, Sequence[_Pair]], surplus: Sequence[str]
) -> dict[str, list[str]]:
    """Return who takes part after the write, in the order of a read."""
    people = dict.fromkeys((*held[PEOPLE], *(pair.other for pair in missing[PEOPLE])))
    primary = [pair.other for pair in missing[COMPANIES]]
    return {
        PEOPLE: sorted((each for each in people if each not in surplus), key=int),
        COMPANIES: list(dict.fromkeys((*primary, *sorted(held[COMPANIES], key=int))))
        if primary
        else list(held[COMPANIES]),
    }


def _input(part: Participation, pair: _Pair) -> dict[str, Any]:
    types = [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": pair.kind}]
    return {"from": {"id": part.deal.id}, "to": {"id": pair.other}, "types": types}


def _put_off(part: Participation, error: RetryLater | CallRefused) -> Outcome:
    if isinstance(error, RetryLater):
        return Postponed(part.key, str(error), error.wait, untried=isinstance(error, NoBudget))
    return Rejected(part.key, str(error))


def _others(row: Mapping[str, Any]) -> Iterable[tuple[str, bool]]:
    """Yield the ids of a row with whether each is the primary one."""
    for to in row.get("to") or ():
        types = {int(one["typeId"]) for one in to.get("associationTypes") or ()}
        yield str(to.get("toObjectId")), PRIMARY in types


def _after(row: Mapping[str, Any]) -> str:
    paging = row.get("paging")
    following = paging.get("next") if isinstance(paging, dict) else None
    return str(following.get("after") or "") if isinstance(following, dict) else ""


def _keys(record: Record) -> Iterable[Identity]:
    for name, kind in KINDS.items():
        yield from (Identity(kind, each) for each in record.fields.get(name) or ())
