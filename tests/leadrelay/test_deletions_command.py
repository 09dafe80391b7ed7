"""`deletions`: what is held because it is much, and a word on it from the command line."""

from __future__ import annotations

import json

import pytest
import sqlalchemy as sa

from sync import tables
from sync.database import open_store
from tests.builders import NOON

HELD = {
    "space": "main",
    "connection": "hubspot",
    "object": "contacts",
    "lead_id": "ld_1",
    "at": NOON,
    "state": "held",
    "is_erased": False,
    "by": "",
}


@pytest.fixture
def deletions(empty_store, leadrelay, playbook):
    """Run the command on a store in which three deletions are held."""
    store = open_store(empty_store)
    rows = [HELD | {"id": number, "record": f"10{number}"} for number in (1, 2, 3)]
    rows.append(HELD | {"id": 4, "record": "104", "state": "done"})
    store.write(lambda on: on.execute(sa.insert(tables.deletions), rows))
    store.close()
    environ = {"LEADRELAY_DATABASE_URL": empty_store, "LEADRELAY_PLAYBOOK": str(playbook)}
    return lambda *words: leadrelay("deletions", *words, **environ)


def test_what_is_held_is_shown_by_connection(deletions):
    said = deletions().out
    assert "hubspot" in said
    assert f" {NOON:%Y-%m-%d %H:%M} " in said
    [told] = json.loads(deletions("--json").out)
    assert (told["connection"], told["records"], told["last"]) == ("hubspot", 3, 3)


@pytest.mark.parametrize(("word", "accepts"), [("release", True), ("dismiss", False)])
def test_a_word_becomes_an_event_for_each_and_said_again_none(deletions, empty_store, word, accepts):
    answer = deletions("hubspot", word, "--by", "olga")
    assert answer.code == 0, answer.err
    assert "your word on 3 deletions is on its way" in answer.out
    assert "your word on 0 deletions" in deletions("hubspot", word, "--by", "olga").out
    store = open_store(empty_store)
    with store.snapshot() as snapshot:
        events = snapshot.execute(sa.select(tables.inbox_events)).all()
    store.close()
    assert [one.payload["deletion"] for one in events] == [1, 2, 3]
    assert {(one.payload["accepts"], one.payload["by"], one.source) for one in events} == {
        (accepts, "olga", "hubspot")
    }


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["hubspot", "perhaps"], 2, "Say release or dismiss."),
        (["hubspot"], 2, "Say release or dismiss."),
        (["salesforce", "release"], 1, "No deletions of salesforce are held."),
    ],
)
def test_what_cannot_be_answered_is_said(deletions, words, code, said):
    answer = deletions(*words)
    assert (answer.code, said in answer.err) == (code, True)
