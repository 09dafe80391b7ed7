"""The local API: only under the control token, and no credentials that cannot be opened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from flask.testing import FlaskClient
from prometheus_client import CollectorRegistry

from model.errors import LeadRelayError
from model.event import Event, EventKind
from model.times import from_text
from sync.connections import StoredConnection, to_json
from sync.reconciling.finds import Filter
from sync.reconciling.mends import Order as MendOrder
from sync.reconciling.runs import Asked
from sync.register import Wish
from sync.releases import Order, Release
from sync.replays.letters import Asked as AskedLetters
from sync.replays.replay import as_json
from sync.replays.replaying import Order as ReplayOrder
from sync.vault import SealError
from webhooks import control
from webhooks.server import create_app

TOKEN = {"Authorization": "Bearer control-token"}
JSON = {"Content-Type": "application/json"}
HUBSPOT = StoredConnection("hubspot", "hubspot", "https://h.example", "token", "sealed", "62515", by="ada")


class Noon:
    """A clock."""

    def now(self) -> Any:
        return from_text("2026-11-22T12:00:00Z")


@dataclass
class Desk:
    """Remembers what it was told."""

    saved: list[StoredConnection] = field(default_factory=list)
    removed: list[tuple[str, str]] = field(default_factory=list)
    playbooks: list[tuple[Mapping[str, bytes], Wish]] = field(default_factory=list)
    sealed: list[Mapping[str, tuple[str, str]]] = field(default_factory=list)
    acts: list[tuple[str, Mapping[str, str]]] = field(default_factory=list)
    orders: list[Order] = field(default_factory=list)
    replays: list[ReplayOrder] = field(default_factory=list)
    observed: list[tuple[str, str]] = field(default_factory=list)
    renewed: list[tuple[str, str]] = field(default_factory=list)
    compared: list[tuple[str, Asked, str]] = field(default_factory=list)
    mended: list[MendOrder] = field(default_factory=list)
    is_locked: bool = False

    def reconcile(self, name: str, asked: Asked, by: str) -> int:
        self.compared.append((name, asked, by))
        return 12

    def mend(self, order: MendOrder) -> int:
        if order.at_most is None:
            raise LeadRelayError("101 differences would be mended, and at most 100 are")
        self.mended.append(order)
        return 101

    def go_live(self, order: Order) -> Release:
        if order.account != "62515":
            raise LeadRelayError("hubspot stands for account 62515 of hubspot here")
        self.orders.append(order)
        noon = Noon().now()
        return Release(
            order.connection,
            1,
            "preparing",
            order.expected,
            order.at_most,
            0,
            0,
            "",
            "",
            order.by,
            noon,
            noon,
        )

    def replay(self, order: ReplayOrder) -> int:
        self.replays.append(order)
        return 312

    def observe(self, name: str, by: str) -> None:
        self.observed.append((name, by))

    def act(self, name: str, given: Mapping[str, str]) -> None:
        if name != "add_user":
            raise KeyError(name)
        if given["name"] == "known":
            raise LeadRelayError("known is a user already.")
        self.acts.append((name, given))

    def save(self, one: StoredConnection) -> None:
        if self.is_locked:
            raise SealError("no key in LEADRELAY_SECRET_KEY opens it")
        self.saved.append(one)

    def remove(self, name: str, by: str) -> str:
        self.removed.append((name, by))
        return "hubspot is disconnected." if name == "hubspot" else ""

    def renew_token(self, name: str, refused: str) -> None:
        if name != "hubspot":
            raise LeadRelayError(f"{name} is not connected in the browser")
        self.renewed.append((name, refused))

    def playbook(self, texts: Mapping[str, bytes], wish: Wish) -> None:
        if b"" in texts.values():
            raise LeadRelayError("scoring.yaml:1:1: a mapping is expected here")
        self.playbooks.append((texts, wish))

    def reseal(self, sealed: Mapping[str, tuple[str, str]], by: str) -> int:
        if self.is_locked:
            raise SealError("no key in LEADRELAY_SECRET_KEY opens it")
        self.sealed.append(sealed)
        return len(sealed)


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def client(desk: Desk) -> FlaskClient:
    api = control.Control(
        append=lambda _events: [],
        clock=Noon(),
        token="control-token",
        facts=dict,
        act=desk.act,
        desk=desk,
        playbook=desk.playbook,
        replay=desk.replay,
    )
    app = create_app(
        append=lambda _events: [],
        playbook=lambda: None,  # type: ignore[arg-type,return-value]
        secret_of=lambda _name: None,
        clock=Noon(),
        checks={},
        registry=CollectorRegistry(),
        extra=[control.blueprint(api)],
    )
    return app.test_client()


def test_a_connection_is_saved_as_it_was_handed_in(client, desk):
    answer = client.post("/control/connections", json=to_json(HUBSPOT), headers=TOKEN)
    assert (answer.status_code, desk.saved) == (201, [HUBSPOT])


def test_a_connection_is_removed_by_name(client, desk):
    answer = client.delete("/control/connections/hub%20spot?by=ada", headers=TOKEN)
    assert (answer.json, desk.removed) == ({"removed": False, "told": ""}, [("hub spot", "ada")])
    answer = client.delete("/control/connections/hubspot?by=ada", headers=TOKEN)
    assert answer.json == {"removed": True, "told": "hubspot is disconnected."}


def test_a_token_is_renewed_for_a_command(client, desk):
    answer = client.post("/control/tokens/hubspot", json={"refused": "hash"}, headers=TOKEN)
    assert (answer.status_code, desk.renewed) == (200, [("hubspot", "hash")])
    answer = client.post("/control/tokens/salesforce", json={"refused": ""}, headers=TOKEN)
    assert (answer.status_code, answer.json["message"]) == (409, "salesforce is not connected in the browser")


def test_seals_are_changed_together(client, desk):
    answer = client.post("/control/seals", json={"sealed": {"a": ["1", "2"]}, "by": "ada"}, headers=TOKEN)
    assert (answer.json, desk.sealed) == ({"resealed": 1}, [{"a": ("1", "2")}])


def test_an_act_on_who_may_look_is_handed_on(client, desk):
    body = {"act": "add_user", "name": "ada", "password": "hash"}
    answer = client.post("/control/access", json=body, headers=TOKEN)
    assert (answer.status_code, desk.acts) == (200, [("add_user", body)])


def test_an_act_that_cannot_be_done_is_refused_in_its_words(client, desk):
    answer = client.post("/control/access", json={"act": "add_user", "name": "known"}, headers=TOKEN)
    assert (answer.status_code, answer.json["message"]) == (409, "known is a user already.")


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "connections"), ("DELETE", "connections/hubspot"), ("POST", "seals"), ("POST", "access")],
)
def test_without_the_token_nothing_is_done(client, desk, method, path):
    answer = client.open(f"/control/{path}", method=method, json=to_json(HUBSPOT))
    assert (answer.status_code, desk) == (401, Desk())


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("connections", []),
        ("connections", {"name": "hubspot"}),
        ("connections", to_json(HUBSPOT) | {"sealed": 7}),
        ("seals", {}),
        ("seals", {"sealed": {"a": "1"}}),
        ("seals", {"sealed": ["a"]}),
        ("access", []),
        ("access", {"act": "add_user", "name": 7}),
        ("access", {"act": "add_user"}),
        ("access", {"act": "remove_everything"}),
    ],
)
def test_what_is_malformed_is_refused(client, desk, path, body):
    answer = client.post(f"/control/{path}", json=body, headers=TOKEN)
    assert (answer.status_code, answer.json["code"], desk) == (400, "malformed", Desk())


@pytest.mark.parametrize(
    ("path", "body"), [("connections", to_json(HUBSPOT)), ("seals", {"sealed": {"a": ["1", "2"]}})]
)
def test_what_the_daemon_cannot_open_is_refused_with_what_to_do(client, desk, path, body):
    desk.is_locked = True
    answer = client.post(f"/control/{path}", json=body, headers=TOKEN)
    assert (answer.status_code, answer.json["code"]) == (422, "seal")
    assert "same LEADRELAY_SECRET_KEY" in answer.json["fix"]


ORDER = {
    "connection": "hubspot", "kind": "hubspot", "base_url": "https://h.example", "account": "62515",
    "expected": 8, "at_most": 33, "by": "ada",
}  # fmt: skip


def test_an_order_to_go_live_is_handed_on_and_answered(desk, client):
    answer = client.post("/control/releases", json=ORDER, headers=TOKEN)
    assert (answer.status_code, answer.json["state"], answer.json["at_most"]) == (201, "preparing", 33)
    assert desk.orders == [Order(**ORDER)]
    assert client.delete("/control/releases/hubspot?by=bo", headers=TOKEN).status_code == 200
    assert desk.observed == [("hubspot", "bo")]


def test_an_order_for_another_account_says_what_to_do(client):
    answer = client.post("/control/releases", json={**ORDER, "account": "8"}, headers=TOKEN)
    assert (answer.status_code, answer.json["code"]) == (422, "account")
    assert "disconnect the other one first" in answer.json["fix"]


@pytest.mark.parametrize("change", [{"expected": -1}, {"at_most": True}, {"account": ""}, {"by": 7}])
def test_what_is_no_order(desk, client, change):
    answer = client.post("/control/releases", json={**ORDER, **change}, headers=TOKEN)
    assert (answer.status_code, answer.json["code"], desk.orders) == (400, "malformed", [])


def test_a_list_is_sent_again_as_it_was_asked_for(client, desk):
    order = ReplayOrder(
        "change",
        AskedLetters("hubspot", "contacts", "INVALID_OPTION industry", until=Noon().now()),
        "ada",
        50,
    )
    answer = client.post("/control/replays", data=order.as_json(), headers=TOKEN | JSON)
    assert (answer.status_code, answer.json, desk.replays) == (202, {"letters": 312}, [order])


@pytest.mark.parametrize(
    "wrong",
    [
        {"shelf": "attic"},
        {"limit": 0},
        {"limit": "9"},
        {"by": 1},
        {"asked": {"colour": "red"}},
        {"asked": {"since": "soon"}},
        {"asked": {"place": 7}},
        {"asked": []},
        {"overrides": 3},
    ],
    ids=str,
)
def test_what_is_no_order_is_refused(client, desk, wrong):
    order = {"shelf": "change", "asked": {}, "by": "ada", "limit": 9, "overrides": {}}
    assert client.post("/control/replays", json=order, headers=TOKEN).status_code == 202
    answer = client.post("/control/replays", json=order | wrong, headers=TOKEN)
    assert (answer.status_code, answer.json["code"]) == (400, "malformed")
    assert len(desk.replays) == 1


def test_a_comparison_is_asked_for(client, desk):
    given = {"sample": 200, "object": "contacts", "by": "ada"}
    answer = client.post("/control/reconciles/hubspot", json=given, headers=TOKEN)
    assert (answer.status_code, answer.json) == (202, {"run": 12})
    assert desk.compared == [("hubspot", Asked(200, "contacts"), "ada")]


@pytest.mark.parametrize("sample", [0, -1, "many", 1.5, {}])
def test_a_sample_that_is_none_is_refused(client, desk, sample):
    answer = client.post("/control/reconciles/hubspot", json={"sample": sample}, headers=TOKEN)
    assert answer.status_code == 400
    assert desk.compared == []


def test_what_a_comparison_found_is_mended_up_to_the_number_that_was_said(client, desk):
    order = {"run": 12, "wanted": {"kind": "unread"}, "by": "ada", "at_most": 101}
    answer = client.post("/control/mends", json=order, headers=TOKEN)
    assert (answer.status_code, answer.json) == (202, {"differences": 101})
    assert desk.mended == [MendOrder(12, Filter("unread", ids=[]), "ada", 101)]
    refused = client.post("/control/mends", json=order | {"at_most": None}, headers=TOKEN)
    assert refused.status_code == 409
    assert "at most 100" in refused.json["message"]


@pytest.mark.parametrize(
    "spoiled", [{"run": "12"}, {"by": 1}, {"at_most": 0}, {"wanted": None}, {"wanted": {"ids": ["x"]}}]
)
def test_an_order_that_is_none_is_refused(client, desk, spoiled):
    order = {"run": 12, "wanted": {}, "by": "ada", "at_most": 101}
    assert client.post("/control/mends", json=order | spoiled, headers=TOKEN).status_code == 400
    assert desk.mended == []


WORDS = {  # what commands hand in of their events, by kind
    EventKind.REPLAY: True,
    EventKind.FORGET: True,
    EventKind.CHOICE: True,
    EventKind.ANSWER: True,
    EventKind.INTAKE: False,
    EventKind.CHANGED: False,
}


@pytest.mark.parametrize(("kind", "is_taken"), WORDS.items())
def test_events_of_commands_are_taken_and_no_others(client, kind, is_taken):
    now = Noon().now()
    event = Event("salesforce", "e1", kind, {"by": "ada"}, now, now)
    answer = client.post("/control/events", data=as_json([event]), headers=TOKEN | JSON)
    assert answer.status_code == (202 if is_taken else 400), answer.text


def test_a_row_of_a_file_that_is_imported_is_taken_and_no_other_post(client):
    now = Noon().now()
    row = Event("website", "e2", EventKind.INTAKE, {"body": {}, "import": {"batch": "b"}}, now, now)
    assert client.post("/control/events", data=as_json([row]), headers=TOKEN | JSON).status_code == 202
