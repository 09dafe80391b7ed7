"""What a person does to a record in Salesforce's pages, beside editing and deleting it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from sandbox.records import Record
from sandbox.salesforce import ids
from sandbox.salesforce.conversion import LeadConvert, convert, converted_status
from sandbox.salesforce.errors import SalesforceError
from sandbox.salesforce.journal import Journal
from sandbox.salesforce.merging import merge
from sandbox.salesforce.moments import stamp
from sandbox.salesforce.writes import Writer
from sandbox.vendor import Act, Done, Refused

if TYPE_CHECKING:
    from sandbox.salesforce.org import Org

LOGGED = {"log_call": ("Call", "Call"), "log_email": ("Email", "Email"), "log_task": ("Task", "Other")}


def of(org: Org) -> Mapping[str, Act]:
    """The acts by name."""
    hand = _Hand(org)
    return {
        "convert": hand.convert,
        "merge": hand.merge,
        "restore": hand.restore,
        "change_owner": hand.change_owner,
        "win_deal": partial(hand.close_deal, "Closed Won"),
        "lose_deal": partial(hand.close_deal, "Closed Lost"),
        **{name: partial(hand.log, *told) for name, told in LOGGED.items()},
        "log_meeting": hand.meet,
    }


def by_hand(org: Org, by: str, act: Callable[[Writer], Any]) -> Any:
    """Do something as a person with that address does; what the pages would refuse is ``Refused``."""
    journal = Journal()
    try:
        done = act(Writer(org, journal, org.user_with_email(by), by_hand=True))
    except SalesforceError as error:
        journal.roll_back()
        fix = "Change the fields; see the describe."
        raise Refused(error.status, error.code, error.message, fix) from None
    journal.commit(org.wrote)
    return done


@dataclass(frozen=True, slots=True)
class _Hand:
    """A person at work."""

    org: Org

    def convert(self, name: str, record: Record, body: Mapping[str, Any], by: str) -> Done:
        """Convert a lead; ``fields`` has what a convertLead call has, none of it needed."""
        _only(name, "Lead")
        given = {"convertedStatus": converted_status(self.org), **(body.get("fields") or {})}
        if str(record.values["OwnerId"]).startswith("00G"):  # the page proposes the one who converts
            given.setdefault("ownerId", self.org.user_with_email(by))
        asked = LeadConvert.of({**given, "leadId": record.id})
        by_hand(self.org, by, lambda write: convert(write, asked))
        return Done(name, record)

    def merge(self, name: str, record: Record, body: Mapping[str, Any], by: str) -> Done:
        """Merge others into this record: ``other`` is an id or a list of one or two."""
        other = body.get("other")
        wanted = other if isinstance(other, list) else [other]
        others = []
        for one in wanted:
            found = self.org.rows(name).get(ids.parse(one) or "")
            if found is None or found.archived_at is not None:
                raise Refused(404, "no_such_record", f'there is no {name} record "{one}"')
            others.append(found)
        fields = body.get("fields") or {}
        by_hand(self.org, by, lambda write: merge(write, self.org.kind(name), record, others, fields))
        return Done(name, record)

    def restore(self, name: str, record: Record, _body: Mapping[str, Any], by: str) -> Done:
        """Take a record out of the recycle bin."""
        by_hand(self.org, by, lambda write: write.undelete(self.org.kind(name), record))
        return Done(name, record)

    def change_owner(self, name: str, record: Record, body: Mapping[str, Any], by: str) -> Done:
        """Give a record to another owner: an id, or a user's address."""
        owner = str(body.get("owner") or "")
        owner = self.org.user_with_email(owner) if "@" in owner else owner
        by_hand(self.org, by, lambda write: write.update(self.org.kind(name), record, {"OwnerId": owner}))
        return Done(name, record)

    def close_deal(self, stage: str, name: str, record: Record, body: Mapping[str, Any], by: str) -> Done:
        """Win or lose an opportunity, today."""
        _only(name, "Opportunity")
        fields = {"StageName": stage, "CloseDate": self.org.now().date().isoformat()}
        fields |= body.get("fields") or {}
        by_hand(self.org, by, lambda write: write.update(self.org.kind(name), record, fields))
        return Done(name, record)

    def log(
        self, subtype: str, subject: str, name: str, record: Record, body: Mapping[str, Any], by: str
    ) -> Done:
        """Log a call, an e-mail or a task that is done, on a record; it happened today."""
        today = self.org.now().date().isoformat()
        fields = {
            "Subject": subject, "Status": "Completed", "ActivityDate": today, "TaskSubtype": subtype,
            **_about(name, record), **(body.get("fields") or {}),
        }  # fmt: skip
        task = by_hand(self.org, by, lambda write: write.create(self.org.kind("Task"), fields))
        return Done("Task", task, is_new=True)

    def meet(self, name: str, record: Record, body: Mapping[str, Any], by: str) -> Done:
        """Put a meeting about a record into the calendar: now, for half an hour."""
        start = stamp(self.org.now())
        fields = {
            "Subject": "Meeting", "StartDateTime": start, "DurationInMinutes": 30, **_about(name, record),
            **(body.get("fields") or {}),
        }  # fmt: skip
        event = by_hand(self.org, by, lambda write: write.create(self.org.kind("Event"), fields))
        return Done("Event", event, is_new=True)


def _about(name: str, record: Record) -> dict[str, str]:
    return {"WhoId" if name in ("Lead", "Contact") else "WhatId": record.id}


def _only(name: str, right: str) -> None:
    if name != right:
        raise Refused(400, "bad_argument", f"that is done to a {right} only", f'Use "object": "{right}".')
