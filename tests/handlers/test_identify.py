"""Whose an event is: record id beats e-mail beats phone, and nobody is merged silently."""

from __future__ import annotations

import pytest

from handlers.identify import Identify
from model.decision import AskReview, ClaimIdentity, Verdict
from model.lead import Identity, Lead
from tests.builders import a_context, a_lead, a_reading, a_screening, facts, place, reasons

RECORD = "salesforce/Lead/00Q1"
KNOWN = facts(
    a_lead("ADA", email="ada@acme.com", phone="+491111"),
    a_lead("BO", email="bo@acme.com", phone="+492222"),
    a_lead("CY", identities=[Identity("record", RECORD)]),
    a_lead("DESK", email="info@acme.com"),
)
GO, REVIEW = Verdict.GO, Verdict.REVIEW


def identified(reading, **screening):
    return Identify(a_screening(**screening))(Lead(""), a_context(reading, KNOWN))


def claimed(decision):
    return [effect.identity.kind for effect in decision.effects if isinstance(effect, ClaimIdentity)]


def asked(decision):
    return [effect.detail for effect in decision.effects if isinstance(effect, AskReview)]


@pytest.mark.parametrize(
    ("sent", "verdict", "lead_id", "claims"),
    [
        ({"email": "ada@acme.com"}, GO, "ADA", []),
        ({"email": "Ada@ACME.com"}, GO, "ADA", []),
        ({"email": "eve@acme.com"}, GO, "", ["email"]),
        ({"email": "eve@acme.com", "phone": "+499"}, GO, "", ["email", "phone"]),
        ({"email": "ada@acme.com", "phone": "+499"}, GO, "ADA", ["phone"]),
        ({"record": RECORD}, GO, "CY", []),
        ({"record": RECORD, "email": "cy@acme.com"}, GO, "CY", ["email"]),
        ({"record": "hubspot/contacts/5", "email": "ada@acme.com"}, GO, "ADA", ["record"]),
        ({"record": "hubspot/contacts/5"}, GO, "", ["record"]),
        ({"record": "hubspot/contacts/5", "phone": "+499"}, GO, "", ["record", "phone"]),
        ({"record": RECORD, "email": "ada@acme.com"}, REVIEW, None, []),
        ({"phone": "+491111"}, REVIEW, None, []),
        ({"phone": "+499"}, REVIEW, None, []),
        ({"email": "info@new.com"}, REVIEW, None, []),
        ({"email": "sales+web@new.com"}, REVIEW, None, []),
        ({"email": "info@acme.com"}, GO, "DESK", []),
        ({"record": RECORD, "email": "info@new.com"}, GO, "CY", []),
        ({"email": "eve@acme.com", "lead": "BO"}, GO, "BO", ["email"]),
        ({"phone": "+499", "lead": "new"}, GO, "", ["phone"]),
        ({"phone": "+491111", "lead": "ADA"}, GO, "ADA", []),
        ({"email": "info@new.com", "lead": "new"}, GO, "", ["email"]),
        ({"record": RECORD, "email": "ada@acme.com", "lead": "CY"}, GO, "CY", []),
        ({}, REVIEW, None, []),
    ],
)
def test_an_event_belongs_to_one_lead_or_before_a_person(sent, verdict, lead_id, claims):
    decision = identified(a_reading(**sent))
    assert (decision.verdict, decision.lead_id, claimed(decision)) == (verdict, lead_id, claims)
    assert decision.because


@pytest.mark.parametrize(
    ("sent", "lead_id", "detail"),
    [
        ({"email": "eve@acme.com", "phone": "+492222"}, "", {"lead": "", "other": "BO"}),
        ({"email": "ada@acme.com", "phone": "+492222"}, "ADA", {"lead": "ADA", "other": "BO"}),
        ({"record": RECORD, "phone": "+492222"}, "CY", {"lead": "CY", "other": "BO"}),
        ({"phone": "+492222", "lead": "new"}, "", {"lead": "", "other": "BO"}),
    ],
)
def test_a_phone_of_another_lead_is_asked_about_and_holds_nothing_back(sent, lead_id, detail):
    decision = identified(a_reading(**sent))
    assert (decision.verdict, decision.lead_id, asked(decision)) == (GO, lead_id, [detail])
    assert "phone" not in claimed(decision)
    assert "phone stays with lead BO" in reasons(decision)


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        ({"phone": "+491111"}, "it may be lead ADA"),
        ({"phone": "+499"}, "a phone alone does not identify a person"),
        ({"record": RECORD, "email": "ada@acme.com"}, "different leads: CY, ADA"),
        ({"email": "ada@acme.com"}, "known by e-mail: lead ADA"),
        ({"record": RECORD, "email": "cy@acme.com"}, "known by record id: lead CY"),
        ({"email": "eve@acme.com", "lead": "BO"}, "a person said: lead BO"),
        ({"record": RECORD, "email": "ada@acme.com", "lead": "CY"}, "e-mail stays with lead ADA"),
    ],
)
def test_the_reason_names_who_it_is_or_may_be(sent, words):
    assert any(words in line for line in reasons(identified(a_reading(**sent))))


def test_role_addresses_are_people_s_where_the_playbook_allows_them():
    assert identified(a_reading(email="info@new.com"), role_addresses="allow").lead_id == ""


def test_a_role_address_in_review_names_the_rule():
    assert identified(a_reading(email="info@new.com")).because[0].at == place(1, "screening.yaml")
