"""Time alone: points that go, and a shift that begins, with nobody posting anything."""

from __future__ import annotations

from datetime import timedelta

from sync.people import People
from tests.journeys.house import SPACE, House
from tests.journeys.test_people_first import ADA
from tests.waiting import eventually

RULE = "{name: Demo requested, group: intent, points: 30, activity: demo_request"
EMEA = ("anna.keller", "chloe.martin", "elena.rossi", "farid.haddad")


def test_points_that_go_with_time_reach_both_crms(closed_house: House):
    closed_house.edit("scoring.yaml", RULE, f"{RULE}, decay: {{expires_after: 30d}}")
    house = closed_house.start().settle_in()
    house.deliver(**ADA)
    before = house.story(ADA["email"]).lead.score
    assert "points that go with time" in house.command("explain", ADA["email"])
    assert "Timers waiting: 1 score, the next at" in house.command("status")
    house.clock.move_on(days=30, minutes=1)
    eventually(lambda: house.story(ADA["email"]).lead.score == before - 30, "the score without the demo")
    house.settle_in_a_hurry()
    assert {float(one["score"]) for one in house.everywhere(ADA["email"]).values()} == {before - 30}
    assert "timer from rule" in house.command("explain", ADA["email"])


def whoever_makes_records_is_nobody(house: House) -> None:
    """Name the integration user's id in Salesforce's map: a record without an owner is that user's."""
    users = house.read(lambda snapshot: People.load(snapshot, SPACE)).teammates
    [own] = [one.ids["salesforce"] for email, one in users.items() if email.startswith("integration@")]
    before = house.daemon.facts()["playbook"]
    house.edit("crm/salesforce.yaml", 'blank_values: ["00G*"]', f'blank_values: ["00G*", {own}]')
    eventually(lambda: house.daemon.facts()["playbook"] != before, "the new version")


def test_a_lead_of_a_holiday_waits_for_the_next_shift_and_is_assigned_then(closed_house: House):
    today = closed_house.clock.now().date()
    free = f"{{X: [{today}, {today + timedelta(days=1)}]}}"
    hours = "{time_zone: UTC, hours: {mon-sun: 00:00-24:00}, holidays: [X]}"
    closed_house.edit(
        "routing.yaml",
        "pools:\n  emea:\n",
        f"holidays: {free}\ncalendars: {{round: {hours}}}\npools:\n  emea:\n    shifts: round\n"
        "    if_nobody: queue_until_shift\n",
    )
    house = closed_house.start().settle_in()
    whoever_makes_records_is_nobody(house)
    house.deliver(**ADA)
    story = house.story(ADA["email"])
    assert story.lead.owner is None
    [timer] = [one for one in story.timers if one.kind == "shift"]
    assert timer.due_at.date() == today + timedelta(days=2)
    shown = house.command("explain", ADA["email"])
    assert "the lead waits for anna.keller@northlight.example" in shown
    assert "looked at again at" in shown
    assert house.effects() == []
    house.clock.move_on(seconds=(timer.due_at - house.clock.now()).total_seconds() + 1)
    eventually(lambda: house.story(ADA["email"]).lead.owner, "an owner")
    house.settle_in_a_hurry()
    owner = house.story(ADA["email"]).lead.owner
    assert owner is not None
    assert owner.partition("@")[0] in EMEA
    assert {kind for kind, _, _ in house.effects()} == {"task", "message"}
