"""The vendors' own senders against the receivers: whatever they do, each event is in the store once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest
import requests
from prometheus_client import CollectorRegistry

from connectors.salesforce.ids import long_id
from leadrelay.callers import KnownCallers
from leadrelay.clock import SystemClock
from leadrelay.settings import SPACE, Settings, load
from model.errors import Refused, StoreBusy
from model.event import Event, EventKind
from model.hint import Hint, hint_from
from sandbox.clock import Clock
from sandbox.hubspot import PORTAL_ID
from sandbox.registry import VENDORS
from sandbox.salesforce import ORG_ID
from sandbox.server import running
from sync import connections, inbox
from sync.connections import ENVIRONMENT, StoredConnection
from sync.database import Store
from tests.builders import a_crm, a_playbook
from tests.sync.stores import opened, store, store_url  # noqa: F401 - fixtures
from webhooks.callers import Hooks
from webhooks.server import create_app, serve

CLIENT_SECRET = "sandbox-client-secret-0001"
PATH_SECRET = "a-path-that-nobody-can-guess-0001"
ENVIRON = {
    "LEADRELAY_HUBSPOT_WEBHOOK_SECRET": CLIENT_SECRET,
    "LEADRELAY_SALESFORCE_HOOK_SECRET": PATH_SECRET,
}
PLAYBOOK = a_playbook(
    crms={"hubspot": a_crm("hubspot", "contacts"), "salesforce": a_crm("salesforce", "Lead")}
)


@dataclass
class Vendor:
    """A sandbox whose pages and senders a test uses."""

    url: str

    def post(self, path: str, **body: Any) -> Any:
        answer = requests.post(f"{self.url}/__sandbox/{path}", json=body, timeout=20)
        assert answer.ok, answer.text
        return answer.json() if answer.content else None

    def act(self, verb: str, object_name: str, **more: Any) -> str:
        done = self.post(f"act/{verb}", object=object_name, **more)
        return done["id"] if done else ""


@dataclass
class Door:
    """The receivers in front of a store, with a switch that takes the store away."""

    store: Store
    settings: Settings = field(default_factory=lambda: load(ENVIRON))
    is_away: bool = False
    url: str = ""

    def append(self, events: Any) -> Any:
        if self.is_away:
            raise StoreBusy("away")
        return inbox.append(self.store, events)

    def events(self) -> list[Event]:
        with self.store.snapshot() as snapshot:
            return [taken.event for taken in inbox.take(snapshot, SPACE, 10_000)]

    def hints(self) -> list[Hint]:
        events = self.events()
        assert {event.kind for event in events} <= {EventKind.HINT}
        return [hint_from(event.payload) for event in events]

    def connect(self, name: str, account: str) -> None:
        """Know whose account a connection is."""
        stored = StoredConnection(name, name, "https://x.example", ENVIRONMENT, "", account)
        now = SystemClock().now()
        self.store.write(lambda connection: connections.save(connection, SPACE, stored, now) and None)


@pytest.fixture(scope="module")
def vendors() -> Iterator[dict[str, Vendor]]:
    with running(VENDORS["hubspot"](Clock())) as one, running(VENDORS["salesforce"](Clock())) as other:
        yield {"hubspot": Vendor(one), "salesforce": Vendor(other)}


@pytest.fixture
def hubspot(vendors: dict[str, Vendor]) -> Vendor:
    vendors["hubspot"].post("reset")
    return vendors["hubspot"]


@pytest.fixture
def salesforce(vendors: dict[str, Vendor]) -> Vendor:
    vendors["salesforce"].post("reset")
    return vendors["salesforce"]


@pytest.fixture
def door(store: Store) -> Iterator[Door]:  # noqa: F811 - the fixture
    door = Door(store)
    known = KnownCallers(door.settings, store, lambda: PLAYBOOK, SPACE)
    app = create_app(
        append=lambda events: door.append(events),
        playbook=lambda: PLAYBOOK,
        secret_of=door.settings.secret,
        clock=SystemClock(),
        checks={},
        registry=CollectorRegistry(),
        hooks=Hooks(known.of, long_id),
    )
    server = serve(app, "127.0.0.1", 0, threads=4)
    door.url = f"http://127.0.0.1:{server.port}"
    server.start()
    yield door
    server.stop()


def listen(hubspot: Vendor, door: Door, *subscriptions: str) -> None:
    hubspot.post("webhooks", target_url=f"{door.url}/hooks/hubspot", subscriptions=list(subscriptions))


def tell(salesforce: Vendor, door: Door, **more: Any) -> None:
    url = f"{door.url}/hooks/salesforce/{PATH_SECRET}"
    salesforce.post(
        "outbound-messages", object="Lead", fields=["Id", "Email"], url=url, send_by_itself=False, **more
    )


flush = partial(Vendor.post, path="webhooks/flush")
send = partial(Vendor.post, path="outbound-messages/send")


def waiting(hubspot: Vendor) -> int:
    told = flush(hubspot)
    return int(told["waiting"]) + int(told["retrying"])


def test_what_hubspot_tells_is_in_the_store_once(door, hubspot):
    door.connect("hubspot", str(PORTAL_ID))
    kinds = ("creation", "deletion", "restore", "merge", "propertyChange:city", "privacyDeletion")
    listen(hubspot, door, *(f"contact.{kind}" for kind in kinds), "deal.creation")
    hubspot.post("faults", push_duplicate_rate=0.5, push_reorder_rate=0.5)
    one, other, third = (
        hubspot.act("create", "contacts", fields={"email": f"{name}@example.com"}) for name in "abc"
    )
    hubspot.act("edit", "contacts", id=one, fields={"city": "Leeds"})
    hubspot.act("delete", "contacts", id=third)
    hubspot.act("restore", "contacts", id=third)
    merged = hubspot.act("merge", "contacts", id=one, other=other)
    assert waiting(hubspot) == 0
    hints = door.hints()
    assert sorted((hint.what, hint.id) for hint in hints) == sorted(
        [
            *(("created", each) for each in (one, other, third)),
            ("changed", one), ("deleted", third), ("restored", third), ("merged", merged),
        ]
    )  # fmt: skip
    [changed] = [hint for hint in hints if hint.what == "changed"]
    assert (changed.field, changed.value) == ("city", "Leeds")
    [merge] = [hint for hint in hints if hint.what == "merged"]
    assert set(merge.others) == {one, other}


def test_hubspot_comes_again_after_the_store_was_away(door, hubspot):
    listen(hubspot, door, "contact.creation")
    door.is_away = True
    made = hubspot.act("create", "contacts", fields={"email": "a@example.com"})
    assert waiting(hubspot) == 1
    assert door.events() == []
    door.is_away = False
    hubspot.post("clock", advance=240)  # the sandbox's first attempt anew; its stamp is still within bounds
    assert waiting(hubspot) == 0
    assert [hint.id for hint in door.hints()] == [made]


@pytest.mark.parametrize("off", [-600, 600])
def test_calls_of_a_clock_that_is_minutes_off_stay_out(door, hubspot, off):
    listen(hubspot, door, "contact.creation")
    hubspot.post("clock", advance=off)
    hubspot.act("create", "contacts", fields={"email": "a@example.com"})
    assert waiting(hubspot) == 1
    assert door.events() == []


def test_another_portal_of_the_same_app_stays_out(door, hubspot):
    door.connect("hubspot", "1")
    listen(hubspot, door, "contact.creation")
    hubspot.act("create", "contacts", fields={"email": "a@example.com"})
    assert waiting(hubspot) == 1
    assert door.events() == []


def test_what_salesforce_tells_is_in_the_store_once(door, salesforce):
    door.connect("salesforce", ORG_ID[:15])
    tell(salesforce, door, duplicate_rate=1.0, reorder=True, batch=3)
    fields = {"LastName": "Lovelace", "Company": "Engines"}
    leads = [salesforce.act("create", "Lead", fields=fields) for _ in range(7)]
    salesforce.act("edit", "Lead", id=leads[0], fields={"Title": "CTO"})
    for _ in range(3):
        send(salesforce)
    hints = door.hints()
    assert sorted(hint.id for hint in hints) == sorted([*leads, leads[0]])
    assert {(hint.object, hint.what) for hint in hints} == {("Lead", "changed")}


def test_salesforce_comes_again_after_the_store_was_away(door, salesforce):
    tell(salesforce, door)
    door.is_away = True
    lead = salesforce.act("create", "Lead", fields={"LastName": "Lovelace", "Company": "Engines"})
    assert send(salesforce)["counts"]["acknowledged"] == 0
    assert door.events() == []
    door.is_away = False
    salesforce.post("clock", advance=60)
    assert send(salesforce)["counts"]["acknowledged"] == 1
    assert [hint.id for hint in door.hints()] == [lead]


def test_another_org_stays_out(door, salesforce):
    door.connect("salesforce", "00D000000000001EAA")
    tell(salesforce, door)
    salesforce.act("create", "Lead", fields={"LastName": "Lovelace", "Company": "Engines"})
    assert send(salesforce)["counts"]["acknowledged"] == 0
    assert door.events() == []


def test_a_store_that_cannot_be_read_is_said_to_be_busy(door):
    class Away:
        def snapshot(self) -> Any:
            from sqlalchemy.exc import OperationalError

            raise OperationalError("SELECT", {}, Exception("the server is away"))

    known = KnownCallers(door.settings, Away(), lambda: PLAYBOOK, SPACE)  # type: ignore[arg-type]
    with pytest.raises(StoreBusy):
        known.of("hubspot")


def test_a_caller_is_known_by_its_connections_variables_and_account(store):  # noqa: F811 - the fixture
    environ = {
        "LEADRELAY_SALESFORCE_HOOK_CERT_HEADER": "X-Client-Verify",
        "LEADRELAY_SALESFORCE_HOOK_CERT_VALUE": "SUCCESS",
    }
    known = KnownCallers(load(environ), store, lambda: PLAYBOOK, SPACE)
    [one] = known.of("salesforce")
    assert (one.connection, one.account, one.objects) == ("salesforce", "", {"Lead"})
    assert one.certificate == ("X-Client-Verify", "SUCCESS")
    assert one.secrets == ("LEADRELAY_SALESFORCE_HOOK_SECRET",)
    [one] = known.of("hubspot")
    assert one.secrets == ("LEADRELAY_HUBSPOT_WEBHOOK_SECRET", "LEADRELAY_HUBSPOT_CLIENT_SECRET")
    assert one.certificate is None


@pytest.mark.parametrize("emptied", ["HEADER", "VALUE"])
def test_a_certificate_stays_asked_for_while_its_file_is_empty(emptied, tmp_path, store):  # noqa: F811 - the fixture
    files = {"HEADER": tmp_path / "header", "VALUE": tmp_path / "value"}
    for file, text in zip(files.values(), ("X-Client-Verify", "SUCCESS"), strict=True):
        file.write_text(text)
    names = {f"LEADRELAY_SALESFORCE_HOOK_CERT_{each}_FILE": str(file) for each, file in files.items()}
    known = KnownCallers(load(ENVIRON | names), store, lambda: PLAYBOOK, SPACE)
    assert known.of("salesforce")[0].certificate == ("X-Client-Verify", "SUCCESS")
    files[emptied].write_text("")
    assert known.of("salesforce")[0].certificate is not None
    files[emptied].unlink()
    with pytest.raises(Refused) as refused:
        known.of("salesforce")
    assert refused.value.status == 503, "the sender comes again"
