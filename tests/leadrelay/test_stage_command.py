"""`stage`: where a lead can go and what is in the way, and a person's word from the command line."""

from __future__ import annotations

import json

import pytest
import sqlalchemy as sa

from model.lead import Lead
from sync import leads, tables
from sync.database import open_store
from tests.builders import NOON

MOVES = """\
    moves:
      - {to: sal, by: [page]}
      - {to: nurture, by: [page], reason: message, reasons: [Too early]}
"""


@pytest.fixture
def stage(empty_store, leadrelay, playbook):
    """Run the command on a store with one lead."""
    file = playbook / "lifecycle.yaml"
    text = file.read_text("utf-8")
    at = text.index("    team:", text.index("  - name: mql\n"))
    file.write_text(text[:at] + MOVES + text[at:], "utf-8")
    store = open_store(empty_store)
    ada = Lead("ld_ada", fields={"email": "ada@example.com", "stage": "mql", "score": 40})
    store.write(lambda on: leads.save(on, [ada], {}, NOON))
    store.close()
    environ = {"LEADRELAY_DATABASE_URL": empty_store, "LEADRELAY_PLAYBOOK": str(playbook)}
    return lambda *words: leadrelay("stage", *words, **environ)


def sent(empty_store):
    store = open_store(empty_store)
    with store.snapshot() as snapshot:
        found = snapshot.execute(sa.select(tables.inbox_events)).all()
    store.close()
    return found


def test_where_a_lead_can_go_is_listed_with_what_is_in_the_way(stage):
    told = json.loads(stage("ld_ada", "--json").out)
    found = {one["to"]: one for one in told["moves"]}
    assert told["stage"] == "mql"
    assert found["sal"]["allowed"]
    assert found["nurture"]["reasons"] == ["Too early"]
    assert found["prospect"]["why_not"] == "mql has no move to prospect"
    table = " ".join(stage("ld_ada").out.split())
    assert "ada@example.com is in mql" in table
    assert "message: Too early" in table


def test_a_move_becomes_an_event_with_who_said_it(stage, empty_store):
    answer = stage("ld_ada", "nurture", "--reason", "Too early", "--note", "in May", "--by", "olga")
    assert answer.code == 0, answer.err
    [event] = sent(empty_store)
    assert event.kind == "answer"
    assert event.payload == {
        "lead_id": "ld_ada",
        "move": "nurture",
        "from": "mql",
        "reason": "Too early",
        "note": "in May",
        "by": "olga",
    }


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["ld_ada", "prospect"], 1, "was not moved to prospect: mql has no move to prospect"),
        (["ld_ada", "nurture"], 2, "a move to nurture needs a reason: message is blank"),
        (
            ["ld_ada", "nurture", "--reason", "Bored"],
            1,
            "none of the reasons for a move to nurture: Too early",
        ),
        (["ld_ada", "mqll"], 2, 'there is no stage "mqll"'),
        (["ld_ada", "sal", "--note", "x" * 501], 2, "The note has 501 characters; 500 are kept at most."),
        (["ld_bo", "sal"], 1, "No lead is known by ld_bo"),
    ],
)
def test_what_cannot_be_done_is_said_and_nothing_is_sent(stage, empty_store, words, code, said):
    answer = stage(*words)
    assert (answer.code, said in " ".join(answer.err.split())) == (code, True), answer.err
    assert sent(empty_store) == []
