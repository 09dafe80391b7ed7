"""Which domain stands for a company."""

from __future__ import annotations

import pytest

from mappings.domains import company_domain, registrable
from mappings.playbook import Accounts


@pytest.mark.parametrize(
    ("host", "domain"),
    [
        ("acme.com", "acme.com"),
        ("MAIL.Acme.co.uk", "acme.co.uk"),
        ("https://www.shop.acme.de:8080/en?x=1", "acme.de"),
        ("münchen.de", "xn--mnchen-3ya.de"),
        ("straße.de", "xn--strae-oqa.de"),  # another's than strasse.de
        ("XN--STRAE-OQA.de", "xn--strae-oqa.de"),
        ("a.myshopify.com", "a.myshopify.com"),  # a host of many: each name is somebody else's
        ("myshopify.com", ""),
        ("co.uk", ""),
        ("127.0.0.1", ""),
        ("localhost", ""),
        ("acme.con", ""),
        ("lab.northlight.example", "northlight.example"),
        ("", ""),
    ],
)
def test_the_registrable_part_is_the_domain(host, domain):
    assert registrable(host) == domain


@pytest.mark.parametrize(
    ("fields", "domain", "origin"),
    [
        ({"email": "ada@eu.acme.com"}, "acme.com", "e-mail"),
        ({"email": "info@acme.com"}, "acme.com", "e-mail"),  # a desk is its company's
        ({"email": "ada@acme.com", "website": "https://other.com"}, "acme.com", "e-mail"),
        ({"email": "ada@gmail.com", "website": "www.acme.com/de"}, "acme.com", "website"),
        ({"email": "ada@acme.de"}, "acme.com", "e-mail"),  # an alias
        ({"email": "ada@linkedin.com"}, "linkedin.com", "e-mail"),
        ({"website": "acme.com"}, "acme.com", "website"),
    ],
)
def test_the_e_mail_names_the_company_and_else_the_website(fields, domain, origin):
    found = company_domain(fields, Accounts(aliases={"acme.de": "acme.com"}))
    assert (found.domain, found.origin) == (domain, origin)


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"email": "ada@gmail.com"}, "public mail provider"),
        ({"email": "ada@yahoo.co.nz"}, "public mail provider"),
        ({"email": "ada@hotmail.fr"}, "public mail provider"),
        ({"email": "ada@gmail.com", "website": "https://www.linkedin.com/in/ada"}, "public mail provider"),
        ({"email": "ada@gmail.com", "website": "https://gmail.com"}, "public mail provider"),
        ({"email": "ada@mailinator.com"}, "throw-away"),
        ({"email": "ada@school.edu"}, "lists its domain as shared"),
        ({"email": "ada@[10.0.0.1]"}, "none that can be registered"),
        ({"phone": "+4930123"}, "neither"),
    ],
)
def test_a_domain_of_many_stands_for_no_company(fields, why):
    found = company_domain(fields, Accounts(shared_domains=frozenset({"school.edu"})))
    assert found.domain == ""
    assert why in found.why_not
