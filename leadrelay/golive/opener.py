"""One account that is planned for and opened: what the commands and the pages both do with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.engine import Connection

from connectors.base import Budget, Endpoint
from connectors.inspection import Inspector
from connectors.making import NewField
from connectors.registry import INSPECTORS, MAKERS
from dashboard.openings import Unmade
from leadrelay.connections import Known, endpoint, options_of
from leadrelay.golive.plan import Plan, Survey, make_plan, survey
from mappings.playbook import CrmMap, Playbook
from model.errors import ConnectorError, LeadRelayError
from sync import teammates
from sync.releases import Order, limit_of


@dataclass(frozen=True, slots=True)
class Made:
    """What became of the fields that an account lacked."""

    after: Survey  # the account as it is now
    made: Sequence[str] = ()
    unmade: Sequence[Unmade] = ()
    problem: str = ""  # why the account was not asked for all of them


@dataclass(frozen=True, slots=True)
class Opener:
    """An account, how it is asked, and the map it is to be written by."""

    crm: CrmMap
    playbook: Playbook
    point: Endpoint
    is_sandbox: bool  # on this machine: written to without being asked
    is_written: bool

    @classmethod
    def of(cls, known: Known, crm: CrmMap, playbook: Playbook, budget: Budget) -> Opener:
        """Take up a connection that is set up. Raises ``LeadRelayError`` where it cannot sign in."""
        name, kind = crm.connection, crm.kind
        point = endpoint(kind, known.reach(name, kind), budget, options_of(crm))
        return cls(crm, playbook, point, known.is_sandbox(name, kind), known.writes(crm))

    def inspector(self) -> Inspector:
        """Return what asks the account for its fields."""
        return INSPECTORS[self.crm.kind](self.point)

    def survey(self) -> Survey:
        """Ask the account what it has. Raises ``ConnectorError``."""
        return survey(self.crm, self.playbook, self.point)

    def plan(self, snapshot: Connection, space: str, found: Survey, at: datetime, samples: int) -> Plan:
        """Go through all leads. Raises ``LeadRelayError`` while the owners are not known."""
        name = self.crm.connection
        if name not in teammates.known_rosters(snapshot, space):
            raise LeadRelayError(
                f"The owners of {name} have not been read yet, so nothing is written to it. A running daemon "
                f"(`leadrelay serve`) reads them within seconds; plan again then."
            )
        mode = "write" if self.is_written else "observe"
        return make_plan(snapshot, space, self.crm, self.playbook, found, mode=mode, at=at, samples=samples)

    def order(self, plan: Plan, at_most: int | None, by: str) -> Order:
        """Return what a person agrees to: this account, by this plan, with a brake."""
        limit = limit_of(plan.writes) if at_most is None else at_most
        name, kind, account = self.crm.connection, self.crm.kind, plan.survey.account.id
        return Order(name, kind, self.point.base_url, account, plan.writes, limit, by)

    def make(self, missing: Sequence[NewField]) -> Made:
        """Make fields and look at the account again. Raises ``ConnectorError`` where it cannot be asked."""
        maker = MAKERS[self.crm.kind](self.point)
        made: list[str] = []
        refused: dict[str, str] = {}
        problem = ""
        try:
            for one in maker.make(missing):
                if one.refusal:
                    refused[str(one.field)] = one.refusal
                else:
                    made.append(str(one.field))
        except ConnectorError as error:  # what was made until then is made
            problem = str(error)
        after = self.survey()
        unmade = [
            Unmade(str(one), refused.get(str(one), "it is not there"), tuple(maker.steps(one)))
            for one in after.missing
        ]
        return Made(after, made, unmade, problem)
