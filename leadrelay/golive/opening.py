"""Plans and opens accounts for the pages: what the commands do, in a thread for each connection."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Protocol

import structlog

from connectors.base import Budget
from dashboard.openings import Opening
from leadrelay.connections import Known
from leadrelay.golive.opener import Opener
from leadrelay.golive.plan import Plan, left_over
from leadrelay.grants import Grants
from leadrelay.settings import Settings
from mappings.playbook import CrmMap, Playbook
from model.errors import LeadRelayError
from model.times import Clock
from sync.database import Store
from sync.releases import Order, Release, limit_of

log = structlog.get_logger("leadrelay.golive")

SAMPLES = 3  # leads shown of each kind


class Desk(Protocol):
    """What begins and ends writing, for commands and pages alike."""

    def go_live(self, order: Order) -> Release:
        """Begin to write to an account."""

    def observe(self, name: str, by: str) -> None:
        """Write no more to an account."""


@dataclass
class Openings:
    """Implements ``dashboard.openings.Openings``; what it knows ends with the process."""

    settings: Settings
    store: Store
    clock: Clock
    playbook: Callable[[], Playbook]
    budget_of: Callable[[str], Budget | None]  # of a connection that is connected
    desk: Desk
    grants: Grants | None = None  # who renews the tokens of those connected in the browser
    space: str = "main"
    _known: dict[str, Opening] = field(default_factory=dict)
    _plans: dict[str, Plan] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def look(self, name: str) -> Opening:
        """Return how far a connection is."""
        return self._known.get(name, Opening())

    def plan(self, name: str) -> None:
        """Begin to plan, unless something is under way."""
        with self._lock:
            if self.look(name).is_busy:
                return
            self._crm(name)
            self._known[name] = replace(self.look(name), is_planning=True, problem="", unmade=())
        self._begin(name, self._plan)

    def go_live(self, name: str, agreed: str, at_most: int, by: str) -> None:
        """Begin to open an account, by the plan that was agreed to."""
        with self._lock:
            before = self.look(name)
            if before.is_busy:
                raise LeadRelayError(f"{name} is being planned or opened just now")
            if not agreed or before.mark != agreed:
                raise LeadRelayError(f"The plan of {name} is another by now: look at it, and agree to that")
            opener = self._opener(name)
            if opener.is_sandbox:
                raise LeadRelayError(f"{name} is a sandbox on this machine, which is written to already")
            _check_rules(self._plans[name], opener)
            self._known[name] = replace(before, is_opening=True, problem="", made=(), unmade=())
        self._begin(name, lambda name: self._open(name, at_most, by))

    def observe(self, name: str, by: str) -> None:
        """Write no more to an account."""
        if self._opener(name).is_sandbox:
            raise LeadRelayError(
                f"{name} is a sandbox on this machine, written to because LEADRELAY_SANDBOX is true"
            )
        self.desk.observe(name, by)

    def _begin(self, name: str, step: Callable[[str], None]) -> None:
        threading.Thread(target=self._run, args=(name, step), name=f"opening-{name}", daemon=True).start()

    def _run(self, name: str, step: Callable[[str], None]) -> None:
        problem = ""
        try:
            step(name)
        except LeadRelayError as error:
            problem = str(error)
            log.warning("opening.failed", connection=name, reason=problem)
        except Exception as error:
            problem = f"it failed on our side ({type(error).__name__}); the daemon's log has why"
            log.exception("opening.failed", connection=name)
        with self._lock:
            self._known[name] = replace(self.look(name), is_planning=False, is_opening=False, problem=problem)

    def _plan(self, name: str) -> None:
        opener = self._opener(name)
        found = opener.survey()
        at = self.clock.now()
        with self.store.snapshot() as snapshot:
            plan = opener.plan(snapshot, self.space, found, at, SAMPLES)
        self._plans[name] = plan
        told = plan.as_dict()
        self._known[name] = replace(
            self.look(name),
            plan=told | {"findings": left_over(told)},
            at=at,
            expected=plan.writes,
            at_most=limit_of(plan.writes),
            made=(),
            unmade=(),
        )

    def _open(self, name: str, at_most: int, by: str) -> None:
        opener, plan = self._opener(name), self._plans[name]
        _check_rules(plan, opener)
        found, planned = opener.survey(), plan.survey.account.id
        if found.account.id != planned:
            raise LeadRelayError(
                f"It is account {found.account.id} now, not {planned} as planned; plan again"
            )
        known = {str(one) for one in plan.survey.missing}
        if unplanned := [str(one) for one in found.missing if str(one) not in known]:
            raise LeadRelayError(
                f"The account lacks {', '.join(unplanned)}, which the plan does not say; plan again"
            )
        if found.missing:
            done = opener.make(found.missing)
            self._known[name] = replace(self.look(name), made=done.made, unmade=done.unmade)
            found = done.after
        if found.missing:
            raise LeadRelayError(f"{len(found.missing)} fields could not be made; {name} is as it was")
        if found.problems:
            told = "; ".join(f"{one.fact}. {one.fix}" for one in found.problems)
            raise LeadRelayError(f"Map and account do not fit, and {name} is as it was: {told}")
        self.desk.go_live(opener.order(plan, at_most, by))

    def _crm(self, name: str) -> CrmMap:
        crm = self.playbook().crms.get(name)
        if crm is None:
            raise LeadRelayError(f"No map of the playbook is called {name}")
        return crm

    def _opener(self, name: str) -> Opener:
        crm, budget = self._crm(name), self.budget_of(name)
        if budget is None:
            raise LeadRelayError(f"{name} is not connected; `leadrelay connect {name}` takes it in")
        with self.store.snapshot() as snapshot:
            known = Known.read(self.settings, snapshot, self.space, self.grants)
        return Opener.of(known, crm, self.playbook(), budget)


def _check_rules(plan: Plan, opener: Opener) -> None:
    """Raise ``LeadRelayError`` unless the rules are those that were planned by."""
    running = opener.playbook.version
    if plan.playbook != running:
        raise LeadRelayError(
            f"The plan of {plan.connection} is by playbook {plan.playbook}, and {running} is in force now; "
            "plan again, and look at that"
        )
