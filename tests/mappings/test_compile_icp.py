"""icp.yaml: what is wrong with it, with its place and a remedy."""

from __future__ import annotations

import pytest

from mappings.advising import advice_on
from mappings.compile import check, load
from tests.mappings.folders import playbook_folder

GOOD = """\
criteria:
  - {name: Sector, when: {industry: [Software]}, weight: 40}
  - {name: Size, when: {employees: {at_least: 50}}, weight: 60}
  - {name: Place, when: {country: [DE, AT]}, required: true}
tiers: {C: 0, A: 70, B: 40}
outside: none
"""
PIPELINE = "handlers: [screen, identify, icp, score]\n"


def written(tmp_path, text, handlers=PIPELINE):
    return playbook_folder(tmp_path, files={"icp.yaml": text, "pipeline.yaml": handlers})


def test_the_profile_is_what_the_file_says(tmp_path):
    icp = load(written(tmp_path, GOOD)).icp
    assert [(one.name, one.weight, one.is_required) for one in icp.criteria] == [
        ("Sector", 40, False),
        ("Size", 60, False),
        ("Place", 0, True),
    ]
    assert (icp.tiers, icp.outside) == (((70, "A"), (40, "B"), (0, "C")), "none")


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("industry:", "industri:", 'icp.yaml:2:27: there is no lead field "industri"\n    Did you mean'),
        ("weight: 40", "weight: 400", '2:58: "weight" has to be at most 100, not 400'),
        (", weight: 40", "", '2:5: "Sector" counts for nothing\n    Give it a weight, or required: true.'),
        ("name: Size", "name: Sector", '3:12: two criteria are called "Sector"'),
        ("employees: {at_least: 50}", "score: {at_least: 50}", '3:18: "score" is decided behind the profile'),
        ("{industry: [Software]}", "{stage: mql}", '2:20: "stage" is decided behind the profile'),
        (
            "{at_least: 50}",
            "{at_least: 50, less_than: 9}",
            "3:18: nobody meets this: ",
        ),
        ("B: 40", "B: 70", '5:25: nobody gets into "B": A begins at 70, too'),
        ("A: 70", "A: 170", '5:18: "A" has to be at most 100, not 170'),
        ("outside:", "outsid:", '6:1: there is no setting "outsid"\n    Did you mean "outside"?'),
    ],
)
def test_each_mistake_is_told_with_its_place_and_a_remedy(tmp_path, old, new, problem):
    assert old in GOOD
    told = "\n".join(map(str, check(written(tmp_path, GOOD.replace(old, new, 1)))))
    assert problem in told


def test_a_profile_without_weights_makes_one_tier_of_all(tmp_path):
    text = "criteria:\n  - {name: Place, when: {country: DE}, required: true}\ntiers: {A: 0}\n"
    [told] = check(written(tmp_path, text))
    assert str(told).startswith("icp.yaml:1:1: no criterion has a weight")


@pytest.mark.parametrize(
    ("handlers", "problem"),
    [
        ("screen, identify, score", "pipeline.yaml:1:1: icp.yaml has criteria, and no rule looks at them"),
        ("screen, icp, identify, score", '1:20: "icp" looks at what "identify" finds out'),
        ("screen, identify, score, icp", '1:37: "score" may ask for the tier'),
    ],
)
def test_the_rule_stands_in_its_place(tmp_path, handlers, problem):
    assert problem in "\n".join(map(str, check(written(tmp_path, GOOD, f"handlers: [{handlers}]\n"))))


@pytest.mark.parametrize(
    ("tiers", "told"),
    [
        ("{A: 40, B: 70}", ['who fits best is of tier "B", who fits least of "A"']),
        ("{A: 70, B: 40}", []),
        ("{Gold: 70, Silver: 80}", []),
        ("{A: 70}", []),
    ],
)
def test_tiers_that_stand_upside_down_are_warned_of(tmp_path, tiers, told):
    text = GOOD.replace("{C: 0, A: 70, B: 40}", tiers)
    assert text != GOOD
    assert [one.message for one in advice_on(load(written(tmp_path, text)))] == told
