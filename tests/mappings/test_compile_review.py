"""The band under review: a good use, and each mistake."""

from __future__ import annotations

import pytest

from mappings.compile import load
from mappings.problems import PlaybookError
from tests.mappings.folders import playbook_folder

BANDS = ("scoring.yaml", "groups:\n", "bands:\n  warm: {up: 30}\n  cold: {up: 0}\ngroups:\n")
REVIEW = """\
review:
  band: warm
  approve: {to: mql}
  disqualify: {to: nurture, reason: message, reasons: [No budget, Student]}
"""


def loaded(folder, old="", new="", *more):
    review = REVIEW.replace(old, new, 1) if old else REVIEW
    return load(
        playbook_folder(
            folder, BANDS, ("lifecycle.yaml", "start: suspect\n", f"start: suspect\n{review}"), *more
        )
    )


def test_a_band_is_reviewed(tmp_path):
    found = loaded(tmp_path).lifecycle.review
    assert found is not None
    assert (found.band, found.approve, found.disqualify) == ("warm", "mql", "nurture")
    assert (found.reason, found.reasons, found.place.line) == ("message", ("No budget", "Student"), 2)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("band: warm", "band: wram", '3:9: there is no band "wram"'),
        ("to: mql", "to: mqll", '4:17: there is no stage "mqll"'),
        ("to: mql", "to: suspect", "4:17: every lead begins in suspect"),
        ("approve: {to: mql", "approve: {to: nurture", "4:17: nurture stands beside the way"),
        ("to: nurture", "to: nurtur", '5:20: there is no stage "nurtur"'),
        ("to: nurture", "to: mql", "5:20: both verdicts lead to the same stage"),
        ("reason: message", "reason: mesage", '5:37: there is no lead field "mesage"'),
        ("reason: message", "reason: budget", '5:37: "budget" cannot hold a reason'),
        ("reason: message", "reason: owner", '5:37: "owner" cannot hold a reason'),
        ("Student]", "No budget]", '5:67: the reason "No budget" stands twice'),
        ("[No budget, Student]", "[]", "lifecycle.yaml:5:"),
        (", reasons: [No budget, Student]", "", '"reasons" is missing here'),
        ("  approve: {to: mql}\n", "", '"approve" is missing here'),
    ],
)
def test_a_mistake_is_told_where_it_stands(tmp_path, old, new, told):
    with pytest.raises(PlaybookError) as wrong:
        loaded(tmp_path, old, new)
    assert told in str(wrong.value)


def test_people_here_must_be_allowed_to_move_a_lead_there(tmp_path):
    only = "team: Marketing, moves: [{to: mql, by: [rules]}, nurture]}"
    with pytest.raises(PlaybookError) as wrong:
        loaded(
            tmp_path,
            "",
            "",
            ("lifecycle.yaml", "team: Marketing}", only),
            ("lifecycle.yaml", "team: CS}", "team: CS, moves: [nurture]}"),
            ("lifecycle.yaml", "Not now., team: Marketing}", "Not now., team: Marketing, moves: [suspect]}"),
        )
    assert "4:17: no stage lets people here move a lead to mql" in str(wrong.value)
