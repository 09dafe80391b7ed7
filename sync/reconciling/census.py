"""Counts both sides: the records that the CRM says it has; the leads, accounts and deals that are here."""

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


@dataclass(frozen=True, slots=True)
class Census:
    """Counts one connection and what is here of it."""

    side: Side

    def counts(self, asked: Asked) -> dict[str, Any]:
        """Return the sheets: of the CRM's records by object, of what is kept here.

        Each object's records are counted there just before they are counted here; people, companies
        and deals here at one moment, so that their lines add up.
        """
        crm, playbook, now = self.side.crm, self.side.playbook(), self.side.clock.now()
        there = []
        for object_type in self.side.objects(asked):
            number = self.side.connector.count(object_type)
            with self.side.store.snapshot() as snapshot:
                there.append(sheets.records(snapshot, self.side.space, crm, object_type, number))
        of_objects = {"accounts": crm.account, "deals": crm.deal if playbook.keeps_deals else None}
        named = {of: one.object for of, one in of_objects.items() if one is not None}
        of_people = asked.object not in named.values()
        kept = [*(["leads"] if of_people else []), *(of for of in named if asked.object in ("", named[of]))]
        with self.side.store.snapshot() as snapshot:
            here = [self._here(snapshot, of, playbook, now) for of in kept]
        return {"records": there, "here": here}

    def _here(self, snapshot: Connection, of: str, playbook: Playbook, now: datetime) -> dict[str, Any]:
        reasons: Counter[str] = Counter()
        missing, after = 0, ""
        while True:
            page = self.unlinked(snapshot, of, playbook, after, now)
            reasons += page.reasons
            missing += page.missing
            if page.after is None:
                break
            after = page.after
        table, held = unlinked.TABLES[of]
        found = sheets.linked(snapshot, self.side.space, self.side.name, held)
        total = unlinked.total(snapshot, self.side.space, table)
        return sheets.here(of, total, found, reasons, missing)

    def unlinked(
        self, snapshot: Connection, of: str, playbook: Playbook, after: str, now: datetime
    ) -> unlinked.Unlinked:
        """Return a page of the leads, accounts or deals without a record, and why."""
        side = self.side
        look = unlinked.Look(snapshot, side.space, side.crm, playbook, now, side.is_written())
        return unlinked.page(look, of, after)
