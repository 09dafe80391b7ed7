"""HubSpot as a connector: contacts, companies and deals over its batch calls."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from connectors.base import Endpoint, by_kind
from connectors.batches import (
    CallRefused,
    by_object,
    chunks,
    first_of_each,
    one_outcome_each,
    outcome_of_merge,
    postponed,
)
from connectors.hubspot.associations import MOST, Associator
from connectors.hubspot.changes import ChangeReader
from connectors.hubspot.client import Client
from connectors.hubspot.companies import OBJECT as COMPANIES
from connectors.hubspot.companies import CompanyFinder
from connectors.hubspot.engagements import PeopleReader
from connectors.hubspot.errors import words
from connectors.hubspot.listing import Lister
from connectors.hubspot.pages import Searcher
from connectors.hubspot.parties import DEALS, PartyReader, PartyWriter
from connectors.hubspot.reads import BATCH, Reader
from connectors.hubspot.records import email_of, to_owner, to_record
from connectors.hubspot.tasks import Tasks
from connectors.hubspot.writes import Writer
from model.change import (
    Association,
    Exists,
    Merging,
    Outcome,
    OwnerRecord,
    Participation,
    Postponed,
    Record,
    RecordChange,
    Rejected,
    Task,
)
from model.errors import AnswerLost, RetryLater
from model.event import RecordRef
from model.listing import Changes, Page


class HubSpotConnector:
    """Reads and writes one HubSpot account.

    ``options``: ``api_version`` ("2026-09"; "v3" takes the undated paths), ``external_id_field`` and
    ``account_id_field`` (none), the properties with unique values that hold our own id on a contact and
    on a company.

    HubSpot keeps contacts' e-mail addresses unique, so a create needs no look-up before it: a
    clash is answered with an error, and then the record is read.
    """

    batch_size = BATCH
    association_batch_size = MOST
    asks_before_create = False
    missing_is_gone = True  # a batch read tells of each id that it has no such record
    companies: tuple[str, tuple[str, ...]] = ("companies", ("name", "domain", "website", "hubspot_owner_id"))

    def __init__(self, name: str, endpoint: Endpoint) -> None:
        self.name = name
        self._client = Client(endpoint)
        external_id_field = endpoint.options.get("external_id_field", "")
        self._reader = Reader(name, self._client, external_id_field)
        searcher = Searcher(name, self._client, self._reader, external_id_field)
        self._lister = Lister(searcher)
        self._changes = ChangeReader(name, self._client, searcher)
        self._people = PeopleReader(name, self._client)
        self._writer = Writer(name, self._client, self._reader)
        account_id_field = endpoint.options.get("account_id_field", "")
        self._companies = CompanyFinder(name, self._client, self._reader, account_id_field)
        self._associator = Associator(self._client)
        self._parties = PartyReader(self._client)
        self._party_writer = PartyWriter(self._client, self._parties)
        self._deal_id_field = endpoint.options.get("deal_id_field", "")
        self._tasks = Tasks(name, self._client, self._writer)

    def owners(self) -> Iterator[OwnerRecord]:
        """Yield every person who can own records; archived owners, who are listed apart, are inactive."""
        for archived in (False, True):
            after: str | None = None
            while True:
                answer = self._client.owners(after=after, archived=archived)
                rows = [row for row in answer.results if row.get("type") != "QUEUE" and row.get("id")]
                yield from (to_owner(row, archived=archived) for row in rows)
                after = answer.next_page
                if after is None:
                    break

    def find(self, changes: Sequence[RecordChange], fields: Mapping[str, Sequence[str]]) -> Iterator[Outcome]:
        """Look contacts up by e-mail address, then by our lead id, and companies by domain."""
        groups = by_object(changes)
        for batch in chunks(groups.get(COMPANIES, []), BATCH):
            try:
                yield from list(self._companies.find(batch, fields.get(COMPANIES, ())))
            except (RetryLater, CallRefused) as error:
                yield from (postponed(change, error) for change in batch)
        for batch in chunks(groups.get(DEALS, []), BATCH):
            yield from self._find_deals(batch, fields.get(DEALS, ()))
        for batch in chunks(groups.get("contacts", []), BATCH):
            try:
                found = self._reader.find(batch, fields)
            except RetryLater as error:
                yield from (postponed(change, error) for change in batch)
            else:
                yield from (Exists(key, record) for key, record in found.items())

    def _find_deals(self, batch: Sequence[RecordChange], names: Sequence[str]) -> Iterator[Outcome]:
        """Look deals up by our own id: those that an earlier call may have made."""
        ids = {ours: change for change in batch for ours in by_kind(change.identities, "deal")}
        if not self._deal_id_field or not ids:
            return
        wanted = list(dict.fromkeys((*names, self._deal_id_field)))
        try:
            rows = list(self._reader.by_key(DEALS, ids, wanted, self._deal_id_field))
            records = self._parties.records([to_record(self.name, DEALS, row) for row in rows])
        except (RetryLater, CallRefused) as error:
            yield from (postponed(change, error) for change in batch)
            return
        for record in records:
            change = ids.get(str(record.fields.get(self._deal_id_field)))
            if change is not None:
                yield Exists(change.key, record)

    def create(
        self, changes: Sequence[RecordChange], fields: Mapping[str, Sequence[str]]
    ) -> Iterator[Outcome]:
        """Create records, a hundred a call; those that exist are read and not touched."""
        return one_outcome_each(changes, self._create(changes, fields))

    def update(self, changes: Sequence[RecordChange]) -> Iterator[Outcome]:
        """Change records by id, a hundred a call.

        HubSpot takes no id here that a merge retired: such a record is ``Gone``, and reading its
        id gives the record it became.
        """
        return one_outcome_each(changes, self._update(changes))

    def associate(self, pairs: Sequence[Association]) -> Iterator[Outcome]:
        """Associate contacts with companies, a thousand at a time: one read, and one write if need be."""
        for batch in chunks(pairs, MOST):
            yield from one_outcome_each(batch, self._associator.associate(batch))

    def take_part(self, parts: Sequence[Participation]) -> Iterator[Outcome]:
        """Associate deals with contacts and, where they have none, with a company, a thousand at a time."""
        for batch in chunks(parts, MOST):
            yield from one_outcome_each(batch, self._party_writer.take_part(batch))

    def read(
        self, refs: Sequence[RecordRef], fields: Mapping[str, Sequence[str]], *, history: bool = False
    ) -> Iterator[Record]:
        """Read records by id, a hundred a call, fifty with their history.

        After a merge the record comes under its present id, once; the ids asked for are then among its
        ``hs_merged_object_ids``, which is read with every record. Deals come with who takes part in
        them, which takes two more calls.
        """
        for object_type, ids in _ids_by_object(refs).items():
            rows = self._reader.by_id(object_type, ids, fields.get(object_type, ()), history=history)
            records = (to_record(self.name, object_type, row) for row in rows)
            once = list({record.ref.id: record for record in records}.values())
            yield from self._parties.records(once) if object_type == DEALS else once

    def open_tasks(self, tasks: Sequence[Task]) -> Iterator[Outcome]:
        """Make tasks about contacts, a hundred a call."""
        changes = [RecordChange(task.key, "tasks", {}) for task in tasks]
        return one_outcome_each(changes, self._tasks.open(tasks))

    def find_tasks(self, tasks: Sequence[Task]) -> Iterator[Outcome]:
        """Look for tasks that an earlier call may have made, among those of their contacts."""
        return self._tasks.find(tasks)

    def list_page(self, object_type: str, fields: Sequence[str], after: str | None) -> Page:
        """Return up to 200 records by the lowest ids above ``after``; archived ones are left out."""
        page = self._lister.page(object_type, fields, after)
        return replace(page, listed=self._parties.listed(page.listed)) if object_type == DEALS else page

    def count(self, object_type: str) -> int:
        """Return how many records a search finds; archived ones are left out."""
        return self._lister.count(object_type)

    def changes(
        self, object_type: str, fields: Sequence[str], position: str | None, *, overlap: float = 0.0
    ) -> Changes:
        """Return up to 200 records that changed; archived ones are in ``archived_page``."""
        found = self._changes.since(object_type, fields, position, overlap)
        return replace(found, listed=self._parties.listed(found.listed)) if object_type == DEALS else found

    def engagements(
        self, object_type: str, fields: Sequence[str], position: str | None, *, overlap: float = 0.0
    ) -> Changes:
        """Return up to 200 calls, mails, … that changed, with their contacts, which takes one more call."""
        found = self._changes.since(object_type, fields, position, overlap)
        return replace(found, listed=self._people.told(object_type, found.listed))

    def archived_page(self, object_type: str, after: str | None) -> Page:
        """Return a hundred archived records; they lie there for 90 days."""
        return self._changes.bin_page(object_type, after)

    def delete(self, refs: Sequence[RecordRef]) -> None:
        """Archive records; they can be restored for 90 days."""
        for object_type, ids in _ids_by_object(refs).items():
            for batch in chunks(ids, BATCH):
                answer = self._client.archive(object_type, batch)
                for error in answer.errors:
                    raise RetryLater(f"HubSpot {answer.status}: {words(error)}")

    def merge(self, pair: Merging) -> Outcome:
        """Merge two contacts into a new one, whose id the answer has; both old ids lead to it.

        ``keep`` is the primary record, whose values count. HubSpot "Merge records": it cannot be undone,
        and a record has at most 250 ids of merged ones.
        """
        return outcome_of_merge(pair, lambda: self._merge(pair.keep, pair.lose))

    def _merge(self, keep: RecordRef, lose: RecordRef) -> RecordRef:
        if (keep.object, lose.object) != ("contacts", "contacts"):
            raise CallRefused(f"HubSpot: {lose.object} are not merged into {keep.object}", code="OBJECTS")
        answer = self._client.merge_contacts(keep.id, lose.id)
        made = answer.body.get("id")
        if not made:
            raise AnswerLost(f"HubSpot {answer.status}: the answer to a merge names no record")
        return RecordRef(self.name, keep.object, str(made))

    def _create(
        self, changes: Sequence[RecordChange], fields: Mapping[str, Sequence[str]]
    ) -> Iterator[Outcome]:
        for group in by_object(changes).values():
            for batch in chunks(group, BATCH):
                # The same address twice fails the whole call: "Duplicate IDs found in batch input".
                first, repeated = first_of_each(batch, email_of if group[0].object == "contacts" else _no_key)
                yield from self._writer.create(first, fields)
                yield from (Postponed(each.key, "same e-mail in this call", wait=0.0) for each in repeated)

    def _update(self, changes: Sequence[RecordChange]) -> Iterator[Outcome]:
        for group in by_object(changes).values():
            known = [change for change in group if change.remote_id]
            yield from (
                Rejected(each.key, "update without a record id", code="BAD_ID")
                for each in group
                if not each.remote_id
            )
            for batch in chunks(known, BATCH):
                first, repeated = first_of_each(batch, lambda change: change.remote_id)
                yield from self._writer.update(first)
                yield from (Postponed(each.key, "same record in this call", wait=0.0) for each in repeated)


def _no_key(_change: RecordChange) -> str | None:
    return None


def _ids_by_object(refs: Sequence[RecordRef]) -> dict[str, list[str]]:
    ids: dict[str, list[str]] = {}
    for ref in refs:
        ids.setdefault(ref.object, []).append(ref.id)
    return {object_type: list(dict.fromkeys(group)) for object_type, group in ids.items()}
