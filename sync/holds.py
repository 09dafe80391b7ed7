"""The hold queue and the conflict log: what waits for a person, and what lost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from mappings.playbook import Playbook
from mappings.values.converters import Unusable
from model.decision import EntityKind, FreeField, HoldField
from model.event import Event, EventKind, JsonValue
from model.times import to_text
from sync.database import insert_for
from sync.merging.choosing import CHOICES, said
from sync.people import People
from sync.result import Result
from sync.statements import execute_many
from sync.tables import account_links, accounts, conflicts, deal_links, deals, holds, leads, links

LONGEST_WHY = 200  # characters that the columns hold
NOBODY = People({}, frozenset(), {})


@dataclass(frozen=True, slots=True)
class Hold:
    """A field on which two sides differ, until a person decides; the three values in the vendor's form."""

    id: int
    connection: str
    entity_kind: str  # "lead", "account"
    entity_id: str
    name: str  # whom it is about, for people
    object: str  # of the record, as long as it is linked
    field: str
    remote: str
    base: JsonValue
    ours: JsonValue
    theirs: JsonValue
    why: str
    state: str
    since: datetime
    choice: str
    by: str
    outcome: str
    settled_at: datetime | None

    def as_json(self) -> dict[str, Any]:
        """Return what the read API and ``--json`` show."""
        moments = {"since": to_text(self.since), "settled_at": self.settled_at and to_text(self.settled_at)}
        return {**asdict(self), **moments}


@dataclass(frozen=True, slots=True)
class Lost:
    """A value that gave way to another side's; canonical where the lead has such a field."""

    id: int
    connection: str
    entity_id: str
    name: str
    field: str
    kept: JsonValue
    lost: JsonValue
    why: str
    at: datetime

    def as_json(self) -> dict[str, Any]:
        """Return what the read API and ``--json`` show."""
        return {**asdict(self), "at": to_text(self.at)}


# Written by the decider ---------------------------------------------------------------


def save(connection: Connection, space: str, results: Sequence[Result], now: datetime) -> None:
    """Open and settle holds as a batch decided; the last word about a field of a record counts."""
    opened: dict[tuple[str, str, str], dict[str, Any]] = {}
    freed: dict[tuple[str, str, str], dict[str, Any]] = {}
    for result in results:
        kind, whose = _whose(result)
        for effect in result.effects:
            if not isinstance(effect, HoldField | FreeField):
                continue
            key = (whose, effect.connection, effect.field)
            if isinstance(effect, HoldField):
                opened[key] = _row(space, kind, whose, effect, now)
            else:
                opened.pop(key, None)
                freed[key] = _end(space, whose, effect, now)
    execute_many(connection, _SETTLE, list(freed.values()))
    if opened:
        insert = insert_for(connection, holds)
        changed = {name: insert.excluded[name] for name in ("base", "ours", "theirs", "why")}
        statement = insert.on_conflict_do_update(
            index_elements=["space", "entity_id", "connection", "field"],
            index_where=sa.text("state = 'open'"),
            set_=changed,
        )
        connection.execute(statement, list(opened.values()))


_SETTLE = (
    sa.update(holds)
    .where(
        holds.c.space == sa.bindparam("of_space"),
        holds.c.entity_id == sa.bindparam("of_entity"),
        holds.c.connection == sa.bindparam("on"),
        holds.c.field == sa.bindparam("of_field"),
        holds.c.state == "open",
    )
    .values(
        state="settled",
        choice=sa.bindparam("chosen"),
        by=sa.bindparam("who"),
        outcome=sa.bindparam("what"),
        settled_at=sa.bindparam("then"),
    )
)


def _whose(result: Result) -> tuple[EntityKind, str]:
    if result.lead_id:
        return EntityKind.LEAD, result.lead_id
    if result.deal_id:
        return EntityKind.DEAL, result.deal_id
    return EntityKind.ACCOUNT, str(result.account_id)


def _row(space: str, kind: EntityKind, whose: str, hold: HoldField, now: datetime) -> dict[str, Any]:
    held = hold.held
    return {
        "space": space,
        "connection": hold.connection,
        "entity_kind": str(kind),
        "entity_id": whose,
        "field": hold.field,
        "remote": hold.remote,
        "base": held.base,
        "ours": held.ours,
        "theirs": held.theirs,
        "why": hold.why[:LONGEST_WHY],
        "state": "open",
        "since": now,
        "choice": "",
        "by": "",
        "outcome": "",
    }


def _end(space: str, whose: str, freed: FreeField, now: datetime) -> dict[str, Any]:
    return {
        "of_space": space,
        "of_entity": whose,
        "on": freed.connection,
        "of_field": freed.field,
        "chosen": freed.choice,
        "who": freed.by,
        "what": freed.why[:LONGEST_WHY],
        "then": now,
    }


# Read by pages and commands -----------------------------------------------------------


def open_holds(
    snapshot: Connection, space: str, *, limit: int, after: int = 0, entity_id: str | None = None
) -> list[Hold]:
    """Return what waits for a person, the oldest first, from behind the row ``after``."""
    asked = _HOLDS.where(holds.c.space == space, holds.c.state == "open", holds.c.id > after)
    if entity_id is not None:
        asked = asked.where(holds.c.entity_id == entity_id)
    return [_hold(row) for row in snapshot.execute(asked.order_by(holds.c.id).limit(limit))]


def count_open(snapshot: Connection, space: str) -> int:
    """Return how many fields wait for a person."""
    asked = (
        sa.select(sa.func.count()).select_from(holds).where(holds.c.space == space, holds.c.state == "open")
    )
    return int(snapshot.execute(asked).scalar_one())


def one(snapshot: Connection, space: str, number: int) -> Hold | None:
    """Return one of them, open or settled."""
    row = snapshot.execute(_HOLDS.where(holds.c.space == space, holds.c.id == number)).one_or_none()
    return _hold(row) if row is not None else None


def log(
    snapshot: Connection,
    space: str,
    *,
    limit: int,
    before: int | None = None,
    connection: str = "",
    field: str = "",
    entity_id: str = "",
) -> list[Lost]:
    """Return values that lost, the newest first, older than the row ``before``."""
    c = conflicts.c
    asked = (
        sa.select(conflicts, leads.c.email, accounts.c.domain, deals.c.name)
        .join_from(conflicts, leads, leads.c.id == c.lead_id, isouter=True)
        .join(accounts, accounts.c.id == c.lead_id, isouter=True)
        .join(deals, deals.c.id == c.lead_id, isouter=True)
        .where(c.space == space)
    )
    for column, wanted in ((c.connection, connection), (c.field, field), (c.lead_id, entity_id)):
        if wanted:
            asked = asked.where(column == wanted)
    if before is not None:
        asked = asked.where(c.id < before)
    return [
        Lost(
            row.id,
            row.connection,
            row.lead_id,
            row.email or row.domain or row.name or "",
            row.field,
            row.kept,
            row.lost,
            row.rule,
            row.at,
        )
        for row in snapshot.execute(asked.order_by(c.id.desc()).limit(limit))
    ]


_HOLDS = (
    sa.select(
        holds,
        leads.c.email,
        accounts.c.domain,
        deals.c.name,
        sa.func.coalesce(links.c.object, account_links.c.object, deal_links.c.object).label("object"),
    )
    .join_from(holds, leads, leads.c.id == holds.c.entity_id, isouter=True)
    .join(accounts, accounts.c.id == holds.c.entity_id, isouter=True)
    .join(deals, deals.c.id == holds.c.entity_id, isouter=True)
    .join(
        links,
        sa.and_(links.c.lead_id == holds.c.entity_id, links.c.connection == holds.c.connection),
        isouter=True,
    )
    .join(
        account_links,
        sa.and_(
            account_links.c.account_id == holds.c.entity_id,
            account_links.c.connection == holds.c.connection,
        ),
        isouter=True,
    )
    .join(
        deal_links,
        sa.and_(
            deal_links.c.deal_id == holds.c.entity_id,
            deal_links.c.connection == holds.c.connection,
        ),
        isouter=True,
    )
)


def _hold(row: Row[Any]) -> Hold:
    return Hold(
        row.id,
        row.connection,
        row.entity_kind,
        row.entity_id,
        row.email or row.domain or row.name or "",
        row.object or "",
        row.field,
        row.remote,
        row.base,
        row.ours,
        row.theirs,
        row.why,
        row.state,
        row.since,
        row.choice,
        row.by,
        row.outcome,
        row.settled_at,
    )


# What a person says -------------------------------------------------------------------


def choice_event(
    hold: Hold, space: str, choice: str, *, by: str, now: datetime, value: JsonValue = None
) -> Event:
    """Return the event of a person's choice; it names the values that the person saw."""
    whose = f"{hold.entity_kind}_id"
    return Event(
        source=hold.connection,
        event_id=f"choice-{hold.id}-{to_text(now)}",
        kind=EventKind.CHOICE,
        payload={
            whose: hold.entity_id,
            "connection": hold.connection,
            "object": hold.object,
            "field": hold.field,
            "remote": hold.remote,
            "theirs": hold.theirs,
            "choice": choice,
            "value": value,
            "by": by,
        },
        occurred_at=now,
        received_at=now,
        space=space,
    )


def why_not(hold: Hold, choice: str, value: JsonValue, playbook: Playbook) -> str:
    """Return why a choice cannot be made, as far as can be told before it is decided; blank where it can."""
    if hold.state != "open":
        return f"It is settled already: {hold.outcome}."
    if choice not in CHOICES:
        return f"Choose one of: {', '.join(CHOICES)}."
    if choice != "value":
        return ""
    asked = {"connection": hold.connection, "object": hold.object, "remote": hold.remote}
    try:
        given = said(asked | {"choice": choice, "value": value}, playbook, NOBODY)
    except Unusable as wrong:
        return f"What you wrote {wrong.reason}."
    if hold.field not in given:
        return f"The map of {hold.connection} does not have {hold.remote} any more."
    if given[hold.field] is None:
        return "Write a value."
    if hold.field == "stage" and playbook.lifecycle.order(given["stage"]) < 0:
        return f"There is no stage {given['stage']}."
    return ""
