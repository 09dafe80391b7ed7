"""One connected account: its connectors, all on one budget, and the addresses of its pages."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from connectors.base import Connector, Endpoint
from connectors.inspection import Inspector
from connectors.registry import CONNECTORS, INSPECTORS
from leadrelay.addresses import Pages
from leadrelay.connections import Known, endpoint, options_of
from leadrelay.settings import ConnectionSettings
from mappings.playbook import CrmMap
from model.priority import Priority
from sync.budgets import MemoryBudget
from sync.budgets.day import Kept
from sync.budgets.levels import Levels


@dataclass(frozen=True, slots=True)
class Connected:
    """A connection of the playbook that environment or store set up."""

    crm: CrmMap
    endpoint: Endpoint
    budget: MemoryBudget
    writes: bool
    reach: ConnectionSettings
    pages: Pages = field(default_factory=lambda: Pages("", "", ""))
    _connectors: dict[Priority, Connector] = field(default_factory=dict)

    @property
    def connector(self) -> Connector:
        """The connector whose calls go out first."""
        return self.at(Priority.SPEED_TO_LEAD)

    def at(self, priority: Priority) -> Connector:
        """Return the connector whose calls go out at a priority of the one budget."""
        if priority not in self._connectors:
            built = CONNECTORS[self.crm.kind](self.crm.connection, self.endpoint_at(priority))
            self._connectors.setdefault(priority, built)
        return self._connectors[priority]

    def inspector(self, priority: Priority) -> Inspector:
        """Return what asks the account for its fields."""
        return INSPECTORS[self.crm.kind](self.endpoint_at(priority))

    def endpoint_at(self, priority: Priority) -> Endpoint:
        """Return how to reach the account at a priority of the one budget."""
        return replace(self.endpoint, budget=self.budget.at(priority))


def connect(
    known: Known, crm: CrmMap, kept: Kept | None = None, shared: Levels | None = None
) -> Connected | None:
    """Build the connector of a map; ``None`` when neither environment nor store set it up.

    ``kept`` is what its day's budget must not forget, ``shared`` where processes share the rest.
    Raises ``LeadRelayError`` when the credentials cannot be opened or used.
    """
    reach = known.reach(crm.connection, crm.kind)
    if not reach.is_set_up:
        return None
    budget = MemoryBudget(crm.limits, name=crm.connection, kept=kept, shared=shared)
    stored = known.of_store(crm.connection, crm.kind)
    account = stored.account if stored else ""
    where = Pages(crm.connection, crm.kind, reach.base_url, account)
    to = endpoint(crm.kind, reach, budget, options_of(crm))
    one = Connected(crm, to, budget, known.writes(crm), reach, where)
    where.ask = lambda: one.inspector(Priority.PEOPLE).account().id
    one.at(Priority.SPEED_TO_LEAD)  # what is wrong with the settings is told here
    return one
