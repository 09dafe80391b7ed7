"""What ``screen`` keeps out, and that it says all of it at once."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from handlers.screen import Screen
from model.decision import Verdict
from model.lead import Lead
from tests.builders import a_context, a_reading, a_screening, a_source, place, reasons, required

GO, SPAM, QUARANTINE = Verdict.GO, Verdict.SPAM, Verdict.QUARANTINE


def screened(reading, **screening):
    return Screen(a_screening(**screening))(Lead(""), a_context(reading))


@pytest.mark.parametrize(
    ("reading", "verdict", "said"),
    [
        (a_reading(email="ada@acme.com"), GO, []),
        (a_reading(phone="+4930123456"), GO, []),
        (a_reading(record="hubspot/contacts/1"), GO, []),
        (a_reading(company="Acme"), QUARANTINE, ["neither e-mail nor phone nor record id"]),
        (a_reading(email="ada@acme.com", honeypot=["website2"]), SPAM, ["website2"]),
        (
            a_reading(problems=[("email", "is not an address")]),
            QUARANTINE,
            ["email is not an address", "neither"],
        ),
        (
            a_reading(phone="+4930123456", problems=[("email", "has no domain")]),
            QUARANTINE,
            ["email has no domain"],
        ),
        (
            a_reading(email="ada@acme.com", problems=[("phone", "is too short")]),
            GO,
            ["phone is too short; left blank"],
        ),
        (
            a_reading(problems=[("phone", "is too short")]),
            QUARANTINE,
            ["phone is too short; left blank", "neither"],
        ),
        (
            a_reading(email="ada@acme.com", problems=[("employees", "is no number")]),
            GO,
            ["employees is no number; left blank"],
        ),
        (
            a_reading(email="ada@acme.com", problems=[("body", "is a single value")]),
            QUARANTINE,
            ["body is a single value"],
        ),
    ],
)
def test_unusable_contents_are_set_aside_with_every_reason(reading, verdict, said):
    decision = screened(reading)
    assert decision.verdict is verdict
    assert len(decision.because) == len(said)
    assert all(text in line for text, line in zip(said, reasons(decision), strict=True))


@pytest.mark.parametrize(
    ("email", "screening", "verdict"),
    [
        ("x@mailinator.com", {}, SPAM),
        ("x@mailinator.com", {"disposable": "quarantine"}, QUARANTINE),
        ("x@mailinator.com", {"disposable": "allow"}, GO),
        ("x@eu.mailinator.com", {}, SPAM),
        ("x@rival.com", {"blocked_domains": frozenset({"rival.com"})}, SPAM),
        ("x@rival.com", {"blocked_domains": frozenset({"rival.com"}), "disposable": "allow"}, SPAM),
        ("x@mail.rival.com", {"blocked_domains": frozenset({"rival.com"})}, SPAM),
        ("x@unrival.com", {"blocked_domains": frozenset({"rival.com"})}, GO),
        ("x@acme.com", {"blocked_domains": frozenset({"com"})}, GO),
    ],
)
def test_a_domain_is_judged_as_the_playbook_says(email, screening, verdict):
    decision = screened(a_reading(email=email), **screening)
    assert decision.verdict is verdict
    assert all(line.at == place(1, "screening.yaml") for line in decision.because)


def test_a_missing_required_field_is_named_with_the_rule_that_asks_for_it():
    source = a_source(required=(required("first_name", "last_name", line=4), required("company", line=5)))
    decision = screened(a_reading(source=source, email="ada@acme.com", last_name="L"))
    assert decision.verdict is QUARANTINE
    assert [(line.text, line.at.line) for line in decision.because] == [
        ("required field missing: company", 5)
    ]


def test_what_the_reading_said_of_a_required_field_is_not_said_twice():
    source = a_source(required=(required("email", line=9),))
    decision = screened(a_reading(source=source, phone="+499", problems=[("email", "is no address")]))
    assert reasons(decision) == ["email is no address"]


def test_spam_outranks_quarantine_and_both_are_said():
    source = a_source(required=(required("company"),))
    decision = screened(a_reading(source=source, email="ada@acme.com", honeypot=["hp"]))
    assert decision.verdict is SPAM
    assert len(decision.because) == 2


def test_a_person_s_verdict_lets_an_event_through_and_the_findings_stay_said():
    decision = screened(a_reading(email="ada@mailinator.com", honeypot=["hp"], lead="new"))
    assert decision.verdict is GO
    assert reasons(decision)[-1] == "let through: a person said whose it is"
    assert len(decision.because) == 3


def test_a_person_s_verdict_does_not_make_a_lead_of_nothing():
    assert screened(a_reading(problems=[("body", "is a list")], lead="new")).verdict is QUARANTINE


def test_what_no_sender_posted_is_not_screened():
    assert Screen(a_screening())(Lead(""), a_context()).because == ()


@pytest.mark.parametrize(
    ("took_ms", "verdict"), [(800.0, SPAM), (2999.0, SPAM), (3000.0, GO), (60_000.0, GO), (None, GO)]
)
def test_who_fills_in_a_form_faster_than_people_do_is_a_robot(took_ms, verdict):
    source = a_source(fill_time_path="open_ms", least_fill_time=timedelta(seconds=3))
    reading = replace(a_reading(email="ada@acme.com", source=source), filled_in_ms=took_ms)
    decision = screened(reading)
    assert decision.verdict is verdict
    assert [one for one in reasons(decision) if "people need 3 s" in one] == (
        [f"the form was filled in within {took_ms / 1000:.1f} s; people need 3 s at least"]
        if verdict is SPAM
        else []
    )
