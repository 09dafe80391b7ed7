"""`leadrelay reconcile`: beside the daemon that compares, and comparing itself where none runs."""

from __future__ import annotations

import json
import re

import pytest
from structlog.testing import capture_logs

from leadrelay import logs
from sync import migrate, tables
from sync.database import open_store
from tests.journeys.crms import running_crms
from tests.journeys.house import environment
from tests.sync.stores import rows
from tests.waiting import eventually

PEOPLE = {"hubspot": {"contacts": 120, "companies": 3}, "salesforce": {"Lead": 30, "Contact": 20}}


@pytest.fixture(scope="module")
def sandboxes():
    """Both CRMs with people in them."""
    with running_crms() as crms:
        for name, crm in crms.items():
            crm.reset()
            crm._post("seed", PEOPLE[name])
        yield crms


@pytest.fixture
def alone(leadrelay, tmp_path, playbook, sandboxes, monkeypatch):
    """Run a command where no daemon runs."""
    monkeypatch.setattr(logs, "configure", lambda *_, **__: None)  # it would outlive the command's streams
    monkeypatch.setattr("sync.reconciling.running.RECOUNTS", 0)
    url = f"sqlite:///{tmp_path / 'store.db'}"
    migrate.upgrade(url)
    environ = environment(url, playbook, sandboxes)
    with capture_logs():
        yield lambda *words, **more: leadrelay(*words, **environ | more)


def test_records_of_which_nobody_knows_are_told_and_end_the_command_with_1(alone):
    answer = alone("reconcile", "--connection", "hubspot", "--sample", "all", "--limit", "2")
    assert answer.code == 1
    assert "hubspot, run 1: all records, asked for by" in answer.out
    assert re.search(r"contacts in hubspot +120 +0 +120 not read yet: the backfill", answer.out)
    assert re.search(r"unknown_record +contacts +120", answer.out)
    assert "- unknown_record: The CRM lists a record that was never read." in answer.out
    assert answer.out.splitlines()[-3:] == [
        "The first 2 of 123",
        "1 unknown_record: contacts 101; no walk and no poll has met it",
        "2 unknown_record: contacts 102; no walk and no poll has met it",
    ]


def test_after_the_backfill_every_record_is_accounted_for(alone):
    alone("backfill", "hubspot")
    alone("backfill", "salesforce")
    answer = alone("reconcile", "--sample", "all")
    assert answer.code == 0, answer.out
    assert answer.out.count("Nothing differs.") == 2
    told = json.loads(alone("reconcile", "--last", "--json").out)["runs"]
    assert [(one["connection"], one["found"], one["unexplained"]) for one in told] == [
        ("hubspot", 0, 0),
        ("salesforce", 0, 0),
    ]


def test_a_sample_of_nobody_takes_one_call_an_object(alone, sandboxes):
    alone("backfill", "salesforce")
    crm = sandboxes["salesforce"]
    before = len(crm.sent)
    assert alone("reconcile", "--connection", "salesforce", "--object", "Lead").code == 0
    assert len(crm.sent) - before == 1


def test_a_token_that_is_refused_is_said(alone):
    answer = alone("reconcile", "--connection", "hubspot", LEADRELAY_HUBSPOT_TOKEN="wrong")
    assert answer.code == 1
    assert "It failed: " in answer.err


def test_what_was_found_is_noted_to_be_mended(alone, tmp_path):
    alone("reconcile", "--connection", "hubspot", "--sample", "all")
    refused = alone("reconcile", "--connection", "hubspot", "--last", "--mend")
    assert refused.code == 1
    assert "123 differences would be mended, and at most 100 are" in refused.err
    answer = alone(
        "reconcile", "--connection", "hubspot", "--last", "--mend", "--at-most", "123", "--by", "olga"
    )
    assert "123 differences will be mended as soon as the daemon runs" in answer.out
    store = open_store(f"sqlite:///{tmp_path / 'store.db'}")
    [order] = rows(store, tables.mends)
    store.close()
    assert (order["total"], order["by"], order["state"]) == (123, "olga", "running")


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--connection", "pipedrive"), 2, "The playbook has no connection pipedrive"),
        (("--sample", "few"), 2, "--sample few: a number above 0, or all."),
        (("--sample", "0"), 2, "--sample 0: a number above 0, or all."),
        (("--object", "Odd"), 2, "No map that is compared names an object Odd."),
        (("--kind", "odd"), 2, "There is no kind odd; there are waiting, "),
        (("--last",), 1, "hubspot was never compared: leadrelay reconcile"),
    ],
)
def test_what_cannot_be_is_said(alone, words, code, said):
    answer = alone("reconcile", *words)
    assert (answer.code, said in answer.err) == (code, True), answer.err


def test_beside_the_daemon_it_compares_and_mends(beside, house):
    house.edit("crm/hubspot.yaml", "every: 30s", "every: 8h")  # no poll comes first
    house.post(email="ada@example.com", first_name="Ada", last_name="Lovelace", title="CTO")
    house.settle()
    crm = house.crms["hubspot"]
    crm.act("edit", record=crm.person("ada@example.com")["record"], title="CEO")
    words = ("--connection", "hubspot", "--sample", "all", "--object", "contacts", "--by", "olga")
    told = json.loads(beside("reconcile", *words, "--mend", "--json").out)
    [run] = told["runs"]
    assert (run["state"], run["by"], run["kinds"], told["mended"]) == ("done", "olga", {"unread": 1}, 1)
    eventually(
        lambda: house.crms["salesforce"].person("ada@example.com")["title"] == "CEO", "what was mended"
    )
    answer = beside("reconcile", *words)
    assert (answer.code, "Nothing differs." in answer.out) == (0, True)
