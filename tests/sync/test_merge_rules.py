"""Each authority, direction and blank of the CRM's map, in a merge and on the way out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from mappings.outward import difference, draft
from mappings.playbook import Breaker, Condition, CrmField, CrmMap
from model.change import Record
from model.decision import FreeField, HoldField
from model.dispute import Held, Settled
from model.event import RecordRef
from model.lead import PERSON, Lead, Link, Provenance
from sync.merging.merge import Merged, merge
from tests.builders import NOON, a_lead, at, mapped, place
from tests.sync.house import HUBSPOT, SALESFORCE, house_playbook
from tests.sync.test_merge import KNOWN, NEWER, OLDER, lost

PLAYBOOK = house_playbook()
LATER = at(90)
TWO_FIELDS = (mapped("title", "title", "newest"), mapped("company", "company", "newest"))


def crm_with(*rules: CrmField, **given: Any) -> CrmMap:
    """Return HubSpot's map with these lines alone."""
    crm = PLAYBOOK.crms[HUBSPOT]
    contacts = replace(crm.objects["contacts"], fields=rules)
    return replace(crm, objects={"contacts": contacts}, **given)


def linked(lead: Lead, crm: CrmMap, shadow: dict[str, Any], written: dict[str, Any] | None = None) -> Lead:
    """Link the lead to the record that all tests read, which leadrelay wrote as it was."""
    written = shadow if written is None else written
    lead.links[HUBSPOT] = Link(HUBSPOT, "contacts", "7", shadow, written, 3, read_at=NOON)
    return lead


def merged(
    lead: Lead, crm: CrmMap, moment=NEWER, now=LATER, histories=False, changed_at=None, **fields
) -> Merged:
    record = Record(RecordRef(HUBSPOT, "contacts", "7"), fields, moment, changed_at=changed_at or {})
    playbook = replace(PLAYBOOK, crms={**PLAYBOOK.crms, HUBSPOT: crm})
    return merge(lead, record, crm, playbook, KNOWN, now=now, sent={}, histories=histories)


def written(lead: Lead, crm: CrmMap, result: Merged) -> dict[str, Any]:
    """Return what delivery would send once the merge is taken in."""
    for name, value in result.fields.items():
        lead.fields[name] = value
        lead.provenance[name] = Provenance(HUBSPOT, NEWER, 2)
    contacts = crm.objects["contacts"]
    return difference(
        draft(lead, contacts, HUBSPOT, KNOWN), result.link, contacts, PLAYBOOK.lifecycle, of=lead
    )


# authority, base, theirs, ours, the CRM's moment -> the lead afterwards, written to the CRM, lost
TABLE = [
    ("newest", 5, 8, 3, NEWER, 8, None, 3),
    ("newest", 5, 8, 3, OLDER, 3, 3, 8),
    ("leadrelay", 5, 8, 3, NEWER, 3, 3, 8),
    ("leadrelay", 5, 8, 5, NEWER, 5, 5, 8),  # put back
    ("leadrelay", None, 8, None, NEWER, 8, None, None),  # a blank is filled
    ("crm", 5, 8, 3, OLDER, 8, None, 3),
    ("crm", 5, 5, 3, OLDER, 3, 3, None),  # it is what leadrelay wrote
    ("crm_unless_blank", 5, 8, 3, OLDER, 8, None, 3),
    ("crm_unless_blank", 5, 5, 3, NEWER, 5, None, 3),  # even what leadrelay alone has changed
    ("crm_unless_blank", 5, None, 5, NEWER, 5, 5, None),  # blanks there are filled
    ("crm_unless_blank", None, None, 3, NEWER, 3, 3, None),
    ("max", 5, 8, 3, OLDER, 8, None, 3),
    ("max", 5, 8, 10, NEWER, 10, 10, 8),
    ("max", 5, 3, 5, OLDER, 3, None, None),  # one side alone: its change
    ("max", 5, 5, 3, OLDER, 3, 3, None),
    ("min", 5, 8, 3, NEWER, 3, 3, 8),
    ("min", 5, 8, 10, OLDER, 8, None, 10),
    ("min", 5, 100, 20, OLDER, 20, 20, 100),  # as numbers, not as texts
    ("hold", 5, 8, 5, OLDER, 8, None, None),
    ("hold", 5, 5, 3, OLDER, 3, 3, None),
    ("hold", 5, 8, 8, OLDER, 8, None, None),  # both moved to the same
    ("hold", 5, 8, 3, NEWER, 3, None, None),  # neither: a person decides
]


@pytest.mark.parametrize(("authority", "base", "theirs", "ours", "moment", "lead", "sent", "loser"), TABLE)
def test_an_authority_decides_what_both_sides_have_moved(
    authority, base, theirs, ours, moment, lead, sent, loser
):
    crm = crm_with(mapped("employees", "size", authority, kind="number"))
    person = linked(a_lead(employees=ours), crm, {"size": base} if base is not None else {})
    result = merged(person, crm, moment, size=theirs)
    out = written(person, crm, result)
    assert person.get("employees") == lead
    assert out.get("size") == sent
    assert [value for _, _, value in lost(result)] == ([loser] if loser is not None else [])


@pytest.mark.parametrize(
    ("base", "theirs", "ours", "lead", "sent"),
    [
        ("a;b", "a;b;c", "b;a;d", "b;a;d;c", "b;a;d;c"),  # each has added one
        ("a;b", "a", "a;b", "a", None),  # one side alone has removed one
        ("a;b", "b; a", "a;b", "a;b", None),  # another order is the same
        ("", "a", "b", "b;a", "b;a"),
        ("a", "x;y", "y;x", "y;x", None),
    ],
)
def test_a_union_has_the_values_of_both_and_loses_none(base, theirs, ours, lead, sent):
    crm = crm_with(mapped("interests", "interests", "union"))
    person = linked(a_lead(interests=ours), crm, {"interests": base})
    result = merged(person, crm, interests=theirs)
    out = written(person, crm, result)
    assert (person.get("interests"), out.get("interests"), result.conflicts) == (lead, sent, [])


def test_the_values_of_a_union_are_translated_one_by_one():
    crm = crm_with(mapped("interests", "interests", "union", values={"ads": "ADS", "web": "WEB"}))
    person = linked(a_lead(interests="ads"), crm, {})
    result = merged(person, crm, interests="WEB;MAIL")
    assert written(person, crm, result) == {"interests": "ADS;WEB;MAIL"}
    assert person.get("interests") == "ads;web;MAIL"


@pytest.mark.parametrize("kind", ["datetime", "number"])
def test_the_greater_of_two_moments_or_numbers(kind):
    earlier, later = ("2026-01-02T00:00:00Z", "2026-11-01T00:00:00Z") if kind == "datetime" else ("9", "10")
    crm = crm_with(mapped("language", "seen", "max", kind=kind))
    person = linked(a_lead(language=earlier), crm, {})
    assert merged(person, crm, OLDER, seen=later).fields["language"]
    person = linked(a_lead(language=later), crm, {})
    assert merged(person, crm, NEWER, seen=earlier).fields == {}


# Blanks: allow_clear, base, theirs, ours -> the lead afterwards, written, lost
BLANKS = [
    (False, "CTO", "", "CTO", "CTO", "CTO", None),
    (True, "CTO", "", "CTO", None, None, None),  # a person emptied it there
    (True, "CTO", None, "CTO", None, None, None),
    (True, "CTO", "", "CEO", None, None, "CEO"),  # both moved: newest, and theirs is
    (True, "CTO", "CTO", None, None, "", None),  # emptied here
    (False, "CTO", "CTO", None, None, None, None),
    (True, "CTO", "CEO", None, "CEO", None, None),
    (True, "", "", "CEO", "CEO", "CEO", None),  # it was never there: filled
]


@pytest.mark.parametrize(("allow_clear", "base", "theirs", "ours", "lead", "sent", "loser"), BLANKS)
def test_a_blank_wins_only_where_the_field_may_be_cleared(allow_clear, base, theirs, ours, lead, sent, loser):
    crm = crm_with(mapped("title", "title", "newest", allow_clear=allow_clear))
    crm = replace(crm, objects={"contacts": replace(crm.objects["contacts"], as_text=True)})
    person = linked(a_lead(title=ours), crm, {"title": base})
    result = merged(person, crm, title=theirs)
    out = written(person, crm, result)
    assert (person.get("title"), out.get("title")) == (lead, sent)
    assert [value for _, _, value in lost(result)] == ([loser] if loser else [])


def test_at_the_first_meeting_a_blank_clears_nothing():
    crm = crm_with(mapped("title", "title", "crm", allow_clear=True))
    assert merged(a_lead(title="CTO"), crm, title="").fields == {}


def test_a_field_that_was_not_read_is_not_blank():
    crm = crm_with(mapped("title", "title", "crm", allow_clear=True), mapped("city", "city", "crm"))
    assert merged(linked(a_lead(title="CTO"), crm, {"title": "CTO"}), crm, city="Ulm").fields == {
        "city": "Ulm"
    }


@pytest.mark.parametrize(
    ("given", "taken", "sent", "loser"),
    [
        ({}, "CEO", None, []),
        ({"read_only": True}, "CEO", None, []),
        ({"write_only": True}, None, "CTO", [("title", "CTO", "CEO")]),
    ],
)
def test_a_field_goes_the_way_its_direction_says(given, taken, sent, loser):
    crm = crm_with(mapped("title", "title", "newest", **given))
    person = linked(a_lead(title="CTO"), crm, {"title": "CTO"})
    result = merged(person, crm, title="CEO")
    assert result.fields.get("title") == taken
    assert written(person, crm, result).get("title") == sent
    assert lost(result) == loser


IN_GERMANY = Condition(lambda lead: lead.get("country") == "DE", "country is DE", place())


@pytest.mark.parametrize(
    ("country", "base", "theirs", "ours", "sent"),
    [
        ("DE", "CTO", "CTO", "CEO", {"title": "CEO"}),
        ("DE", None, None, "CEO", {"title": "CEO"}),
        ("FR", "CTO", "CTO", "CEO", {}),  # what was written while it held stays there
        ("FR", "CTO", "by a person", "CEO", {}),
        ("FR", "CTO", None, "CEO", {}),
        ("FR", "CTO", "CTO", None, {}),  # nor is it emptied
        ("DE", "CTO", "CTO", None, {"title": None}),  # emptied while it holds
    ],
)
def test_a_line_with_a_condition_is_written_while_it_holds_and_never_read(country, base, theirs, ours, sent):
    crm = crm_with(mapped("title", "title", "leadrelay", write_only=True, allow_clear=True, when=IN_GERMANY))
    person = linked(a_lead(title=ours, country=country), crm, {"title": base})
    result = merged(person, crm, title=theirs)
    assert result.fields == {}
    assert lost(result) == []
    assert written(person, crm, result) == sent


def test_a_person_who_changed_a_conditional_field_keeps_it_where_the_crm_has_the_say():
    rule = mapped("title", "title", "crm", write_only=True, when=IN_GERMANY)
    crm = crm_with(rule)
    person = linked(a_lead(title="CTO", country="FR"), crm, {"title": "CEO"})
    result = merged(person, crm, title="by a person")
    assert written(person, crm, result) == {}
    person.links[HUBSPOT] = result.link
    person.fields["country"] = "DE"  # the condition holds again
    assert written(person, crm, result) == {}


def test_what_is_only_read_is_never_written():
    crm = crm_with(mapped("title", "title", "newest", read_only=True))
    person = linked(a_lead(title="CTO"), crm, {"title": "CEO"})
    assert written(person, crm, merged(person, crm, title="CEO")) == {}


def test_the_first_line_that_may_be_read_is_read_and_what_is_overwritten_on_others_is_kept():
    lines = (
        mapped("title", "a", "leadrelay", write_only=True),
        mapped("title", "b", "newest"),
        mapped("title", "c", "leadrelay"),
    )
    crm = crm_with(*lines)
    shadow = {"a": "CTO", "b": "CTO", "c": "CTO"}
    result = merged(linked(a_lead(title="CTO"), crm, shadow), crm, a="by A", b="by B", c="by C")
    assert result.fields == {"title": "by B"}
    assert {value for _, _, value in lost(result)} == {"by A", "by C"}


# Two CRMs.


def two(hubspot: str, salesforce: str) -> tuple[dict[str, CrmMap], Lead]:
    """Return both maps with a title, and a lead that both hold the same of."""
    crms = {
        name: replace(
            crm,
            objects={
                key: replace(map_, fields=(mapped("title", "title", authority),))
                for key, map_ in crm.objects.items()
            },
        )
        for (name, crm), authority in zip(PLAYBOOK.crms.items(), (hubspot, salesforce), strict=True)
    }
    lead = a_lead(title="CTO")
    lead.links[HUBSPOT] = Link(HUBSPOT, "contacts", "7", {"title": "CTO"}, {}, read_at=NOON)
    lead.links[SALESFORCE] = Link(SALESFORCE, "Lead", "8", {"title": "CTO"}, {}, read_at=NOON)
    return crms, lead


def change(crms: dict[str, CrmMap], lead: Lead, name: str, value: str, moment) -> Merged:
    """Let somebody change the title in one CRM, and take it in."""
    object_name = lead.links[name].object
    record = Record(RecordRef(name, object_name, lead.links[name].remote_id), {"title": value}, moment)
    playbook = replace(PLAYBOOK, crms=crms)
    result = merge(lead, record, crms[name], playbook, KNOWN, now=at(90), sent={})
    lead.links[name] = result.link
    for field, taken in result.fields.items():
        lead.fields[field] = taken
        lead.provenance[field] = Provenance(name, result.times[field], 1)
    return result


def differs(crms: dict[str, CrmMap], lead: Lead, name: str) -> dict[str, Any]:
    """Return what would be written to one of them."""
    object_map = crms[name].map_of(lead.links[name].object)
    values = draft(lead, object_map, name, KNOWN)
    return difference(values, lead.links[name], object_map, PLAYBOOK.lifecycle, of=lead)


def test_what_a_person_changed_in_one_crm_reaches_the_other_that_people_own():
    crms, lead = two("crm", "crm")
    change(crms, lead, HUBSPOT, "CEO", NEWER)
    assert differs(crms, lead, SALESFORCE) == {"title": "CEO"}
    assert differs(crms, lead, HUBSPOT) == {}


@pytest.mark.parametrize(("theirs_at", "winner"), [(at(70), "Boss"), (at(50), "CEO")])
def test_of_two_people_in_two_crms_the_later_one_wins_everywhere(theirs_at, winner):
    crms, lead = two("crm", "crm")
    change(crms, lead, HUBSPOT, "CEO", NEWER)
    result = change(crms, lead, SALESFORCE, "Boss", theirs_at)
    assert lead.get("title") == winner
    assert [loser for _, _, loser in lost(result)] == [{"CEO", "Boss"}.difference({winner}).pop()]
    assert {**differs(crms, lead, HUBSPOT), **differs(crms, lead, SALESFORCE)} == {"title": winner}


def test_a_form_does_not_overwrite_what_people_typed():
    crms, lead = two("crm", "crm")
    lead.fields["title"] = "from a form"
    lead.provenance["title"] = Provenance("website", NEWER, 1)
    assert differs(crms, lead, HUBSPOT) == {}


def test_the_crm_whose_value_counts_wherever_it_has_one_puts_the_other_back():
    crms, lead = two("newest", "crm_unless_blank")
    result = change(crms, lead, HUBSPOT, "CEO", NEWER)
    assert (lead.get("title"), lost(result)) == ("CTO", [("title", "CTO", "CEO")])
    assert differs(crms, lead, HUBSPOT) == {"title": "CTO"}
    assert change(crms, lead, SALESFORCE, "Boss", OLDER).fields == {"title": "Boss"}


def test_while_it_has_none_the_others_value_fills_it():
    crms, lead = two("newest", "crm_unless_blank")
    lead.links[SALESFORCE] = replace(lead.links[SALESFORCE], shadow={"title": None})
    change(crms, lead, HUBSPOT, "CEO", NEWER)
    assert differs(crms, lead, SALESFORCE) == {"title": "CEO"}


# History.


@pytest.mark.parametrize(
    ("moment", "changed_at", "histories", "undecided", "title"),
    [
        (NEWER, {}, True, True, "Founder"),
        (NEWER, {"title": NEWER}, True, False, "CEO"),
        (NEWER, {"title": OLDER}, True, False, "Founder"),
        (NEWER, {"city": OLDER}, True, False, "CEO"),  # the history was read, and tells nothing of it
        (NEWER, {}, False, False, "CEO"),  # decided by the bound
        (OLDER, {}, True, False, "Founder"),  # the bound is enough
    ],
)
def test_where_only_the_history_tells_who_was_later_nothing_is_decided(
    moment, changed_at, histories, undecided, title
):
    crm = crm_with(mapped("title", "title", "newest"))
    person = linked(a_lead(title="Founder", since=NOON), crm, {"title": "CTO"})
    result = merged(person, crm, moment, histories=histories, changed_at=changed_at, title="CEO")
    assert set(result.undecided) == ({"title"} if undecided else set())
    assert result.fields.get("title", "Founder") == title
    if undecided:
        assert result.link.shadow["title"] == "CTO"  # as it was, so that the next merge sees both moved
        assert (result.conflicts, result.link.disputes) == ([], {})
    elif "title" in result.fields:
        assert result.times["title"] == changed_at.get("title", moment)


def test_a_field_that_one_side_moved_needs_no_history():
    crm = crm_with(mapped("title", "title", "newest"))
    person = linked(a_lead(title="CTO", since=NOON), crm, {"title": "CTO"})
    assert merged(person, crm, histories=True, title="CEO").undecided == {}


# Holds.

HOLD = crm_with(mapped("title", "title", "hold"))


def held() -> tuple[Lead, Merged]:
    """Return a lead whose title both sides have moved, and the merge that held it."""
    person = linked(a_lead(title="Founder", since=NOON), HOLD, {"title": "CTO"})
    result = merged(person, HOLD, title="CEO")
    person.links[HUBSPOT] = result.link
    return person, result


def test_what_both_have_moved_is_held_and_written_nowhere():
    person, result = held()
    [hold] = result.holds
    assert isinstance(hold, HoldField)
    assert hold.held == Held("CTO", "Founder", "CEO", is_breaker=False)
    assert (result.fields, written(person, HOLD, result)) == ({}, {})


def test_a_held_field_is_told_of_once_and_again_only_where_a_value_changed():
    person, _ = held()
    assert merged(person, HOLD, title="CEO").holds == []
    [again] = merged(person, HOLD, title="Boss").holds
    assert again.held.theirs == "Boss"


@pytest.mark.parametrize(
    ("ours", "theirs", "lead"),
    [("CEO", "CEO", None), ("Founder", "CTO", None), ("CTO", "CEO", "CEO")],
)
def test_a_hold_settles_itself_where_the_sides_agree_or_one_goes_back(ours, theirs, lead):
    person, _ = held()
    person.fields["title"] = ours
    result = merged(person, HOLD, title=theirs)
    [freed] = result.holds
    assert isinstance(freed, FreeField)
    assert freed.by == ""
    assert result.fields.get("title") == lead
    assert result.link.disputes == {}


@pytest.mark.parametrize(
    ("takes_theirs", "lead", "sent"), [(True, "CEO", None), (False, "Founder", "Founder")]
)
def test_the_same_two_values_are_not_asked_about_again(takes_theirs, lead, sent):
    person, result = held()
    dispute = result.link.disputes["title"].freed(Settled("Founder", "CEO", takes_theirs))
    person.links[HUBSPOT] = replace(result.link, shadow={"title": "CTO"}, disputes={"title": dispute})
    again = merged(person, HOLD, title="CEO")
    assert [one for one in again.holds if isinstance(one, HoldField)] == []
    assert written(person, HOLD, again).get("title") == sent
    assert person.get("title") == lead


def test_other_two_values_are_asked_about():
    person, result = held()
    dispute = result.link.disputes["title"].freed(Settled("Founder", "CEO", takes_theirs=True))
    person.links[HUBSPOT] = replace(result.link, shadow={"title": "CTO"}, disputes={"title": dispute})
    assert [one.held.theirs for one in merged(person, HOLD, title="Boss").holds] == ["Boss"]


# The breaker.


def toggle(crm: CrmMap, times: int, minutes: float) -> tuple[Lead, Merged]:
    """Let the CRM set a title again and again that the other CRM sets back each time."""
    person = linked(a_lead(title="A", company="1"), crm, {"title": "A", "company": "1"})
    for n in range(times):
        result = merged(person, crm, now=at(n * minutes), title="B", company="1")
        person.fields["title"] = "A"  # and so it is written
        person.links[HUBSPOT] = replace(result.link, shadow={**result.link.shadow, "title": "A"})
    return person, result


@pytest.mark.parametrize(
    ("times", "minutes", "is_held"),
    [(4, 1, False), (5, 1, True), (5, 14, True), (5, 20, False), (30, 25, False)],
)
def test_a_field_that_goes_to_and_fro_too_often_within_the_hour_is_held(times, minutes, is_held):
    crm = crm_with(
        mapped("title", "title", "newest"), mapped("company", "company", "newest"), breaker=Breaker(3)
    )
    _, result = toggle(crm, times, minutes)
    assert any(isinstance(one, HoldField) for one in result.holds) is is_held
    assert ("title" in result.fields) is not is_held


def test_everything_else_of_the_record_goes_on_and_only_a_person_lets_the_field_go():
    crm = crm_with(
        mapped("title", "title", "newest"), mapped("company", "company", "newest"), breaker=Breaker(3)
    )
    person, _ = toggle(crm, 5, 1)
    later = merged(person, crm, now=at(600), title="A", company="2")
    assert later.fields == {"company": "2"}
    assert later.link.disputes["title"].held == Held("A", "A", "A", is_breaker=True)
    person.links[HUBSPOT] = later.link
    person.fields |= {"title": "C", "company": "3"}
    assert written(person, crm, Merged(later.link)) == {"company": "3"}


def test_people_who_correct_a_field_in_turns_trip_nothing():
    crm = crm_with(mapped("title", "title", "newest"), breaker=Breaker(3))
    person = linked(a_lead(title="0"), crm, {"title": "0"})
    for n in range(1, 40):
        result = merged(person, crm, now=at(n), title=str(n))
        person.fields |= result.fields
        person.links[HUBSPOT] = result.link
        assert result.holds == []
    assert len(person.links[HUBSPOT].disputes["title"].moves) <= 2 * (3 + 1)


# A person's word.


def test_what_a_person_chose_here_is_written_over_what_people_typed_there():
    crm = crm_with(mapped("title", "title", "crm"))
    person = linked(a_lead(title="Founder"), crm, {"title": "CEO"}, {})
    person.provenance["title"] = Provenance(PERSON, NOON, 1)
    assert written(person, crm, Merged(person.links[HUBSPOT])) == {"title": "Founder"}
