"""Salesforce as a connector: Leads, Contacts and the rest over collections and composite queries."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from connectors.base import Endpoint
from connectors.batches import CallRefused, chunks, one_outcome_each, outcome_of_merge
from connectors.salesforce import engagements
from connectors.salesforce.accounts import ACCOUNT, AccountFinder
from connectors.salesforce.changes import ChangeReader
from connectors.salesforce.client import Client
from connectors.salesforce.deals import DealFinder, DealMaker
from connectors.salesforce.errors import MAYBE_GONE, codes, is_retryable, words
from connectors.salesforce.ids import is_id, long_id
from connectors.salesforce.listing import Lister
from connectors.salesforce.parties import ACCOUNT_ID, OPPORTUNITY, PartyReader, PartyWriter
from connectors.salesforce.people import PEOPLE, asked_fields, to_record
from connectors.salesforce.reads import Finder
from connectors.salesforce.soap import MERGED
from connectors.salesforce.tasks import Tasks
from connectors.salesforce.writes import Writer, errors_of
from model.change import (
    Association,
    Gone,
    Merging,
    Outcome,
    OwnerRecord,
    Participation,
    Postponed,
    Record,
    RecordChange,
    Rejected,
    Task,
    Updated,
)
from model.errors import Refusal, RetryLater
from model.event import RecordRef
from model.listing import Changes, Page

BATCH = 200  # REST "sObject Collections"
ACCOUNT_OF = "AccountId"  # on Contact
DELETE_BATCH = 100  # the ids travel in the URI, which should stay under 2,000 characters


class SalesforceConnector:
    """Reads and writes one Salesforce org.

    ``options``: ``api_version`` ("68.0"); ``external_id_field`` and ``account_id_field``
    ("LeadRelay_Id__c", "" for none), the unique text fields that hold our own id on Lead and Contact,
    and on Account; and ``match`` ("Contact,Lead"), the objects in which people are looked for, the
    first before the next.
    """

    batch_size = BATCH
    association_batch_size = BATCH
    asks_before_create = True  # Salesforce keeps no e-mail address unique
    missing_is_gone = False  # sharing hides records; of deleted ones ``IsDeleted`` tells
    companies: tuple[str, tuple[str, ...]] = ("Account", ("Name", "Website", "OwnerId"))

    def __init__(self, name: str, endpoint: Endpoint) -> None:
        self.name = name
        external_id_field = endpoint.options.get("external_id_field", "LeadRelay_Id__c")
        self._client = Client(endpoint)
        account_id_field = endpoint.options.get("account_id_field", "LeadRelay_Id__c")
        self._accounts = AccountFinder(name, self._client, account_id_field)
        people = tuple(endpoint.options.get("match", ",".join(PEOPLE)).split(","))
        self._finder = Finder(name, self._client, external_id_field, people)
        self._lister = Lister(name, self._client, external_id_field)
        self._changes = ChangeReader(name, self._client, self._lister)
        self._writer = Writer(name, self._client, self._finder, external_id_field)
        self._tasks = Tasks(name, self._client, self._writer)
        self._parties = PartyReader(self._client)
        self._party_writer = PartyWriter(name, self._client, self._parties)
        deal_id_field = endpoint.options.get("deal_id_field", "LeadRelay_Id__c")
        self._deal_maker = DealMaker(self._writer)
        self._deals = DealFinder(name, self._client, self._parties, deal_id_field)

    def owners(self) -> Iterator[OwnerRecord]:
        """Yield every user, inactive ones included; queues own Leads too but are nobody's account."""
        for row in self._client.query("SELECT Id, Email, Name, IsActive FROM User ORDER BY Id"):
            name, email = row.get("Name") or "", row.get("Email") or ""
            yield OwnerRecord(long_id(str(row["Id"])), email, name, active=row.get("IsActive") is True)

    def find(self, changes: Sequence[RecordChange], fields: Mapping[str, Sequence[str]]) -> Iterator[Outcome]:
        """Look people up among Leads that are not converted and Contacts, companies among Accounts, deals.

        Each takes one call a batch.
        """
        for batch in chunks([change for change in changes if change.object == ACCOUNT], BATCH):
            yield from self._accounts.find(batch, fields)
        for batch in chunks([change for change in changes if change.object == OPPORTUNITY], BATCH):
            yield from self._deals.find(batch, fields)
        people = [change for change in changes if change.object not in (ACCOUNT, OPPORTUNITY)]
        for batch in chunks(people, BATCH):
            yield from self._finder.find(batch, fields)

    def create(
        self, changes: Sequence[RecordChange], fields: Mapping[str, Sequence[str]]
    ) -> Iterator[Outcome]:
        """Create records, 200 a call; those that Salesforce says exist are read and not touched.

        Our lead id goes onto each new Lead and Contact, so that one whose answer was lost is found; a new
        opportunity gets the account that it is with.
        """
        return one_outcome_each(changes, self._create(changes, fields))

    def _create(
        self, changes: Sequence[RecordChange], fields: Mapping[str, Sequence[str]]
    ) -> Iterator[Outcome]:
        deals = [change for change in changes if change.object == OPPORTUNITY]
        if deals:
            yield from self._deal_maker.create(deals, fields)
        others = [change for change in changes if change.object != OPPORTUNITY]
        if others:
            yield from self._writer.create(others, fields)

    def update(self, changes: Sequence[RecordChange]) -> Iterator[Outcome]:
        """Change records by id, 200 a call; a Lead that was converted is ``Gone`` like a deleted one."""
        return one_outcome_each(changes, self._writer.update(changes))

    def associate(self, pairs: Sequence[Association]) -> Iterator[Outcome]:
        """Fill the account of Contacts that have none, 200 at a time: one read, and one write if need be.

        Its people chose the account that a Contact has; it stays.
        """
        for batch in chunks(pairs, BATCH):
            yield from one_outcome_each(batch, self._associate(batch))

    def take_part(self, parts: Sequence[Participation]) -> Iterator[Outcome]:
        """Make contact roles and fill blank accounts of opportunities, 200 at a time."""
        for batch in chunks(parts, BATCH):
            yield from one_outcome_each(batch, self._party_writer.take_part(batch))

    def _associate(self, pairs: Sequence[Association]) -> Iterator[Outcome]:
        try:
            ids = list(dict.fromkeys(long_id(pair.person.id) for pair in pairs))
            rows = self._client.retrieve(pairs[0].person.object, ids, ["Id", ACCOUNT_OF])
        except (RetryLater, CallRefused) as error:
            wait = error.wait if isinstance(error, RetryLater) else None
            yield from (Postponed(pair.key, str(error), wait) for pair in pairs)
            return
        held = {long_id(str(row["Id"])): row.get(ACCOUNT_OF) for row in rows}
        blank: list[RecordChange] = []
        for pair in pairs:
            person = long_id(pair.person.id)
            if person not in held:
                yield Gone(pair.key, "the Contact was deleted, or merged into another")
            elif held[person]:
                yield Updated(pair.key, pair.person, {})
            else:
                fields = {ACCOUNT_OF: pair.company.id}
                blank.append(RecordChange(pair.key, pair.person.object, fields, person))
        for outcome in self._writer.update(blank):
            if isinstance(outcome, Rejected) and outcome.code in MAYBE_GONE:  # the Contact is there
                yield Gone(outcome.key, outcome.reason)
            else:
                yield outcome

    def read(
        self,
        refs: Sequence[RecordRef],
        fields: Mapping[str, Sequence[str]],
        *,
        history: bool = False,  # noqa: ARG002 - kept only of fields that an admin chose; the stamp is never older
    ) -> Iterator[Record]:
        """Read records by id, 200 a call; a converted Lead still comes, and says what it became.

        Where some are not there, one more call asks what became of them: those that were deleted
        come as archived, with what they held last, and the losers of a merge name its winner.
        Opportunities come with who takes part in them, which takes one more call.
        """
        for records in self._read(refs, fields):
            deals = bool(records) and records[0].ref.object == OPPORTUNITY
            yield from self._parties.records(records) if deals else records

    def _read(
        self, refs: Sequence[RecordRef], fields: Mapping[str, Sequence[str]]
    ) -> Iterator[Sequence[Record]]:
        """Yield what a call finds, of one object at a time."""
        ids: dict[str, dict[str, None]] = {}
        for ref in refs:
            if is_id(ref.id):
                ids.setdefault(ref.object, {})[long_id(ref.id)] = None
        for object_type, wanted in ids.items():
            for batch in chunks(list(wanted), BATCH):
                more = (ACCOUNT_ID,) if object_type == OPPORTUNITY else ()
                rows = self._client.retrieve(object_type, batch, asked_fields(object_type, fields, *more))
                yield [to_record(self.name, object_type, row) for row in rows]
                there = {long_id(str(row["Id"])) for row in rows}
                if missing := [each for each in batch if each not in there]:
                    yield self._changes.gone(object_type, missing, fields)

    def open_tasks(self, tasks: Sequence[Task]) -> Iterator[Outcome]:
        """Make tasks about Leads and Contacts, 200 a call."""
        return self._tasks.open(tasks)

    def find_tasks(self, tasks: Sequence[Task]) -> Iterator[Outcome]:
        """Look for tasks that an earlier call may have made, by person and key."""
        return self._tasks.find(tasks)

    def list_page(self, object_type: str, fields: Sequence[str], after: str | None) -> Page:
        """Return up to 2,000 records with the lowest ids above ``after``; converted Leads are among them."""
        page = self._lister.page(object_type, fields, after)
        return replace(page, listed=self._parties.listed(page.listed)) if object_type == OPPORTUNITY else page

    def count(self, object_type: str) -> int:
        """Return how many records there are, converted Leads among them."""
        return self._lister.count(object_type)

    def changes(
        self, object_type: str, fields: Sequence[str], position: str | None, *, overlap: float = 0.0
    ) -> Changes:
        """Return up to 2,000 records that changed or were deleted, by stamp and id."""
        found = self._changes.since(object_type, fields, position, overlap)
        if object_type != OPPORTUNITY:
            return found
        return replace(found, listed=self._parties.listed(found.listed))

    def engagements(
        self, object_type: str, fields: Sequence[str], position: str | None, *, overlap: float = 0.0
    ) -> Changes:
        """Return up to 2,000 tasks, events or campaign members that changed, with whom they are about."""
        asked = (*fields, *engagements.NAMED_BY[object_type])
        found = self._changes.since(object_type, asked, position, overlap)
        listed = [engagements.told(self.name, object_type, one) for one in found.listed]
        return replace(found, listed=listed)

    def archived_page(self, object_type: str, after: str | None) -> Page:  # noqa: ARG002 - see below
        """Return nothing: ``changes`` tells of deleted records."""
        return Page((), None)

    def delete(self, refs: Sequence[RecordRef]) -> None:
        """Put records into the recycle bin; those that are not there count as deleted."""
        ids = list(dict.fromkeys(long_id(ref.id) for ref in refs))
        failed = []
        for batch in chunks(ids, DELETE_BATCH):
            errors = [errors_of(item) for item in self._client.delete(batch) if not item.get("success")]
            failed += [each for each in errors if not codes(each) & MAYBE_GONE]
        if failed:
            passing = all(is_retryable(error) for errors in failed for error in errors)
            raise (RetryLater if passing else Refusal)(words(failed[0]))

    def merge(self, pair: Merging) -> Outcome:
        """Merge two Leads, two Contacts or two Accounts; the one that is kept keeps id and values.

        The other one goes to the recycle bin with the id of the first as ``MasterRecordId``.
        """
        return outcome_of_merge(pair, lambda: self._merge(pair.keep, pair.lose))

    def _merge(self, keep: RecordRef, lose: RecordRef) -> RecordRef:
        if keep.object != lose.object or keep.object not in MERGED:
            raise CallRefused(
                f"Salesforce: a {lose.object} is not merged into a {keep.object}", code="OBJECTS"
            )
        self._client.merge(keep.object, keep.id, [lose.id])
        return RecordRef(self.name, keep.object, long_id(keep.id))
