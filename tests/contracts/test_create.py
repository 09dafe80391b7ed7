"""Creating people: each becomes one record, and those who are there are not touched."""

from __future__ import annotations

import pytest

from model.change import Created, Exists, Rejected
from tests.contracts.crms import CRMS, DIALECTS, a_bad_person, a_new_person, fields_read

pytestmark = pytest.mark.parametrize("crm", CRMS)


def test_a_new_person_becomes_one_record_with_what_was_sent(crm, sandboxes):
    connector, server = sandboxes[crm]
    [outcome] = connector.create([a_new_person(crm, title="CEO")], fields_read(crm))
    assert isinstance(outcome, Created)
    assert outcome.fields[DIALECTS[crm].title] == "CEO"
    assert server.record(outcome.ref)[DIALECTS[crm].title] == "CEO"


def test_second_create_finds_the_first_and_changes_nothing(crm, sandboxes):
    connector, server = sandboxes[crm]
    [created] = connector.create([a_new_person(crm, title="CEO")], fields_read(crm))
    [exists] = connector.create([a_new_person(crm, key="again", title="CTO")], fields_read(crm))
    assert isinstance(exists, Exists)
    assert (exists.key, exists.record.ref) == ("again", created.ref)
    assert exists.record.fields[DIALECTS[crm].title] == "CEO"
    assert exists.record.modified_at is not None
    assert server.record(created.ref)[DIALECTS[crm].title] == "CEO"
    assert server.writes(created.ref) == ["create"]


def test_one_bad_record_fails_alone_and_is_told_which_field(crm, sandboxes):
    connector, server = sandboxes[crm]
    list(connector.create([a_new_person(crm, "old@example.com")], fields_read(crm)))
    batch = [
        a_new_person(crm, "new@example.com"),
        a_bad_person(crm, "bad@example.com"),
        a_new_person(crm, "old@example.com", key="old"),
        a_new_person(crm, "other@example.com"),
    ]
    outcomes = {outcome.key: outcome for outcome in connector.create(batch, fields_read(crm))}
    kinds = [type(outcomes[change.key]) for change in batch]
    assert kinds == [Created, Rejected, Exists, Created]
    rejected = outcomes[batch[1].key]
    assert rejected.fields == tuple(DIALECTS[crm].refused)
    assert len(server.records()) == 3


def test_250_new_people_take_the_fewest_calls(crm, sandboxes):
    connector, server = sandboxes[crm]
    people = [a_new_person(crm, f"p{number}@example.com") for number in range(250)]
    outcomes = list(connector.create(people, fields_read(crm)))
    assert [outcome.key for outcome in outcomes if isinstance(outcome, Created)] == [p.key for p in people]
    assert server.calls() == server.calls("create") == -(-250 // connector.batch_size)
    refs = {outcome.key: outcome.ref for outcome in outcomes}
    emails = {change.key: change.fields[DIALECTS[crm].email] for change in people}
    assert server.record(refs[people[7].key])[DIALECTS[crm].email] == emails[people[7].key]


def test_the_owner_we_send_stays(crm, sandboxes):
    connector, server = sandboxes[crm]
    owner = next(each for each in connector.owners() if each.email == "elena.rossi@northlight.example")
    [created] = connector.create([a_new_person(crm, owner=owner.id)], fields_read(crm))
    assert server.record(created.ref)[DIALECTS[crm].owner] == owner.id


def test_nothing_to_create_takes_no_call(crm, sandboxes):
    connector, server = sandboxes[crm]
    assert list(connector.create([], fields_read(crm))) == []
    assert server.calls() == 0
