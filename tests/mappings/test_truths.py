"""Each rule is shown with its truth, as the lead was when it was decided."""

from __future__ import annotations

import pytest

from mappings import truths
from mappings.compile import load
from mappings.masking import Veil
from mappings.starter import write_starter
from mappings.truth import veiled
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
    return {one.name: one for one in truths.rules(facts, then, reasons, playbook, EPOCH)}


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


def test_a_rule_of_a_stage_is_one_whatever_its_activities_and_took_only_where_the_lead_moved(playbook):
    rule = next(one for one in playbook.lifecycle.rules if one.name == "Took an offer")
    lead = a_lead(stage="suspect", activities=[Activity(rule.activity, EPOCH)])

    def found(text):
        reasons = [{"handler": "qualify", "at": str(rule.place), "text": text}]
        then = {"score": 0, "stage": "suspect"}
        ruled = truths.rules(truths.seen(lead, playbook), then, reasons, playbook, EPOCH)
        return [one for one in ruled if one.name == f"{rule.name} → {rule.to}"]

    [took] = found("suspect → prospect: Took an offer")
    assert (took.word, took.asks[0].glue) == ("took", "or")
    assert [one.was for one in took.asks[0].parts if one.holds] == ["once"]
    [blocked] = found("stays suspect, not prospect: Took an offer, but phone is blank")
    assert blocked.word == "holds"


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
    lead = a_lead(country="FR", employees=55)
    [odd] = [one for one in playbook.routing.territories if one.name == "Odd ones"]
    ruled = told(lead, playbook, [("assign", odd.place)])
    veil = Veil({"identifier": "hidden"}, {"employees": "identifier"})
    found = str(veiled(ruled["territory Odd ones"], veil).as_dict())
    assert "'text': 'country is FR', 'holds': True, 'was': 'FR'" in found
    assert "'holds': None, 'was': 'not shown'" in found
    assert "55" not in found


@pytest.fixture(scope="module")
def strict(tmp_path_factory):
    """The starter with a share, a choosy member, a stage that asks for something, and a gate of consent."""
    folder = tmp_path_factory.mktemp("strict") / "playbook"
    write_starter(folder)
    routing, stages = folder / "routing.yaml", folder / "lifecycle.yaml"
    share = "{name: Top scores, when: {score: {at_least: 80}}, pool: apac, share: 0.2}"
    text = routing.read_text(encoding="utf-8").replace(
        "      - anna.keller@northlight.example\n",
        "      - {email: anna.keller@northlight.example, takes: {language: de}}\n",
    )
    routing.write_text(f"{text}\nshares:\n  - {share}\n", encoding="utf-8")
    text = stages.read_text(encoding="utf-8")
    entry = """    entry:
      mandatory: [phone, title]
      criteria:
        - name: Interested or large
          any_of:
            - {name: Large, when: {employees: {at_least: 50}}}
            - {name: Asked, activity: [demo_request, pricing_inquiry]}
"""
    at = text.index("  - name: mql\n")
    at = text.index("    team:", at)
    stages.write_text(text[:at] + entry + text[at:], encoding="utf-8")
    gate = "gates:\n  - {act: assign, needs: sales_call, basis: consent, regions: [EU], since: 2026-01-01}\n"
    consent = folder / "consent.yaml"
    consent.write_text(consent.read_text(encoding="utf-8").replace("gates:\n", gate), encoding="utf-8")
    return load(folder)


def test_what_a_stage_ahead_asks_for_is_told_field_by_field(strict):
    lead = a_lead(stage="prospect", phone="+4930901820", employees=20)
    told_of = told(lead, strict)["entry of Marketing Qualified Lead"]
    assert list(told_of.lines()) == [
        "no        entry of Marketing Qualified Lead",
        "  phone is filled in: true",
        "  title is filled in: false",
        "  Interested or large: false",
        "    any of: false",
        "      Large: false",
        "        employees at least 50: false, was 20",
        "      Asked: false",
        "        any of: false",
        "          did demo_request: false, was 0 times",
        "          did pricing_inquiry: false, was 0 times",
    ]
    assert "+49" not in str(truths.seen(lead, strict))  # that a phone is there is all that is kept


def test_a_share_and_what_a_member_takes_are_told_as_the_decision_said(strict):
    [share] = strict.routing.shares
    lead = a_lead(stage="mql", score=90, language="en", country="DE")
    text = "share Top scores: apac had 20 of the last 99, at most 20%"
    for said, has_room in ((text, True), (f"{text}: not this one", False)):
        reasons = [
            {"handler": "assign", "at": str(share.place), "text": said},
            {"handler": "assign", "at": str(strict.routing.pools["emea"].place), "text": "pool emea: …"},
        ]
        facts = truths.seen(lead, strict)
        rules = truths.rules(facts, truths.behind(lead, strict), reasons, strict, EPOCH)
        found = {one.name: one for one in rules}
        told_of = found["share Top scores"]
        assert (told_of.holds, told_of.took) == (has_room, has_room)
        assert [(one.text, one.holds) for one in told_of.asks] == [
            ("score at least 80", True),
            ("apac had 20 of the last 99, at most 20%", has_room),
        ]
        takes = found["anna.keller@northlight.example takes, in emea"]
        assert list(takes.lines())[1:] == ["  language is de: false, was en"]


def test_a_gate_of_consent_is_told_with_where_and_from_when_it_counts(strict):
    lead = a_lead(stage="mql", country="DE")
    gate = strict.consent.gates["assign"][0]
    found = told(lead, strict, [("assign", gate.place)])["keeps back assign without sales_call"]
    assert (found.holds, found.took) == (False, True)  # EPOCH is before 2026
    assert [(one.text, one.holds, one.was) for one in found.asks] == [
        ("since 2026-01-01", False, "1970-01-01"),
        ("country in EU", True, "DE"),
        ("sales_call is not agreed to", True, "not asked"),
    ]


@pytest.mark.parametrize(
    ("stands", "is_shut", "was"), [(None, False, "not asked"), (True, False, "yes"), (False, True, "no")]
)
def test_a_gate_that_only_a_no_shuts_says_what_was_said(strict, stands, is_shut, was):
    found = told(a_lead(consent_sales_call=stands), strict)["keeps back task without sales_call"]
    assert [(one.text, one.holds, one.was) for one in found.asks] == [("sales_call is refused", is_shut, was)]


def test_where_a_region_is_masked_a_gate_does_not_tell_it(strict):
    veil = Veil({"address": "hidden"}, {"country": "address"})
    found = told(a_lead(stage="mql", country="DE"), strict)["keeps back assign without sales_call"]
    assert veiled(found, veil).asks[1].was == "not shown"


def test_of_a_decision_of_which_less_was_kept_nothing_is_guessed(strict):
    lead = a_lead(stage="prospect", country="DE", phone="+4930901820")
    facts = {name: value for name, value in truths.seen(lead, strict).items() if name != truths.HAS}
    rules = truths.rules(facts, truths.behind(lead, strict), [], strict, EPOCH)
    assert {one.handler for one in rules} == {"score", "qualify"}
    assert not [one for one in rules if one.name.startswith("entry")]
