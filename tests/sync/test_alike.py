"""Leads that may be one person: found beside the deciding, asked once, answered for ever."""

from __future__ import annotations

from dataclasses import replace

import pytest
import sqlalchemy as sa

from mappings.playbook import Matching
from mappings.values.identity import keys_of
from sync import explain, forget, inbox, tables
from sync.alike import pairs, teaching, walk
from sync.alike.pairs import DIFFERENT, SAME
from sync.deciding.ranking import first_of
from sync.deciding.same_people import survivor
from tests.builders import NOON, a_lead
from tests.sync.house import House, a_house
from tests.sync.stores import rows

MATCHING = Matching(review=0.9)
PHONE = "+442079460018"
ADA = {"email": "ada.lovelace@engines.example", "first_name": "Ada", "last_name": "Lovelace", "country": "GB"}
AGAIN = {**ADA, "email": "ada.lovelace@gmail.com", "last_name": "Lovelase"}
NAMESAKE = {**ADA, "email": "a.l@perth.example", "country": "AU", "company": "Perth Wool"}


@pytest.fixture
def house(store) -> House:
    return a_house(store)


def lead_id(house: House, post: dict[str, str]) -> str:
    with house.store.snapshot() as snapshot:
        return explain.find_lead(snapshot, "main", post["email"], keys_of(post["email"]))


def compare(house: House, matching: Matching = MATCHING) -> None:
    """Let the walk come to its end, as the job does."""
    for _ in range(50):
        if not walk.step(house.store, "main", matching, house.clock.now()):
            return
    raise AssertionError("the walk has no end")


def posted(house: House, *posts: dict[str, str]) -> list[str]:
    """Post people one by one; return whose leads they are."""
    for post in posts:
        house.post(**post)
        house.settle()
        house.clock.advance(1)
    return [lead_id(house, post) for post in posts]


def asked(house: House) -> list[tuple[str, str]]:
    with house.store.snapshot() as snapshot:
        return [(one.one, one.other) for one in pairs.open_ones(snapshot, "main", limit=9)]


def answer(house: House, a: str, b: str, said: str) -> None:
    house.clock.advance(1)
    inbox.append(house.store, [pairs.answer_event("main", a, b, said, by="olga", now=house.clock.now())])
    house.settle()


def test_two_who_are_alike_are_asked_about_with_the_evidence(house):
    one, other = posted(house, ADA, AGAIN)
    compare(house)
    assert asked(house) == [pairs.ordered(one, other)]
    with house.store.snapshot() as snapshot:
        [pair] = explain.read(snapshot, one).pairs
    assert pair.beside(one) == other
    assert pair.probability > 0.9
    assert "last_name close" in pair.text
    assert "mailbox same" in pair.text


def test_who_has_no_more_than_the_name_in_common_is_not_asked_about(house):
    posted(house, ADA, NAMESAKE)
    compare(house)
    assert asked(house) == []


def test_the_walk_goes_on_with_who_comes_later_and_costs_nothing_without_news(house):
    posted(house, ADA)
    compare(house)
    assert walk.step(house.store, "main", MATCHING, house.clock.now()) == 0
    posted(house, AGAIN)
    compare(house)
    assert len(asked(house)) == 1


def test_the_order_of_coming_and_of_comparing_changes_nothing(house):
    one, other = posted(house, AGAIN, ADA)
    compare(house)
    first = asked(house)
    compare(house, replace(MATCHING, review=0.91))  # another playbook: all are compared anew
    assert asked(house) == first == [pairs.ordered(one, other)]


def test_a_filter_leaves_the_pair_unasked_and_says_why(house):
    one, _ = posted(house, ADA, {**AGAIN, "country": "IE"})
    compare(house, replace(MATCHING, review=0.5, never_across=("country",)))
    assert asked(house) == []
    with house.store.snapshot() as snapshot:
        [pair] = pairs.of_lead(snapshot, one)
    assert pair.state == "filtered"
    assert "never across country" in pair.why


def test_what_is_no_longer_alike_is_no_longer_asked(house):
    posted(house, ADA, AGAIN)
    compare(house)
    posted(house, {**AGAIN, "first_name": "Augusta", "last_name": "King", "phone": "+61891234567"})
    compare(house)
    assert asked(house) == []


def test_different_is_said_once_and_for_ever(house):
    one, other = posted(house, ADA, AGAIN)
    compare(house)
    answer(house, one, other, DIFFERENT)
    compare(house, replace(MATCHING, review=0.6))
    posted(house, {**AGAIN, "last_name": "Lovelace"})
    compare(house, replace(MATCHING, review=0.6))
    assert asked(house) == []
    assert {lead_id(house, ADA), lead_id(house, AGAIN)} == {one, other}
    [pair] = rows(house.store, tables.match_pairs)
    assert (pair["state"], pair["by"]) == ("different", "olga")


def test_same_makes_one_lead_of_two(house):
    one, other = posted(house, ADA, AGAIN)
    compare(house)
    answer(house, one, other, SAME)
    assert len(rows(house.store, tables.leads)) == 1
    assert lead_id(house, ADA) == lead_id(house, AGAIN)
    posted(house, AGAIN)
    assert len(rows(house.store, tables.leads)) == 1
    compare(house)
    assert asked(house) == []


def test_the_reasons_say_who_said_it_and_which_tie_breaker_decided(house):
    one, other = posted(house, ADA, AGAIN)
    answer(house, one, other, SAME)
    [left] = rows(house.store, tables.leads)
    with house.store.snapshot() as snapshot:
        story = explain.read(snapshot, left["id"])
    said = [reason["text"] for reason in story.chapters[-1].reasons if reason["handler"] == "match"]
    assert said == [f"olga says they are one person; lead {left['id']} stays: it was active last"]


def test_a_word_on_who_is_gone_changes_nothing(house):
    [one] = posted(house, ADA)
    answer(house, one, "ld_nobody", SAME)
    assert len(rows(house.store, tables.leads)) == 1
    assert rows(house.store, tables.match_pairs) == []


def test_different_holds_for_the_lead_that_took_one_of_the_two_in(house):
    third = {**ADA, "email": "ada@lovelace.example"}
    one, other, last = posted(house, ADA, AGAIN, third)
    answer(house, one, other, DIFFERENT)
    answer(house, other, last, SAME)
    compare(house, replace(MATCHING, review=0.5))
    assert asked(house) == []
    assert [one["state"] for one in rows(house.store, tables.match_pairs)] == ["different"]


def test_a_word_that_came_while_a_lead_was_changing_is_kept_and_done_later(house):
    one, other = posted(house, ADA, AGAIN)
    house.post(**AGAIN)  # is decided in one batch with the word
    word = pairs.answer_event("main", one, other, SAME, by="olga", now=house.clock.now())
    inbox.append(house.store, [word])
    house.settle()
    assert [row["state"] for row in rows(house.store, tables.match_pairs)] == ["agreed"]
    house.clock.advance(1)
    assert walk.remind(house.store, "main", house.clock.now()) == 1
    house.settle()
    assert len(rows(house.store, tables.leads)) == 1
    assert walk.remind(house.store, "main", house.clock.now()) == 0


def test_a_reminder_of_a_word_that_was_taken_back_joins_nobody(house):
    one, other = posted(house, ADA, AGAIN)
    house.post(**AGAIN)
    word = pairs.answer_event("main", one, other, SAME, by="olga", now=house.clock.now())
    inbox.append(house.store, [word])
    house.decide()
    house.clock.advance(1)
    second = pairs.answer_event("main", one, other, DIFFERENT, by="olga", now=house.clock.now())
    inbox.append(house.store, [second])  # waits, while the job hands in the first word once more
    assert walk.remind(house.store, "main", house.clock.now()) == 1
    house.settle()
    assert [row["state"] for row in rows(house.store, tables.match_pairs)] == ["different"]
    assert len(rows(house.store, tables.leads)) == 2


def test_a_decision_that_is_committed_after_a_later_line_of_somebody_else_is_not_passed(house):
    posted(house, ADA)
    compare(house)
    [place] = rows(house.store, tables.match_walks)
    posted(house, AGAIN)
    late = [row for row in rows(house.store, tables.audit) if row["id"] > place["line"]]
    others = late[0] | {"id": late[-1]["id"] + 1, "actor": "deliverer", "lead_id": None}
    ours = tables.audit.c.id.in_([row["id"] for row in late])
    house.store.write(lambda on: on.execute(sa.delete(tables.audit).where(ours)))
    house.store.write(lambda on: on.execute(sa.insert(tables.audit).values(**others)))
    compare(house)  # PostgreSQL gave the decider its ids before, and shows its lines only now
    house.store.write(lambda on: on.execute(sa.insert(tables.audit), late))
    compare(house)
    assert len(asked(house)) == 1


def test_lines_of_others_are_passed_once_no_decision_can_be_older(house):
    posted(house, ADA)
    compare(house)
    last = max(row["id"] for row in rows(house.store, tables.audit))
    line = {
        "space": "main",
        "at": house.clock.now(),
        "action": "done",
        "commitment": "",
        "actor": "deliverer",
    }
    house.store.write(lambda on: on.execute(sa.insert(tables.audit).values(id=last + 9, **line)))
    house.clock.advance(601)
    compare(house)
    assert [row["line"] for row in rows(house.store, tables.match_walks)] == [last + 9]


@pytest.mark.parametrize(
    ("a", "b", "why"),
    [
        ({"stage": "customer"}, {"deal_outcome": "open"}, "is a customer"),
        ({"deal_outcome": "open"}, {"owner": "bo@example.com"}, "has an open deal"),
        ({"owner": "bo@example.com"}, {"title": "Countess"}, "has an owner"),
        ({"title": "Countess"}, {"score": 90}, "has most fields"),
    ],
)
def test_who_stays_is_decided_by_the_first_that_differs(a, b, why):
    first, second = a_lead(id="ld_b", **a), a_lead(id="ld_a", **b)
    rules = Matching(tie_breakers=("customer", "open_deal", "owner", "most_complete"))
    assert survivor(first, second, rules) == (first, second, why)
    assert survivor(second, first, rules) == (first, second, why)


def test_of_several_who_are_one_person_those_come_first_whose_country_most_have():
    leads = [a_lead(id=f"ld_{n}", country=country) for n, country in enumerate(("FR", "GB", "GB"))]
    rules = Matching(tie_breakers=("same_country",))
    assert first_of(leads, rules) == (leads[1], "has the lesser id")
    assert first_of([leads[0], leads[1], a_lead(id="ld_3", country="FR")], rules)[0] is leads[0]


def test_two_that_differ_in_nothing_are_told_apart_by_their_ids():
    first, second = a_lead(id="ld_a"), a_lead(id="ld_b")
    first.created_at = second.created_at = NOON
    assert survivor(second, first) == (first, second, "has the lesser id")


def test_of_a_few_leads_nothing_is_learned_and_that_is_said(house):
    posted(house, ADA, AGAIN)
    with house.store.snapshot() as snapshot:
        learned, people = teaching.learn(snapshot, "main", MATCHING, 100)
    assert people == 2
    assert "1 candidate pairs, and at least 1000 are needed" in learned.why_not


def test_of_who_is_forgotten_no_key_and_no_pair_is_left(house):
    one, other = posted(house, ADA, AGAIN)
    compare(house)
    answer(house, one, other, DIFFERENT)
    house.store.write(lambda on: forget.remove_test_leads(on, [one]))
    assert rows(house.store, tables.match_pairs) == []
    assert {row["lead_id"] for row in rows(house.store, tables.match_keys)} == {other}


def test_a_key_that_too_many_share_asks_of_nobody(house, monkeypatch):
    monkeypatch.setattr(walk, "LARGEST_BLOCK", 1)
    posted(house, ADA, AGAIN)
    compare(house)
    assert asked(house) == []


def test_three_who_are_alike_are_three_questions(house):
    posted(house, ADA, AGAIN, {**ADA, "email": "ada.lovelace@proton.me"})
    compare(house)
    compare(house, replace(MATCHING, review=0.89))
    assert len(asked(house)) == 3
