"""Links: which remote record is which lead, with what both sides last agreed on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from model.errors import Conflict
from model.event import JsonValue, RecordRef
from model.lead import Identity, Link
from sync.statements import execute_many
from sync.tables import links


def record_key(ref: RecordRef) -> Identity:
    """Return the identity of a remote record."""
    return Identity("record", f"{ref.connection}/{ref.object}/{ref.id}")


def of_leads(snapshot: Connection, lead_ids: Sequence[str]) -> Iterable[tuple[str, Link]]:
    """Yield the links of these leads with the lead's id."""
    for row in snapshot.execute(OF_LEADS, {"ids": lead_ids}):
        yield row.lead_id, _link(row)


def _link(row: Row[Any]) -> Link:
    return Link(
        connection=row.connection,
        object=row.object,
        remote_id=row.remote_id,
        shadow=row.shadow,
        written=row.written,
        rev=row.rev,
        read_at=row.read_at,
        aliases=tuple(row.aliases),
    )


def _values(link: Link) -> dict[str, Any]:
    return {
        "connection": link.connection,
        "object": link.object,
        "remote_id": link.remote_id,
        "shadow": dict(link.shadow),
        "written": dict(link.written),
        "aliases": list(link.aliases),
        "rev": link.rev + 1,
        "read_at": link.read_at,
    }


def expect(connection: Connection, revs: Mapping[tuple[str, str], int]) -> None:
    """Lock these links and see that each is as it was loaded; raises ``Conflict``.

    A decision that a CRM lacks nothing stands on what the link said: a delivery that settled
    since then may have written an older value over there.
    """
    if not revs:
        return
    rows = connection.execute(LOCKED_REVS, {"ids": sorted({lead_id for lead_id, _ in revs})})
    found = {(lead_id, name): rev for lead_id, name, rev in rows}
    if any(found.get(key) != rev for key, rev in revs.items()):
        raise Conflict("a link has changed since it was loaded")


def remove(connection: Connection, dropped: Iterable[tuple[str, Link]]) -> None:
    """Delete links of leads where ``rev`` is as loaded; raises ``Conflict``."""
    rows = [{"of_lead": lead_id, "on": link.connection, "loaded": link.rev} for lead_id, link in dropped]
    if execute_many(connection, REMOVE, rows) != len(rows):
        raise Conflict("a link has changed since it was loaded")


def save(connection: Connection, space: str, changed: Iterable[tuple[str, Link]]) -> None:
    """Insert links (rev 0) and update known ones where ``rev`` is as loaded; raises ``Conflict``."""
    new, known = [], []
    for lead_id, link in changed:
        if link.rev == 0:
            new.append(_values(link) | {"space": space, "lead_id": lead_id})
        else:
            known.append(_values(link) | {"of_lead": lead_id, "on": link.connection, "loaded": link.rev})
    execute_many(connection, INSERT, new)
    known.sort(key=lambda row: (row["of_lead"], row["on"]))  # in the order that ``agree`` locks them
    if execute_many(connection, UPDATE, known) != len(known):
        raise Conflict("a link has changed since it was loaded")


# Built once: building costs more than executing.
OF_LEADS = sa.select(links).where(links.c.lead_id.in_(sa.bindparam("ids", expanding=True)))
OF_CONNECTIONS = OF_LEADS.where(links.c.connection.in_(sa.bindparam("on", expanding=True)))
LOCKED = OF_LEADS.order_by(links.c.lead_id, links.c.connection).with_for_update()
LOCKED_REVS = LOCKED.with_only_columns(links.c.lead_id, links.c.connection, links.c.rev)
INSERT = sa.insert(links)
IS_AS_LOADED = sa.and_(
    links.c.lead_id == sa.bindparam("of_lead"),
    links.c.connection == sa.bindparam("on"),
    links.c.rev == sa.bindparam("loaded"),
)
UPDATE = sa.update(links).where(IS_AS_LOADED)
REMOVE = sa.delete(links).where(IS_AS_LOADED)


@dataclass(frozen=True, slots=True)
class Agreed:
    """Values that a delivery made true on one record."""

    lead_id: str
    ref: RecordRef
    values: Mapping[str, JsonValue]  # as the answer carries them, else as sent
    written: Mapping[str, JsonValue]  # what of them is ours
    is_read: bool = True  # all that the map names was seen, as in a new record or one read just before


def agree(connection: Connection, space: str, deals: Sequence[Agreed], at: datetime) -> None:
    """Bring shadows up to what was delivered.

    The row is read and written in one transaction (locked on PostgreSQL), so a decider
    that loaded it before sees its ``rev`` miss and takes again.
    """
    ids = [deal.lead_id for deal in deals]
    if connection.dialect.name != "sqlite":  # whose one writer locks everything
        connection.execute(LOCKED_REVS, {"ids": ids}).all()
    on = sorted({deal.ref.connection for deal in deals})
    rows = connection.execute(OF_CONNECTIONS, {"ids": ids, "on": on})
    known = {(row.lead_id, row.connection): _link(row) for row in rows}
    changed = []
    for deal in deals:
        link = known.get((deal.lead_id, deal.ref.connection))
        if link and (link.object, link.remote_id) != (deal.ref.object, deal.ref.id):
            continue  # the lead was linked to another record meanwhile; this one has no say any more
        before = link or Link(deal.ref.connection, deal.ref.object, deal.ref.id, {}, {})
        now = Link(
            connection=deal.ref.connection,
            object=deal.ref.object,
            remote_id=deal.ref.id,
            shadow={**before.shadow, **deal.values},
            written={**before.written, **deal.written},
            rev=before.rev,
            read_at=at if deal.is_read else before.read_at,
            aliases=before.aliases,
        )
        changed.append((deal.lead_id, now))
    save(connection, space, changed)
