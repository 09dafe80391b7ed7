"""Asks whose the environment's credentials are before an account is written to."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from connectors.base import Budget
from connectors.registry import INSPECTORS
from leadrelay.connections import Known, endpoint
from mappings.playbook import CrmMap
from model.errors import LeadRelayError
from model.times import Clock

log = structlog.get_logger("leadrelay")

TRY_AGAIN = timedelta(seconds=30)


@dataclass
class Accounts:
    """Which connections of the environment were found to be the account that ``go-live`` was for."""

    clock: Clock
    doubts: dict[str, str] = field(default_factory=dict)  # connection -> why it is only observed
    _confirmed: dict[str, str] = field(default_factory=dict)
    _tried: dict[str, datetime] = field(default_factory=dict)

    def is_confirmed(self, known: Known, crm: CrmMap) -> bool:
        """Say whether a connection may be written to as far as its account goes; asks nobody."""
        account = known.to_confirm(crm)
        return account is None or self._confirmed.get(crm.connection) == account

    def confirm(self, known: Known, crm: CrmMap, budget: Budget) -> bool:
        """Ask the account, at most every half a minute; say whether it is the right one."""
        name, now, account = crm.connection, self.clock.now(), known.to_confirm(crm)
        if self.is_confirmed(known, crm):
            self.forget(name)
            return False
        if now - self._tried.get(name, now - TRY_AGAIN) < TRY_AGAIN:
            return False
        self._tried[name] = now
        try:
            reach = known.reach(name, crm.kind)
            found = INSPECTORS[crm.kind](endpoint(crm.kind, reach, budget)).account().id
        except LeadRelayError as error:
            self._doubt(name, f"its account cannot be asked for, so it is only observed: {error}")
            return False
        if found != account:
            text = f"the environment's credentials are of account {found}, and go-live was for {account}"
            self._doubt(name, f"{text}; it is only observed")
            return False
        self._confirmed[name] = account
        self.forget(name)
        return True

    def forget(self, name: str) -> None:
        """Drop the doubt about a connection of which nothing is left to confirm."""
        self.doubts.pop(name, None)
        self._tried.pop(name, None)

    def _doubt(self, name: str, text: str) -> None:
        if self.doubts.get(name) != text:
            log.error("connection.account_in_doubt", connection=name, reason=text)
        self.doubts[name] = text
