"""What is won and lost in a CRM is known of the people in it: deals that were there, and new ones."""

from __future__ import annotations

from typing import Any

from sync import deal_books
from tests.journeys.crms import Crm
from tests.journeys.house import SPACE, House
from tests.journeys.test_people_first import ADA
from tests.waiting import eventually


def sell(crm: Crm, person: str, name: str = "Engine") -> str:
    """Make a deal with a person of the CRM, as its people do; return its id."""
    if crm.name == "hubspot":
        given = {"dealname": name, "pipeline": "default", "dealstage": "qualifiedtobuy", "amount": "1200"}
        made = crm._post("act/create", {"object": "deals", "fields": given})["id"]
        crm._post("act/associate", {"object": "deals", "id": made, "to_object": "contacts", "to": person})
        return str(made)
    given = {"Name": name, "StageName": "Qualification", "CloseDate": "2026-12-01", "Amount": 1200}
    made = crm._post("act/create", {"object": "Opportunity", "fields": given})["id"]
    role = {"OpportunityId": made, "ContactId": person, "IsPrimary": True}
    crm._post("act/create", {"object": "OpportunityContactRole", "fields": role})
    return str(made)


def close(crm: Crm, deal: str, verb: str, **fields: Any) -> None:
    """Win or lose a deal."""
    name = "deals" if crm.name == "hubspot" else "Opportunity"
    crm._post(f"act/{verb}", {"object": name, "id": deal, "fields": fields})
    if crm.name == "hubspot" and fields:
        crm._post("act/edit", {"object": name, "id": deal, "fields": fields})


def told(house: House, outcome: str) -> bool:
    """Let time pass until the next look, and say whether the lead knows how its deal stands."""
    house.clock.move_on(seconds=31)
    return house.story(ADA["email"]).lead.get("deal_outcome") == outcome


def test_what_is_won_in_hubspot_makes_a_customer_in_salesforce(house, hubspot, salesforce):
    house.deliver(**ADA)
    deal = sell(hubspot, hubspot.person(ADA["email"])["record"])
    eventually(lambda: told(house, "open"), "the deal")
    assert house.story(ADA["email"]).lead.stage == "sql"
    close(hubspot, deal, "win_deal", closed_won_reason="the best offer")
    eventually(lambda: told(house, "won"), "what was won")
    house.settle()
    lead = house.story(ADA["email"]).lead
    assert (lead.stage, lead.get("deal_reason")) == ("customer", "the best offer")
    assert salesforce.person(ADA["email"])["stage"] == "customer"
    assert hubspot.person(ADA["email"])["stage"] == "customer"


def test_what_was_sold_before_anybody_was_known_is_known_once_they_are(closed_house, salesforce):
    person = salesforce.act("create", "Contact", email=ADA["email"], last_name="Lovelace")
    deal = sell(salesforce, person)
    close(salesforce, deal, "win_deal")
    house = closed_house.start().settle_in()
    house.deliver(**ADA)
    eventually(lambda: told(house, "won"), "what was won")
    assert house.story(ADA["email"]).lead.stage == "customer"
    [one] = house.read(lambda snapshot: deal_books.page(snapshot, SPACE).rows)
    assert (one.name, one.outcome, one.amount, one.currency) == ("Engine", "won", "1200.00", "USD")


def deals_in(crm: Crm) -> list[dict[str, Any]]:
    """Return the deals that a CRM holds."""
    return crm.records("deals" if crm.name == "hubspot" else "Opportunity")


def moved(house: House, look: Any) -> bool:
    """Let time pass until the next look, and say whether something is as it should be."""
    house.clock.move_on(seconds=31)
    return bool(look())


def test_a_deal_of_hubspot_is_an_opportunity_and_what_is_won_there_is_won_here(house, hubspot, salesforce):
    person = salesforce.act("create", "Contact", email=ADA["email"], last_name="Lovelace")
    house.deliver(**ADA)
    deal = sell(hubspot, hubspot.person(ADA["email"])["record"])
    hubspot._post(
        "act/edit", {"object": "deals", "id": deal, "fields": {"closedate": "2026-12-24T00:00:00Z"}}
    )
    eventually(lambda: moved(house, lambda: deals_in(salesforce)), "the opportunity")
    eventually(lambda: moved(house, lambda: salesforce.records("OpportunityContactRole")), "the role")
    house.settle()
    [made] = deals_in(salesforce)
    assert (made["Name"], made["StageName"], made["CloseDate"]) == ("Engine", "Qualification", "2026-12-24")
    assert float(made["Amount"]) == 1200
    [role] = salesforce.records("OpportunityContactRole")
    assert (role["OpportunityId"], role["ContactId"], role["IsPrimary"]) == (made["record"], person, True)
    fields = {"Won_Reason__c": "the best offer"}
    close(salesforce, made["record"], "win_deal", **fields)
    wanted = {"dealstage": "closedwon", "closed_won_reason": "the best offer"}

    def won() -> bool:
        [there] = deals_in(hubspot)
        return wanted.items() <= there.items()

    eventually(lambda: moved(house, won), "what was won")
    house.settle()
    assert house.story(ADA["email"]).lead.stage == "customer"
    assert len(deals_in(hubspot)) == len(deals_in(salesforce)) == 1
    assert house.dead_letters() == []
