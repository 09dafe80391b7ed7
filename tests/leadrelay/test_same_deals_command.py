"""`same-deals`: records that may be deals that are known, and a word from the command line."""

from __future__ import annotations

import json

import pytest
import sqlalchemy as sa

from model.change import Record
from model.deal import Deal
from model.event import RecordRef
from model.listing import Listed
from sync import deals, mirror, tables
from sync.database import open_store
from tests.builders import NOON

REF = RecordRef("hubspot", "deals", "77")
ASKED = {
    "id": 7,
    "space": "main",
    "kind": "same_deal",
    "event": 1,
    "lead_id": None,
    "detail": {"connection": "hubspot", "object": "deals", "record": "77", "deals": ["de_1", "de_2"]},
    "state": "open",
    "doubt": "x",
    "created_at": NOON,
}


@pytest.fixture
def command(empty_store, leadrelay, playbook):
    """Run the command on a store in which a record may be one of two deals."""
    store = open_store(empty_store)
    store.write(lambda on: on.execute(sa.insert(tables.reviews), [ASKED]))
    known = [Deal(f"de_{number}", fields={"name": "Engine"}) for number in (1, 2)]
    store.write(lambda on: deals.save(on, known, "USD", NOON))
    seen = Listed(Record(REF, {"dealname": "Engine"}, NOON))
    store.write(lambda on: mirror.write_page(on, "main", [seen], NOON))
    store.close()
    environ = {"LEADRELAY_DATABASE_URL": empty_store, "LEADRELAY_PLAYBOOK": str(playbook)}
    return lambda *words: leadrelay("same-deals", *words, **environ)


def test_what_waits_is_shown_with_the_deals_that_it_may_be(command):
    [told] = json.loads(command("--json").out)
    assert (told["id"], told["records"], told["record"]["name"]) == (7, ["77"], "Engine")
    assert told["answers"] == ["same de_1", "same de_2", "another", "leave"]
    answer = command()
    assert (answer.code, "Which deal is it?" in answer.out) == (0, True)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["same", "--deal", "de_2"], ("same", "de_2")),
        (["another"], ("another", "")),
        (["leave"], ("leave", "")),
    ],
)
def test_a_word_becomes_an_event(command, empty_store, words, said):
    answer = command("7", *words, "--by", "olga")
    assert answer.code == 0, answer.err
    store = open_store(empty_store)
    with store.snapshot() as snapshot:
        [event] = snapshot.execute(sa.select(tables.inbox_events)).all()
    store.close()
    assert (event.kind, event.source, event.record_id) == ("answer", "hubspot", "77")
    assert (event.payload["answer"], event.payload["deal_id"], event.payload["by"]) == (*said, "olga")
    assert event.payload["record"]["fields"] == {"dealname": "Engine"}


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["7", "perhaps"], 2, "Say same, another or leave."),
        (["7", "same"], 1, "say which deal with --deal"),
        (["7", "same", "--deal", "de_9"], 1, "It may be de_1, de_2"),
        (["8", "leave"], 1, "Nothing waits under number 8."),
    ],
)
def test_what_cannot_be_answered_is_said(command, words, code, said):
    answer = command(*words)
    assert (answer.code, said in " ".join(answer.err.split())) == (code, True), answer.err
