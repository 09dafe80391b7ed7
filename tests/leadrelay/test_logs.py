"""Logs: what an exception quotes is left out, and a stream that cannot be written stops nobody."""

from __future__ import annotations

import io
import json
import subprocess
import sys

import pytest

from leadrelay.logs import Patient
from model.errors import RetryLater
from model.faults import said_by, traceback_of, without_people


def caught(function):
    with pytest.raises(RuntimeError) as found:
        function()
    return found.value


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            ValueError("invalid literal for int() with base 10: 'Ada Lovelace'"),
            "invalid literal for int() with base 10: '…'",
        ),
        (KeyError("ada@x.example"), "'…'"),
        (
            RuntimeError("DETAIL:  Key (email)=(ada@x.example) already exists."),
            "DETAIL:  Key (email)'…' already exists.",
        ),
        (RetryLater('HubSpot 503: "try again"'), 'HubSpot 503: "try again"'),
        (
            RetryLater("HubSpot 409: ada@x.example has it, call +44 20 7946 0018"),
            "HubSpot 409: [e-mail] has it, call [phone]",
        ),
    ],
)
def test_an_exception_says_what_it_is_without_what_it_quotes(error, said):
    assert said_by(error) == said


def test_a_traceback_names_lines_and_causes_but_no_values():
    name = "Lovelace"

    def inner():
        int(name)

    def outer():
        try:
            inner()
        except ValueError as error:
            raise RuntimeError(f"cannot read {name!r}") from error

    text = traceback_of(caught(outer))
    assert text.index("ValueError: invalid literal") < text.index("RuntimeError: cannot read '…'")
    assert "in inner" in text
    assert name not in text


def test_texts_without_people():
    text = "id 20261122 at 2026-11-22T10:00:00Z took 1.5 s; ada.l+x@mail.example.org, +1 (415) 555-0101"
    assert without_people(text) == "id 20261122 at 2026-11-22T10:00:00Z took 1.5 s; [e-mail], [phone]"


class Full(io.StringIO):
    """A stream on a disk that may be full."""

    is_full = False

    def write(self, text):
        if self.is_full:
            raise OSError(28, "No space left on device")
        return super().write(text)


def test_a_full_disk_costs_lines_and_says_how_many():
    stream = Full()
    log = Patient(stream)
    log.write("one\n")
    stream.is_full = True
    log.write("two\n")
    log.write("three\n")
    stream.is_full = False
    log.write("four\n")
    lines = stream.getvalue().splitlines()
    assert (lines[0], lines[2]) == ("one", "four")
    assert json.loads(lines[1]) == {"event": "logs.lost", "level": "warning", "writes": 2}


def test_what_nobody_catches_is_told_in_the_same_form():
    code = (
        "import threading, logging; from leadrelay import logs; logs.configure('info');"
        "logging.getLogger('lib').error('for %s', 'ada@x.example');"
        "t = threading.Thread(target=lambda: int('Lovelace'), name='worker'); t.start(); t.join();"
        "raise KeyError('Lovelace')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    lib, thread, process = done.stderr.splitlines()
    assert lib == "lib: for [e-mail]"
    assert (json.loads(thread)["event"], json.loads(thread)["thread"]) == ("thread.failed", "worker")
    assert json.loads(process)["event"] == "process.failed"
    assert "KeyError: '…'" in json.loads(process)["exception"]
