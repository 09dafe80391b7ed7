"""Cases: numbered, closed by their status, showing the contact's addresses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sandbox.records import Record
from sandbox.salesforce.moments import stamp
from sandbox.salesforce.rules.base import Rules

if TYPE_CHECKING:
    from sandbox.salesforce.writes import Writer

_SHOWN = {
    "ContactPhone": "Phone",
    "ContactMobile": "MobilePhone",
    "ContactEmail": "Email",
    "ContactFax": "Fax",
}


class CaseRules(Rules):
    """Cases."""

    def complete(
        self, write: Writer, values: dict[str, Any], given: Mapping[str, Any], before: Mapping[str, Any]
    ) -> None:
        """Give a number; derive whether it is closed, and what it shows of its contact."""
        if not before:
            values["CaseNumber"] = f"{write.org.next_number('Case'):08d}"
        closed = values.get("Status") == "Closed"
        if closed and not values.get("IsClosed"):
            values["ClosedDate"] = stamp(write.org.now())
        if not closed:
            values.pop("ClosedDate", None)
        values["IsClosed"] = closed
        contact = write.org.find(values.get("ContactId") or "")
        for name, source in _SHOWN.items():
            values[name] = contact.values.get(source) if contact else None
        if contact and not values.get("AccountId"):
            values["AccountId"] = contact.values.get("AccountId")

    def leave(self, write: Writer, record: Record) -> None:
        """Take along its activities."""
        write.delete_children(record, {"Task": "WhatId", "Event": "WhatId"})
