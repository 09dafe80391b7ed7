"""Each rule is shown with its truth, as the lead was when it was decided."""

from __future__ import annotations

import pytest

from mappings import truths
from mappings.compile import load
from mappings.masking import Veil
from mappings.starter import write_starter
from model.lead import Activity
from model.times import EPOCH
from tests.builders import a_lead


@pytest.fixture(scope="module")
def playbook(tmp_path_factory):
    folder = tmp_path_factory.mktemp("truths") / "playbook"
    write_starter(folder)
    routing = folder / "routing.yaml"
    text = routing.read_text(encoding="utf-8")
    mark = "territories:\n"
    assert mark in text
    odd = "any: [{country: FR}, {not: {country: [DE, AT]}, employees: {at_least: 50, at_most: 60}}]"
    mail = "email: {domain_in: [acme.com]}, message: {contains: urgent}"
    added = f"  - {{name: Odd ones, when: {{{odd}}}, pool: emea}}\n"
    added += f"  - {{name: By mail, when: {{{mail}}}, pool: emea}}\n"
    routing.write_text(text.replace(mark, mark + added), encoding="utf-8")
    return load(folder)


def told(lead, playbook, said=(), then=None):
    facts = truths.seen(lead, playbook)
    then = then or {"score": lead.score, "stage": lead.stage}
    reasons = [{"handler": handler, "at": str(place), "text": ""} for handler, place in said]
    return {one.name: one for one in truths.rules(facts, then, reasons, playbook)}


def of_territory(playbook, name):
    return next(one.place for one in playbook.routing.territories if one.name == name)


def test_those_that_failed_before_the_one_that_took_are_shown_down_to_their_conditions(playbook):
    lead = a_lead(country="DE", email="ada@acme.de", employees=55, message="it is urgent")
    emea = next(one for one in playbook.routing.territories if one.when.matches(lead))
    found = told(lead, playbook, [("assign", emea.place)])
    assert list(found["territory Odd ones"].lines()) == [
        "no        territory Odd ones",
        "  any of: false",
        "    country is FR: false, was DE",
        "    all of: false",
        "      not: false",
        "        country in DE, AT: true, was DE",
        "      all of: true",
        "        employees at least 50: true, was 55",
        "        employees at most 60: true, was 55",
    ]
    assert list(found["territory By mail"].lines()) == [
        "no        territory By mail",
        "  email domain in acme.com: false, was …@acme.de",
        "  message contains urgent: true, was not shown",
    ]
    assert found[f"territory {emea.name}"].took
    behind = playbook.routing.territories[playbook.routing.territories.index(emea) + 1 :]
    assert behind
    assert [found[f"territory {one.name}"].holds for one in behind] == [None] * len(behind)


def test_no_territory_is_asked_where_nobody_was_to_be_found(playbook):
    found = told(a_lead(country="DE"), playbook, [("assign", playbook.routing.place)])
    assert not [name for name in found if name.startswith("territory")]


def test_points_and_stages_are_shown_with_what_they_count(playbook):
    lead = a_lead(country="DE", activities=[Activity("demo_request", EPOCH)] * 2)
    rule = next(one for one in playbook.scoring.rules if one.activity == "demo_request")
    found = told(lead, playbook, [("score", rule.place)], then={"score": 30, "stage": "mql"})
    assert list(found[rule.name].lines()) == [
        f"took      {rule.name}",
        "  did demo_request: true, was 2 times",
    ]
    others = [one for one in playbook.scoring.rules if one.activity and one.activity != "demo_request"]
    assert all(found[one.name].holds is False for one in others)
    scored = next(one for one in playbook.lifecycle.rules if one.min_score)
    asked = found[f"{scored.name} → {scored.to}"].asks[0]
    assert (asked.text, asked.holds, asked.was) == (
        f"score at least {scored.min_score}",
        scored.min_score <= 30,
        "30",
    )


def test_every_rule_comes_out_as_its_condition_does(playbook):
    lead = a_lead(country="US", state="CA", employees=300, industry="Software", title="VP of Sales")
    found = told(lead, playbook)
    for rule in playbook.scoring.rules:
        if rule.when is not None and not rule.activity:
            assert found[rule.name].holds is rule.when.matches(lead)


def test_a_long_text_is_not_kept_and_not_judged_again(playbook):
    facts = truths.seen(a_lead(message="x" * 501 + " urgent"), playbook)
    assert "message" not in facts
    assert facts[truths.CUT] == ["message"]
    found = told(
        a_lead(message="x" * 501 + " urgent"), playbook, [("assign", playbook.routing.fallback_place)]
    )
    assert [one.holds for one in found["territory By mail"].asks] == [False, None]
    assert found["territory By mail"].asks[1].was == "a long text"


def test_what_no_rule_asks_for_is_not_kept(playbook):
    facts = truths.seen(a_lead(first_name="Ada", phone="+4930901820", country="DE"), playbook)
    assert facts["country"] == "DE"
    assert not {"first_name", "phone", "city"} & facts.keys()


def test_what_is_asked_of_a_masked_field_is_not_told(playbook):
    facts = truths.seen(a_lead(employees=55, country="FR"), playbook)
    veil = Veil({"identifier": "hidden"}, {"employees": "identifier"})
    reasons = [{"handler": "assign", "at": str(of_territory(playbook, "Odd ones")), "text": ""}]
    ruled = {one.name: one for one in truths.rules(facts, {}, reasons, playbook, veil)}
    found = str(ruled["territory Odd ones"].as_dict())
    assert "'text': 'country is FR', 'holds': True, 'was': 'FR'" in found
    assert "'holds': None, 'was': 'not shown'" in found
    assert "55" not in found
