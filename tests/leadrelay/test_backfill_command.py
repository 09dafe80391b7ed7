"""``leadrelay backfill``: beside the daemon that does the work, and doing it itself where none runs."""

from __future__ import annotations

import json
import re

import pytest
import requests
from structlog.testing import capture_logs

from leadrelay import logs
from sync import migrate
from tests.journeys.crms import running_crms
from tests.journeys.house import environment

PEOPLE = {"hubspot": {"contacts": 450, "companies": 30}, "salesforce": {"Lead": 2_300, "Contact": 700}}


def seed(crms) -> None:
    for name, counts in PEOPLE.items():
        requests.post(f"{crms[name].url}/__sandbox/seed", json=counts, timeout=30).raise_for_status()


@pytest.fixture(scope="module")
def sandboxes():
    """Both CRMs with people in them."""
    with running_crms() as crms:
        for crm in crms.values():
            crm.reset()
        seed(crms)
        yield crms


@pytest.fixture
def alone(leadrelay, tmp_path, playbook, sandboxes, monkeypatch):
    """Run a command where no daemon runs."""
    monkeypatch.setattr(logs, "configure", lambda *_, **__: None)  # it would outlive the command's streams
    url = f"sqlite:///{tmp_path / 'store.db'}"
    migrate.upgrade(url)
    environ = environment(url, playbook, sandboxes)
    with capture_logs():
        yield lambda *words, **more: leadrelay(*words, **environ | more)


def test_without_a_daemon_it_does_the_work_itself(alone):
    answer = alone("backfill", "hubspot")
    assert answer.code == 0, answer.err
    assert answer.out.splitlines() == [
        "hubspot companies: 30 records mirrored",
        "hubspot contacts: 450 records mirrored",
        "hubspot deals: 0 records mirrored",
    ]
    assert "450/450" in answer.err
    status = alone("status").out
    assert re.search(r"^hubspot +contacts +450 +450 +whole since 20", status, re.MULTILINE)


def test_done_once_it_makes_no_more_calls_unless_it_is_told_to(alone, sandboxes):
    crm = sandboxes["salesforce"]
    assert alone("backfill", "salesforce").code == 0
    before = len(crm.sent)
    assert alone("backfill", "salesforce").code == 0
    assert len(crm.sent) == before
    found = json.loads(alone("backfill", "salesforce", "--again", "--json").out)
    assert {name: one["seen"] for name, one in found.items()} == {
        "Account": 0,
        "Contact": 700,
        "Lead": 2_300,
        "Opportunity": 0,
    }
    assert len(crm.sent) == before + 5  # two pages of Leads, one of each other


def test_what_the_playbook_names_later_is_said_and_read_again(alone, playbook):
    alone("backfill", "hubspot")
    file = playbook / "crm" / "hubspot.yaml"
    file.write_text(
        file.read_text().replace("      zip: ", "      fax: {field: phone, authority: crm}\n      zip: ", 1)
    )
    said = "hubspot contacts: the mirror lacks fax, which the playbook names now: "
    assert f"{said}leadrelay backfill hubspot --again" in alone("status").out
    alone("backfill", "hubspot", "--again")
    assert "the mirror lacks" not in alone("status").out


def test_a_refused_token_ends_the_command_with_the_crms_words(alone):
    answer = alone("backfill", "hubspot", LEADRELAY_HUBSPOT_TOKEN="wrong")
    assert answer.code == 1
    assert "The same command goes on later." in answer.err


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (
            ("backfill", "pipedrive"),
            2,
            "The playbook has no connection pipedrive; it has hubspot, salesforce.",
        ),
        (("backfill",), 2, "Missing argument"),
    ],
)
def test_what_cannot_be_is_said(alone, words, code, said):
    answer = alone(*words)
    assert answer.code == code
    assert said in answer.err


def test_a_connection_that_is_not_set_up_is_named(alone):
    answer = alone("backfill", "hubspot", LEADRELAY_HUBSPOT_TOKEN="", LEADRELAY_HUBSPOT_BASE_URL="")
    assert (answer.code, answer.err) == (1, "hubspot is not connected yet: leadrelay connect hubspot\n")


def test_beside_the_daemon_it_shows_what_the_daemon_does(beside, house):
    house.crms["hubspot"].sent.clear()
    assert beside("backfill", "hubspot").out.splitlines() == [
        "hubspot companies: 0 records mirrored",
        "hubspot contacts: 0 records mirrored",
        "hubspot deals: 0 records mirrored",
    ]
    seed(house.crms)
    answer = beside("backfill", "hubspot", "--again", "--json")
    assert {name: one["seen"] for name, one in json.loads(answer.out).items()} == {
        "companies": 30,
        "deals": 0,
        "contacts": 450,
    }
    assert house.status().mirror["hubspot"]["contacts"].seen == 450
