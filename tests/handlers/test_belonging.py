"""A lead is matched to an account by evidence of several fields, where its domain names none."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from handlers.account import JoinByDomain
from handlers.belonging import belonging
from mappings.playbook import AccountMatch, Accounts
from model.account import Account, account_id
from model.decision import AskReview
from model.lead import PERSON, Link, Provenance
from tests.builders import NOON, a_context, a_lead, facts, place, reasons

MATCH = AccountMatch(
    0.99, 0.8, (), ("customer", "open_deals", "same_country", "likeliest", "oldest"), "domain", place(9)
)
BY_EVIDENCE = Accounts(match=MATCH)


def acme(domain="acme.com", days=0, **fields):
    given = {"domain": domain, "name": "Acme GmbH", "city": "Berlin", "country": "DE", **fields}
    created = NOON + timedelta(days=days)
    return Account(account_id("main", domain), fields=given, created_at=created)


def known(*accounts, won=(), open_ones=()):
    found = facts()
    found.accounts = {one.id: one for one in accounts}
    found.won = {account_id("main", one): 1 for one in won}
    found.open = {account_id("main", one): 1 for one in open_ones}
    return found


def who(email="ada@gmail.com", **fields):
    return a_lead(email=email, **{"company": "ACME", "city": "Berlin", "country": "DE", **fields})


@pytest.mark.parametrize(
    ("lead", "how", "asked"),
    [
        (who(), "evidence", 0),  # name and place
        (who(company="Acme Holding AG"), "evidence", 0),  # legal forms are no difference
        (who(city=None), "", 1),  # name and country alone: somebody is asked
        (who(company="Acmee"), "", 1),  # a slip in the name, found by its sound
        (who(country="US", city="Boston"), "", 0),  # elsewhere: another Acme
        (who(company="Zenith"), "", 0),
        (who("ada@acme.net"), "domain", 1),  # a domain of its own speaks against it
        (who("ada@acme.com", city="Boston"), "domain", 0),  # the domain is known: no evidence is asked for
        (who(company="Other", city=None, country=None, phone="+493012345678"), "", 0),  # a phone alone
        (who(city=None, phone="+493012345678"), "evidence", 0),
    ],
)
def test_several_fields_join_fewer_ask_and_one_is_nothing(lead, how, asked):
    found = belonging(lead, BY_EVIDENCE, known(acme(phone="+49 30 12345678")))
    assert (found.how, len(found.asks)) == (how, asked)
    assert (found.account_id == account_id("main", "acme.com")) == (
        how == "evidence" or "acme.com" in lead.get("email")
    )


def test_a_phone_that_several_companies_have_is_no_evidence():
    other = acme("zenith.com", name="Zenith", phone="+493012345678")
    found = belonging(
        who(city=None, phone="+493012345678"), BY_EVIDENCE, known(acme(phone="+493012345678"), other)
    )
    assert (found.how, len(found.asks)) == ("", 1)
    assert "phone" not in found.asks[0].verdict.text


@pytest.mark.parametrize(
    ("won", "open_ones", "chosen", "why"),
    [
        (("acme.de",), ("acme.com",), "acme.de", "customer"),
        ((), ("acme.com",), "acme.com", "open_deals"),
        ((), (), "acme.de", "oldest"),
    ],
)
def test_of_several_the_first_tie_breaker_in_which_they_differ_decides(won, open_ones, chosen, why):
    two = acme("acme.com", days=2), acme("acme.de", days=1)
    found = belonging(who(), BY_EVIDENCE, known(*two, won=won, open_ones=open_ones))
    assert (found.account_id, found.why) == (account_id("main", chosen), why)


def of_crm(account, number, parent="", aliases=()):
    """Let a company have a record in Salesforce, whose parent is that of another."""
    account.links["salesforce"] = Link("salesforce", "Account", number, {}, {}, aliases=aliases)
    if parent:
        account.fields["parent"] = parent
        account.provenance["parent"] = Provenance("salesforce", NOON, 1, by_people=True)
    return account


def test_of_a_firm_and_its_subsidiaries_the_one_over_the_others_comes_first():
    germany, europe, world = (
        of_crm(acme("acme.de"), "0013", parent="0012"),
        of_crm(
            acme("acme.eu", days=1), "0012", parent="0010"
        ),  # of a record that was merged into the next one
        of_crm(acme("acme.com", days=2), "0011", aliases=("0010",)),
    )
    rules = replace(BY_EVIDENCE, match=replace(MATCH, tie_breakers=("parent", "oldest")))
    found = belonging(who(), rules, known(germany, europe, world))
    assert (found.account_id, found.why) == (world.id, "parent")
    germany.provenance["parent"] = Provenance("hubspot", NOON, 1)  # an id of another CRM names nobody here
    europe.fields.pop("parent")
    assert belonging(who(), rules, known(germany, europe, world)).why == "oldest"


def test_a_filter_leaves_accounts_out_and_says_so():
    only = replace(BY_EVIDENCE, match=replace(MATCH, only=("customer",)))
    found = belonging(who(), only, known(acme()))
    assert (found.account_id, found.candidates[0].why_not) == ("", "no customer")
    assert belonging(who(), only, known(acme(), won=("acme.com",))).how == "evidence"


def test_while_a_person_is_asked_the_lead_waits_or_has_its_own_domain():
    lead, accounts = who("ada@acme.net"), known(acme())
    assert belonging(lead, BY_EVIDENCE, accounts).account_id == account_id("main", "acme.net")
    waits = replace(BY_EVIDENCE, match=replace(MATCH, fallback="none"))
    decision = JoinByDomain(waits)(lead, a_context(lookups=accounts))
    assert "account" not in decision.fields
    assert decision.effects == (AskReview("account_match", {"accounts": [account_id("main", "acme.com")]}),)
    assert reasons(decision)[-1] == "no account yet: a person is asked"
    assert "name same +5.4" in reasons(decision)[0]


def test_a_persons_word_outlasts_evidence_and_domain():
    said = who("ada@acme.com", account="ac_other")
    said.provenance["account"] = Provenance(PERSON, NOON, 1)
    assert belonging(said, BY_EVIDENCE, known(acme())).account_id == "ac_other"
    assert belonging(said, Accounts(), known(acme())).account_id == "ac_other"
    refused = who()
    refused.provenance["account"] = Provenance(PERSON, NOON, 1)
    assert not belonging(refused, BY_EVIDENCE, known(acme())).candidates


def test_without_the_setting_the_domain_alone_decides():
    assert belonging(who(), Accounts(), known(acme())).account_id == ""
