"""The house without its doors: a store, the decider and one delivery a CRM, stepped by hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import sqlalchemy as sa

from handlers.base import Context, Handler
from handlers.registry import build
from mappings.playbook import CrmField, CrmMap, FieldRule, ObjectMap, Playbook, Step
from model.decision import NOTHING, Decision
from model.event import Event, EventKind
from model.lead import Lead
from scheduler import poll
from sync import fetches, inbox, leads, leases, outbox, status, tables
from sync.database import Store
from sync.deciding.decider import TERM, Decider
from sync.deciding.pipeline import Pipeline
from sync.delivery.deliverer import deliver_batch
from sync.delivery.target import Target
from sync.edges import errands, telling
from sync.edges.errands import Outlet
from sync.explain import find_lead
from sync.inbox import Receipt
from sync.leases import Lease
from sync.reading.fetching import Fetcher
from sync.records import person_keys
from sync.replays import replay
from tests.builders import (
    a_crm,
    a_lifecycle,
    a_playbook,
    a_pool,
    a_routing,
    a_scoring,
    a_source,
    activity_rule,
    field_is,
    mapped,
    moves_to,
    place,
    points,
)
from tests.sync.clock import FakeClock
from tests.sync.fake_channel import FakeChannel
from tests.sync.fake_crm import FakeCrm

FIELDS = ("email", "phone", "first_name", "last_name", "title", "company", "country")
HUBSPOT, SALESFORCE = "hubspot", "salesforce"


def crm_fields() -> tuple[CrmField, ...]:
    """Return a map with a line of each kind; the vendor's names are ours."""
    return (
        mapped("id", "lead_id"),
        mapped("email", "email", "crm"),
        mapped("first_name", "first_name", "crm"),
        mapped("title", "title", "newest"),
        mapped("company", "company", "newest"),
        mapped("country", "country", "leadrelay"),
        mapped("owner", "owner", "crm", kind="owner"),
        mapped("stage", "stage", "leadrelay", kind="stage"),
        mapped("score", "score", "leadrelay", kind="number"),
    )


def a_map(name: str, create_object: str, *others: str, **given: Any) -> CrmMap:
    """Build a connection's map with the same fields on each object."""
    crm = a_crm(name, create_object, *crm_fields(), **dict.fromkeys(others, crm_fields()))
    objects = {one: replace(map_, id_field="lead_id") for one, map_ in crm.objects.items()}
    match = tuple(reversed((create_object, *others)))  # Contact before Lead
    return replace(crm, objects=objects, **{"match": match, **given})


def house_playbook(**given: Any) -> Playbook:
    """Build a playbook with one source, two CRMs, points for demos, and two people in turns."""
    rules = tuple(FieldRule(name, (name,), convert_of(name), place(3)) for name in FIELDS)
    source = a_source(
        fields=rules,
        activities=(activity_rule("demo_request"),),
        id_path="",
        honeypot=("website_url",),
    )
    plain: dict[str, Any] = {
        "sources": {"website": source},
        "crms": {
            HUBSPOT: a_map(HUBSPOT, "contacts"),
            SALESFORCE: a_map(SALESFORCE, "Lead", "Contact"),
        },
        "scoring": a_scoring(points(10, "demo", activity="demo_request", max_times=3)),
        "lifecycle": a_lifecycle(
            moves_to("prospect", when=field_is("country", "DE")),
            moves_to("mql", when=field_is("title", "CEO")),
        ),
        "routing": a_routing(pools=[a_pool("everyone", "ann@example.com", "bo@example.com")]),
    }
    return a_playbook(**plain | given)


def convert_of(name: str) -> tuple[Step, ...]:
    """Return the converters of a source's field."""
    return (Step(name),) if name in ("email", "phone", "country") else ()


@dataclass
class House:
    """What one process holds; ``restart`` builds it anew over the same store and CRMs."""

    store: Store
    clock: FakeClock
    crms: Mapping[str, FakeCrm]
    playbook: Playbook
    handlers: Sequence[tuple[str, Handler]]
    decider: Decider = field(init=False)
    targets: dict[str, Target] = field(init=False)
    lease_term: timedelta = timedelta(seconds=120)
    posts: int = 0
    channel: FakeChannel = field(default_factory=FakeChannel)
    shut: dict[str, str] = field(default_factory=dict)
    outlets: dict[str, Outlet] = field(init=False)
    fetchers: dict[str, Fetcher] = field(init=False)

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """Begin as a process does that finds the store as it is."""
        self.decider = a_decider(self.store, self.clock, self.pipeline, shut=lambda: self.shut)
        self.targets = {
            name: Target(crm, self.store, self.clock, lambda: self.playbook, lease_term=self.lease_term)
            for name, crm in self.crms.items()
        }
        self.fetchers = {
            name: Fetcher(crm, self.store, self.clock, lambda: self.playbook)
            for name, crm in self.crms.items()
        }
        self.outlets = {name: self._outlet(name) for name in self.crms}
        for name, crm in self.crms.items():
            self.outlets[name].connector = crm
        self.outlets[self.channel.name] = self._outlet(self.channel.name)
        self.outlets[self.channel.name].channel = self.channel

    def _outlet(self, name: str) -> Outlet:
        return Outlet(
            name=name,
            store=self.store,
            clock=self.clock,
            playbook=lambda: self.playbook,
            writing=lambda: [one for one in self.crms if one not in self.shut],
            readers=lambda: self.crms,
            address=lambda ref: (ref.connection, f"https://{ref.connection}.example/{ref.id}"),
            lease_term=self.lease_term,
        )

    def pipeline(self) -> Pipeline:
        """Return the pipeline in force."""
        return Pipeline(self.playbook, self.handlers)

    # What comes in

    def read_rosters(self) -> None:
        """Take in who owns records on each CRM."""
        for crm in self.crms.values():
            poll.roster(crm, self.store, self.clock)
        self.decide()

    def post(self, *, event_id: str = "", occurred_at: datetime | None = None, **fields: Any) -> Receipt:
        """Let a form be posted."""
        self.posts += 1
        [receipt] = inbox.append(
            self.store, [a_post(event_id or f"post-{self.posts}", self.clock.now(), occurred_at, **fields)]
        )
        return receipt

    def replay(self, *ids: int, **overrides: Any) -> None:
        """Send events that were set aside on their way again."""
        with self.store.snapshot() as snapshot:
            again = replay.of_events(
                snapshot, "main", ids, by="ada", now=self.clock.now(), overrides=overrides
            )
        inbox.append(self.store, again)

    # What is done

    def decide(self) -> int:
        """Decide all that waits."""
        total = 0
        while did := self.decider.decide_batch():
            total += did
        return total

    def deliver(self, *names: str) -> int:
        """Deliver all that is due on the named connections, or on all."""
        total = 0
        for name in names or tuple(self.targets):
            while did := deliver_batch(self.targets[name]):
                total += did
        return total

    def fetch(self) -> int:
        """Read all records that are wanted by id."""
        total = 0
        for fetcher in self.fetchers.values():
            while did := fetcher.step():
                total += did
        return total

    def tell(self, *names: str) -> int:
        """Send the tasks and messages that are due on the named outlets, or on all."""
        total = 0
        for name in names or tuple(self.outlets):
            while claimed := errands.claim(self.outlets[name]):
                telling.finish(self.outlets[name], claimed)
                total += len(claimed.errands)
        return total

    def effects(self, target: str = "") -> list[EffectRow]:
        """Return all one-shot effects, or those of one target, oldest first."""
        with self.store.snapshot() as snapshot:
            found = snapshot.execute(sa.select(tables.outbox_effects).order_by(tables.outbox_effects.c.id))
            rows = [EffectRow(**{name: getattr(row, name) for name in EffectRow.__slots__}) for row in found]
        return [row for row in rows if target in ("", row.target)]

    def settle(self, rounds: int = 20) -> None:
        """Decide and deliver until nothing moves any more; backoffs and leases are waited out."""
        for _ in range(rounds):
            moved = self.decide() + self.deliver() + self.fetch()
            if not moved and not self.is_waiting():
                return
            if not moved:
                self.clock.advance(1000)
        raise AssertionError("the house does not come to rest")

    def is_waiting(self) -> bool:
        """Say whether anything waits for a later time."""
        with self.store.snapshot() as snapshot:
            if fetches.waiting(snapshot, "main"):
                return True
            found = status.queues(snapshot, "main", self.clock.now())
        return any(c.due or c.waiting for c in found.connections.values())

    # What is there

    def status(self, *writing: str) -> status.Status:
        """Return the counts; all connections write unless told otherwise."""
        with self.store.snapshot() as snapshot:
            return status.read(snapshot, "main", writing or tuple(self.crms), self.clock.now())

    def lead_id(self, address: str) -> str:
        """Return the id of the lead with this address."""
        with self.store.snapshot() as snapshot:
            found = find_lead(snapshot, "main", address, person_keys({"email": address}))
        assert found is not None, f"no lead has the address {address}"
        return found

    def lead(self, address: str) -> Lead:
        """Return the lead with this address as it is stored."""
        lead_id = self.lead_id(address)
        with self.store.snapshot() as snapshot:
            return leads.load(snapshot, [lead_id])[lead_id]


@dataclass(frozen=True, slots=True)
class EffectRow:
    """A one-shot effect as stored."""

    id: int
    key: str
    kind: str
    target: str
    lead_id: str
    state: str
    attempts: int
    error: str | None
    remote_id: str | None
    in_flight: Any
    due_at: datetime


def a_house(store: Store, *, clock: FakeClock | None = None, rosters: bool = True, **given: Any) -> House:
    """Build a house over an empty store: HubSpot keeps e-mails unique, Salesforce is asked first."""
    clock = clock or FakeClock()
    playbook = given.pop("playbook", None) or house_playbook()
    crms = {name: FakeCrm(name, clock, asks=name == SALESFORCE) for name in playbook.crms}
    house = House(
        store, clock, given.pop("crms", crms), playbook, given.pop("handlers", build(playbook)), **given
    )
    if rosters:
        house.read_rosters()
    return house


def a_post(event_id: str, now: datetime, occurred_at: datetime | None = None, **fields: Any) -> Event:
    """Build the event of a form post."""
    return Event(
        source="website",
        event_id=event_id,
        kind=EventKind.INTAKE,
        payload={"body": fields, "query": {}, "headers": {}},
        occurred_at=occurred_at or now,
        received_at=now,
    )


def a_decider(
    store: Store, clock: FakeClock, pipeline: Callable[[], Pipeline], holder: str = "here", **given: Any
) -> Decider:
    """Take the lease, whoever had it, and build a decider."""
    lease = leases.acquire(store, "decider:main", holder, clock.now(), TERM, alone=True)
    assert isinstance(lease, Lease)
    return Decider(store, clock, lease, pipeline, **given)


def free_leases(store: Store) -> None:
    """Free the outbox as a process does that knows it is alone."""
    store.write(partial(outbox.release_leases, space="main"))


@dataclass(frozen=True)
class FailsOn:
    """A handler that raises on the people of one company."""

    company: str

    def __call__(self, lead: Lead, context: Context) -> Decision:
        if context.event is not None and context.event.fields.get("company") == self.company:
            raise RuntimeError(f"a rule stumbles over {self.company}")
        return NOTHING


__all__ = ["HUBSPOT", "SALESFORCE", "FailsOn", "House", "ObjectMap", "a_decider", "a_house", "a_post"]
