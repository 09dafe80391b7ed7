"""`reviews`: what waits for a person's word, what was answered, and a word from the command line."""

from __future__ import annotations

import json

import pytest
import sqlalchemy as sa

from sync import tables
from sync.database import open_store
from tests.builders import NOON

ASKED = {
    "id": 7,
    "space": "main",
    "kind": "merge",
    "connection": "salesforce",
    "lead_id": "ld_1",
    "event": 1,
    "object": "Lead",
    "record": "00Q2",
    "keep_object": "Lead",
    "keep": "00Q1",
    "why": "merged in hubspot",
    "state": "open",
    "since": NOON,
    "by": "",
    "outcome": "",
    "effect": "",
    "settled_at": None,
}
REFUSED = {"id": 8, "record": "00Q3", "state": "refused", "by": "olga", "settled_at": NOON}
BY_HAND = {"id": 9, "object": "Contact", "record": "0031"}


@pytest.fixture
def reviews(empty_store, leadrelay, playbook):
    """Run the command on a store in which two proposals wait and one was refused."""
    store = open_store(empty_store)
    rows = [ASKED, ASKED | REFUSED, ASKED | BY_HAND]
    store.write(lambda on: on.execute(sa.insert(tables.proposals), rows))
    store.close()
    environ = {"LEADRELAY_DATABASE_URL": empty_store, "LEADRELAY_PLAYBOOK": str(playbook)}
    return lambda *words: leadrelay("reviews", *words, **environ)


def test_what_waits_comes_first_then_what_was_answered(reviews):
    told = json.loads(reviews("--json").out)
    assert [one["id"] for one in told["waiting"]] == [7, 9]
    assert [(one["id"], one["by"]) for one in told["answered"]] == [(8, "olga")]
    answer = reviews()
    assert answer.code == 0
    assert answer.out.index("Waiting for a person") < answer.out.index("Answered")


@pytest.mark.parametrize(("word", "accepts"), [("agree", True), ("refuse", False)])
def test_a_word_becomes_an_event(reviews, empty_store, word, accepts):
    answer = reviews("7", word, "--by", "olga")
    assert answer.code == 0, answer.err
    assert "your word is on its way" in answer.out
    store = open_store(empty_store)
    with store.snapshot() as snapshot:
        [event] = snapshot.execute(sa.select(tables.inbox_events)).all()
    store.close()
    assert (event.kind, event.source) == ("answer", "salesforce")
    assert event.payload == {"proposal": 7, "lead_id": "ld_1", "accepts": accepts, "by": "olga"}


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["7", "perhaps"], 2, "Say agree or refuse."),
        (["8", "agree"], 1, "it is settled already (refused)"),
        (["9", "agree"], 1, "convert Lead 00Q1 there, and choose the existing Contact 0031"),
        (["10", "agree"], 1, "Nothing waits under number 10."),
    ],
)
def test_what_cannot_be_answered_is_said(reviews, words, code, said):
    answer = reviews(*words)
    assert (answer.code, said in " ".join(answer.err.split())) == (code, True), answer.err


@pytest.fixture
def many(empty_store, leadrelay, playbook):
    """Run the command on a store in which three deletions for one reason wait, and one for another."""
    store = open_store(empty_store)
    gone = ASKED | {
        "kind": "delete",
        "keep": "",
        "keep_object": "",
        "lead_id": "",
        "why": "import 1 was undone",
    }
    rows = [gone | {"id": number, "record": f"00Q{number}"} for number in (11, 12, 13)]
    rows.append(gone | {"id": 14, "record": "00Q14", "why": "deleted in hubspot"})
    store.write(lambda on: on.execute(sa.insert(tables.proposals), rows))
    store.close()
    environ = {"LEADRELAY_DATABASE_URL": empty_store, "LEADRELAY_PLAYBOOK": str(playbook)}
    return lambda *words: leadrelay("reviews", *words, **environ)


def test_many_deletions_for_one_reason_are_one_line_and_one_word(many, empty_store):
    said = " ".join(many().out.split())
    assert "and 2 more" in said
    assert "delete 3 records" in said
    assert "13" not in said.split("Of many")[0]
    assert "delete Lead 00Q14" in " ".join(many("--limit", "1").out.split())  # many hide no other
    told = json.loads(many("11", "agree", "--alike", "--json").out)
    assert told == {"answered": "agree", "number": 11, "records": 3}
    store = open_store(empty_store)
    with store.snapshot() as snapshot:
        events = snapshot.execute(sa.select(tables.inbox_events.c.payload)).scalars().all()
    store.close()
    assert sorted(one["proposal"] for one in events) == [11, 12, 13]


def test_a_merge_is_answered_by_itself(reviews):
    answer = reviews("7", "agree", "--alike")
    assert answer.code == 2
    assert "each merge" in answer.err
