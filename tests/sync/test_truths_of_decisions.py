"""What a decision kept tells each rule's truth: the profile, owners, tasks, messages, accounts. Pure."""

from __future__ import annotations

from dataclasses import replace

import pytest

from handlers.registry import build
from mappings import truths
from mappings.compile import load
from mappings.starter import write_starter
from model.account import Account, account_id
from model.decision import Assigned, Way
from model.times import EPOCH
from sync.deciding.pipeline import Pipeline
from sync.reasons import reason_row
from sync.result import keep_quiet
from tests.builders import a_lead, a_reading, facts

ICP = """\
criteria:
  - {name: Sector, when: {industry: [Software]}, weight: 40}
  - {name: Size, when: {employees: {at_least: 50}}, weight: 60}
  - {name: Place, when: {country: [DE, AT]}, required: true}
tiers: {A: 70, C: 0}
"""
MATCH = "match: {same: 0.97, review: 0.5, only: [owner], fallback: none}\n"
CREDIT = "    credit: {when: {stage: disqualified}, reassigned: true, per_month: 1}\n"
RULES = """\
  - name: Large
    on: post
    channel: slack
    when: {employees: {at_least: 900}}
    title: "{name}"
    text: ["{because}"]
  - name: Ours
    on: stage
    channel: slack
    when: {owner: anna.keller@northlight.example}
    title: "{name}"
    text: ["{because}"]
"""


@pytest.fixture(scope="module")
def playbook(tmp_path_factory):
    folder = tmp_path_factory.mktemp("told") / "playbook"
    write_starter(folder)
    (folder / "icp.yaml").write_text(ICP, encoding="utf-8")
    for name, old, new in [
        ("accounts.yaml", "", MATCH),
        ("routing.yaml", "  emea:\n", f"  emea:\n{CREDIT}"),
        ("notifications.yaml", "\nwait_for_links", f"{RULES}\nwait_for_links"),
    ]:
        text = (folder / name).read_text(encoding="utf-8")
        assert old in text
        text = text.replace(old, new, 1) if old else f"{text}\n{new}"
        (folder / name).write_text(text, encoding="utf-8")
    return load(folder)


def decided(playbook, known, change=None, **post):
    """Decide a post; return what is told of each rule by its name, and the reasons as they are kept."""
    reading = a_reading(source=playbook.sources["website"], **post)
    result = Pipeline(playbook, build(playbook)).run(reading, known)
    if change is not None:
        change(result)
    reasons = [reason_row(one) for one in result.reasons]
    then = truths.behind(result.lead, playbook)
    found = truths.rules(result.facts, then, reasons, playbook, EPOCH)
    return {one.name: list(one.lines()) for one in found}, reasons


DEMO = {"email": "ada@acme.com", "last_name": "Byron", "country": "DE", "did": ["demo_request"]}


def test_criteria_of_the_profile_are_told_with_what_the_account_says_where_the_lead_is_blank(playbook):
    known = facts()
    acme = account_id("main", "acme.com")
    known.accounts[acme] = Account(acme, fields={"domain": "acme.com", "employees": 70})
    told, _ = decided(playbook, known, **DEMO, industry="Retail")
    assert [told[name] for name in ("Sector (weight 40)", "Size (weight 60)", "Place (required)")] == [
        ["no        Sector (weight 40)", "  industry in Software: false, was Retail"],
        ["holds     Size (weight 60)", "  employees at least 50: true, was 70"],
        ["holds     Place (required)", "  country in DE, AT: true, was DE"],
    ]


def test_the_task_that_was_made_those_behind_it_and_each_message_are_told(playbook):
    told, _ = decided(playbook, facts(), **DEMO, employees=70)
    assert told["Call who asked for us"] == [
        "took      Call who asked for us",
        "  a rule gave the lead its owner: true",
        "  stage at least mql: true, was mql",
    ]
    assert told["Get in touch"] == ["not asked Get in touch"]
    assert told["Large (slack)"] == [
        "no        Large (slack)",
        "  the event is a post: true",
        "  employees at least 900: false, was 70",
    ]
    [_, entered, owner] = told["Ours (slack)"]
    assert entered == "  the lead entered a stage: true"
    assert owner.partition(", was ")[2].endswith("@northlight.example")  # who the rules before gave it to


def test_without_a_cause_no_task_and_no_message_is_due_and_that_is_told(playbook):
    known = facts(a_lead(email="ada@acme.com", last_name="Byron", stage="mql", owner="x@example.com"))
    told, _ = decided(playbook, known, **DEMO)
    assert told["Get in touch"] == ["no        Get in touch", "  a rule gave the lead its owner: false"]
    assert told["New lead for a person (slack)"][:2] == [
        "no        New lead for a person (slack)",
        "  a rule gave the lead its owner: false",
    ]


def test_what_was_dropped_or_is_of_a_test_lead_did_not_take(playbook):
    told, _ = decided(playbook, facts(), lambda result: keep_quiet(result, "known to hubspot"), **DEMO)
    assert told["Call who asked for us"][0] == "holds     Call who asked for us"
    told, _ = decided(playbook, facts(), **DEMO, is_test=True)
    assert told["New lead for a person (slack)"][0] == "holds     New lead for a person (slack)"


@pytest.mark.parametrize(
    ("owner", "had", "lines"),
    [
        (
            "bo@northlight.example",
            0,
            [
                "took      credit of emea",
                "  any of: true",
                "    stage is disqualified: false, was mql",
                "    the lead is no longer anna.keller@northlight.example's: true, was bo@northlight.example",
            ],
        ),
        (
            "bo@northlight.example",
            1,
            [
                "no        credit of emea",
                "  any of: true",
                "    stage is disqualified: false, was mql",
                "    the lead is no longer anna.keller@northlight.example's: true, was bo@northlight.example",
                "  a credit is left: false, was 1/1 back this month",
            ],
        ),
        (
            "anna.keller@northlight.example",
            0,
            [
                "no        credit of emea",
                "  any of: false",
                "    stage is disqualified: false, was mql",
                "    the lead is no longer anna.keller@northlight.example's: false, "
                "was anna.keller@northlight.example",
            ],
        ),
    ],
)
def test_what_a_turn_is_given_back_for_is_told(playbook, owner, had, lines):
    anna = "anna.keller@northlight.example"
    lead = a_lead(email="ada@acme.com", last_name="Byron", country="DE", stage="mql", owner=owner)
    known = facts(lead)
    known.work.assigned(lead.id, Assigned(anna, None, "emea", way=Way.TURN))
    known.work.credits["emea", anna] = had
    told, _ = decided(playbook, known, **DEMO)
    assert told["credit of emea"] == lines


def test_each_account_that_a_lead_could_have_joined_is_told_with_why_it_did_not(playbook):
    known = facts()
    sure = {"name": "Acme", "phone": "+4930123456", "country": "DE", "city": "Berlin"}
    for number, (owner, fields) in enumerate(
        [
            ("a@x.example", sure),
            (None, sure),
            ("b@x.example", {"name": "Acme", "country": "US", "city": "Reno"}),
        ]
    ):
        one = Account(f"ac_{number}", fields={"domain": f"acme{number}.com", "owner": owner, **fields})
        known.accounts[one.id] = one
    # A phone that several have is no evidence, so that only one of the likely two has it.
    del known.accounts["ac_1"].fields["phone"]
    known.accounts["ac_1"].fields["postal_code"] = "10115"
    post = {**DEMO, "email": "ada@gmail.com", "company": "Acme", "phone": "+4930123456", "city": "Berlin"}
    _, reasons = decided(playbook, known, **post, postal_code="10115")
    [kept] = [one["candidates"] for one in reasons if one["handler"] == "account" and "candidates" in one]
    assert [(one["who"], one["took"], one.get("why_not")) for one in kept] == [
        ("account ac_0", True, None),
        ("account ac_1", False, "no owner"),
        ("account ac_2", False, "below review (0.5)"),
    ]
    assert all(0 <= one["likely"] <= 1 and one["evidence"] for one in kept)
    strict = replace(playbook, accounts=replace(playbook.accounts, match=None))
    _, reasons = decided(strict, known, **post)
    assert not [one for one in reasons if one["handler"] == "account" and "candidates" in one]


def test_of_a_decision_of_before_none_of_it_is_guessed(playbook):
    kept = truths.seen(a_lead(country="DE"), playbook)
    found = truths.rules(kept, {"score": 0, "stage": "prospect"}, [], playbook, EPOCH)
    assert not {"icp", "follow_up", "notify"} & {one.handler for one in found}
