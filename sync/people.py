"""Who may own leads, and whose turn is next: small, so it is kept in memory between batches."""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlalchemy.engine import Connection

from handlers.base import Seat
from model.teammate import Teammate
from sync import seats, teammates


@dataclass(slots=True)
class People:
    """Teammates and the stride ledgers: small, so the decider keeps them between batches.

    Only the decider writes them; it drops its copy when a save fails.
    """

    teammates: dict[str, Teammate]
    rosters: frozenset[str]
    seats: dict[str, dict[str, Seat]]
    by_id: dict[tuple[str, str], Teammate] = field(init=False)

    def __post_init__(self) -> None:
        self.by_id = {}
        for mate in self.teammates.values():
            for connection, remote_id in mate.ids.items():
                known = self.by_id.get((connection, remote_id))
                if known is None or not known.can_own_on(connection):  # one who changed address has both
                    self.by_id[connection, remote_id] = mate

    @classmethod
    def load(cls, snapshot: Connection, space: str) -> People:
        """Read them from the store."""
        return cls(
            teammates.load(snapshot, space),
            teammates.known_rosters(snapshot, space),
            seats.load(snapshot, space),
        )

    def teammate(self, email: str) -> Teammate | None:
        """Return a teammate by e-mail."""
        return self.teammates.get(email)

    def teammate_by_id(self, connection: str, remote_id: str) -> Teammate | None:
        """Return the teammate behind a CRM's owner or user id."""
        return self.by_id.get((connection, remote_id))
