"""The local API of connections: only under the control token, and nothing that cannot be opened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from flask.testing import FlaskClient
from prometheus_client import CollectorRegistry

from model.times import from_text
from sync.connections import StoredConnection, to_json
from sync.vault import SealError
from webhooks import control
from webhooks.server import create_app

TOKEN = {"Authorization": "Bearer control-token"}
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
    sealed: list[Mapping[str, tuple[str, str]]] = field(default_factory=list)
    is_locked: bool = False

    def save(self, one: StoredConnection) -> None:
        if self.is_locked:
            raise SealError("no key in LEADRELAY_SECRET_KEY opens it")
        self.saved.append(one)

    def remove(self, name: str, by: str) -> bool:
        self.removed.append((name, by))
        return name == "hubspot"

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
        append=lambda _events: [], clock=Noon(), token="control-token", facts=dict, desk=desk
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
    assert (answer.json, desk.removed) == ({"removed": False}, [("hub spot", "ada")])


def test_seals_are_changed_together(client, desk):
    answer = client.post("/control/seals", json={"sealed": {"a": ["1", "2"]}, "by": "ada"}, headers=TOKEN)
    assert (answer.json, desk.sealed) == ({"resealed": 1}, [{"a": ("1", "2")}])


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "connections"), ("DELETE", "connections/hubspot"), ("POST", "seals")],
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
    ],
)
def test_what_is_no_connection_is_refused(client, desk, path, body):
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
