"""What every fake vendor has: time, faults, counts, history, records; HubSpot and Salesforce build on it."""

from __future__ import annotations

import re
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, ClassVar

from flask import Blueprint, Response, g, request

from sandbox.clock import Clock
from sandbox.faults import Faults, Plan
from sandbox.history import History, Write
from sandbox.records import Record, Table
from sandbox.stats import Call, Stats


class Refused(Exception):
    """A control request that cannot be done; becomes a JSON answer that says what to do."""

    def __init__(self, status: int, code: str, message: str, fix: str = "") -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.fix = status, code, message, fix


@dataclass(frozen=True, slots=True)
class View:
    """How one object type is shown in the pages."""

    label: str  # "Contacts"
    title: tuple[str, ...]  # fields that name a record; the first non-empty ones are joined
    columns: Mapping[str, str]  # field -> heading of the list


@dataclass(frozen=True, slots=True)
class Done:
    """What a person's act came to: the record it left, under its object type."""

    object_name: str
    record: Record
    is_new: bool = False


Act = Callable[[str, Record, Mapping[str, Any], str], Done]  # object name, record, the body sent, by whom


@dataclass(frozen=True, slots=True)
class Blank:
    """One thing to fill in on a page."""

    name: str  # "owner", or "fields.city" for a field of the record
    label: str
    value: str | bool = ""  # what is there already
    choices: Mapping[str, str] | None = None  # value -> what a person reads; makes it a list to choose from
    kind: str = "text"  # "area", "check", or a type of HTML's inputs: "date", "email", "number", "tel"
    required: bool = False
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Form:
    """What a person can do to a record on its page, or on the list of its object."""

    verb: str  # an act
    title: str
    button: str
    blanks: tuple[Blank, ...] = ()


class Vendor(ABC):
    """One fake vendor. A subclass brings the records, the gate and the vendor's own shapes of answers.

    Everything that reads or writes ``tables`` or ``history`` holds ``lock``.
    """

    name: str  # "hubspot"; also the colour scheme of the pages
    title: str  # "HubSpot"
    limits: ClassVar[Mapping[str, int | None]] = {}  # the vendor's limits and their defaults; null = off
    switches: ClassVar[Mapping[str, tuple[str, ...]]] = {}  # further fault keys: choices, the default first
    views: ClassVar[
        Mapping[str, View]
    ]  # object name -> how it is shown; its keys are what stats and control know
    takes_packed: ClassVar[tuple[str, ...]] = ()  # encodings of bodies that it reads: "gzip", "deflate"
    packs: ClassVar[tuple[str, ...]] = ("gzip",)  # encodings that it answers in where a client asks
    seeds: ClassVar[Mapping[str, float]] = {}  # object that can be seeded -> how many of it for each person
    fleeting: ClassVar[frozenset[str]] = frozenset(
        {"clock", "lock", "closed", "is_changed"}
    )  # attributes that are not kept on disk

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.faults = Faults(self.limits, self.switches)
        self.stats = Stats()
        self.history = History()
        self.lock = threading.RLock()
        self.closed = threading.Event()  # set when the server stops; ends the waits of faults
        self.is_changed = False  # since the account was last kept on disk
        self.tables: dict[str, Table] = {}
        self.clear()

    # What a vendor brings.

    @abstractmethod
    def clear(self) -> None:
        """Make ``tables`` as they are in a new account."""

    @abstractmethod
    def gate(self) -> Response | None:
        """Refuse the present call for its credentials or for the limits, or let it through."""

    @abstractmethod
    def failure(self, status: int) -> Response:
        """The vendor's answer of that error status, for an injected fault."""

    @abstractmethod
    def not_built(self) -> Response:
        """501 in the vendor's shape, for an endpoint that the sandbox does not have."""

    @abstractmethod
    def create_by_hand(self, object_name: str, fields: Mapping[str, Any], *, by: str) -> Record:
        """Make a record as a person does in the vendor's pages; raise ``Refused`` where those would."""

    @abstractmethod
    def edit_by_hand(self, object_name: str, record: Record, fields: Mapping[str, Any], *, by: str) -> None:
        """Change a record as a person does in the vendor's pages."""

    @abstractmethod
    def delete_by_hand(self, object_name: str, record: Record, *, by: str) -> None:
        """Delete a record as a person does in the vendor's pages."""

    def dress(self, response: Response) -> None:  # noqa: B027 - a vendor without such headers needs nothing
        """Add the headers that every answer of this vendor carries."""

    def template(self, rule: str, arguments: Mapping[str, Any]) -> str:  # noqa: ARG002
        """The path template under which a call is counted."""
        return plain_template(rule)

    def fields_of(self, object_name: str, record: Record) -> dict[str, Any]:  # noqa: ARG002
        """All set fields of a record under the vendor's names."""
        return {name: value for name, value in record.values.items() if value is not None}

    def page_fields(self, object_name: str, record: Record) -> dict[str, Any]:
        """The fields as the pages show them: a vendor may add names to ids."""
        return self.fields_of(object_name, record)

    def acts(self) -> Mapping[str, Act]:
        """What a person can do to a record beside creating, editing and deleting it."""
        return {}

    def forms_of(self, object_name: str, record: Record | None) -> Sequence[Form]:  # noqa: ARG002
        """The acts that the record's page offers; those of the list where there is no record."""
        return ()

    def page_part(self, object_name: str, record: Record | None) -> str:  # noqa: ARG002
        """What a vendor shows of its own on a record's page, or on the list where there is none, as HTML."""
        return ""

    def related_to(self, object_name: str, record: Record) -> Sequence[tuple[str, Record]]:  # noqa: ARG002
        """The records that a record's page leads to: object name and record."""
        return ()

    def find_for(self, verb: str, object_name: str, record_id: str) -> Record | None:  # noqa: ARG002
        """The record that an act is for; most are for live records."""
        record = self.tables[object_name].get(record_id)
        return None if record is None or record.archived_at is not None else record

    def add_control(self, routes: Blueprint) -> None:  # noqa: B027 - most vendors need no more
        """Add control endpoints of the vendor's own under /__sandbox."""

    def seed(self, counts: Mapping[str, int], seed: int) -> Mapping[str, int]:  # noqa: ARG002
        """Fill the account with so many invented records of each object; how many were made."""
        return {}

    # Keeping the account on disk.

    def fixed(self) -> Mapping[str, Any]:
        """Objects that come with the code; a snapshot holds their names alone."""
        return {}

    def resume(self) -> None:  # noqa: B027 - a vendor that sends nothing by itself needs nothing
        """Go on after the account was read from disk. Callers hold the lock."""

    @contextmanager
    def still(self) -> Iterator[None]:
        """Hold everything still for a snapshot."""
        with self.lock:
            yield

    # What all have.

    def shares_of(self, people: int) -> dict[str, int]:
        """How many records of each object go with so many people."""
        return {name: round(people * share) for name, share in self.seeds.items()}

    def now(self) -> datetime:
        """The time on the vendor's machines: the clock and the fault ``clock_skew_s``."""
        skew = self.faults.setting["clock_skew_s"]
        return self.clock.now() + timedelta(seconds=skew) if skew else self.clock.now()

    @property
    def call(self) -> Call:
        """The call that is being answered."""
        call: Call = g.sandbox_call
        return call

    @property
    def plan(self) -> Plan:
        """What shall go wrong with the call that is being answered."""
        plan: Plan = g.sandbox_plan
        return plan

    def wrote(
        self, kind: str, object_name: str, record_id: str, before: Mapping[str, Any], after: Mapping[str, Any]
    ) -> None:
        """Note a write in the history; ``before`` and ``after`` hold the changed fields only."""
        self.history.add(Write(self.now(), self.call, kind, object_name, record_id, before, after))

    def reset(self) -> None:
        """Be as new: no calls, no history, no faults, only the records of a new account."""
        with self.lock:
            self.faults.set({})
            self.stats.clear()
            self.history.clear()
            self.clear()

    def begin_call(self, template: str, *, by: str | None = None) -> Call:
        """Give the present request its number."""
        g.sandbox_call = Call(
            self.stats.next_id(), request.method, request.path, template, self.clock.now(), by
        )
        return g.sandbox_call


@lru_cache(maxsize=1000)
def plain_template(rule: str) -> str:
    """A Flask rule without converters: ``/a/<path:b>`` becomes ``/a/{b}``."""
    return re.sub(r"<(?:[^<>:]+:)?([^<>]+)>", r"{\1}", rule)


def path_template(path: str) -> str:
    """A raw path with its ids taken out, to count calls of endpoints that are not built."""
    parts = ["{id}" if re.search(r"\d{3}|@", part) else part for part in path.split("/")[:10]]
    return "/".join(parts)
