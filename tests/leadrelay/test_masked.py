"""`--masked`: what is handed on is masked as privacy.yaml says; `user unmasked` tells who saw it plain."""

from __future__ import annotations

import json

import pytest
import sqlalchemy as sa

from leadrelay.clock import SystemClock
from sync import leads, tables, unmasking
from sync.database import open_store
from tests.builders import a_lead

ADA = "ada@example.com"
POLICY = """\
rules:
  - {regions: [EU], channels: exports, show: {email: partly, name: partly}}
"""


@pytest.fixture
def run(empty_store, leadrelay, playbook):
    """Run commands on a store with a lead that objected to calls and has a value that waits for a person."""
    store, now = open_store(empty_store), SystemClock().now()
    lead = a_lead("ld_1", email=ADA, first_name="Ada", last_name="Lovelace", country="DE", version=0)
    lead.fields["consent_sales_call"] = False
    store.write(lambda on: leads.save(on, [lead], {}, now))
    lost = {
        "lead_id": "ld_1",
        "connection": "hubspot",
        "field": "last_name",
        "kept": "Lovelace",
        "lost": "Byron",
    }
    row = {"space": "main", "at": now, "event": 1, "rule": "newest"}
    store.write(lambda on: on.execute(sa.insert(tables.conflicts), lost | row))
    given = {"by": "eva", "reason": "She asked", "now": now, "playbook": ("x", 1), "lead_id": "ld_1"}
    store.write(lambda on: unmasking.lift(on, "main", **given))
    store.close()
    environ = {"LEADRELAY_DATABASE_URL": empty_store, "LEADRELAY_PLAYBOOK": str(playbook)}
    return lambda *words: leadrelay(*words, **environ)


COMMANDS = [("explain", ADA), ("conflicts",), ("consent", "impact"), ("explain", ADA, "--rules")]


@pytest.mark.parametrize("words", COMMANDS)
@pytest.mark.parametrize("form", [(), ("--json",)])
def test_what_is_handed_on_is_masked_and_shown_whole_where_nobody_asks_for_it(run, playbook, words, form):
    (playbook / "privacy.yaml").write_text(POLICY)
    plain, masked = run(*words, *form), run(*words, *form, "--masked")
    assert (plain.code, masked.code) == (0, 0)
    assert not any(word in masked.out for word in (ADA, "Lovelace", "Byron"))
    if "--json" in form:
        assert any(word in plain.out for word in (ADA, "Lovelace", "Byron"))
        assert "a***@example.com" in masked.out or "L." in masked.out


@pytest.mark.parametrize("words", [*COMMANDS, ("reviews",), ("deletions",)])
def test_nothing_is_shown_where_nothing_would_be_masked(run, words):
    answer = run(*words, "--masked")
    assert (answer.code, answer.out) == (1, "")
    assert "masks nothing in exports" in answer.err


def test_who_had_a_mask_lifted_is_told_with_the_reason(run):
    [line] = run("user", "unmasked", ADA).out.splitlines()
    assert line.endswith("  eva  ld_1  She asked")
    [told] = json.loads(run("user", "unmasked", "--json").out)
    assert (told["by"], told["lead_id"], told["reason"]) == ("eva", "ld_1", "She asked")
    assert run("user", "unmasked", "--since", "2999-01-01").out == "Nobody had a mask lifted.\n"
    assert run("user", "unmasked", "--since", "yesterday").code == 2
    assert "shown plain to eva for an hour: She asked" in run("explain", ADA).out
