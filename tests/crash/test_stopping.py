"""Asked to stop, the daemon finishes what it has in hand; with a broken playbook it never starts."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from tests.crash.repeats import InFlight, assert_created_once, repeats
from tests.journeys.crowd import a_crowd, assert_all_arrived, send
from tests.waiting import eventually


def test_sigterm_answers_requests_settles_calls_and_ends_with_0(daemon, crms):
    for crm in crms.values():
        crm.faults(latency_ms=300)
    crowd = a_crowd(seed=7, posts=300)
    process = daemon()
    process.start()
    process.wait_until_up()
    with ThreadPoolExecutor(1) as pool:
        sending = pool.submit(send, crowd, lambda: process.url)
        eventually(lambda: all(crm.writes_asked() for crm in crms.values()), "calls in flight")
        process.terminate()
        assert process.exit_code() == 0
        with process.books() as books:
            assert not InFlight.of(books).leads
        process.start()
        answers = sending.result()
    with process.books() as books:
        books.settle()
        assert_all_arrived(crowd, answers, books, crms)
    for crm in crms.values():
        assert_created_once(crm)
        assert not repeats(crm).calls | repeats(crm).looked_up  # not even a call was made twice


def test_a_request_in_hand_is_answered_after_sigterm(daemon):
    """The head of a request arrives, then the order to stop, then the rest: the sender gets its 202."""
    process = daemon()
    process.start()
    process.wait_until_up()
    halfway = threading.Event()

    def body():
        yield b"email=ada%40analytical.example"
        halfway.set()
        eventually(lambda: not is_listening(process), "the closed door")
        yield b"&last_name=Lovelace"

    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(
            requests.post,
            f"{process.url}/in/website",
            data=body(),
            headers={"Content-Type": "application/x-www-form-urlencoded"},
            timeout=30,
        )
        halfway.wait(10)
        process.terminate()
        assert answer.result().status_code == 202
    assert process.exit_code() == 0
    with process.books() as books:
        assert books.website().received == 1


def is_listening(process):
    try:
        requests.get(f"{process.url}/healthz", timeout=60)
    except requests.ConnectionError:
        return False
    return True


@pytest.fixture
def command(daemon):
    """Run a command as a person does, with the daemon's settings; returns what became of it."""
    process = daemon()

    def run(*words):
        line = [sys.executable, "-m", "leadrelay", *words]
        environ = os.environ | process.environ
        return subprocess.run(line, env=environ, capture_output=True, text=True, timeout=60, check=False)

    run.process = process
    return run


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
def test_a_broken_playbook_never_starts_the_daemon(command):
    scoring = command.process.playbook / "scoring.yaml"
    text = scoring.read_text(encoding="utf-8")
    scoring.write_text(text.replace("points: 30", "points: thirty"), encoding="utf-8")
    line = 1 + next(n for n, row in enumerate(text.splitlines()) if "points: 30" in row)
    for words in (["serve"], ["check", str(command.process.playbook)]):
        done = command(*words)
        assert done.returncode == 1
        assert re.search(rf"scoring\.yaml:{line}:\d+: ", done.stdout + done.stderr), done.stdout + done.stderr
    assert not is_listening(command.process)
