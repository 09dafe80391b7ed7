"""Salesforce's tasks: 200 a call, and found again by person and key.

Sources: the describe of Task, "sObject Collections". Whether a custom field of activities can be an external
id is nowhere said in what was read, so nothing is upserted by it: a query, which does not lag, looks before a
task is made again. ``ActivityDate`` is a day without a time; the time is kept in the reminder.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from simple_salesforce.format import format_soql

from connectors.batches import CallRefused, chunks, one_outcome_each
from connectors.salesforce.client import Client
from connectors.salesforce.people import to_record
from connectors.salesforce.writes import Writer
from model.change import Exists, Outcome, Postponed, RecordChange, Task
from model.errors import RetryLater
from model.message import Line
from model.times import to_text

BATCH = 200
OBJECT = "Task"
PRIORITIES = {"low": "Low", "normal": "Normal", "high": "High"}
SUBTYPES = {"call": "Call", "email": "Email"}
LONGEST_SUBJECT, LONGEST_DESCRIPTION = 255, 32_000  # characters; the describe of Task


class Tasks:
    """Makes tasks about Leads and Contacts and finds them again."""

    def __init__(self, connection: str, client: Client, writer: Writer) -> None:
        self._connection = connection
        self._client = client
        self._writer = writer

    def open(self, tasks: Sequence[Task]) -> Iterator[Outcome]:
        """Create tasks, 200 a call."""
        changes = [_change(task) for task in tasks]
        return one_outcome_each(changes, self._writer.create(changes, {}))

    def find(self, tasks: Sequence[Task]) -> Iterator[Outcome]:
        """Look for tasks by the person they are about and our key."""
        for batch in chunks(tasks, BATCH):
            field = batch[0].key_field
            soql = f"SELECT Id, {field}, SystemModstamp FROM {OBJECT} WHERE WhoId IN {{}} AND {field} IN {{}}"
            people = sorted({task.about.id for task in batch})
            query = format_soql(soql, people, [task.key for task in batch])
            try:
                rows = self._client.queries({"tasks": query})["tasks"]
            except (RetryLater, CallRefused) as error:
                wait = error.wait if isinstance(error, RetryLater) else None
                yield from (Postponed(task.key, str(error), wait) for task in batch)
                continue
            found = {str(row[field]): row for row in rows if row.get(field)}
            for task in batch:
                if task.key in found:
                    yield Exists(task.key, to_record(self._connection, OBJECT, found[task.key]))


def _change(task: Task) -> RecordChange:
    due = to_text(task.due_at)
    fields = {
        "WhoId": task.about.id,
        "Subject": task.subject[:LONGEST_SUBJECT],
        "Description": "\n".join(map(_words, task.lines))[:LONGEST_DESCRIPTION],
        "ActivityDate": due[:10],
        "IsReminderSet": True,
        "ReminderDateTime": due,
        "Status": "Not Started",
        "Priority": PRIORITIES[task.priority],
        task.key_field: task.key,
    }
    if task.type in SUBTYPES:
        fields["TaskSubtype"] = SUBTYPES[task.type]
    if task.owner_id:
        fields["OwnerId"] = task.owner_id
    return RecordChange(task.key, OBJECT, fields, about=task.about)


def _words(line: Line) -> str:
    return "".join(f"{part.text}: {part.url}" if part.url else part.text for part in line)
