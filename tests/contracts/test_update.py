"""Changing known records: each is changed, gone, rejected or postponed for itself."""

from __future__ import annotations

import pytest

from model.change import Gone, Postponed, Rejected, Updated
from tests.contracts.crms import CRMS, DIALECTS, a_change, a_new_person, fields_read

pytestmark = pytest.mark.parametrize("crm", CRMS)


def made(connector, crm, count):
    """So many people who are in the CRM."""
    people = [a_new_person(crm, f"p{number}@example.com", title="CEO") for number in range(count)]
    return [outcome.ref for outcome in connector.create(people, fields_read(crm))]


def test_a_change_is_written_and_told(crm, sandboxes):
    connector, server = sandboxes[crm]
    [ref] = made(connector, crm, 1)
    [updated] = connector.update([a_change(crm, ref.id, title="CTO")])
    assert isinstance(updated, Updated)
    assert (updated.ref, updated.fields[DIALECTS[crm].title]) == (ref, "CTO")
    assert server.record(ref)[DIALECTS[crm].title] == "CTO"


def test_a_blank_clears_the_field(crm, sandboxes):
    connector, server = sandboxes[crm]
    [ref] = made(connector, crm, 1)
    [updated] = connector.update([a_change(crm, ref.id, title=None)])
    assert isinstance(updated, Updated)
    assert not server.record(ref).get(DIALECTS[crm].title)


def test_a_deleted_record_is_gone_and_the_others_are_changed(crm, sandboxes):
    connector, server = sandboxes[crm]
    refs = made(connector, crm, 3)
    server.act("delete", refs[1].object, id=refs[1].id)
    outcomes = connector.update([a_change(crm, ref.id, title="CTO") for ref in refs])
    assert {outcome.key: type(outcome) for outcome in outcomes} == {
        f"change:{refs[0].id}": Updated,
        f"change:{refs[1].id}": Gone,
        f"change:{refs[2].id}": Updated,
    }


def test_a_record_that_never_was_is_gone(crm, sandboxes):
    connector, _ = sandboxes[crm]
    [outcome] = connector.update([a_change(crm, DIALECTS[crm].unknown_id, title="CTO")])
    assert isinstance(outcome, Gone)


def test_one_bad_value_among_many_is_found_and_the_others_are_changed(crm, sandboxes):
    connector, server = sandboxes[crm]
    refs = made(connector, crm, 60)
    changes = [a_change(crm, ref.id, title="CTO") for ref in refs]
    changes[41] = type(changes[41])("bad", refs[41].object, DIALECTS[crm].refused, remote_id=refs[41].id)
    outcomes = {outcome.key: outcome for outcome in connector.update(changes)}
    assert isinstance(outcomes.pop("bad"), Rejected)
    assert {type(outcome) for outcome in outcomes.values()} == {Updated}
    assert len(outcomes) == 59
    assert server.calls("update") <= 3


def test_an_owner_who_does_not_exist_rejects_the_change_not_the_record(crm, sandboxes):
    connector, _ = sandboxes[crm]
    [ref] = made(connector, crm, 1)
    [outcome] = connector.update([a_change(crm, ref.id, owner="0055g0000000001AAA")])
    assert isinstance(outcome, Rejected)


def test_the_same_record_twice_in_a_call_is_written_once_and_postponed_once(crm, sandboxes):
    connector, server = sandboxes[crm]
    [ref] = made(connector, crm, 1)
    changes = [a_change(crm, ref.id, key="one", title="CTO"), a_change(crm, ref.id, key="two", title="CFO")]
    one, two = connector.update(changes)
    assert (type(one), type(two)) == (Updated, Postponed)
    assert server.record(ref)[DIALECTS[crm].title] == "CTO"


def test_a_change_without_an_id_is_rejected(crm, sandboxes):
    connector, server = sandboxes[crm]
    [outcome] = connector.update([a_change(crm, "", key="x", title="CTO")])
    assert isinstance(outcome, Rejected)
    assert server.calls() == 0


def test_250_changes_take_the_fewest_calls(crm, sandboxes):
    connector, server = sandboxes[crm]
    refs = made(connector, crm, 250)
    outcomes = list(connector.update([a_change(crm, ref.id, title="CTO") for ref in refs]))
    assert {type(outcome) for outcome in outcomes} == {Updated}
    assert len(outcomes) == 250
    assert server.calls("update") == -(-250 // connector.batch_size)
