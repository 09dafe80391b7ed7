"""The three-way merge: base is the shadow, theirs the record as read, ours the lead."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from model.change import Record
from model.decision import RecordConflict
from model.event import RecordRef
from model.lead import RULE, Lead, Link, Provenance
from sync.merging.merge import Merged, merge
from tests.builders import NOON, a_lead, a_teammate, at, facts, mapped
from tests.sync.house import HUBSPOT, SALESFORCE, house_playbook

PLAYBOOK = house_playbook()
CRM = PLAYBOOK.crms[HUBSPOT]
KNOWN = facts(
    teammates=[
        replace(a_teammate("ann@example.com", hubspot=True), ids={HUBSPOT: "o1"}),
        replace(a_teammate("bo@example.com", hubspot=True), ids={HUBSPOT: "o2"}),
        replace(a_teammate("cy@example.com", hubspot=True), ids={HUBSPOT: "o3"}),
    ]
)
OLDER, NEWER = at(-60), at(60)
ANN = "ann@example.com"
PEOPLE = {HUBSPOT: "contacts", SALESFORCE: "Lead"}


def elsewhere(lead: Lead) -> Lead:
    """Link the lead to a record in the other CRM, too, of which nothing is known."""
    lead.links[SALESFORCE] = Link(SALESFORCE, "Lead", "9", {}, {}, rev=1)
    return lead


def linked(lead: Lead, **shadow: Any) -> Lead:
    """Link the lead to the record that all tests read."""
    lead.links[HUBSPOT] = Link(HUBSPOT, "contacts", "7", shadow, dict(shadow), rev=3, read_at=OLDER)
    return lead


def merged(lead: Lead, modified_at=NEWER, sent=None, remote_id: str = "7", object_type="contacts", **fields):
    record = Record(RecordRef(HUBSPOT, object_type, remote_id), fields, modified_at)
    return merge(lead, record, CRM, PLAYBOOK, KNOWN, now=at(90), sent=sent or {})


def lost(result: Merged) -> list[tuple[str, Any, Any]]:
    return [(one.field, one.kept, one.lost) for one in result.conflicts]


# first_name: crm | title: newest | country: leadrelay. Base and ours None: blank.
CASES = [
    # field, base, theirs, ours, the CRM's moment, taken, kept as a conflict
    ("first_name", "Ada", "Ada", "Ada", NEWER, False, False),
    ("first_name", "Ada", "Countess", "Ada", NEWER, True, False),  # they moved
    ("first_name", "Ada", "Countess", "Ada", OLDER, True, False),  # whatever the clocks say
    ("first_name", "Ada", "Ada", "Augusta", NEWER, False, False),  # we moved
    ("first_name", "Ada", "Countess", "Augusta", OLDER, True, True),  # both: people's word stands
    ("first_name", "Ada", "", "Augusta", NEWER, False, False),  # a blank overwrites nothing
    ("first_name", "Ada", None, "Augusta", NEWER, False, False),
    ("first_name", None, "Ada", None, OLDER, True, False),  # we had none
    ("first_name", "Ada", "ADA", "Ada", NEWER, True, False),  # capitals are a spelling of their own
    ("title", "CTO", "CEO", "CTO", NEWER, True, False),
    ("title", "CTO", "CEO", "CTO", OLDER, True, False),  # a vendor's clock that is behind changes nothing
    ("title", "CTO", "CEO", "CEO", OLDER, False, False),  # both moved, to the same
    ("title", "CTO", "CEO", "Founder", NEWER, True, True),  # both: the later
    ("title", "CTO", "CEO", "Founder", OLDER, False, True),
    ("title", "CTO", "CEO", "Founder", NOON, True, True),  # a tie is the CRM's
    ("title", "CTO", "CEO", "Founder", None, True, True),  # a CRM without moments
    ("title", "CTO", "CTO", "Founder", NEWER, False, False),
    ("title", None, "CEO", None, OLDER, True, False),
    ("country", "DE", "FR", "DE", NEWER, False, True),  # leadrelay owns it
    ("country", "DE", "FR", "AT", NEWER, False, True),
    ("country", None, "FR", None, OLDER, True, False),  # but a blank is filled
]


@pytest.mark.parametrize(("field", "base", "theirs", "ours", "moment", "taken", "kept"), CASES)
def test_each_field_is_settled_by_who_moved_and_by_authority(field, base, theirs, ours, moment, taken, kept):
    lead = linked(a_lead(**{field: ours}), **({field: base} if base else {}))
    result = merged(lead, moment, **{field: theirs})
    assert result.fields == ({field: theirs} if taken else {})
    loser = ours if taken else theirs
    winner = theirs if taken else ours
    assert lost(result) == ([(field, winner, loser)] if kept else [])
    assert result.link.shadow[field] == theirs


@pytest.mark.parametrize(
    ("field", "theirs", "ours", "moment", "taken"),
    [
        ("first_name", "Countess", "Ada", OLDER, True),
        ("title", "CEO", "CTO", OLDER, False),
        ("title", "CEO", "CTO", NEWER, True),
        ("country", "FR", "DE", NEWER, False),
        ("company", "Acme", None, OLDER, True),
    ],
)
def test_at_the_first_meeting_both_sides_have_moved(field, theirs, ours, moment, taken):
    result = merged(a_lead(**{field: ours}), moment, **{field: theirs})
    assert (field in result.fields) is taken
    assert (result.link.rev, result.link.read_at) == (0, at(90))


@pytest.mark.parametrize(
    ("base", "theirs", "ours", "expected"),
    [
        ("o1", "o2", "ann@example.com", "bo@example.com"),
        (None, "o2", "ann@example.com", "bo@example.com"),  # an owner already in the CRM is kept
        (None, "o2", None, "bo@example.com"),
        ("o1", "o1", "bo@example.com", None),  # only we moved
        ("o1", "stranger", "ann@example.com", None),  # nobody here: left as it is
        ("o1", "", "ann@example.com", None),
    ],
)
def test_the_owner_in_the_crm_counts(base, theirs, ours, expected):
    lead = a_lead(owner=ours)
    lead = linked(lead, owner=base) if base else lead
    result = merged(lead, owner=theirs)
    assert result.fields.get("owner") == expected


def test_an_owner_nobody_here_knows_is_said_to_be_left_alone():
    result = merged(linked(a_lead(owner="ann@example.com"), owner="o1"), owner="stranger")
    assert "unknown here" in result.because[0].text
    assert result.conflicts == []


@pytest.mark.parametrize(
    ("base", "theirs", "ours", "expected"),
    [
        ("prospect", "sql", "prospect", "sql"),
        ("prospect", "sql", "mql", "sql"),
        ("sql", "prospect", "sql", None),  # only forward
        (None, "prospect", "mql", None),
        (None, "customer", "mql", "customer"),
        ("mql", "disqualified", "mql", "disqualified"),
        ("mql", "nurture", "mql", "nurture"),
        ("disqualified", "mql", "disqualified", "mql"),  # a person leads it back
        ("nurture", "prospect", "nurture", "prospect"),
        (None, "mql", "disqualified", None),  # nobody led anything back: it was never the same
        ("mql", "somewhere", "mql", None),  # a stage the playbook does not know
        ("mql", "", "sql", None),
    ],
)
def test_a_stage_moves_forward_only_unless_a_person_leads_a_lead_back(base, theirs, ours, expected):
    lead = a_lead(stage=ours)
    lead = linked(lead, stage=base) if base else lead
    assert merged(lead, stage=theirs).fields.get("stage") == expected


@pytest.mark.parametrize(("theirs_at", "taken"), [(OLDER, False), (NOON, True), (NEWER, True)])
@pytest.mark.parametrize(
    ("field", "ours", "theirs"), [("first_name", "Ada", "Countess"), ("owner", ANN, "o3")]
)
def test_between_the_people_of_two_crms_the_later_word_counts(field, ours, theirs, theirs_at, taken):
    lead = elsewhere(linked(a_lead(**{field: ours}), **{field: "o2" if field == "owner" else "A."}))
    lead.provenance[field] = Provenance(SALESFORCE, NOON, 1)
    result = merged(lead, theirs_at, **{field: theirs})
    assert (field in result.fields) is taken
    assert len(result.conflicts) == 1


@pytest.mark.parametrize(("here", "there"), [(HUBSPOT, SALESFORCE), (SALESFORCE, HUBSPOT)])
def test_on_a_tie_the_order_of_names_decides_whoever_is_read_first(here, there):
    lead = a_lead(title="CEO")
    for name, shadow in ((HUBSPOT, "CTO"), (SALESFORCE, "CTO")):
        lead.links[name] = Link(name, PEOPLE[name], "7", {"title": shadow}, {})
    lead.provenance["title"] = Provenance(there, NOON, 1)
    record = Record(RecordRef(here, PEOPLE[here], "7"), {"title": "Boss"}, NOON)
    result = merge(lead, record, PLAYBOOK.crms[here], PLAYBOOK, KNOWN, now=at(90), sent={})
    assert ("title" in result.fields) is (here == HUBSPOT)


def test_an_owner_that_a_rule_chose_gives_way_to_a_persons_choice_whatever_the_clocks_say():
    lead = linked(a_lead(owner="bo@example.com"), owner="o1")
    lead.provenance["owner"] = Provenance(RULE, NEWER, 1)
    assert merged(lead, OLDER, owner="o3").fields == {"owner": "cy@example.com"}


@pytest.mark.parametrize(
    ("known", "seen", "expected"),
    [
        (True, OLDER, {"title": NEWER}),
        (False, OLDER, {"title": None}),  # since when is not known
        (False, at(90), {}),  # Salesforce was looked at since: whatever is read there next is newer
    ],
)
def test_a_value_that_both_came_to_is_the_word_of_both_and_a_stage_is_not(known, seen, expected):
    """Who entered a stage was told of: a lead that enters it again is told of once more."""
    by_state = [replace(one, authority="newest") for one in CRM.objects["contacts"].fields]
    contacts = replace(CRM.objects["contacts"], fields=tuple(by_state))
    crm = replace(CRM, objects={"contacts": contacts})
    lead = a_lead(title="CEO", stage="mql")
    lead.links[SALESFORCE] = Link(SALESFORCE, "Lead", "8", {"title": "Intern"}, {}, read_at=seen)
    if known:
        linked(lead, title="Intern", stage="prospect")
    record = Record(RecordRef(HUBSPOT, "contacts", "7"), {"title": "CEO", "stage": "mql"}, NEWER)
    result = merge(lead, record, crm, PLAYBOOK, KNOWN, now=at(90), sent={})
    assert (result.confirmed, result.fields) == (expected, {})


def test_spelling_that_means_the_same_is_no_change():
    lead = linked(a_lead(email="ada@example.com", company="Acme"), email="ada@example.com", company="Acme")
    result = merged(lead, email="Ada@Example.com", company="Acme ")
    assert (result.fields, result.conflicts) == ({}, [])


def test_what_was_sent_counts_as_ours_only_on_our_own_record():
    lead = a_lead("L1", title="CTO")
    sent = {"title": ["CTO"], "country": ["DE"], "lead_id": ["L1"]}
    ours = merged(lead, sent=sent, lead_id="L1", title="CTO", country="FR")
    assert dict(ours.link.written) == {"title": "CTO", "lead_id": "L1"}
    theirs = merged(lead, sent=sent, lead_id="", title="CTO")
    assert dict(theirs.link.written) == {}


def test_our_own_word_whose_answer_was_lost_is_not_theirs():
    """The lead has moved on since; the CRM's moment is that of our own write."""
    lead = linked(a_lead(title="CEO"), title="Intern")
    result = merged(lead, NEWER, sent={"title": ["CTO", "CEO"]}, title="CTO", company="Acme")
    assert result.fields == {"company": "Acme"}
    assert (result.link.shadow["title"], result.link.written["title"]) == ("CTO", "CTO")


def test_a_record_that_took_anothers_place_keeps_the_old_id():
    lead = linked(a_lead(), title="CTO")
    result = merged(lead, remote_id="9", title="CTO")
    assert (result.link.remote_id, result.link.aliases, result.link.rev) == ("9", ("7",), 3)


@pytest.mark.parametrize(
    ("ours", "shadow", "expected"),
    [
        ("CTO", "Intern", [("title", "CTO", "CEO")]),  # the lead went on: somebody may have typed it
        ("CEO", "Intern", []),  # both hold it
        ("CTO", "CEO", []),  # it has not moved there
    ],
)
def test_what_was_sent_and_may_be_somebodys_gives_way_into_the_log(ours, shadow, expected):
    result = merged(linked(a_lead(title=ours), title=shadow), sent={"title": ["CEO"]}, title="CEO")
    assert (result.fields, lost(result)) == ({}, expected)
    assert result.link.written["title"] == "CEO"


def in_the_place_of_a_deleted_one(**more: Any) -> Merged:
    """Merge a record, read earlier than the deletion of another one that the lead was linked to."""
    lead = linked(a_lead(title="CTO"), title="CTO")
    before = replace(lead.links[HUBSPOT], gone_at=NEWER, modified_at=NEWER, recent={"title": ["Intern"]})
    lead.links[HUBSPOT] = before
    record = Record(RecordRef(HUBSPOT, "contacts", "8"), {"title": "CEO"}, NOON, **more)
    return merge(lead, record, CRM, PLAYBOOK, KNOWN, now=at(90), sent={})


def test_with_a_record_that_takes_a_deleted_ones_place_nothing_was_agreed_on_yet():
    result = in_the_place_of_a_deleted_one()
    assert result.fields == {"title": "CEO"}
    assert lost(result) == [("title", "CEO", "CTO")]
    assert result.link == Link(
        HUBSPOT, "contacts", "8", {"title": "CEO"}, {}, rev=0, read_at=at(90), modified_at=NOON
    )


def test_a_record_that_the_deleted_one_was_merged_into_goes_on_from_what_was_agreed():
    result = in_the_place_of_a_deleted_one(merged_ids=("7",))
    assert result.fields == {"title": "CEO"}
    assert lost(result) == []
    assert (result.link.aliases, result.link.rev) == (("7",), 3)


def test_a_record_of_an_object_the_map_leaves_out_is_linked_and_nothing_taken():
    lead = linked(a_lead(title="CTO"), title="CTO")
    result = merged(lead, object_type="companies", remote_id="1", title="CEO")
    assert (result.fields, result.link.object, dict(result.link.shadow)) == ({}, "companies", {})
    assert "leaves companies out" in result.because[0].text


def test_every_decision_names_its_rule():
    result = merged(linked(a_lead(title="CTO"), title="CTO"), title="CEO")
    [because] = result.because
    assert because.at == next(rule.place for rule in CRM.objects["contacts"].fields if rule.field == "title")
    assert because.text == "title: hubspot's value taken, it was changed in hubspot alone"
    both = merged(linked(a_lead(title="CTO"), title="Founder"), title="CEO")
    assert both.conflicts == [RecordConflict(HUBSPOT, "title", "CEO", "CTO", "the CRM's is newer")]


@pytest.mark.parametrize("held", ["[not provided]", "TBD", "00Gqueue1"])
def test_a_placeholder_is_never_taken_for_a_persons_word(held):
    """Our own, one the map lists, and one that stands for all that begin so."""
    title = replace(
        mapped("title", "title", "newest"), default="[not provided]", blank_values=("TBD", "00G*")
    )
    contacts = CRM.objects["contacts"]
    others = tuple(rule for rule in contacts.fields if rule.remote != "title")
    crm = replace(CRM, objects={"contacts": replace(contacts, fields=(*others, title))})
    record = Record(RecordRef(HUBSPOT, "contacts", "7"), {"title": held}, NEWER)
    result = merge(
        linked(a_lead(title="CEO"), title="CEO"), record, crm, PLAYBOOK, KNOWN, now=at(90), sent={}
    )
    assert (result.fields, lost(result)) == ({}, [])
