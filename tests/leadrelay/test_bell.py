"""The bell: rings are sent by a thread of its own, once for many, and an outage stops nobody."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from leadrelay import bell
from leadrelay.bell import Bell, BrokerAway
from tests.waiting import eventually


class Wire:
    """A broker that can be away, or slow."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.is_away = False
        self.opened = threading.Event()
        self.opened.set()

    def send(self, what: str) -> None:
        self.opened.wait(5)
        if self.is_away:
            raise BrokerAway("connection refused")
        self.sent.append(what)


@pytest.fixture
def wire() -> Wire:
    return Wire()


@pytest.fixture
def rung(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bell]:
    monkeypatch.setattr(bell, "AWAY_WAIT", 0.01)
    one = Bell(wire.send)
    one.start()
    yield one
    wire.opened.set()
    one.stop()


def test_what_is_rung_is_sent(wire, rung):
    rung.ring("inbox")
    eventually(lambda: wire.sent == ["inbox"])


def test_what_is_rung_often_before_it_is_sent_is_sent_once(wire, rung):
    wire.opened.clear()
    rung.ring("inbox")
    for _ in range(100):
        rung.ring("outbox:hubspot")  # returns though nothing can be sent just now
    wire.opened.set()
    eventually(lambda: "outbox:hubspot" in wire.sent)
    rung.stop()
    assert sorted(wire.sent) == ["inbox", "outbox:hubspot"]


def test_an_outage_is_said_and_what_is_rung_later_is_sent(wire, rung):
    wire.is_away = True
    rung.ring("inbox")
    eventually(lambda: rung.failure == "connection refused")
    wire.is_away = False
    rung.ring("inbox")
    eventually(lambda: wire.sent == ["inbox"])
    eventually(lambda: rung.failure is None)


def test_what_was_rung_last_is_sent_before_the_end(wire, rung):
    rung.ring("inbox")
    rung.stop()
    assert wire.sent == ["inbox"]
