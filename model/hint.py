"""What a CRM's webhook says: something happened to a record. A hint, never the truth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from model.event import JsonValue

DIFFERS = "found to differ"
"""``what`` of a hint of our own: a reconcile has found that the record is not what is known of it."""


@dataclass(frozen=True, slots=True)
class Hint:
    """One record that a CRM named. ``field`` and ``value`` are the change where the CRM tells one.

    ``what`` is ``changed``, ``created``, ``deleted``, ``merged``, ``restored``, ``associated`` or
    ``forgotten`` (erased for good, as data protection demands); ``others`` are ids that were merged into it.
    Of one that ``DIFFERS`` no CRM told: ``field`` is one of which the shadow is wrong.
    """

    object: str  # as the map calls it: "contacts", "Lead"
    id: str
    what: str = "changed"
    field: str | None = None
    value: JsonValue = None
    others: tuple[str, ...] = ()

    def as_payload(self) -> dict[str, Any]:
        """Return it as the payload of an event carries it."""
        return {
            "object": self.object,
            "id": self.id,
            "what": self.what,
            "field": self.field,
            "value": self.value,
            "others": list(self.others),
        }


def hint_from(payload: Mapping[str, Any]) -> Hint:
    """Read a hint out of an event's payload."""
    return Hint(
        object=payload["object"],
        id=payload["id"],
        what=payload.get("what", "changed"),
        field=payload.get("field"),
        value=payload.get("value"),
        others=tuple(payload.get("others", ())),
    )
