"""`conflicts`: what waits, what lost, and a choice made from the command line."""

from __future__ import annotations

import json

import pytest
import sqlalchemy as sa

from sync import tables
from sync.database import open_store
from tests.builders import NOON

HOLD = {
    "id": 7,
    "space": "main",
    "connection": "hubspot",
    "entity_kind": "lead",
    "entity_id": "ld_1",
    "field": "title",
    "remote": "jobtitle",
    "base": "CTO",
    "ours": "Founder",
    "theirs": "CEO",
    "why": "both sides have changed it, and the map asks a person",
    "state": "open",
    "since": NOON,
    "choice": "",
    "by": "",
    "outcome": "",
}
LOST = {
    "space": "main",
    "lead_id": "ld_1",
    "event": 1,
    "at": NOON,
    "connection": "salesforce",
    "kept": "Acme",
    "lost": "ACME Inc",
    "rule": "the CRM's is newer",
}
LINK = {
    "space": "main",
    "connection": "hubspot",
    "object": "contacts",
    "remote_id": "1",
    "lead_id": "ld_1",
    "shadow": {},
    "written": {},
    "aliases": [],
    "rev": 1,
}


@pytest.fixture
def conflicts(empty_store, leadrelay, playbook):
    """Run the command on a store in which one field waits and two values lost."""
    store = open_store(empty_store)
    rows = [LOST | {"field": name} for name in ("company", "city")]
    store.write(lambda on: on.execute(sa.insert(tables.holds), [HOLD]))
    store.write(lambda on: on.execute(sa.insert(tables.conflicts), rows))
    store.write(lambda on: on.execute(sa.insert(tables.links), [LINK]))
    store.close()
    environ = {"LEADRELAY_DATABASE_URL": empty_store, "LEADRELAY_PLAYBOOK": str(playbook)}
    return lambda *words: leadrelay("conflicts", *words, **environ)


def test_what_waits_comes_first_then_what_lost(conflicts):
    answer = conflicts()
    assert answer.code == 0
    for part in ("Waiting for a person", "Founder", "CEO", "Values that lost", "ACME Inc"):
        assert part in answer.out
    assert answer.out.index("Founder") < answer.out.index("ACME Inc")


def test_the_log_is_filtered_and_paged(conflicts):
    told = json.loads(conflicts("--json", "--limit", "1").out)
    assert [one["field"] for one in told["lost"]] == ["city"]
    older = json.loads(conflicts("--json", "--before", str(told["lost"][0]["id"])).out)
    assert [one["field"] for one in older["lost"]] == ["company"]
    assert json.loads(conflicts("--json", "--field", "company", "--connection", "hubspot").out)["lost"] == []
    assert json.loads(conflicts("--json", "--lead", "ld_2").out) == {"waiting": [], "lost": []}


@pytest.mark.parametrize(
    ("words", "choice", "value"),
    [(["theirs"], "theirs", None), (["value", "--to", "Chair"], "value", "Chair")],
)
def test_a_choice_becomes_an_event(conflicts, empty_store, words, choice, value):
    answer = conflicts("7", *words, "--by", "olga")
    assert answer.code == 0, answer.err
    assert "your choice is on its way" in answer.out
    store = open_store(empty_store)
    with store.snapshot() as snapshot:
        [event] = snapshot.execute(sa.select(tables.inbox_events)).all()
    store.close()
    assert event.kind == "choice"
    told = {name: event.payload[name] for name in ("lead_id", "choice", "value", "theirs", "by", "object")}
    assert told == {
        "lead_id": "ld_1",
        "choice": choice,
        "value": value,
        "theirs": "CEO",
        "by": "olga",
        "object": "contacts",
    }


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["7", "both"], 2, "Say theirs, ours, or value with --to."),
        (["7", "value"], 2, "Say theirs, ours, or value with --to."),
        (["7", "value", "--to", " "], 1, "Write a value."),
        (["8", "ours"], 1, "Nothing waits under number 8."),
    ],
)
def test_what_cannot_be_chosen_is_said(conflicts, words, code, said):
    answer = conflicts(*words)
    assert (answer.code, said in answer.err) == (code, True)
