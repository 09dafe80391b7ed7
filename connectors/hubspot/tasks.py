"""HubSpot's tasks: a hundred a call with their contact, and found again by way of that contact.

Sources: "Activities | Tasks" (properties), "Associate records" (type 204, task to contact; batch read of up
to 1,000). A search would lag behind the write, so a task is looked for among those of its contact.
"""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping, Sequence

from connectors.batches import chunks
from connectors.hubspot.client import Client
from connectors.hubspot.errors import Refused, words
from connectors.hubspot.records import to_record, values_of
from connectors.hubspot.writes import Writer
from model.change import Exists, Outcome, Postponed, RecordChange, Task
from model.errors import RetryLater
from model.message import Line
from model.times import to_text

BATCH = 100
MOST_CONTACTS = 1_000  # of one batch read of associations
OBJECT = "tasks"
PRIORITIES = {"low": "LOW", "normal": "MEDIUM", "high": "HIGH"}
TYPES = {"todo": "TODO", "call": "CALL", "email": "EMAIL"}
NO_ASSOCIATIONS = "OBJECT_NOT_FOUND"  # the category of a row for a contact without tasks


class Tasks:
    """Makes tasks about contacts and finds them again."""

    def __init__(self, connection: str, client: Client, writer: Writer) -> None:
        self._connection = connection
        self._client = client
        self._writer = writer

    def open(self, tasks: Sequence[Task]) -> Iterator[Outcome]:
        """Create tasks, each with its association, a hundred a call."""
        for batch in chunks([_change(task) for task in tasks], BATCH):
            yield from self._writer.create(batch, {})

    def find(self, tasks: Sequence[Task]) -> Iterator[Outcome]:
        """Look for tasks by our key among all tasks of their contacts."""
        try:
            found = self._by_key(tasks)
        except (RetryLater, Refused) as error:
            wait = error.wait if isinstance(error, RetryLater) else None
            yield from (Postponed(task.key, str(error), wait) for task in tasks)
            return
        for task in tasks:
            if (row := found.get(task.key)) is not None:
                yield Exists(task.key, to_record(self._connection, OBJECT, row))

    def _by_key(self, tasks: Sequence[Task]) -> dict[str, Mapping[str, object]]:
        ids = list(dict.fromkeys(self._of_contacts([task.about.id for task in tasks])))
        names = sorted({task.key_field for task in tasks})
        found: dict[str, Mapping[str, object]] = {}
        for batch in chunks(ids, BATCH):
            answer = self._client.read(OBJECT, batch, names)
            for error in answer.errors:
                if error.get("category") != "OBJECT_NOT_FOUND":
                    raise RetryLater(f"HubSpot {answer.status}: {words(error)}")
            for row in answer.results:
                values = values_of(row)
                found |= {str(values[name]): row for name in names if values.get(name)}
        return found

    def _of_contacts(self, contacts: Sequence[str]) -> Iterator[str]:
        """Yield the ids of all tasks of these contacts."""
        wanted = [{"id": each} for each in dict.fromkeys(contacts)]
        while wanted:
            asked, wanted = wanted[:MOST_CONTACTS], wanted[MOST_CONTACTS:]
            answer = self._client.associated("contacts", OBJECT, asked)
            for error in answer.errors:
                if error.get("category") != NO_ASSOCIATIONS:
                    raise RetryLater(f"HubSpot {answer.status}: {words(error)}")
            for row in answer.results:
                yield from (str(to["toObjectId"]) for to in row.get("to") or ())
                following = ((row.get("paging") or {}).get("next") or {}).get("after")
                if following:
                    wanted.append({"id": str(row["from"]["id"]), "after": following})


def _change(task: Task) -> RecordChange:
    fields = {
        "hs_timestamp": to_text(task.due_at),
        "hs_task_subject": task.subject,
        "hs_task_body": _html(task.lines),
        "hs_task_status": "NOT_STARTED",
        "hs_task_priority": PRIORITIES[task.priority],
        "hs_task_type": TYPES[task.type],
        task.key_field: task.key,
    }
    if task.owner_id:
        fields["hubspot_owner_id"] = task.owner_id
    return RecordChange(task.key, OBJECT, fields, about=task.about)


def _html(lines: Sequence[Line]) -> str:
    """Write lines as the notes of a task, which are HTML: what a stranger typed stays words."""
    return "<br>".join(
        "".join(
            f'<a href="{html.escape(part.url)}">{html.escape(part.text)}</a>'
            if part.url
            else html.escape(part.text)
            for part in line
        )
        for line in lines
    )
