"""An account kept in a folder is the same after a restart, after a kill, and never half read."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
import requests

from sandbox import hubspot, keeping, salesforce
from sandbox.app import vendor_of
from sandbox.clock import Clock
from sandbox.keeping import Keeper, NotKept
from sandbox.server import PORTS, Server
from tests.waiting import eventually

HOUSE = Path(__file__).resolve().parents[2]
APP = {
    "grant_type": "client_credentials",
    "client_id": "3MVG9.leadrelay.sandbox",
    "client_secret": "sandbox-secret",
}


class Life:
    """One vendor from start to stop, with its account in a folder."""

    def __init__(self, vendor: Any, folder: Path) -> None:
        self.server = Server(vendor.create_app(Clock()), folder=folder).start()
        self.vendor = vendor_of(self.server.app)
        self.token = vendor.TOKEN

    def __enter__(self) -> Life:
        return self

    def __exit__(self, *_: object) -> None:
        self.server.stop()

    def call(self, method: str, path: str, body: object = None, **how: Any) -> Any:
        headers = {"Authorization": f"Bearer {self.token}"}
        told = requests.request(method, self.server.url + path, json=body, headers=headers, timeout=60, **how)
        assert told.status_code < 300, told.text
        return told.json() if told.content else None

    def control(self, path: str, body: object = None) -> Any:
        return self.call("GET" if body is None else "POST", f"/__sandbox/{path}", body)

    def contact(self, **properties: Any) -> str:
        return str(self.call("POST", "/crm/v3/objects/contacts", {"properties": properties})["id"])


def seen(life: Life, *objects: str) -> dict[str, Any]:
    """All that the control endpoints tell of the account."""
    told: dict[str, Any] = {name: life.control(f"records/{name}") for name in objects}
    told |= {f"archived {name}": life.control(f"records/{name}?archived=true") for name in objects}
    told["history"] = life.control("history")
    told["faults"] = life.control("faults")
    return told


def test_hubspots_account_is_the_same_after_a_restart(tmp_path):
    with Life(hubspot, tmp_path) as life:
        ada = life.contact(email="ada@example.com", firstname="Ada")
        gone = life.contact(email="gone@example.com")
        life.call("DELETE", f"/crm/v3/objects/contacts/{gone}")
        firm = life.call("POST", "/crm/v3/objects/companies", {"properties": {"name": "Engines"}})["id"]
        life.call("PUT", f"/crm/v4/objects/contacts/{ada}/associations/default/companies/{firm}")
        life.call("PATCH", f"/crm/v3/objects/contacts/{ada}", {"properties": {"firstname": "Augusta"}})
        own = {"name": "shoe_size", "label": "Shoe size", "type": "number", "fieldType": "number",
               "groupName": "contactinformation"}  # fmt: skip
        life.call("POST", "/crm/v3/properties/contacts", own)
        made = life.call(
            "POST", "/crm/v3/lists", {"name": "VIP", "objectTypeId": "0-1", "processingType": "MANUAL"}
        )
        life.call("PUT", f"/crm/v3/lists/{made['list']['listId']}/memberships/add", [ada])
        life.control("apps", {"client_id": "mine", "client_secret": "s3cret"})
        life.control(
            "webhooks", {"target_url": "http://127.0.0.1:9/x", "subscriptions": ["contact.creation"]}
        )
        life.control("faults", {"new_contact_stage": "lead"})
        before, hooks, apps = (
            seen(life, "contacts", "companies"),
            life.control("webhooks"),
            life.control("apps"),
        )
    with Life(hubspot, tmp_path) as life:
        assert seen(life, "contacts", "companies") == before
        assert life.control("webhooks")["subscriptions"] == hooks["subscriptions"]
        assert life.control("apps") == apps
        told = life.call("GET", f"/crm/v3/objects/contacts/{ada}?associations=companies&properties=shoe_size")
        assert told["associations"]["companies"]["results"][0]["id"] == firm
        assert "shoe_size" in told["properties"]
        assert life.call("GET", f"/crm/v3/lists/{made['list']['listId']}")["list"]["size"] == 1
        later = life.contact(email="grace@example.com")
        assert int(later) == int(gone) + 1, "no id is given twice"
        [write] = life.control(f"history/contacts/{later}")["writes"]
        assert write["call"]["id"] > before["history"]["writes"][-1]["call"]["id"]
        again = requests.post(
            f"{life.server.url}/crm/v3/objects/contacts", json={"properties": {"email": "ada@example.com"}},
            headers={"Authorization": f"Bearer {hubspot.TOKEN}"}, timeout=60,
        )  # fmt: skip
        assert again.status_code == 409, "keys are as they were"


def test_salesforces_org_is_the_same_after_a_restart(tmp_path):
    base = "/services/data/v68.0"
    with Life(salesforce, tmp_path) as life:
        lead = life.call(
            "POST", f"{base}/sobjects/Lead", {"LastName": "King", "Company": "x", "Email": "A@b.example"}
        )
        gone = life.call("POST", f"{base}/sobjects/Lead", {"LastName": "Gone", "Company": "x"})["id"]
        life.call("DELETE", f"{base}/sobjects/Lead/{gone}")
        told = {"type": "Number", "label": "Shoe", "precision": 4, "scale": 0}
        life.control("faults", {"new_fields": "shown"})
        life.call(
            "POST", f"{base}/tooling/sobjects/CustomField", {"FullName": "Lead.Shoe__c", "Metadata": told}
        )
        life.call("PATCH", f"{base}/sobjects/Lead/{lead['id']}", {"Shoe__c": 41})
        told = requests.post(f"{life.server.url}/services/oauth2/token", data=APP, timeout=60).json()
        life.control(
            "outbound-messages", {"object": "Lead", "fields": ["Email"], "url": "http://127.0.0.1:9/x"}
        )
        job = life.call("POST", f"{base}/jobs/ingest", {"object": "Lead", "operation": "insert"})
        before, rules = seen(life, "Lead", "User"), life.control("outbound-messages")
    with Life(salesforce, tmp_path) as life:
        assert seen(life, "Lead", "User") == before
        life.token = told["access_token"]
        found = life.call("GET", f"{base}/query?q=SELECT Shoe__c FROM Lead WHERE Email = 'a@B.example'")[
            "records"
        ]
        assert [row["Shoe__c"] for row in found] == [41]
        assert life.call("GET", f"{base}/jobs/ingest/{job['id']}")["state"] == "Open"
        kept = life.control("outbound-messages")
        assert kept.keys() == rules.keys()
        again = life.call("POST", f"{base}/sobjects/Lead", {"LastName": "New", "Company": "x"})["id"]
        assert again not in (lead["id"], gone)


def test_the_clock_goes_on_where_it_was(tmp_path):
    with Life(hubspot, tmp_path) as life:
        life.control("clock", {"now": "2031-05-05T08:00:00Z", "frozen": True})
    with Life(hubspot, tmp_path) as life:
        assert life.control("clock")["now"].startswith("2031-05-05T08:00:00")


def test_events_that_waited_are_sent_after_the_restart(tmp_path):
    got = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as receiver:
        url = f"http://127.0.0.1:{receiver.getsockname()[1]}/hook"
        with Life(hubspot, tmp_path) as life:
            life.control("webhooks", {"target_url": url, "subscriptions": ["contact.creation"]})
            life.control("faults", {"push_delay_ms": 600})
            life.contact(email="ada@example.com")

        def receive() -> None:
            connection, _ = receiver.accept()
            with connection:
                assert connection.recv(65536).startswith(b"POST /hook")
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
                got.set()

        threading.Thread(target=receive, daemon=True).start()
        with Life(hubspot, tmp_path):
            assert got.wait(5)


def test_two_sandboxes_do_not_share_an_account(tmp_path):
    with Life(hubspot, tmp_path), pytest.raises(NotKept, match="Another sandbox keeps its HubSpot"):
        Keeper(vendor_of(hubspot.create_app()), tmp_path)


def test_only_the_owner_can_read_it(tmp_path):
    with Life(hubspot, tmp_path / "accounts"):
        pass
    assert stat.S_IMODE((tmp_path / "accounts").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "accounts" / "hubspot.account").stat().st_mode) == 0o600


HEADER = {"sandbox": "hubspot", "format": keeping.FORMAT, "saved_at": ""}
EVIL = b"cos\nsystem\n(S'true'\ntR."


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "Expecting value"),
        (b"nonsense\n", "Expecting value"),
        (json.dumps({**HEADER, "format": 99}).encode() + b"\n", "has format 99, this version has"),
        (json.dumps({**HEADER, "sandbox": "salesforce"}).encode() + b"\n", "holds no HubSpot account"),
        (json.dumps(HEADER).encode() + b"\n\x80\x05", "cannot be read"),
        (json.dumps(HEADER).encode() + b"\n" + EVIL, "names os.system"),
        (
            json.dumps(HEADER).encode() + b"\n" + b"csandbox.keeping\nos.system\n(S'true'\ntR.",
            "cannot be read",
        ),
        (json.dumps(HEADER).encode() + b"\n" + b"cbuiltins\neval\n(S'1'\ntR.", "names builtins.eval"),
    ],
)
def test_what_cannot_be_read_is_told_and_left_as_it_is(tmp_path, content, told):
    (tmp_path / "hubspot.account").write_bytes(content)
    with pytest.raises(NotKept, match=told) as refused:
        Server(hubspot.create_app(), folder=tmp_path)
    assert "delete the file to begin anew" in str(refused.value)
    assert (tmp_path / "hubspot.account").read_bytes() == content


def test_a_file_cut_short_is_told(tmp_path):
    with Life(hubspot, tmp_path) as life:
        life.contact(email="ada@example.com")
    file = tmp_path / "hubspot.account"
    file.write_bytes(file.read_bytes()[:-500])
    with pytest.raises(NotKept, match="cannot be read"):
        Keeper(vendor_of(hubspot.create_app()), tmp_path).load()


@pytest.fixture
def start(tmp_path):
    """Start ``python -m sandbox`` on the folder; returns the process and HubSpot's address."""
    processes = []

    def run() -> tuple[subprocess.Popen[str], str]:
        names = [f"{name.upper()}{kind}" for name in PORTS for kind in ("", "_TLS")]
        listeners = [socket.create_server(("127.0.0.1", 0)) for _ in names]
        environ = {
            f"LEADRELAY_SANDBOX_{name}_PORT": str(one.getsockname()[1])
            for name, one in zip(names, listeners, strict=True)
        }
        for listener in listeners:
            listener.close()
        process = subprocess.Popen(
            [sys.executable, "-m", "sandbox", "--folder", str(tmp_path / "kept")], cwd=HOUSE, text=True,
            env={**os.environ, **environ}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        processes.append(process)
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("hubspot"):
                return process, line.split()[1].rstrip("/")
        raise AssertionError(f"the sandbox did not start: {process.wait()}")

    yield run
    for process in processes:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def people(url: str) -> list[str]:
    return [
        row["fields"]["email"]
        for row in requests.get(f"{url}/__sandbox/records/contacts", timeout=60).json()["records"]
    ]


def add(url: str, email: str) -> None:
    headers = {"Authorization": f"Bearer {hubspot.TOKEN}"}
    body = {"properties": {"email": email}}
    assert (
        requests.post(f"{url}/crm/v3/objects/contacts", json=body, headers=headers, timeout=60).status_code
        == 201
    )


def test_a_kill_costs_what_was_not_saved_and_a_stop_nothing(start, tmp_path):
    process, url = start()
    add(url, "saved@example.com")
    file = tmp_path / "kept" / "hubspot.account"
    eventually(lambda: file.exists() and b"saved@example.com" in file.read_bytes(), "what is kept")
    add(url, "lost@example.com")
    process.kill()
    process.wait()
    process, url = start()
    assert people(url) == ["saved@example.com"]
    add(url, "stopped@example.com")
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0
    assert b"stopped@example.com" in file.read_bytes()


def test_saving_takes_turns_with_calls(tmp_path):
    with Life(hubspot, tmp_path) as life:
        keeper = life.server._keeper
        assert keeper is not None
        stopped = threading.Event()

        def save() -> None:
            while not stopped.is_set():
                keeper.save()

        saving = threading.Thread(target=save)
        saving.start()
        ids = [life.contact(email=f"u{number}@example.com") for number in range(60)]
        stopped.set()
        saving.join()
    with Life(hubspot, tmp_path) as life:
        assert [row["id"] for row in life.control("records/contacts")["records"]] == ids


def test_a_disk_that_fills_up_is_told_and_tried_again(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(keeping, "EVERY_S", 0.02)
    with Life(hubspot, tmp_path) as life:
        keeper = life.server._keeper
        assert keeper is not None
        monkeypatch.setattr(
            keeping.os, "fsync", lambda _file: (_ for _ in ()).throw(OSError(28, "No space left"))
        )
        life.contact(email="ada@example.com")
        eventually(lambda: "No space left" in caplog.text, "the complaint")
        monkeypatch.undo()
    with Life(hubspot, tmp_path) as life:
        assert life.control("records/contacts")["total"] == 1


SHAPES = {"hubspot": "03015ee956a5", "salesforce": "9f4e882eeec3"}


@pytest.mark.parametrize("vendor", [hubspot, salesforce])
def test_the_format_is_raised_when_the_classes_change(vendor, tmp_path):
    """Whoever changes the attributes of what is kept raises ``keeping.FORMAT`` and renews ``SHAPES``."""
    shapes: dict[str, list[str]] = {}

    class Looking(keeping._Writer):
        def reducer_override(self, one: Any) -> Any:
            kind, told = type(one), super().reducer_override(one)
            if kind.__module__.startswith("sandbox.") and told is NotImplemented:
                names = getattr(kind, "__slots__", ()) or vars(one)
                shapes[f"{kind.__module__}.{kind.__name__}"] = sorted(names)
            return told

    account = vendor_of(vendor.create_app())
    account.seed(account.shares_of(20), 1)
    with (tmp_path / "x").open("wb") as file:
        state = {name: value for name, value in vars(account).items() if name not in account.fleeting}
        Looking(file, account).dump(state)
    digest = hashlib.sha256(json.dumps([keeping.FORMAT, shapes], sort_keys=True).encode()).hexdigest()
    assert digest[:12] == SHAPES[account.name], shapes
