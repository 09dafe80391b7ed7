"""Leads that are surely one person: joined without a person, each brake of that, and the way back."""

from __future__ import annotations

from dataclasses import replace

import pytest
import sqlalchemy as sa

from mappings.playbook import SHIPPED, Matching
from sync import explain, forget, inbox, tables
from sync.alike import pairs, sure, walk
from sync.alike.pairs import DIFFERENT
from tests.sync.house import House, a_house
from tests.sync.stores import rows
from tests.sync.test_alike import ADA, AGAIN, answer, asked, compare, posted

SURE = Matching(0.9, same=0.92, same_weights=SHIPPED)
THIRD = {**ADA, "email": "ada.lovelace@proton.me"}


@pytest.fixture
def house(store) -> House:
    return with_rules(a_house(store), SURE)


def with_rules(house: House, matching: Matching) -> House:
    house.playbook = replace(house.playbook, matching=matching)
    return house


def compared(house: House) -> None:
    """Let leads be compared, and what is handed in be decided, as long as there is anything of either."""
    for _ in range(9):
        house.clock.advance(1)
        before = len(rows(house.store, tables.inbox_events))
        compare(house, house.playbook.matching)
        walk.remind(house.store, "main", house.clock.now())
        house.settle()
        if len(rows(house.store, tables.inbox_events)) == before:
            return
    raise AssertionError("there is no end of it")


def left(house: House) -> list[str]:
    return sorted(row["id"] for row in rows(house.store, tables.leads))


def said(house: House, lead_id: str) -> list[str]:
    """Return what the decisions on a lead said of who else it may be."""
    with house.store.snapshot() as snapshot:
        story = explain.read(snapshot, lead_id)
    return [one["text"] for each in story.chapters for one in each.reasons if one["handler"] == "match"]


def why_left(house: House) -> list[str]:
    return [row["why"] for row in rows(house.store, tables.match_pairs)]


def test_two_who_are_sure_are_joined_with_the_evidence_and_its_weights_as_the_reason(house):
    posted(house, ADA, AGAIN)
    compared(house)
    [one] = left(house)
    [found, joined] = said(house, one)
    assert "% likely one person by the shipped weights: " in found
    assert "last_name close +" in found
    assert joined == f"joined without a person; lead {one} stays: it was active last"
    assert rows(house.store, tables.match_pairs) == []


def test_without_the_setting_a_person_is_asked(house):
    one, other = posted(house, ADA, AGAIN)
    compared(with_rules(house, replace(SURE, same=None)))
    assert left(house) == sorted((one, other))
    assert asked(house) == [pairs.ordered(one, other)]


def test_a_join_by_evidence_is_undone_as_any_other_and_never_made_again(house):
    one, other = posted(house, ADA, AGAIN)
    compared(house)
    [stayed] = left(house)
    gone = one if stayed == other else other
    inbox.append(house.store, [pairs.undo_event("main", gone, by="olga", now=house.clock.now())])
    house.settle()
    posted(house, AGAIN, ADA)
    compared(house)
    assert left(house) == sorted((one, other))
    assert [row["state"] for row in rows(house.store, tables.match_pairs)] == ["different"]


def test_a_persons_word_is_never_passed_over_though_the_pair_was_handed_in_before(house):
    one, other = posted(house, ADA, AGAIN)
    compare(house, SURE)  # hands the two in
    word = pairs.answer_event("main", one, other, DIFFERENT, by="olga", now=house.clock.now())
    inbox.append(house.store, [word])
    house.store.write(_put_behind)  # the word comes first
    house.settle()
    compared(house)
    assert left(house) == sorted((one, other))


def _put_behind(connection):
    c = tables.inbox_events.c
    last = connection.execute(sa.select(sa.func.max(c.id))).scalar_one()
    connection.execute(sa.update(tables.inbox_events).where(c.source == "matcher").values(id=last + 1))


def test_a_contradiction_leaves_the_pair_to_a_person_who_reads_why(house):
    with_rules(house, replace(SURE, review=0.5, same=0.5))
    phone = {"phone": "+442079460018", "company": "Analytical Engines"}
    one, other = posted(
        house, {**ADA, **phone}, {**ADA, **phone, "email": "ada@home.example", "first_name": "Byron"}
    )
    compared(house)
    assert left(house) == sorted((one, other))
    assert why_left(house) == ["not joined without a person: first_name other -3.8 speaks against it"]
    assert asked(house) == [pairs.ordered(one, other)]


def test_a_filter_keeps_two_apart_who_are_sure(house):
    posted(house, {**ADA, "title": "Countess"}, {**AGAIN, "title": "Baroness"})
    compared(with_rules(house, replace(SURE, never_across=("title",))))
    assert len(left(house)) == 2
    assert why_left(house) == ["never across title: Countess, Baroness"]


def test_leads_that_change_before_the_decision_are_judged_as_they_are_then(house):
    one, other = posted(house, ADA, AGAIN)
    house.post(**{**AGAIN, "first_name": "Augusta", "last_name": "King"})  # is decided first
    compare(house, SURE)
    house.decide()
    assert left(house) == sorted((one, other))
    assert said(house, min(one, other))[-1] == "not joined: that is less than 0.92: nobody is joined"


def test_two_who_come_to_differ_across_a_filter_stay_apart_and_the_reason_holds_no_value(house):
    with_rules(house, replace(SURE, never_across=("title",)))
    one, other = posted(house, {**ADA, "title": "Countess"}, AGAIN)
    house.post(**{**AGAIN, "title": "Baroness"})  # is decided before the pair that was found without it
    compare(house, house.playbook.matching)
    house.decide()
    assert left(house) == sorted((one, other))
    assert said(house, min(one, other))[-1] == "not joined: never across title"


def test_past_the_limit_of_an_hour_the_others_are_left_to_a_person_and_that_is_counted(house):
    with_rules(house, replace(SURE, same_per_hour=1))
    posted(house, ADA, AGAIN)
    bob = {
        "email": "bob.babbage@engines.example",
        "first_name": "Bob",
        "last_name": "Babbage",
        "country": "GB",
    }
    posted(house, bob, {**bob, "email": "bob.babbage@gmail.com"})
    compared(house)
    assert len(left(house)) == 3
    [why] = why_left(house)
    assert why.startswith(
        "left to a person: over the limit: 1 lead was joined without a person in the last hour"
    )
    with house.store.snapshot() as snapshot:
        assert sure.count_over_limit(snapshot, "main") == 1
    house.clock.advance(3601)
    compare(house, replace(SURE, same_per_hour=1, review=0.91))  # all are compared anew
    house.settle()
    assert why_left(house) == [why]
    posted(
        house, {"email": "eve.adams@x.example", "first_name": "Eve", "last_name": "Adams", "country": "GB"}
    )
    posted(
        house, {"email": "eve.adams@gmail.com", "first_name": "Eve", "last_name": "Adams", "country": "GB"}
    )
    compared(house)
    assert len(left(house)) == 4  # a new hour: the next pair is joined


def test_of_three_who_are_one_person_all_become_one(house):
    """All join the one that comes first, whatever order they are handed in by."""
    with_rules(house, replace(SURE, tie_breakers=("most_complete", "oldest")))
    _, whole, _ = posted(house, ADA, {**AGAIN, "title": "Countess"}, THIRD)
    compared(house)
    assert left(house) == [whole]
    assert f"of 3 leads that are one person lead {whole} comes first: it has most fields" in said(
        house, whole
    )


def test_who_may_be_two_that_a_person_told_apart_is_left_to_a_person(house):
    one, other, third = posted(house, ADA, AGAIN, THIRD)
    answer(house, one, other, DIFFERENT)
    compared(house)
    assert left(house) == sorted((one, other, third))
    assert all("and a person said it is not lead" in why for why in why_left(house) if why)
    assert len(asked(house)) == 2


def test_two_are_joined_a_moment_later_where_one_is_just_changing(house):
    one, other = posted(house, ADA, AGAIN)
    house.post(**{**ADA, "title": "Countess"})  # is decided in one batch with the pair
    compare(house, SURE)
    house.decide()
    assert left(house) == sorted((one, other))
    assert [row["state"] for row in rows(house.store, tables.match_pairs)] == ["agreed"]
    compared(house)
    assert len(left(house)) == 1


def test_merges_of_the_two_records_are_never_done_unasked(house):
    """``merges: do`` is for what people said: no call takes a merge back."""
    crms = {name: replace(crm, merges="do") for name, crm in house.playbook.crms.items()}
    house.playbook = replace(house.playbook, crms=crms)
    posted(house, ADA, AGAIN)
    compared(house)
    assert len(left(house)) == 1
    waiting = [row for row in rows(house.store, tables.proposals) if row["kind"] == "merge"]
    assert [row["state"] for row in waiting] == ["open"] * len(house.playbook.crms)


def test_of_who_is_forgotten_no_event_joins_anybody(house):
    one, other = posted(house, ADA, AGAIN)
    compare(house, SURE)
    house.store.write(lambda on: forget.remove_test_leads(on, [one]))
    house.settle()
    assert left(house) == [other]
