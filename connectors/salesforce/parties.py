"""Who takes part in opportunities: contact roles, which are records of their own, and the account."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from simple_salesforce.format import format_soql

from connectors.batches import CallRefused, chunks, halves
from connectors.salesforce.client import Client
from connectors.salesforce.errors import MAYBE_GONE, SCHEMA, Refused, codes, item_outcome, words
from connectors.salesforce.ids import long_id
from connectors.salesforce.writes import errors_of
from model.change import Gone, Outcome, Participation, Postponed, Record, RecordChange, Rejected, Updated
from model.deal import COMPANIES, PEOPLE
from model.errors import NoBudget, RetryLater
from model.event import RecordRef
from model.lead import Identity
from model.listing import Listed

OPPORTUNITY = "Opportunity"
ROLE = "OpportunityContactRole"
ACCOUNT_ID = "AccountId"  # on Opportunity
IDS = 500  # in one query; five queries are one call
QUERIES = 5
COLLECTION = 200  # records of one write; REST "sObject Collections"


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
        for row in self.roles(ids):
            of = found.setdefault(long_id(str(row["OpportunityId"])), {})
            contact = long_id(str(row["ContactId"]))
            of[contact] = of.get(contact, False) or row.get("IsPrimary") is True
        return {deal: sorted(others, key=lambda one: not others[one]) for deal, others in found.items()}

    def roles(self, ids: Sequence[str]) -> Iterator[Mapping[str, Any]]:
        """Yield the contact roles of these opportunities, in the order of their ids."""
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
                yield from rows


class PartyWriter:
    """Gives opportunities contact roles and an account, and takes contact roles away."""

    def __init__(self, connection: str, client: Client, reader: PartyReader) -> None:
        self._connection = connection
        self._client = client
        self._reader = reader

    def take_part(self, parts: Sequence[Participation]) -> Iterator[Outcome]:
        """Yield one outcome for each: two reads, and up to three writes for what is missing or too much."""
        try:
            held = self._held(parts)
            missing = {
                part.key: [one for one in part.people if one not in held[part.deal.id][PEOPLE]]
                for part in parts
                if part.deal.id in held
            }
            failed = self._write("POST", [
                (part, {"attributes": {"type": ROLE}, "OpportunityId": part.deal.id, "ContactId": one,
                        "IsPrimary": not n and not held[part.deal.id][PEOPLE]})
                for part in parts
                for n, one in enumerate(missing.get(part.key, ()))
            ])  # fmt: skip
            failed |= self._write("PATCH", [
                (part, {"attributes": {"type": OPPORTUNITY}, "id": part.deal.id, ACCOUNT_ID: part.company})
                for part in parts
                if part.deal.id in held and part.company_over(held[part.deal.id][COMPANIES])
            ])  # fmt: skip
            failed |= self._take_out([
                part
                for part in parts
                if part.deal.id in held and not set(part.leave).isdisjoint(held[part.deal.id][PEOPLE])
            ])  # fmt: skip
        except RetryLater as error:
            untried = isinstance(error, NoBudget)
            yield from (Postponed(part.key, str(error), error.wait, untried=untried) for part in parts)
            return
        except CallRefused as refusal:  # one that is refused holds up no other; what was written stays
            if len(parts) == 1 or (isinstance(refusal, Refused) and refusal.code in SCHEMA):
                yield from (Rejected(part.key, str(refusal), refusal.fields, refusal.code) for part in parts)
                return
            for half in halves(parts):
                yield from self.take_part(half)
            return
        for part in parts:
            if part.deal.id not in held:
                yield Gone(part.key, "the opportunity was deleted, or is hidden from this user")
                continue
            now = held[part.deal.id]
            chosen = part.company_over(now[COMPANIES])
            people = [each for each in (*now[PEOPLE], *missing[part.key]) if each not in part.leave]
            agreed = {PEOPLE: people, COMPANIES: [chosen] if chosen else now[COMPANIES]}
            yield failed.get(part.key) or Updated(part.key, part.deal, agreed)

    def _take_out(self, parts: Sequence[Participation]) -> dict[str, Outcome]:
        """Delete all contact roles of those who are to leave; return the outcomes of those that failed."""
        if not parts:
            return {}
        whose = {(part.deal.id, each): part for part in parts for each in part.leave}
        found = [
            (part, str(row["Id"]))
            for row in self._reader.roles([part.deal.id for part in parts])
            if (part := whose.get((long_id(str(row["OpportunityId"])), long_id(str(row["ContactId"])))))
        ]
        failed: dict[str, Outcome] = {}
        for some in chunks(found, COLLECTION):
            items = self._client.delete([role for _, role in some])
            for (part, role), item in zip(some, items, strict=True):
                if not item.get("success") and not codes(errors_of(item)) & MAYBE_GONE:
                    change = RecordChange(part.key, ROLE, {}, role)
                    failed[part.key] = item_outcome(change, errors_of(item))
        return failed

    def _held(self, parts: Sequence[Participation]) -> dict[str, Mapping[str, Any]]:
        """Return who takes part by now, by opportunity; those that are not there are left out."""
        ids = list(dict.fromkeys(part.deal.id for part in parts))
        rows = self._client.retrieve(OPPORTUNITY, ids, ["Id", ACCOUNT_ID])
        records = [
            Record(
                RecordRef(self._connection, OPPORTUNITY, long_id(str(row["Id"]))),
                {ACCOUNT_ID: row.get(ACCOUNT_ID)},
            )
            for row in rows
        ]
        return {record.ref.id: record.fields for record in self._reader.records(records)}

    def _write(
        self, method: str, wanted: Sequence[tuple[Participation, Mapping[str, Any]]]
    ) -> dict[str, Outcome]:
        """Write records, 200 a call; return the outcomes of those that failed.

        A contact or an account that a row names may have been deleted or merged since.
        """
        failed: dict[str, Outcome] = {}
        for some in chunks(wanted, COLLECTION):
            items = self._client.write(method, [row for _, row in some])
            for (part, _), item in zip(some, items, strict=True):
                errors = errors_of(item)
                if item.get("success"):
                    continue
                if codes(errors) & MAYBE_GONE:
                    failed[part.key] = Gone(part.key, words(errors))
                else:
                    failed[part.key] = item_outcome(
                        RecordChange(part.key, OPPORTUNITY, {}, part.deal.id), errors
                    )
        return failed


def _keys(record: Record) -> Iterable[Identity]:
    for name, kind in ((PEOPLE, "person"), (COMPANIES, "company")):
        yield from (Identity(kind, each) for each in record.fields.get(name) or ())
