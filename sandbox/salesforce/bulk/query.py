"""The endpoints of query jobs."""

from __future__ import annotations

from collections.abc import Iterator

from sandbox.reading import whole_number
from sandbox.salesforce.answers import Ask, Reply
from sandbox.salesforce.bulk import csvs
from sandbox.salesforce.bulk.jobs import QUEUED, WORKING, Job, bad_state
from sandbox.salesforce.errors import SalesforceError
from sandbox.salesforce.soql.run import run

OPERATIONS = ("query", "queryAll")
PAGE, MAX_PAGES_LISTED = 50_000, 5


def create(ask: Ask) -> Reply:
    """``POST jobs/query``."""
    given, org = ask.fields(), ask.org
    operation, text = str(given.get("operation", "")), str(given.get("query", ""))
    if operation not in OPERATIONS:
        raise SalesforceError("INVALIDJOB", f"Invalid operation: {operation}")
    job = Job(
        org.jobs.mint(), False, operation, "", ask.api, ask.user_id, org.now(),
        str(given.get("columnDelimiter") or "COMMA"), str(given.get("lineEnding") or "LF"), query=text,
    )  # fmt: skip
    _run(job, ask)
    job.handed_in_at = org.now()
    job.move("UploadComplete", org.now())
    org.jobs.add(job)
    told = job.made()
    if org.faults.setting["bulk_pace"] == "at_once":
        job.move("JobComplete", org.now())
    return Reply(200, told)


def _run(job: Job, ask: Ask) -> None:
    """Keep the result; a query is checked when its job is made."""
    zone = ask.org.zone_of(ask.user_id)
    also_deleted = job.operation == "queryAll"
    found = run(job.query, ask.org, include_deleted=also_deleted, version=ask.version, zone=zone)
    if found.groups is not None or found.tell is None or found.has_children:
        message = "Aggregate Relationships not supported in Bulk Query"
        raise SalesforceError("API_ERROR", message)
    job.object = found.kind.name
    job.header = [".".join(column.names) for column in found.columns]
    job.successes = [
        [csvs.told(column.get(record.values)) for column in found.columns] for record in found.records
    ]
    job.processed = len(job.successes)


def listed(ask: Ask) -> Reply:
    """``GET jobs/query``."""
    told = [_settled(job, ask).full() for job in ask.org.jobs.all(ingest=False)]
    return Reply(200, {"done": True, "nextRecordsUrl": None, "records": told})


def look(ask: Ask) -> Reply:
    """``GET jobs/query/id``."""
    return Reply(200, _named(ask).full())


def abort(ask: Ask) -> Reply:
    """``PATCH jobs/query/id`` with the state Aborted."""
    job, state = _named(ask), ask.fields().get("state")
    if state != "Aborted" or job.state not in ("UploadComplete", "InProgress"):
        raise bad_state(f"Job state {job.state} cannot be changed to {state}")
    job.move("Aborted", ask.org.now())
    return Reply(200, job.short())


def remove(ask: Ask) -> Reply:
    """``DELETE jobs/query/id``."""
    ask.org.jobs.remove(_named(ask))
    return Reply(204)


def results(ask: Ask) -> Reply:
    """``GET jobs/query/id/results``: a page as CSV; the header Sforce-Locator says where the next begins."""
    job = _done(ask)
    size, start = _size(ask), _start(ask)
    rows = job.successes[start : start + size]
    after = start + size
    locator = _locator(after, size) if after < len(job.successes) else "null"
    headers = {"Sforce-Locator": locator, "Sforce-NumberOfRecords": str(len(rows))}
    content = csvs.written(job.header, rows, job.delimiter, job.ending)
    return Reply(200, content, headers, content_type="text/csv")


def pages(ask: Ask) -> Reply:
    """``GET jobs/query/id/resultPages``: up to five pages that may be fetched at once."""
    job = _done(ask)
    starts = list(_starts(len(job.successes), _start(ask)))
    listed_now, rest = starts[:MAX_PAGES_LISTED], starts[MAX_PAGES_LISTED:]
    base = f"/jobs/query/{job.id}"
    told: dict[str, object] = {
        "resultPages": [{"resultLink": f"{base}/results?locator={_locator(at, PAGE)}"} for at in listed_now],
        "done": not rest,
    }
    if rest:
        told["nextRecordsUrl"] = f"{base}/resultPages?locator={_locator(rest[0], PAGE)}"
    return Reply(200, told)


def _starts(number: int, first: int) -> Iterator[int]:
    yield from range(first, max(number, first + 1), PAGE)


def _locator(place: int, size: int) -> str:
    return f"{place:x}-{size:x}"


def _start(ask: Ask) -> int:
    text = ask.params.get("locator", "")
    if not text or text == "null":
        return 0
    try:
        return int(text.partition("-")[0], 16)
    except ValueError:
        raise SalesforceError("INVALID_LOCATOR", f"invalid locator: {text}") from None


def _size(ask: Ask) -> int:
    """The rows of a page: maxRecords, or for a locator without it what its page had."""
    text = ask.params.get("maxRecords", "")
    asked = whole_number(text)
    if asked:
        return min(asked, PAGE)
    locator = ask.params.get("locator", "")
    return int(locator.partition("-")[2], 16) if "-" in locator else PAGE


def _done(ask: Ask) -> Job:
    job = _named(ask)
    if job.api != ask.api:
        message = f"the job was made with API version {job.api}.0"
        raise SalesforceError("VERSION_MISMATCH", message)
    if job.state != "JobComplete":
        raise bad_state(f"Job is not complete: {job.state}")
    return job


def _named(ask: Ask) -> Job:
    job = ask.org.jobs.find(ask.arguments["job_id"], ingest=False, now=ask.org.now())
    return _settled(job, ask)


def _settled(job: Job, ask: Ask) -> Job:
    """The job as far as the clock has brought it."""
    now = ask.org.now()
    if job.state in ("UploadComplete", "InProgress") and job.handed_in_at is not None:
        if now - job.handed_in_at >= WORKING:
            job.move("JobComplete", job.handed_in_at + WORKING)
        elif now - job.handed_in_at >= QUEUED:
            job.move("InProgress", job.handed_in_at + QUEUED)
    return job
