"""Gives a lead its owner: by territory, in fair turns, and never without saying so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from handlers import ladder, queueing, waiting
from handlers.base import Context
from handlers.belonging import belonging
from handlers.eligible import missing, why_not_owner
from handlers.giving_back import given_back
from handlers.queueing import Wait, wait
from handlers.turns import Turn, next_turn, out_of_turn
from mappings import gates
from mappings.playbook import (
    QUEUE,
    SHARE_IS_FULL,
    Accounts,
    Consent,
    Lifecycle,
    Member,
    Pool,
    Routing,
    Share,
    Territory,
)
from model.decision import NOTHING, AskReview, Assigned, Because, Decision, SetTimer, Way
from model.event import JsonValue
from model.lead import QUEUED_SINCE, Lead

LONGEST_CONDITION = 100  # a list of forty countries is read in the playbook, not on every lead
SLACK = 1e-9  # 0.29 of 100 is 28.999…


@dataclass(frozen=True, slots=True)
class Assign:
    """Find an owner for a lead that is far enough and has none.

    An owner that is there stays. The first territory that matches decides: its owner, else who owns
    the company's other leads, else a pool that takes such leads up to its share, else the territory's
    pool. Where nobody of it can take the lead the pool says what becomes of it; at the end
    the lead goes on without an owner and before a person. A test lead gets an owner without using up
    a turn. A pool's ``credit`` gives turns back. Where a gate of consent is shut nobody gets the lead,
    and no turn is used; it is looked at again with whatever happens to the lead next, the consent for one.
    So is a lead that waits for a provider's answer, at the latest when its time is over.
    """

    routing: Routing
    lifecycle: Lifecycle
    accounts: Accounts = field(default_factory=Accounts)
    consent: Consent = field(default_factory=Consent)

    def __call__(self, lead: Lead, context: Context) -> Decision:
        back = given_back(lead, self.routing, context)
        if not lead.owner and self._is_due(lead) and (found := waiting.waits(lead, context.now)):
            held = Because(f"no owner yet: it {waiting.said(found)}", self.routing.place)
            return replace(back, because=(*back.because, held))
        decision = self._decided(lead, context)
        kept = [one for one in decision.effects if isinstance(one, SetTimer)]
        return replace(
            decision,
            effects=(*back.effects, *decision.effects, *queueing.over(lead, kept, context.now)),
            because=(*back.because, *decision.because),
            facts=back.facts,
        )

    def _decided(self, lead: Lead, context: Context) -> Decision:
        # A wait is forgotten by this alone: events while it lasts, or after it was in vain, go on with it.
        done: dict[str, JsonValue] = {QUEUED_SINCE: None} if QUEUED_SINCE in lead.fields else {}
        if not self._is_due(lead):
            return Decision(fields=done) if done else NOTHING
        if lead.owner:
            return Decision(
                fields=done, because=(Because("owner kept: the lead has one", self.routing.place),)
            )
        gate = next(gates.shut(self.consent, gates.ASSIGN, lead, context.now), None)
        if gate is not None:
            return Decision(because=(Because(gates.reason(gate, self.consent, lead), gate.place),))
        territory = next((known for known in self.routing.territories if known.when.matches(lead)), None)
        because = [self._where(territory)]
        assigned = self._offer(territory, lead, context, because)
        if isinstance(assigned, Wait):
            return Decision(fields=assigned.fields, effects=assigned.timers, because=tuple(because))
        if assigned is not None:
            fields = {"owner": assigned.owner, **done}
            return Decision(fields=fields, effects=(assigned,), because=tuple(because))
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
    ) -> Assigned | Wait | None:
        """Return who takes the lead, or until when it waits; ``because`` says why, and why not others."""
        if territory is not None and territory.owner:
            why = why_not_owner(territory.owner, self.routing, context)
            if not why:
                return Assigned(territory.owner, lead.owner, way=Way.TEST if lead.is_test else Way.OWNER)
            because.append(Because(f"skipped: {territory.owner} {why}", territory.place))
        name = (territory and territory.pool) or self.routing.fallback_pool
        return (
            self._stuck(self.routing.pools[name], lead, context, because)
            or self._shared(lead, context, because)
            or self._in_turn(name, lead, context, because)
        )

    def _stuck(self, pool: Pool, lead: Lead, context: Context, because: list[Because]) -> Assigned | None:
        """Return the one who owns the company's other leads; as a turn of ``pool``, where it counts."""
        if not self.routing.is_sticky or lead.is_test:
            return None
        account = self._account_of(lead, context)
        if not account:
            return None
        known: Mapping[str, int] = context.lookups.workload().account_owners.get(account, {})
        owners = sorted(owner for owner, leads in known.items() if leads > 0)
        if not owners:
            return None
        place = self.routing.sticky_place
        if len(owners) > 1:
            text = f"account {account}: its leads have {len(owners)} owners, so it goes by turn"
            because.append(Because(text, place))
            return None
        [owner] = owners
        member = next((one for one in pool.members if one.email == owner), None)
        why = why_not_owner(owner, self.routing, context)
        earlier = context.lookups.workload().earlier_owners.get(lead.id, ())
        if not why and pool.skip_earlier_owners and owner in earlier:
            why = "had this lead before"
        if why:
            because.append(Because(f"account {account}: skipped: {owner} {why}", place))
            return None
        because.append(Because(f"account {account}: {owner} owns its other leads", place))
        if member is None or not self.routing.count_sticky:
            return Assigned(owner, lead.owner, way=Way.STICKY)
        turn = out_of_turn(pool, member, context.lookups.seats(pool.name))
        because.append(Because(f"pool {pool.name}: it counts as a turn of {owner}", pool.place))
        return Assigned(owner, lead.owner, pool.name, turn.after, Way.STICKY, turn.clock, turn.credit)

    def _account_of(self, lead: Lead, context: Context) -> str:
        """Return the account of a lead, also before the handler of accounts has joined it; blank: none."""
        found = belonging(lead, self.accounts, context.lookups).account_id
        return found or str(lead.fields.get("account") or "")

    def _shared(self, lead: Lead, context: Context, because: list[Because]) -> Assigned | None:
        """Return who of a pool takes the lead before its territory's does, while the pool's share lasts."""
        for share in self.routing.shares:
            if not share.when.matches(lead):
                continue
            had, of, is_free = _use_of(share, context.lookups.workload().last_pools)
            text = f"share {share.name}: {share.pool} had {had} of the last {of}, at most {share.share:.0%}"
            because.append(Because(text if is_free else f"{text}{SHARE_IS_FULL}", share.place))
            if is_free and (turn := self._turn(self.routing.pools[share.pool], lead, context, because)):
                return self._taken(turn, share.pool, lead, because)
        return None

    def _in_turn(
        self, name: str, lead: Lead, context: Context, because: list[Because]
    ) -> Assigned | Wait | None:
        for each in dict.fromkeys((name, self.routing.fallback_pool)):
            pool = self.routing.pools[each]
            turn = self._turn(pool, lead, context, because, settles=True)
            if turn is not None:
                return self._taken(turn, each, lead, because)
            if pool.if_nobody == "ask":
                break
            if pool.if_nobody == QUEUE and (waits := wait(pool, lead, self.routing, context, because)):
                return waits
        return None

    def _taken(self, turn: Turn, name: str, lead: Lead, because: list[Because]) -> Assigned:
        if lead.is_test:
            because.append(Because("test lead: the turn is not used up", self.routing.pools[name].place))
            return Assigned(turn.email, lead.owner, way=Way.TEST)
        return Assigned(turn.email, lead.owner, name, turn.after, Way.TURN, turn.clock, turn.credit)

    def _turn(
        self, pool: Pool, lead: Lead, context: Context, because: list[Because], *, settles: bool = False
    ) -> Turn | None:
        """Return whose turn it is in the pool, and say how that came about.

        ``settles``: where nobody is free the pool's ``if_nobody`` counts.
        """
        eligible: list[Member] = []
        full: list[Member] = []
        why_not: dict[str, str] = {}
        for member in pool.members:
            lacks = missing(member, pool, lead, self.routing, context)
            if lacks is None:
                eligible.append(member)
                continue
            why_not[member.email] = lacks.why
            if lacks.is_full:
                full.append(member)
        seats = context.lookups.seats(pool.name)
        turn = next_turn(pool, eligible, seats)
        text = "nobody can take leads"
        if turn is None and settles and pool.if_nobody == "any_member":
            eligible, turn = full, next_turn(pool, full, seats)
            if turn is not None:
                text = f"nobody is free, so any member: {_words(turn, eligible)}"
        elif turn is not None:
            text = _words(turn, eligible)
        if why_not:
            text += f"; skipped: {', '.join(sorted(f'{who} {why}' for who, why in why_not.items()))}"
        because.append(Because(f"pool {pool.name}: {text}", pool.place, _candidates(turn, why_not)))
        return turn


def _candidates(turn: Turn | None, why_not: Mapping[str, str]) -> tuple[Mapping[str, JsonValue], ...]:
    """Return who could have had the lead with their places, the lowest first, then who could not."""
    places = turn.places if turn is not None else {}
    able: list[Mapping[str, JsonValue]] = [
        {"who": who, "place": round(place, 6), "took": turn is not None and who == turn.email}
        for who, place in sorted(places.items(), key=lambda item: (item[1], item[0]))
    ]
    others: list[Mapping[str, JsonValue]] = [
        {"who": who, "why_not": why} for who, why in sorted(why_not.items()) if who not in places
    ]
    return (*able, *others)


def _words(turn: Turn, eligible: Sequence[Member]) -> str:
    longest = f", longest wait of {turn.equals} level" if turn.equals > 1 else ""
    return f"{turn.email} has the lowest turn {turn.at:g} of {len(eligible)} eligible{longest}"


def _use_of(share: Share, last_pools: Sequence[str]) -> tuple[int, int, bool]:
    """Return how many of how many last leads a pool had, and whether one more is within its share.

    With this one no ``of_last`` leads in a row hold more than the share; while there were
    fewer, neither do all of them.
    """
    last = last_pools[-(share.of_last - 1) :]
    had = last.count(share.pool)
    return had, len(last), had + 1 <= share.share * (len(last) + 1) + SLACK
