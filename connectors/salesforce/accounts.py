"""Which companies are in Salesforce already: by our own id on the Account, or by its Website."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from simple_salesforce.format import format_soql

from connectors.base import by_kind
from connectors.salesforce.client import Client
from connectors.salesforce.people import asked_fields, to_record
from connectors.salesforce.searching import search
from model.change import Exists, Outcome, RecordChange

ACCOUNT = "Account"
SPELLINGS = tuple(  # Website is free text and cannot be normalised in a query: the usual ways to write it
    f"{scheme}{www}{{}}{slash}"
    for scheme in ("", "http://", "https://")
    for www in ("", "www.")
    for slash in ("", "/")
)

Row = Mapping[str, Any]
Fields = Mapping[str, Sequence[str]]


class AccountFinder:
    """Finds the accounts of a batch in one call."""

    def __init__(self, connection: str, client: Client, id_field: str) -> None:
        self._connection = connection
        self._client = client
        self._id_field = id_field

    def find(self, batch: Sequence[RecordChange], fields: Fields) -> Iterator[Outcome]:
        """Yield ``Exists`` for those that are there; a look-up that fails concerns its whole batch."""
        soql = self._query(batch, fields)
        return search(
            batch,
            [soql] if soql else [],
            lambda: self._client.queries({ACCOUNT: soql})[ACCOUNT],
            self._choose,
            partial(self.find, fields=fields),
        )

    def _query(self, batch: Sequence[RecordChange], fields: Fields) -> str:
        wanted = []
        if sites := sorted({site for change in batch for site in _sites(change)}):
            wanted.append(format_soql("Website IN {}", sites))
        ids = sorted({each for change in batch for each in by_kind(change.identities, "account")})
        if self._id_field and ids:
            wanted.append(format_soql(f"{self._id_field} IN {{}}", ids))
        if not wanted:
            return ""
        telling = ("Website", self._id_field) if self._id_field else ("Website",)
        names = ", ".join(asked_fields(ACCOUNT, fields, *telling))
        return f"SELECT {names} FROM {ACCOUNT} WHERE {' OR '.join(wanted)}"

    def _choose(self, batch: Sequence[RecordChange], rows: Sequence[Row]) -> Iterator[Outcome]:
        """Of several the one with our id, else the oldest."""
        by_id: dict[str, list[Row]] = {}
        by_host: dict[str, list[Row]] = {}
        for row in rows:
            if mark := row.get(self._id_field):
                by_id.setdefault(str(mark), []).append(row)
            by_host.setdefault(_host(row), []).append(row)
        for change in batch:
            ours = [row for one in by_kind(change.identities, "account") for row in by_id.get(one, ())]
            alike = [row for one in by_kind(change.identities, "domain") for row in by_host.get(one, ())]
            if found := min(ours or alike, key=_age, default=None):
                yield Exists(change.key, to_record(self._connection, ACCOUNT, found))


def _sites(change: RecordChange) -> Iterator[str]:
    for domain in by_kind(change.identities, "domain"):
        yield from (spelling.format(domain) for spelling in SPELLINGS)


def _host(row: Row) -> str:
    site = str(row.get("Website") or "").strip().casefold()
    return (urlsplit(site if "//" in site else f"//{site}").hostname or "").removeprefix("www.")


def _age(row: Row) -> tuple[str, str]:
    return str(row.get("CreatedDate")), str(row.get("Id"))
