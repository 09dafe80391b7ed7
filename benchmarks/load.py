"""The load generator, a process of its own: ``python -m benchmarks.load`` with a plan on standard input.

One thread, sockets and ``epoll``, so that it takes as little as it can of the machine it shares with what
it measures. With a ``rate`` each post has its moment, and its wait counts from that moment even where no
connection was free: a server that falls behind cannot make its senders polite.
"""

from __future__ import annotations

import json
import select
import socket
import subprocess
import sys
import time
from collections import deque
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.posts import body

HOUSE = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class Plan:
    """Who posts what, how fast: person ``first`` and the ``count`` - 1 after."""

    port: int
    first: int
    count: int
    visit: int = 1
    senders: int = 16
    rate: float | None = None  # posts a second; without one each sender posts as soon as it is answered
    seconds: float = 60.0  # no post is begun later; answers are waited for a while longer
    path: str = "/in/website"
    form: str = ""  # what is filled in, if not what a visit usually is


@dataclass(frozen=True, slots=True)
class Sent:
    """One post: when it was due (seconds since 1970), how long its answer took, and the status."""

    person: int
    at: float
    took: float
    status: int  # 0: no answer


def send(plan: Plan) -> list[Sent]:
    """Run a plan in a process of its own; return its posts in the order they were answered."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.load"],
        input=json.dumps(asdict(plan)).encode(),
        stdout=subprocess.PIPE,
        check=True,
        cwd=HOUSE,
        timeout=plan.seconds + 120,
    )
    return [Sent(*row) for row in json.loads(done.stdout)]


class _Sender:
    """One connection with at most one post on its way."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.person = -1
        self.connect()

    def connect(self) -> None:
        self.socket = socket.create_connection(("127.0.0.1", self._port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.settimeout(30)
        self._received = b""

    def post(self, request: bytes, person: int, due: float) -> None:
        self.person, self.due = person, due
        self.socket.sendall(request)

    def answer(self) -> int | None:
        """Return the status once the whole answer is there, 0 when the connection was closed."""
        try:
            data = self.socket.recv(65536)
        except OSError:
            data = b""
        if not data:
            return 0
        self._received += data
        head, mark, rest = self._received.partition(b"\r\n\r\n")
        if not mark:
            return None
        lowered = head.lower()
        at = lowered.find(b"content-length:")
        length = int(lowered[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
        if len(rest) < length:
            return None
        self._received = b""
        return int(head[9:12])


def run(plan: Plan) -> list[tuple[int, float, float, int]]:
    """Send the posts of a plan from this process."""
    queue = deque(range(plan.first, plan.first + plan.count))
    requests = {person: _request(plan, person) for person in queue}
    senders = [_Sender(plan.port) for _ in range(plan.senders)]
    by_socket = {sender.socket.fileno(): sender for sender in senders}
    free = deque(senders)
    poll = select.epoll()
    for number in by_socket:
        poll.register(number, select.EPOLLIN)
    sent: list[tuple[int, float, float, int]] = []
    began, offset = time.perf_counter(), time.time() - time.perf_counter()
    end = began + plan.seconds
    pending = 0
    while True:
        now = time.perf_counter()
        wait = 1.0
        while queue and now < end and free:
            due = began + (queue[0] - plan.first) / plan.rate if plan.rate else now
            if due > now:
                wait = due - now
                break
            person = queue.popleft()
            free.popleft().post(requests.pop(person), person, due)
            pending += 1
        if not pending and (not queue or now >= end):
            return sent
        if now > end + 90:
            return sent + [(one.person, one.due + offset, 0.0, 0) for one in senders if one not in free]
        for number, _ in poll.poll(wait):
            sender = by_socket[number]
            status = sender.answer()
            if status is None:
                continue
            sent.append((sender.person, sender.due + offset, time.perf_counter() - sender.due, status))
            pending -= 1
            if not status:
                poll.unregister(number)
                sender.socket.close()
                del by_socket[number]
                sender.connect()
                by_socket[sender.socket.fileno()] = sender
                poll.register(sender.socket.fileno(), select.EPOLLIN)
            free.append(sender)


def _request(plan: Plan, person: int) -> bytes:
    content = body(person, plan.visit, plan.form)
    head = (
        f"POST {plan.path} HTTP/1.1\r\nHost: 127.0.0.1:{plan.port}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(content)}\r\n\r\n"
    )
    return head.encode() + content


if __name__ == "__main__":
    json.dump(run(Plan(**json.load(sys.stdin))), sys.stdout)
