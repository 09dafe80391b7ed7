"""Moves of the stage as they are saved: by rules, by people in a CRM, in joins; times in stages."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from mappings.moving import CRM, DEALS, PAGE, RULES
from mappings.playbook import Criterion, Gate, Move
from model.hours import Calendar, Span
from sync import holds, inbox, stages, tables
from sync.explain import read as story_of
from tests.builders import a_lifecycle, field_is, moves_to, place
from tests.sync.followed import ADA, BO, known
from tests.sync.house import HUBSPOT, SALESFORCE, House, a_house, house_playbook
from tests.sync.stores import rows
from tests.sync.test_following import see
from tests.sync.test_holds import choose
from tests.sync.test_joins import merged_in_salesforce

HERE = place(9, "lifecycle.yaml")
EVERYBODY = frozenset({RULES, DEALS, CRM, PAGE})
HOURS = (Span(9 * 60, 17 * 60),)
OFFICE = Calendar("office", ZoneInfo("UTC"), (HOURS,) * 5 + ((), ()), {}, frozenset())
OPEN = Gate()
BACK = tuple(Move(one, EVERYBODY, HERE) for one in ("prospect", "sal", "nurture", "disqualified"))


def going_back(store, *, unmet="flag", forbidden="refuse", reason="", sal_entry=OPEN, moves=BACK) -> House:
    plain = a_lifecycle(
        moves_to("prospect", "German", when=field_is("country", "DE")),
        moves_to("mql", "asked", activity="demo_request"),
    )
    asked = {
        "mql": {"moves": tuple(replace(one, reason=reason) for one in moves)},
        "sal": {"entry": sal_entry},
    }
    made = tuple(replace(one, calendar=OFFICE, **asked.get(one.name, {})) for one in plain.stages)
    lifecycle = replace(plain, stages=made, unmet=unmet, forbidden=forbidden)
    return a_house(store, playbook=house_playbook(lifecycle=lifecycle))


def stages_there(house: House, address: str = ADA) -> list[str]:
    """Return the stage of the lead, and that of its record in each CRM."""
    lead = house.lead(address)
    links = lead.links
    there = [house.crms[name].records[links[name].remote_id] for name in (HUBSPOT, SALESFORCE)]
    return [str(lead.stage), *(str(one.fields["stage"]) for one in there)]


def said(house: House, address: str = ADA) -> list[str]:
    with house.store.snapshot() as snapshot:
        story = story_of(snapshot, house.lead_id(address))
    return [str(reason["text"]) for chapter in story.chapters for reason in chapter.reasons]


def history(house: House, address: str = ADA) -> list[tuple]:
    mine = [
        one for one in rows(house.store, tables.stage_history) if one["lead_id"] == house.lead_id(address)
    ]
    return [(one["previous"], one["stage"], one["by"], one["pass_number"]) for one in mine]


def stays(house: House, address: str = ADA) -> list[stages.Stay]:
    with house.store.snapshot() as snapshot:
        return stages.stays(snapshot, house.lead_id(address), house.playbook.lifecycle, house.clock.now())


def edit(house: House, name: str, address: str = ADA, **fields) -> None:
    """Let somebody change a record in a CRM, and let it be read."""
    remote_id = house.lead(address).links[name].remote_id
    house.clock.advance(60)
    house.crms[name].edit(remote_id, **fields)
    see(house, name, remote_id)
    house.settle()


def test_a_person_leads_a_lead_back_in_one_crm_and_it_is_back_in_both_on_a_second_pass(store):
    house = going_back(store)
    known(house, country="DE")  # each post asks for a demo
    assert stages_there(house) == ["mql"] * 3
    edit(house, HUBSPOT, stage="prospect")
    assert stages_there(house) == ["prospect"] * 3
    lead = house.lead(ADA)
    assert (lead.get("stage_pass"), lead.get("led_back_from")) == (2, "mql")
    house.clock.advance(3600)
    house.post(email=ADA)
    house.settle()
    assert stages_there(house) == ["mql"] * 3
    assert (house.lead(ADA).get("stage_pass"), house.lead(ADA).get("led_back_from")) == (2, None)
    assert history(house) == [
        (None, "suspect", "rules", 1),
        ("suspect", "mql", "rules", 1),
        ("mql", "prospect", HUBSPOT, 2),
        ("prospect", "mql", "rules", 2),
    ]


def test_what_a_person_may_not_do_is_put_back_with_the_reason(store):
    house = going_back(store, moves=BACK[1:])
    known(house)
    edit(house, SALESFORCE, stage="prospect")
    assert stages_there(house) == ["mql"] * 3
    assert "stage: salesforce's value not taken, mql has no move to prospect" in said(house)
    assert house.lead(ADA).get("stage_pass") is None


@pytest.mark.parametrize(("unmet", "stage"), [("flag", "sal"), ("refuse", "mql")])
def test_a_move_without_what_it_needs_is_taken_and_said_or_put_back(store, unmet, stage):
    asks = Gate((Criterion("Hot", HERE, min_score=60),), ("phone",))
    house = going_back(store, unmet=unmet, sal_entry=asks)
    known(house)
    edit(house, HUBSPOT, stage="sal")
    assert stages_there(house) == [stage] * 3
    assert any("missing phone; score 10 of 60" in text for text in said(house))


def test_a_reason_in_the_same_record_counts(store):
    house = going_back(store, reason="company")
    known(house)
    edit(house, HUBSPOT, stage="prospect")
    assert stages_there(house) == ["mql"] * 3
    edit(house, HUBSPOT, stage="prospect", company="No budget")
    assert stages_there(house) == ["prospect"] * 3


@pytest.mark.parametrize(("choice", "stage"), [("theirs", "suspect"), ("ours", "mql")])
def test_a_forbidden_move_waits_for_a_person_where_the_playbook_says_so(store, choice, stage):
    house = going_back(store, forbidden="ask")
    known(house)
    edit(house, HUBSPOT, stage="suspect")
    assert stages_there(house) == ["mql", "suspect", "mql"]
    with store.snapshot() as snapshot:
        [asked] = holds.open_holds(snapshot, "main", limit=5)
    assert (asked.field, asked.ours, asked.theirs) == ("stage", "mql", "suspect")
    assert "mql has no move to suspect; a person decides" in asked.why
    choose(house, asked, choice)
    house.settle()
    assert stages_there(house) == [stage] * 3
    passes = house.lead(ADA).get("stage_pass")
    assert passes == (2 if choice == "theirs" else None)


def test_times_are_kept_stage_by_stage_and_pass_by_pass(store):
    house = going_back(store)
    start = house.clock.now()  # a Monday
    known(house)
    house.clock.advance(2 * 86_400)
    edit(house, HUBSPOT, stage="prospect")
    house.clock.advance(3600)
    found = stays(house)
    assert [(one.stage, one.pass_number, one.by) for one in found] == [
        ("suspect", 1, "rules"),
        ("mql", 1, "rules"),
        ("prospect", 2, HUBSPOT),
    ]
    mql, back = found[1], found[2]
    assert mql.until == back.since
    assert mql.wall == back.since - mql.since
    assert timedelta(days=2) <= mql.wall < timedelta(days=2, minutes=30)
    assert mql.business is not None
    assert timedelta(hours=15) < mql.business < timedelta(hours=17)
    assert back.until is None
    assert timedelta(hours=1) <= back.wall < timedelta(hours=2)
    with store.snapshot() as snapshot:
        told = stages.times(snapshot, "main", house.playbook.lifecycle, start, house.clock.now())
    assert [(one.stage, one.pass_number, one.entered, one.left) for one in told] == [
        ("suspect", 1, 1, 1),
        ("prospect", 2, 1, 0),
        ("mql", 1, 1, 1),
    ]
    assert told[2].wall == mql.wall
    assert told[2].business == mql.business


def test_two_leads_that_become_one_lose_nothing_of_their_ways(store):
    house = going_back(store)
    known(house, ADA), known(house, BO)
    edit(house, HUBSPOT, BO, stage="prospect")
    edit(house, HUBSPOT, BO, stage="sal")
    inbox.append(store, [merged_in_salesforce(house, BO, ADA)])
    house.settle()
    lead = house.lead(ADA)
    assert (lead.stage, lead.get("stage_pass"), lead.get("led_back_from")) == ("sal", 2, None)
    assert history(house)[-1] == ("mql", "sal", "join", 2)
    found = stays(house)
    assert [one.stage for one in found].count("mql") == 2
    assert {one.stage for one in found if one.until is None} == {"sal"}
    assert sum(one.until is None for one in found) == 1
