"""By chance: people are joined, taken apart and imported, files taken back, deals made, records edited.

Whatever comes after whatever: no event ends dead, nothing names a lead that is gone, each address is of the
lead that has it, and every record is one lead's.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest

from leadrelay.cli import import_undo
from mappings.playbook import AccountMatch, Accounts, Matching
from mappings.sheets import read_csv
from sync import imports, inbox, tables, undoing
from sync.alike import pairs, walk
from sync.alike.pairs import DIFFERENT, SAME
from tests.builders import place
from tests.sync.followed import look
from tests.sync.house import HUBSPOT, SALESFORCE, House, a_house
from tests.sync.selling import Followed, sell, selling
from tests.sync.stores import rows

PEOPLE = [f"p{number}@firm{number % 2}.example" for number in range(5)]
STEPS = 60
OF_LEADS = (  # tables whose rows name a lead that is there
    tables.identities,
    tables.links,
    tables.touches,
    tables.activities,
    tables.timers,
    tables.stage_history,
    tables.assignments,
    tables.reviews,
    tables.deal_parties,
    tables.consents,
    tables.inbox_events,
)


@dataclass
class World:
    """A house with two CRMs, and what may happen in it."""

    house: House
    chance: random.Random
    batches: list[str] = field(default_factory=list)
    log: list[object] = field(default_factory=list)

    def __post_init__(self) -> None:
        for address in PEOPLE[:3]:
            self.house.crms[SALESFORCE].put("Contact", email=address)
        self.polls = Followed(self.house).polls

    def step(self) -> None:
        """Let one thing happen that can happen now."""
        self.house.clock.advance(self.chance.choice([1, 30, 400]))
        done = self.chance.choice(self.acts())
        self.log.append(done.__name__)
        done()
        walk.remind(self.house.store, "main", self.house.clock.now())

    def acts(self) -> list[Callable[[], None]]:
        often = [self.post, self.join, self.undo]
        return [*often, *often, self.part, self.take_in, self.take_back, self.decide, self.settle, self.deal,
                self.edit, self.poll]  # fmt: skip

    def post(self) -> None:
        say = {"last_name": self.chance.choice("AB"), "company": self.chance.choice(["Acme", "Firm"])}
        self.house.post(email=self.chance.choice(PEOPLE), country=self.chance.choice(["DE", "US"]), **say)

    def join(self) -> None:
        self.say(SAME)

    def part(self) -> None:
        self.say(DIFFERENT)

    def say(self, word: str) -> None:
        known = sorted(row["id"] for row in rows(self.house.store, tables.leads))
        if len(known) > 1:
            one, other = self.chance.sample(known, 2)
            now = self.house.clock.now()
            inbox.append(self.house.store, [pairs.answer_event("main", one, other, word, by="o", now=now)])

    def undo(self) -> None:
        gone = sorted(row["lead_id"] for row in rows(self.house.store, tables.merged_leads))
        if gone:
            event = pairs.undo_event("main", self.chance.choice(gone), by="o", now=self.house.clock.now())
            inbox.append(self.house.store, [event])

    def take_in(self) -> None:
        name = f"b{len(self.batches)}"
        self.batches.append(name)
        lines = "".join(f"{self.chance.choice(PEOPLE)},T{name},C{name}\n" for _ in range(2))
        table = read_csv(f"email,job_title,company\n{lines}".encode())
        batch = imports.Batch(name, "fair.csv", "gave us their cards", "website", "ann")
        source = self.house.playbook.sources["website"]
        inbox.append(self.house.store, imports.to_events(table.rows, batch, source, self.house.clock.now()))

    def take_back(self) -> None:
        if not self.batches:
            return
        name, now = self.chance.choice(self.batches), self.house.clock.now()
        with self.house.store.snapshot() as snapshot:
            one = next(iter(undoing.listed(snapshot, "main", name)), None)
            if one is None or one.rows["waiting"]:
                return
            plans = import_undo._plans(snapshot, name, self.house.playbook, now)
        inbox.append(self.house.store, list(import_undo._events(plans, "ann", now)))

    def decide(self) -> None:
        self.house.decide()

    def settle(self) -> None:
        self.house.settle()

    def deal(self) -> None:
        people = [key for key, one in self.house.crms[HUBSPOT].records.items() if one.object == "contacts"]
        if people:
            stage = self.chance.choice(["talking", "won", "lost"])
            sell(self.house, HUBSPOT, self.chance.choice(sorted(people)), stage=stage)

    def edit(self) -> None:
        people = sorted(
            (name, key)
            for name, crm in self.house.crms.items()
            for key, one in crm.records.items()
            if one.object in ("contacts", "Contact")
        )
        if people:
            name, key = self.chance.choice(people)
            self.house.crms[name].edit(key, title=f"X{self.chance.randint(0, 9)}")

    def poll(self) -> None:
        for one in self.polls.values():
            look(one, 60)


@pytest.mark.parametrize(
    "seed", [*range(3), *(pytest.param(n, marks=pytest.mark.soak) for n in range(3, 100))]
)
def test_whoever_is_joined_and_taken_apart_nothing_is_left_over(store, seed):
    account = AccountMatch(0.99, 0.8, (), ("customer", "oldest"), "domain", place(3))
    playbook = replace(selling(), matching=Matching(review=0.6), accounts=Accounts(match=account))
    world = World(a_house(store, playbook=playbook), random.Random(seed))
    for _ in range(STEPS):
        world.step()
    for _ in range(2):
        world.settle()
        world.poll()
    walk.remind(store, "main", world.house.clock.now())
    world.settle()
    check(world)


def check(world: World) -> None:
    store = world.house.store
    people = rows(store, tables.leads)
    there, gone = {row["id"] for row in people}, {row["lead_id"] for row in rows(store, tables.merged_leads)}
    assert [row["error"] for row in rows(store, tables.inbox_events) if row["state"] == "dead"] == [], (
        world.log
    )
    for table in OF_LEADS:
        named = {row["lead_id"] for row in rows(store, table) if row["lead_id"]}
        assert named - there == set(), (table.name, world.log)
    assert not there & gone, world.log
    assert {row["into"] for row in rows(store, tables.merged_leads)} - there - gone == set(), world.log
    for pair in rows(store, tables.match_pairs):
        assert {pair["one"], pair["other"]} <= there, world.log
    holders = {
        row["value"]: row["lead_id"] for row in rows(store, tables.identities) if row["kind"] == "email"
    }
    for row in people:
        address = row["fields"].get("email")
        assert address is None or holders.get(address) == row["id"], world.log
    records = [(row["connection"], row["object"], row["remote_id"]) for row in rows(store, tables.links)]
    assert len(records) == len(set(records)), world.log
