"""Links: which remote record is which lead, account or deal, with what both sides last agreed on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from model.decision import EntityKind
from model.dispute import CALM, Dispute
from model.errors import Conflict
from model.event import JsonValue, RecordRef
from model.lead import Identity, Link
from sync import tables
from sync.disputes import disputes_from, disputes_row
from sync.statements import execute_many
from sync.written import written_from, written_row

KEPT = 3  # replaced values of a field


def record_key(ref: RecordRef) -> Identity:
    """Return the identity of a remote record."""
    return Identity("record", f"{ref.connection}/{ref.object}/{ref.id}")


@dataclass(frozen=True, slots=True)
class Agreed:
    """Values that a delivery made true on one record."""

    owner_id: str  # of the lead or the account
    ref: RecordRef
    values: Mapping[str, JsonValue]  # as the answer carries them, else as sent
    written: Mapping[str, JsonValue]  # what of them is ours
    is_read: bool = True  # all that the map names was seen, as in a new record or one read just before
    modified_at: datetime | None = (
        None  # the vendor's stamp of the record as it is now, where the answer tells
    )
    planned: Link | None = None  # the link with which the call was planned; None: there was none
    taken: tuple[str, ...] = ()  # fields whose value another record holds: it is not sent again


class LinkTable:
    """The links of leads, of accounts, or of deals; each has at most one on a connection."""

    def __init__(self, table: sa.Table, owner: str) -> None:
        # Built once: building costs more than executing.
        self._owner = owner
        held_by = table.c[owner].label("owner_id")
        ids: sa.BindParameter[str] = sa.bindparam("ids", expanding=True)
        self._of_owners = sa.select(table, held_by).where(table.c[owner].in_(ids))
        self._on = self._of_owners.where(table.c.connection.in_(sa.bindparam("on", expanding=True)))
        locked = self._of_owners.order_by(table.c[owner], table.c.connection).with_for_update()
        self._locked_revs = locked.with_only_columns(held_by, table.c.connection, table.c.rev)
        by_row = sa.select(held_by, table.c.connection, table.c.rev).where(table.c.id.in_(ids))
        self._locked_rows = by_row.order_by(table.c[owner], table.c.connection).with_for_update()
        self._by_record = sa.select(table.c.remote_id, held_by).where(
            table.c.space == sa.bindparam("of_space"),
            table.c.connection == sa.bindparam("of_connection"),
            table.c.object == sa.bindparam("of_object"),
            table.c.remote_id.in_(ids),
        )
        self._links_of_records = sa.select(table, held_by).where(
            table.c.space == sa.bindparam("of_space"),
            table.c.connection == sa.bindparam("of_connection"),
            table.c.object == sa.bindparam("of_object"),
            table.c.remote_id.in_(ids),
        )
        self._insert = sa.insert(table)
        is_as_loaded = sa.and_(
            table.c[owner] == sa.bindparam("of_owner"),
            table.c.connection == sa.bindparam("on"),
            table.c.rev == sa.bindparam("loaded"),
        )
        self._update = sa.update(table).where(is_as_loaded)
        self._remove = sa.delete(table).where(is_as_loaded)

    def of(self, snapshot: Connection, owner_ids: Sequence[str]) -> Iterable[tuple[str, Link]]:
        """Yield the links of these leads or accounts with their owner's id."""
        for row in snapshot.execute(self._of_owners, {"ids": owner_ids}):
            yield row.owner_id, _link(row)

    def connections_of(self, snapshot: Connection, owner_ids: Iterable[str]) -> set[tuple[str, str]]:
        """Return on which connections each of these has a record: (connection, owner's id)."""
        return {(link.connection, owner_id) for owner_id, link in self.of(snapshot, sorted(owner_ids))}

    def holders(
        self, snapshot: Connection, space: str, connection: str, object_type: str, remote_ids: Sequence[str]
    ) -> dict[str, str]:
        """Return whose these records are: remote id -> owner's id; those of nobody are left out."""
        names = {"of_space": space, "of_connection": connection, "of_object": object_type}
        rows = snapshot.execute(self._by_record, names | {"ids": remote_ids})
        return {row.remote_id: row.owner_id for row in rows}

    def held(self, snapshot: Connection, space: str, refs: Iterable[RecordRef]) -> dict[RecordRef, str]:
        """Return whose these records are; those of nobody are left out. A query for each object."""
        by_object: dict[tuple[str, str], set[str]] = {}
        for ref in refs:
            by_object.setdefault((ref.connection, ref.object), set()).add(ref.id)
        return {
            RecordRef(name, object_type, remote_id): owner
            for (name, object_type), ids in by_object.items()
            for remote_id, owner in self.holders(snapshot, space, name, object_type, sorted(ids)).items()
        }

    def of_records(
        self, snapshot: Connection, space: str, refs: Iterable[RecordRef]
    ) -> dict[RecordRef, tuple[str, Link]]:
        """Return the links of these records with their owner's id; records of nobody are left out."""
        by_object: dict[tuple[str, str], set[str]] = {}
        for ref in refs:
            by_object.setdefault((ref.connection, ref.object), set()).add(ref.id)
        found: dict[RecordRef, tuple[str, Link]] = {}
        for (name, object_type), ids in by_object.items():
            names = {"of_space": space, "of_connection": name, "of_object": object_type}
            for row in snapshot.execute(self._links_of_records, names | {"ids": sorted(ids)}):
                found[RecordRef(name, object_type, row.remote_id)] = row.owner_id, _link(row)
        return found

    def expect(self, connection: Connection, loaded: Iterable[tuple[str, Link]]) -> None:
        """Lock these links and see that each is as it was loaded; raises ``Conflict``.

        A decision that a CRM lacks nothing stands on what the link said: a delivery that settled
        since then may have written an older value over there. They are found by their rows: in a large
        store an index would be two more pages for each.
        """
        links = list(loaded)
        if not links:
            return
        rows = connection.execute(self._locked_rows, {"ids": sorted({link.row for _, link in links})})
        found = {(owner_id, name): rev for owner_id, name, rev in rows}
        if any(found.get((owner_id, link.connection)) != link.rev for owner_id, link in links):
            raise Conflict("a link has changed since it was loaded")

    def remove(self, connection: Connection, dropped: Iterable[tuple[str, Link]]) -> None:
        """Delete links where ``rev`` is as loaded; raises ``Conflict``."""
        rows = [{"of_owner": owner, "on": link.connection, "loaded": link.rev} for owner, link in dropped]
        if execute_many(connection, self._remove, rows) != len(rows):
            raise Conflict("a link has changed since it was loaded")

    def save(self, connection: Connection, space: str, changed: Iterable[tuple[str, Link]]) -> None:
        """Insert links (rev 0) and update known ones where ``rev`` is as loaded; raises ``Conflict``."""
        new, known = [], []
        for owner_id, link in changed:
            if link.rev == 0:
                new.append(_values(link) | {"space": space, self._owner: owner_id})
            else:
                known.append(
                    _values(link) | {"of_owner": owner_id, "on": link.connection, "loaded": link.rev}
                )
        execute_many(connection, self._insert, new)
        known.sort(key=lambda row: (row["of_owner"], row["on"]))  # in the order that ``agree`` locks them
        if execute_many(connection, self._update, known) != len(known):
            raise Conflict("a link has changed since it was loaded")

    def agree(
        self,
        connection: Connection,
        space: str,
        deals: Sequence[Agreed],
        at: datetime,
        *,
        read_at: datetime,
    ) -> tuple[list[Agreed], list[RecordRef]]:
        """Bring shadows up to what was delivered by now (``at``); the calls began at ``read_at``.

        Return what was agreed on with those who have not let go of the record meanwhile, and the records
        of which it may be an older word. The row is read and written in one transaction (locked on
        PostgreSQL), so a decider that loaded it before sees its ``rev`` miss and takes again. One that has
        merged a read of the record while the call was in the air has saved what it held before the write,
        or what it has held since.
        """
        ids = [deal.owner_id for deal in deals]
        if connection.dialect.name != "sqlite":  # whose one writer locks everything
            connection.execute(self._locked_revs, {"ids": ids}).all()
        on = sorted({deal.ref.connection for deal in deals})
        rows = connection.execute(self._on, {"ids": ids, "on": on})
        known = {(row.owner_id, row.connection): _link(row) for row in rows}
        linked, changed, doubtful = [], [], []
        for deal in deals:
            link = known.get((deal.owner_id, deal.ref.connection))
            if link is None and deal.planned is not None:
                continue  # it was let go of meanwhile
            linked.append(deal)
            if link and (link.object, link.remote_id) != (deal.ref.object, deal.ref.id):
                continue  # it was linked to another record meanwhile; this one has no say any more
            if link is None and deal.taken:
                continue  # it was unlinked meanwhile, and nothing was written
            if link and _may_be_older(deal, link):
                doubtful.append(deal.ref)
            before = link or Link(deal.ref.connection, deal.ref.object, deal.ref.id, {}, {})
            now = replace(
                before,
                shadow={**before.shadow, **deal.values},
                written={**before.written, **deal.written},
                read_at=later(before.read_at, read_at) if deal.is_read else before.read_at,
                modified_at=later(before.modified_at, deal.modified_at),
                wrote_at=at if deal.written else before.wrote_at,
                recent=_replaced(before, deal.written),
                disputes=_with_taken(before, deal.taken),
            )
            changed.append((deal.owner_id, now))
        self.save(connection, space, changed)
        return linked, doubtful


def _may_be_older(deal: Agreed, link: Link) -> bool:
    """Say whether a version that may be later than what was delivered was merged meanwhile."""
    if deal.planned is not None and deal.planned.rev == link.rev:
        return False
    if deal.modified_at and link.modified_at and deal.modified_at > link.modified_at:
        return False
    before = deal.planned.shadow if deal.planned else {}
    return any(link.shadow.get(name) not in (value, before.get(name)) for name, value in deal.values.items())


def later(one: datetime | None, other: datetime | None) -> datetime | None:
    """Return the later of two moments that may not be known."""
    return max(filter(None, (one, other)), default=None)


def _with_taken(before: Link, names: Sequence[str]) -> Mapping[str, Dispute]:
    taken = {name: replace(before.disputes.get(name, CALM), is_taken=True) for name in names}
    return {**before.disputes, **taken}


def _replaced(before: Link, written: Mapping[str, JsonValue]) -> dict[str, Sequence[JsonValue]]:
    """Return the last values that writes of ours have replaced, field by field.

    A read that was on its way meanwhile, or a search that lags, may still show one of them: that is no
    change of anybody's.
    """
    recent = dict(before.recent)
    for name, value in written.items():
        held = before.shadow.get(name)
        if held is not None and held != value:
            recent[name] = [*(one for one in recent.get(name, ()) if one != held), held][-KEPT:]
    return recent


def _link(row: Row[Any]) -> Link:
    return Link(
        connection=row.connection,
        object=row.object,
        remote_id=row.remote_id,
        shadow=row.shadow,
        written=written_from(row.written, row.shadow),
        rev=row.rev,
        read_at=row.read_at,
        aliases=tuple(row.aliases),
        disputes=disputes_from(row.disputes) if row.disputes else {},
        modified_at=row.modified_at,
        wrote_at=row.wrote_at,
        recent=row.recent,
        gone_at=row.gone_at,
        row=row.id,
    )


def _values(link: Link) -> dict[str, Any]:
    return {
        "connection": link.connection,
        "object": link.object,
        "remote_id": link.remote_id,
        "shadow": dict(link.shadow),
        "written": written_row(link.written, link.shadow),
        "aliases": list(link.aliases),
        "disputes": disputes_row(link.disputes),
        "rev": link.rev + 1,
        "read_at": link.read_at,
        "modified_at": link.modified_at,
        "wrote_at": link.wrote_at,
        "recent": dict(link.recent),
        "gone_at": link.gone_at,
    }


LEADS = LinkTable(tables.links, "lead_id")
ACCOUNTS = LinkTable(tables.account_links, "account_id")
DEALS = LinkTable(tables.deal_links, "deal_id")


def of_kind(kind: EntityKind) -> LinkTable:
    """Return the links of those whom an outbox row of this kind is about."""
    match kind:
        case EntityKind.ACCOUNT:
            return ACCOUNTS
        case EntityKind.DEAL | EntityKind.PARTIES:
            return DEALS
        case _:
            return LEADS


def of_records(snapshot: Connection, space: str, refs: Iterable[RecordRef]) -> dict[RecordRef, Link]:
    """Return the links of these records, whoever's they are."""
    wanted = list(refs)
    found: dict[RecordRef, tuple[str, Link]] = {}
    for table in (LEADS, ACCOUNTS, DEALS):
        found |= table.of_records(snapshot, space, wanted)
    return {ref: link for ref, (_, link) in found.items()}
