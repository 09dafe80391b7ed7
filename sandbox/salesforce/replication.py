"""The endpoints for copying an object: which records changed, and which were deleted, between two times."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sandbox.salesforce.answers import Ask, Reply
from sandbox.salesforce.errors import SalesforceError
from sandbox.salesforce.moments import parse_moment, stamp

UPDATED_BACK, DELETED_BACK = timedelta(days=30), timedelta(days=15)


def updated(ask: Ask) -> Reply:
    """``GET sobjects/X/updated/?start=&end=``: the ids of live records that changed."""
    kind = ask.org.kind(ask.arguments["sobject"])
    start, end = _window(ask, UPDATED_BACK)
    rows = ask.org.rows(kind.name).changed_from(start)
    ids = [row.id for row in rows if row.archived_at is None and row.values["SystemModstamp"] < end]
    return Reply(200, {"ids": ids, "latestDateCovered": min(end, _this_minute(ask))})


def deleted(ask: Ask) -> Reply:
    """``GET sobjects/X/deleted/?start=&end=``: the ids of the deleted, and when."""
    kind = ask.org.kind(ask.arguments["sobject"])
    start, end = _window(ask, DELETED_BACK)
    rows = ask.org.rows(kind.name).changed_from(start)
    gone = [
        {"id": row.id, "deletedDate": row.values["SystemModstamp"]}
        for row in rows
        if row.archived_at is not None and row.values["SystemModstamp"] < end
    ]
    covered = {
        "earliestDateAvailable": stamp(ask.org.opened_at),
        "latestDateCovered": min(end, _this_minute(ask)),
    }
    return Reply(200, {"deletedRecords": gone, **covered})


def _window(ask: Ask, back: timedelta) -> tuple[str, str]:
    """Start and end by the minute, as stamps: seconds are ignored."""
    times = [_time(ask, name) for name in ("start", "end")]
    start, end = (stamp(time.replace(second=0)) for time in times)
    if start >= end:
        raise SalesforceError("INVALID_REPLICATION_DATE", "endDate must be after startDate")
    if times[0] < ask.org.now() - back:
        message = f"startDate before org replication enabled date or more than {back.days} days ago"
        raise SalesforceError("INVALID_REPLICATION_DATE", message)
    return start, end


def _time(ask: Ask, name: str) -> datetime:
    text = ask.params.get(name, "")
    value = parse_moment(text)
    if value is None:
        raise SalesforceError(
            "INVALID_REPLICATION_DATE", f"{name} is not a date and time with a zone: {text}"
        )
    return datetime.strptime(value, "%Y-%m-%dT%H:%M:%S.000+0000").replace(tzinfo=UTC)


def _this_minute(ask: Ask) -> str:
    return stamp(ask.org.now().replace(second=0))
