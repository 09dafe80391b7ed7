"""Commands before anything has come in: no store yet, an empty one, an unreachable one."""

from __future__ import annotations

import contextlib
import json
import socket
import tomllib
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sync import cursors, fetches
from sync.cursors import BACKFILL, POLL, Cursor
from sync.database import open_store
from sync.fetches import Wish
from tests.leadrelay.conftest import free_ports

READERS = (["status"], ["explain", "ada@example.com"], ["replay", "1"])


@pytest.mark.parametrize("words", READERS, ids=lambda words: words[0])
def test_without_a_store_a_command_says_so_and_makes_none(leadrelay, tmp_path, words):
    file = tmp_path / "none.db"
    answer = leadrelay(*words, LEADRELAY_DATABASE_URL=f"sqlite:///{file}")
    assert (answer.code, answer.out) == (1, "")
    assert answer.err == (
        f"There is no store at {file} yet. Start the daemon with `leadrelay serve`, "
        "or name another store in LEADRELAY_DATABASE_URL.\n"
    )
    assert not file.exists()


def test_the_version_needs_no_store(leadrelay):
    pyproject = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())
    answer = leadrelay("--version")
    assert (answer.code, answer.out) == (0, f"leadrelay {pyproject['project']['version']}\n")


def test_status_of_an_empty_store(leadrelay, empty_store):
    answer = leadrelay("status", LEADRELAY_DATABASE_URL=empty_store)
    assert answer.code == 0
    assert answer.out == (
        "The daemon is not running on this store: what comes in is not taken.\n\n"
        "Nothing has come in yet. Post a lead to /in/SOURCE, or: leadrelay source test SOURCE\n"
    )


def test_status_of_an_empty_store_for_a_program(leadrelay, empty_store):
    answer = leadrelay("status", "--json", LEADRELAY_DATABASE_URL=empty_store)
    assert (answer.code, json.loads(answer.out)) == (
        0,
        {
            "sources": {},
            "connections": {},
            "effects": {},
            "blocked": 0,
            "timers": {"waiting": 0, "overdue": 0, "set_aside": 0, "next_at": None, "by_kind": {}},
            "providers": {},
            "mirror": {},
            "following": {},
            "leads": 0,
            "leads_by_stage": {},
            "releases": {},
            "revisit": None,
            "daemon": {"running": False},
            "processes": [],
            "set_aside": [],
            "dead_letters": [],
            "dead_effects": [],
            "causes": [],
            "replays": [],
            "days": {},
            "alarms": [],
            "questions": {
                "choices": 0,
                "reviews": 0,
                "deletions": {},
                "deals": 0,
                "pairs": 0,
                "borderline": 0,
                "accounts": 0,
            },
            "reconnect": {},
        },
    )


def test_status_says_how_changes_are_followed(leadrelay, empty_store):
    at = datetime(2026, 11, 22, 12, tzinfo=UTC)
    read = Cursor("hubspot", POLL, "contacts", at, at, problem="HTTP 500", finished_at=at)
    mirrored = Cursor("hubspot", BACKFILL, "companies", at, at)

    def fill(on):
        for one in (read, mirrored):
            cursors.begin(on, "main", one)
        fetches.raise_wanted(on, "main", [Wish("hubspot", "contacts", "7")], at)

    with contextlib.closing(open_store(empty_store)) as store:
        store.write(fill)
    said = leadrelay("status", LEADRELAY_DATABASE_URL=empty_store).out
    lines = [" ".join(line.split()) for line in said.splitlines()]
    assert "hubspot contacts 2026-11-22 12:00 HTTP 500 not looked at yet" in lines
    assert "hubspot companies not looked at yet not looked at yet" in lines
    assert "hubspot: 1 record waits to be read by id, since 2026-11-22 12:00 UTC" in lines
    told = json.loads(leadrelay("status", "--json", LEADRELAY_DATABASE_URL=empty_store).out)["following"]
    assert told["hubspot"]["objects"]["contacts"]["read_at"] == "2026-11-22T12:00:00.000000Z"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (
            ["explain", "ada@example.com"],
            "No lead is known by ada@example.com. `leadrelay status` lists the events that were set aside.",
        ),
        (["explain", "event:7"], "There is no event 7."),
        (["replay", "7", "8"], "There is no event 7.\nThere is no event 8.\nNothing was replayed."),
    ],
)
def test_what_is_not_there_is_said(leadrelay, empty_store, words, sentence):
    answer = leadrelay(*words, LEADRELAY_DATABASE_URL=empty_store)
    assert (answer.code, answer.out, answer.err) == (1, "", f"{sentence}\n")


NAME_IT = (
    "Name events, or --state (quarantined, review, spam, dead), --changes, --error, --connection, --source."
)


@pytest.mark.parametrize("words", [["--state", "spam"], ["--changes"], ["--error", "GONE"]])
def test_replaying_all_of_nothing_is_no_fault(leadrelay, empty_store, words):
    looked = leadrelay("replay", *words, LEADRELAY_DATABASE_URL=empty_store)
    assert (looked.code, looked.out) == (0, "Nothing to send again.\n")
    answer = leadrelay("replay", *words, "--yes", LEADRELAY_DATABASE_URL=empty_store)
    assert (answer.code, answer.out) == (0, "Nothing sent on the way again.\n")
    as_json = leadrelay("replay", *words, "--yes", "--json", LEADRELAY_DATABASE_URL=empty_store)
    assert json.loads(as_json.out) == {"replayed": 0}


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([], NAME_IT),
        (["1", "--changes"], NAME_IT),
        (["--state", "done"], "There is no state done: quarantined, review, spam, dead."),
        (["--changes", "--release"], "--set and --release are for events: name --state."),
        (
            ["--changes", "--source", "a"],
            "--source is of events, --connection and --object are of dead letters.",
        ),
        (
            ["--state", "dead", "--lead", "new"],
            "--lead, --set email and --set phone are one person's: name one event.",
        ),
        (
            ["--error", "GONE", "--newer", "soon"],
            '"soon" is no duration; write a number and a unit: 90s, 10m, 24h or 7d',
        ),
        (["1", "--set", "email"], "--set email: write it as field=value."),
    ],
)
def test_a_replay_asked_for_wrongly(leadrelay, empty_store, words, sentence):
    answer = leadrelay("replay", *words, LEADRELAY_DATABASE_URL=empty_store)
    assert (answer.code, answer.err) == (2, f"{sentence}\n")


@pytest.mark.parametrize("words", [*READERS, ["serve"], ["source", "test", "website"]], ids=lambda w: w[0])
def test_settings_that_cannot_be_used_end_a_command_with_2(leadrelay, words):
    answer = leadrelay(*words, LEADRELAY_PORT="x", LEADRELAY_LOG_LEVEL="loud")
    assert (answer.code, answer.out) == (2, "")
    assert answer.err == (
        "LEADRELAY_PORT='x': a whole number from 0 to 65535 is needed (default: 8000)\n"
        "LEADRELAY_LOG_LEVEL='loud': debug, info, warning or error is needed (default: info)\n"
        "2 settings cannot be used; nothing was started.\n"
    )


def test_a_file_that_is_no_store_is_said(leadrelay, tmp_path):
    file = tmp_path / "notes.db"
    file.write_text("not a database, " * 1_000)
    answer = leadrelay("status", LEADRELAY_DATABASE_URL=f"sqlite:///{file}")
    assert answer.code == 1
    assert answer.err == f"{file} is not a SQLite file, so it is no store; see LEADRELAY_DATABASE_URL.\n"


def test_an_unreachable_postgres_is_said_without_its_password(leadrelay):
    [port] = free_ports(1)
    url = f"postgresql://leads:hunter2@127.0.0.1:{port}/leads"
    answer = leadrelay("status", LEADRELAY_DATABASE_URL=url)
    assert answer.code == 1
    assert answer.err.startswith(
        f"The store at postgresql+psycopg://leads:***@127.0.0.1:{port}/leads cannot be used: "
    )
    assert "hunter2" not in answer.err


def test_source_test_says_when_the_daemon_is_down(leadrelay, playbook, empty_store):
    [port] = free_ports(1)
    environ = {
        "LEADRELAY_PLAYBOOK": str(playbook),
        "LEADRELAY_DATABASE_URL": empty_store,
        "LEADRELAY_PORT": str(port),
    }
    answer = leadrelay("source", "test", "website", **environ)
    assert answer.code == 1
    assert answer.out.endswith("FAILED\n")
    assert (
        f"not received the daemon does not answer at http://127.0.0.1:{port}/in/website "
        "(ConnectionError); is `leadrelay serve` up?\n"
    ) in answer.out


def test_source_test_says_when_the_secret_is_missing(leadrelay, playbook, empty_store):
    environ = {"LEADRELAY_PLAYBOOK": str(playbook), "LEADRELAY_DATABASE_URL": empty_store}
    answer = leadrelay("source", "test", "partner", **environ)
    assert answer.code == 1
    assert answer.err == (
        "The secret of partner is not set: "
        "LEADRELAY_SOURCE_PARTNER_SECRET or LEADRELAY_SOURCE_PARTNER_SECRET_FILE.\n"
    )


def test_source_test_names_the_sources_there_are(leadrelay, playbook, empty_store):
    environ = {"LEADRELAY_PLAYBOOK": str(playbook), "LEADRELAY_DATABASE_URL": empty_store}
    answer = leadrelay("source", "test", "webiste", **environ)
    assert answer.code == 2
    assert answer.err == (
        "The playbook has no source webiste; it has automation, events, partner, website.\n"
    )  # fmt: skip


def test_source_test_takes_a_stranger_for_a_stranger(leadrelay, playbook, empty_store):
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        port = stranger.getsockname()[1]
        stranger.close()
        environ = {"LEADRELAY_PLAYBOOK": str(playbook), "LEADRELAY_DATABASE_URL": empty_store}
        answer = leadrelay("source", "test", "website", "--url", f"http://127.0.0.1:{port}/", **environ)
    assert answer.code == 1
    assert f"http://127.0.0.1:{port}/in/website" in answer.out
