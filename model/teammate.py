"""People who own leads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Teammate:
    """A person who owns leads: one e-mail across CRMs, with their id in each."""

    email: str  # lower case
    name: str = ""
    ids: Mapping[str, str] = field(default_factory=dict)  # connection -> owner or user id
    active: Mapping[str, bool] = field(default_factory=dict)  # connection -> may own records there

    def can_own_on(self, connection: str) -> bool:
        """Say whether the CRM would accept this person as an owner."""
        return connection in self.ids and self.active.get(connection, False)
