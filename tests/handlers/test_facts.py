"""What e-mail and telephone tell by themselves."""

from __future__ import annotations

import pytest

from handlers.facts import TellFacts
from model.lead import RULE
from tests.builders import a_context, a_lead, a_playbook, apply, reasons

SCREENING = a_playbook().screening
TELL = TellFacts(SCREENING)


@pytest.mark.parametrize(
    ("address", "kind", "domain"),
    [
        ("ada@analytical.example", "business", "analytical.example"),
        ("ada@mail.analytical.co.uk", "business", "analytical.co.uk"),
        ("ada@gmail.com", "free", "gmail.com"),
        ("ada@yahoo.co.nz", "free", "yahoo.co.nz"),
        ("ada@mailinator.com", "disposable", "mailinator.com"),
        ("info@analytical.example", "role", "analytical.example"),
        ("info@gmail.com", "role", "gmail.com"),
        ("info@mailinator.com", "disposable", "mailinator.com"),
        (None, None, None),
    ],
)
def test_the_kind_and_domain_of_an_address(address, kind, domain):
    lead = apply(TELL, a_lead(email=address), a_context())
    assert (lead.fields.get("email_kind"), lead.fields.get("email_domain")) == (kind, domain)


@pytest.mark.parametrize(
    ("number", "country", "zone"),
    [
        ("+4930901820", "DE", "Europe/Berlin"),
        ("+12125550123", "US", "America/New_York"),
        ("+18005551234", "US", None),  # free-phone: rings anywhere in North America
        ("+61412345678", "AU", None),  # a mobile number of a country with several zones
        ("+80012345678", None, None),  # an international free-phone number
        ("+999", None, None),
        (None, None, None),
    ],
)
def test_the_country_and_zone_of_a_number(number, country, zone):
    lead = apply(TELL, a_lead(phone=number, identities=()), a_context())
    assert (lead.fields.get("phone_country"), lead.fields.get("phone_zone")) == (country, zone)


def test_they_follow_the_address_and_are_the_rules_word():
    lead = apply(TELL, a_lead(email="ada@gmail.com"), a_context())
    lead.fields["email"] = "ada@analytical.example"
    decision = TELL(lead, a_context())
    assert reasons(decision) == ["email_kind business, email_domain analytical.example"]
    apply(TELL, lead, a_context())
    assert lead.provenance["email_kind"].source == RULE
    del lead.fields["email"]
    assert reasons(TELL(lead, a_context())) == ["email_kind blank, email_domain blank"]


def test_nothing_is_said_again_that_is_known():
    lead = apply(TELL, a_lead(email="ada@gmail.com", phone="+4930901820"), a_context())
    decision = TELL(lead, a_context())
    assert (decision.fields, decision.because) == ({}, ())
