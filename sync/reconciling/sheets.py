"""How many on each side, and what accounts for them: every line adds up, the rest is unexplained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mappings.playbook import CrmMap
from sync import cursors
from sync.cursors import BACKFILL
from sync.tables import account_links, deal_links, inbox_events, links, mirror

Sheet = dict[str, Any]
"""``of``, ``there`` or ``here`` with its ``total``, ``lines`` of [words, number], and ``unexplained``."""


def records(snapshot: Connection, space: str, crm: CrmMap, object_type: str, there: int) -> Sheet:
    """Account for the records that the CRM says it has of an object.

    ``there`` was counted just before; what came or went meanwhile is left unexplained for a while.
    """
    values = {"of_space": space, "of_connection": crm.connection, "of_object": object_type}
    table, linked_to, others_are = _held(crm, object_type)
    mirrored = int(snapshot.execute(_mirrored(table), values).scalar_one())
    linked, converted = (int(one or 0) for one in snapshot.execute(_joined(table), values).one())
    unmirrored = int(snapshot.execute(_unmirrored(table), values).scalar_one())
    deciding = int(snapshot.execute(_deciding(table), values).scalar_one())
    others = mirrored - linked - converted - deciding
    lines: list[list[Any]] = [
        [linked_to, linked],
        ["converted into another record", converted],
        ["read, and about to be decided", deciding],
        [others_are, others],
        ["linked, and not yet met by a walk or a poll", unmirrored],
    ]
    rest = there - mirrored - unmirrored
    walk = cursors.find(snapshot, space, crm.connection, BACKFILL, object_type)
    if rest > 0 and (walk is None or walk.finished_at is None):
        lines.append(["not read yet: the backfill has not come to its end", rest])
        rest = 0
    return {
        "of": object_type,
        "side": crm.connection,
        "total": there,
        "mirrored": mirrored,
        "lines": [line for line in lines if line[1]],
        "unexplained": rest,
    }


def _held(crm: CrmMap, object_type: str) -> tuple[sa.Table, str, str]:
    """Return the table of an object's links, and what those are that are linked, and the others."""
    if crm.account is not None and object_type == crm.account.object:
        return account_links, "linked to an account", "nobody's: companies of which no lead is known here"
    if crm.is_deal(object_type):
        why = "of nobody who is known here" if crm.adopts_deals else "deals are not adopted"
        return deal_links, "linked to a deal", f"nobody's: {why}"
    return links, "linked to a lead", _whose(crm, object_type)


def _whose(crm: CrmMap, object_type: str) -> str:
    if object_type not in crm.match:
        return "nobody's: the map leaves the object out"
    if not crm.adopts:
        return "nobody's: people who are born there are not adopted"
    rule = f", or not as the map adopts ({crm.adopt_when.text})" if crm.adopt_when else ""
    return f"nobody's: there before they could be adopted{rule}"


def linked(snapshot: Connection, space: str, name: str, table: sa.Table) -> Mapping[str, int]:
    """Return how many links of a table are to a record that is there, and how many to one that is gone."""
    rows = snapshot.execute(_by_fate(table), {"of_space": space, "of_connection": name})
    found = {bool(is_gone): int(number) for is_gone, number in rows}
    return {"linked": found.get(False, 0), "gone": found.get(True, 0)}


def here(of: str, total: int, found: Mapping[str, int], reasons: Mapping[str, int], missing: int) -> Sheet:
    """Account for what is kept here, by what it has in the CRM, or why it has none.

    ``missing`` are those that should have a record and have nothing under way.
    """
    lines: list[list[Any]] = [
        ["have a record there", found["linked"]],
        ["had one that was deleted there: not made anew", found["gone"]],
        *([words, count] for words, count in sorted(reasons.items())),
        ["should have one, and nothing is on its way", missing],
    ]
    return {
        "of": of,
        "side": "leadrelay",
        "total": total,
        "missing": missing,
        "lines": [line for line in lines if line[1]],
        "unexplained": total - sum(line[1] for line in lines),
    }


def _place(table: sa.Table) -> Sequence[sa.ColumnElement[bool]]:
    return [table.c[name] == sa.bindparam(f"of_{name}") for name in ("space", "connection")]


def _to(table: sa.Table) -> sa.ColumnElement[bool]:
    names = ("space", "connection", "object", "remote_id")
    return sa.and_(*(table.c[name] == mirror.c[name] for name in names))


def _joined(table: sa.Table) -> sa.Select[Any]:
    """Live records that are linked, and others that became something.

    A deletion is believed as soon as the link knows of it: the mirror learns of it with its next walk.
    """
    is_linked = table.c.id.is_not(None)
    return (
        sa.select(
            sa.func.sum(sa.case((is_linked, 1), else_=0)),
            sa.func.sum(sa.case((sa.and_(~is_linked, mirror.c.became.is_not(None)), 1), else_=0)),
        )
        .select_from(mirror.outerjoin(table, _to(table)))
        .where(*_place(mirror), mirror.c.object == sa.bindparam("of_object"), mirror.c.is_archived.is_(False))
        .where(table.c.gone_at.is_(None))
    )


def _mirrored(table: sa.Table) -> sa.Select[Any]:
    """Records of which neither the mirror nor a link says that they were deleted."""
    is_gone = sa.exists().where(_to(table), table.c.gone_at.is_not(None)).correlate(mirror)
    return (
        sa.select(sa.func.count())
        .select_from(mirror)
        .where(*_place(mirror), mirror.c.object == sa.bindparam("of_object"), mirror.c.is_archived.is_(False))
        .where(~is_gone)
    )


def _unmirrored(table: sa.Table) -> sa.Select[Any]:
    is_mirrored = sa.exists().where(_to(table), mirror.c.is_archived.is_(False)).correlate(table)
    return (
        sa.select(sa.func.count())
        .select_from(table)
        .where(*_place(table), table.c.object == sa.bindparam("of_object"))
        .where(table.c.gone_at.is_(None), ~is_mirrored)
    )


def _deciding(table: sa.Table) -> sa.Select[Any]:
    """Live records of nobody of which an event waits."""
    e = inbox_events.c
    is_linked = sa.exists().where(_to(table)).correlate(mirror)
    return (
        sa.select(sa.func.count(sa.distinct(e.record_id)))
        .select_from(inbox_events)
        .join(
            mirror,
            sa.and_(
                mirror.c.space == e.space,
                mirror.c.connection == e.record_connection,
                mirror.c.object == e.record_object,
                mirror.c.remote_id == e.record_id,
            ),
        )
        .where(
            e.space == sa.bindparam("of_space"),
            sa.text("inbox_events.state = 'waiting'"),
            e.record_connection == sa.bindparam("of_connection"),
            e.record_object == sa.bindparam("of_object"),
            mirror.c.is_archived.is_(False),
            mirror.c.became.is_(None),
            ~is_linked,
        )
    )


def _by_fate(table: sa.Table) -> sa.Select[Any]:
    is_gone = table.c.gone_at.is_not(None).label("is_gone")
    statement = sa.select(is_gone, sa.func.count()).where(*_place(table)).group_by(is_gone)
    return cast("sa.Select[Any]", statement)
