"""Who is in Salesforce already: the queries over Lead and Contact, and the one record that is the person."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from simple_salesforce.format import format_soql

from connectors.base import by_kind
from connectors.salesforce.ids import long_id
from model.change import Record, RecordChange
from model.event import RecordRef
from model.times import from_text

PEOPLE = ("Contact", "Lead")  # a Contact wins: it is what a Lead becomes; the playbook may say otherwise
SOQL_LIMIT = 100_000  # characters; SOQL "Limits"

Row = Mapping[str, Any]


def people_queries(
    batch: Sequence[RecordChange],
    fields: Mapping[str, Sequence[str]],
    external_id_field: str,
    people: Sequence[str] = PEOPLE,
) -> dict[str, str]:
    """Ask for all people of a batch by our id on the record and by e-mail; empty: nothing to ask.

    ``people`` are the objects that are asked, Contact and Lead or one of them.
    """
    wanted = []
    if emails := sorted({email for change in batch for email in emails_of(change)}):
        wanted.append(format_soql("Email IN {}", emails))
    lead_ids = sorted({lead_id for change in batch if (lead_id := lead_id_of(change))})
    if external_id_field and lead_ids:
        wanted.append(format_soql(f"{external_id_field} IN {{}}", lead_ids))
    if not wanted:
        return {}
    either = " OR ".join(wanted)
    telling = ("Email", external_id_field) if external_id_field else ("Email",)
    return {
        object_type: f"SELECT {', '.join(asked_fields(object_type, fields, *telling))} FROM {object_type}"
        f" WHERE {'IsConverted = false AND ' if object_type == 'Lead' else ''}({either})"
        for object_type in people
    }


def asked_fields(object_type: str, fields: Mapping[str, Sequence[str]], *telling: str) -> list[str]:
    """What to read of a record: what was asked for, and what tells whose it is and how old."""
    standing = ["Id", "CreatedDate", "SystemModstamp"]
    if object_type == "Lead":
        standing += ["IsConverted", "ConvertedContactId"]
    return list(dict.fromkeys((*fields.get(object_type, ()), *standing, *telling)))


class Directory:
    """The people that the queries found, to be looked up by change."""

    def __init__(
        self, rows: Mapping[str, Sequence[Row]], external_id_field: str, people: Sequence[str] = PEOPLE
    ) -> None:
        self._people = people
        self._by_lead_id: dict[str, list[tuple[str, Row]]] = {}
        self._by_email: dict[str, list[tuple[str, Row]]] = {}
        for object_type in people:
            for row in rows.get(object_type, ()):
                for index, mark in (
                    (self._by_lead_id, row.get(external_id_field)),
                    (self._by_email, row.get("Email")),
                ):
                    if mark:
                        index.setdefault(str(mark).casefold(), []).append((object_type, row))

    def person(self, change: RecordChange) -> tuple[str, Row] | None:
        """The record that is the person: our id before e-mail, the objects in their order, the oldest."""
        by_id = self._by_lead_id.get((lead_id_of(change) or "").casefold(), [])
        by_email = [found for email in emails_of(change) for found in self._by_email.get(email, ())]
        return min(by_id or by_email, key=self._seniority, default=None)

    def _seniority(self, found: tuple[str, Row]) -> tuple[int, str, str]:
        object_type, row = found
        return self._people.index(object_type), str(row.get("CreatedDate")), str(row.get("Id"))


def to_record(connection: str, object_type: str, row: Row) -> Record:
    """Read one record under its 18-character id, with what it became: see ``became_of``."""
    became = became_of(object_type, row)
    return Record(
        ref=RecordRef(connection, object_type, long_id(str(row["Id"]))),
        fields={name: value for name, value in row.items() if name != "attributes"},
        modified_at=_moment(row.get("SystemModstamp")),
        archived=row.get("IsDeleted") is True,
        became=RecordRef(connection, *became) if became else None,
    )


def became_of(object_type: str, row: Row) -> tuple[str, str] | None:
    """Return object and id of what a record became: the winner of a merge, or a converted Lead's Contact."""
    if row.get("IsDeleted") is True and (master := row.get("MasterRecordId")):
        return object_type, long_id(str(master))
    if row.get("IsConverted") is True and (contact := row.get("ConvertedContactId")):
        return "Contact", long_id(str(contact))
    return None


def emails_of(change: RecordChange) -> Iterator[str]:
    """Yield the addresses that find the person, in match form."""
    sent = str(change.fields.get("Email") or "").strip()
    yield from dict.fromkeys(
        email.casefold() for email in (*by_kind(change.identities, "email"), sent) if email
    )


def lead_id_of(change: RecordChange) -> str | None:
    """Our own id of the lead."""
    return next(iter(by_kind(change.identities, "lead")), None)


def _moment(text: Any) -> datetime | None:
    try:
        return from_text(text) if isinstance(text, str) else None
    except ValueError:
        return None
