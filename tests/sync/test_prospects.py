"""What delivery would do for each lead now, said without doing it."""

from __future__ import annotations

from collections import Counter

import pytest
import sqlalchemy as sa

from model.decision import EntityKind
from sync.outbox import Raise
from sync.prospects import CREATE, GIVEN_UP, OTHERS_RECORD, SAME, SKIP, UPDATE, Prospects
from sync.tables import outbox_changes, reviews
from tests.sync.house import HUBSPOT, SALESFORCE, a_house
from tests.sync.test_accounts import with_companies


@pytest.fixture
def house(store):
    return a_house(store)


def prospects(house, chunk=2, name=HUBSPOT):
    crm = house.playbook.crms[name]
    with house.store.snapshot() as snapshot:
        found = Prospects.open(snapshot, "main", crm, house.playbook)
        piece = found.next(snapshot, "", chunk)
        rows = []
        while piece:
            rows += piece
            piece = found.next(snapshot, piece[-1].lead.id, chunk)
    return {one.lead.get("email") or one.lead.get("phone"): one for one in rows}


def test_every_lead_once_whatever_the_size_of_a_piece(house):
    for number in range(5):
        house.post(email=f"p{number}@x.example", first_name="P")
    house.decide()
    assert len(prospects(house, chunk=2)) == len(prospects(house, chunk=5)) == 5


def test_what_a_claim_would_do(house):
    for name in ("new", "kept", "changed", "dead"):
        house.post(email=f"{name}@x.example", first_name="P", country="DE")
    house.decide()
    lead_id = house.lead_id("new@x.example")
    resting = sa.update(outbox_changes).where(outbox_changes.c.entity_id == lead_id)
    later = house.clock.now().replace(year=2090)
    house.store.write(lambda connection: connection.execute(resting.values(due_at=later)))
    house.deliver(HUBSPOT)
    house.decide()
    house.post(email="changed@x.example", first_name="P", country="FR")
    house.decide()
    dead = sa.update(outbox_changes).where(
        outbox_changes.c.entity_id == house.lead_id("dead@x.example"), outbox_changes.c.connection == HUBSPOT
    )
    given_up = dead.values(wanted=9, dead=9)
    house.post(email="dead@x.example", country="AT")
    house.decide()
    house.store.write(lambda connection: connection.execute(given_up))
    found = prospects(house)
    assert {name.partition("@")[0]: one.action for name, one in found.items()} == {
        "new": CREATE,
        "kept": SAME,
        "changed": UPDATE,
        "dead": SKIP,
    }
    assert found["dead@x.example"].reason == GIVEN_UP
    assert found["changed@x.example"].wanted.values["country"] == "FR"
    assert not found["changed@x.example"].lacks_row


def test_a_person_whose_record_is_anothers_is_not_counted_as_new(house):
    house.post(email="b@x.example", first_name="B")
    house.decide()
    lead_id = house.lead_id("b@x.example")
    doubt = {
        "space": "main", "kind": "same_record", "event": 1, "lead_id": lead_id, "state": "open", "doubt": "d",
        "detail": {"connection": HUBSPOT, "leads": [lead_id, "ld_a"]}, "created_at": house.clock.now(),
    }  # fmt: skip
    house.store.write(lambda connection: connection.execute(sa.insert(reviews), [doubt]))
    [one] = prospects(house).values()
    assert (one.action, one.reason, one.lacks_row) == (SKIP, OTHERS_RECORD, False)


def test_a_lead_whose_row_is_missing_lacks_it(house):
    house.post(email="a@x.example", first_name="A")
    house.decide()
    house.store.write(lambda connection: connection.execute(sa.delete(outbox_changes)))
    [one] = prospects(house).values()
    assert (one.action, one.lacks_row) == (CREATE, True)
    assert Counter(row.action for row in prospects(house).values()) == {CREATE: 1}


def kinds(wishes):
    return [one.kind for one in wishes]


def test_what_is_missing_of_a_company_is_wanted_with_its_first_person_and_each_association(store):
    house = a_house(store, playbook=with_companies())
    crm = house.playbook.crms[HUBSPOT]
    for name in ("ada", "bo"):
        house.post(email=f"{name}@acme.com", company="Acme")
    house.post(email="cy@gmail.com")
    house.decide()
    assert [one.lacking(crm) for one in prospects(house).values()] == [[], [], []]
    house.store.write(lambda connection: connection.execute(sa.delete(outbox_changes)))
    found = prospects(house)
    whole = [EntityKind.ACCOUNT, EntityKind.ASSOCIATION, EntityKind.LEAD]
    assert {name: kinds(one.lacking(crm)) for name, one in found.items()} == {
        "ada@acme.com": whole,
        "bo@acme.com": whole,
        "cy@gmail.com": [EntityKind.LEAD],
    }
    accounts = {found[f"{name}@acme.com"].lacking(crm)[0] for name in ("ada", "bo")}
    assert len(accounts) == 1  # the outbox takes the same wish once
    assert isinstance(next(iter(accounts)), Raise)
    leads = prospects(house, name=SALESFORCE)["ada@acme.com"].lacking(house.playbook.crms[SALESFORCE])
    assert kinds(leads) == [EntityKind.ACCOUNT, EntityKind.LEAD]  # a Lead is not associated


def test_what_was_given_up_of_a_company_is_not_wanted_again(store):
    house = a_house(store, playbook=with_companies())
    house.post(email="ada@acme.com", company="Acme")
    house.decide()
    firms = outbox_changes.c.entity_kind == str(EntityKind.ACCOUNT)
    given_up = sa.update(outbox_changes).where(firms).values(wanted=9, dead=9)
    house.store.write(lambda connection: connection.execute(given_up))
    [one] = prospects(house).values()
    assert one.lacking(house.playbook.crms[HUBSPOT]) == []
