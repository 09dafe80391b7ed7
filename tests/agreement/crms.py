"""A sandbox account as a seeded run drives it: people's acts by hand, and a note of what leadrelay reads."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from flask import Flask

from connectors.base import Connector
from model.change import Exists, Record
from model.event import RecordRef
from model.hint import Hint
from model.listing import Changes
from sandbox.app import vendor_of
from sandbox.faults import ALL_WELL, Faults, Plan
from sandbox.history import History, Write
from sandbox.records import Record as Kept
from sandbox.vendor import Vendor
from tests.agreement.names import NAMES, Names

WHAT = {  # kind of a write -> what a webhook says of it
    "create": "created",
    "delete": "deleted",
    "undelete": "restored",
    "restore": "restored",
    "associate": "associated",
    "dissociate": "associated",
}


class Seen:
    """What leadrelay has read of each field, and how many writes had been made by then."""

    def __init__(self, history: History) -> None:
        self._history = history
        self._reads: dict[tuple[str, str, str], list[tuple[int, Any]]] = {}

    def note(self, record: Record) -> None:
        """Remember what a record was read as."""
        place = len(self._history.writes)
        for name, value in record.fields.items():
            self._reads.setdefault((record.ref.object, record.ref.id, name), []).append((place, value))

    def count(self, object_type: str, record_id: str, name: str) -> int:
        """Return how often a field was read."""
        return len(self._reads.get((object_type, record_id, name), ()))

    def since(self, object_type: str, record_id: str, name: str, count: int) -> list[Any]:
        """Return what was read after the first ``count`` reads."""
        return [value for _, value in self._reads.get((object_type, record_id, name), [])[count:]]

    def last_known(self, object_type: str, record_id: str, name: str, place: int) -> Any:
        """Return what leadrelay last knew a field to hold when so many writes were made; ``None``: nothing.

        That is what it last read, unless a search showed what was over by then, or wrote itself.
        """
        reads = [read for read in self._reads.get((object_type, record_id, name), ()) if read[0] <= place]
        known = held = None
        for number, write in enumerate(self._history.writes[:place], start=1):
            if (write.object_name, write.record_id) == (object_type, record_id) and name in write.after:
                held = write.after[name]
                known = known if is_by_hand(write) else held
            known = held if (number, held) in reads else known
        return known


def is_by_hand(write: Write) -> bool:
    """Say whether a person made it, and not leadrelay."""
    return write.call.template.startswith("ACT ")


class Watched:
    """A connector that notes what it reads."""

    def __init__(self, connector: Connector, seen: Seen) -> None:
        self._connector, self._seen = connector, seen

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connector, name)

    def read(
        self, refs: Sequence[RecordRef], fields: Mapping[str, Sequence[str]], **more: Any
    ) -> Iterator[Record]:
        for record in self._connector.read(refs, fields, **more):
            self._seen.note(record)
            yield record

    def find(self, *asked: Any) -> Iterator[Any]:
        yield from self._noting(self._connector.find(*asked))

    def create(self, *asked: Any) -> Iterator[Any]:
        yield from self._noting(self._connector.create(*asked))

    def changes(self, *asked: Any, **more: Any) -> Changes:
        found = self._connector.changes(*asked, **more)
        for one in found.listed:
            self._seen.note(one.record)
        return found

    def _noting(self, outcomes: Iterator[Any]) -> Iterator[Any]:
        for outcome in outcomes:
            if isinstance(outcome, Exists):
                self._seen.note(outcome.record)
            yield outcome


class Fates:
    """What the weather did to each call: counted by kind, and whose answer was lost though it took effect."""

    def __init__(self, vendor: Vendor) -> None:
        self.counted: Counter[str] = Counter()
        self.lost: set[int] = set()  # ids of calls
        self._vendor = vendor
        vendor.faults.plan = self._plan  # type: ignore[method-assign]

    @property
    def faults(self) -> int:
        """How many calls, or rows of calls, something was done to."""
        return sum(number for name, number in self.counted.items() if name != "search lags")

    def _plan(self, template: str, path: str) -> Plan:
        faults = self._vendor.faults
        plan = Faults.plan(faults, template, path)
        self.counted["search lags"] += bool(faults.setting["search_lag_ms"] and template.endswith("/search"))
        if plan is ALL_WELL:
            return plan
        if plan.drop:
            self.counted["call dropped"] += 1
        elif plan.status is not None:
            self.counted[f"call refused {plan.status}"] += 1
        elif plan.timeout_s is not None or plan.cut:
            self.counted[f"answer lost: {'cut' if plan.cut else 'timeout'}"] += 1
            self.lost.add(self._vendor.call.id)
        return Noted(**{each.name: getattr(plan, each.name) for each in fields(plan)}, fates=self)


@dataclass(slots=True)
class Noted(Plan):
    """A plan that takes notes of the rows it lets fail."""

    fates: Fates | None = None

    def item_fails(self) -> bool:
        """Whether the next item of a batch fails."""
        fails = Plan.item_fails(self)
        if fails and self.fates is not None:
            self.fates.counted["row of a batch failed"] += 1
        return fails


@dataclass
class Account:
    """One sandbox account: what people do there, and what it would tell by webhook."""

    name: str
    app: Flask
    seen: Seen = field(init=False)
    fates: Fates = field(init=False)
    crashes: list[int] = field(default_factory=list)  # how many writes had been made by each
    _quiet_until: list[int] = field(default_factory=list)  # and by the end of each quiet period
    _told: int = 0  # writes that hints were made of

    def __post_init__(self) -> None:
        self.seen = Seen(self.vendor.history)
        self.fates = Fates(self.vendor)

    def end_quiet(self) -> None:
        """End a quiet period: the next one begins."""
        self._quiet_until.append(len(self.vendor.history.writes))

    def note_crash(self) -> None:
        """Remember which writes came before a crash."""
        self.crashes.append(len(self.vendor.history.writes))

    def period_of(self, place: int) -> int:
        """Return in which quiet period the write at this place of the history was made."""
        return bisect_right(self._quiet_until, place)

    @property
    def vendor(self) -> Vendor:
        """The account behind the pages."""
        return vendor_of(self.app)

    @property
    def names(self) -> Names:
        """What it calls things."""
        return NAMES[self.name]

    def people(self) -> list[tuple[str, Kept]]:
        """Return the living records of people, as (object, record)."""
        return [(name, record) for name in self.names.people for record in self.living(name)]

    def living(self, object_type: str) -> list[Kept]:
        """Return the living records of an object."""
        return [record for record in self.kept(object_type) if not record.values.get("IsConverted")]

    def kept(self, object_type: str, *, deleted: bool = False) -> list[Kept]:
        """Return the records of an object that are there, or those in the recycle bin."""
        with self.vendor.lock:
            return list(self.vendor.tables[object_type].after(None, archived=deleted))

    def find(self, object_type: str, record_id: str) -> Kept | None:
        """Return a record, gone ones too."""
        return self.vendor.tables[object_type].get(record_id)

    def values(self, object_type: str, record: Kept) -> dict[str, Any]:
        """Return what a record holds."""
        return self.vendor.fields_of(object_type, record)

    def create(self, values: Mapping[str, Any], by: str) -> str | None:
        """Make a person by hand; return the record's id, if the vendor's pages let it be made."""
        return self.make(self.names.person, {**self.names.required, **self.spelled(values)}, by)

    def make(self, object_type: str, fields: Mapping[str, Any], by: str) -> str | None:
        """Make a record of the vendor's fields by hand; return its id, if the pages let it be made."""
        told = self._act("create", {"object": object_type, "fields": dict(fields), "by": by})
        return str(told["id"]) if told else None

    def act(self, verb: str, object_type: str, record_id: str, by: str, **more: Any) -> dict[str, Any] | None:
        """Do what a person does; what the vendor's pages refuse comes to nothing."""
        return self._act(verb, {"object": object_type, "id": record_id, "by": by, **more})

    def _act(self, verb: str, body: Mapping[str, Any]) -> dict[str, Any] | None:
        answer = self.app.test_client().post(f"/__sandbox/act/{verb}", json=body)
        if answer.status_code >= 400:
            return None
        return dict(answer.get_json()) if answer.data else {}

    def spelled(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return lead fields in the vendor's names."""
        return {self.names.fields[name]: value for name, value in values.items()}

    def buyers(self, deal_id: str) -> list[str]:
        """Return the ids of the living people who take part in a deal."""
        with self.vendor.lock:
            if self.name == "salesforce":
                roles = self.vendor.tables["OpportunityContactRole"].after(None, archived=False)
                found = [one.values["ContactId"] for one in roles if one.values["OpportunityId"] == deal_id]
            else:
                vendor: Any = self.vendor
                found = list(vendor.links.of((self.names.deal, deal_id), self.names.buyer))
        there = {one.id for one in self.living(self.names.buyer)}
        return [one for one in found if one in there]

    def known(self, object_type: str, record_id: str, name: str) -> list[Any]:
        """Return what leadrelay knows a field to hold; of a merge's new record: on the old ones."""
        known = self.seen.last_known(object_type, record_id, name, len(self.vendor.history.writes))
        if known is not None:
            return [known]
        merged = [
            write.record_id
            for write in self.vendor.history.select(object_name=object_type)
            if write.kind == "merge" and write.after["merged_into"] == record_id
        ]
        return [value for one in merged for value in self.known(object_type, one, name)]

    def owner_id(self, email: str) -> str:
        """Return the id of a teammate's user there."""
        table = {"hubspot": "owners", "salesforce": "User"}[self.name]
        users = [(one, self.values(table, one)) for one in self.living(table)]
        return next(one.id for one, held in users if email in (held.get("email"), held.get("Email")))

    def hints(self) -> list[Hint]:
        """Return what webhooks would say of the writes since the last time."""
        writes = self.vendor.history.writes[self._told :]
        self._told = len(self.vendor.history.writes)
        hints = []
        for write in writes:
            if write.object_name in self.names.objects:
                hints += _hints_of(write)
        return hints


def _hints_of(write: Write) -> list[Hint]:
    if write.kind in ("update", "derive"):
        return [
            Hint(write.object_name, write.record_id, field=name, value=value)
            for name, value in write.after.items()
        ]
    if write.kind == "merge":  # HubSpot names the record that is there now, and those that went into it
        into = str(write.after["merged_into"])
        return [Hint(write.object_name, into, "merged", others=(write.record_id,))]
    return [Hint(write.object_name, write.record_id, WHAT[write.kind])]
