"""Tasks and events: whom and what they are about, whether they are done."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sandbox.records import Record
from sandbox.salesforce.errors import SalesforceError
from sandbox.salesforce.moments import FORM, stamp
from sandbox.salesforce.rules.base import Rules, live

if TYPE_CHECKING:
    from sandbox.salesforce.org import Org
    from sandbox.salesforce.writes import Writer

_CLOSED = "Completed"  # the one task status that is closed in a new org


class ActivityRules(Rules, ABC):
    """What tasks and events have in common."""

    def complete(
        self, write: Writer, values: dict[str, Any], given: Mapping[str, Any], before: Mapping[str, Any]
    ) -> None:
        """Refuse a lead together with another record; derive the account."""
        who, what = values.get("WhoId"), values.get("WhatId")
        if who and what and who.startswith("00Q"):
            message = "Related To ID: cannot relate an activity of a lead to another record"
            raise SalesforceError("FIELD_INTEGRITY_EXCEPTION", message, ["WhatId"])
        values["AccountId"] = _account_of(write.org, what) or _account_of(write.org, who)

    def settle(self, write: Writer, record: Record, before: Mapping[str, Any]) -> None:
        """Move the last activity of those it is about."""
        day = record.values.get("ActivityDate")
        if not day or not self.counts(record.values):
            return
        for name in ("WhoId", "WhatId", "AccountId"):
            about = write.org.find(record.values.get(name) or "")
            if about is not None and (about.values.get("LastActivityDate") or "") < day:
                kind = write.org.schema.of_id(about.id)
                if kind is not None and kind.field("LastActivityDate"):
                    write.derive(kind.name, about, {"LastActivityDate": day})

    @abstractmethod
    def counts(self, values: Mapping[str, Any]) -> bool:
        """Whether it makes a last activity."""


class TaskRules(ActivityRules):
    """Tasks."""

    def complete(
        self, write: Writer, values: dict[str, Any], given: Mapping[str, Any], before: Mapping[str, Any]
    ) -> None:
        """Derive whether it is closed."""
        super().complete(write, values, given, before)
        closed = values["Status"] == _CLOSED
        values["IsClosed"], values["IsHighPriority"] = closed, values["Priority"] == "High"
        if not closed:
            values["CompletedDateTime"] = None
        elif not values.get("CompletedDateTime"):
            values["CompletedDateTime"] = stamp(write.org.now())

    def counts(self, values: Mapping[str, Any]) -> bool:
        """A task counts when it is closed."""
        return bool(values.get("IsClosed"))


class EventRules(ActivityRules):
    """Events."""

    def complete(
        self, write: Writer, values: dict[str, Any], given: Mapping[str, Any], before: Mapping[str, Any]
    ) -> None:
        """Bring start, end, duration and day into line."""
        super().complete(write, values, given, before)
        if values.get("IsAllDayEvent"):
            day = given.get("ActivityDate") or values.get("ActivityDate")
            start = f"{day}T00:00:00.000+0000" if day else values.get("StartDateTime")
        else:
            start = given.get("StartDateTime") or given.get("ActivityDateTime") or values.get("StartDateTime")
        if start is None:
            raise _missing("ActivityDateTime")
        minutes = _minutes(start, values, given)
        if minutes is None:
            raise _missing("DurationInMinutes")
        if minutes < 0:
            message = "Your event can't end before it starts: End Date/Time"
            raise SalesforceError("FIELD_INTEGRITY_EXCEPTION", message, ["EndDateTime"])
        end = datetime.strptime(start, FORM) + timedelta(minutes=minutes)
        values |= {
            "StartDateTime": start, "EndDateTime": stamp(end), "DurationInMinutes": minutes,
            "ActivityDate": start[:10], "EndDate": end.date().isoformat(),
            "ActivityDateTime": None if values.get("IsAllDayEvent") else start,
        }  # fmt: skip

    def counts(self, values: Mapping[str, Any]) -> bool:
        """Every event counts."""
        return True


def _minutes(start: str, values: Mapping[str, Any], given: Mapping[str, Any]) -> int | None:
    end = given.get("EndDateTime")
    if end is None and given.get("DurationInMinutes") is None:
        if values.get("DurationInMinutes") is not None:
            return int(values["DurationInMinutes"])
        return 1440 if values.get("IsAllDayEvent") else None
    if end is None:
        return int(given["DurationInMinutes"])
    return int((datetime.strptime(end, FORM) - datetime.strptime(start, FORM)).total_seconds() // 60)


def _missing(name: str) -> SalesforceError:
    return SalesforceError("REQUIRED_FIELD_MISSING", f"Required fields are missing: [{name}]", [name])


def _account_of(org: Org, record_id: str | None) -> str | None:
    """The account of what an activity is about."""
    if not record_id or record_id.startswith("001"):
        return record_id
    about = org.find(record_id)
    return about.values.get("AccountId") if about else None


def move_activities(write: Writer, field: str, old_id: str, new: Mapping[str, Any]) -> list[str]:
    """Hang the tasks and events of one record on another; the ids of those moved."""
    moved = []
    for name in ("Task", "Event"):
        for activity in live(write.org, name, field, old_id):
            write.derive(name, activity, new)
            moved.append(activity.id)
    return moved
