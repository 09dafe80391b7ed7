"""HubSpot's JSON read into our words: records and owners."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from connectors.base import by_kind
from model.change import OwnerRecord, Record, RecordChange
from model.event import RecordRef
from model.times import from_text

# Read beside what was asked for: they tell whose record it is. Unknown names are left out by HubSpot.
MERGED_IDS = "hs_merged_object_ids"  # "1;2": ids that lead here since a merge
OTHER_EMAILS = "hs_additional_emails"  # "a@x.com;b@x.com": unique like the first one
TELLING = ("email", OTHER_EMAILS, MERGED_IDS)


def to_record(connection: str, object_type: str, row: Mapping[str, Any]) -> Record:
    """Read one record; a merged one comes with the id it has now, the old ids in ``hs_merged_object_ids``."""
    record_id = str(row["id"])
    return Record(
        ref=RecordRef(connection, object_type, record_id),
        fields=values_of(row),
        modified_at=moment(row.get("updatedAt")),
        archived=bool(row.get("archived")),
        merged_ids=former_ids(row),
        changed_at=dict(_changed_at(row)),
    )


def former_ids(row: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the ids of the records that were merged into one."""
    return tuple(each for each in ids_in(row) if each != str(row["id"]))


def to_owner(row: Mapping[str, Any], *, archived: bool) -> OwnerRecord:
    """Read one owner; ``id`` is what ``hubspot_owner_id`` holds (not ``userId``)."""
    name = f"{row.get('firstName') or ''} {row.get('lastName') or ''}".strip()
    return OwnerRecord(str(row["id"]), row.get("email") or "", name, active=not archived)


def values_of(row: Mapping[str, Any]) -> dict[str, Any]:
    """The properties of a record as they stand in an answer."""
    values = row.get("properties")
    return dict(values) if isinstance(values, dict) else {}


def email_of(change: RecordChange) -> str | None:
    """The address that HubSpot keeps unique, in match form: the one sent, else the person's."""
    sent = str(change.fields.get("email") or "").strip().casefold()
    return sent or next((value.casefold() for value in by_kind(change.identities, "email")), None)


def emails_in(row: Mapping[str, Any]) -> Iterator[str]:
    """Yield every address of a contact as read, in match form."""
    fields = values_of(row)
    for address in (fields.get("email") or "", *(fields.get(OTHER_EMAILS) or "").split(";")):
        if address.strip():
            yield address.strip().casefold()


def ids_in(row: Mapping[str, Any]) -> Iterator[str]:
    """Yield the id of a record and those merged into it."""
    yield str(row["id"])
    yield from (part.strip() for part in (values_of(row).get(MERGED_IDS) or "").split(";") if part.strip())


def _changed_at(row: Mapping[str, Any]) -> Iterator[tuple[str, datetime]]:
    """Yield since when properties hold their values, where the history of these was read.

    HubSpot tells a blank one as null among the properties and as "" in the history.
    """
    history, values = row.get("propertiesWithHistory"), values_of(row)
    for name, versions in history.items() if isinstance(history, dict) else ():
        times = [
            at
            for version in (versions if isinstance(versions, list) else ())
            if isinstance(version, dict) and (version.get("value") or "") == (values.get(name) or "")
            if (at := moment(version.get("timestamp"))) is not None
        ]
        if times:
            yield name, max(times)


def moment(text: Any) -> datetime | None:
    """Read a time of an answer; ``None`` where there is none, or it cannot be read."""
    try:
        return from_text(text) if isinstance(text, str) else None
    except ValueError:
        return None
