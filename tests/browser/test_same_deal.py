"""Which deal a record is, said by a person on the page."""

from __future__ import annotations

from sync import cursors, deal_books
from tests.journeys.house import SPACE
from tests.journeys.test_deals import close, deals_in, moved, sell
from tests.journeys.test_people_first import ADA
from tests.waiting import eventually


def test_a_person_says_which_deal_it_is_and_both_agree_from_then_on(closed_house, person):
    house = closed_house
    for handler in ("account", "follow_up", "notify"):  # people and deals alone
        house.edit("pipeline.yaml", f"- {handler}", f"# {handler}")
    house.edit("crm/salesforce.yaml", "deal: Opportunity", "deal: Opportunity\ncreate_deals: false")
    hubspot, salesforce = house.crms["hubspot"], house.crms["salesforce"]
    contact = salesforce.act("create", "Contact", email=ADA["email"], last_name="Lovelace")
    known = sell(hubspot, hubspot.act("create", email=ADA["email"], last_name="Lovelace"), "Renewal")
    close(hubspot, known, "lose_deal", closedate="2025-03-31T00:00:00Z")
    house.start().settle_in()
    house.deliver(**ADA)

    def deals():
        return house.read(lambda snapshot: deal_books.page(snapshot, SPACE).rows)

    def roles():
        """Say whether contact roles are followed yet: one that is made before tells nothing by itself."""
        every = house.read(lambda snapshot: cursors.load(snapshot, SPACE))
        return any(one.object == "OpportunityContactRole" for one in every)

    eventually(lambda: moved(house, deals), "the deal that was there")
    eventually(lambda: moved(house, roles), "a look at who takes part in deals")
    salesforce._post("clock", {"advance": 2})  # it tells whole seconds: without a doubt the newer one
    record = sell(salesforce, contact, "Renewal")

    def is_asked() -> bool:
        person.visit(house, "/reviews")
        return "Which deal is it?" in person.text

    eventually(lambda: moved(house, is_asked), "a question")
    assert f"salesforce: Opportunity {record}" in person.text
    person.press("It is Renewal")
    assert "Your word is on its way." in person.text
    eventually(lambda: moved(house, lambda: not is_asked()), "an answer")
    house.settle()
    [deal] = deals()
    person.visit(house, f"/deals/{deal.id}")
    assert person.heading == "Renewal"
    assert person.page.get_by_role("link", name=record).count() > 0
    assert person.page.get_by_role("link", name=known).count() > 0
    [there], [here] = deals_in(salesforce), deals_in(hubspot)
    assert (there["IsClosed"], here["dealstage"]) == (False, "qualifiedtobuy")
    assert house.dead_letters() == []
