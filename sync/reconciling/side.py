"""The connection that is compared, with the store beside it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from connectors.base import Connector
from mappings.playbook import CrmMap, Playbook
from model.times import Clock
from sync.database import Store
from sync.reading import backfill
from sync.reconciling.runs import Asked


@dataclass(frozen=True, slots=True)
class Side:
    """What every part of a comparison needs."""

    connector: Connector  # whose calls go behind all others
    store: Store
    clock: Clock
    playbook: Callable[[], Playbook]
    is_written: Callable[[], bool]  # else the account is only observed
    space: str = "main"

    @property
    def name(self) -> str:
        """The connection's name."""
        return self.connector.name

    @property
    def crm(self) -> CrmMap:
        """Its map, as it is now."""
        return self.playbook().crms[self.name]

    def objects(self, asked: Asked) -> list[str]:
        """Return the objects that a run looks at: what is mirrored."""
        names = list(backfill.wanted(self.connector, self.playbook()))
        return [name for name in names if asked.object in ("", name)]
