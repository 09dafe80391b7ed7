"""What each CRM calls what was done with people, and how a record of it reads. Pure.

Sources: HubSpot "Engagements" guides (calls, emails, meetings, notes, tasks: property names and values);
Salesforce "Object Reference" (Task, Event, CampaignMember). Bodies of mails, notes and calls are not
asked for: what was said stays in the CRM.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime, time
from typing import Any

from mappings.playbook import CrmMap
from model.change import Record
from model.engagement import ANSWERING, Engagement, EngagementKind, Standing
from model.lead import Touch
from model.times import EPOCH, from_text

MAX_TITLE, MAX_OUTCOME = 200, 64  # characters

ASKED: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "hubspot": {
        "calls": ("hs_timestamp", "hs_call_title", "hs_call_direction", "hs_call_status", "hubspot_owner_id"),
        "emails": (
            "hs_timestamp", "hs_email_subject", "hs_email_direction", "hs_email_status", "hs_sequence_id",
            "hubspot_owner_id",
        ),
        "meetings": (
            "hs_timestamp", "hs_meeting_title", "hs_meeting_start_time", "hs_meeting_outcome",
            "hubspot_owner_id",
        ),
        "notes": ("hs_timestamp", "hubspot_owner_id"),
        "tasks": (
            "hs_timestamp", "hs_task_subject", "hs_task_status", "hs_task_type", "hubspot_owner_id",
        ),
    },
    "salesforce": {
        "Task": (
            "Subject", "Status", "IsClosed", "ActivityDate", "CompletedDateTime", "TaskSubtype", "CallType",
            "OwnerId", "CreatedDate",
        ),
        "Event": ("Subject", "ActivityDate", "StartDateTime", "IsAllDayEvent", "OwnerId", "CreatedDate"),
        "CampaignMember": (
            "Campaign.Name", "Campaign.Type", "CampaignId", "Status", "HasResponded", "FirstRespondedDate",
            "CreatedDate", "LastModifiedDate",
        ),
    },
}  # fmt: skip
"""CRM kind -> object -> the fields that are read of it."""

TASKS = {"hubspot": "tasks", "salesforce": "Task"}  # leadrelay's own are among them
USERS = "005"  # the ids of Salesforce's users begin so; queues own tasks, too

CALLS_BEGUN = {"QUEUED", "RINGING", "CONNECTING", "CALLING_CRM_USER", "IN_PROGRESS"}
CALLS_FAILED = {"CANCELED", "FAILED"}  # nobody was called; NO_ANSWER and BUSY were tried
MAILS_PENDING, MAILS_FAILED = {"SCHEDULED", "SENDING"}, {"BOUNCED", "FAILED"}
MEETINGS = {"COMPLETED": Standing.DONE, "NO_SHOW": Standing.OFF, "CANCELED": Standing.OFF}
SUBTYPES = {"Call": EngagementKind.CALL_MADE, "Email": EngagementKind.EMAIL_SENT}

CHANNELS = {  # of Salesforce's usual types of campaigns, as touches name them
    "conference": "event",
    "webinar": "event",
    "trade show": "event",
    "partners": "referral",
    "referral program": "referral",
    "advertisement": "display",
    "banner ads": "display",
    "direct mail": "offline",
    "public relations": "offline",
    "telemarketing": "offline",
    "email": "email",
}

Values = Mapping[str, Any]


def asked(crm: CrmMap, object_type: str) -> tuple[str, ...]:
    """Return the fields that are read of an object; of tasks that which holds our key, too."""
    ours = crm.tasks.key_field if crm.tasks and object_type == TASKS[crm.kind] else ""
    return (*ASKED[crm.kind][object_type], *filter(None, [ours]))


def read(record: Record, crm: CrmMap, version: str) -> Engagement:
    """Return what a record says; ``by`` is the vendor's id of its owner. Raises ``ValueError``."""
    values = record.fields
    kind, standing, at, title, outcome = READERS[crm.kind, record.ref.object](values, record.modified_at)
    owner = str(values.get("hubspot_owner_id" if crm.kind == "hubspot" else "OwnerId") or "")
    is_ours = bool(crm.tasks and record.ref.object == TASKS[crm.kind] and values.get(crm.tasks.key_field))
    is_person = bool(owner) and (crm.kind == "hubspot" or owner.startswith(USERS))
    is_person = is_person and not values.get("hs_sequence_id")  # a sequence sent it, in the owner's name
    is_agreed = kind is EngagementKind.MEETING and standing is Standing.PLANNED
    return Engagement(
        record.ref,
        kind,
        Standing.DELETED if record.archived else standing,
        at,
        title=title[:MAX_TITLE],
        outcome=outcome[:MAX_OUTCOME],
        by=owner,
        is_response=kind in ANSWERING
        and is_person
        and not is_ours
        and not record.archived
        and (standing is Standing.DONE or is_agreed),
        is_ours=is_ours,
        modified_at=record.modified_at,
        version=version,
    )


def is_untouched(record: Record, crm: CrmMap) -> bool:
    """Say whether a record is a task that leadrelay made, and nobody has done yet: that is known here."""
    if crm.tasks is None or record.ref.object != TASKS[crm.kind] or record.archived:
        return False
    values = record.fields
    is_done = values.get("hs_task_status") == "COMPLETED" or values.get("IsClosed") is True
    return bool(values.get(crm.tasks.key_field)) and not is_done


def touch_of(record: Record, crm: CrmMap) -> Touch | None:
    """Return the marketing contact that a campaign's member had: none before they responded."""
    values = record.fields
    if record.ref.object != "CampaignMember" or record.archived or values.get("HasResponded") is not True:
        return None
    name = _text(values, "Campaign.Name") or _text(values, "CampaignId")
    kind = _text(values, "Campaign.Type").lower()
    fields = {"channel": CHANNELS.get(kind, "other"), "source": crm.connection, "campaign": name[:MAX_TITLE]}
    return Touch(_responded_at(values, record.modified_at), fields | ({"medium": kind} if kind else {}))


Read = tuple[EngagementKind, Standing, datetime, str, str]
"""Kind, standing, when, title, outcome."""


def _standing(status: str, pending: Collection[str], failed: Collection[str]) -> Standing:
    if status in pending:
        return Standing.PLANNED
    return Standing.OFF if status in failed else Standing.DONE


def _call(values: Values, stamp: datetime | None) -> Read:
    """Read a call; one without a direction was written down by one of our people."""
    is_in, status = values.get("hs_call_direction") == "INBOUND", _text(values, "hs_call_status")
    kind = EngagementKind.CALL_RECEIVED if is_in else EngagementKind.CALL_MADE
    at, standing = _first(values, stamp, "hs_timestamp"), _standing(status, CALLS_BEGUN, CALLS_FAILED)
    return kind, standing, at, _text(values, "hs_call_title"), status


def _email(values: Values, stamp: datetime | None) -> Read:
    """Read an e-mail; one that was forwarded to the CRM does not say who wrote it, and answers nobody."""
    is_out, status = values.get("hs_email_direction") == "EMAIL", _text(values, "hs_email_status")
    kind = EngagementKind.EMAIL_SENT if is_out else EngagementKind.EMAIL_RECEIVED
    at, standing = _first(values, stamp, "hs_timestamp"), _standing(status, MAILS_PENDING, MAILS_FAILED)
    return kind, standing, at, _text(values, "hs_email_subject"), status


def _meeting(values: Values, stamp: datetime | None) -> Read:
    outcome = _text(values, "hs_meeting_outcome")
    at = _first(values, stamp, "hs_meeting_start_time", "hs_timestamp")
    standing = MEETINGS.get(outcome, Standing.PLANNED)
    return EngagementKind.MEETING, standing, at, _text(values, "hs_meeting_title"), outcome


def _note(values: Values, stamp: datetime | None) -> Read:
    return EngagementKind.NOTE, Standing.DONE, _first(values, stamp, "hs_timestamp"), "", ""


def _task(values: Values, stamp: datetime | None) -> Read:
    status = _text(values, "hs_task_status")
    standing = Standing.DONE if status == "COMPLETED" else Standing.PLANNED
    at = _first(values, stamp, "hs_timestamp")
    return EngagementKind.TASK, standing, at, _text(values, "hs_task_subject"), status


def _salesforce_task(values: Values, stamp: datetime | None) -> Read:
    """Read a task. Calls and mails that were logged are tasks of a subtype; lists of mails are in bulk."""
    kind = SUBTYPES.get(_text(values, "TaskSubtype"), EngagementKind.TASK)
    if kind is EngagementKind.CALL_MADE and values.get("CallType") == "Inbound":
        kind = EngagementKind.CALL_RECEIVED
    is_done = values.get("IsClosed") is True
    end = _end_of(values.get("ActivityDate"))
    entered = _first(values, stamp, *(("CompletedDateTime",) if is_done else ()), "CreatedDate")
    at = (min(end, entered) if is_done else end) if end else entered
    standing = Standing.DONE if is_done else Standing.PLANNED
    return kind, standing, at, _text(values, "Subject"), _text(values, "Status")


def _salesforce_event(values: Values, stamp: datetime | None) -> Read:
    """Read an event; Salesforce keeps no word on whether it took place."""
    day = _end_of(values.get("ActivityDate")) if values.get("IsAllDayEvent") is True else None
    at = day or _first(values, stamp, "StartDateTime", "CreatedDate")
    return EngagementKind.MEETING, Standing.PLANNED, at, _text(values, "Subject"), ""


def _campaign_member(values: Values, stamp: datetime | None) -> Read:
    has_responded = values.get("HasResponded") is True
    at = _responded_at(values, stamp) if has_responded else _first(values, stamp, "CreatedDate")
    title = _text(values, "Campaign.Name") or _text(values, "CampaignId")
    standing = Standing.DONE if has_responded else Standing.PLANNED
    return EngagementKind.CAMPAIGN, standing, at, title, _text(values, "Status")


READERS: Mapping[tuple[str, str], Callable[[Values, datetime | None], Read]] = {
    ("hubspot", "calls"): _call,
    ("hubspot", "emails"): _email,
    ("hubspot", "meetings"): _meeting,
    ("hubspot", "notes"): _note,
    ("hubspot", "tasks"): _task,
    ("salesforce", "Task"): _salesforce_task,
    ("salesforce", "Event"): _salesforce_event,
    ("salesforce", "CampaignMember"): _campaign_member,
}


def _responded_at(values: Values, stamp: datetime | None) -> datetime:
    """Return when a member responded: Salesforce keeps the day, and when the record was made and changed."""
    moments = [_first(values, stamp, name) for name in ("CreatedDate", "LastModifiedDate")]
    end = _end_of(values.get("FirstRespondedDate"))
    if end is None:
        return moments[-1]
    return next((one for one in moments if one.date() == end.date()), min(end, max(moments)))


def _first(values: Values, stamp: datetime | None, *names: str) -> datetime:
    """Return the first of these fields that holds a moment, else the record's stamp."""
    for name in names:
        if text := _text(values, name):
            return from_text(text)
    return stamp or EPOCH


def _end_of(day: Any) -> datetime | None:
    """Return the last second of a day (UTC: Salesforce's days have no zone); ``None`` where there is none."""
    if not isinstance(day, str) or not day:
        return None
    return datetime.combine(datetime.fromisoformat(day[:10]), time(23, 59, 59), tzinfo=UTC)


def _text(values: Values, name: str) -> str:
    value = values.get(name)
    return value.strip() if isinstance(value, str) else ""
