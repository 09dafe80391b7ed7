"""Newest wins by the time it happened, whatever the order it came in."""

from __future__ import annotations

import pytest

from handlers.absorb import Absorb, field_owners, preferring
from model.decision import AddActivity
from model.lead import PERSON, Activity, Lead, Link, Provenance
from tests.builders import (
    NOON,
    a_context,
    a_crm,
    a_lead,
    a_reading,
    a_source,
    activity_rule,
    apply,
    at,
    mapped,
    place,
    reasons,
)

CRMS = {
    "hubspot": a_crm("hubspot", "contacts", mapped("title", "jobtitle", "newest")),
    "salesforce": a_crm(
        "salesforce",
        "Lead",
        mapped("title", "Title", "leadrelay"),
        mapped("company", "Company", "crm"),
        Contact=[mapped("title", "Title", "crm")],
    ),
}
ABSORB = Absorb(field_owners(CRMS))


@pytest.mark.parametrize(
    ("minutes", "sent", "title"),
    [
        (1, {"title": "CTO"}, "CTO"),
        (0, {"title": "CTO"}, "CTO"),
        (-1, {"title": "CTO"}, "CEO"),
        (1, {"title": None}, "CEO"),
        (1, {}, "CEO"),
    ],
)
def test_a_newer_post_overwrites_and_an_older_or_blank_one_does_not(minutes, sent, title):
    lead = a_lead(title="CEO", since=NOON)
    assert apply(ABSORB, lead, a_context(a_reading(occurred_at=at(minutes), **sent))).get("title") == title


def test_a_blank_field_is_filled_by_an_old_post_too():
    lead = a_lead(title="CEO", since=NOON)
    apply(ABSORB, lead, a_context(a_reading(occurred_at=at(-60), city="Ulm")))
    assert lead.get("city") == "Ulm"
    assert lead.provenance["city"] == Provenance("website", at(-60), 7)


def test_a_field_that_was_cleared_later_is_not_refilled_by_an_older_post():
    lead = a_lead(provenance={"city": Provenance("hubspot", NOON, 3)})
    assert apply(ABSORB, lead, a_context(a_reading(occurred_at=at(-1), city="Ulm"))).get("city") is None


def test_a_post_that_confirms_a_value_keeps_older_ones_out():
    lead = a_lead(title="CEO", since=NOON)
    apply(ABSORB, lead, a_context(a_reading(occurred_at=at(20), title="CEO")))
    apply(ABSORB, lead, a_context(a_reading(occurred_at=at(10), title="CTO")))
    assert lead.get("title") == "CEO"


@pytest.mark.parametrize(
    ("known", "sent", "kept"),
    [
        ("ada@gmail.com", "a.da+x@googlemail.com", True),
        ("ada@acme.com", "ADA@acme.com", True),
        ("ada@acme.com", "countess@acme.com", False),
        (None, "ada@acme.com", False),
    ],
)
def test_another_spelling_of_the_known_address_does_not_replace_it(known, sent, kept):
    lead = apply(ABSORB, a_lead(email=known), a_context(a_reading(occurred_at=at(5), email=sent)))
    assert lead.get("email") == (known if kept else sent)
    assert lead.provenance["email"].at == at(5)


@pytest.mark.parametrize(
    ("name", "source", "minutes", "stands"),
    [
        ("company", "salesforce", 5, True),  # crm: a person's value stands
        ("company", "website", 5, False),
        ("company", "hubspot", 5, False),  # hubspot has no say over it
        ("title", "salesforce", 5, True),  # crm on one of its objects is enough
        ("title", "hubspot", 5, False),  # newest
        ("title", "hubspot", 0, True),  # newest: a tie is the CRM's
        ("city", "salesforce", 5, False),  # not mapped
    ],
)
def test_a_crm_s_value_stands_where_its_map_says_so(name, source, minutes, stands):
    lead = a_lead(source=source, **{name: "theirs"})
    decision = ABSORB(lead, a_context(a_reading(occurred_at=at(minutes), **{name: "ours"})))
    assert (name not in decision.fields) is stands
    if stands:
        assert decision.because[0].at == place(5, "crm/test.yaml")


def test_reasons_name_fields_and_never_values():
    lead = a_lead(email="ada@acme.com", title="CEO", company="Acme", provenance=later("company"))
    reading = a_reading(
        occurred_at=at(5), email="Ada@ACME.com", title="Countess", company="Byron", city="Ulm"
    )
    decision = ABSORB(lead, a_context(reading))
    assert reasons(decision) == [
        "taken from website: title, city",
        "email kept: the post spells the same address in another way",
        "company kept: webinar said something newer (event 9)",
    ]


def later(*names):
    return {name: Provenance("webinar", at(60), 9) for name in names}


def test_activities_are_added_with_the_rule_that_saw_them():
    source = a_source(activities=(activity_rule("demo_request", line=6),))
    decision = ABSORB(Lead("L1"), a_context(a_reading(source=source, did=["demo_request"])))
    assert decision.effects == (AddActivity("demo_request", NOON),)
    assert [(line.text, line.at.line) for line in decision.because] == [("did: demo_request", 6)]


@pytest.mark.parametrize(("replays", "added"), [(None, 1), (3, 0)])
def test_a_replay_does_not_do_again_what_the_lead_already_did(replays, added):
    lead = a_lead(activities=[Activity("demo_request", NOON)])
    decision = ABSORB(lead, a_context(a_reading(did=["demo_request"], replays=replays)))
    assert len(decision.effects) == added


@pytest.mark.parametrize(
    ("authority", "shadow", "written", "stands"),
    [
        ("crm", "Byron", None, True),  # typed there
        ("crm", "Byron", "Byron", False),  # what leadrelay wrote
        ("crm", None, None, False),
        ("crm_unless_blank", "Byron", "Byron", True),
        ("crm_unless_blank", "", None, False),
        ("newest", "Byron", None, False),
    ],
)
def test_what_a_record_holds_stands_against_a_post_whoever_said_it_first(authority, shadow, written, stands):
    crms = {"salesforce": a_crm("salesforce", "Lead", mapped("company", "Company", authority))}
    lead = a_lead(company="Byron", source="website")
    lead.links["salesforce"] = Link("salesforce", "Lead", "8", {"Company": shadow}, {"Company": written})
    absorb = Absorb(field_owners(crms), preferring(crms))
    decision = absorb(lead, a_context(a_reading(occurred_at=at(5), company="Acme")))
    assert ("company" not in decision.fields) is stands


@pytest.mark.parametrize(("authority", "stands"), [("crm", True), ("newest", False)])
def test_what_a_person_chose_stands_where_people_own_the_field(authority, stands):
    crms = {"hubspot": a_crm("hubspot", "contacts", mapped("title", "jobtitle", authority))}
    lead = a_lead(source=PERSON, title="CEO")
    decision = Absorb(field_owners(crms), preferring(crms))(
        lead, a_context(a_reading(occurred_at=at(5), title="CTO"))
    )
    assert ("title" not in decision.fields) is stands
