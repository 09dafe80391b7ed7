"""What people change in one CRM is told by it, and is in the other long before anybody would have asked."""

from __future__ import annotations

import pytest

from tests.journeys.house import House
from tests.journeys.test_people_first import ADA
from tests.waiting import eventually

PATH_SECRET = "a-path-that-nobody-can-guess-0001"
ENVIRON = {
    "LEADRELAY_HUBSPOT_WEBHOOK_SECRET": "sandbox-client-secret-0001",
    "LEADRELAY_SALESFORCE_HOOK_SECRET": PATH_SECRET,
}


@pytest.fixture
def told_house(closed_house: House) -> House:
    """A house that both CRMs tell of changes, and that asks for them once an hour only."""
    for file in ("crm/hubspot.yaml", "crm/salesforce.yaml"):
        closed_house.edit(file, "every: 30s", "every: 1h")
    house = closed_house.start(**ENVIRON).settle_in()
    door = f"http://127.0.0.1:{house.daemon.port}/hooks"
    house.crms["hubspot"]._post(
        "webhooks",
        {"target_url": f"{door}/hubspot", "subscriptions": ["contact.propertyChange:jobtitle"]},
    )
    house.crms["salesforce"]._post(
        "outbound-messages", {"object": "Lead", "url": f"{door}/salesforce/{PATH_SECRET}"}
    )
    return house


def test_a_change_goes_from_one_crm_to_the_other_and_comes_to_rest(told_house):
    told_house.deliver(**ADA)
    hubspot, salesforce = told_house.crms["hubspot"], told_house.crms["salesforce"]
    for here, there, title in (
        (hubspot, salesforce, "Countess"),
        (salesforce, hubspot, "Head of Everything"),
    ):
        here.act("edit", record=here.person(ADA["email"])["record"], title=title)
        eventually(lambda there=there, title=title: there.person(ADA["email"])["title"] == title, title)
        told_house.settle()
        assert here.person(ADA["email"])["title"] == title
        assert told_house.story(ADA["email"]).lead.get("title") == title
