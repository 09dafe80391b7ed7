"""A lead is joined to its company, which takes only what it lacks."""

from __future__ import annotations

import pytest

from handlers.account import JoinByDomain
from mappings.playbook import Accounts
from model.account import Account, account_id
from model.decision import JoinAccount
from tests.builders import a_context, a_lead, facts, reasons

ACME = account_id("main", "acme.com")


def join(lead, *accounts):
    lookups = facts()
    lookups.accounts = {account.id: account for account in accounts}
    return JoinByDomain(Accounts())(lead, a_context(lookups=lookups))


def fills(decision):
    [effect] = [effect for effect in decision.effects if isinstance(effect, JoinAccount)]
    assert effect.account_id == decision.fields["account"]
    return dict(effect.fields)


def test_the_first_lead_of_a_domain_makes_the_account_of_what_it_knows():
    decision = join(a_lead(email="ada@acme.com", company="Acme", city="Berlin", employees=70, title="CEO"))
    assert decision.fields == {"account": ACME}
    assert fills(decision) == {"domain": "acme.com", "name": "Acme", "city": "Berlin", "employees": 70}
    assert reasons(decision)[0] == f"account {ACME} by the domain of the e-mail, a new one"


def test_whoever_comes_first_the_account_is_the_same():
    one, other = a_lead(email="ada@acme.com"), a_lead(email="bo@eu.acme.com")
    assert join(one).fields == join(other).fields


def test_a_company_nobody_named_is_called_by_its_domain_until_somebody_does():
    first = fills(join(a_lead(email="ada@acme.com")))
    assert first["name"] == "acme.com"
    account = Account(ACME, fields=first)
    assert fills(join(a_lead(email="bo@acme.com", company="Acme Inc"), account)) == {"name": "Acme Inc"}


def test_what_an_account_holds_is_not_replaced_by_a_lead():
    account = Account(ACME, fields={"domain": "acme.com", "name": "Acme", "city": "Berlin"})
    lead = a_lead(email="bo@acme.com", company="ACME Ltd", city="London", country="GB")
    assert fills(join(lead, account)) == {"country": "GB"}


def test_a_lead_that_brings_nothing_new_decides_nothing():
    account = Account(ACME, fields={"domain": "acme.com", "name": "Acme"})
    decision = join(a_lead(email="bo@acme.com", account=ACME), account)
    assert (decision.fields, decision.effects, decision.because) == ({}, (), ())


@pytest.mark.parametrize("email", ["ada@gmail.com", None])
def test_without_a_domain_of_its_own_there_is_no_account_and_the_reason_is_said(email):
    decision = join(a_lead(email=email))
    assert (decision.fields, decision.effects) == ({}, ())
    assert reasons(decision)[0].startswith("no account: ")


def test_an_account_is_kept_when_the_present_address_names_none():
    decision = join(a_lead(email="ada@gmail.com", account=ACME))
    assert decision.fields == {}
    assert reasons(decision) == [f"account {ACME} kept: no other is named"]


def test_who_changes_the_company_changes_the_account():
    decision = join(a_lead(email="ada@other.com", account=ACME))
    assert decision.fields == {"account": account_id("main", "other.com")}


def test_a_test_lead_belongs_to_no_account():
    assert join(a_lead(email="ada@acme.com", is_test=True)).fields == {}
