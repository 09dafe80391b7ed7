"""A store from a backup, while the CRMs went on: nothing is made twice, nothing of people's is lost."""

from __future__ import annotations

import pytest

from sync.database import open_store
from tests.journeys.test_people_first import ADA
from tests.waiting import eventually

BEN = ADA | {"email": "ben@boats.example", "first_name": "Ben", "company": "Boats", "phone": "+442079460777"}
EVE = ADA | {
    "email": "eve@engines.example",
    "first_name": "Eve",
    "company": "Eve Ltd",
    "phone": "+14155550188",
}
DEMO = {"form_type": "demo"}
PHONE_ONLY = {"first_name": "Pat", "last_name": "Phone", "phone": "+442079460111", "company": "P Ltd"} | DEMO


@pytest.fixture
def backup(tmp_path):
    return tmp_path / "backup.zip"


def go_back(house, backup):
    """Stop, put the backup in the store's place, start again; return how many writes there were."""
    house.stop()
    house.store.close()
    house.command("restore", str(backup), "--replace", "--yes")
    house.store = open_store(house.environ["LEADRELAY_DATABASE_URL"])
    before = {name: len(crm.history()) for name, crm in house.crms.items()}
    house.start().settle_in()
    return before


def made_since(house, before):
    return {name: crm.history()[before[name] :] for name, crm in house.crms.items()}


def test_what_was_delivered_after_the_backup_is_not_delivered_again(house, backup):
    house.deliver(**ADA)
    for crm in house.crms.values():
        crm.faults(error_rate=1, error_status=503)
    for person in (BEN, PHONE_ONLY):
        house.post(**person)
    eventually(lambda: house.waiting("hubspot") + house.waiting("salesforce") >= 2, "changes that wait")
    house.command("backup", str(backup))
    for crm in house.crms.values():
        crm.faults()
    house.settle_in_a_hurry()
    house.deliver(**EVE)
    people = {name: len(crm.people()) for name, crm in house.crms.items()}
    before = go_back(house, backup)
    house.settle_in_a_hurry()
    assert {name: len(crm.people()) for name, crm in house.crms.items()} == people
    assert made_since(house, before) == {"hubspot": [], "salesforce": []}
    house.deliver(**EVE)  # whom the store has never heard of
    house.settle_in_a_hurry()
    assert {name: len(crm.people()) for name, crm in house.crms.items()} == people


@pytest.mark.parametrize("crm", ["hubspot", "salesforce"])
def test_what_people_changed_after_the_backup_stays(closed_house, backup, crm):
    house = closed_house
    for name in house.crms:  # a record that was read within the hour is not read again, but for a restore
        house.edit(f"crm/{name}.yaml", "read_before_write: 0s", "read_before_write: 1h")
    house.start().settle_in()
    house.deliver(**ADA)
    house.command("backup", str(backup))
    here = house.crms[crm]
    house.deliver(**ADA | {"city": "Paris"})
    here.act("edit", record=here.person(ADA["email"])["record"], title="Countess", last_name="King")
    go_back(house, backup)

    def reaches_both():  # as any edit does
        house.clock.move_on(seconds=31)
        people = [each.person(ADA["email"]) for each in house.crms.values()]
        return {(one["title"], one["last_name"], one["city"]) for one in people} == {
            ("Countess", "King", "Paris")
        }

    eventually(reaches_both, "the edit in both CRMs")
    house.deliver(**ADA | {"job_title": "CEO", "last_name": "Byron", "city": "Oslo"})
    house.settle_in_a_hurry()
    person = here.person(ADA["email"])
    assert (person["title"], person["last_name"], person["city"]) == ("Countess", "King", "Oslo")
