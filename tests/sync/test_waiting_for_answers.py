"""A lead that waits for a provider: no owner and no message before the answer, or before its time is over."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from mappings.playbook import NotifyRule
from model.enrichment import Later, Refused
from model.lead import OPT_OUT
from scheduler.timing import TimerJob
from sync import explain, tables
from tests.builders import field_is, place
from tests.sync.asked import ENRICHING, FIRMO, Provider, a_desk, ask_all, enrichment
from tests.sync.followed import ADA
from tests.sync.house import HUBSPOT, a_house
from tests.sync.stores import count, rows
from tests.sync.test_asking import ACME, told
from tests.sync.test_effects import line, telling_playbook

WAITING = FIRMO + "    wait_for: 20s\n"


def waiting_house(store, text=WAITING):
    """A house that tells of assignments, and of each post of somebody who is CEO."""
    ceo = NotifyRule(
        "A CEO",
        place(7),
        "post",
        "slack",
        line("{name}"),
        (line("{company}"),),
        when=field_is("title", "CEO"),
    )
    playbook = telling_playbook(enrichment=enrichment(text), pipeline=ENRICHING)
    notifications = replace(playbook.notifications, rules=(*playbook.notifications.rules, ceo))
    return a_house(store, playbook=replace(playbook, notifications=notifications))


def messages(house) -> list[str]:
    """Send what is due; return how each message stands."""
    house.tell()
    return sorted(one.state for one in house.effects("slack"))


def test_it_is_in_the_crm_at_once_and_somebodys_once_the_answer_is_there(store):
    house = waiting_house(store)
    house.post(email=ADA, company="acme"), house.decide(), house.deliver()
    assert house.lead(ADA).owner is None
    assert HUBSPOT in house.lead(ADA).links or house.crms[HUBSPOT].by_email(ADA)
    assert "no owner yet: it waits for firmo, until 12:00:20 UTC at the latest" in told_of(house)
    assert messages(house) == ["waiting"]  # whether she is a CEO may be known by then
    house.clock.advance(3)
    ask_all(a_desk(house, Provider({"acme": ACME}))), house.settle()
    assert house.lead(ADA).owner
    assert house.lead(ADA).timers == {}
    assert messages(house) == ["sent", "sent"]  # of the assignment, and of the CEO


def told_of(house) -> list[str]:
    with house.store.snapshot() as snapshot:
        chapters = explain.read(snapshot, house.lead_id(ADA)).chapters
    return [one["text"] for chapter in chapters for one in chapter.reasons]


def test_a_provider_that_hangs_holds_a_lead_no_longer_than_said(store):
    house = waiting_house(store)
    house.post(email=ADA, company="acme"), house.decide()
    house.clock.advance(19)
    assert TimerJob(house.store, house.clock).run() == 0
    house.post(email=ADA, first_name="Ada"), house.decide()
    assert house.lead(ADA).owner is None
    house.clock.advance(1)
    house.restart()  # whoever was killed meanwhile: the timer is in the store
    assert TimerJob(house.store, house.clock).run() == 1
    house.settle()
    assert house.lead(ADA).owner
    assert messages(house) == ["sent", "withheld", "withheld"]  # nobody has said that she is a CEO
    owner = house.lead(ADA).owner
    ask_all(a_desk(house, Provider({"acme": ACME}))), house.settle()  # late
    assert (house.lead(ADA).owner, house.lead(ADA).stage) == (owner, "mql")


def test_any_event_after_its_time_ends_the_wait(store):
    house = waiting_house(store)
    house.post(email=ADA, company="acme"), house.decide()
    house.clock.advance(21)
    house.post(email=ADA, first_name="Ada"), house.decide()  # before anybody looked at the timer
    assert house.lead(ADA).owner


@pytest.mark.parametrize("outcome", [Refused("HTTP 401"), None])
def test_that_there_is_no_answer_ends_the_wait(store, outcome):
    house = waiting_house(store)
    house.post(email=ADA, company="acme"), house.decide()
    ask_all(a_desk(house, Provider(says=[outcome] if outcome else []))), house.decide()
    assert house.lead(ADA).owner


def test_who_opts_out_while_a_question_waits_is_not_asked_about(store):
    house = waiting_house(store, FIRMO + "    wait_for: 1h\n")
    house.post(email=ADA, company="acme"), house.decide()
    desk = a_desk(house, Provider({"acme": ACME}, says=[Later("HTTP 503")]))
    assert ask_all(desk) == 1
    house.post(email=ADA, unsubscribe="yes"), house.decide()
    house.clock.advance(60)
    assert ask_all(desk) == 0
    house.decide()
    assert told(house)[0].startswith("firmo was not asked: the person opted out: website said so")
    assert house.lead(ADA).timers == {}
    assert count(house.store, tables.asks) == 0  # what it would have been told is gone


def test_who_opts_out_a_second_time_while_a_question_waits_is_told_of_again(store):
    house = waiting_house(store, FIRMO + "    wait_for: 1h\n")
    desk = a_desk(house, Provider({"acme": ACME}, says=[Later("HTTP 503"), Later("HTTP 503")]))
    for _ in range(2):
        house.post(email=ADA, company="acme"), house.decide()
        assert ask_all(desk) == 1
        house.post(email=ADA, unsubscribe="yes"), house.decide()
        house.clock.advance(3600)
        assert ask_all(desk) == 0
        house.decide()
        assert house.lead(ADA).timers == {}
        back = sa.update(tables.leads).values(fields={**house.lead(ADA).fields, OPT_OUT: None})
        house.store.write(lambda on, back=back: on.execute(back))
    assert [row["kind"] for row in rows(house.store, tables.inbox_events)].count("enriched") == 2


def test_a_second_question_makes_the_wait_no_longer(store):
    house = waiting_house(store)
    house.post(email=ADA, company="acme"), house.decide()
    house.clock.advance(10)
    house.post(email=ADA, company="zenith"), house.decide()
    [timer] = house_timers(house)
    assert timer.due_at - timer.since == timedelta(seconds=20)


def house_timers(house):
    with house.store.snapshot() as snapshot:
        return explain.read(snapshot, house.lead_id(ADA)).timers


def test_of_two_providers_the_longer_wait_counts(store):
    other = WAITING.replace("firmo", "other").replace("20s", "60s").removeprefix("providers:\n")
    house = waiting_house(store, WAITING + other.replace("OTHER_KEY", "FIRMO_KEY"))
    house.post(email=ADA, company="acme"), house.decide()
    desk = a_desk(house, Provider({"acme": ACME}, says=[Later("HTTP 503", 30)]))
    ask_all(desk), house.decide()
    assert house.lead(ADA).owner is None  # one of them has answered
    house.clock.advance(31)
    ask_all(desk), house.decide()
    assert house.lead(ADA).owner
    assert told(house)[0].endswith("answered")
