"""Which companies are in HubSpot already: by our own id where one may have been made, else by domain."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from connectors.base import by_kind
from connectors.hubspot.client import Client
from connectors.hubspot.reads import Reader
from connectors.hubspot.records import to_record, values_of
from model.change import Exists, Outcome, RecordChange

OBJECT = "companies"
DOMAIN = "domain"  # not unique in HubSpot: several companies may have the same
AGE = "createdate"
LONGEST_BODY = 2_900  # characters; search takes 3,000 (HubSpot "CRM search")
PAGE = 200

Row = Mapping[str, Any]


class CompanyFinder:
    """Finds companies, many domains a call."""

    def __init__(self, connection: str, client: Client, reader: Reader, id_field: str) -> None:
        self._connection = connection
        self._client = client
        self._reader = reader
        self._id_field = id_field

    def find(self, changes: Sequence[RecordChange], names: Sequence[str]) -> Iterator[Outcome]:
        """Yield ``Exists`` for those that are there. Raises ``ConnectorError``.

        Search shows a new company only after some moments, so one that an earlier call may have made
        is looked up by our id first: a batch read shows what is there now.
        """
        left = list(changes)
        repeated = [change for change in left if change.is_repeated]
        if repeated and self._id_field:
            ids = {key: change.key for change in repeated if (key := _account_id(change))}
            for row in self._reader.by_key(OBJECT, ids, self._wanted(names), self._id_field):
                key = ids.get(str(values_of(row).get(self._id_field)))
                if key is not None:
                    yield Exists(key, to_record(self._connection, OBJECT, row))
                    left = [change for change in left if change.key != key]
        domains = {change.key: by_kind(change.identities, "domain") for change in left}
        asked = dict.fromkeys(domain for each in domains.values() for domain in each)
        held = self._by_domain(list(asked), self._wanted(names))
        for change in left:
            rows = [row for domain in domains[change.key] for row in held.get(domain, ())]
            if rows:
                row = min(rows, key=lambda row: self._rank(row, change))
                yield Exists(change.key, to_record(self._connection, OBJECT, row))

    def _by_domain(self, domains: Sequence[str], names: Sequence[str]) -> dict[str, list[Row]]:
        held: dict[str, list[Row]] = {}
        for body in _searches(domains, names):
            after: str | None = None
            while True:
                answer = self._client.search(OBJECT, {**body, **({"after": after} if after else {})})
                for row in answer.results:
                    held.setdefault(str(values_of(row).get(DOMAIN)).casefold(), []).append(row)
                after = answer.next_page
                if after is None:
                    break
        return held

    def _wanted(self, names: Sequence[str]) -> list[str]:
        telling = (DOMAIN, AGE, *((self._id_field,) if self._id_field else ()))
        return list(dict.fromkeys((*names, *telling)))

    def _rank(self, row: Row, change: RecordChange) -> tuple[bool, str, int]:
        """The one with our id before all others, then the oldest."""
        values = values_of(row)
        is_ours = bool(self._id_field) and values.get(self._id_field) == _account_id(change)
        return not is_ours, str(values.get(AGE)), int(row["id"])


def _searches(domains: Sequence[str], names: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Yield the bodies of as few searches as hold these domains."""
    rest = list(domains)
    while rest:
        body = _search(rest, names)
        count = len(rest)
        while count > 1 and len(json.dumps(body)) > LONGEST_BODY:
            count -= max(1, count // 10)
            body = _search(rest[:count], names)
        yield body
        rest = rest[count:]


def _search(domains: Sequence[str], names: Sequence[str]) -> dict[str, Any]:
    # IN wants texts in lower case and finds no others; domains are.
    told = {"propertyName": DOMAIN, "operator": "IN", "values": list(domains)}
    return {"filterGroups": [{"filters": [told]}], "properties": list(names), "limit": PAGE}


def _account_id(change: RecordChange) -> str | None:
    return next(iter(by_kind(change.identities, "account")), None)
