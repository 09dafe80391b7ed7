"""Which records are asked to change, and that each connection has its reason."""

from __future__ import annotations

import pytest

from handlers.writeback import Writeback
from model.decision import WriteBack
from model.lead import Link
from tests.builders import a_context, a_crm, a_lead, a_lifecycle, facts, mapped, place, reasons

EMAIL_AND_CITY = (mapped("email", "email"), mapped("city", "city"))
CRMS = {
    "hubspot": a_crm("hubspot", "contacts", *EMAIL_AND_CITY),
    "salesforce": a_crm(
        "salesforce", "Lead", mapped("email", "Email"), Contact=[mapped("city", "MailingCity")]
    ),
}
ADA = {"email": "ada@acme.com", "city": "Ulm"}


def a_link(connection, object_type, **shadow):
    return Link(connection, object_type, "17", shadow, dict(shadow))


def written(lead):
    return Writeback(CRMS, a_lifecycle())(lead, a_context(lookups=facts()))


@pytest.mark.parametrize(
    ("links", "wanted"),
    [
        ([], [("hubspot", "contacts", ("email", "city")), ("salesforce", "Lead", ("Email",))]),
        ([a_link("hubspot", "contacts", **ADA)], [("salesforce", "Lead", ("Email",))]),
        (
            [
                a_link("hubspot", "contacts", email="ada@acme.com", city="Bonn"),
                a_link("salesforce", "Contact"),
            ],
            [("hubspot", "contacts", ("city",)), ("salesforce", "Contact", ("MailingCity",))],
        ),
    ],
)
def test_what_a_crm_does_not_hold_is_asked_for_on_the_object_the_person_is_there(links, wanted):
    lead = a_lead(links={link.connection: link for link in links}, **ADA)
    decision = written(lead)
    assert decision.effects == tuple(WriteBack(*each) for each in wanted)
    assert len(decision.because) == len(CRMS)


def test_a_test_lead_is_written_too():
    assert len(written(a_lead(is_test=True, **ADA)).effects) == 2


def test_hubspot_waits_for_an_e_mail_and_salesforce_does_not():
    decision = written(a_lead(city="Ulm"))
    assert [effect.connection for effect in decision.effects] == ["salesforce"]
    assert decision.because[0].text == "not written to hubspot: no e-mail"
    assert decision.because[0].at == place(1, "crm/hubspot.yaml")


def test_a_linked_person_is_written_without_an_e_mail():
    lead = a_lead(city="Ulm", links={"hubspot": a_link("hubspot", "contacts", city="Bonn")})
    assert written(lead).effects[0] == WriteBack("hubspot", "contacts", ("city",))


def test_an_object_that_the_map_leaves_out_is_left_alone_and_said():
    lead = a_lead(links={"salesforce": a_link("salesforce", "Account")}, **ADA)
    decision = written(lead)
    assert [effect.connection for effect in decision.effects] == ["hubspot"]
    assert "Account" in reasons(decision)[1]


def test_each_connection_says_what_differs():
    lead = a_lead(links={"hubspot": a_link("hubspot", "contacts", **ADA)}, **ADA)
    assert reasons(written(lead)) == [
        "hubspot: contacts holds it all already",
        "salesforce: Lead is to be created with Email",
    ]
