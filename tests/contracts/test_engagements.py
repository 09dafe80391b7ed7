"""What is done with people in a CRM: met with whom it is about, and gone when it was deleted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from connectors.base import Connector
from mappings import engagements
from mappings.playbook import TaskMap
from model.errors import RetryLater
from model.event import RecordRef
from model.listing import Changes, Listed
from tests.builders import a_crm, mapped, place
from tests.contracts.crms import CRMS, DIALECTS, a_new_person, fields_read
from tests.contracts.test_changes import START, clock

OBJECTS = [(crm, name) for crm in CRMS for name in engagements.ASKED[crm]]
LOGGED = {"calls": "log_call", "meetings": "log_meeting", "notes": "log_note", "tasks": "log_task",
          "Task": "log_call", "Event": "log_meeting"}  # fmt: skip


def names(crm: str, object_type: str) -> tuple[str, ...]:
    map_ = replace(
        a_crm(crm, DIALECTS[crm].object, mapped("email", "email")), tasks=TaskMap("task", "", place(1))
    )
    return engagements.asked(map_, object_type)


def look(connector: Connector, crm: str, object_type: str, position: str | None) -> Iterator[Changes]:
    for _ in range(50):
        page = connector.engagements(object_type, names(crm, object_type), position, overlap=5)
        position = page.position
        yield page
        if page.is_drained:
            return
    raise AssertionError("the look has no end")


def met(pages: list[Changes]) -> dict[str, Listed]:
    return {one.record.ref.id: one for page in pages for one in page.listed}


def person(connector: Connector, crm: str, address: str = "ada@example.com") -> RecordRef:
    [made] = connector.create([a_new_person(crm, address)], fields_read(crm))
    return made.ref  # type: ignore[union-attr]


def log(server: Any, object_type: str, ref: RecordRef) -> str:
    """Do it by hand with a person; return its id."""
    if object_type == "emails":
        mail = {"hs_timestamp": START.isoformat(), "hs_email_direction": "EMAIL", "hs_email_subject": "Hello"}
        made = server.act("create", "emails", fields=mail)["id"]
        server.act("associate", "emails", id=made, to_object="contacts", to=ref.id)
        return str(made)
    if object_type == "CampaignMember":
        campaign = server.act("create", "Campaign", fields={"Name": "Autumn", "Type": "Webinar"})["id"]
        fields = {"CampaignId": campaign, f"{ref.object}Id": ref.id}
        return str(server.act("create", "CampaignMember", fields=fields)["id"])
    return str(server.act(LOGGED[object_type], ref.object, id=ref.id)["id"])


@pytest.mark.parametrize(("crm", "object_type"), OBJECTS)
def test_what_is_done_with_a_person_comes_with_them_and_can_be_read(crm, object_type, sandboxes):
    connector, server = sandboxes[crm]
    clock(server, START)
    ref = person(connector, crm)
    [start] = look(connector, crm, object_type, None)
    assert list(start.listed) == []
    clock(server, START + timedelta(minutes=1))
    made = log(server, object_type, ref)
    found = met(list(look(connector, crm, object_type, start.position)))
    assert found[made].about == (ref,)
    assert found[made].record.ref == RecordRef(crm, object_type, made)
    known = replace(a_crm(crm, ref.object, mapped("email", "email")), connection=crm)
    one = engagements.read(found[made].record, known, "v1")
    assert START <= one.at <= START + timedelta(days=1)
    assert (one.kind == "campaign") == (object_type == "CampaignMember")
    if object_type == "CampaignMember":
        assert one.title == "Autumn"
        assert "Campaign" not in found[made].record.fields


@pytest.mark.parametrize("crm", CRMS)
def test_one_of_nobody_names_nobody(crm, sandboxes):
    connector, server = sandboxes[crm]
    object_type = "calls" if crm == "hubspot" else "Task"
    clock(server, START)
    [start] = look(connector, crm, object_type, None)
    fields = {"hs_timestamp": START.isoformat()} if crm == "hubspot" else {"Subject": "Call"}
    made = str(server.act("create", object_type, fields=fields)["id"])
    assert met(list(look(connector, crm, object_type, start.position)))[made].about == ()


def test_all_contacts_of_a_call_are_told(sandboxes):
    connector, server = sandboxes["hubspot"]
    clock(server, START)
    people = [person(connector, "hubspot", f"p{number}@example.com") for number in range(3)]
    [start] = look(connector, "hubspot", "calls", None)
    call = log(server, "calls", people[0])
    for other in people[1:]:
        server.act("associate", "calls", id=call, to_object="contacts", to=other.id)
    before = server.calls()
    pages = list(look(connector, "hubspot", "calls", start.position))
    assert set(met(pages)[call].about) == set(people)
    assert server.calls() - before == 2  # the search, and whom it is about
    before = server.calls()
    connector.engagements("meetings", names("hubspot", "meetings"), start.position)
    assert server.calls() - before == 1  # of an empty page nobody is asked for


def test_where_it_cannot_be_said_whom_a_call_is_about_the_page_is_read_again(sandboxes):
    connector, server = sandboxes["hubspot"]
    clock(server, START)
    ref = person(connector, "hubspot")
    [start] = look(connector, "hubspot", "calls", None)
    log(server, "calls", ref)
    for trouble in ({"half_failed_rate": 1}, {"rate_429": 1}, {"cut_rate": 1}):
        server.faults(**trouble)
        try:
            page = connector.engagements("calls", names("hubspot", "calls"), start.position)
        except RetryLater:
            continue
        assert all(one.about == (ref,) for one in page.listed)
    server.faults()
    assert len(met(list(look(connector, "hubspot", "calls", start.position)))) == 1


@pytest.mark.parametrize("crm", CRMS)
def test_a_deleted_one_is_among_the_changes_or_in_the_bin(crm, sandboxes):
    connector, server = sandboxes[crm]
    object_type = "calls" if crm == "hubspot" else "Task"
    clock(server, START)
    ref = person(connector, crm)
    made = log(server, object_type, ref)
    [start] = look(connector, crm, object_type, None)
    clock(server, START + timedelta(minutes=1))
    server.act("delete", object_type, id=made)
    listed = list(met(list(look(connector, crm, object_type, start.position))).values())
    listed += connector.archived_page(object_type, None).listed
    gone = [one.record for one in listed if one.record.archived]
    assert [record.ref.id for record in gone] == [made]
    assert gone[0].modified_at == START + timedelta(minutes=1)


def test_a_converted_leads_tasks_are_its_contacts(sandboxes):
    connector, server = sandboxes["salesforce"]
    clock(server, START)
    ref = person(connector, "salesforce")
    task = log(server, "Task", ref)
    [start] = look(connector, "salesforce", "Task", None)
    clock(server, START + timedelta(minutes=1))
    server.act("convert", "Lead", id=ref.id)
    found = met(list(look(connector, "salesforce", "Task", start.position)))
    assert [one.object for one in found[task].about] == ["Contact"]
