"""The queries for people, and which record is the person."""

from __future__ import annotations

import pytest

from connectors.salesforce.people import Directory, people_queries, to_record
from model.change import RecordChange
from model.lead import Identity

FIELD = "LeadRelay_Id__c"
FIELDS = {"Lead": ["LastName", "Email"], "Contact": ["LastName"]}


def a_person(email=None, lead=None):
    pairs = (("email", email), ("lead", lead))
    return RecordChange(
        "k", "Lead", {}, identities=tuple(Identity(kind, value) for kind, value in pairs if value)
    )


def a_row(record_id, created="2026-01-01T00:00:00.000+0000", **more):
    return {"Id": record_id, "CreatedDate": created, **more}


def test_both_objects_are_asked_by_address_and_by_our_id():
    queries = people_queries(
        [a_person("b@x.de", "L1"), a_person("a@x.de"), a_person("b@x.de")], FIELDS, FIELD
    )
    either = "(Email IN ('a@x.de','b@x.de') OR LeadRelay_Id__c IN ('L1'))"
    assert queries["Contact"] == (
        "SELECT LastName, Id, CreatedDate, SystemModstamp, Email, LeadRelay_Id__c FROM Contact WHERE "
        + either
    )
    assert queries["Lead"] == (
        "SELECT LastName, Email, Id, CreatedDate, SystemModstamp, IsConverted, ConvertedContactId,"
        " LeadRelay_Id__c FROM Lead WHERE IsConverted = false AND " + either
    )


def test_a_quote_in_an_address_stays_inside_its_literal():
    query = people_queries([a_person("o'neill@x.de')--")], {}, "")["Contact"]
    assert query.endswith(r"(Email IN ('o\'neill@x.de\')--'))")


def test_nobody_to_ask_for_makes_no_query():
    assert people_queries([a_person()], FIELDS, FIELD) == {}
    assert people_queries([a_person(lead="L1")], FIELDS, "") == {}


LEAD, OLD_LEAD = a_row("00Q2", Email="a@x.de"), a_row("00Q1", "2025-01-01T00:00:00.000+0000", Email="A@x.de")
OURS = a_row("00Q9", LeadRelay_Id__c="L1", Email="other@x.de")
CONTACT = a_row("0031", Email="a@x.de")


@pytest.mark.parametrize(
    ("leads", "contacts", "expected"),
    [
        ([LEAD], [], LEAD),
        ([LEAD, OLD_LEAD], [], OLD_LEAD),  # the oldest
        ([LEAD, OLD_LEAD], [CONTACT], CONTACT),  # a Contact is further on than a Lead
        ([OURS, LEAD], [CONTACT], OURS),  # our own id leaves no doubt
        ([a_row("00Q4", Email="a@x.de"), a_row("00Q3", Email="a@x.de")], [], a_row("00Q3", Email="a@x.de")),
        ([a_row("00Q4", Email=None)], [], None),
    ],
)
def test_the_person_is_told_among_several_records(leads, contacts, expected):
    for turned in (leads, leads[::-1]):
        directory = Directory({"Lead": turned, "Contact": contacts}, FIELD)
        found = directory.person(a_person("a@x.de", "L1"))
        assert (found[1] if found else None) == expected


def test_a_record_is_read_under_its_long_id_without_its_attributes():
    row = {
        "attributes": {"type": "Lead", "url": "…"},
        "Id": "70130000001tcyI",
        "SystemModstamp": "2026-11-21T10:00:00.000+0000",
    }
    record = to_record("sf", "Lead", row)
    assert record.ref.id == "70130000001tcyIAAQ"
    assert record.modified_at is not None
    assert record.modified_at.isoformat() == "2026-11-21T10:00:00+00:00"
    assert "attributes" not in record.fields


def test_people_are_looked_for_where_the_playbook_says():
    ada = a_person("ada@x.de")
    assert list(people_queries([ada], FIELDS, FIELD, ("Lead",))) == ["Lead"]
    lead, contact = a_row("1", Email="ada@x.de"), a_row("2", Email="ada@x.de")
    rows = {"Lead": [lead], "Contact": [contact]}
    assert Directory(rows, FIELD).person(ada) == ("Contact", contact)
    assert Directory(rows, FIELD, ("Lead",)).person(ada) == ("Lead", lead)
    assert Directory(rows, FIELD, ("Lead", "Contact")).person(ada) == ("Lead", lead)
