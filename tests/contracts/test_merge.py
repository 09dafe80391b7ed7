"""Merging two records of one person: which one is left, what leads to it, what is refused, lost answers."""

from __future__ import annotations

import pytest

from model.change import Merging, Postponed, Rejected, Updated
from model.errors import NotAuthorized
from model.event import RecordRef
from tests.contracts.crms import CRMS, DIALECTS, a_new_person, fields_read


def two(connector, crm: str) -> tuple[RecordRef, RecordRef]:
    """Make two records; the first has a title, the second a first name."""
    people = [
        a_new_person(crm, "ada@example.com", title="Countess"),
        a_new_person(crm, "augusta@example.com", title="Miss", first_name="Augusta"),
    ]
    made = {one.key: one.ref for one in connector.create(people, fields_read(crm))}
    return made["new:ada@example.com"], made["new:augusta@example.com"]


def merge(connector, keep: RecordRef, lose: RecordRef) -> RecordRef:
    """Merge two records that can be; return the one that is left."""
    outcome = connector.merge(Merging("m", keep, lose))
    assert isinstance(outcome, Updated), outcome
    assert outcome.key == "m"
    return outcome.ref


def read(connector, crm: str, *refs: RecordRef):
    return list(connector.read(refs, fields_read(crm)))


@pytest.mark.parametrize("crm", CRMS)
def test_one_record_is_left_with_the_values_of_the_one_to_keep(sandboxes, crm):
    connector, server = sandboxes[crm]
    keep, lose = two(connector, crm)
    left = merge(connector, keep, lose)
    [record] = [one for one in read(connector, crm, left) if not one.archived]
    assert record.ref == left
    assert record.fields[DIALECTS[crm].title] == "Countess"
    assert len([row for row in server.records() if row.get(DIALECTS[crm].email) == "ada@example.com"]) == 1


def names_of(record) -> set[str]:
    return {record.ref.id, *record.merged_ids, *([record.became.id] if record.became else [])}


@pytest.mark.parametrize("crm", CRMS)
def test_reading_both_tells_that_one_went_into_the_other(sandboxes, crm):
    connector, _ = sandboxes[crm]
    keep, lose = two(connector, crm)
    before = read(connector, crm, keep, lose)
    assert not any({keep.id, lose.id} <= names_of(one) for one in before)
    merge(connector, keep, lose)
    after = read(connector, crm, keep, lose)
    assert any({keep.id, lose.id} <= names_of(one) for one in after)


@pytest.mark.parametrize("crm", CRMS)
def test_a_merge_whose_answer_is_lost_says_so_and_took_place(sandboxes, crm):
    connector, server = sandboxes[crm]
    keep, lose = two(connector, crm)
    server.faults(timeout_rate=1.0, timeout_s=0)
    outcome = connector.merge(Merging("m", keep, lose))
    assert isinstance(outcome, Postponed)
    assert outcome.answer_lost
    server.faults()
    assert any({keep.id, lose.id} <= names_of(one) for one in read(connector, crm, keep, lose))


@pytest.mark.parametrize("crm", CRMS)
def test_a_record_that_is_gone_is_not_merged(sandboxes, crm):
    connector, _ = sandboxes[crm]
    keep, lose = two(connector, crm)
    connector.delete([lose])
    assert isinstance(connector.merge(Merging("m", keep, lose)), Rejected)


@pytest.mark.parametrize("crm", CRMS)
def test_records_of_two_objects_are_refused_without_a_call(sandboxes, crm):
    connector, server = sandboxes[crm]
    keep, _ = two(connector, crm)
    calls = server.calls()
    outcome = connector.merge(Merging("m", keep, RecordRef(crm, "companies", "1")))
    assert isinstance(outcome, Rejected)
    assert "not merged into" in outcome.reason
    assert server.calls() == calls


@pytest.mark.parametrize("crm", CRMS)
def test_a_session_that_has_ended_is_told_as_that(sandboxes, crm):
    connector, _ = sandboxes[crm]
    keep, lose = two(connector, crm)
    with pytest.raises(NotAuthorized):
        sandboxes.connect(crm, "another token").merge(Merging("m", keep, lose))


def test_a_fault_of_an_ended_session_lets_the_token_be_renewed(sandboxes):
    connector, _ = sandboxes["salesforce"]
    keep, lose = two(connector, "salesforce")
    again = sandboxes.connect("salesforce", "another token", DIALECTS["salesforce"].token)
    assert merge(again, keep, lose) == keep


def test_hubspots_limit_of_merged_ids_is_told_in_its_words(sandboxes):
    connector, server = sandboxes["hubspot"]
    keep, lose = two(connector, "hubspot")
    for number in range(125):
        other = server.act("create", "contacts", fields={"firstname": f"n{number}"})["id"]
        keep = merge(connector, keep, RecordRef("hubspot", "contacts", other))
    outcome = connector.merge(Merging("m", keep, lose))
    assert isinstance(outcome, Rejected)
    assert "250 identities" in outcome.reason
