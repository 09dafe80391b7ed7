"""CRM records as the payload of an event carries them, and the keys in them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mappings.values.identity import email_identity, phone_identity
from model.change import Record
from model.event import JsonValue, RecordRef
from model.lead import Identity
from model.times import from_text, to_text


def record_from(payload: Mapping[str, Any]) -> Record:
    """Read a CRM record out of an event's payload."""
    modified = payload.get("modified_at")
    return Record(
        RecordRef(payload["connection"], payload["object"], payload["id"]),
        payload["fields"],
        from_text(modified) if modified else None,
        bool(payload.get("archived")),
        merged_ids=tuple(payload.get("merged_ids", ())),
        became=RecordRef(payload["connection"], *payload["became"]) if payload.get("became") else None,
        changed_at={name: from_text(at) for name, at in payload.get("changed_at", {}).items()},
        is_part=bool(payload.get("is_part")),
    )


def record_payload(record: Record) -> dict[str, Any]:
    """Return a CRM record as an event's payload carries it."""
    more: dict[str, Any] = {"is_part": True} if record.is_part else {}
    if record.merged_ids:
        more["merged_ids"] = list(record.merged_ids)
    if record.became is not None:
        more["became"] = [record.became.object, record.became.id]
    if record.changed_at:
        more["changed_at"] = {name: to_text(at) for name, at in record.changed_at.items()}
    return {
        **more,
        "connection": record.ref.connection,
        "object": record.ref.object,
        "id": record.ref.id,
        "fields": dict(record.fields),
        "modified_at": to_text(record.modified_at) if record.modified_at else None,
        "archived": record.archived,
    }


def person_keys(fields: Mapping[str, JsonValue]) -> tuple[Identity, ...]:
    """Return the keys that canonical fields hold, the stronger first."""
    email, phone = fields.get("email"), fields.get("phone")
    return (
        *([email_identity(str(email))] if email else []),
        *([phone_identity(str(phone))] if phone else []),
    )
