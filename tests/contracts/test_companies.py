"""Companies: found before they are made, never made twice, and their people associated with them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mappings.values.hosts import spellings
from model.change import Created, Exists, Gone, Postponed, Updated
from model.lead import Identity
from tests.contracts.companies import COMPANIES, a_company, a_pair, companies_of, fields_read
from tests.contracts.crms import CRMS, DIALECTS

HOST = "xn--mller-kva.de"

pytestmark = pytest.mark.parametrize("crm", CRMS)


def put(server, crm, **fields):
    """Make a company, or a person, as somebody in the CRM does; returns its id."""
    words = COMPANIES[crm]
    name = fields.pop("object", words.object)
    values = {getattr(words, key, key): value for key, value in fields.items()}
    return server.act("create", name, fields=values)["id"]


def held(server, crm):
    return server.records(COMPANIES[crm].object)


def of_person(server, crm, person):
    return companies_of(crm, server.url, DIALECTS[crm].token, person)


def a_person(server, crm, **fields):
    return server.act("create", COMPANIES[crm].person, fields=COMPANIES[crm].new_person | fields)["id"]


def test_many_domains_are_looked_up_in_one_call(crm, sandboxes):
    connector, server = sandboxes[crm]
    theirs = put(server, crm, name="Acme Inc", domain="acme.com")
    asked = [a_company(crm, f"c{number}.com") for number in range(60)] + [a_company(crm)]
    found = list(connector.find(asked, fields_read(crm)))
    assert [(outcome.key, outcome.record.ref.id) for outcome in found] == [("key-acme.com", theirs)]
    assert found[0].record.fields[COMPANIES[crm].name] == "Acme Inc"
    assert server._get("stats")["calls"][COMPANIES[crm].searches] == 1


@pytest.mark.parametrize("written", ["müller.de", HOST])
def test_a_domain_is_found_in_whatever_script_it_is_written(crm, sandboxes, written):
    connector, server = sandboxes[crm]
    theirs = put(server, crm, name="Müller", domain=written)
    asked = replace(
        a_company(crm, HOST), identities=tuple(Identity("domain", each) for each in spellings(HOST))
    )
    [outcome] = connector.find([asked], fields_read(crm))
    assert outcome.record.ref.id == theirs


def test_of_three_companies_of_a_domain_the_oldest_is_found_and_ours_before_it(crm, sandboxes):
    connector, server = sandboxes[crm]
    oldest, _, third = [put(server, crm, name=f"Acme {n}", domain="acme.com") for n in range(3)]
    [found] = connector.find([a_company(crm)], fields_read(crm))
    assert found.record.ref.id == oldest
    server.act("edit", COMPANIES[crm].object, id=third, fields={COMPANIES[crm].id_field: "ac_acme.com"})
    [found] = connector.find([a_company(crm)], fields_read(crm))
    assert found.record.ref.id == third


def test_companies_are_made_many_a_call(crm, sandboxes):
    connector, server = sandboxes[crm]
    made = list(connector.create([a_company(crm, f"c{n}.com") for n in range(80)], fields_read(crm)))
    assert {type(outcome) for outcome in made} == {Created}
    assert len(held(server, crm)) == 80
    assert server.calls() == 1


def test_a_company_whose_answer_was_lost_is_found_by_our_id_before_search_shows_it(crm, sandboxes):
    connector, server = sandboxes[crm]
    lag = {"search_lag_ms": 60_000} if crm == "hubspot" else {}
    server.faults(timeout_rate=1, timeout_s=0.01, **lag)
    [lost] = connector.create([a_company(crm)], fields_read(crm))
    assert isinstance(lost, Postponed)
    assert lost.answer_lost
    server.faults(**lag)
    [found] = connector.find([a_company(crm, repeated=True)], fields_read(crm))
    assert isinstance(found, Exists)
    assert len(held(server, crm)) == 1


def test_a_second_create_of_a_company_finds_the_first(crm, sandboxes):
    connector, server = sandboxes[crm]
    [created] = connector.create([a_company(crm)], fields_read(crm))
    [exists] = connector.create([a_company(crm)], fields_read(crm))
    assert isinstance(exists, Exists)
    assert exists.record.ref == created.ref
    assert len(held(server, crm)) == 1


def test_a_look_up_that_fails_makes_nothing(crm, sandboxes):
    connector, server = sandboxes[crm]
    server.faults(error_rate=1, error_status=503)
    [outcome] = connector.find([a_company(crm)], fields_read(crm))
    assert isinstance(outcome, Postponed)


def test_a_person_without_a_company_gets_one_and_a_second_time_nothing_is_written(crm, sandboxes):
    connector, server = sandboxes[crm]
    person, company = a_person(server, crm), put(server, crm, name="Acme", domain="acme.com")
    for _ in range(2):
        [outcome] = connector.associate([a_pair(crm, person, company)])
        assert isinstance(outcome, Updated)
    assert of_person(server, crm, person) == {company: True}
    calls = server._get("stats")["calls"]
    assert [calls.get(name) for name in COMPANIES[crm].links] == [2, 1]


def test_a_company_that_somebody_chose_stays(crm, sandboxes):
    connector, server = sandboxes[crm]
    person = a_person(server, crm)
    theirs, ours = (put(server, crm, name=name, domain=f"{name}.com") for name in ("theirs", "ours"))
    list(connector.associate([a_pair(crm, person, theirs)]))  # stands for what a person did
    [outcome] = connector.associate([a_pair(crm, person, ours)])
    assert isinstance(outcome, Updated)
    primary = [company for company, is_primary in of_person(server, crm, person).items() if is_primary]
    assert primary == [theirs]


def test_people_who_are_gone_do_not_hold_back_others(crm, sandboxes):
    connector, server = sandboxes[crm]
    person, company = a_person(server, crm), put(server, crm, name="Acme", domain="acme.com")
    nobody = {"hubspot": "999999", "salesforce": "0035g00000000001AA"}[crm]
    pairs = [a_pair(crm, nobody, company, "gone"), a_pair(crm, person, company, "there")]
    outcomes = {outcome.key: type(outcome) for outcome in connector.associate(pairs)}
    assert outcomes == {"gone": Gone, "there": Updated}
    assert of_person(server, crm, person) == {company: True}


def test_a_company_that_was_deleted_is_gone_and_holds_back_no_other(crm, sandboxes):
    connector, server = sandboxes[crm]
    email = DIALECTS[crm].email
    left, stays = (a_person(server, crm, **{email: f"p{n}@acme.com"}) for n in range(2))
    deleted, company = (put(server, crm, name=name, domain=f"{name}.com") for name in ("deleted", "acme"))
    server.act("delete", COMPANIES[crm].object, id=deleted)
    pairs = [a_pair(crm, left, deleted, "gone"), a_pair(crm, stays, company, "there")]
    outcomes = {outcome.key: type(outcome) for outcome in connector.associate(pairs)}
    assert outcomes == {"gone": Gone, "there": Updated}


def test_a_person_who_was_merged_away_is_gone_and_not_tried_for_ever(crm, sandboxes):
    connector, server = sandboxes[crm]
    email = DIALECTS[crm].email
    old, other, alone = (a_person(server, crm, **{email: f"p{n}@acme.com"}) for n in range(3))
    company = put(server, crm, name="Acme", domain="acme.com")
    server.act("merge", COMPANIES[crm].person, id=other, other=old)
    pairs = [a_pair(crm, old, company, "merged"), a_pair(crm, alone, company, "alone")]
    outcomes = {outcome.key: outcome for outcome in connector.associate(pairs)}
    assert isinstance(outcomes["merged"], Gone)
    assert "merged" in outcomes["merged"].reason
    assert isinstance(outcomes["alone"], Updated)


def test_associations_wait_while_the_crm_is_away(crm, sandboxes):
    connector, server = sandboxes[crm]
    person, company = a_person(server, crm), put(server, crm, name="Acme", domain="acme.com")
    server.faults(error_rate=1, error_status=503)
    [outcome] = connector.associate([a_pair(crm, person, company)])
    assert isinstance(outcome, Postponed)
    server.faults()
    assert of_person(server, crm, person) == {}
