"""What a record of a call, a mail, a task … means, by each CRM's own words."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from mappings import engagements
from mappings.playbook import TaskMap
from model.change import Record
from model.engagement import EngagementKind, Standing
from model.event import RecordRef
from tests.builders import a_crm, mapped, place

STAMP = datetime(2026, 11, 23, 15, tzinfo=UTC)
NOON = "2026-11-23T12:00:00.000Z"
CRMS = {
    name: replace(a_crm(name, "person", mapped("email", "email")), tasks=TaskMap("task", "our_key", place(1)))
    for name in ("hubspot", "salesforce")
}
MADE, GOT, SENT, READ = "call_made", "call_received", "email_sent", "email_received"
OUT, DONE = {"hs_call_direction": "OUTBOUND"}, {"IsClosed": True}
QUEUE, RESPONDED = "00G000000000001AAA", {"HasResponded": True, "FirstRespondedDate": "2026-11-23"}
OWNER = {"hubspot": {"hubspot_owner_id": "7"}, "salesforce": {"OwnerId": "005000000000001AAA"}}


def said(crm: str, object_type: str, *, archived: bool = False, **values: Any):
    record = Record(RecordRef(crm, object_type, "1"), {**OWNER[crm], **values}, STAMP, archived)
    return engagements.read(record, CRMS[crm], "v1")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("object_type", "values", "kind", "standing", "is_response"),
    [
        ("calls", {**OUT, "hs_call_status": "COMPLETED"}, MADE, "done", True),
        ("calls", {**OUT, "hs_call_status": "NO_ANSWER"}, MADE, "done", True),
        ("calls", {}, MADE, "done", True),
        ("calls", {"hs_call_direction": "INBOUND"}, GOT, "done", False),
        ("calls", {"hs_call_status": "QUEUED"}, MADE, "planned", False),
        ("calls", {"hs_call_status": "FAILED"}, MADE, "off", False),
        ("calls", {"hubspot_owner_id": None}, MADE, "done", False),
        ("emails", {"hs_email_direction": "EMAIL", "hs_email_status": "SENT"}, SENT, "done", True),
        ("emails", {"hs_email_direction": "EMAIL", "hs_email_status": "BOUNCED"}, SENT, "off", False),
        ("emails", {"hs_email_direction": "EMAIL", "hs_sequence_id": "9"}, SENT, "done", False),
        ("emails", {"hs_email_direction": "INCOMING_EMAIL"}, READ, "done", False),
        ("emails", {"hs_email_direction": "FORWARDED_EMAIL"}, READ, "done", False),
        ("meetings", {}, "meeting", "planned", True),
        ("meetings", {"hs_meeting_outcome": "SCHEDULED"}, "meeting", "planned", True),
        ("meetings", {"hs_meeting_outcome": "COMPLETED"}, "meeting", "done", True),
        ("meetings", {"hs_meeting_outcome": "NO_SHOW"}, "meeting", "off", False),
        ("notes", {}, "note", "done", False),
        ("tasks", {"hs_task_status": "COMPLETED", "hs_task_type": "CALL"}, "task", "done", False),
    ],
)  # fmt: skip
def test_hubspot(object_type, values, kind, standing, is_response):
    one = said("hubspot", object_type, hs_timestamp=NOON, **values)
    assert (one.kind, one.standing, one.is_response) == (kind, standing, is_response)
    assert one.at == at("2026-11-23T12:00")


@pytest.mark.parametrize(
    ("object_type", "values", "kind", "standing", "is_response"),
    [
        ("Task", {"TaskSubtype": "Call", **DONE}, MADE, "done", True),
        ("Task", {"TaskSubtype": "Call", **DONE, "CallType": "Inbound"}, GOT, "done", False),
        ("Task", {"TaskSubtype": "Call", "IsClosed": False}, MADE, "planned", False),
        ("Task", {"TaskSubtype": "Email", **DONE}, SENT, "done", True),
        ("Task", {"TaskSubtype": "ListEmail", **DONE}, "task", "done", False),
        ("Task", {"TaskSubtype": "Call", **DONE, "OwnerId": QUEUE}, MADE, "done", False),
        ("Task", {"TaskSubtype": "Call", **DONE, "our_key": "ef_1"}, MADE, "done", False),
        ("Event", {"StartDateTime": NOON}, "meeting", "planned", True),
        ("CampaignMember", {"HasResponded": False}, "campaign", "planned", False),
        ("CampaignMember", RESPONDED, "campaign", "done", False),
    ],
)  # fmt: skip
def test_salesforce(object_type, values, kind, standing, is_response):
    one = said("salesforce", object_type, CreatedDate=NOON, **values)
    assert (one.kind, one.standing, one.is_response) == (kind, standing, is_response)
    assert one.at == at("2026-11-23T12:00")


@pytest.mark.parametrize(
    ("day", "completed", "expected"),
    [
        ("2026-11-23", "2026-11-23T14:30:00.000+0000", "2026-11-23T14:30"),  # written down on the day
        ("2026-11-20", "2026-11-23T14:30:00.000+0000", "2026-11-20T23:59:59"),  # days later
        ("2026-11-25", "2026-11-23T14:30:00.000+0000", "2026-11-23T14:30"),  # done before it was due
        (None, "2026-11-23T14:30:00.000+0000", "2026-11-23T14:30"),
    ],
)
def test_a_call_that_is_written_down_later_has_its_own_day(day, completed, expected):
    told = {"TaskSubtype": "Call", "IsClosed": True, "ActivityDate": day, "CompletedDateTime": completed}
    assert said("salesforce", "Task", CreatedDate=NOON, **told).at == at(expected)


def test_a_task_to_be_done_is_of_its_due_day_and_an_all_day_event_of_its_day():
    assert said("salesforce", "Task", IsClosed=False, ActivityDate="2026-11-25").at == at(
        "2026-11-25T23:59:59"
    )
    event = said("salesforce", "Event", IsAllDayEvent=True, ActivityDate="2026-11-25", StartDateTime=NOON)
    assert event.at == at("2026-11-25T23:59:59")


def test_what_says_no_time_has_the_records_stamp_and_a_deleted_one_answers_nobody():
    one = said("hubspot", "calls", archived=True)
    assert (one.at, one.standing, one.is_response) == (STAMP, Standing.DELETED, False)


def test_a_task_of_ours_is_known_by_our_key():
    assert said("hubspot", "tasks", our_key="ef_1", hs_task_status="COMPLETED").is_ours
    assert not said("hubspot", "tasks", our_key=None).is_ours
    assert "our_key" in engagements.asked(CRMS["hubspot"], "tasks")
    assert "our_key" not in engagements.asked(CRMS["hubspot"], "calls")


def test_nonsense_fails_the_event_and_says_so():
    with pytest.raises(ValueError, match="yesterday"):
        said("hubspot", "calls", hs_timestamp="yesterday")


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"FirstRespondedDate": "2026-11-22"}, "2026-11-22T09:00"),  # the day it was made
        ({"FirstRespondedDate": "2026-11-23"}, "2026-11-23T14:00"),  # the day it was changed last
        ({"FirstRespondedDate": "2026-11-21"}, "2026-11-21T23:59:59"),
        ({}, "2026-11-23T14:00"),
    ],
)
def test_who_responds_to_a_campaign_is_touched_by_it(values, expected):
    told = {
        "Campaign.Name": "Autumn webinar", "Campaign.Type": "Webinar", "HasResponded": True,
        "CreatedDate": "2026-11-22T09:00:00.000+0000", "LastModifiedDate": "2026-11-23T14:00:00.000+0000",
    }  # fmt: skip
    record = Record(RecordRef("salesforce", "CampaignMember", "1"), {**told, **values}, STAMP)
    touch = engagements.touch_of(record, CRMS["salesforce"])
    assert touch is not None
    assert touch.at == at(expected)
    assert touch.fields == {
        "channel": "event", "source": "salesforce", "campaign": "Autumn webinar", "medium": "webinar",
    }  # fmt: skip
    assert engagements.read(record, CRMS["salesforce"], "v").at == touch.at


def test_who_is_only_a_member_and_what_is_no_campaign_touches_nobody():
    member = Record(RecordRef("salesforce", "CampaignMember", "1"), {"HasResponded": False}, STAMP)
    task = Record(RecordRef("salesforce", "Task", "1"), {"HasResponded": True}, STAMP)
    assert engagements.touch_of(member, CRMS["salesforce"]) is None
    assert engagements.touch_of(task, CRMS["salesforce"]) is None


def test_rules_count_what_took_place_and_meetings_that_were_agreed_on():
    assert said("hubspot", "meetings").counts
    assert said("hubspot", "calls").counts
    assert not said("hubspot", "calls", hs_call_status="QUEUED").counts
    assert not said("hubspot", "notes").counts
    assert {one.value for one in EngagementKind} >= {"call_made", "email_received", "campaign"}
