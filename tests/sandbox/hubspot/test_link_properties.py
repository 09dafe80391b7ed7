"""Whatever is done to associations: both directions agree, labels rest on the unlabelled type."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.hubspot.link_types import HUBSPOT, LinkTypes
from sandbox.hubspot.links import Links

CONTACTS = [("contacts", str(number)) for number in range(3)]
COMPANIES = [("companies", str(number)) for number in range(3)]
PLAIN, PRIMARY = (HUBSPOT, 279), (HUBSPOT, 1)
BACK = {PLAIN: (HUBSPOT, 280), PRIMARY: (HUBSPOT, 2), ("USER_DEFINED", 1): ("USER_DEFINED", 2)}
SPECS = st.lists(st.sampled_from([PLAIN, PRIMARY, ("USER_DEFINED", 1)]), min_size=1, max_size=3)
DEED = st.tuples(
    st.sampled_from(["add", "replace", "remove", "remove all"]),
    st.sampled_from(CONTACTS),
    st.sampled_from(COMPANIES),
    SPECS,
)


@settings(max_examples=150, deadline=None)
@given(deeds=st.lists(DEED, max_size=25))
def test_associations_stay_sound(deeds):
    types = LinkTypes()
    types.define("contacts", "companies", "decides", "Decides", "Decided by")
    told: dict[tuple, int] = {}

    def hear(source, target, made, removed):
        key = (source, target, made.spec)
        told[key] = told.get(key, 0) + (-1 if removed else 1)

    links = Links(types, hear)
    for verb, contact, company, specs in deeds:
        match verb:
            case "add":
                links.add(contact, company, specs)
            case "replace":
                links.replace(contact, company, specs)
            case "remove":
                links.remove(contact, company, specs)
            case _:
                links.remove(company, contact)
    there = {
        (contact, ("companies", other), spec)
        for contact in CONTACTS
        for other, specs in links.of(contact, "companies").items()
        for spec in specs
    }
    back = {
        (("contacts", other), company, spec)
        for company in COMPANIES
        for other, specs in links.of(company, "contacts").items()
        for spec in specs
    }
    assert {(contact, company, BACK[spec]) for contact, company, spec in there} == back
    assert all((contact, company, PLAIN) in there for contact, company, _ in there)
    for contact in CONTACTS:
        assert len([row for row in there if row[0] == contact and row[2] == PRIMARY]) <= 1
    present = {key for key, times in told.items() if times}
    assert set(told.values()) <= {0, 1}, "each change is told once"
    assert present == there | {(company, contact, spec) for contact, company, spec in back}
