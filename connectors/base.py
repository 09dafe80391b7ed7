"""What the rest of the house asks of an outside system, and what a connector is handed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, runtime_checkable

from model.change import (
    Association,
    Merging,
    Outcome,
    OwnerRecord,
    Participation,
    Record,
    RecordChange,
    Task,
)
from model.event import RecordRef
from model.lead import Identity
from model.listing import Changes, Page

A_DAY = 86_400.0  # seconds


@dataclass(frozen=True, slots=True)
class Usage:
    """A limit of the account as an answer tells it, and how much of it is used by all who share it."""

    seconds: float  # the window that it counts: ``A_DAY``, or a shorter one
    used: int | None
    most: int

    @property
    def is_day(self) -> bool:
        """Say whether it is the limit of the day."""
        return self.seconds == A_DAY

    @property
    def name(self) -> str:
        """What it counts, in words."""
        return "calls a day" if self.is_day else f"calls in {self.seconds:g} s"


class Budget(Protocol):
    """The share of one connection's API limits that leadrelay may use."""

    def spend(self, kind: str = "burst", calls: int = 1) -> None:
        """Wait until ``calls`` may go out, then count them. ``kind`` is ``burst`` or ``search``.

        Raises ``NoBudget`` instead of a long wait.
        """

    def learn(self, told: Sequence[Usage]) -> None:
        """Correct the count by what an answer says of the account's limits."""

    def refused(self, wait: float | None, stops: str = "connection") -> None:
        """Stop calls for ``wait`` seconds, as the server said; ``stops`` as in ``RetryLater``."""


class TokenSource(Protocol):
    """Where the access token of one connection comes from."""

    def token(self) -> str:
        """Return a token that is good now."""


@runtime_checkable
class RenewableTokens(TokenSource, Protocol):
    """A token source that gets a new token when a server has ended a session before its time."""

    def renew(self, refused: str) -> str:
        """Return another token than the one just refused, or that one again where there is no other."""


@runtime_checkable
class ScopedTokens(TokenSource, Protocol):
    """A token source that knows what its tokens may do."""

    def scopes(self) -> tuple[str, ...]:
        """Return the scopes that were granted; none where that was not told."""


@dataclass(frozen=True, slots=True)
class Grant:
    """What a person allowed: the tokens of one account, as they are now."""

    token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    expires_at: datetime | None = None  # of the token; None: the vendor does not say
    base_url: str = ""  # the account's own address
    scopes: tuple[str, ...] = ()


class GrantKeeper(Protocol):
    """Where the grant of one connection is kept, for all processes; one of them at a time renews it.

    A keeper that cannot read or commit now raises ``RetryLater``.
    """

    def read(self) -> Grant:
        """Return what is kept now. Raises ``GrantEnded`` where the account is to be connected anew."""

    def claim(self) -> bool:
        """Take the right to renew, for longer than a call takes; ``False`` while somebody else has it."""

    def release(self) -> None:
        """Give the right back."""

    def keep(self, old: Grant, new: Grant) -> None:
        """Store the grant that took the place of ``old``, durably, and give the right back.

        Where somebody has connected the account anew meanwhile, theirs stays.
        """

    def end(self, old: Grant, reason: str) -> None:
        """Remember that the vendor takes ``old`` no more, and give the right back."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """How to reach one connected account."""

    base_url: str  # "https://api.hubapi.com", "https://acme.my.salesforce.com"
    tokens: TokenSource
    budget: Budget
    timeout: tuple[float, float] = (5.0, 30.0)  # connect, read; seconds
    options: Mapping[str, str] = field(default_factory=dict)  # "api_version": "2026-09" | "v3" | "68.0"


class Connector(Protocol):
    """A CRM that records are read from and written to.

    An implementation holds a client and credentials, and nothing else: no database, no
    mapping, no retry loop for writes (the outbox row waits). Every call takes as many
    records as it is given, uses the fewest API calls, and never lets one fail another:
    each change gets exactly one outcome. A call that the server refuses as a whole is
    split until the culprit stands alone. ``NotAuthorized`` is raised; every other failure
    becomes the outcome of the changes it concerns. Safe to use from several threads.
    """

    name: str
    batch_size: int  # most records one write call takes
    association_batch_size: int  # most pairs that are associated together
    asks_before_create: bool  # ``find`` must come before ``create`` (the vendor keeps no key unique)
    missing_is_gone: bool  # what ``read`` does not yield was deleted; else it may only be hidden from us
    companies: tuple[str, tuple[str, ...]]  # the object that companies are, and what tells one from another

    def owners(self) -> Iterator[OwnerRecord]:
        """Yield everyone who can own records, inactive ones included."""

    def find(self, changes: Sequence[RecordChange], fields: Mapping[str, Sequence[str]]) -> Iterator[Outcome]:
        """Look the people and companies of ``changes`` up by their identities before they are created.

        Identities of the kinds ``email`` and ``lead`` (our own lead id, where the CRM has a field
        for it) are asked for; of companies ``domain`` and ``account``, of deals ``deal`` (our
        own id), or ``name`` together with a ``person`` or the ``company`` that takes part. Of
        several companies of a domain the one with our id is found, else the oldest. ``fields`` names,
        per object, what to read of one that is found.
        Yields ``Exists`` for those (and ``Postponed``/``Rejected`` where the look-up itself
        failed); who is not yielded does not exist.
        """

    def create(
        self, changes: Sequence[RecordChange], fields: Mapping[str, Sequence[str]]
    ) -> Iterator[Outcome]:
        """Create records: ``Created``, ``Exists`` (with the record read), ``Rejected`` or ``Postponed``."""

    def update(self, changes: Sequence[RecordChange]) -> Iterator[Outcome]:
        """Change records known by id: ``Updated``, ``Gone``, ``Rejected`` or ``Postponed`` each."""

    def associate(self, pairs: Sequence[Association]) -> Iterator[Outcome]:
        """Associate people with companies: ``Updated``, ``Gone``, ``Rejected`` or ``Postponed`` each.

        What is there is read first. Nobody loses a company that somebody chose; where there is none,
        the one named becomes the person's (primary) company. Safe to repeat.
        """

    def take_part(self, parts: Sequence[Participation]) -> Iterator[Outcome]:
        """Let people take part in deals, or leave: ``Updated``, ``Gone``, ``Rejected`` or ``Postponed`` each.

        Who takes part is read first: whom somebody added stays, nobody is there twice, and a company that
        somebody chose is kept; nobody is taken out but who is named. ``Updated`` has who takes part then
        (``model.deal.PEOPLE``, ``COMPANIES``). Safe to repeat.
        """

    def read(
        self, refs: Sequence[RecordRef], fields: Mapping[str, Sequence[str]], *, history: bool = False
    ) -> Iterator[Record]:
        """Read records by id; of what is not yielded ``missing_is_gone`` tells. Raises ``ConnectorError``.

        A record that took others in names them in ``merged_ids``, one that was turned into another
        names that in ``became``. ``history`` also asks since when each field has held its value
        (``changed_at``), where the vendor keeps that.
        """

    def open_tasks(self, tasks: Sequence[Task]) -> Iterator[Outcome]:
        """Make tasks, each about a known record: ``Created``, ``Exists``, ``Rejected`` or ``Postponed``."""

    def find_tasks(self, tasks: Sequence[Task]) -> Iterator[Outcome]:
        """Look for tasks that an earlier call may have made, by our key.

        Yields ``Exists`` for those that are there (and ``Postponed`` where the look-up itself
        failed); what is not yielded was not made. The answer does not lag behind a write.
        """

    def list_page(self, object_type: str, fields: Sequence[str], after: str | None) -> Page:
        """Return one page of all records of an object, in the order of their ids; ``None``: the first.

        A walk that hands in each page's ``after`` meets every record that was there when it began,
        however often it is broken off. Raises ``ConnectorError``.
        """

    def count(self, object_type: str) -> int:
        """Return how many records of an object there are, by what ``list_page`` lists, in one call.

        Raises ``ConnectorError``.
        """

    def changes(
        self, object_type: str, fields: Sequence[str], position: str | None, *, overlap: float = 0.0
    ) -> Changes:
        """Return the next records of an object that changed since ``position``, in one call where it can.

        ``None`` asks only for the position of the newest change there is, and yields no record.
        ``overlap`` seconds before the position are read again: what was written there and came to be
        seen late. A walk that hands in each answer's ``position`` meets every change that the vendor
        shows, however many records share a moment. Raises ``ConnectorError``.
        """

    def engagements(
        self, object_type: str, fields: Sequence[str], position: str | None, *, overlap: float = 0.0
    ) -> Changes:
        """Return the next calls, mails, tasks … that changed since ``position``, with whom each is ``about``.

        As ``changes`` else.
        """

    def archived_page(self, object_type: str, after: str | None) -> Page:
        """Return a page of the records in the recycle bin, without their fields; ``None``: the first.

        Empty where ``changes`` tells of deleted records. Raises ``ConnectorError``.
        """

    def delete(self, refs: Sequence[RecordRef]) -> None:
        """Delete records (to the vendor's recycle bin). Raises ``ConnectorError``."""

    def merge(self, pair: Merging) -> Outcome:
        """Merge one record into another of the same object, for good.

        ``Updated`` names the record that is left, ``Rejected`` and ``Postponed`` say why there are two still.
        It is not safe to repeat: after a lost answer both are read first.
        """


def by_kind(identities: Sequence[Identity], kind: str) -> list[str]:
    """Return the values of one kind of identity, in order."""
    return [identity.value for identity in identities if identity.kind == kind]
