"""How values are masked, by class and level; whose rules count where."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.masking import MARK, NO_VEIL, Veil, mask, veil_of
from mappings.playbook import MaskRule, Privacy
from mappings.playbook.privacy import CLASSES, PARTLY
from tests.builders import place


@pytest.mark.parametrize(
    ("kind", "value", "shown"),
    [
        ("email", "ada@acme.com", "a***@acme.com"),
        ("email", "a@acme.com", "***@acme.com"),
        ("email", "no address", "***"),
        ("phone", "+493012345642", "+49 *** 42"),
        ("phone", "030 12345642", "*** 42"),
        ("phone", "+49", "***"),
        ("phone", "112", "***"),
        ("name", "Ada Lovelace", "A. L."),
        ("name", "E\u0301milie", "E\u0301."),
        ("name", "Jean-Luc", "J. L."),
        ("name", "J. R.", "***"),
        ("name", "X", "***"),
        ("address", "10115", "10***"),
        ("address", "Berlin", "B***"),
        ("address", "Ulm", "***"),
        ("free_text", "Call me at home", "***"),
        ("ip", "192.0.2.77", "192.0.2.***"),
        ("ip", "2001:db8:1:2::3", "2001:db8:1::***"),
        ("ip", "localhost", "***"),
        ("identifier", "EAIaIQobChMI42", "***42"),
        ("identifier", 4711, "***"),
        ("web", "https://acme.com/p?email=ada@acme.com", "acme.com/***"),
        ("web", "//[", "***"),
        ("email", None, None),
        ("email", "", ""),
        ("name", True, "***"),
        ("name", ["Ada"], "***"),
    ],
)
def test_what_is_shown_in_part(kind, value, shown):
    assert mask(value, kind, "partly") == shown
    assert mask(value, kind, "plain") == value
    assert mask(value, kind, "hidden") == (MARK if value not in (None, "") else value)


@given(st.text(), st.sampled_from([*CLASSES, "unheard of"]))
def test_the_whole_of_a_value_is_never_shown(value, kind):
    shown = mask(value, kind, PARTLY)
    if any(char.isalnum() for char in value):
        assert value.strip().casefold() not in shown.casefold()
    assert mask(value, kind, PARTLY) == shown


@given(st.from_regex(r"[\w.+-]{1,20}@[a-z]{1,9}\.[a-z]{2,4}", fullmatch=True))
def test_of_an_address_the_mailbox_is_not_shown(value):
    local, _, domain = value.partition("@")
    assert mask(value, "email", PARTLY) == (
        f"{local[0]}{MARK}@{domain}" if len(local) > 1 else f"{MARK}@{domain}"
    )


EU = {"EU": frozenset({"DE", "FR"})}
RULES = (
    MaskRule({"email": "partly", "name": "partly"}, place(1), ("EU",)),
    MaskRule({"email": "hidden"}, place(2), channels=("messages",)),
    MaskRule({"name": "plain", "phone": "hidden"}, place(3), ("elsewhere",), ("pages",)),
)


@pytest.mark.parametrize(
    ("channel", "country", "levels"),
    [
        ("messages", "DE", {"email": "hidden", "name": "partly"}),
        ("pages", "DE", {"email": "partly", "name": "partly"}),
        ("pages", "US", {"phone": "hidden"}),
        ("exports", "US", {}),
        ("pages", None, {"email": "partly", "name": "partly", "phone": "hidden"}),
        ("pages", "", {"email": "partly", "name": "partly", "phone": "hidden"}),
    ],
)
@pytest.mark.parametrize("rules", [RULES, RULES[::-1]])
def test_the_strictest_of_all_rules_counts_and_who_has_no_country_is_everywhere(
    rules, channel, country, levels
):
    assert veil_of(Privacy(rules, EU), channel, country).levels == levels


def test_a_veil_reads_fields_and_parts_of_touches_by_their_class():
    veil = Veil({"email": "partly", "web": "partly", "identifier": "hidden"}, {"email": "email"})
    touch = {"source": "google", "click_id": "abc", "landing_page": "https://acme.com/a"}
    shown = veil.fields({"email": "ada@acme.com", "title": "CEO", "first_touch": touch})
    assert shown["email"] == "a***@acme.com"
    assert shown["title"] == "CEO"
    assert shown["first_touch"] == {"source": "google", "click_id": MARK, "landing_page": "acme.com/***"}
    assert veil.of("last_touch.click_id", "abc") == MARK


def test_what_has_no_class_is_hidden_with_its_names_left():
    body = {"Name": "Ada", "tags": ["a", 1], "more": {"blank": None}}
    assert Veil({"name": "partly"}).unknown(body) == {
        "Name": MARK,
        "tags": [MARK, MARK],
        "more": {"blank": None},
    }
    assert NO_VEIL.unknown(body) is body
