"""Which deals are in Salesforce already: by our own id, or by their name with one of their parties."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial

from simple_salesforce.format import format_soql

from connectors.base import by_kind
from connectors.batches import CallRefused, cut_down, halves, postponed
from connectors.salesforce.client import Client
from connectors.salesforce.errors import SCHEMA, Refused, refused_alone
from connectors.salesforce.parties import ACCOUNT_ID, OPPORTUNITY, PartyReader
from connectors.salesforce.people import SOQL_LIMIT, asked_fields, to_record
from model.change import Exists, Outcome, Record, RecordChange
from model.deal import COMPANIES, PEOPLE
from model.errors import RetryLater

Fields = Mapping[str, Sequence[str]]


class DealFinder:
    """Finds the opportunities of a batch, with who takes part in them, in two calls."""

    def __init__(self, connection: str, client: Client, parties: PartyReader, id_field: str) -> None:
        self._connection = connection
        self._client = client
        self._parties = parties
        self._id_field = id_field

    def find(self, batch: Sequence[RecordChange], fields: Fields) -> Iterator[Outcome]:
        """Yield ``Exists`` for those that are there; a look-up that fails concerns its whole batch."""
        ids = sorted({one for change in batch for one in by_kind(change.identities, "deal")})
        names = sorted({one for change in batch for one in by_kind(change.identities, "name") if one})
        wanted = [format_soql(f"{self._id_field} IN {{}}", ids)] if self._id_field and ids else []
        wanted += [format_soql("Name IN {}", names)] if names else []
        if not wanted:
            return
        telling = filter(None, (self._id_field, ACCOUNT_ID, "Name"))
        asked = ", ".join(asked_fields(OPPORTUNITY, fields, *telling))
        soql = f"SELECT {asked} FROM {OPPORTUNITY} WHERE {' OR '.join(wanted)}"
        again = partial(self.find, fields=fields)
        if len(batch) > 1 and len(soql) > SOQL_LIMIT:
            for half in halves(batch):
                yield from again(half)
            return
        try:
            rows = self._client.queries({OPPORTUNITY: soql})[OPPORTUNITY]
            records = self._parties.records([to_record(self._connection, OPPORTUNITY, row) for row in rows])
        except RetryLater as error:
            yield from (postponed(change, error) for change in batch)
        except CallRefused as refusal:
            if isinstance(refusal, Refused) and refusal.code in SCHEMA:
                yield from (refused_alone(change, refusal) for change in batch)
            else:
                yield from cut_down(batch, refusal, again, refused_alone)
        else:
            for change in batch:
                found = [record for record in records if self._is_it(change, record)]
                if found:
                    yield Exists(change.key, min(found, key=self._rank))

    def _is_it(self, change: RecordChange, record: Record) -> bool:
        """Say whether it bears our id, or nobody's, and has the name and one of the parties."""
        ours = record.fields.get(self._id_field) if self._id_field else None
        if ours:
            return str(ours) in by_kind(change.identities, "deal")
        names = [_plain(name) for name in by_kind(change.identities, "name")]
        parties = {*(record.fields.get(PEOPLE) or ()), *(record.fields.get(COMPANIES) or ())}
        theirs = {*by_kind(change.identities, "person"), *by_kind(change.identities, "company")}
        return _plain(record.fields.get("Name")) in names and not parties.isdisjoint(theirs)

    def _rank(self, record: Record) -> tuple[bool, str, str]:
        """The one with our id before all others, then the oldest."""
        return not record.fields.get(self._id_field), str(record.fields.get("CreatedDate")), record.ref.id


def _plain(name: object) -> str:
    return " ".join(str(name or "").casefold().split())
