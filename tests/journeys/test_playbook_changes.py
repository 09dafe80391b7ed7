"""The playbook is edited while everything runs: a sound change is taken in, a broken one changes nothing."""

from __future__ import annotations

import pytest

from leadrelay.settings import load
from leadrelay.wiring import Daemon
from mappings.problems import PlaybookError
from tests.waiting import eventually

DEMO = {"last_name": "Lovelace", "form_type": "demo"}
RULE = "{name: Demo requested, group: intent, points: 30, activity: demo_request}"


def test_a_sound_change_is_in_force_without_a_restart(house):
    before = house.daemon.facts()["playbook"]
    house.edit("scoring.yaml", RULE, RULE.replace("30", "33"))
    eventually(lambda: house.daemon.facts()["playbook"] != before, "the new version")
    house.deliver(email="ada@analytical.example", **DEMO)
    assert house.story("ada@analytical.example").lead.score == 33


def test_a_broken_change_keeps_the_old_playbook_running_and_says_so(house):
    before = house.daemon.facts()["playbook"]
    house.edit("scoring.yaml", RULE, RULE.replace("30", "thirty"))
    complaint = eventually(lambda: house.daemon.facts()["playbook_problem"], "the complaint")
    line = (
        (house.playbook / "scoring.yaml")
        .read_text(encoding="utf-8")
        .splitlines()
        .index(f"  - {RULE.replace('30', 'thirty')}")
    )
    assert f"version {before} keeps running" in complaint
    assert f"scoring.yaml:{line + 1}:" in complaint
    house.deliver(email="ada@analytical.example", **DEMO)
    assert house.story("ada@analytical.example").lead.score == 30
    house.edit("scoring.yaml", "thirty", "31")
    eventually(lambda: not house.daemon.facts()["playbook_problem"], "the end of the complaint")
    house.deliver(email="bea@analytical.example", **DEMO)
    assert house.story("bea@analytical.example").lead.score == 31


def test_a_broken_playbook_starts_nothing(closed_house):
    closed_house.edit("scoring.yaml", RULE, RULE.replace("30", "thirty"))
    with pytest.raises(PlaybookError) as refusal:
        Daemon(load(closed_house.environ))
    assert "scoring.yaml:" in str(refusal.value.problems[0])


def test_a_map_taken_away_changes_nothing_until_a_restart(house):
    before = house.daemon.facts()["playbook"]
    (house.playbook / "crm" / "salesforce.yaml").unlink()
    complaint = eventually(lambda: house.daemon.facts()["playbook_problem"], "the complaint")
    assert 'crm/salesforce.yaml:8:1: the connection "salesforce" is gone' in complaint
    house.deliver(email="ada@analytical.example", **DEMO)
    assert house.everywhere("ada@analytical.example").keys() == {"hubspot", "salesforce"}
    assert house.daemon.facts()["playbook"] == before
    house.stop()
    house.start()
    assert house.daemon.facts()["playbook"] != before
    assert house.daemon.facts()["connections"].keys() == {"hubspot"}
