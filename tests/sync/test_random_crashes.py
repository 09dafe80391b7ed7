"""Random posts, edits and crashes: at the end one record per person, nothing repeated, nothing lost."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import Any

import pytest

from sync import inbox, tables
from sync.database import Store
from tests.builders import NOON
from tests.sync.crashing import Crash, CrashingStore
from tests.sync.house import HUBSPOT, SALESFORCE, House, a_house, a_post, free_leases
from tests.sync.stores import rows

PEOPLE = tuple(f"p{n}@example.com" for n in range(4))
TITLES = ("Intern", "CTO", "CEO", "Founder")
COUNTRIES = ("DE", "FR", "AT")


class World:
    """A house that is torn down at random moments, and what must be true of it in the end."""

    def __init__(self, store: Store, seed: int) -> None:
        self.chance = random.Random(seed)
        self.store = CrashingStore(store)
        self.house: House = a_house(self.store)  # type: ignore[arg-type]
        self.sent: list[tuple[str, str, datetime, dict[str, Any]]] = []
        self.acknowledged: set[str] = set()
        self.owners: dict[str, str] = {}
        self.crashes = 0

    def run(self, steps: int) -> None:
        """Take steps; a crash ends the process, which then begins anew over what is stored."""
        for _ in range(steps):
            if self.chance.random() < 0.4:
                self.arm()
            try:
                self.chance.choice(
                    (self.post, self.post, self.repeat, self.decide, self.deliver, self.edit)
                )()
            except Crash:
                self.crashes += 1
                self.rise()
        self.calm()
        for event_id, email, at, fields in self.sent:  # senders send again what was not acknowledged
            if event_id not in self.acknowledged:
                self.send(event_id, email, at, fields)
        self.house.settle(40)

    # What may go wrong

    def arm(self) -> None:
        """Let the process end at one of the next writes or calls."""
        after = self.chance.random() < 0.5
        if self.chance.random() < 0.5:
            self.store.crash(self.chance.randint(1, 3), after=after)
            return
        crm = self.house.crms[self.chance.choice((HUBSPOT, SALESFORCE))]
        call = self.chance.choice(("create", "update", "find", "read"))
        kind = self.chance.choice(("crash", "lost", "busy"))
        if kind == "crash":
            crm.next(call, **{"after" if after and call != "read" else "before": self.end})
        elif kind == "lost" and call in ("create", "update"):
            crm.next(call, lost=True)
        else:
            crm.next(call, refused="503")

    def end(self) -> None:
        raise Crash

    def calm(self) -> None:
        self.store.calm()
        for crm in self.house.crms.values():
            crm._trouble.clear()

    def rise(self) -> None:
        """Begin as a new process does."""
        self.store.calm()
        if self.store.dialect == "sqlite":
            free_leases(self.store)  # type: ignore[arg-type]
        else:
            self.house.clock.advance(self.chance.choice((1, 121)))
        self.house.restart()

    # What happens

    def post(self) -> None:
        at = NOON + timedelta(seconds=len(self.sent)) * self.chance.choice((1, -1))
        fields = {"title": self.chance.choice(TITLES), "country": self.chance.choice(COUNTRIES)}
        one = (f"post-{len(self.sent)}", self.chance.choice(PEOPLE), at, fields)
        self.sent.append(one)
        self.send(*one)

    def repeat(self) -> None:
        if self.sent:
            self.send(*self.chance.choice(self.sent))

    def send(self, event_id: str, email: str, at: datetime, fields: dict[str, Any]) -> None:
        now = self.house.clock.now() + timedelta(days=1)  # after every sender's moment
        inbox.append(self.store, [a_post(event_id, now, at, email=email, **fields)])  # type: ignore[arg-type]
        self.acknowledged.add(event_id)

    def decide(self) -> None:
        self.house.decider.decide_batch(self.chance.choice((1, 3, 200)))

    def deliver(self) -> None:
        self.house.clock.advance(self.chance.choice((0, 1, 5)))
        self.house.deliver(self.chance.choice((HUBSPOT, SALESFORCE)))

    def edit(self) -> None:
        """Somebody takes over a person in HubSpot."""
        email = self.chance.choice(PEOPLE)
        crm = self.house.crms[HUBSPOT]
        if found := crm.by_email(email):
            self.owners[email] = self.chance.choice(("o1", "o2"))
            crm.edit(found[0], owner=self.owners[email])

    # What must be true

    def check(self) -> None:
        newest: dict[str, tuple[datetime, dict[str, Any]]] = {}
        posts: dict[str, int] = {}
        for _event_id, email, at, fields in self.sent:
            posts[email] = posts.get(email, 0) + 1
            if email not in newest or at > newest[email][0]:
                newest[email] = (at, fields)
        for email, (_, fields) in newest.items():
            lead = self.house.lead(email)
            assert {name: lead.fields[name] for name in fields} == fields
            assert len(lead.activities) == posts[email]  # each post decided exactly once
            for name, crm in self.house.crms.items():
                assert crm.creates[email] == 1, f"{name} was told {crm.creates[email]} times to make {email}"
                record = crm.one(email)
                assert {field: record[field] for field in fields} == fields
                assert lead.links[name].remote_id == crm.by_email(email)[0]
                seen = dict(lead.links[name].shadow)
                if email in self.owners:  # nobody may have looked since the last edit
                    seen["owner"] = record["owner"]
                assert seen == record
                assert record["lead_id"] == lead.id
            if email in self.owners:
                assert self.house.crms[HUBSPOT].one(email)["owner"] == self.owners[email]
        source = self.house.status().sources.get("website")
        if source:
            assert (source.received, source.delivered + source.merged) == (len(self.sent),) * 2
            assert source.delivered == len(newest)
        inbox_rows = rows(self.store, tables.inbox_events)  # type: ignore[arg-type]
        assert {row["state"] for row in inbox_rows} <= {"new", "merged", "done"}
        seqs = [row["decided_seq"] for row in inbox_rows]
        assert len(set(seqs)) == len(seqs)


@pytest.mark.parametrize("seed", range(6))
def test_whatever_crashes_everybody_is_there_once(store, seed):
    world = World(store, seed)
    world.run(90)
    assert world.crashes >= 3
    world.check()
