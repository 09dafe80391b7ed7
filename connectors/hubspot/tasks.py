"""HubSpot's tasks: a hundred a call with their contact, and found again by way of that contact.

Sources: "Activities | Tasks" (properties), "Associate records" (type 204, task to contact; batch read of up
to 1,000). A search would lag behind the write, so a task is looked for among those of its contact.
"""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from connectors.batches import chunks
from connectors.hubspot.client import Answer, Client
from connectors.hubspot.errors import Refused, subjects
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
TYPES = {"todo": "TODO", "call": "CALL", "email": "EMAIL"}  # hs_task_type
NOT_FOUND = "OBJECT_NOT_FOUND"  # the category of an error: a contact without tasks, a task that is gone


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
        """Look for tasks by our key among all tasks of their contacts.

        A row that HubSpot could not read now concerns its contact alone: of all others it is known.
        """
        seen = _Seen(sorted({task.key_field for task in tasks}))
        try:
            self._read_contacts([task.about.id for task in tasks], seen)
            self._read_tasks(seen)
        except (RetryLater, Refused) as error:
            wait = error.wait if isinstance(error, RetryLater) else None
            yield from (Postponed(task.key, str(error), wait) for task in tasks)
            return
        for task in tasks:
            if (row := seen.by_key.get(task.key)) is not None:
                yield Exists(task.key, to_record(self._connection, OBJECT, row))
            elif task.about.id in seen.unread or seen.tasks_of.get(task.about.id, set()) & seen.unread:
                yield Postponed(task.key, "HubSpot could not read all tasks of the contact")

    def _read_contacts(self, contacts: Sequence[str], seen: _Seen) -> None:
        """Note the ids of all tasks of these contacts."""
        wanted = [{"id": each} for each in dict.fromkeys(contacts)]
        while wanted:
            asked, wanted = wanted[:MOST_CONTACTS], wanted[MOST_CONTACTS:]
            answer = self._client.associated("contacts", OBJECT, asked)
            told = set()
            for row in answer.results:
                contact = str(row["from"]["id"])
                told.add(contact)
                ids = seen.tasks_of.setdefault(contact, set())
                ids |= {str(to["toObjectId"]) for to in row.get("to") or ()}
                following = ((row.get("paging") or {}).get("next") or {}).get("after")
                if following:
                    wanted.append({"id": contact, "after": following})
            seen.unread |= _unread({each["id"] for each in asked} - told, answer)

    def _read_tasks(self, seen: _Seen) -> None:
        """Note the tasks themselves by our key."""
        ids = sorted(set().union(*seen.tasks_of.values()))
        for batch in chunks(ids, BATCH):
            answer = self._client.read(OBJECT, batch, seen.names)
            for row in answer.results:
                values = values_of(row)
                seen.by_key |= {str(values[name]): row for name in seen.names if values.get(name)}
            seen.unread |= _unread(set(batch) - {str(row.get("id")) for row in answer.results}, answer)


@dataclass(slots=True)
class _Seen:
    """What a look-up has found out so far."""

    names: Sequence[str]  # properties that hold our key
    tasks_of: dict[str, set[str]] = field(default_factory=dict)  # contact -> its tasks
    by_key: dict[str, Mapping[str, object]] = field(default_factory=dict)
    unread: set[str] = field(default_factory=set)  # contacts and tasks of which nothing is known


def _unread(missing: set[str], answer: Answer) -> set[str]:
    """Return which of the ids that an answer lacks may be there all the same: all but those named as gone."""
    gone = {
        subject
        for error in answer.errors
        if error.get("category") == NOT_FOUND
        for subject in (*subjects(error), *((error.get("context") or {}).get("fromObjectId") or ()))
    }
    failed = any(error.get("category") != NOT_FOUND for error in answer.errors)
    return missing - gone if failed or not answer.is_complete else set()


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
