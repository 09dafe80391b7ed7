"""One lead's story, read from the ledgers: what came in, what was decided and why, what was written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from model.account import Account
from model.deal import Deal
from model.decision import EntityKind
from model.entity import Entity
from model.event import JsonValue
from model.lead import ASSOCIATED, Identity, Lead, Touch
from model.timer import Timer
from sync import accounts, consents, deals, engagements, joins, leads, remembered, timers
from sync.alike import pairs
from sync.alike.pairs import Pair
from sync.asking import books as asked
from sync.asking.books import Told
from sync.edges import effect_books
from sync.edges.effect_books import EffectState
from sync.tables import audit, audit_details, inbox_events, outbox_changes, outbox_effects, touches
from sync.tables import conflicts as conflicts_table
from sync.tables import consents as consents_table
from sync.tables import engagements as engagement_rows
from sync.tables import leads as leads_table


@dataclass(frozen=True, slots=True)
class Chapter:
    """One thing that happened to the lead: an event decided, or a record made (``event`` is ``None``)."""

    event: int | None
    kind: str
    source: str
    received_at: datetime | None
    decided_at: datetime
    state: str
    playbook: str  # hash of the version that decided
    version: int  # its number in the register; 0: it was decided before there was one
    reasons: list[dict[str, JsonValue]]
    facts: dict[str, JsonValue] = field(default_factory=dict)  # what rules asked of the lead
    then: dict[str, JsonValue] = field(default_factory=dict)  # its score and stage behind them

    def as_dict(self) -> dict[str, Any]:
        """Return plain data for JSON, without the facts, which ``ruled`` reads."""
        told = asdict(self)
        del told["facts"], told["then"]
        return told


@dataclass(frozen=True, slots=True)
class WriteState:
    """How a connection stands with this lead, its account, or the association of the two.

    ``known``: there is a record, and nothing was wanted of it yet.
    """

    connection: str
    object: str
    remote_id: str | None
    state: str  # "written" | "on its way" | "dead letter" | "deleted there" | "known"
    error: str | None
    kind: str = "lead"  # "lead" | "account" | "association"


@dataclass(frozen=True, slots=True)
class Story:
    """Everything ``explain`` shows."""

    lead: Lead
    chapters: list[Chapter]
    writes: list[WriteState]
    account: Account | None = None
    conflicts: list[dict[str, Any]] = field(default_factory=list)
    effects: list[EffectState] = field(default_factory=list)
    engagements: list[dict[str, Any]] = field(default_factory=list)  # what was done with them in the CRMs
    older: dict[str, int] = field(default_factory=dict)  # how many of each list were left out
    consents: list[dict[str, Any]] = field(default_factory=list)  # what was said of each purpose
    deals: list[Deal] = field(default_factory=list)  # in which the lead takes part
    timers: list[Timer] = field(default_factory=list)  # what the lead waits for, the next one first
    undoable: list[tuple[str, datetime, datetime]] = field(
        default_factory=list
    )  # leads taken in that can be parted: id, since, until
    pairs: list[Pair] = field(default_factory=list)  # who may be the same person, or is said not to be
    asked: list[Told] = field(default_factory=list)  # of providers, and what they said

    def as_dict(self) -> dict[str, Any]:
        """Return plain data for JSON; moments stay moments."""
        lead = self.lead
        return {
            "id": lead.id,
            "fields": lead.fields,
            "provenance": {
                name: {"source": origin.source, "at": origin.at, "event": origin.event}
                for name, origin in lead.provenance.items()
            },
            "events": [chapter.as_dict() for chapter in self.chapters],
            "account": self._account(),
            "deals": [{"id": one.id, "fields": one.fields, "outcome": one.outcome} for one in self.deals],
            "timers": [asdict(one) for one in self.timers],
            "writes": [asdict(write) for write in self.writes],
            "may_be": [asdict(pair) for pair in self.pairs],
            "can_be_parted": [{"lead": one, "since": at, "until": until} for one, at, until in self.undoable],
            "conflicts": self.conflicts,
            "effects": [{name: getattr(one, name) for name in one.__slots__} for one in self.effects],
            "engagements": self.engagements,
            "consents": self.consents,
            "asked": [asdict(one) for one in self.asked],
            "older": self.older,
        }

    def _account(self) -> dict[str, Any] | None:
        account = self.account
        if account is None:
            return None
        links = {name: f"{link.object} {link.remote_id}" for name, link in account.links.items()}
        return {"id": account.id, "fields": account.fields, "links": links}


def find_lead(snapshot: Connection, space: str, needle: str, keys: Sequence[Identity]) -> str | None:
    """Return the lead behind an id (or that of a lead taken into it), an exact e-mail or a matching key."""
    c = leads_table.c
    statement = sa.select(c.id).where(
        c.space == space, sa.or_(c.id == needle, c.email == needle.strip().lower())
    )
    found = snapshot.execute(statement.limit(1)).scalar_one_or_none()
    if found := found or joins.present_ids(snapshot, [needle]).get(needle):
        return found
    return next(iter(leads.find(snapshot, space, keys).values()), None)


def read(snapshot: Connection, lead_id: str, newest: int | None = None) -> Story:
    """Read a known lead's story, oldest event first; those of leads that were taken into it are part of it.

    ``newest`` is how many of each list are read at most, the newest ones, with a count of the rest: a lead
    can have more than a page, or an answer, should hold.
    """
    lead = leads.load(snapshot, [lead_id], ledgers=False)[lead_id]
    history = _History(snapshot, newest)
    whose = [lead_id, *joins.absorbed_by(snapshot, lead_id)]
    touched = sa.select(touches.c.at, touches.c.fields).where(touches.c.lead_id == lead_id)
    lead.touches.extend(Touch(*row) for row in history.of("touches", touched, touches.c.id))
    told = history.of("effects", effect_books.of_lead_statement(lead_id), outbox_effects.c.id)
    done = history.of("engagements", engagements.of_lead(lead_id), engagement_rows.c.at)
    said = history.of("consents", consents.of_lead(lead_id), consents_table.c.id)
    return Story(
        lead,
        [chapter_of(row) for row in history.of("events", decided(audit.c.lead_id.in_(whose)), audit.c.id)],
        records(snapshot, lead),
        _account_of(snapshot, lead),
        [dict(row._mapping) for row in history.of("conflicts", _settled(lead_id), conflicts_table.c.id)],
        [effect_books.state_of(row) for row in told],
        [engagements.as_said(row) for row in done],
        history.older,
        [dict(row._mapping) for row in said],
        [one for _, one in sorted(deals.load(snapshot, deals.of_parties(snapshot, [lead_id])).items())],
        sorted((one for _, one in timers.load(snapshot, [lead_id])), key=lambda one: one.due_at),
        pairs=pairs.of_lead(snapshot, lead_id),
        undoable=remembered.undoable(snapshot, lead_id),
        asked=asked.of_lead(snapshot, lead_id),
    )


def records(snapshot: Connection, lead: Lead) -> list[WriteState]:
    """Return how each connection stands with a lead and its account."""
    account = _account_of(snapshot, lead)
    return writes(snapshot, lead) + (writes(snapshot, account, EntityKind.ACCOUNT) if account else [])


def _account_of(snapshot: Connection, lead: Lead) -> Account | None:
    account_id = lead.get("account")
    return accounts.load(snapshot, [account_id]).get(account_id) if account_id else None


@dataclass(slots=True)
class _History:
    """Reads lists oldest first, the newest of each, and counts what it leaves out."""

    snapshot: Connection
    newest: int | None
    older: dict[str, int] = field(default_factory=dict)

    def of(self, name: str, statement: sa.Select[Any], key: sa.Column[Any]) -> list[Any]:
        """Read one list, in the order of ``key``."""
        self.older[name] = 0
        if self.newest is None:
            return list(self.snapshot.execute(statement.order_by(key)))
        rows = list(self.snapshot.execute(statement.order_by(key.desc()).limit(self.newest)))
        if len(rows) == self.newest:
            ids = statement.with_only_columns(key).subquery()
            found = self.snapshot.execute(sa.select(sa.func.count()).select_from(ids)).scalar_one()
            self.older[name] = found - len(rows)
        return rows[::-1]


def decided(which: sa.ColumnElement[bool]) -> sa.Select[Any]:
    """Build the query of the audit's lines with what they say, for ``chapter_of``."""
    columns = (audit.c.event, audit.c.at, audit.c.action, audit_details.c.details, inbox_events.c.received_at)
    return (
        sa.select(*columns)
        .select_from(audit)
        .join(audit_details, audit_details.c.audit_id == audit.c.id)
        .outerjoin(inbox_events, inbox_events.c.id == audit.c.event)
        .where(which)
    )


def chapter_of(row: Any) -> Chapter:
    """Read one of them."""
    return Chapter(
        event=row.event,
        kind=row.details["kind"],
        source=row.details["source"],
        received_at=row.received_at,
        decided_at=row.at,
        state=row.action,
        playbook=row.details["playbook"],
        version=row.details.get("version", 0),
        reasons=row.details["reasons"],
        facts=row.details.get("facts", {}),
        then=row.details.get("then", {}),
    )


def writes(snapshot: Connection, entity: Entity, kind: EntityKind = EntityKind.LEAD) -> list[WriteState]:
    """Return how each connection stands with a lead, or another entity of this kind."""
    c = outbox_changes.c
    rows = snapshot.execute(
        sa.select(c.connection, c.object, c.wanted, c.done, c.dead, c.error, c.entity_kind)
        .where(c.entity_id == entity.id)
        .order_by(c.entity_kind.desc(), c.connection, c.object)
    )
    states = []
    for row in rows:
        link = entity.links.get(row.connection)
        if link and link.object != row.object:
            continue
        on_its_way = row.wanted > row.done and row.wanted > row.dead
        settled = "deleted there" if link and link.gone_at else "written"
        state = "on its way" if on_its_way else "dead letter" if row.dead > row.done else settled
        remote_id = link.remote_id if link else None
        if row.entity_kind == EntityKind.ASSOCIATION:
            remote_id = str(link.shadow.get(ASSOCIATED) or "") or None if link else None
        states.append(WriteState(row.connection, row.object, remote_id, state, row.error, row.entity_kind))
    told = {one.connection for one in states if one.kind == kind}
    for name in sorted(entity.links.keys() - told):
        link = entity.links[name]
        known = "deleted there" if link.gone_at else "known"
        states.append(WriteState(name, link.object, link.remote_id, known, None, kind))
    return states


def _settled(lead_id: str) -> sa.Select[Any]:
    c = conflicts_table.c
    return sa.select(c.at, c.connection, c.field, c.kept, c.lost, c.rule).where(c.lead_id == lead_id)


def set_aside(snapshot: Connection, space: str, event_id: int) -> dict[str, Any] | None:
    """Read one event with its reasons, for an event that never became a lead."""
    c = inbox_events.c
    columns = (c.id, c.source, c.kind, c.state, c.received_at, c.decided_at, c.reasons, c.error, c.cause)
    statement = sa.select(*columns, c.lead_id, c.payload).where(c.space == space, c.id == event_id)
    row = snapshot.execute(statement).first()
    return dict(row._mapping) if row else None


def set_aside_list(
    snapshot: Connection, space: str, limit: int = 50, event_id: str | None = None
) -> list[dict[str, Any]]:
    """Read the newest events that a person should look at: quarantine, review, spam and dead.

    ``event_id`` (the sender's) asks for that one only.
    """
    c = inbox_events.c
    statement = (
        sa.select(c.id, c.source, c.state, c.received_at, c.reasons, c.error, c.cause)
        .where(c.space == space, c.state.in_(("quarantined", "review", "spam", "dead")))
        .order_by(c.id.desc())
        .limit(limit)
    )
    if event_id is not None:
        statement = statement.where(c.event_id == event_id)
    return [dict(row._mapping) for row in snapshot.execute(statement)]


def end_of(snapshot: Connection, space: str, source: str, event_id: str) -> tuple[int, str] | None:
    """Return the row of a sender's event and where it ended; ``None`` when it is not in the store."""
    c = inbox_events.c
    statement = sa.select(c.id, c.state).where(c.space == space, c.source == source, c.event_id == event_id)
    row = snapshot.execute(statement).first()
    return (row.id, row.state) if row else None


def is_being_written(snapshot: Connection, lead_id: str, writing: Sequence[str], now: datetime) -> bool:
    """Say whether a call that concerns this lead may be under way to one of these CRMs, or is due."""
    c = outbox_changes.c
    is_due = sa.and_(c.wanted > c.done, c.wanted > c.dead, c.due_at <= now)
    is_next = sa.or_(c.lease_token.is_not(None), is_due)
    statement = sa.select(sa.exists().where(c.entity_id == lead_id, c.connection.in_(writing), is_next))
    return bool(snapshot.execute(statement).scalar_one())
