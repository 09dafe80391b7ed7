"""Commands go by the version in force, whatever the folder holds meanwhile, and say which one they read."""

from __future__ import annotations

import json

import pytest

from leadrelay.clock import SystemClock
from leadrelay.in_force import Held, beside, standing
from leadrelay.playbooks import PlaybookHolder
from mappings.compile import load, texts_of, version_of
from model.times import EPOCH
from sync.database import open_store
from sync.register import APPLY, Version
from tests.leadrelay.test_playbooks import change, looked


def held(texts) -> Held:
    return Held(Version(3, version_of(texts), {}, EPOCH, "ada", APPLY, "", 1, 1, ""), texts)


def test_what_is_in_force_counts_and_the_folder_is_said_to_differ(playbook):
    found = held(texts_of(playbook))
    assert standing(found, playbook).note == beside(found, playbook) == ""
    change(playbook, "scoring.yaml", "points: 30", "points: 31")
    assert standing(found, playbook).playbook.version == found.version.hash
    assert standing(found, playbook).note == (
        f"By version 3 ({found.version.hash}), which is in force; "
        f"the folder {playbook} is not: scoring.yaml differs (`leadrelay diff`)."
    )
    (playbook / "accounts.yaml").unlink()
    said = (
        f"Read from {playbook}, which is not in force: 2 files differ from version 3 ({found.version.hash})."
    )
    assert beside(found, playbook) == said


def test_without_a_version_the_folder_counts_and_nothing_needs_to_be_said(playbook):
    assert standing(None, playbook).playbook.version == load(playbook).version
    assert (standing(None, playbook).note, beside(None, playbook)) == ("", "")


def test_a_version_that_cannot_be_read_here_gives_way_to_the_folder_which_is_said(playbook):
    found = held(texts_of(playbook) | {"pipeline.yaml": b"handlers: [telepathy]\n"})
    told = standing(found, playbook)
    assert told.playbook.version == load(playbook).version
    assert "cannot be read here (pipeline.yaml:1:12: there is no handler" in told.note


@pytest.fixture
def environ(empty_store, playbook):
    """A store with one version in force, and no daemon at work any more."""
    store = open_store(empty_store)
    holder = PlaybookHolder(playbook)
    holder.join(store, SystemClock(), "main", lambda: True)
    assert looked(holder, store)
    store.close()
    return {"LEADRELAY_DATABASE_URL": empty_store, "LEADRELAY_PLAYBOOK": str(playbook)}


def test_a_command_on_the_store_goes_by_the_version_and_one_that_prepares_by_the_folder(
    leadrelay, environ, playbook
):
    change(playbook, "routing.yaml", "  apac:", "  asia:")
    change(playbook, "routing.yaml", "pool: apac", "pool: asia")
    fair = leadrelay("fairness", "--json", **environ)
    pools = {one["pool"] for one in json.loads(fair.out)}
    assert (fair.code, "apac" in pools, "asia" in pools) == (0, True, False)
    assert "which is in force; the folder" in fair.err
    change(playbook, "sources/website.yaml", "dedupe_window: ", "dedupe_windwo: ")
    assert leadrelay("fairness", **environ).code == 0  # a broken folder stops no command
    change(playbook, "sources/website.yaml", "dedupe_windwo: ", "dedupe_window: ")
    shown = leadrelay("map", "show", "website", **environ)
    assert (shown.code, "which is not in force: routing.yaml differs from version 1" in shown.err) == (
        0,
        True,
    )
    found = leadrelay("doctor", "--json", **environ)
    facts = [one["fact"] for one in json.loads(found.out)["findings"] if one["area"] == "playbook"]
    assert any("not in force: routing.yaml differs" in fact for fact in facts)
