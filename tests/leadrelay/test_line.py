"""The line to the other processes: what a message names is drained, whatever else is drained meanwhile."""

from __future__ import annotations

import threading
from typing import Any

from leadrelay.line import Line
from scheduler.loops import Loop
from tests.waiting import eventually

WORK = "outbox:hubspot"


class NoSeat:
    """Of a process that does not decide."""

    is_seated = False


def test_what_comes_up_behind_the_last_look_of_a_drain_is_looked_for_once_more():
    looks: list[bool] = []

    def look() -> int:
        is_drained = bool(line._draining)
        looks.append(is_drained)
        if looks.count(True) == 1 and is_drained:
            line._hear(WORK)  # the look found nothing, and now there is something
        return 0

    loop = Loop("claim-hubspot", look, threading.Event(), idle_wait=3600.0)
    seat: Any = NoSeat()
    line = Line("amqp://nobody@127.0.0.1:1//", seat, lambda what: [loop] if what == WORK else [])
    loop.start()
    eventually(lambda: looks, "the first look")
    line._hear(WORK)
    eventually(lambda: len(looks) == 3, "another look", 20)
    loop.stop()
