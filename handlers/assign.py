"""Gives a lead its owner: by territory, in fair turns, and never without saying so."""

from __future__ import annotations

from dataclasses import dataclass

from handlers import ladder
from handlers.base import Context, Lookups
from handlers.turns import Turn, next_turn
from mappings.playbook import Lifecycle, Member, Pool, Routing, Territory
from model.decision import NOTHING, AskReview, Assigned, Because, Decision
from model.lead import Lead

LONGEST_CONDITION = 100  # a list of forty countries is read in the playbook, not on every lead


@dataclass(frozen=True, slots=True)
class Assign:
    """Find an owner for a lead that is far enough and has none.

    An owner that is there stays. The first territory that matches decides; where nobody of it
    can take leads the fallback pool does, and where nobody of that can either the lead goes on
    without an owner and before a person. A test lead gets an owner without using up a turn.
    """

    routing: Routing
    lifecycle: Lifecycle

    def __call__(self, lead: Lead, context: Context) -> Decision:
        if not self._is_due(lead):
            return NOTHING
        if lead.owner:
            return Decision(because=(Because("owner kept: the lead has one", self.routing.place),))
        territory = next((known for known in self.routing.territories if known.when.matches(lead)), None)
        because = [self._where(territory)]
        assigned = self._offer(territory, lead, context, because)
        if assigned is not None:
            return Decision(fields={"owner": assigned.owner}, effects=(assigned,), because=tuple(because))
        because.append(
            Because(
                "NO OWNER: nobody is left to take this lead; a person is asked", self.routing.fallback_place
            )
        )
        question = AskReview("no_owner", {"territory": territory.name if territory else ""})
        return Decision(effects=(question,), because=tuple(because))

    def _is_due(self, lead: Lead) -> bool:
        """Say whether a lead of this stage gets an owner: not before ``from_stage``, nor off the ladder."""
        if ladder.is_beside(self.lifecycle, lead.stage):
            return False
        start = self.routing.from_stage
        return not start or self.lifecycle.order(lead.stage) >= self.lifecycle.order(start)

    def _where(self, territory: Territory | None) -> Because:
        if territory is None:
            return Because("no territory matches: fallback pool", self.routing.fallback_place)
        text = territory.when.text
        shown = text if len(text) <= LONGEST_CONDITION else f"{text[:LONGEST_CONDITION]}…"
        return Because(f"territory {territory.name}: {shown}", territory.place)

    def _offer(
        self, territory: Territory | None, lead: Lead, context: Context, because: list[Because]
    ) -> Assigned | None:
        """Return who takes the lead, and say in ``because`` why, and why others do not."""
        if territory is not None and territory.owner:
            missing = why_not(territory.owner, context.lookups)
            if not missing:
                return Assigned(territory.owner, lead.owner)
            because.append(Because(f"skipped: {territory.owner} {missing}", territory.place))
        names = [territory.pool] if territory is not None and territory.pool else []
        for name in dict.fromkeys([*names, self.routing.fallback_pool]):
            pool = self.routing.pools[name]
            turn = self._turn(pool, context, because)
            if turn is not None and lead.is_test:
                because.append(Because("test lead: the turn is not used up", pool.place))
                return Assigned(turn.email, lead.owner)
            if turn is not None:
                return Assigned(turn.email, lead.owner, name, turn.after)
        return None

    def _turn(self, pool: Pool, context: Context, because: list[Because]) -> Turn | None:
        """Return whose turn it is in the pool, and say how that came about."""
        eligible: list[Member] = []
        skipped: list[str] = []
        for member in pool.members:
            missing = why_not(member.email, context.lookups)
            if missing:
                skipped.append(f"{member.email} {missing}")
            else:
                eligible.append(member)
        turn = next_turn(pool, eligible, context.lookups.seats(pool.name))
        text = "nobody can take leads"
        if turn is not None:
            longest = f", longest wait of {turn.equals} level" if turn.equals > 1 else ""
            text = f"{turn.email} has the lowest turn {turn.at:g} of {len(eligible)} eligible{longest}"
        if skipped:
            text += f"; skipped: {', '.join(sorted(skipped))}"
        because.append(Because(f"pool {pool.name}: {text}", pool.place))
        return turn


def why_not(email: str, lookups: Lookups) -> str:
    """Return why this person cannot own leads on every CRM whose roster is known; blank if they can."""
    rosters = lookups.rosters()
    if not rosters:
        return ""
    teammate = lookups.teammate(email)
    if teammate is None:
        return "is in no CRM's roster"
    for connection in sorted(rosters):
        if connection not in teammate.ids:
            return f"is not in {connection}'s roster"
        if not teammate.can_own_on(connection):
            return f"is inactive in {connection}"
    return ""
