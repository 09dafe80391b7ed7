"""`status` says what waits for a person's word, and which command shows it."""

from __future__ import annotations

import json

import pytest
import sqlalchemy as sa

from sync import tables
from sync.database import open_store
from tests.leadrelay.test_conflicts_command import HOLD
from tests.leadrelay.test_deletions_command import HELD
from tests.leadrelay.test_reviews_command import ASKED, BY_HAND, REFUSED
from tests.leadrelay.test_same_deals_command import ASKED as SAME

BORDERLINE = SAME | {
    "id": 9,
    "kind": "borderline",
    "lead_id": "ld_1",
    "detail": {"band": "warm"},
    "doubt": "y",
}


@pytest.fixture
def status(empty_store, leadrelay, playbook):
    """Run the command on an empty store."""
    environ = {"LEADRELAY_DATABASE_URL": empty_store, "LEADRELAY_PLAYBOOK": str(playbook)}
    return lambda *words: leadrelay("status", *words, **environ)


@pytest.fixture
def waiting(empty_store):
    """A field, two reviews, a deletion and a record that wait, and a review that was answered."""
    store = open_store(empty_store)
    kept = {
        tables.holds: [HOLD],
        tables.proposals: [ASKED, ASKED | REFUSED, ASKED | BY_HAND],
        tables.deletions: [HELD | {"record": "101"}],
        tables.reviews: [SAME, SAME | {"id": 8, "state": "left"}, BORDERLINE],
    }
    for table, rows in kept.items():
        store.write(lambda on, table=table, rows=rows: on.execute(sa.insert(table), rows))
    store.close()


def test_status_says_what_waits_for_a_person(waiting, status):
    said = status().out
    assert "1 field waits for a choice between two values: leadrelay conflicts" in said
    assert "2 reviews wait for a word: leadrelay reviews" in said
    assert "1 deletion in hubspot is held back: leadrelay deletions" in said
    assert "1 record may be a deal known here: leadrelay same-deals" in said
    assert "1 lead waits to be approved or disqualified: leadrelay review list" in " ".join(said.split())
    questions = json.loads(status("--json").out)["questions"]
    assert questions == {
        "choices": 1,
        "reviews": 2,
        "deletions": {"hubspot": 1},
        "deals": 1,
        "pairs": 0,
        "accounts": 0,
        "borderline": 1,
    }


def test_status_says_nothing_of_it_where_nothing_waits(status):
    said = status().out
    assert not [word for word in ("conflicts", "reviews", "deletions", "same-deals") if word in said]
