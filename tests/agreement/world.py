"""What happens in a run, by chance: people, webhooks, weather, time, and leadrelay at its work."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from random import Random
from typing import Any

from mappings.playbook import Playbook
from model.errors import LostLease, StoreBusy
from model.event import Event, EventKind, RecordRef
from model.hint import Hint
from sandbox.clock import Clock as SandboxClock
from sync import inbox
from tests.agreement.crms import Account
from tests.agreement.process import Crash, FailingStore, Process, VirtualClock
from tests.agreement.said import Edit, Merge, Said
from tests.agreement.sales import Sales
from tests.contracts.crms import DIALECTS

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
LONGEST_WAIT = 1_000.0  # seconds: whatever was put off is due after it
HOURLY = 3_700.0  # seconds: and what is only looked at once an hour
ADDRESSES = [
    f"{name}@{house}.example" for name in ("ada", "bo", "cy", "di", "ed") for house in ("acme", "zeta")
]
VALUES = {
    "title": ["CEO", "CTO", "Intern", "Countess"],
    "phone": ["+49 30 1234567", "+49 30 7654321", "+44 20 79460000"],
    "company": ["Acme", "Zeta", "Analytical Engines"],
    "first_name": ["Ada", "Augusta", "Bo"],
}
TROUBLE: list[dict[str, Any]] = [
    {"error_rate": 0.3, "error_status": 503},
    {"timeout_rate": 0.3, "timeout_s": 0},
    {"cut_rate": 0.3},
    {"half_failed_rate": 0.3},
    {"drop_rate": 0.3},
    {"rate_429": 0.3},
]


@dataclass
class World:
    """Everything of one run."""

    url: str
    accounts: dict[str, Account]
    urls: dict[str, str]
    clock: SandboxClock
    playbook: Playbook
    seed: int
    webhooks: bool = True
    random: Random = field(init=False)
    house: Process = field(init=False)
    edits: list[Edit] = field(default_factory=list)
    said: list[Said] = field(default_factory=list)
    merges: list[Merge] = field(default_factory=list)
    held: dict[tuple[str, str, str], str] = field(
        default_factory=dict
    )  # (connection, object, id) -> last holder
    crashes: int = 0
    happened: Counter[str] = field(default_factory=Counter)
    log: list[str] = field(default_factory=list)
    _pending: list[tuple[int, str, Hint]] = field(default_factory=list)
    _order: Iterator[int] = field(default_factory=count)
    _posts: int = 0
    _numbers: int = 0  # of what people did and said

    def __post_init__(self) -> None:
        self.random = Random(self.seed)
        self.now = VirtualClock(self.clock)
        self.house = Process(self.url, self.accounts, self.urls, self.now, self.playbook, self._note_news)
        self.house.follow_all()
        self.sales = Sales(self) if self.playbook.keeps_deals else None

    @property
    def store(self) -> FailingStore:
        """The store of the process as it is now."""
        return self.house.store

    def crash(self) -> None:
        """Die, and begin anew over what the store holds."""
        self.crashes += 1
        self.happened[f"crash {'after' if self.store.after else 'before'} a commit"] += 1
        for account in self.accounts.values():
            account.note_crash()
        self.house.crash()

    def pass_time(self, seconds: float) -> None:
        self.clock.advance(timedelta(seconds=seconds))

    def note(self, text: str) -> None:
        self.log.append(f"{self.now.now():%H:%M:%S.%f} {text}")

    # What happens --------------------------------------------------------------------

    def act(self) -> None:
        """Let one thing happen: outside, in leadrelay, or to time."""
        acts = {**self._acts(), **(self.sales.acts() if self.sales else {})}
        self.random.choices(list(acts), weights=list(acts.values()))[0]()

    def _acts(self) -> dict[Callable[[], None], float]:
        """Return what may happen, each with how often beside the others."""
        return {
            self.someone_posts: 6,
            self.someone_edits: 10,
            self.someone_creates: 3,
            self.someone_merges: 1.5,
            self.someone_converts: 1.5,
            self.someone_deletes: 1,
            self.leadrelay_works: 30,
            self.time_passes: 8,
            self.weather_changes: 2,
        }

    def someone_posts(self) -> None:
        email = self.random.choice(ADDRESSES)
        fields = {name: self.random.choice(values) for name, values in VALUES.items() if self.maybe(0.5)}
        self._posts += 1
        now = self.now.now()
        event = Event(
            source="website",
            event_id=f"post-{self._posts}",
            kind=EventKind.INTAKE,
            payload={"body": {"email": email, **fields}, "query": {}, "headers": {}},
            occurred_at=now,
            received_at=now,
        )
        self.store.write(lambda connection: inbox.insert_new(connection, [event]))
        number = self._number()
        self.said += [Said(number, email, name, value) for name, value in fields.items()]
        self.did("post")
        self.note(f"post {email} {fields}")

    def someone_edits(self) -> None:
        found = self._somebody()
        if found is None:
            return
        account, object_type, record = found
        name = self.random.choice(list(VALUES))
        value = self.random.choice(VALUES[name])
        self._edit(account, object_type, record.id, name, value)

    def _edit(self, account: Account, object_type: str, record_id: str, name: str, value: str) -> None:
        record = account.find(object_type, record_id)
        assert record is not None
        before, remote = account.values(object_type, record), account.names.fields[name]
        if remote not in before and account.name == "salesforce" and object_type == "Contact":
            return  # a Contact has no company of its own
        if "".join(str(before.get(remote) or "").split()) == "".join(value.split()):
            return  # no edit, or another way to write the same number
        self.types(account, object_type, record_id, {name: value}, fields={remote: value})

    def types(
        self,
        account: Account,
        object_type: str,
        record_id: str,
        said: Mapping[str, str],
        verb: str = "edit",
        **more: Any,
    ) -> None:
        """Let somebody change a record; ``said`` is what it says then, by our fields and in our form."""
        record, remotes = account.find(object_type, record_id), account.names.fields_of(object_type)
        assert record is not None
        before = account.values(object_type, record)
        read = {name: account.seen.count(object_type, record_id, remotes[name]) for name in said}
        known = {name: account.known(object_type, record_id, remotes[name]) for name in said}
        if account.act(verb, object_type, record_id, self.somebody_there(), **more) is None:
            return
        held = account.values(object_type, record)
        for name, value in said.items():
            typed = held.get(remotes[name])
            if typed != before.get(remotes[name]):
                edit = (object_type, record_id, name, value, typed, read[name], known[name])
                self.edits.append(Edit(self._number(), account.name, *edit))
        self.did(f"{verb} {account.name} {object_type}")
        self.note(f"{verb} {account.name} {object_type} {record_id} {said}")

    def someone_creates(self) -> None:
        account = self.an_account()
        email = self.random.choice(ADDRESSES)
        taken = [
            str(account.values(name, record).get(account.names.fields["email"]) or "").lower()
            for name, record in account.people()
        ]
        if email in taken:
            return
        fields = {"email": email, "title": self.random.choice(VALUES["title"])}
        made = account.create(fields, self.somebody_there())
        if made:
            self.did(f"create {account.name}")
        self.note(f"create {account.name} {made} {fields}")

    def someone_merges(self) -> None:
        account = self.an_account()
        people = [one for one in account.people() if one[0] == account.names.person]
        if len(people) < 2:
            return
        (name, winner), (_, loser) = self.random.sample(people, 2)
        done = account.act("merge", name, winner.id, self.somebody_there(), other=loser.id)
        if done:
            self.did(f"merge {account.name}")
            self._merged(account, name, str(done["id"]))
        self.note(f"merge {account.name} {winner.id} <- {loser.id}: {done['id'] if done else 'refused'}")

    def _merged(self, account: Account, object_type: str, record_id: str) -> None:
        record = account.find(object_type, record_id)
        assert record is not None
        held = account.values(object_type, record)
        values = {name: held.get(remote) for name, remote in account.names.fields.items()}
        self.merges.append(Merge(self._number(), account.name, object_type, record_id, values))

    def someone_converts(self) -> None:
        account = self.accounts["salesforce"]
        people = [record for name, record in account.people() if name == "Lead"]
        if people:
            record = self.random.choice(people)
            chosen = self.sales.of_conversion() if self.sales else {}
            if account.act("convert", "Lead", record.id, self.somebody_there(), fields=chosen) is not None:
                self.did("convert")
            self.note(f"convert {record.id} {chosen or ''}")

    def someone_deletes(self) -> None:
        found = self._somebody()
        if found is not None:
            account, object_type, record = found
            if account.act("delete", object_type, record.id, self.somebody_there()) is not None:
                self.did(f"delete {account.name}")
            self.note(f"delete {account.name} {object_type} {record.id}")

    def leadrelay_works(self) -> None:
        """Let one of its loops take a step, or die on the way."""
        if self.maybe(0.04):
            self.store.dies_in, self.store.after = self.random.randint(1, 3), self.maybe(0.5)
        try:
            self._work()
        except Crash:
            self.note("crash")
            self.crash()
        except (StoreBusy, LostLease):
            pass
        self.store.dies_in = None

    def _work(self) -> None:
        name = self.random.choice(list(self.accounts))
        kind = self.random.choice(["decide", "decide", "deliver", "deliver", "fetch", "poll", "hints"])
        self.note(f"work {kind} {name}")
        if kind == "decide":
            self.house.decide_some(self.random.choice([1, 3, 200]))
        elif kind == "deliver":
            self.house.deliver(name)
            self.house.carry(name)
        elif kind == "fetch":
            self.house.fetch(name)
        elif kind == "poll":
            self.house.poll(name)
        else:
            self.push(name)

    def push(self, name: str, *, all_of_them: bool = False) -> None:
        """Let a CRM's webhooks arrive: late, doubled, out of order, or never."""
        for hint in self.accounts[name].hints():
            if not self.webhooks or not (all_of_them or self.maybe(0.8)):
                self.happened["webhook lost"] += self.webhooks
                continue
            times = 2 if self.maybe(0.1) else 1
            self.happened["webhook doubled"] += times - 1
            self._pending += [(next(self._order), name, hint)] * times
        self.random.shuffle(self._pending)
        some = len(self._pending) if all_of_them else self.random.randint(0, len(self._pending))
        arriving, self._pending = self._pending[:some], self._pending[some:]
        orders = [order for order, _, _ in arriving]
        self.happened["webhook overtaken"] += orders != sorted(orders)
        now = self.now.now()
        events = [
            Event(
                source=connection,
                event_id=f"hint-{self.random.getrandbits(64)}",
                kind=EventKind.HINT,
                payload=hint.as_payload(),
                occurred_at=now,
                received_at=now,
                record=RecordRef(connection, hint.object, hint.id),
            )
            for _, connection, hint in arriving
        ]
        self.store.write(lambda connection: inbox.insert_new(connection, events))

    def time_passes(self) -> None:
        self.pass_time(self.random.choice([0.001, 0.02, 0.4, 1, 1, 5, 20, 60, 300]))

    def weather_changes(self) -> None:
        """Let something go wrong with one CRM for a while, or nothing."""
        account = self.an_account()
        setting: dict[str, Any] = {"limits": dict(DIALECTS[account.name].no_limits)}
        if self.maybe(0.6):
            setting |= self.random.choice(TROUBLE) | {"seed": self.random.getrandbits(20)}
        if account.name == "hubspot" and self.maybe(0.5):
            setting["search_lag_ms"] = self.random.choice([500, 5_000, 60_000])
        account.vendor.faults.set(setting)
        self.note(f"weather {account.name} {setting}")

    # The end -------------------------------------------------------------------------

    def come_to_rest(self, rounds: int = 60) -> None:
        """Let nobody do anything any more, and leadrelay work until nothing moves."""
        for account in self.accounts.values():
            account.vendor.faults.set({"limits": dict(DIALECTS[account.name].no_limits)})
            self.push(account.name, all_of_them=True)
        self.note("quiet")
        still, seconds = 0, LONGEST_WAIT
        for _ in range(rounds):
            self.pass_time(seconds)
            if self.house.moves():
                still, seconds = 0, LONGEST_WAIT
            else:
                still, seconds = still + 1, HOURLY
            if still == 2:
                return
        raise AssertionError("leadrelay does not come to rest")

    # ---------------------------------------------------------------------------------

    def _number(self) -> int:
        self._numbers += 1
        return self._numbers

    def did(self, what: str) -> None:
        """Count what somebody did or said; nothing is quiet at that moment."""
        self.happened[what] += 1
        self._end_quiet()

    def _note_news(self) -> None:
        """Note whose the records are by now, and that it is not quiet."""
        self.held |= self.house.holders()
        self._end_quiet()

    def _end_quiet(self) -> None:
        for account in self.accounts.values():
            account.end_quiet()

    def maybe(self, chance: float) -> bool:
        return self.random.random() < chance

    def an_account(self) -> Account:
        return self.accounts[self.random.choice(list(self.accounts))]

    def _somebody(self) -> tuple[Account, str, Any] | None:
        account = self.an_account()
        people = account.people()
        if not people:
            return None
        object_type, record = self.random.choice(people)
        return account, object_type, record

    def somebody_there(self) -> str:
        return self.random.choice(["anna.keller@northlight.example", "ben.carter@northlight.example"])
