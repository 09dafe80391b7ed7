"""Leads of the band under review: asked once, answered by people, settled by what happens."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from mappings.playbook import Band, Review
from sync import borderline, inbox, tables
from sync.alike import pairs
from sync.alike.pairs import SAME
from tests.builders import a_lifecycle, a_scoring, field_is, mapped, place, points
from tests.sync.followed import ADA, BO, known
from tests.sync.house import HUBSPOT, House, a_house, house_playbook
from tests.sync.stores import rows
from tests.sync.test_joins import merged_in_salesforce
from tests.sync.test_stages import edit, history, said

AT = place(1, "scoring.yaml")
SCORING = replace(
    a_scoring(points(30, "German", when=field_is("country", "DE")), intent=100),
    bands=(Band("cold", 0, 0, timedelta(), AT), Band("warm", 30, 30, timedelta(), AT)),
)
REVIEW = Review(
    "warm", "mql", "disqualified", "message", ("No budget", "Student"), place(2, "lifecycle.yaml")
)


def reviewing(store) -> House:
    return a_house(
        store, playbook=house_playbook(scoring=SCORING, lifecycle=replace(a_lifecycle(), review=REVIEW))
    )


@pytest.fixture
def house(store) -> House:
    return reviewing(store)


def waiting(house: House) -> list[borderline.Card]:
    with house.store.snapshot() as snapshot:
        found = borderline.open_ones(snapshot, "main", house.playbook, house.clock.now(), limit=9)
        assert borderline.count_open(snapshot, "main") == len(found)
    return found


def answer(house: House, verdict: str, reason: str = "", address: str = ADA) -> None:
    house.clock.advance(60)
    event = borderline.answer_event(
        "main", house.lead_id(address), verdict, reason, by="eva", now=house.clock.now()
    )
    inbox.append(house.store, [event])
    house.settle()


def post(house: House, **fields) -> None:
    house.clock.advance(60)
    house.post(**{"email": ADA} | fields)
    house.settle()


def asked(house: House) -> int:
    return len(rows(house.store, tables.reviews))


def test_a_lead_in_the_band_is_asked_about_once_with_what_helps_to_decide(house):
    known(house, country="DE")
    post(house, city="Bonn")
    [card] = waiting(house)
    assert (card.name, card.lead.stage, card.lead.get("in_review"), asked(house)) == (ADA, "suspect", True, 1)
    assert any("German" in line for line in card.score_reasons)
    assert card.as_json()["band"] == "warm"
    known(house, BO, country="FR")
    assert [one.name for one in waiting(house)] == [ADA]


def test_an_approved_lead_moves_and_who_said_so_is_kept(house):
    known(house, country="DE")
    answer(house, "approve")
    assert (house.lead(ADA).stage, house.lead(ADA).get("in_review"), waiting(house)) == ("mql", False, [])
    assert "suspect → mql: approved by eva" in said(house)
    assert history(house)[-1] == ("suspect", "mql", "page: eva", 1)


@pytest.mark.parametrize(
    ("reason", "why"), [("", "a reason is missing"), ("Bored", "is none of the reasons")]
)
def test_nobody_is_disqualified_without_a_listed_reason(house, reason, why):
    known(house, country="DE")
    answer(house, "disqualify", reason)
    assert (house.lead(ADA).stage, len(waiting(house))) == ("suspect", 1)
    assert any(why in text and "No budget, Student" in text for text in said(house))


def test_a_disqualified_lead_keeps_its_reason(house):
    known(house, country="DE")
    answer(house, "disqualify", "Student")
    lead = house.lead(ADA)
    assert (lead.stage, lead.get("message"), waiting(house)) == ("disqualified", "Student", [])
    assert "suspect → disqualified: disqualified by eva: Student" in said(house)
    answer(house, "approve")  # somebody who looked before
    assert house.lead(ADA).stage == "disqualified"
    assert any("does not wait for a review" in text for text in said(house))


def test_a_verdict_stands_until_the_lead_has_left_the_band_and_come_back(house):
    known(house, country="DE")
    answer(house, "disqualify", "Student")
    edit(house, HUBSPOT, stage="suspect")  # a person leads it back: it was judged all the same
    assert (house.lead(ADA).stage, waiting(house)) == ("suspect", [])
    post(house, country="FR")
    post(house, country="DE")
    assert (len(waiting(house)), asked(house)) == (1, 2)


def test_the_question_goes_with_the_band_and_with_a_move_in_a_crm(house):
    known(house, country="DE")
    post(house, country="FR")
    assert (waiting(house), house.lead(ADA).get("in_review")) == ([], False)
    post(house, country="DE")
    assert len(waiting(house)) == 1
    edit(house, HUBSPOT, stage="mql")
    assert (house.lead(ADA).stage, waiting(house), house.lead(ADA).get("in_review")) == ("mql", [], False)
    assert [one["state"] for one in rows(house.store, tables.reviews)] == ["settled", "settled"]


def test_of_two_leads_that_become_one_one_question_is_left(house):
    known(house, ADA, country="DE"), known(house, BO, country="DE")
    assert len(waiting(house)) == 2
    inbox.append(house.store, [merged_in_salesforce(house, BO, ADA)])
    house.settle()
    [card] = waiting(house)
    answer(house, "approve", address=str(card.lead.get("email")))
    assert waiting(house) == []


def test_a_crm_whose_map_writes_the_flag_is_told_that_a_lead_waits_and_that_it_does_not_any_more(store):
    plain = house_playbook(scoring=SCORING, lifecycle=replace(a_lifecycle(), review=REVIEW))
    flag = mapped("in_review", "in_review", "leadrelay")
    crm = plain.crms[HUBSPOT]
    objects = {name: replace(one, fields=(*one.fields, flag)) for name, one in crm.objects.items()}
    house = a_house(
        store, playbook=replace(plain, crms={**plain.crms, HUBSPOT: replace(crm, objects=objects)})
    )
    record = known(house, country="DE")[HUBSPOT]
    told = [house.crms[HUBSPOT].records[record].fields["in_review"]]
    answer(house, "approve")
    told.append(house.crms[HUBSPOT].records[record].fields["in_review"])
    assert told == ["true", "false"]  # as HubSpot writes a checkbox


@pytest.mark.parametrize("judged", [ADA, BO])
def test_who_was_settled_as_one_with_another_waits_again_once_they_are_two(house, judged):
    for address in (ADA, BO):
        post(house, email=address, last_name="Lovelace", country="DE")
    answer(house, "disqualify", "Student", judged)
    ids = [house.lead_id(address) for address in (ADA, BO)]
    house.clock.advance(60)
    inbox.append(house.store, [pairs.answer_event("main", *ids, SAME, by="olga", now=house.clock.now())])
    house.settle()
    assert waiting(house) == []
    [left] = [row["id"] for row in rows(house.store, tables.leads)]
    [gone] = {*ids} - {left}
    house.clock.advance(60)
    inbox.append(house.store, [pairs.undo_event("main", gone, by="olga", now=house.clock.now())])
    house.settle()
    assert [card.name for card in waiting(house)] == [BO if judged == ADA else ADA]
