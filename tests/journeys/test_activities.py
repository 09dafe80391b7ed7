"""What salespeople do with a lead in either CRM stands on the lead's page, whichever it was."""

from __future__ import annotations

from sync import cursors
from sync.cursors import POLL
from tests.journeys.house import SPACE, House
from tests.journeys.test_people_first import ADA
from tests.waiting import eventually

ANNA = "anna.keller@northlight.example"


def test_calls_and_meetings_in_either_crm_are_the_leads(house: House):
    house.deliver(**ADA)
    hubspot, salesforce = house.crms["hubspot"], house.crms["salesforce"]
    contact, lead = (crm.person(ADA["email"])["record"] for crm in (hubspot, salesforce))

    def begun() -> bool:
        found = house.read(lambda snapshot: cursors.load(snapshot, SPACE))
        return {"calls", "Event"} <= {one.object for one in found if one.job == POLL and one.after}

    eventually(begun, "a first look at both")
    hubspot.act("log_call", record=contact, owner=ANNA)
    salesforce.act("log_meeting", record=lead)

    def done() -> set[str]:
        house.clock.move_on(minutes=1)
        return {one["kind"] for one in house.story(ADA["email"]).engagements if one["is_response"]}

    eventually(lambda: done() >= {"call_made", "meeting"}, "both")
    [call] = [one for one in house.story(ADA["email"]).engagements if one["kind"] == "call_made"]
    assert (call["by"], call["standing"]) == (ANNA, "done")
