"""Who takes part in opportunities: contact roles, which are records of their own, and the account."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from simple_salesforce.format import format_soql

from connectors.batches import chunks
from connectors.salesforce.client import Client
from connectors.salesforce.ids import long_id
from model.change import Record
from model.deal import COMPANIES, PEOPLE
from model.lead import Identity
from model.listing import Listed

OPPORTUNITY = "Opportunity"
ROLE = "OpportunityContactRole"
ACCOUNT_ID = "AccountId"  # on Opportunity
IDS = 500  # in one query; five queries are one call
QUERIES = 5


class PartyReader:
    """Reads the parties of opportunities, 2,500 a call."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def listed(self, listed: Sequence[Listed]) -> list[Listed]:
        """Return opportunities of a page with who takes part in them, and with the keys that find them by it.

        Raises ``ConnectorError``.
        """
        records = self.records([one.record for one in listed])
        return [
            replace(one, record=record, keys=(*one.keys, *_keys(record)))
            for one, record in zip(listed, records, strict=True)
        ]

    def records(self, records: Sequence[Record]) -> list[Record]:
        """Return opportunities with who takes part in them; deleted ones come as they are."""
        people = self._people([record.ref.id for record in records if not record.archived])
        return [
            record
            if record.archived
            else replace(
                record,
                fields={
                    **record.fields,
                    PEOPLE: people.get(record.ref.id, []),
                    COMPANIES: [long_id(str(each))] if (each := record.fields.get(ACCOUNT_ID)) else [],
                },
            )
            for record in records
        ]

    def _people(self, ids: Sequence[str]) -> dict[str, list[str]]:
        """Return opportunity id -> contact ids: the primary one first, then in the order of the roles."""
        found: dict[str, dict[str, bool]] = {}
        for some in chunks(list(dict.fromkeys(ids)), IDS * QUERIES):
            queries = {
                f"roles{n}": format_soql(
                    f"SELECT Id, OpportunityId, ContactId, IsPrimary FROM {ROLE} "
                    "WHERE OpportunityId IN {} ORDER BY Id",
                    list(part),
                )
                for n, part in enumerate(chunks(some, IDS))
            }
            for rows in self._client.queries(queries).values():
                for row in rows:
                    of = found.setdefault(long_id(str(row["OpportunityId"])), {})
                    contact = long_id(str(row["ContactId"]))
                    of[contact] = of.get(contact, False) or row.get("IsPrimary") is True
        return {deal: sorted(others, key=lambda one: not others[one]) for deal, others in found.items()}


def _keys(record: Record) -> Iterable[Identity]:
    for name, kind in ((PEOPLE, "person"), (COMPANIES, "company")):
        yield from (Identity(kind, each) for each in record.fields.get(name) or ())
