"""The server: what operators see, its own refusals, and a stop that loses nothing."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from contextlib import closing

import pytest
from prometheus_client import CollectorRegistry, Counter

from tests.builders import a_source
from tests.webhooks.house import Inbox, StandingClock, a_house, sources_of
from webhooks.server import LARGEST_HEADERS, create_app, serve


def test_healthz_says_that_the_process_is_up():
    answer = a_house().client.get("/healthz")
    assert (answer.status_code, answer.json) == (200, {"status": "ok"})


def test_readyz_names_each_part_and_why_it_is_not_ready():
    house = a_house()
    house.checks["store"] = lambda: None
    answer = house.client.get("/readyz")
    assert (answer.status_code, answer.json) == (200, {"status": "ready", "checks": {"store": "ok"}})
    house.checks["migrations"] = lambda: "2 steps behind; run leadrelay db upgrade"
    answer = house.client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json["checks"] == {"store": "ok", "migrations": "2 steps behind; run leadrelay db upgrade"}


def test_metrics_are_those_of_the_registry():
    registry = CollectorRegistry()
    Counter("leads", "Leads.", registry=registry).inc(3)
    app = create_app(
        append=Inbox().append,
        playbook=sources_of,
        secret_of={}.get,
        clock=StandingClock(),
        checks={},
        registry=registry,
    )
    answer = app.test_client().get("/metrics")
    assert "leads_total 3.0" in answer.text
    assert answer.mimetype == "text/plain"


def test_an_address_that_is_none_is_answered_as_json():
    answer = a_house().client.get("/nothing")
    assert (answer.status_code, answer.json["code"]) == (404, "not_found")


class Gate:
    """An ``append`` that waits until it is let through."""

    def __init__(self) -> None:
        self.inbox = Inbox()
        self.entered = threading.Semaphore(0)
        self.open = threading.Event()

    def append(self, events):
        self.entered.release()
        assert self.open.wait(10)
        return self.inbox.append(events)


@pytest.fixture
def gate():
    gate = Gate()
    gate.open.set()
    return gate


@pytest.fixture
def server(gate):
    app = create_app(
        append=gate.append,
        playbook=lambda: sources_of(a_source(id_path="n")),
        secret_of={}.get,
        clock=StandingClock(),
        checks={},
        registry=CollectorRegistry(),
    )
    server = serve(app, "127.0.0.1", 0, threads=4)
    server.start()
    yield server
    gate.open.set()
    server.stop()


def post(port: int, number: int) -> int:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
        connection.request(
            "POST", "/in/website", json.dumps({"n": number}), {"Content-Type": "application/json"}
        )
        return connection.getresponse().status


def raw(port: int, request: bytes) -> tuple[int, dict]:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(request)
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"application/json" in head
    return int(head.split()[1]), json.loads(body)


def test_a_post_over_the_wire_is_stored(server, gate):
    assert post(server.port, 1) == 202
    assert [event.event_id for event in gate.inbox.events] == ["1"]


def test_a_chunked_post_over_the_wire_is_stored(server, gate):
    request = (
        b"POST /in/website HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n"
        b'Transfer-Encoding: chunked\r\n\r\n4\r\n{"n"\r\n4\r\n:77}\r\n0\r\n\r\n'
    )
    assert raw(server.port, request) == (202, {"event": "77", "duplicate": False})


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX: ".ljust(LARGEST_HEADERS, b"y"), 431),
        (b"POST /in/website HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n", 413),
        (b"POST /in/website HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n", 400),
        (b"POST /in/website HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
        (b"POST /in/website HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
    ],
)
def test_what_the_server_itself_refuses_is_json_too(server, request_bytes, status):
    found, answer = raw(server.port, request_bytes)
    assert found == status
    assert set(answer) == {"code", "message", "fix"}


def test_stop_finishes_the_requests_in_flight_and_takes_no_new_ones(server, gate):
    gate.open.clear()
    answers: list[int] = []
    senders = [
        threading.Thread(target=lambda number=number: answers.append(post(server.port, number)))
        for number in range(6)  # two more than there are threads: they wait in the queue
    ]
    for sender in senders:
        sender.start()
    for _ in range(4):
        assert gate.entered.acquire(timeout=60)
    time.sleep(0.3)
    stopping = threading.Thread(target=server.stop)
    stopping.start()
    time.sleep(0.3)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", server.port), timeout=1).close()
    assert stopping.is_alive()
    gate.open.set()
    for thread in (*senders, stopping):
        thread.join(timeout=60)
    assert not stopping.is_alive()
    assert answers == [202] * 6
    assert len(gate.inbox.events) == 6


def test_stop_tells_a_sender_that_keeps_its_connection_to_come_back_on_another(server, gate):
    with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)) as connection:
        body, headers = json.dumps({"n": 1}), {"Content-Type": "application/json"}
        connection.request("POST", "/in/website", body, headers)
        answer = connection.getresponse()
        assert (answer.status, answer.will_close) == (202, False)
        answer.read()
        gate.entered.acquire()
        gate.open.clear()
        connection.request("POST", "/in/website", body, headers)
        assert gate.entered.acquire(timeout=60)
        stopping = threading.Thread(target=server.stop)
        stopping.start()
        time.sleep(0.1)
        gate.open.set()
        answer = connection.getresponse()
        assert (answer.status, answer.will_close) == (202, True)
        stopping.join(timeout=60)
        assert not stopping.is_alive()


def test_stop_does_not_wait_for_idle_connections(server):
    with socket.create_connection(("127.0.0.1", server.port), timeout=5):
        began = time.monotonic()
        server.stop(patience=60)
        assert time.monotonic() - began < 30


def test_stop_gives_up_on_a_request_that_never_ends(server, gate):
    gate.open.clear()
    with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)) as connection:
        connection.request("POST", "/in/website", "{}", {"Content-Type": "application/json"})
        assert gate.entered.acquire(timeout=60)
        began = time.monotonic()
        server.stop(patience=0.3)
        assert time.monotonic() - began < 5


def test_a_server_that_was_never_started_stops(gate):
    server = serve(a_house().client.application, "127.0.0.1", 0)
    server.stop()
    server.stop()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", server.port), timeout=1)


def test_a_taken_port_is_said_at_once(server):
    with pytest.raises(OSError, match="in use"):
        serve(a_house().client.application, "127.0.0.1", server.port)
