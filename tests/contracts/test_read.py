"""Finding, reading, deleting, and who owns."""

from __future__ import annotations

import pytest

from model.change import Exists, OwnerRecord
from model.event import RecordRef
from tests.contracts.crms import CRMS, DIALECTS, a_new_person, fields_read

pytestmark = pytest.mark.parametrize("crm", CRMS)


def test_find_yields_those_who_are_there_in_one_call(crm, sandboxes):
    connector, server = sandboxes[crm]
    here = [a_new_person(crm, f"here{number}@example.com", title="CEO") for number in range(3)]
    refs = {outcome.key: outcome.ref for outcome in connector.create(here, fields_read(crm))}
    found = list(connector.find(here, fields_read(crm)))
    assert {outcome.key: outcome.record.ref for outcome in found} == refs
    assert {outcome.record.fields[DIALECTS[crm].title] for outcome in found} == {"CEO"}
    assert server.calls("find") == 1


def test_find_does_not_yield_those_who_are_not_there(crm, sandboxes):
    connector, _ = sandboxes[crm]
    here, away = a_new_person(crm, "here@example.com"), a_new_person(crm, "away@example.com")
    list(connector.create([here], fields_read(crm)))
    assert [outcome.key for outcome in connector.find([away, here], fields_read(crm))] == [here.key]


def test_find_asks_without_regard_to_case_and_takes_quotes_as_they_are(crm, sandboxes):
    connector, _ = sandboxes[crm]
    person = a_new_person(crm, "Sinead.O'Neill@Example.com")
    [created] = connector.create([person], fields_read(crm))
    [found] = connector.find([a_new_person(crm, "sinead.o'neill@example.com")], fields_read(crm))
    assert isinstance(found, Exists)
    assert found.record.ref == created.ref


def test_a_person_whose_address_changed_is_found_by_our_id(crm, sandboxes):
    connector, _ = sandboxes[crm]
    dialect = DIALECTS[crm]
    person = a_new_person(crm, "before@example.com")
    if field := dialect.options.get("external_id_field"):
        person = type(person)(
            person.key,
            person.object,
            {**person.fields, field: person.identities[0].value},
            identities=person.identities,
        )
    [created] = connector.create([person], fields_read(crm))
    now = a_new_person(crm, "after@example.com")
    moved = type(now)(now.key, now.object, now.fields, identities=(person.identities[0], now.identities[1]))
    [found] = connector.find([moved], fields_read(crm))
    assert found.record.ref == created.ref


def test_read_yields_what_is_there(crm, sandboxes):
    connector, server = sandboxes[crm]
    people = [a_new_person(crm, f"p{number}@example.com", title="CEO") for number in range(250)]
    refs = [outcome.ref for outcome in connector.create(people, fields_read(crm))]
    server.act("delete", refs[3].object, id=refs[3].id)
    asked = [*refs, refs[0], RecordRef(crm, refs[0].object, DIALECTS[crm].unknown_id)]
    read = {record.ref: record for record in connector.read(asked, fields_read(crm)) if not record.archived}
    assert read.keys() == set(refs) - {refs[3]}
    assert read[refs[9]].fields[DIALECTS[crm].title] == "CEO"
    assert read[refs[9]].modified_at is not None
    assert server.calls("read") == -(-251 // connector.batch_size)


def test_deleted_records_are_gone(crm, sandboxes):
    connector, server = sandboxes[crm]
    people = [a_new_person(crm, f"p{number}@example.com") for number in range(3)]
    refs = [outcome.ref for outcome in connector.create(people, fields_read(crm))]
    connector.delete(refs[:2])
    connector.delete(refs[:1])  # once more does no harm
    read = connector.read(refs, fields_read(crm))
    assert [record.ref for record in read if not record.archived] == [refs[2]]
    assert len(server.records()) == 1


def test_owners_are_all_listed_with_those_who_left(crm, sandboxes):
    connector, _ = sandboxes[crm]
    owners = {owner.email: owner for owner in connector.owners()}
    anna = owners["anna.keller@northlight.example"]
    assert anna == OwnerRecord(anna.id, "anna.keller@northlight.example", "Anna Keller", active=True)
    assert owners["oliver.stone@northlight.example"].active is False
    assert len(owners) == len({owner.id for owner in owners.values()}) >= 9
