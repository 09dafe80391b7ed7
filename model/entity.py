"""What leadrelay keeps of its own and writes to the CRMs: a person or a company, seen alike."""

from __future__ import annotations

from typing import Any, Protocol

from model.event import JsonValue
from model.lead import Link, Provenance


class Entity(Protocol):
    """A lead or an account: canonical fields, where each came from, and its record on each connection."""

    id: str
    fields: dict[str, JsonValue]
    provenance: dict[str, Provenance]
    links: dict[str, Link]  # connection -> link
    version: int  # 0: not stored yet

    def get(self, name: str) -> Any:
        """Return a field's value; ``None`` when blank."""
