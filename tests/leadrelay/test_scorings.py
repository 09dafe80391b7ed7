"""The models of points that ship beside the starter's: each is sound, and its own examples come out."""

from __future__ import annotations

import pytest

from mappings import scorings
from mappings.compile import load


@pytest.mark.parametrize("name", scorings.names())
def test_a_model_is_sound_and_does_what_its_examples_say(leadrelay, tmp_path, name):
    folder = tmp_path / "playbook"
    assert leadrelay("init", str(folder), "--scoring", name).code == 0
    checked = leadrelay("check", str(folder))
    assert (checked.code, checked.out) == (0, f"{folder}: no problem found.\n")
    tried = leadrelay("test", str(folder))
    assert tried.code == 0, tried.out


@pytest.mark.parametrize(
    ("name", "caps"),
    [
        ("b2b-saas", {"firmographics": 40, "intent": 40, "engagement": 20}),
        ("b2c", {"demographics": 40, "intent": 40, "engagement": 20}),
        ("demographics-behavior-engagement", {"demographics": 25, "behavior": 50, "engagement": 25}),
    ],
)
def test_how_each_model_shares_out_the_points(leadrelay, tmp_path, name, caps):
    folder = tmp_path / "playbook"
    leadrelay("init", str(folder), "--scoring", name)
    assert {group.name: group.cap for group in load(folder).scoring.groups} == caps


def test_a_model_that_is_not_there_is_said_with_those_that_are(leadrelay, tmp_path):
    answer = leadrelay("init", str(tmp_path / "playbook"), "--scoring", "b2b-sas")
    assert answer.code == 2
    assert answer.err == 'There is no model "b2b-sas". Did you mean "b2b-saas"?\n'
    assert not (tmp_path / "playbook").exists()
