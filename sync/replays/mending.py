"""What a person needs to put a letter right: whose it is, which record and field, and who decides it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mappings.playbook import CrmField, Playbook
from model.decision import EntityKind
from model.event import JsonValue
from sync import lists
from sync.replays import advice
from sync.replays.letters import CHANGE, EFFECT, Letter
from sync.tables import account_links, deal_links, links

OF_DEALS = (EntityKind.DEAL, EntityKind.PARTIES)


@dataclass(frozen=True, slots=True)
class Told:
    """A letter with all that is known of it."""

    letter: Letter
    advice: str
    email: str = ""  # of the lead
    record: tuple[str, str] | None = None  # object and id of the record, where there is one
    rule: str = ""  # the line of the playbook that writes the blamed field: "crm/hubspot.yaml:14:5"
    lead_field: str = ""  # the lead's field that it is written from

    @property
    def value(self) -> JsonValue:
        """What was sent as the blamed field."""
        return self.letter.sent.get(self.letter.cause.field)

    def as_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return self.letter.as_dict() | {
            "code": self.letter.cause.code,
            "field": self.letter.cause.field,
            "value": self.value,
            "advice": self.advice,
            "email": self.email,
            "record": {"object": self.record[0], "id": self.record[1]} if self.record else None,
            "rule": self.rule,
            "lead_field": self.lead_field,
        }


def tell(snapshot: Connection, letters: Sequence[Letter], playbook: Playbook) -> list[Told]:
    """Return what is known of these letters, by a query each for addresses and records."""
    whose = {one.lead_id for one in letters if one.lead_id and one.kind != EntityKind.ACCOUNT}
    emails = lists.emails(snapshot, sorted(whose))
    records = _records(snapshot, letters)
    found = []
    for one in letters:
        rule = _rule_of(one, playbook)
        found.append(
            Told(
                one,
                advice.on(one.cause, one.shelf),
                emails.get(one.lead_id or "", ""),
                records.get((one.place, one.lead_id or "")) if one.shelf in (CHANGE, EFFECT) else None,
                str(rule.place) if rule else "",
                rule.field if rule else "",
            )
        )
    return found


def _records(snapshot: Connection, letters: Sequence[Letter]) -> dict[tuple[str, str], tuple[str, str]]:
    """Return the records of those whom these letters are about, by connection and whose they are."""
    found: dict[tuple[str, str], tuple[str, str]] = {}
    accounts = {one.lead_id for one in letters if one.lead_id and one.kind == EntityKind.ACCOUNT}
    deals = {one.lead_id for one in letters if one.lead_id and one.kind in OF_DEALS}
    leads = {one.lead_id for one in letters if one.lead_id} - accounts - deals
    for table, owner, ids in (
        (links, links.c.lead_id, leads),
        (account_links, account_links.c.account_id, accounts),
        (deal_links, deal_links.c.deal_id, deals),
    ):
        c = table.c
        if ids:
            statement = sa.select(c.connection, owner, c.object, c.remote_id).where(owner.in_(sorted(ids)))
            found |= {(row[0], row[1]): (row[2], row[3]) for row in snapshot.execute(statement)}
    return found


def _rule_of(letter: Letter, playbook: Playbook) -> CrmField | None:
    """Return the line of the playbook that writes the field that is blamed."""
    crm = playbook.crms.get(letter.place)
    object_map = crm.map_of(letter.object) if crm and letter.shelf == CHANGE else None
    if object_map is None or not letter.cause.field:
        return None
    return next((rule for rule in object_map.fields if rule.remote == letter.cause.field), None)
