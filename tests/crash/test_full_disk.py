"""A full disk: 503 and nothing taken, nothing acknowledged lost, and all goes on when there is room."""

from __future__ import annotations

import json
import shutil
import tempfile
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
import requests
from psycopg import sql

from tests import postgres
from tests.crash.process import Process
from tests.disks import fill_up, small_disk
from tests.waiting import eventually

BODY = {"first_name": "Ada", "last_name": "Lovelace", "form_type": "demo", "message": "x" * 2_000}


SETTINGS = {
    "LEADRELAY_LOG_LEVEL": "info",
    "LEADRELAY_LEASE_SECONDS": "5",  # how long a change waits whose outcome could not be recorded
}


@pytest.fixture
def disk():
    with tempfile.TemporaryDirectory(prefix="leadrelay-disk-") as home:
        Path(home).chmod(0o755)  # PostgreSQL runs as somebody else when we are root
        with small_disk(Path(home) / "small", mib=24) as folder:
            yield folder


@pytest.fixture(params=["sqlite", "postgres"])
def process(request, disk, tmp_path, crms):
    """A daemon whose store is on the small disk, and on SQLite its log, too."""
    folder = disk if request.param == "sqlite" else tmp_path
    url = f"sqlite:///{disk / 'leadrelay.db'}"
    if request.param == "postgres":
        url = request.getfixturevalue("database_on_the_disk")
    daemon = Process(url, folder, crms, LEADRELAY_MIN_FREE_BYTES="0", **SETTINGS)
    daemon.start()
    daemon.wait_until_up()
    yield daemon
    daemon.kill()


@pytest.fixture
def database_on_the_disk(disk, postgres_server):
    """A PostgreSQL database in a tablespace there; the server's log of changes (WAL) is elsewhere."""
    place = disk / "tablespace"
    place.mkdir(mode=0o777)
    name = f"full_{time.time_ns()}"
    server = postgres_server.set(drivername="postgresql", database="postgres")
    with psycopg.connect(server.render_as_string(hide_password=False), autocommit=True) as connection:
        if user := postgres.unprivileged():
            shutil.chown(place, user)
        ident = sql.Identifier(name)
        connection.execute(sql.SQL("CREATE TABLESPACE {} LOCATION {}").format(ident, sql.Literal(str(place))))
        connection.execute(sql.SQL("CREATE DATABASE {} TABLESPACE {}").format(ident, ident))
        yield postgres_server.set(database=name).render_as_string(hide_password=False)
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(ident))
        connection.execute(sql.SQL("DROP TABLESPACE {}").format(ident))


class Senders:
    """People who post until they are told to stop; who got a 202 is remembered."""

    def __init__(self, process: Process) -> None:
        self._process, self._stopped = process, threading.Event()
        self.taken: list[str] = []
        self.answers: Counter[int] = Counter()
        self.refused: set[tuple[str, str]] = set()  # when to come back, and the answer's code

    def post(self, number: int) -> int:
        email = f"person.{number}@company.example"
        url = f"{self._process.url}/in/website"
        with requests.post(url, data=BODY | {"email": email}, timeout=30) as answer:
            self.answers[answer.status_code] += 1
            if answer.status_code == 202:
                self.taken.append(email)
            else:
                self.refused.add((answer.headers["Retry-After"], answer.json()["code"]))
            return answer.status_code


def test_a_full_disk_takes_nothing_loses_nothing_and_recovers(process, disk, crms):
    senders = Senders(process)
    for number in range(40):
        assert senders.post(number) == 202
    filler = fill_up(disk)
    with ThreadPoolExecutor(4) as pool:
        eventually(
            lambda: [*pool.map(senders.post, range(1_000, 1_000 + 40))] and senders.answers[503], "503"
        )
    for number in range(2_000, 2_060):
        senders.post(number)
    assert set(senders.answers) == {202, 503}
    assert senders.refused == {("5", "store_busy")}
    time.sleep(2)  # decider, delivery, jobs and logs meet it, too
    assert requests.get(f"{process.url}/healthz", timeout=60).ok

    filler.unlink()
    eventually(lambda: requests.get(f"{process.url}/readyz", timeout=60).ok, "a daemon that is ready again")
    assert senders.post(3_000) == 202
    with process.books() as books:
        books.settle()
        status = books.status()
        assert status.sources["website"].received == len(senders.taken)
    for crm in crms.values():
        assert Counter(one["email"] for one in crm.people()) == Counter(senders.taken)


def test_intake_stops_while_there_is_room_to_finish(disk, crms):
    least = 8 * 1024 * 1024
    process = Process(
        f"sqlite:///{disk / 'leadrelay.db'}", disk, crms, LEADRELAY_MIN_FREE_BYTES=str(least), **SETTINGS
    )
    process.start()
    try:
        process.wait_until_up()
        senders = Senders(process)
        assert senders.post(1) == 202
        ballast = disk / "ballast"
        with ballast.open("wb") as file:
            file.write(bytes(16 * 1024 * 1024))
        eventually(lambda: senders.post(2) == 503, "a refusal")
        with process.books() as books:  # what was taken before is delivered meanwhile
            books.settle()
        assert len(crms["hubspot"].people()) == len(set(senders.taken))
        ballast.unlink()
        eventually(lambda: senders.post(3) == 202, "a post that is taken again")
        lines = [json.loads(line) for line in process.log.read_text().splitlines() if line.startswith("{")]
        events = [line["event"] for line in lines]
        assert events.count("store.disk_short") == events.count("store.disk_has_room") == 1
    finally:
        process.kill()
