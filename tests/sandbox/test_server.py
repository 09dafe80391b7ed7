"""The servers start, answer in one packet, carry many connections, and stop."""

from __future__ import annotations

import smtplib
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from sandbox import server
from sandbox.__main__ import tls_folder
from sandbox.certificates import certificate_in
from sandbox.registry import VENDORS
from sandbox.server import PORTS, Server, ports, running, serve, tls_hosts, tls_ports
from tests.sandbox.toy import toy_app


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def test_every_vendor_runs_on_its_port_at_one_clock():
    on = {name: free_port() for name in VENDORS}
    servers = serve(on=on)
    try:
        for name, port in on.items():
            assert servers[name].url == f"http://127.0.0.1:{port}"
            assert requests.get(f"{servers[name].url}/__sandbox/stats", timeout=60).status_code == 200
        first, *others = servers.values()
        requests.post(f"{first.url}/__sandbox/clock", json={"now": "2030-01-01T00:00:00Z"}, timeout=60)
        for other in others:
            assert (
                requests.get(f"{other.url}/__sandbox/clock", timeout=60)
                .json()["now"]
                .startswith("2030-01-01")
            )
    finally:
        for each in servers.values():
            each.stop()
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{servers['hubspot'].url}/__sandbox/stats", timeout=60)


def test_ports_come_from_the_environment():
    assert ports({})["hubspot"] == 8901
    assert ports({"LEADRELAY_SANDBOX_HUBSPOT_PORT": "9001"})["hubspot"] == 9001
    assert ports({"LEADRELAY_SANDBOX_SMTP_PORT": "9025"}) == PORTS | {"smtp": 9025}


def test_the_mail_server_belongs_to_the_messages_beside_it():
    on = {"messaging": free_port(), "smtp": free_port()}
    servers = serve(on=on)
    try:
        assert servers["smtp"].url == f"smtp://127.0.0.1:{on['smtp']}"
        with smtplib.SMTP("127.0.0.1", on["smtp"]) as client:
            client.sendmail("a@x.example", ["b@x.example"], b"Subject: one\r\n\r\ntwo\r\n")
        kept = requests.get(f"{servers['messaging'].url}/__sandbox/messages", timeout=60).json()["messages"]
        assert [(row["channel"], row["subject"]) for row in kept] == [("mail", "one")]
    finally:
        for each in servers.values():
            each.stop()
    with pytest.raises(ConnectionRefusedError):
        smtplib.SMTP("127.0.0.1", on["smtp"])


def test_tls_ports_are_ten_above_or_named():
    assert (tls_ports({})["hubspot"], tls_ports({})["salesforce"]) == (8911, 8912)
    moved = {"LEADRELAY_SANDBOX_HUBSPOT_PORT": "9001", "LEADRELAY_SANDBOX_SALESFORCE_TLS_PORT": "9443"}
    assert (tls_ports(moved)["hubspot"], tls_ports(moved)["salesforce"]) == (9011, 9443)


def test_a_tls_port_in_use_is_an_error_and_frees_the_plain_one(toy, tmp_path):
    plain, taken = free_port(), int(toy.rpartition(":")[2])
    context = certificate_in(tmp_path).context()
    with pytest.raises(OSError, match="in use"):
        Server(toy_app(), port=plain, tls=context, tls_port=taken)
    Server(toy_app(), port=plain).start().stop()


def test_where_the_certificate_lies_and_whom_it_names(tmp_path):
    assert tls_folder(None, {}) == Path("data/sandbox/tls")
    assert tls_folder(tmp_path, {}) == tmp_path / "tls"
    assert tls_folder(tmp_path, {"LEADRELAY_SANDBOX_TLS_FOLDER": "/x"}) == Path("/x")
    assert tls_hosts({"LEADRELAY_SANDBOX_TLS_HOSTS": "a.example, b.example,"}) == ["a.example", "b.example"]


def test_an_answer_leaves_in_one_packet(toy):
    host, _, port = toy.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(b"GET /__sandbox/clock HTTP/1.1\r\nHost: x\r\n\r\n")
        packet = connection.recv(65536)
    assert packet.startswith(b"HTTP/1.1 200")
    assert packet.rstrip().endswith(b"}"), "the body came with the headers"


def test_slow_calls_do_not_hold_up_each_other(toy, faults):
    faults(toy, latency_ms=200)
    began = time.monotonic()
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda _: requests.post(f"{toy}/things", json={}, timeout=60), range(16)))
    assert time.monotonic() - began < 16 * 0.2, "one after the other they take that long"


def test_stopping_does_not_wait_for_calls_that_hang(faults):
    running_server = Server(toy_app()).start()
    faults(running_server.url, timeout_rate=1, timeout_s=60)
    with pytest.raises(requests.ReadTimeout):
        requests.post(f"{running_server.url}/things", json={}, timeout=0.1)
    began = time.monotonic()
    running_server.stop()
    assert time.monotonic() - began < 30, "a call hangs for 60 seconds"


def test_a_port_in_use_is_an_error(toy):
    with pytest.raises(OSError, match="in use"):
        Server(toy_app(), port=int(toy.rpartition(":")[2]))


def test_each_running_app_is_alone():
    with running(toy_app()) as one, running(toy_app()) as other:
        requests.post(f"{one}/things", json={}, timeout=60)
        assert requests.get(f"{other}/__sandbox/stats", timeout=60).json()["records"] == {"things": 0}
    assert server.THREADS >= 16
