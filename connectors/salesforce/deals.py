"""Which opportunities of ours are in Salesforce already: those that bear our own id."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial

from simple_salesforce.format import format_soql

from connectors.base import by_kind
from connectors.batches import CallRefused, cut_down, postponed
from connectors.salesforce.client import Client
from connectors.salesforce.errors import SCHEMA, Refused, refused_alone
from connectors.salesforce.parties import ACCOUNT_ID, OPPORTUNITY, PartyReader
from connectors.salesforce.people import asked_fields, to_record
from model.change import Exists, Outcome, RecordChange
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
        ids = {ours: change for change in batch for ours in by_kind(change.identities, "deal")}
        if not self._id_field or not ids:
            return
        names = ", ".join(asked_fields(OPPORTUNITY, fields, self._id_field, ACCOUNT_ID))
        soql = format_soql(f"SELECT {names} FROM {OPPORTUNITY} WHERE {self._id_field} IN {{}}", sorted(ids))
        try:
            rows = self._client.queries({OPPORTUNITY: soql})[OPPORTUNITY]
            records = self._parties.records([to_record(self._connection, OPPORTUNITY, row) for row in rows])
        except RetryLater as error:
            yield from (postponed(change, error) for change in batch)
        except CallRefused as refusal:
            if isinstance(refusal, Refused) and refusal.code in SCHEMA:
                yield from (refused_alone(change, refusal) for change in batch)
            else:
                yield from cut_down(batch, refusal, partial(self.find, fields=fields), refused_alone)
        else:
            for record in records:
                change = ids.get(str(record.fields.get(self._id_field)))
                if change is not None:
                    yield Exists(change.key, record)
