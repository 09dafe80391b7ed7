"""Deals in Salesforce: which are there already, by our own id or by name and party, and new ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial

from simple_salesforce.format import format_soql

from connectors.base import by_kind
from connectors.batches import chunks
from connectors.salesforce.client import Client
from connectors.salesforce.errors import MAYBE_GONE
from connectors.salesforce.ids import long_id
from connectors.salesforce.parties import ACCOUNT_ID, OPPORTUNITY, ROLE, PartyReader
from connectors.salesforce.people import asked_fields, to_record
from connectors.salesforce.searching import search
from connectors.salesforce.writes import Writer
from model.change import Created, Exists, Outcome, Record, RecordChange, Rejected
from model.deal import COMPANIES, PEOPLE

Fields = Mapping[str, Sequence[str]]
DAY = "CloseDate"
BATCH = 200  # REST "sObject Collections"


class DealFinder:
    """Finds the opportunities of a batch, with who takes part in them, three calls at most for each 200."""

    def __init__(self, connection: str, client: Client, parties: PartyReader, id_field: str) -> None:
        self._connection = connection
        self._client = client
        self._parties = parties
        self._id_field = id_field

    def find(self, batch: Sequence[RecordChange], fields: Fields) -> Iterator[Outcome]:
        """Yield ``Exists`` for those that are there; a look-up that fails concerns its whole batch."""
        asked = asked_fields(OPPORTUNITY, fields, *filter(None, (self._id_field, ACCOUNT_ID, "Name", DAY)))
        queries = self._queries(batch, ", ".join(asked))
        return search(
            batch,
            queries.values(),
            lambda: self._read(queries, asked),
            self._choose,
            partial(self.find, fields=fields),
        )

    def _choose(self, batch: Sequence[RecordChange], records: Sequence[Record]) -> Iterator[Outcome]:
        for change in batch:
            found = self._meant(change, [record for record in records if self._is_it(change, record)])
            if len(found) > 1:
                yield _several(change, found)
            elif found:
                yield Exists(change.key, found[0])

    def _queries(self, batch: Sequence[RecordChange], asked: str) -> dict[str, str]:
        """Ask by our id, by name and account, and for all in which one of the people has a role."""
        ids, names, companies, people = (
            sorted({one for change in batch for one in by_kind(change.identities, kind) if one})
            for kind in ("deal", "name", "company", "person")
        )
        select = f"SELECT {asked} FROM {OPPORTUNITY} WHERE "
        queries = {}
        if self._id_field and ids:
            queries["ours"] = format_soql(f"{select}{self._id_field} IN {{}}", ids)
        if names and companies:
            queries["named"] = format_soql(f"{select}Name IN {{}} AND {ACCOUNT_ID} IN {{}}", names, companies)
        if names and people:
            soql = f"SELECT OpportunityId FROM {ROLE} WHERE ContactId IN {{}}"
            queries["roles"] = format_soql(soql, people)
        return queries

    def _read(self, queries: Mapping[str, str], asked: Sequence[str]) -> list[Record]:
        """Return the opportunities that the queries name, each once, with who takes part in it."""
        answer = self._client.queries(queries)
        rows = {long_id(str(row["Id"])): row for row in (*answer.get("ours", ()), *answer.get("named", ()))}
        others = {long_id(str(row["OpportunityId"])) for row in answer.get("roles", ())} - rows.keys()
        for some in chunks(sorted(others), BATCH):
            rows |= {long_id(str(row["Id"])): row for row in self._client.retrieve(OPPORTUNITY, some, asked)}
        return self._parties.records([to_record(self._connection, OPPORTUNITY, row) for row in rows.values()])

    def _is_it(self, change: RecordChange, record: Record) -> bool:
        """Say whether it bears our id, or nobody's, and has the name and one of the parties."""
        ours = record.fields.get(self._id_field) if self._id_field else None
        if ours:
            return str(ours) in by_kind(change.identities, "deal")
        names = [_plain(name) for name in by_kind(change.identities, "name")]
        parties = {*(record.fields.get(PEOPLE) or ()), *(record.fields.get(COMPANIES) or ())}
        theirs = {*by_kind(change.identities, "person"), *by_kind(change.identities, "company")}
        return _plain(record.fields.get("Name")) in names and not parties.isdisjoint(theirs)

    def _meant(self, change: RecordChange, found: Sequence[Record]) -> Sequence[Record]:
        """Return the one with our id, else that which is to be closed on the same day, else all."""
        ours = [record for record in found if record.fields.get(self._id_field)]
        day = str(change.fields.get(DAY) or "")[:10]
        same = [record for record in found if day and str(record.fields.get(DAY) or "")[:10] == day]
        return ours[:1] or same or found


class DealMaker:
    """Makes opportunities together with the account that they are with: many orgs ask for one."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    def create(self, changes: Sequence[RecordChange], fields: Fields) -> Iterator[Outcome]:
        """Yield one outcome for each; one whose account is gone by now is made without."""
        accounts = {
            change.key: long_id(found[0])
            for change in changes
            if (found := by_kind(change.identities, "company"))
        }
        plain = {change.key: change for change in changes if change.key in accounts}
        again: list[RecordChange] = []
        for outcome in self._writer.create([_with(change, accounts) for change in changes], fields):
            account = accounts.get(outcome.key)
            if isinstance(outcome, Created) and account:
                yield replace(outcome, fields={**outcome.fields, COMPANIES: [account]})
            elif isinstance(outcome, Rejected) and account and outcome.code in MAYBE_GONE:
                again.append(plain[outcome.key])
            else:
                yield outcome
        if again:
            yield from self._writer.create(again, fields)


def _with(change: RecordChange, accounts: Mapping[str, str]) -> RecordChange:
    account = accounts.get(change.key)
    return replace(change, fields={**change.fields, ACCOUNT_ID: account}) if account else change


def _several(change: RecordChange, found: Sequence[Record]) -> Rejected:
    ids = ", ".join(sorted(record.ref.id for record in found))
    text = f"several opportunities have the deal's name and one of its parties, and may be it: {ids}. "
    fix = "Give the one that it is the deal's close date, or the others another name, and send it again"
    return Rejected(change.key, text + fix, code="SEVERAL_FOUND")


def _plain(name: object) -> str:
    return " ".join(str(name or "").casefold().split())
