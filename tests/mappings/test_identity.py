"""Two spellings of one mailbox meet, two mailboxes do not, and addresses tell what they are."""

from __future__ import annotations

import pytest

from mappings.values import identity
from mappings.values.identity import domain_key, is_disposable, is_role_address, match_key
from model.lead import Identity


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("Ada.Lovelace+news@GoogleMail.com", "adalovelace@gmail.com"),
        ("ada.lovelace@gmail.com", "adalovelace@gmail.com"),
        ("Ada.L+x@outlook.com", "ada.l@outlook.com"),
        ("ada+x@hotmail.co.uk", "ada@hotmail.co.uk"),
        ("ada+x@me.com", "ada@me.com"),
        ("ada+x@fastmail.com", "ada@fastmail.com"),
        ("ada+x@proton.me", "ada@proton.me"),
        ("ada+x@yahoo.com", "ada+x@yahoo.com"),  # Yahoo has no tags: two mailboxes
        ("a.b+c@acme.example", "a.b+c@acme.example"),
        ("ada+x@live.acme.example", "ada+x@live.acme.example"),
        ("+tag@gmail.com", "+tag@gmail.com"),
        ("ada@bücher.example", "ada@xn--bcher-kva.example"),
        ("  Not An Address ", "not an address"),
    ],
)
def test_spellings_of_one_mailbox_have_one_key(address, key):
    assert match_key(address) == key
    assert match_key(key) == key


@pytest.mark.parametrize(
    ("address", "expected"),
    [("info@acme.example", True), ("Sales+web@acme.example", True), ("ada@acme.example", False), ("", False)],
)
def test_desks_are_told_from_people(address, expected):
    assert is_role_address(address) is expected


def test_the_playbook_may_name_other_desks():
    assert is_role_address("welt@acme.example", {"welt"})
    assert not is_role_address("info@acme.example", {"welt"})


@pytest.mark.parametrize(
    ("address", "disposable"),
    [
        ("a@mailinator.com", True),
        ("a@sub.mailinator.com", True),
        ("a@gmail.com", False),
        ("a@acme.example", False),
        ("no address", False),
    ],
)
def test_a_throw_away_mailbox_is_known_by_its_domain(address, disposable):
    assert is_disposable(address) == disposable


@pytest.mark.parametrize(
    ("who", "keys"),
    [
        ("Ada@Example.com", [Identity("email", "ada@example.com")]),
        ("+49 30 901820", [Identity("phone", "+4930901820")]),
        ("hubspot/contacts/12", [Identity("record", "hubspot/contacts/12")]),
        ("01J9ZC", []),
    ],
)
def test_what_a_person_types_becomes_the_keys_it_could_be(who, keys):
    assert list(identity.keys_of(who)) == keys


@pytest.mark.parametrize("website", ["müller.de", "https://www.Müller.de/kontakt", "xn--mller-kva.de"])
def test_a_domain_has_one_form_whatever_script_it_is_written_in(website):
    assert domain_key(website) == "xn--mller-kva.de"
