"""Works off ingest jobs: each row is a write of its own."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from sandbox.salesforce import ids
from sandbox.salesforce.answers import Ask
from sandbox.salesforce.bulk import csvs
from sandbox.salesforce.bulk.jobs import QUEUED, WORKING, Job
from sandbox.salesforce.errors import SalesforceError
from sandbox.salesforce.schema import Field, ObjectType
from sandbox.salesforce.writes import Writer, missing_record

if TYPE_CHECKING:
    from sandbox.salesforce.org import Org


def hand_in(job: Job, ask: Ask) -> None:
    """Take a complete upload: it is worked off at once, or in its time."""
    job.handed_in_at = ask.org.now()
    if ask.org.faults.setting["bulk_pace"] == "at_once":
        _work(job, ask)
    else:
        ask.org.jobs.waiting.append(job)


def settle(ask: Ask) -> None:
    """Move the waiting jobs on to where the clock says they are."""
    now = ask.org.now()
    for job in list(ask.org.jobs.waiting):
        assert job.handed_in_at is not None
        waited = now - job.handed_in_at
        if waited >= QUEUED and job.state == "UploadComplete":
            job.move("InProgress", job.handed_in_at + QUEUED)
        if waited >= WORKING:
            ask.org.jobs.waiting.remove(job)
            _work(job, ask)


def abort(job: Job, org: Org, now: datetime) -> None:
    """End a job before it was worked off; none of its rows was."""
    if job in org.jobs.waiting:
        org.jobs.waiting.remove(job)
    if job.content is not None:
        job.header, job.unprocessed = csvs.read(job.content, job.delimiter)
    job.move("Aborted", now)


def _work(job: Job, ask: Ask) -> None:
    now, kind = ask.org.now(), ask.org.kind(job.object)
    content = job.content or b""
    job.header, rows = csvs.read(content, job.delimiter)
    problem = _problem(job, kind, content)
    if problem is not None:
        job.error, job.unprocessed = problem, rows
        job.move("Failed", now)
        return
    write = Writer(ask.org, ask.journal, job.created_by, job.assign)
    seen = set[str]()
    for row in rows:
        mark = ask.journal.mark()
        try:
            record_id, created = _row(job, ask, write, kind, row, seen)
        except SalesforceError as error:
            ask.journal.roll_back(mark)
            job.failures.append([_given_id(job, row), _told(error), *row])
        else:
            job.successes.append([record_id, str(created).lower(), *row])
    job.processed = len(rows)
    job.move("JobComplete", now)


def _problem(job: Job, kind: ObjectType, content: bytes) -> str | None:
    """What makes the whole job fail."""
    if not csvs.ending_is(content, job.ending):
        return (
            "ClientInputError : LineEnding is invalid on user data. "
            f"Current LineEnding setting is {job.ending}"
        )
    unknown = [name for name in job.header if not _column(kind, name)]
    if unknown:
        return f"InvalidBatch : Field name not found : {unknown[0]}"
    if job.operation in ("update", "delete", "hardDelete") and "id" not in _lower(job.header):
        return "InvalidBatch : Field name not found : Id"
    return None


def _column(kind: ObjectType, name: str) -> bool:
    relation, dot, _ = name.rpartition(":")[2].partition(".")
    return bool(kind.relationship(relation)) if dot else kind.field(name) is not None


def _row(
    job: Job, ask: Ask, write: Writer, kind: ObjectType, row: list[str], seen: set[str]
) -> tuple[str, bool]:
    """The id of a row's record, and whether it was made."""
    if ask.org.plan.item_fails():
        message = "unable to obtain exclusive access to this record"
        raise SalesforceError("UNABLE_TO_LOCK_ROW", message, [])
    values = _values(job, row)
    if job.operation == "insert":
        return write.create(kind, values).id, True
    if job.operation == "upsert":
        return _upsert(job, write, kind, values, seen)
    given = next((values.pop(name) for name in list(values) if name.lower() == "id"), None)
    record = ask.org.rows(kind.name).get(ids.parse(given) or "")
    if record is None:
        raise missing_record(kind, given)
    if job.operation == "update":
        write.update(kind, record, values)
    elif job.operation == "delete":
        write.delete(kind, record)
    else:
        write.purge(kind, record)
    return record.id, False


def _upsert(
    job: Job, write: Writer, kind: ObjectType, values: dict[str, Any], seen: set[str]
) -> tuple[str, bool]:
    field: Field | None = kind.field(job.external_id or "")
    assert field is not None  # checked when the job was made
    key = next((values.pop(name) for name in list(values) if name.lower() == field.name.lower()), None)
    if key is None:
        raise SalesforceError("MISSING_ARGUMENT", f"{field.name} not specified", [field.name])
    if key.lower() in seen:
        raise SalesforceError("DUPLICATE_VALUE", f"Duplicate external id specified: {key}", [field.name])
    seen.add(key.lower())
    rows = write.org.rows(kind.name)
    found = [rows.get(ids.parse(key) or "")] if field.type == "id" else list(rows.with_key(field.name, key))
    matches = [record for record in found if record is not None and record.archived_at is None]
    if len(matches) > 1:
        told = ", ".join(match.id for match in matches)
        message = f"{field.name}: more than one record found for external id field: [{told}]"
        raise SalesforceError("DUPLICATE_EXTERNAL_ID", message, [field.name])
    if matches:
        write.update(kind, matches[0], values)
        return matches[0].id, False
    return write.create(kind, {**values, field.name: key}).id, True


def _values(job: Job, row: list[str]) -> dict[str, Any]:
    """A row's values: an empty one leaves the field alone, ``#N/A`` clears it, a dot names a parent."""
    if len(row) != len(job.header):
        message = f"Number of columns in the row ({len(row)}) does not match the header ({len(job.header)})"
        raise SalesforceError("INVALID_CSV", message, [])
    values: dict[str, Any] = {}
    for name, text in zip(job.header, row, strict=True):
        if text == "":
            continue
        kind, _, path = name.rpartition(":")
        relation, dot, field = path.partition(".")
        if dot and text != csvs.NULL:
            values[relation] = {"attributes": {"type": kind}, field: text} if kind else {field: text}
        elif not dot:
            values[name] = None if text == csvs.NULL else text
    return values


def _given_id(job: Job, row: list[str]) -> str:
    names = _lower(job.header)
    return row[names.index("id")] if "id" in names and len(row) == len(names) else ""


def _lower(names: list[str]) -> list[str]:
    return [name.lower() for name in names]


def _told(error: SalesforceError) -> str:
    """An error as failedResults shows it: ``CODE:message:fields --``."""
    return f"{error.code}:{error.message}:{' '.join(error.fields or [])} --"
