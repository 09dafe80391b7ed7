"""The pages of what waits for a person: found by its cause, read, sent again one by one or all at once."""

from __future__ import annotations

import re

import pytest
import sqlalchemy as sa

from sync import tables
from sync.replays.replaying import Replays
from tests.dashboard.house import HOSTILE, Tags, fill, letter_in, number_in, words
from tests.sync.stores import rows

PAGE = "/aside/letters"


def give_up(desk, *kinds: str, cause: str = "invalid_blocks") -> list[int]:
    """Store tasks and messages for Ada that were given up; return their ids."""
    now = desk.house.clock.now()
    row = {
        "space": "main", "lead_id": desk.house.lead_id("ada@example.com"), "event": 1, "payload": {},
        "needs": [], "state": "dead", "attempts": 1, "due_at": now, "patient_until": now, "raised_at": now,
        "settled_at": now, "error": HOSTILE, "cause": cause,
    }  # fmt: skip
    for number, kind in enumerate(kinds):
        own = {"key": f"k{number}", "kind": kind, "target": "slack" if kind == "message" else "hubspot"}
        desk.daemon.store.write(
            lambda on, own=own: on.execute(sa.insert(tables.outbox_effects).values(row | own))
        )
    return [one.id for one in desk.house.effects()]


def hand_in(desk) -> None:
    """Do what the daemon's job does each second."""
    Replays(desk.daemon.store, desk.house.clock).run()


def test_a_letters_page_names_lead_record_field_value_words_advice_and_attempts(desk):
    house = desk.house
    house.post(email="ada@example.com", first_name="Ada")
    house.settle()
    house.crms["hubspot"].next("update", rejects="ada@")
    house.post(email="ada@example.com", first_name="Augusta", country="GB")
    house.settle()
    page = desk.get(f"{PAGE}/change/{letter_in(desk)}")
    text = words(page.text)
    record = next(one for one in house.crms["hubspot"].records)
    for part in (
        "INVALID: the CRM will not take it (fields: email)",
        "Cause INVALID",
        "Field email",
        "Attempts 1",
        "What to do The words say why: mend that, then send it again.",
        "Lead ada@example.com",
        f"Record contacts {record}",
        "email is written from the lead's email by",
        "country GB",
    ):
        assert part in text, part
    assert f'href="http://127.0.0.1:8901/hubspot/contacts/{record}"' in page.text
    assert 'href="/playbook?file=' in page.text


def test_letters_are_counted_by_cause_with_what_to_do(desk):
    fill(desk)
    give_up(desk, "task", "message", "message")
    text = words(desk.get(PAGE).text)
    assert "INVALID email hubspot contacts 1" in text
    assert "invalid_blocks slack message 2" in text
    assert "invalid_blocks hubspot task 1" in text


@pytest.mark.parametrize(
    ("filters", "change", "effects"),
    [
        ("", 1, 3),
        ("cause=INVALID", 1, 0),
        ("cause=INVALID+email", 1, 0),
        ("cause=INV", 0, 0),
        ("cause=invalid_blocks&place=slack", 0, 2),
        ("object=contacts", 1, 0),
        ("object=task", 0, 1),
        ("age=hour", 1, 3),
        ("age=older", 0, 0),
        ("age=nonsense", 1, 3),
        ("place=hubspot", 1, 1),
    ],
)
def test_letters_are_found_by_cause_place_object_and_age(desk, filters, change, effects):
    fill(desk)
    give_up(desk, "task", "message", "message")
    page = desk.get(f"{PAGE}?{filters}").text
    assert len(re.findall(r'type="checkbox" form="some" name="change"', page)) == change
    assert len(re.findall(r'type="checkbox" form="some" name="effect"', page)) == effects
    assert ("Nothing in this list fits" in words(page)) == (change + effects == 0)


@pytest.mark.parametrize(
    ("state", "cause"),
    [
        ("quarantined", "BAD_VALUE email"),
        ("review", "ROLE_ADDRESS"),
        ("spam", "HONEYPOT"),
        ("dead", "RuntimeError"),
    ],
)
def test_events_are_found_by_cause_and_source(desk, state, cause):
    fill(desk)
    number = number_in(desk, state)
    text = desk.get(f"/aside/{state}").text
    assert f"{cause} website 1" in words(text)
    for filters, is_there in ((f"cause={cause}", True), ("cause=GONE", False), ("place=events", False)):
        found = desk.get(f"/aside/{state}?{filters}".replace(" ", "+")).text
        assert (f'href="/events/{number}"' in found) == is_there


def test_a_dead_letter_is_sent_again_from_its_page(desk):
    fill(desk)
    number = letter_in(desk)
    answer = desk.send(f"{PAGE}/replay", f"{PAGE}/change/{number}", change=str(number))
    assert (answer.status_code, answer.location) == (303, f"{PAGE}?said=replayed")
    desk.house.settle()
    assert "No dead letter" in words(desk.get(PAGE).text)
    assert desk.house.status().connections["hubspot"].dead == 0
    assert desk.get(f"{PAGE}/change/{number}").status_code == 404


def test_a_double_click_sends_a_letter_again_once(desk):
    fill(desk)
    number = str(letter_in(desk))
    desk.house.clock.advance(1)
    for _ in range(2):
        desk.send(f"{PAGE}/replay", PAGE, change=number)
        desk.send(f"{PAGE}/replay-all", PAGE)
        desk.house.clock.advance(1)
    hand_in(desk)
    replays = [row for row in rows(desk.daemon.store, tables.inbox_events) if row["kind"] == "replay"]
    assert len(replays) == 1
    desk.house.crms["hubspot"].next("create", rejects="rejected@")
    desk.house.settle()
    desk.send(f"{PAGE}/replay", PAGE, change=number)  # it was refused once more: this is another death
    replays = [row for row in rows(desk.daemon.store, tables.inbox_events) if row["kind"] == "replay"]
    assert len(replays) == 2


def test_tasks_and_messages_that_were_given_up_need_a_person_and_are_listed(desk):
    fill(desk)
    give_up(desk, "task", "message", "message")
    overview = words(desk.get("/").text)
    assert "hubspot: 1 task or message was given up" in overview
    assert "slack: 2 tasks and messages were given up" in overview
    page = desk.get(PAGE)
    assert "task in hubspot ada@example.com" in words(page.text)
    assert words(page.text).count("message in slack") == 2
    assert HOSTILE not in page.text
    assert not Tags(page.text).bare
    one = desk.get(f"{PAGE}/effect/{letter_in(desk, 'effect')}")
    assert HOSTILE not in one.text
    assert not Tags(one.text).bare


def test_the_chosen_ones_are_sent_again_and_then_all(desk):
    fill(desk)
    first, second, third = give_up(desk, "task", "message", "message")
    answer = desk.send(f"{PAGE}/replay", PAGE, effect=[str(second), str(first)])
    assert answer.location == f"{PAGE}?said=replayed"
    desk.house.decide()
    states = {one.id: one.state for one in desk.house.effects()}
    assert states == {first: "waiting", second: "waiting", third: "dead"}
    assert "rejected@example.com" in desk.get(PAGE).text, "the dead change was not named"
    answer = desk.send(f"{PAGE}/replay-all", PAGE)
    assert answer.location == f"{PAGE}?said=ordered"
    assert "0 of 1 handed in, new leads first: any cause, asked for by (sandbox)" in words(
        desk.get(PAGE).text
    )
    hand_in(desk)
    desk.house.decide()
    assert {one.state for one in desk.house.effects()} == {"waiting"}
    text = words(desk.get(PAGE).text)
    assert "No dead letter" in text
    assert "1 of 1 sent again: any cause" in text


def test_all_of_a_cause_are_sent_again_and_no_other(desk):
    fill(desk)
    wanted = give_up(desk, "message", "message", cause="msg_too_long")
    desk.send(f"{PAGE}/replay-all", PAGE, cause="msg_too_long", place="slack")
    hand_in(desk)
    desk.house.decide()
    assert {one.id for one in desk.house.effects() if one.state == "waiting"} == set(wanted)
    assert letter_in(desk), "the dead change is of another cause"


def test_the_dead_messages_go_on_where_the_last_page_ended(desk, monkeypatch):
    monkeypatch.setattr("sync.replays.letters.page.__defaults__", (*_defaults(), 2))
    fill(desk)
    ids, path, seen = give_up(desk, *["message"] * 5), f"{PAGE}?place=slack", []
    while path:
        text = desk.get(path).text
        seen += map(int, re.findall(r'name="effect" value="(\d+)" aria', text))
        following = re.search(r'href="([^"]+)" rel="next"', text)
        path = following[1].replace("&amp;", "&") if following else ""
    assert [*dict.fromkeys(seen)] == ids[::-1]


def _defaults():
    from sync.replays import letters

    return letters.page.__defaults__[:-1]


@pytest.mark.parametrize("named", [{"change": "x"}, {"change": ""}, {"effect": "-1"}, {"effect": "9" * 40}])
def test_what_names_no_letter_is_not_taken_for_all_of_them(desk, named):
    fill(desk)
    answer = desk.send(f"{PAGE}/replay", PAGE, **named)
    assert answer.status_code == 400
    assert desk.house.decide() == 0


def test_nothing_chosen_is_nothing_sent(desk):
    fill(desk)
    answer = desk.send(f"{PAGE}/replay", PAGE, cause="INVALID")
    assert answer.location == f"{PAGE}?cause=INVALID&said=unnamed"
    assert "Nothing was chosen" in desk.get(answer.location).text
    hand_in(desk)
    assert desk.house.decide() == 0


def test_a_whole_list_of_events_is_sent_again(desk):
    fill(desk)
    assert desk.send("/aside/dead/replay-all", "/aside/dead").location == "/aside/dead?said=ordered"
    assert "They are being sent again" in desk.get("/aside/dead?said=ordered").text
    hand_in(desk)
    assert desk.house.decide() > 0
    assert desk.send("/aside/review/replay-all", "/aside/review").status_code == 303
    number = number_in(desk, "spam")
    assert desk.send("/aside/spam/replay", "/aside/spam", spam=str(number)).location.endswith("said=replayed")


@pytest.mark.parametrize(
    "path", ["/aside/attic", f"{PAGE}/change/4711", f"{PAGE}/spam/1", f"{PAGE}?before=x", f"{PAGE}/change/x"]
)
def test_what_is_not_there_is_not_found(desk, path):
    fill(desk)
    assert desk.get(path).status_code == 404


def test_the_api_tells_the_same(desk):
    fill(desk)
    told = desk.ask("/api/v1/letters/change?cause=INVALID").json
    [group], [letter] = told["groups"], told["letters"]
    assert (group["cause"], group["count"], group["place"], group["object"]) == (
        "INVALID email", 1, "hubspot", "contacts",
    )  # fmt: skip
    assert group["advice"] == letter["advice"]
    assert (letter["code"], letter["field"], letter["value"]) == ("INVALID", "email", "rejected@example.com")
    assert letter["email"] == "rejected@example.com"
    assert letter["attempts"] == 1
    assert told["next"] is None
    assert desk.ask("/api/v1/letters/change?cause=GONE").json["letters"] == []
    [event] = desk.ask("/api/v1/letters/quarantined?place=website&since=2026-03-02T00:00:00Z").json["letters"]
    assert (event["code"], event["payload"]["body"]["email"]) == ("BAD_VALUE", HOSTILE)
    assert desk.ask("/api/v1/letters/quarantined?until=2026-03-02T00:00:00Z").json["letters"] == []
