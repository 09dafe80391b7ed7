"""What every job has: an id, a state that time moves, and a body that tells it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sandbox.salesforce import ids
from sandbox.salesforce.errors import SalesforceError, not_found
from sandbox.salesforce.moments import stamp

KEPT = timedelta(days=7)
QUEUED, WORKING = timedelta(seconds=5), timedelta(seconds=15)  # where the switch bulk_pace says by_clock
ENDED = ("JobComplete", "Failed", "Aborted")


@dataclass(slots=True)
class Job:
    """One job; ``ingest`` tells the two kinds apart."""

    id: str
    ingest: bool
    operation: str
    object: str
    api: int
    created_by: str
    created_at: datetime
    delimiter: str = "COMMA"
    ending: str = "LF"
    external_id: str | None = None
    assign: bool = False
    query: str = ""
    state: str = "Open"
    changed_at: datetime | None = None
    handed_in_at: datetime | None = None  # when the upload was complete
    content: bytes | None = None
    header: list[str] = field(default_factory=list)
    successes: list[list[str]] = field(default_factory=list)
    failures: list[list[str]] = field(default_factory=list)
    unprocessed: list[list[str]] = field(default_factory=list)
    processed: int = 0
    error: str | None = None

    def move(self, state: str, at: datetime) -> None:
        """Enter a state."""
        self.state, self.changed_at = state, at

    def short(self) -> dict[str, Any]:
        """The body that a create, a close or an abort answers."""
        told: dict[str, Any] = {
            "id": self.id,
            "operation": self.operation,
            "object": self.object,
            "createdById": self.created_by,
            "createdDate": stamp(self.created_at),
            "systemModstamp": stamp(self.changed_at or self.created_at),
            "state": self.state,
            "concurrencyMode": "Parallel",
            "contentType": "CSV",
            "apiVersion": float(self.api),
        }
        if self.external_id:
            told["externalIdFieldName"] = self.external_id
        return told

    def made(self) -> dict[str, Any]:
        """The body of a create."""
        told = {**self.short(), "lineEnding": self.ending, "columnDelimiter": self.delimiter}
        if self.ingest:
            told["contentUrl"] = f"services/data/v{self.api}.0/jobs/ingest/{self.id}/batches"
        return told

    def full(self) -> dict[str, Any]:
        """The body of a look at the job."""
        told = {**self.made(), "jobType": "V2Ingest" if self.ingest else "V2Query", "retries": 0}
        told |= {"numberRecordsProcessed": self.processed, "totalProcessingTime": self.processed // 10}
        if self.ingest:
            told |= {
                "numberRecordsFailed": len(self.failures), "apiActiveProcessingTime": self.processed // 20,
                "apexProcessingTime": 0,
            }  # fmt: skip
        if self.error:
            told["errorMessage"] = self.error
        return told


class Jobs:
    """The jobs of an org, for a week each."""

    def __init__(self) -> None:
        self._jobs: dict[str, Job] = {}
        self._number = 0
        self.waiting: list[Job] = []  # handed in and not worked off

    def mint(self) -> str:
        """A new job's id."""
        self._number += 1
        return ids.mint("750", self._number)

    def add(self, job: Job) -> Job:
        """Keep a job."""
        self._jobs[job.id] = job
        return job

    def find(self, text: str, *, ingest: bool, now: datetime) -> Job:
        """The job of that id and kind; raises where there is none, or none any more."""
        job = self._jobs.get(ids.parse(text) or "")
        if job is None or job.ingest is not ingest or now - job.created_at > KEPT:
            raise not_found()
        return job

    def all(self, *, ingest: bool) -> list[Job]:
        """The jobs of a kind, newest first."""
        return [job for job in reversed(self._jobs.values()) if job.ingest is ingest]

    def remove(self, job: Job) -> None:
        """Forget a job that has ended."""
        if job.state not in ENDED:
            raise bad_state(f"Cannot delete a job in state {job.state}")
        del self._jobs[job.id]


def bad_state(message: str) -> SalesforceError:
    """The job is not in a state for that."""
    return SalesforceError("INVALIDJOBSTATE", message)
