"""Who takes part in deals: their contacts and companies, which no record and no search tells by itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from connectors.batches import chunks
from connectors.hubspot.associations import MOST, NONE_FOUND
from connectors.hubspot.client import Client
from connectors.hubspot.errors import words
from model.change import Record
from model.deal import COMPANIES, PEOPLE
from model.errors import RetryLater
from model.lead import Identity
from model.listing import Listed

DEALS = "deals"
PRIMARY = 5  # deal to primary company, HUBSPOT_DEFINED; HubSpot "Associate records"
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
