"""What results leave behind in the append-only ledgers and the review list."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mappings.playbook import Playbook
from model.decision import (
    AddActivity,
    AddTouch,
    AskReview,
    Assigned,
    DealMoved,
    EnterStage,
    GiveBack,
    NoteConsent,
    RecordConflict,
    SettleReview,
    SettleReviews,
    Way,
)
from sync import tables
from sync.result import Result

LEDGERS = (
    tables.touches,
    tables.activities,
    tables.stage_history,
    tables.assignments,
    tables.conflicts,
    tables.scores,
    tables.consents,
    tables.deal_outcomes,
)
INSERT = {table: sa.insert(table) for table in LEDGERS}


def rows_of(
    results: Sequence[Result], space: str, playbook: Playbook
) -> dict[sa.Table, list[dict[str, Any]]]:
    """Turn effects into rows of the append-only ledgers, table by table."""
    rows: dict[sa.Table, list[dict[str, Any]]] = {}
    for result in results:
        stored = result.stored
        whose = result.lead_id or result.account_id or result.deal_id
        base = {"space": space, "lead_id": whose, "event": stored.id, "at": stored.decided_at}
        for effect in result.effects:
            match effect:
                case AddTouch(at, fields):
                    table, row = tables.touches, {"at": at, "fields": dict(fields)}
                case AddActivity(kind, at, detail):
                    table, row = tables.activities, {"at": at, "kind": kind, "detail": detail[:400]}
                case EnterStage(stage, previous, by, number):
                    table, row = tables.stage_history, {"stage": stage, "previous": previous}
                    row |= {"by": by, "pass_number": number}
                case Assigned(owner, previous, pool, _, way):
                    row = {"owner": owner, "previous": previous, "pool": pool, "seq": stored.decided_seq}
                    table, row = tables.assignments, row | {"way": str(way)}
                case GiveBack(owner, pool):
                    row = {"owner": owner, "previous": None, "pool": pool, "seq": stored.decided_seq}
                    table, row = tables.assignments, row | {"way": str(Way.CREDIT)}
                case RecordConflict(name, field_name, kept, lost, rule):
                    table = tables.conflicts
                    row = {"connection": name, "field": field_name, "kept": kept, "lost": lost, "rule": rule}
                case NoteConsent(said):
                    table, row = tables.consents, asdict(said)
                case DealMoved():
                    rows.setdefault(tables.deal_outcomes, []).append(_outcome_row(result, effect, space))
                    continue
                case _:
                    continue
            rows.setdefault(table, []).append(base | row)
        if result.lead and result.lead.score != (result.before.score if result.before else 0):
            previous_score = result.before.score if result.before else 0
            row = {"score": result.lead.score, "previous": previous_score, "playbook": playbook.version}
            rows.setdefault(tables.scores, []).append(base | row)
    return rows


def _outcome_row(result: Result, moved: DealMoved, space: str) -> dict[str, Any]:
    return {
        "space": space,
        "deal_id": result.deal_id,
        "event": result.stored.id,
        "outcome": moved.outcome,
        "was": moved.previous,
        "amount": moved.amount,
        "currency": moved.currency,
        "reason": moved.reason,
        "leads": list(moved.leads),
        "account_id": moved.account_id,
        "since": moved.since,
        "at": result.stored.decided_at,
    }


def reviews_of(results: Sequence[Result], space: str) -> list[dict[str, Any]]:
    """Return what a person should look at; the same doubt about the same lead is one row while it is open."""
    rows = [
        _review_row(result, effect, space)
        for result in results
        for effect in result.effects
        if isinstance(effect, AskReview)
    ]
    return list({row["doubt"]: row for row in rows}.values())


def answer_reviews(connection: Connection, results: Sequence[Result]) -> None:
    """Note what people said of reviews that were open."""
    r = tables.reviews.c
    for result in results:
        for effect in result.effects:
            if isinstance(effect, SettleReview):
                which = sa.and_(r.id == effect.review, r.state == "open")
                connection.execute(sa.update(tables.reviews).where(which).values(state=effect.state))


def settled_reviews_of(results: Sequence[Result]) -> list[tuple[str, SettleReviews]]:
    """Return which reviews have answered themselves, with the lead they are about."""
    return [
        (result.lead_id, effect)
        for result in results
        for effect in result.effects
        if isinstance(effect, SettleReviews) and result.lead_id
    ]


def settle_reviews(connection: Connection, settled: Sequence[tuple[str, SettleReviews]]) -> None:
    """Close the open reviews of these leads and kinds."""
    r = tables.reviews.c
    whose = sorted({lead_id for lead_id, effect in settled if effect.records})
    asked = sa.select(r.lead_id).where(r.lead_id.in_(whose), r.state == "open").distinct()
    open_ones = set(connection.execute(asked).scalars()) if whose else set()
    for lead_id, effect in settled:
        if effect.records and lead_id not in open_ones:
            continue
        which = sa.and_(r.lead_id == lead_id, r.kind == effect.kind, r.state == "open")
        if effect.records:
            found = connection.execute(sa.select(r.id, r.detail).where(which))
            which = r.id.in_([row.id for row in found if effect.records.issuperset(_records(row.detail))])
        connection.execute(sa.update(tables.reviews).where(which).values(state="settled"))


def _records(detail: Mapping[str, Any]) -> Sequence[str]:
    return [str(one) for one in detail.get("records", ())]


def _review_row(result: Result, asked: AskReview, space: str) -> dict[str, Any]:
    lead_id = asked.lead_id or result.lead_id
    return {
        "space": space,
        "kind": asked.kind,
        "event": result.stored.id,
        "lead_id": lead_id,
        "detail": dict(asked.detail),
        "state": "open",
        "doubt": _doubt(asked, lead_id),
        "created_at": result.stored.decided_at,
    }


def _doubt(asked: AskReview, lead_id: str | None) -> str:
    """Return what tells a question from others; whether two leads are one person is one question.

    It comes up from either side: with a post that finds the other's record, and with a record that gets
    the other's address.
    """
    kind, about = asked.kind, dict(asked.detail)
    if kind in ("same_record", "same_person"):
        kind, lead_id, about["leads"] = "same_person", None, sorted(map(str, about["leads"]))
    text = tables.to_json([kind, lead_id, sorted(about.items())])
    return hashlib.sha256(text.encode()).hexdigest()
