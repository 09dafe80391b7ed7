"""A CRM in memory that behaves: it keeps records, finds people again, and fails when told to."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from connectors.base import by_kind
from model.change import (
    Association,
    Created,
    Exists,
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
from model.deal import COMPANIES, PARTIES, PEOPLE
from model.errors import AnswerLost, NotAuthorized, RetryLater
from model.event import RecordRef
from model.lead import Identity
from model.listing import Changes, Listed, Page
from tests.sync.clock import FakeClock

STAFF = (
    OwnerRecord("o1", "ann@example.com", "Ann", True),
    OwnerRecord("o2", "bo@example.com", "Bo", True),
    OwnerRecord("o3", "gone@example.com", "Gone", False),
)


@dataclass
class Kept:
    """A record as the CRM keeps it."""

    object: str
    fields: dict[str, Any]
    modified_at: datetime
    archived: bool = False
    number: int = 0  # of its last change; ``FakeCrm.changes`` walks in the order of these
    changed_at: dict[str, datetime] = field(default_factory=dict)  # by field


@dataclass(frozen=True)
class Trouble:
    """What happens to one call: ``before`` and ``after`` it takes effect; ``lost``: its answer is."""

    lost: bool = False
    refused: str = ""  # the whole call is put off with these words
    wait: float | None = None
    unauthorized: bool = False
    rejects: str = ""  # changes whose e-mail holds this are rejected
    before: Callable[[], None] | None = None
    after: Callable[[], None] | None = None


@dataclass
class FakeCrm:
    """Implements ``connectors.base.Connector``; ``asks`` as Salesforce does, else e-mails are unique."""

    name: str
    clock: FakeClock
    asks: bool = False
    batch_size: int = 100
    association_batch_size: int = 1000
    id_field: str = "lead_id"
    email_field: str = "email"
    staff: Sequence[OwnerRecord] = STAFF
    records: dict[str, Kept] = field(default_factory=dict)
    calls: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    companies_of: dict[str, str] = field(default_factory=dict)  # person's record -> company's
    tasks: list[Task] = field(default_factory=list)
    creates: Counter[str] = field(default_factory=Counter)  # e-mail -> records made
    companies: tuple[str, tuple[str, ...]] = ("companies", ("name", "domain"))
    page_size: int = 10
    born: int = 0  # records ever made
    hidden: set[str] = field(default_factory=set)  # fields that the CRM does not have
    became: dict[str, str] = field(default_factory=dict)  # converted Lead -> Contact
    merged: dict[str, str] = field(
        default_factory=dict
    )  # record that was merged away -> the one it went into
    about: dict[str, tuple[RecordRef, ...]] = field(default_factory=dict)  # call, task … -> its people
    closed: set[str] = field(default_factory=set)  # objects that the user may not look at
    _changes: int = 0  # so far
    _trouble: dict[str, list[Trouble]] = field(default_factory=dict)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    @property
    def asks_before_create(self) -> bool:
        return self.asks

    @property
    def missing_is_gone(self) -> bool:
        return not self.asks

    # What a test does to it ----------------------------------------------------------

    def next(self, call: str, **trouble: Any) -> None:
        """Let the next call of this kind meet trouble."""
        self._trouble.setdefault(call, []).append(Trouble(**trouble))

    def put(self, object_type: str = "contacts", **fields: Any) -> str:
        """Make a record as a person in the CRM would; return its id."""
        self.born += 1
        remote_id = f"{self.name[0]}{self.born}"
        self.records[remote_id] = Kept(object_type, {}, self.clock.now())
        self.edit(remote_id, **fields)
        return remote_id

    def edit(self, remote_id: str, **fields: Any) -> None:
        """Change a record as a person in the CRM would."""
        kept, now = self.records[remote_id], self.clock.now()
        kept.changed_at |= {name: now for name, value in fields.items() if kept.fields.get(name) != value}
        kept.fields |= fields
        self.touch(remote_id)

    def log(self, object_type: str, *people: str, **fields: Any) -> str:
        """Log a call, a mail, a task … with people as a person in the CRM would; return its id."""
        remote_id = self.put(object_type, **fields)
        self.concerns(remote_id, *people)
        return remote_id

    def concerns(self, remote_id: str, *people: str) -> None:
        """Let what was logged be about these people."""
        self.about[remote_id] = tuple(
            RecordRef(self.name, self.records[each].object if each in self.records else "contacts", each)
            for each in people
        )

    def touch(self, remote_id: str) -> None:
        """Let a record count as changed just now."""
        self._changes += 1
        kept = self.records[remote_id]
        kept.modified_at, kept.number = self.clock.now(), self._changes

    def archive(self, remote_id: str) -> None:
        """Put a record into the recycle bin."""
        self.records[remote_id].archived = True
        self.touch(remote_id)

    def unite(self, loser: str, winner: str) -> None:
        """Merge one record into another as a person in the CRM would."""
        self.merged[loser] = winner
        self.archive(loser)
        self.touch(winner)

    def convert(self, lead: str, contact: str) -> None:
        """Turn a Lead into a Contact that is there."""
        self.became[lead] = contact
        self.touch(lead)

    def called(self, call: str) -> int:
        """Return how many calls of this kind were made."""
        return sum(name == call for name, _ in self.calls)

    def by_email(self, address: str) -> list[str]:
        """Return the ids of the records with this address."""
        return [one for one, kept in self.records.items() if kept.fields.get(self.email_field) == address]

    def one(self, address: str) -> dict[str, Any]:
        """Return the fields of the only record with this address."""
        [remote_id] = self.by_email(address)
        return self.records[remote_id].fields

    # Connector -----------------------------------------------------------------------

    def owners(self) -> Iterator[OwnerRecord]:
        self._call("owners", ())
        yield from self.staff

    def find(self, changes: Sequence[RecordChange], fields: Mapping[str, Sequence[str]]) -> Iterator[Outcome]:
        yield from self._carried_out("find", changes, lambda change: self._exists(change))

    def create(
        self, changes: Sequence[RecordChange], fields: Mapping[str, Sequence[str]]
    ) -> Iterator[Outcome]:
        yield from self._carried_out("create", changes, self._create)

    def update(self, changes: Sequence[RecordChange]) -> Iterator[Outcome]:
        yield from self._carried_out("update", changes, self._update)

    def read(
        self, refs: Sequence[RecordRef], fields: Mapping[str, Sequence[str]], *, history: bool = False
    ) -> Iterator[Record]:
        """Read by id. A record that was merged away comes as the winner, or names it where ``asks``."""
        trouble = self._call("read", tuple(ref.id for ref in refs))
        if trouble.refused:
            raise RetryLater(trouble.refused, trouble.wait)
        ids = [ref.id if self.asks else self.merged.get(ref.id, ref.id) for ref in refs]
        for present in dict.fromkeys(ids):
            kept = self.records.get(present)
            if kept is not None:
                record = self._record(present, kept)
                told = dict(kept.changed_at) if history and not self.asks else {}
                yield replace(record, changed_at=told)

    def associate(self, pairs: Sequence[Association]) -> Iterator[Outcome]:
        trouble = self._call("associate", tuple(pair.key for pair in pairs))
        for pair in pairs:
            company = self.records.get(pair.company.id)
            is_there = pair.person.id in self.records and company is not None and not company.archived
            if trouble.refused or trouble.lost:
                yield Postponed(pair.key, trouble.refused or "answer lost", trouble.wait)
            elif not is_there:
                yield Gone(pair.key, "the record is not there any more")
            if not trouble.refused and is_there:
                self.companies_of.setdefault(pair.person.id, pair.company.id)
                if not trouble.lost:
                    yield Updated(pair.key, pair.person, {})
        if trouble.after:
            trouble.after()

    def take_part(self, parts: Sequence[Participation]) -> Iterator[Outcome]:
        """Who takes part stays unless told to leave; a company is filled, or gives way to another."""

        def act(part: Participation) -> Outcome:
            kept = self.records.get(part.deal.id)
            if kept is None or kept.archived:
                return Gone(part.key, "the deal is not there any more")
            if any(self.records[one].archived for one in part.people):
                return Gone(part.key, "one of the people is not there any more")
            people = list(dict.fromkeys([*kept.fields.get(PEOPLE, []), *part.people]))
            people = [each for each in people if each not in part.leave]
            companies = list(kept.fields.get(COMPANIES) or ())
            if chosen := part.company_over(companies):
                companies = [chosen]
            self.edit(part.deal.id, **{PEOPLE: people, COMPANIES: companies})
            return Updated(part.key, part.deal, {PEOPLE: people, COMPANIES: companies})

        return self._carried_out("take_part", parts, act)

    def open_tasks(self, tasks: Sequence[Task]) -> Iterator[Outcome]:
        trouble = self._call("open_tasks", tuple(task.key for task in tasks))
        if trouble.refused:
            yield from (Postponed(task.key, trouble.refused, trouble.wait) for task in tasks)
            return
        made: list[Outcome] = []
        for task in tasks:
            if trouble.rejects and trouble.rejects in task.subject:
                made.append(Rejected(task.key, "INVALID: the CRM will not take it", ("subject",), "INVALID"))
            else:
                self.tasks.append(task)
                made.append(Created(task.key, RecordRef(self.name, "tasks", f"t{len(self.tasks)}"), {}))
        if trouble.after:
            trouble.after()
        if trouble.lost:
            made = [Postponed(task.key, "answer lost", answer_lost=True) for task in tasks]
        yield from made

    def find_tasks(self, tasks: Sequence[Task]) -> Iterator[Outcome]:
        trouble = self._call("find_tasks", tuple(task.key for task in tasks))
        if trouble.refused:
            yield from (Postponed(task.key, trouble.refused, trouble.wait) for task in tasks)
            return
        for task in tasks:
            for number, kept in enumerate(self.tasks, 1):
                if kept.key == task.key:
                    ref = RecordRef(self.name, "tasks", f"t{number}")
                    yield Exists(task.key, Record(ref, {}, self.clock.now()))

    def list_page(self, object_type: str, fields: Sequence[str], after: str | None) -> Page:
        """A page in the order of the ids; ``hidden`` fields do not exist, ``became`` are converted."""
        self._call("list", (object_type, after or ""))
        there = sorted(
            (int(one[1:]), one)
            for one, kept in self.records.items()
            if kept.object == object_type and not kept.archived
        )
        rest = [one for number, one in there if number > int((after or "x0")[1:])]
        some = rest[: self.page_size]
        return Page(
            [self._listed(one, fields) for one in some],
            some[-1] if len(rest) > len(some) else None,
            len(rest),
            tuple(name for name in fields if name in self.hidden) if some else (),
        )

    def _listed(self, remote_id: str, fields: Sequence[str]) -> Listed:
        record = self._record(remote_id, self.records[remote_id])
        held = {name: record.fields.get(name) for name in (*fields, "CreatedDate")}
        held |= {name: record.fields[name] for name in PARTIES if name in record.fields}
        parties = [
            Identity(kind, each)
            for kind, name in (("person", PEOPLE), ("company", COMPANIES))
            for each in held.get(name) or ()
        ]
        keys = [("email", self.email_field), ("lead", self.id_field), ("domain", "domain")]
        return Listed(
            replace(record, fields=held),
            (
                *(Identity(kind, str(record.fields[name])) for kind, name in keys if record.fields.get(name)),
                *parties,
            ),
            self.became.get(remote_id),
            record.merged_ids,
        )

    def count(self, object_type: str) -> int:
        self._call("count", (object_type,))
        return sum(kept.object == object_type and not kept.archived for kept in self.records.values())

    def changes(
        self, object_type: str, fields: Sequence[str], position: str | None, *, overlap: float = 0.0
    ) -> Changes:
        """A page in the order of the changes; where ``asks``, deleted and merged records are among them.

        A position is the number of the newest change that was met, and of the last one of a page that
        was not the last: "7", "7/3".
        """
        self._call("changes", (object_type, position or ""))
        there = sorted(
            (kept.number, one)
            for one, kept in self.records.items()
            if kept.object == object_type and (self.asks or not kept.archived)
        )
        if position is None:
            return Changes((), str(there[-1][0] if there else 0), is_drained=True)
        newest, _, now = position.partition("/")
        begin = int(now) if now else self._overlapped(int(newest), overlap)
        rest = [(number, one) for number, one in there if number > begin]
        some, is_drained = rest[: self.page_size], len(rest) <= self.page_size
        farthest = max(int(newest), some[-1][0] if some else 0)
        return Changes(
            [self._listed(one, fields) for _, one in some],
            str(farthest) if is_drained else f"{farthest}/{some[-1][0]}",
            is_drained,
            tuple(name for name in fields if name in self.hidden) if some else (),
        )

    def engagements(
        self, object_type: str, fields: Sequence[str], position: str | None, *, overlap: float = 0.0
    ) -> Changes:
        """As ``changes``, with whom each is about; an object that is ``closed`` lacks a scope."""
        if object_type in self.closed:
            self._call("engagements", (object_type, position or ""))
            raise NotAuthorized(f"{self.name}: a scope is missing for {object_type}")
        found = self.changes(object_type, fields, position, overlap=overlap)
        listed = [replace(one, about=self.about.get(one.record.ref.id, ())) for one in found.listed]
        return replace(found, listed=listed)

    def _overlapped(self, newest: int, overlap: float) -> int:
        """The number of the change behind which ``overlap`` seconds before the newest one met begin."""
        met = [kept for kept in self.records.values() if kept.number <= newest]
        until = max((kept.modified_at for kept in met), default=None)
        if not overlap or until is None:
            return newest
        since = until - timedelta(seconds=overlap)
        return min((kept.number - 1 for kept in met if kept.modified_at >= since), default=newest)

    def archived_page(self, object_type: str, after: str | None) -> Page:
        """The recycle bin, in pages, unless ``changes`` tells of it; who was merged is not in it."""
        self._call("archived", (object_type, after or ""))
        there = sorted(
            (int(one[1:]), one)
            for one, kept in self.records.items()
            if kept.object == object_type and kept.archived and one not in self.merged and not self.asks
        )
        rest = [one for number, one in there if number > int((after or "x0")[1:])]
        some = rest[: self.page_size]
        return Page(
            [Listed(replace(self._record(one, self.records[one]), fields={})) for one in some],
            some[-1] if len(rest) > len(some) else None,
        )

    def merge(self, pair: Merging) -> Outcome:
        trouble = self._call("merge", (pair.keep.id, pair.lose.id))
        if trouble.refused:
            return Postponed(pair.key, trouble.refused, trouble.wait)
        if trouble.rejects:
            return Rejected(pair.key, trouble.rejects, (), "MERGE_FAILED")
        self.unite(pair.lose.id, pair.keep.id)
        if trouble.after:
            trouble.after()
        if trouble.lost:
            return Postponed(pair.key, "answer lost", trouble.wait, answer_lost=True)
        return Updated(pair.key, pair.keep, {})

    def delete(self, refs: Sequence[RecordRef]) -> None:
        trouble = self._call("delete", tuple(ref.id for ref in refs))
        if trouble.refused:
            raise RetryLater(trouble.refused, trouble.wait)
        for ref in refs:
            if ref.id in self.records:
                self.archive(ref.id)
        if trouble.lost:
            raise AnswerLost("answer lost")

    # ---------------------------------------------------------------------------------

    def _call(self, name: str, keys: tuple[str, ...]) -> Trouble:
        with self._lock:
            self.calls.append((name, keys))
            waiting = self._trouble.get(name)
            trouble = waiting.pop(0) if waiting else Trouble()
        if trouble.before:
            trouble.before()
        if trouble.refused and name in ("list", "changes", "archived", "count"):
            raise RetryLater(trouble.refused, trouble.wait)
        if trouble.unauthorized:
            raise NotAuthorized(f"{self.name}: the token has expired")
        return trouble

    def _carried_out(
        self,
        name: str,
        changes: Sequence[Any],
        act: Callable[[Any], Outcome | None],
    ) -> Iterator[Outcome]:
        trouble = self._call(name, tuple(change.key for change in changes))
        if trouble.refused:
            yield from (Postponed(change.key, trouble.refused, trouble.wait) for change in changes)
            return
        with self._lock:
            outcomes = []
            for change in changes:
                if trouble.rejects and trouble.rejects in _named(change):
                    outcomes.append(
                        Rejected(change.key, "INVALID: the CRM will not take it", ("email",), "INVALID")
                    )
                elif (outcome := act(change)) is not None:
                    outcomes.append(outcome)
        if trouble.after:
            trouble.after()
        if trouble.lost:
            outcomes = [Postponed(c.key, "answer lost", trouble.wait, answer_lost=True) for c in changes]
        yield from outcomes

    def _exists(self, change: RecordChange) -> Exists | None:
        ours = [one for kind in ("lead", "account", "deal") for one in by_kind(change.identities, kind)]
        emails, domains = by_kind(change.identities, "email"), by_kind(change.identities, "domain")
        for remote_id, kept in self.records.items():
            if kept.archived:
                continue
            is_ours = kept.fields.get(self.id_field) in ours
            if is_ours or kept.fields.get(self.email_field) in emails or kept.fields.get("domain") in domains:
                return Exists(change.key, self._record(remote_id, kept))
        return self._alike(change) if self.asks else None

    def _alike(self, change: RecordChange) -> Exists | None:
        """A deal of nobody's with the name and one of the parties, where the CRM is asked for it."""
        names = by_kind(change.identities, "name")
        parties = {*by_kind(change.identities, "person"), *by_kind(change.identities, "company")}
        for remote_id, kept in self.records.items():
            theirs = {*kept.fields.get(PEOPLE, ()), *kept.fields.get(COMPANIES, ())}
            is_free = not kept.archived and not kept.fields.get(self.id_field)
            if is_free and kept.fields.get("name") in names and parties & theirs:
                return Exists(change.key, self._record(remote_id, kept))
        return None

    def _create(self, change: RecordChange) -> Outcome:
        if not self.asks and (exists := self._exists(change)):
            return exists
        remote_id = self.put(change.object, **change.fields)
        self.creates[change.fields.get(self.email_field, "")] += 1
        ref = RecordRef(self.name, change.object, remote_id)
        return Created(change.key, ref, dict(change.fields), self._stamp())

    def _update(self, change: RecordChange) -> Outcome:
        kept = self.records.get(change.remote_id or "")
        if kept is None or kept.archived:
            return Gone(change.key, "the record is not there any more")
        if self.asks and self._has_another(change):
            text = f"duplicate value found: {self.id_field}"
            return Rejected(change.key, text, (self.id_field,), "DUPLICATE_VALUE", is_taken=True)
        self.edit(change.remote_id or "", **change.fields)
        ref = RecordRef(self.name, change.object, change.remote_id or "")
        return Updated(change.key, ref, dict(change.fields), self._stamp())

    def _has_another(self, change: RecordChange) -> bool:
        """Say whether another record of the object bears the id that is sent: a converted Lead keeps it."""
        sent = change.fields.get(self.id_field)
        return sent is not None and any(
            kept.object == change.object and not kept.archived and kept.fields.get(self.id_field) == sent
            for one, kept in self.records.items()
            if one != change.remote_id
        )

    def _stamp(self) -> datetime | None:
        """What an answer to a write says of the record's version: HubSpot tells it, Salesforce does not."""
        return None if self.asks else self.clock.now()

    def _record(self, remote_id: str, kept: Kept) -> Record:
        ref = RecordRef(self.name, kept.object, remote_id)
        contact, winner = self.became.get(remote_id), self.merged.get(remote_id)
        became = RecordRef(self.name, "Contact", contact) if contact else None
        return Record(
            ref,
            dict(kept.fields),
            kept.modified_at,
            kept.archived,
            merged_ids=tuple(gone for gone, present in self.merged.items() if present == remote_id),
            became=RecordRef(self.name, kept.object, winner) if winner else became,
        )


def _named(change: Any) -> str:
    """Return whom a change is about, for ``Trouble.rejects``: addresses, and the name of a deal."""
    identities = getattr(change, "identities", ())
    return str([*by_kind(identities, "email"), *by_kind(identities, "name")])
