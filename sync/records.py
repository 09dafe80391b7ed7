"""CRM records as the payload of an event carries them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from model.change import Record
from model.event import RecordRef
from model.times import from_text, to_text


def record_from(payload: Mapping[str, Any]) -> Record:
    """Read a CRM record out of an event's payload."""
    modified = payload.get("modified_at")
    return Record(
        RecordRef(payload["connection"], payload["object"], payload["id"]),
        payload["fields"],
        from_text(modified) if modified else None,
        bool(payload.get("archived")),
    )


def record_payload(record: Record) -> dict[str, Any]:
    """Return a CRM record as an event's payload carries it."""
    return {
        "connection": record.ref.connection,
        "object": record.ref.object,
        "id": record.ref.id,
        "fields": dict(record.fields),
        "modified_at": to_text(record.modified_at) if record.modified_at else None,
        "archived": record.archived,
    }
