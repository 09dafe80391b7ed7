"""matching.yaml and match_weights.yaml: who is asked about, and what is wrong with them, with its place."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mappings.advising import advice_on
from mappings.compile import check, load
from mappings.matcher.model import shipped
from mappings.matcher.weighing import as_yaml, comparisons_of, fingerprint, model_of
from mappings.playbook import SHIPPED, Matching
from tests.mappings.folders import playbook_folder
from tests.sync.asked import FIRMO

BIRTH = "fields: {born: {type: text, description: Day of birth.}}\n"


def written(tmp_path, matching, weights=None):
    folder = playbook_folder(tmp_path)
    (folder / "fields.yaml").write_text(BIRTH)
    if matching is not None:
        (folder / "matching.yaml").write_text(f"{matching}\n")
    if weights is not None:
        (folder / "match_weights.yaml").write_text(weights)
    return folder


def learned(matching):
    """Return weights as they are written, of what a playbook compares."""
    return as_yaml(shipped(comparisons_of(matching)), "2026-01-07").replace("pairs: 0", "pairs: 4000")


def test_without_the_file_nobody_is_asked(tmp_path):
    assert load(playbook_folder(tmp_path)).matching is None


def test_what_is_said_is_what_counts(tmp_path):
    text = "review: 0.9\nnever_across: country\ncompare: {born: date}"
    assert load(written(tmp_path, text)).matching == Matching(0.9, ("country",), {"born": "date"})


def test_when_nobody_is_asked_is_what_is_said(tmp_path):
    text = (
        "same: 0.999\nsame_limits: {per_hour: 3, per_day: 20}\nsame_weights: shipped\ntie_breakers: [owner]"
    )
    expected = Matching(same=0.999, same_per_hour=3, same_per_day=20, same_weights=SHIPPED)
    expected = replace(expected, tie_breakers=("owner",))
    assert load(written(tmp_path, text)).matching == expected


@pytest.mark.parametrize(
    ("same", "pairs", "is_told"), [("same: 0.99", 0, True), ("same: 0.99", 4000, False), ("", 0, False)]
)
def test_a_band_that_joins_nobody_for_lack_of_weights_is_told(tmp_path, same, pairs, is_told):
    weights = learned(Matching()) if pairs else None
    text = f"review: 0.95\n{same}"
    told = [str(one) for one in advice_on(load(written(tmp_path, text, weights)))]
    why = (
        "matching.yaml:2:7: nobody is joined without a person: the weights are the shipped ones, not learned"
    )
    assert [one.split("\n")[0] for one in told] == ([why] if is_told else [])


def test_whose_word_stays_is_kept_as_values_remember_it(tmp_path):
    folder = written(tmp_path, "trust: {title: [hubspot, firmo, person], company: web}")
    (folder / "enrichment.yaml").write_text(FIRMO)
    (folder / "pipeline.yaml").write_text("handlers: [screen, identify, enrich, score]\n")
    found = load(folder).matching
    assert found.trust == {"title": ("hubspot", "provider:firmo", "person"), "company": ("web",)}


def test_weights_that_were_learned_are_those_that_count(tmp_path):
    matching = Matching(0.95, (), {"born": "date"})
    text = learned(matching).replace("same: {m: 0.85", "same: {m: 0.75", 1)
    found = load(written(tmp_path, "compare: {born: date}", text)).matching
    assert model_of(found).pairs == 4000
    assert model_of(found).m["born"][0] == 0.75
    assert fingerprint(found) != fingerprint(matching)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "never_across: [contry]",
            'matching.yaml:1:16: there is no lead field "contry"\n    Did you mean "country"?',
        ),
        ("compare: {city: text}", 'matching.yaml:1:11: "city" is always compared\n    Take it out.'),
        ("compare: {birth: date}", 'matching.yaml:1:11: there is no lead field "birth"'),
        ("survivorship: {titel: newest}", 'matching.yaml:1:16: there is no lead field "titel"'),
        ("survivorship: {title: biggest}", 'matching.yaml:1:23: "biggest" is not possible here'),
        ("survivorship: {score: max}", "matching.yaml:1:16: score takes no rule: leadrelay decides it"),
        (
            "survivorship: {opted_out: newest}",
            "matching.yaml:1:16: opted_out takes no rule: a no always stays",
        ),
        ("survivorship: {title: max}", "matching.yaml:1:16: max compares numbers, and title is none"),
        (
            "survivorship: {employees: longest}",
            "matching.yaml:1:16: longest compares texts, and employees is none",
        ),
        (
            "trust: {title: [hubspott]}",
            'matching.yaml:1:17: there is no source, connection or provider "hubspott"\n    Did you mean',
        ),
        ("trust: {title: [web, web]}", 'matching.yaml:1:22: "web" stands twice'),
        ("trust: {titel: web}", 'matching.yaml:1:9: there is no lead field "titel"'),
        ("trust: {owner: web}", "matching.yaml:1:9: owner takes no rule: leadrelay decides it"),
        ("review: 1.2", "matching.yaml:1:9: "),
        ("tie_breakers: [youngest]", 'matching.yaml:1:16: "youngest" is not possible here'),
        ("tie_breakers: [owner, owner]", 'matching.yaml:1:23: "owner" stands twice'),
        ("same: 0.5", "matching.yaml:1:7: "),
        (
            "review: 0.97\nsame: 0.96",
            "matching.yaml:2:7: leads would be joined that are too unlikely to be asked about\n    Write",
        ),
        (
            "same_limits: {per_day: 9}",
            "matching.yaml:1:1: without same nobody is joined without a person\n    Take it out, or say from",
        ),
        ("same_weights: shipped", "matching.yaml:1:1: without same nobody is joined without a person"),
        (
            "same: 0.99\nsame_limits: {per_day: 9}",
            "matching.yaml:2:24: 10 an hour are never reached: 9 a day are the limit",
        ),
        ("same: 0.99\nsame_limits: {per_hour: 0}", "matching.yaml:2:25: "),
        ("same: 0.99\nsame_weights: any", 'matching.yaml:2:15: "any" is not possible here'),
        ("compare: {born: day}", 'matching.yaml:1:17: "day" is not possible here'),
    ],
)
def test_a_mistake_is_told_with_its_place(tmp_path, text, problem):
    [found] = check(written(tmp_path, text))
    assert str(found).startswith(problem)


LEARN = "\n    Learn them anew: leadrelay match learn --write."


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("  city:\n", "  town:\n", '"town" is not compared'),
        ("    swapped:", "    swaped:", 'first_name has no level "swaped"'),
        ("    near: {m: 0.100000000000, u: 0.020000000000}\n", "", f"postal_code lacks near{LEARN}"),
        ("prior: 0.02", "prior: 1.02", '"prior" has to be less than 1, not 1.02'),
    ],
)
def test_weights_that_do_not_fit_are_told(tmp_path, old, new, problem):
    text = learned(Matching())
    assert old in text
    found = check(written(tmp_path, "review: 0.95", text.replace(old, new, 1)))
    assert any(problem in str(one) for one in found), list(map(str, found))
    assert all(str(one).startswith("match_weights.yaml:") for one in found)


def test_a_field_that_is_compared_since_has_no_weights(tmp_path):
    [found] = check(written(tmp_path, "compare: {born: date}", learned(Matching())))
    assert "born is compared, and has no weights here" in str(found)


def test_weights_without_matching_are_read_by_nobody(tmp_path):
    [found] = check(written(tmp_path, None, learned(Matching())))
    assert "without matching.yaml nobody is asked" in str(found)
