"""One builder a model: each sets what the test is on and leaves the rest at a plain default."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from handlers import apply as applying
from handlers.base import Context, Handler, Seat
from handlers.workload import Workload
from mappings.matcher.company import keys_of_account, keys_of_lead
from mappings.playbook import (
    ActivityRule,
    Condition,
    CrmField,
    CrmMap,
    Lifecycle,
    Limits,
    Member,
    ObjectMap,
    Playbook,
    Pool,
    Required,
    Routing,
    ScoreGroup,
    ScoreRule,
    Scoring,
    Screening,
    Source,
    SourceAuth,
    Stage,
    StageRule,
    Territory,
)
from mappings.reading import FieldProblem, Reading
from mappings.values.identity import email_identity, phone_identity
from model.account import Account, Likely, Likeness
from model.deal import Deal
from model.decision import Assigned, Because, Decision, Place, Verdict
from model.event import Event, EventKind, StoredEvent
from model.lead import LEAD_FIELDS, Activity, Identity, Lead, Provenance, Touch
from model.teammate import Teammate

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)

FATAL = ("body", "email")
"""Fields whose problems a reading calls fatal."""

PIPELINE = (
    "screen",
    "identify",
    "absorb",
    "attribute",
    "deals",
    "score",
    "qualify",
    "assign",
    "account",
    "follow_up",
    "notify",
    "writeback",
)


def at(minutes: float) -> datetime:
    """Return the moment so many minutes after ``NOON``."""
    return NOON + timedelta(minutes=minutes)


def place(line: int = 1, file: str = "test.yaml") -> Place:
    """Return a place in a playbook file."""
    return Place(file, line)


# -- leads and what is known about them


def a_lead(lead_id: str = "L1", *, since: datetime = NOON, source: str = "website", **given: Any) -> Lead:
    """Build a stored lead: what ``Lead`` itself does not name (``country="DE"``) is a field of it.

    Its e-mail and phone are claimed as keys unless ``identities`` says otherwise.
    """
    own = {name: given.pop(name) for name in tuple(given) if name not in LEAD_FIELDS and hasattr(Lead, name)}
    fields = {name: value for name, value in given.items() if value is not None}
    keys = set(own.pop("identities", keys_of(fields)))
    lead = Lead(lead_id, fields=fields, identities=keys, version=1, created_at=since)
    lead.provenance = {name: Provenance(source, since, 1) for name in fields}
    lead.provenance.update(own.pop("provenance", {}))
    for name, value in own.items():
        setattr(lead, name, value)
    return lead


def keys_of(fields: Mapping[str, Any]) -> tuple[Identity, ...]:
    """Return the keys that e-mail and phone make, stronger first."""
    email, phone = fields.get("email"), fields.get("phone")
    return (*([email_identity(email)] if email else []), *([phone_identity(phone)] if phone else []))


def a_touch(minutes: float = 0, **fields: str) -> Touch:
    """Build a touch: a paid click unless ``fields`` say otherwise."""
    return Touch(at(minutes), fields or {"channel": "paid_search", "source": "google", "medium": "cpc"})


def a_teammate(email: str, **active: bool) -> Teammate:
    """Build a teammate listed on the named connections: ``a_teammate("bo@example.com", hubspot=True)``."""
    return Teammate(email, ids={name: f"{name}-{email}" for name in active}, active=active)


@dataclass
class KnownFacts:
    """Lookups that behave: leads, keys, teammates and ledgers in memory; ``keep`` stores a decided draft."""

    leads: dict[str, Lead] = field(default_factory=dict)
    keys: dict[Identity, str] = field(default_factory=dict)
    teammates: dict[str, Teammate] = field(default_factory=dict)
    read_rosters: frozenset[str] = frozenset()
    ledgers: dict[str, dict[str, Seat]] = field(default_factory=dict)
    accounts: dict[str, Account] = field(default_factory=dict)
    deals: dict[str, Deal] = field(default_factory=dict)
    work: Workload = field(default_factory=Workload)
    won: dict[str, int] = field(default_factory=dict)  # deals, by account
    open: dict[str, int] = field(default_factory=dict)

    def account(self, account_id: str) -> Account | None:
        return self.accounts.get(account_id)

    def accounts_like(self, fields: Mapping[str, Any]) -> Likely:
        keys = set(keys_of_lead(fields).each)
        alike = [one for one in self.accounts.values() if keys & set(keys_of_account(one.fields).each)]
        phones = [
            one for one in alike if keys_of_account(one.fields).phone == keys_of_lead(fields).phone != ""
        ]
        likely = [Likeness(one, self.won.get(one.id, 0), self.open.get(one.id, 0)) for one in alike]
        return Likely(likely, len(phones) > 1)

    def deals_of(self, lead_id: str) -> list[Deal]:
        return [deal for deal in self.deals.values() if lead_id in deal.lead_ids]

    def lead_id_of(self, identity: Identity) -> str | None:
        return self.keys.get(identity)

    def lead(self, lead_id: str) -> Lead:
        return self.leads[lead_id]

    def teammate(self, email: str) -> Teammate | None:
        return self.teammates.get(email)

    def teammate_by_id(self, connection: str, remote_id: str) -> Teammate | None:
        return next((one for one in self.teammates.values() if one.ids.get(connection) == remote_id), None)

    def rosters(self) -> frozenset[str]:
        return self.read_rosters

    def seats(self, pool: str) -> Mapping[str, Seat]:
        return self.ledgers.get(pool, {})

    def workload(self) -> Workload:
        return self.work

    def keep(self, lead: Lead, decisions: Iterable[Decision] = (), seq: int = 0) -> None:
        """Store the lead, its keys and the turns that the decisions took."""
        self.leads[lead.id] = lead
        for identity in lead.identities:
            self.keys.setdefault(identity, lead.id)
        for decision in decisions:
            for effect in decision.effects:
                if isinstance(effect, Assigned):
                    self.work.assigned(lead.id, effect)
                if isinstance(effect, Assigned) and effect.pool:
                    seat = Seat(effect.virtual_time, seq, effect.clock)
                    self.ledgers.setdefault(effect.pool, {})[effect.owner] = seat


def facts(
    *leads: Lead, teammates: Sequence[Teammate] = (), seats: Mapping[str, Mapping[str, Seat]] | None = None
) -> KnownFacts:
    """Build lookups that know these; the rosters read are those the teammates stand in."""
    known = KnownFacts(
        teammates={one.email: one for one in teammates},
        read_rosters=frozenset(name for one in teammates for name in one.ids),
        ledgers={pool: dict(ledger) for pool, ledger in (seats or {}).items()},
    )
    for lead in leads:
        known.keep(lead)
    return known


# -- events


def a_source(name: str = "website", **given: Any) -> Source:
    """Build a source without rules."""
    return Source(
        **{"name": name, "place": place(1, f"sources/{name}.yaml"), "auth": NO_AUTH, "fields": ()} | given
    )


def a_reading(
    *,
    occurred_at: datetime = NOON,
    event_id: int = 7,
    source: Source | None = None,
    record: str | None = None,
    did: Sequence[str] = (),
    touch: Touch | None = None,
    problems: Sequence[tuple[str, str]] = (),
    honeypot: Sequence[str] = (),
    identities: Sequence[Identity] | None = None,
    lead: str | None = None,
    replays: int | None = None,
    is_test: bool = False,
    **fields: Any,
) -> Reading:
    """Build an event as read; what is not named here (``country="DE"``) is a field of it.

    ``record`` is its record key, ``did`` its activities, ``lead`` a person's verdict on a replay.

    Keys come from ``record``, ``email`` and ``phone``, strongest first, unless given.
    """
    source = source or a_source()
    event = Event(source.name, f"sent-{event_id}", EventKind.INTAKE, {}, occurred_at, occurred_at)
    overrides = {"lead": lead} if lead is not None else {}
    keys = tuple(Identity("record", key) for key in [record] if key) + keys_of(fields)
    return Reading(
        StoredEvent(event_id, event, 1, occurred_at, event_id, replays, overrides),
        source,
        fields={name: value for name, value in fields.items() if value is not None},
        identities=keys if identities is None else tuple(identities),
        touch=touch,
        activities=tuple(Activity(kind, occurred_at) for kind in did),
        problems=tuple(
            FieldProblem(name, reason, place(9, f"sources/{source.name}.yaml"), fatal=name in FATAL)
            for name, reason in problems
        ),
        honeypot=tuple(honeypot),
        is_test=is_test,
    )


def a_context(
    reading: Reading | None = None,
    lookups: KnownFacts | None = None,
    playbook: Playbook | None = None,
    *,
    now: datetime | None = None,
    seq: int | None = None,
    is_new: bool = False,
) -> Context:
    """Build what a handler may know besides the lead."""
    stored = reading.stored if reading else None
    return Context(
        reading,
        now or (stored.decided_at if stored else NOON),
        lookups or facts(),
        playbook or a_playbook(),
        seq if seq is not None else (stored.decided_seq if stored else 1),
        is_new,
    )


# -- playbook pieces

NO_AUTH = SourceAuth("none", Place("sources/website.yaml", 2))


def when(text: str, test: Callable[[Lead], bool], line: int = 1) -> Condition:
    """Build a condition from a predicate and the words for it."""
    return Condition(test, text, place(line))


def field_is(name: str, *values: Any, line: int = 1) -> Condition:
    """Build the condition that a field holds one of the values."""
    text = f"{name} in {', '.join(map(str, values))}"
    return Condition(
        text=text, test=lambda lead: lead.get(name) in values, place=place(line), fields=frozenset({name})
    )


def a_screening(**given: Any) -> Screening:
    """Build screening rules with role addresses in review."""
    plain = {"place": place(1, "screening.yaml"), "role_names": frozenset({"info", "sales"})}
    return Screening(**plain | given)


def a_scoring(*rules: ScoreRule, **caps: int) -> Scoring:
    """Build a scoring model: groups and their caps by name."""
    groups = caps or {"fit": 40, "intent": 60}
    return Scoring(
        tuple(
            ScoreGroup(name, cap, place(n, "scoring.yaml")) for n, (name, cap) in enumerate(groups.items(), 1)
        ),
        rules,
        place(1, "scoring.yaml"),
    )


def points(amount: int, name: str, group: str = "intent", *, line: int = 10, **given: Any) -> ScoreRule:
    """Build a scoring rule: ``when=`` a condition or ``activity=`` a kind."""
    return ScoreRule(name, group, amount, place(line, "scoring.yaml"), **given)


STAGES = ("suspect", "prospect", "mql", "sal", "sql", "customer", "nurture", "disqualified")


def a_lifecycle(*rules: StageRule, stages: Sequence[str] = STAGES, start: str = "suspect") -> Lifecycle:
    """Build a lifecycle with the usual stages."""
    return Lifecycle(
        tuple(Stage(name, "", "", place(n, "lifecycle.yaml")) for n, name in enumerate(stages, 2)),
        start,
        rules,
        place(1, "lifecycle.yaml"),
    )


def moves_to(stage: str, name: str = "rule", *, line: int = 20, **given: Any) -> StageRule:
    """Build a stage rule: ``min_score``, ``when``, ``activity``."""
    return StageRule(stage, name, place(line, "lifecycle.yaml"), **given)


def a_pool(name: str, *members: str | tuple[str, float]) -> Pool:
    """Build a pool; a member is an e-mail, or an e-mail and a weight."""
    pairs = [(one, 1.0) if isinstance(one, str) else one for one in members]
    placed = [Member(email, weight, place(n, "routing.yaml")) for n, (email, weight) in enumerate(pairs, 31)]
    return Pool(name, tuple(placed), place(30, "routing.yaml"))


def a_territory(name: str, condition: Condition, **given: Any) -> Territory:
    """Build a territory: ``pool=`` or ``owner=``."""
    return Territory(name, condition, place(10, "routing.yaml"), **given)


def a_routing(*territories: Territory, pools: Sequence[Pool], from_stage: str = "") -> Routing:
    """Build routing; the last pool is the fallback."""
    return Routing(
        territories,
        {pool.name: pool for pool in pools},
        pools[-1].name,
        place(3, "routing.yaml"),
        place(1, "routing.yaml"),
        from_stage,
    )


def mapped(name: str, remote: str, authority: str = "leadrelay", **given: Any) -> CrmField:
    """Build one mapped field of a CRM object."""
    return CrmField(name, remote, authority, place(5, "crm/test.yaml"), **given)


def a_crm(connection: str, create_object: str, *fields: CrmField, **objects: Sequence[CrmField]) -> CrmMap:
    """Build a CRM's map; ``fields`` are those of the object it creates."""
    maps = {create_object: fields, **objects}
    where = place(1, f"crm/{connection}.yaml")
    return CrmMap(
        connection,
        connection,
        create_object,
        {name: ObjectMap(name, tuple(each), where) for name, each in maps.items()},
        Limits(),
        where,
    )


def a_playbook(**given: Any) -> Playbook:
    """Build a playbook with one source, no scoring or stage rules, and one pool of two."""
    plain = Playbook(
        version="0123456789ab",
        sources={"website": a_source()},
        crms={},
        pipeline=PIPELINE,
        screening=a_screening(),
        scoring=a_scoring(),
        lifecycle=a_lifecycle(),
        routing=a_routing(pools=[a_pool("everyone", "ann@example.com", "bo@example.com")]),
        pipeline_place=place(1, "pipeline.yaml"),
        fields=LEAD_FIELDS,
    )
    return replace(plain, **given)


def required(*any_of: str, line: int = 4) -> Required:
    """Build a group of fields of which one must be there."""
    return Required(any_of, place(line, "sources/website.yaml"))


def activity_rule(kind: str, line: int = 6) -> ActivityRule:
    """Build the rule that a post counts as this activity."""
    return ActivityRule(kind, place(line, "sources/website.yaml"))


# -- running


def apply(handler: Handler, lead: Lead, context: Context) -> Lead:
    """Run one handler on the lead and bring its decision into it; return the lead."""
    settle(lead, handler(lead, context), context)
    return lead


def settle(lead: Lead, decision: Decision, context: Context) -> None:
    """Bring one decision into the draft as the pipeline does."""
    event = context.event
    applying.apply(
        lead,
        decision,
        source=event.source.name if event else "test",
        event_id=event.stored.id if event else 0,
        at=event.stored.event.occurred_at if event else context.now,
    )


def run(
    chain: Sequence[tuple[str, Handler]], reading: Reading, lookups: KnownFacts, playbook: Playbook
) -> tuple[Lead | None, list[Decision]]:
    """Take one event through the handlers and keep the lead; ``None`` when it was not let through."""
    context = a_context(reading, lookups, playbook)
    lead = Lead("")
    decisions: list[Decision] = []
    for _, handler in chain:
        decision = handler(lead, context)
        decisions.append(decision)
        if decision.verdict is not Verdict.GO:
            return None, decisions
        if decision.lead_id is not None:
            known = lookups.leads.get(decision.lead_id)
            lead = known or Lead(f"L{len(lookups.leads) + 1}", created_at=context.now)
            context = replace(context, is_new=known is None)
        settle(lead, decision, context)
    lookups.keep(lead, decisions, context.seq)
    return lead, decisions


def reasons(decision: Decision | Iterable[Because]) -> list[str]:
    """Return the texts of the because-lines."""
    lines = decision.because if isinstance(decision, Decision) else decision
    return [line.text for line in lines]
