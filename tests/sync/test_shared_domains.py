"""Domains that are taken for one company, and whose people name many."""

from __future__ import annotations

from sync import shared_domains
from tests.sync.test_account_match import a_matching_house, posted

FIRMS = ("Bosch", "Siemens", "Zeiss", "Haribo", "Miele")


def people(domain, firms):
    return [{"email": f"p{n}@{domain}", "company": firm, "country": "DE"} for n, firm in enumerate(firms)]


def test_a_domain_is_shared_whose_people_name_many_companies_and_no_other(store):
    house = a_matching_house(store)
    posted(house, *people("school.edu", FIRMS))
    posted(house, *people("acme.com", ("Acme", "ACME GmbH", "Acme Inc.", "Acmee", "Acme Ltd", *FIRMS[:4])))
    posted(house, *people("zenith.com", FIRMS[:4]))  # too few to say anything
    with store.snapshot() as snapshot:
        [found] = shared_domains.read(snapshot, "main")
    assert (found.domain, found.people) == ("school.edu", 5)
    assert sorted(found.companies) == sorted(name.casefold() for name in FIRMS)
