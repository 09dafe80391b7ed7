"""Counts both sides: the records that the CRM says it has, the leads and accounts that are here."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.engine import Connection

from mappings.playbook import Playbook
from sync.reconciling import sheets, unlinked
from sync.reconciling.runs import Asked
from sync.reconciling.side import Side
from sync.tables import accounts, leads


@dataclass(frozen=True, slots=True)
class Census:
    """Counts one connection and what is here of it."""

    side: Side

    def counts(self, asked: Asked) -> dict[str, Any]:
        """Return the sheets: of the CRM's records by object, of the leads and accounts here.

        Each object's records are counted there just before they are counted here; people and companies
        here at one moment, so that their lines add up.
        """
        crm, playbook, now = self.side.crm, self.side.playbook(), self.side.clock.now()
        there = []
        for object_type in self.side.objects(asked):
            number = self.side.connector.count(object_type)
            with self.side.store.snapshot() as snapshot:
                there.append(sheets.records(snapshot, self.side.space, crm, object_type, number))
        company = crm.account.object if crm.account else ""
        with self.side.store.snapshot() as snapshot:
            here = []
            if asked.object != company or not company:
                here.append(self._here(snapshot, "leads", playbook, now, companies=False))
            if company and asked.object in ("", company):
                here.append(self._here(snapshot, "accounts", playbook, now, companies=True))
        return {"records": there, "here": here}

    def _here(
        self, snapshot: Connection, of: str, playbook: Playbook, now: datetime, *, companies: bool
    ) -> dict[str, Any]:
        reasons: Counter[str] = Counter()
        missing, after = 0, ""
        while True:
            page = self.unlinked(snapshot, playbook, after, now, companies=companies)
            reasons += page.reasons
            missing += page.missing
            if page.after is None:
                break
            after = page.after
        found = sheets.linked(snapshot, self.side.space, self.side.name, companies=companies)
        total = unlinked.total(snapshot, self.side.space, accounts if companies else leads)
        return sheets.here(of, total, found, reasons, missing)

    def unlinked(
        self, snapshot: Connection, playbook: Playbook, after: str, now: datetime, *, companies: bool
    ) -> unlinked.Unlinked:
        """Return a page of the leads or accounts without a record, and why."""
        look = unlinked.companies if companies else unlinked.people
        return look(
            snapshot, self.side.space, self.side.crm, playbook, after, now, is_written=self.side.is_written()
        )
