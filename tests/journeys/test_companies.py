"""Companies of leads in both CRMs: one each, theirs kept, people associated, whatever happens on the way."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.contracts.companies import companies_of
from tests.journeys.crms import TOKENS
from tests.waiting import eventually

ADA = {
    "email": "ada@analytical.co.uk",
    "first_name": "Ada",
    "last_name": "Lovelace",
    "company": "Analytical Engines",
    "city": "London",
    "country": "GB",
    "form_type": "demo",
}
DOMAIN = "analytical.co.uk"
LOST = {"timeout_rate": 1, "timeout_s": 0.02, "count": 2}  # the first two answers


def one_company(crm, domain=DOMAIN):
    found = [company for company in crm.companies() if company["domain"] == domain]
    assert len(found) == 1, f"{crm.name} holds {domain} {len(found)} times"
    return found[0]


def companies_of_contact(hubspot, email):
    contact = hubspot.person(email)["record"]
    return companies_of("hubspot", hubspot.url, TOKENS["hubspot"], contact)


def test_people_of_one_company_who_post_at_once_make_one_company_in_each_crm(house, hubspot, salesforce):
    people = [ADA | {"email": f"p{number}@eu.{DOMAIN}"} for number in range(24)]
    with ThreadPoolExecutor(12) as senders:
        list(senders.map(lambda person: house.post(**person), people))
    house.settle()
    for crm in (hubspot, salesforce):
        company = one_company(crm)
        assert (company["name"], company["city"]) == ("Analytical Engines", "London")
        assert len(crm.companies()) == 1
    company = one_company(hubspot)["record"]
    for person in people:
        assert companies_of_contact(hubspot, person["email"]) == {company: True}


@pytest.mark.parametrize("email", ["ada@gmail.com", "ada@yahoo.co.jp"])
def test_free_mail_makes_no_company(house, hubspot, salesforce, email):
    house.deliver(**ADA | {"email": email})
    house.everywhere(email)
    assert hubspot.companies() == salesforce.companies() == []
    assert "public mail provider" in house.command("explain", email)


def test_of_three_companies_with_the_domain_the_oldest_is_taken_and_none_is_added(house, hubspot):
    ids = [hubspot.act("create", "companies", name=f"Old {n}", domain=DOMAIN) for n in range(3)]
    house.deliver(**ADA)
    assert len(hubspot.companies()) == 3
    assert companies_of_contact(hubspot, ADA["email"]) == {ids[0]: True}


def test_a_company_that_is_there_keeps_what_people_put_there(house, hubspot, salesforce):
    theirs = {"name": "Engines Holding PLC", "city": "Ashby"}
    hubspot.act("create", "companies", domain=DOMAIN, **theirs)
    salesforce.act("create", "Account", domain=f"https://www.{DOMAIN}/", **theirs)
    house.deliver(**ADA)
    for crm in (hubspot, salesforce):
        [company] = crm.companies()
        assert {name: company[name] for name in theirs} == theirs
        assert company["country"] == "GB"  # was blank
        assert company["id"] == house.story(ADA["email"]).account.id


def test_a_contact_gets_its_account_only_where_it_has_none(house, salesforce):
    person = {"last_name": "King", "owner": "ben.carter@northlight.example"}
    other = salesforce.act("create", "Account", name="Somebody's choice")
    hers = salesforce.act("create", "Contact", email="bea@analytical.co.uk", AccountId=other, **person)
    free = salesforce.act("create", "Contact", email=ADA["email"], **person)
    house.deliver(**ADA)
    house.deliver(**ADA | {"email": "bea@analytical.co.uk", "first_name": "Bea"})
    account = one_company(salesforce)["record"]
    chosen = {row["record"]: row["AccountId"] for row in salesforce.records("Contact")}
    assert chosen == {hers: other, free: account}


def test_a_lost_answer_makes_no_second_company(house, hubspot, salesforce):
    creates = {
        "hubspot": "POST /crm/objects/2026-09/companies/batch/create",
        "salesforce": "POST /services/data/v68.0/composite/sobjects",
    }
    hubspot.faults(**LOST, only=[creates["hubspot"]], search_lag_ms=600_000)
    salesforce.faults(**LOST, only=[creates["salesforce"]])
    for number in range(6):
        house.post(**ADA | {"email": f"p{number}@c{number}.com"})
    house.settle_in_a_hurry()
    for crm in (hubspot, salesforce):
        domains = [company["domain"] for company in crm.companies()]
        assert sorted(domains) == [f"c{number}.com" for number in range(6)]
        assert crm.calls()[creates[crm.name]] >= 1  # whose answer was lost


def test_a_crm_that_goes_down_between_person_and_company_gets_both(house, hubspot):
    hubspot.faults(error_rate=1, error_status=503, only="/crm/objects/2026-09/companies")
    house.post(**ADA)
    eventually(hubspot.records, "the contact")
    assert hubspot.companies() == []
    hubspot.faults()
    house.settle_in_a_hurry()
    assert companies_of_contact(hubspot, ADA["email"]) == {one_company(hubspot)["record"]: True}


def test_each_crm_is_told_the_id_that_the_person_has_in_the_other(house, hubspot, salesforce):
    house.deliver(**ADA)
    [contact], [lead] = hubspot.records(), salesforce.records()
    assert contact["leadrelay_salesforce_id"] == lead["record"]
    assert lead["LeadRelay_HubSpot_Id__c"] == contact["record"]


def test_explain_shows_the_company_and_the_association(house, hubspot):
    house.deliver(**ADA)
    told = house.command("explain", ADA["email"])
    company = one_company(hubspot)["record"]
    assert f"account: Analytical Engines, {DOMAIN}  ac_" in told
    assert f"hubspot contacts associated with company {company}: written" in told
    assert f"hubspot companies {company}: written" in told
    found = house.command_json("explain", ADA["email"])
    assert found["account"]["fields"]["domain"] == DOMAIN
    assert found["account"]["links"]["hubspot"] == f"companies {company}"


def test_without_the_handler_no_company_is_written(closed_house, hubspot, salesforce):
    closed_house.edit("pipeline.yaml", "  - account ", "  # - account ")
    closed_house.start().settle_in()
    closed_house.deliver(**ADA)
    closed_house.everywhere(ADA["email"])
    assert hubspot.companies() == salesforce.companies() == []
