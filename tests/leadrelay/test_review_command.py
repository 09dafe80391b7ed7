"""`review`: who waits to be approved or disqualified, and a verdict from the command line."""

from __future__ import annotations

import json

import pytest
import sqlalchemy as sa

from model.lead import Lead
from sync import leads, tables
from sync.database import open_store
from tests.builders import NOON

REVIEW = """
review:
  band: warm
  approve: {to: mql}
  disqualify: {to: disqualified, reason: message, reasons: [No budget, Student]}
"""
ROW = {
    "id": 3,
    "space": "main",
    "kind": "borderline",
    "event": 1,
    "lead_id": "ld_ada",
    "detail": {"band": "warm"},
    "state": "open",
    "doubt": "x",
    "created_at": NOON,
}
WAITS = {"email": "ada@example.com", "stage": "suspect", "band": "warm", "score": 40, "in_review": True}


@pytest.fixture
def review(empty_store, leadrelay, playbook):
    """Run the command on a store in which one lead waits, and another does not."""
    stages, scoring = playbook / "lifecycle.yaml", playbook / "scoring.yaml"
    stages.write_text(stages.read_text("utf-8") + REVIEW, "utf-8")
    if "\nbands:" not in scoring.read_text("utf-8"):
        bands = "\nbands: {warm: {up: 30}, cold: {up: 0}}\n"
        scoring.write_text(scoring.read_text("utf-8") + bands, "utf-8")
    store = open_store(empty_store)
    known = [Lead("ld_ada", fields=dict(WAITS)), Lead("ld_bo", fields={"stage": "suspect"})]
    store.write(lambda on: leads.save(on, known, {}, NOON))
    store.write(lambda on: on.execute(sa.insert(tables.reviews), [ROW]))
    store.close()
    environ = {"LEADRELAY_DATABASE_URL": empty_store, "LEADRELAY_PLAYBOOK": str(playbook)}
    return lambda *words: leadrelay("review", *words, **environ)


def test_who_waits_is_shown(review):
    [told] = json.loads(review("list", "--json").out)
    assert (told["lead"], told["email"], told["score"], told["band"]) == (
        "ld_ada",
        "ada@example.com",
        40,
        "warm",
    )
    answer = review("list")
    assert (answer.code, "Waiting for a verdict" in answer.out) == (0, True)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["approve", "ld_ada"], ("approve", "")),
        (["disqualify", "ld_ada", "--reason", "Student"], ("disqualify", "Student")),
    ],
)
def test_a_verdict_becomes_an_event(review, empty_store, words, said):
    answer = review(*words, "--by", "olga")
    assert answer.code == 0, answer.err
    store = open_store(empty_store)
    with store.snapshot() as snapshot:
        [event] = snapshot.execute(sa.select(tables.inbox_events)).all()
    store.close()
    assert event.kind == "answer"
    assert event.payload == {"lead_id": "ld_ada", "verdict": said[0], "reason": said[1], "by": "olga"}


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["disqualify", "ld_ada"], 2, "a reason is missing: No budget, Student"),
        (
            ["disqualify", "ld_ada", "--reason", "Bored"],
            1,
            '"Bored" is none of the reasons: No budget, Student',
        ),
        (["approve", "ld_bo"], 1, "does not wait for a review"),
        (["approve", "ld_nobody"], 1, "No lead is known by ld_nobody"),
    ],
)
def test_what_cannot_be_answered_is_said_and_nothing_is_sent(review, empty_store, words, code, said):
    answer = review(*words)
    assert (answer.code, said in " ".join(answer.err.split())) == (code, True), answer.err
    store = open_store(empty_store)
    with store.snapshot() as snapshot:
        assert snapshot.execute(sa.select(tables.inbox_events)).all() == []
    store.close()


def test_nobody_waits_once_it_is_settled(review, empty_store):
    store = open_store(empty_store)
    store.write(lambda on: on.execute(sa.update(tables.reviews).values(state="settled")))
    store.close()
    assert json.loads(review("list", "--json").out) == []
    assert "No lead waits" in review("list").out
