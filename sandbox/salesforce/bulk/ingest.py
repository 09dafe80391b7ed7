"""The endpoints of ingest jobs."""

from __future__ import annotations

from sandbox.salesforce.answers import Ask, Reply
from sandbox.salesforce.bulk import csvs, work
from sandbox.salesforce.bulk.jobs import Job, bad_state
from sandbox.salesforce.errors import SalesforceError

OPERATIONS = ("insert", "update", "upsert", "delete", "hardDelete")
MAX_BYTES = 150_000_000


def create(ask: Ask) -> Reply:
    """``POST jobs/ingest``."""
    given = ask.fields()
    operation, name = str(given.get("operation", "")), str(given.get("object", ""))
    if operation not in OPERATIONS:
        raise SalesforceError("INVALIDJOB", f"Invalid operation: {operation}")
    kind = ask.org.schema.get(name)
    if kind is None:
        raise SalesforceError("INVALIDJOB", f"InvalidJob : Unable to find object: {name}")
    field = given.get("externalIdFieldName")
    if operation == "upsert" and (kind.field(str(field)) is None or not kind.field(str(field)).keyed):  # type: ignore[union-attr]
        raise SalesforceError("INVALIDJOB", f"InvalidJob : Invalid external ID field: {field}")
    return Reply(200, ask.org.jobs.add(_job(ask, operation, kind.name)).made())


def _job(ask: Ask, operation: str, name: str) -> Job:
    given = ask.fields()
    delimiter, ending = str(given.get("columnDelimiter") or "COMMA"), str(given.get("lineEnding") or "LF")
    if delimiter not in csvs.DELIMITERS or ending not in csvs.ENDINGS:
        raise SalesforceError("INVALIDJOB", f"Invalid delimiter or line ending: {delimiter}, {ending}")
    return Job(
        ask.org.jobs.mint(), True, operation, name, ask.api, ask.user_id, ask.org.now(), delimiter, ending,
        given.get("externalIdFieldName"), bool(given.get("assignmentRuleId")),
    )  # fmt: skip


def listed(ask: Ask) -> Reply:
    """``GET jobs/ingest``."""
    told = [job.full() for job in ask.org.jobs.all(ingest=True)]
    return Reply(200, {"done": True, "nextRecordsUrl": None, "records": told})


def upload(ask: Ask) -> Reply:
    """``PUT jobs/ingest/id/batches``: once."""
    job = _named(ask)
    if job.state != "Open" or job.content is not None:
        raise bad_state(
            f"Found multiple contents for job: <{job.id}>, please 'Close' / 'Abort' / 'Delete' it"
        )
    content = ask.content if isinstance(ask.content, bytes) else b""
    if len(content) > MAX_BYTES:
        raise SalesforceError("CLIENTINPUTERROR", "The upload is larger than 150 MB")
    job.content = content
    return Reply(201)


def change(ask: Ask) -> Reply:
    """``PATCH jobs/ingest/id``: the upload is complete, or the job is aborted."""
    job, state, now = _named(ask), ask.fields().get("state"), ask.org.now()
    if state == "Aborted" and job.state in ("Open", "UploadComplete", "InProgress"):
        work.abort(job, ask.org, now)
    elif state == "UploadComplete" and job.state == "Open":
        job.move("UploadComplete", now)
        told = job.short()
        work.hand_in(job, ask)
        return Reply(200, told)
    else:
        raise bad_state(f"Job state {job.state} cannot be changed to {state}")
    return Reply(200, job.short())


def look(ask: Ask) -> Reply:
    """``GET jobs/ingest/id``."""
    return Reply(200, _named(ask).full())


def remove(ask: Ask) -> Reply:
    """``DELETE jobs/ingest/id``."""
    ask.org.jobs.remove(_named(ask))
    return Reply(204)


def results(ask: Ask) -> Reply:
    """``GET jobs/ingest/id/successfulResults``, ``failedResults`` or ``unprocessedrecords``, in any case."""
    job, which = _named(ask), ask.arguments["which"].lower()
    if which == "successfulresults":
        return _csv(job, ["sf__Id", "sf__Created", *job.header], job.successes)
    if which == "failedresults":
        return _csv(job, ["sf__Id", "sf__Error", *job.header], job.failures)
    if which == "unprocessedrecords":
        return _csv(job, job.header, job.unprocessed)
    raise SalesforceError("NOT_FOUND", "The requested resource does not exist")


def _csv(job: Job, header: list[str], rows: list[list[str]]) -> Reply:
    return Reply(200, csvs.written(header, rows, job.delimiter, job.ending), content_type="text/csv")


def _named(ask: Ask) -> Job:
    return ask.org.jobs.find(ask.arguments["job_id"], ingest=True, now=ask.org.now())
