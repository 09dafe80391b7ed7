"""Writes what a batch proposed, what people answered, and what came about by itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from model.decision import AnswerProposal, ForgetLead, NoteRestored, OneShot, Propose, SeenAsOne, SeenGone
from model.event import RecordRef
from sync.database import insert_for
from sync.edges import effects
from sync.proposals import (
    ACCEPTED,
    ANSWERED,
    DELETE,
    DONE,
    FORGET,
    MERGE,
    OF_IT,
    OPEN,
    OVER,
    PLAYBOOK,
    REFUSED,
)
from sync.tables import outbox_effects, proposals

LONGEST, LONGEST_WHO = 200, 320  # characters that the columns hold
NOBODY = {"who": ""}  # once nobody is asked any more
KEY = ("space", "kind", "connection", "object", "record", "keep")  # what makes two proposals the same

_P, _E = proposals.c, outbox_effects.c


def save(connection: Connection, space: str, results: Iterable[Any], now: datetime) -> None:
    """Store what a batch proposed, what people answered, and what came about by itself, in that order."""
    new: list[dict[str, Any]] = []
    seen: list[SeenAsOne | SeenGone] = []
    for result in results:
        acts = {one.payload["proposal"]: one.key for one in result.effects if _is_deed(one)}
        for effect in result.effects:
            match effect:
                case Propose():
                    new.append(_row(space, result, effect, now))
                case AnswerProposal(number, accepts, by):
                    values = {
                        "state": ANSWERED[accepts],
                        "by": by[:128],
                        "settled_at": now,
                        "effect": acts.get(number, ""),
                    }
                    if not accepts:
                        values |= NOBODY
                    is_open = sa.and_(_P.space == space, _P.id == number, _P.state.in_((OPEN, ACCEPTED)))
                    connection.execute(sa.update(proposals).where(is_open).values(values))
                case SeenAsOne() | SeenGone():
                    seen.append(effect)
                case ForgetLead(lead_id):
                    _outlive(connection, space, lead_id)
                case NoteRestored(ref):
                    _propose(
                        connection, new, now
                    )  # what an event before it in the batch asked is taken back, too
                    new = []
                    _take_back(connection, space, result.lead_id, ref, now)
    _propose(connection, new, now)
    if seen and _is_any_named(connection, space, seen):
        for one in seen:
            _settle(connection, space, one, now)


def _propose(connection: Connection, new: Iterable[dict[str, Any]], now: datetime) -> None:
    for row in new:
        if row["state"] == ACCEPTED and (why := _why_not_at_once(connection, row)):
            effects.stop(connection, row["space"], [row["effect"]], why, now)
            row |= {"state": OPEN, "by": "", "effect": "", "settled_at": None}
        connection.execute(_proposing(connection, row["state"]), row)


def _why_not_at_once(connection: Connection, row: Mapping[str, Any]) -> str:
    """Return what stands against a deed of the playbook's own; blank for nothing.

    A person's no is kept, whatever the map says by now; and nothing is done twice side by side.
    """
    known = sa.select(_P.state, _E.state.label("progress")).join_from(
        proposals, outbox_effects, OF_IT, isouter=True
    )
    one = connection.execute(known.where(*(_P[name] == row[name] for name in KEY))).first()
    if one is None or one.state in (DONE, OVER, OPEN):
        return ""
    if one.state == REFUSED:
        return "somebody refused it before"
    return "" if one.progress == effects.WITHHELD else "it is being done already"


def _outlive(connection: Connection, space: str, lead_id: str) -> None:
    """Let what was agreed to be deleted be so though its lead is forgotten, with whom all else goes."""
    agreed = sa.and_(
        _P.space == space, _P.lead_id == lead_id, _P.kind == DELETE, _P.state == ACCEPTED, _P.effect != ""
    )
    for table, which in (
        (outbox_effects, sa.and_(_E.space == space, _E.key.in_(sa.select(_P.effect).where(agreed)))),
        (proposals, agreed),
    ):
        connection.execute(sa.update(table).where(which).values(lead_id=""))


def _is_any_named(connection: Connection, space: str, seen: Sequence[SeenAsOne | SeenGone]) -> bool:
    """Say whether anything at all is proposed about what a batch saw: mostly nothing is."""
    ids = sorted({one for each in seen for one in _ids(each)})
    asked = sa.select(_P.id).where(_P.space == space, *_is_about(ids)).limit(1)
    names = {_left(one).connection for one in seen}
    return any(connection.execute(asked.where(_P.connection == name)).first() for name in sorted(names))


def _ids(seen: SeenAsOne | SeenGone) -> frozenset[str]:
    return seen.ids if isinstance(seen, SeenAsOne) else frozenset({seen.record.id})


def _left(seen: SeenAsOne | SeenGone) -> RecordRef:
    return seen.left if isinstance(seen, SeenAsOne) else seen.record


def _is_about(ids: Sequence[str]) -> tuple[sa.ColumnElement[bool], ...]:
    return _P.state.in_((OPEN, ACCEPTED)), sa.or_(_P.record.in_(ids), _P.keep.in_(ids))


def _take_back(
    connection: Connection, space: str, lead_id: str | None, ref: RecordRef, now: datetime
) -> None:
    """Let go of what was asked because of a deletion that was taken back; the next one is asked of anew.

    What was agreed to is let go of as well, unless a call for it has begun.
    """
    text = f"{ref.object} {ref.id} is there again"
    asked = sa.and_(
        _P.space == space,
        _P.lead_id == lead_id,
        sa.or_(
            sa.and_(_P.kind == DELETE, _P.why == f"deleted in {ref.connection}"),
            sa.and_(_P.kind == FORGET, _P.connection == ref.connection),
        ),
    )
    agreed = connection.execute(sa.select(_P.effect).where(asked, _P.state == ACCEPTED, _P.effect != ""))
    keys = list(agreed.scalars())
    stopped = effects.stop(connection, space, keys, text, now) if keys else set()
    is_over = sa.or_(_P.state.in_((OPEN, REFUSED)), sa.and_(_P.state == ACCEPTED, _P.effect.in_(stopped)))
    values = {"state": OVER, "outcome": text, "settled_at": now, **NOBODY}
    connection.execute(sa.update(proposals).where(asked, is_over).values(values))


def _is_deed(effect: object) -> bool:
    return isinstance(effect, OneShot) and "proposal" in effect.payload


def _proposing(connection: Connection, state: str) -> sa.Insert:
    """Build the insert of a proposal.

    One that a person refused is asked anew on other grounds only; one that waits for a word waits on, unless
    the playbook gives it.
    """
    is_over = _P.state.in_((DONE, OVER) if state == OPEN else (DONE, OVER, OPEN, ACCEPTED))
    insert = insert_for(connection, proposals)
    anew = ("state", "since", "why", "event", "lead_id", "by", "outcome", "effect", "settled_at", "who")
    statement: sa.Insert = insert.on_conflict_do_update(
        index_elements=list(KEY),
        set_={name: insert.excluded[name] for name in anew},
        where=sa.or_(is_over, sa.and_(_P.state.in_((OPEN, REFUSED)), _P.why != insert.excluded.why)),
    )
    return statement


def _row(space: str, result: Any, effect: Propose, now: datetime) -> dict[str, Any]:
    ref, keep = effect.record, effect.keep
    deed = next((one.key for one in result.effects if _does(one, effect)), "")
    return {
        "space": space,
        "kind": effect.kind,
        "connection": ref.connection,
        "lead_id": result.lead_id or "",
        "event": result.stored.id,
        "object": ref.object,
        "record": ref.id,
        "keep_object": keep.object if keep else "",
        "keep": keep.id if keep else "",
        "why": effect.why[:LONGEST],
        "state": ACCEPTED if effect.accepted else OPEN,
        "since": now,
        "by": PLAYBOOK if effect.accepted else "",
        "outcome": "",
        "effect": deed if effect.accepted else "",
        "settled_at": now if effect.accepted else None,
        "who": effect.who[:LONGEST_WHO],
    }


def _does(effect: object, proposed: Propose) -> bool:
    return (
        isinstance(effect, OneShot)
        and effect.kind == proposed.kind
        and effect.target == proposed.record.connection
        and effect.payload.get("record") == [proposed.record.object, proposed.record.id]
    )


def _settle(connection: Connection, space: str, seen: SeenAsOne | SeenGone, now: datetime) -> None:
    """Close what has come about or cannot any more; what one of its records went into is asked of that."""
    ids = _ids(seen)
    asked = sa.select(_P.id, _P.kind, _P.record, _P.keep).where(
        _P.space == space, _P.connection == _left(seen).connection, *_is_about(sorted(ids))
    )
    for row in connection.execute(asked).all():
        if row.kind == FORGET:  # whatever becomes of the record, the lead is there
            continue
        if isinstance(seen, SeenGone):
            done = row.kind == DELETE
            text = f"{seen.record.object} {seen.record.id} was deleted"
            values: dict[str, Any] = {"state": DONE if done else OVER, "outcome": text}
        elif row.kind == MERGE and {row.record, row.keep} <= ids:
            values = {"state": DONE, "outcome": f"they are {seen.left.object} {seen.left.id} now"}
        else:
            values = {"state": OVER, "outcome": f"it became {seen.left.object} {seen.left.id}"}
            _ask_of_left(connection, row.id, seen, now)
        values |= {"settled_at": now, **NOBODY}
        connection.execute(sa.update(proposals).where(_P.id == row.id).values(values))


def _ask_of_left(connection: Connection, number: int, seen: SeenAsOne, now: datetime) -> None:
    """Propose a merge anew of what one of its two records went into."""
    old = connection.execute(sa.select(proposals).where(_P.id == number)).one()._asdict()
    if old["kind"] != MERGE:
        return
    left = {"object": seen.left.object, "record": seen.left.id}
    if old["keep"] in seen.ids:
        left = {"keep_object": seen.left.object, "keep": seen.left.id}
    anew = {**old, **left, "state": OPEN, "since": now, "by": "", "effect": "", "settled_at": None}
    del anew["id"]
    if (anew["object"], anew["record"]) != (anew["keep_object"], anew["keep"]):
        connection.execute(_proposing(connection, OPEN), anew)
