"""A lead goes back in one CRM, is back in both, and comes again: its second pass, with its times."""

from __future__ import annotations

from tests.journeys.house import House
from tests.journeys.test_people_first import ADA
from tests.waiting import eventually


def test_a_lead_that_sales_sends_back_is_back_in_both_crms_and_comes_again(closed_house, hubspot, salesforce):
    moves = "moves: [sal, sql, customer, nurture, disqualified, {to: prospect, by: [crm, page]}]"
    file, mark = "lifecycle.yaml", "    label: Marketing Qualified Lead\n"
    closed_house.edit(file, mark, f"{mark}    {moves}\n")
    closed_house.edit(
        file,
        "    label: Sales Accepted Lead\n",
        "    label: Sales Accepted Lead\n    entry: {mandatory: [state]}\n",
    )
    house = closed_house.start().settle_in()
    house.deliver(**ADA)
    assert stages(house, hubspot, salesforce) == ["mql"] * 3
    hubspot.act("edit", record=hubspot.person(ADA["email"])["record"], stage="lead")
    eventually(lambda: moved(house, "prospect"), "the way back")
    house.settle()
    assert stages(house, hubspot, salesforce) == ["prospect"] * 3
    told = house.command("explain", ADA["email"])
    assert "a person led the lead back" in told
    assert "Prospect → Marketing Qualified Lead: it went to Prospect since" in told
    house.clock.move_on(hours=1)
    house.deliver(**ADA)
    assert stages(house, hubspot, salesforce) == ["mql"] * 3
    story = house.command_json("explain", ADA["email"])
    assert [(one["stage"], one["pass"]) for one in story["lifecycle"]["stays"]] == [
        ("suspect", 1),
        ("mql", 1),
        ("prospect", 2),
        ("mql", 2),
    ]
    [ahead] = story["lifecycle"]["standing"]["ahead"]
    assert (ahead["to"], ahead["missing"]) == ("sal", ["missing state"])


def stages(house: House, hubspot, salesforce) -> list[str]:
    """Return the stage here, in HubSpot and in Salesforce, in our words."""
    of_hubspot = {"marketingqualifiedlead": "mql", "lead": "prospect"}
    there = of_hubspot[hubspot.person(ADA["email"])["stage"]]
    return [str(house.story(ADA["email"]).lead.stage), there, salesforce.person(ADA["email"])["stage"]]


def moved(house: House, stage: str) -> bool:
    """Let time pass until the next look, and say whether the lead has moved."""
    house.clock.move_on(seconds=31)
    return house.story(ADA["email"]).lead.stage == stage
