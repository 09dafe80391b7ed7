"""Accounts: their contacts and opportunities go with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.records import Record
from sandbox.salesforce.errors import SalesforceError
from sandbox.salesforce.rules.base import Rules, live

if TYPE_CHECKING:
    from sandbox.salesforce.writes import Writer


class AccountRules(Rules):
    """Deleting an account deletes its contacts and opportunities; open cases prevent it."""

    def leave(self, write: Writer, record: Record) -> None:
        """Take along contacts, opportunities and activities."""
        cases = live(write.org, "Case", "AccountId", record.id)
        if cases:
            numbers = ", ".join(str(case.values["CaseNumber"]) for case in cases)
            message = (
                f"Your attempt to delete {record.values['Name']} could not be completed because it is "
                f"associated with the following cases.: {numbers}"
            )
            raise SalesforceError("DELETE_FAILED", message, [])
        write.delete_children(record, {"Contact": "AccountId", "Opportunity": "AccountId"})
        write.delete_children(record, {"Task": "WhatId", "Event": "WhatId"})
