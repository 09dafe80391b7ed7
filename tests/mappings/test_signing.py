"""Which changes are of thresholds, and whose word they need."""

from __future__ import annotations

import pytest

from mappings.compile import load
from mappings.signing import thresholds, unsigned
from tests.mappings.folders import SMALL, playbook_folder

BANDS = "bands: {hot: {up: 60, down: 50, after: 7d}, cold: {up: 0}}\nsign_off: [Olga, Sam Lee]\n"
ICP = "criteria:\n  - {name: Home, when: {country: [DE]}, weight: 40}\ntiers: {A: 70, C: 0}\n"
ENTRY = "entry: {criteria: [{name: Hot or big, any_of: [{name: Hot, when: {band: hot}}]}]}"
STAGES = SMALL["lifecycle.yaml"].replace("team: BDR}", f"team: BDR, {ENTRY}}}")
FILES = {
    "scoring.yaml": f"{SMALL['scoring.yaml']}{BANDS}",
    "icp.yaml": ICP,
    "lifecycle.yaml": STAGES,
    "pipeline.yaml": "handlers: [screen, identify, icp, score]\n",
}


def made(tmp_path_factory, *changes):
    files = dict(FILES)
    for file, old, new in changes:
        assert old in files[file]
        files[file] = files[file].replace(old, new, 1)
    return load(playbook_folder(tmp_path_factory.mktemp("signing"), files=files))


@pytest.fixture(scope="module")
def before(tmp_path_factory):
    return made(tmp_path_factory)


def test_thresholds_are_what_score_and_profile_must_reach(before):
    assert {name: says for name, (says, _) in thresholds(before).items()} == {
        "band cold": "from 0, until below 0",
        "band hot": "from 60, until below 50, after 7 d",
        "tier A": "from 70 percent",
        "tier C": "from 0 percent",
        "rule Score → mql": "score 60",
        "entry of mql, Hot or big, Hot": "band is hot",
    }


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            ("scoring.yaml", "up: 60, down: 50", "up: 55, down: 50"),
            "band hot: from 60, until below 50, after 7 d → from 55, until below 50, after 7 d",
        ),
        (("icp.yaml", "A: 70", "A: 80"), "tier A: from 70 percent → from 80 percent"),
        (("lifecycle.yaml", "min_score: 60", "min_score: 55"), "rule Score → mql: score 60 → score 55"),
        (
            ("lifecycle.yaml", "when: {band: hot}", "when: {band: [hot, cold]}"),
            "entry of mql, Hot or big, Hot: band is hot → band in hot, cold",
        ),
        (("scoring.yaml", "sign_off: [Olga, Sam Lee]", "sign_off: [Olga]"), "sign_off: Olga, Sam Lee → Olga"),
        (("scoring.yaml", "sign_off: [Olga, Sam Lee]\n", ""), "sign_off: Olga, Sam Lee → nobody"),
    ],
)
def test_a_change_of_a_threshold_needs_the_word_of_all(tmp_path_factory, before, change, said):
    after = made(tmp_path_factory, change)
    problem = unsigned(before, after, ["OLGA"])
    assert problem is not None
    assert problem.message == f"thresholds have changed without the word of Sam Lee: {said}"
    assert problem.fix == (
        'Once they agree: leadrelay apply DIR --signed-off-by "Olga" --signed-off-by "Sam Lee"'
    )
    assert problem.at.file == change[0]
    assert unsigned(before, after, ["olga", "sam  lee"]) is None


@pytest.mark.parametrize(
    "change",
    [("scoring.yaml", "points: 20", "points: 25"), ("scoring.yaml", "at_least: 50", "at_least: 60")],
)
def test_any_other_change_needs_nobodys(tmp_path_factory, before, change):
    assert unsigned(before, made(tmp_path_factory, change), []) is None


def test_where_nobody_is_to_be_asked_thresholds_change_freely(tmp_path_factory):
    nobody = ("scoring.yaml", "sign_off: [Olga, Sam Lee]\n", "")
    changed = ("scoring.yaml", "up: 60", "up: 55")
    assert unsigned(made(tmp_path_factory, nobody), made(tmp_path_factory, nobody, changed), []) is None
