"""Somebody compares a CRM with what is here on the page, and has what differs mended."""

from __future__ import annotations

from tests.journeys.test_people_first import ADA
from tests.waiting import eventually


def test_a_person_compares_reads_why_and_has_it_mended(closed_house, person):
    closed_house.edit("crm/hubspot.yaml", "every: 30s", "every: 8h")  # no poll comes first
    house = closed_house.start().settle_in()
    house.deliver(**ADA)
    hubspot, salesforce = house.crms["hubspot"], house.crms["salesforce"]
    hubspot.act("edit", record=hubspot.person(ADA["email"])["record"], title="Countess")

    person.visit(house, "/reconcile")
    assert "Not compared yet" in person.text
    person.press("Compare 200")
    person.page.get_by_text("changed there, not read").first.wait_for()  # the page follows the comparison
    person.page.reload()
    row = person.page.get_by_role("table", name="Differences", exact=True).get_by_role("row").nth(1)
    assert "Countess" in row.inner_text()
    assert "it was changed there at" in row.inner_text()

    person.press("Mend 1")
    assert "handed in" in person.text
    eventually(lambda: salesforce.person(ADA["email"])["title"] == "Countess", "what was mended")
    person.visit(house, "/reconcile")
    person.press("Compare 200")
    person.page.get_by_text("Nothing differs").wait_for()
    assert person.complaints == []
