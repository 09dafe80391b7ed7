"""Deals with their links and who takes part: loaded for a batch in a few queries, saved by version."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from model.deal import Deal, Party, Standing, party_id
from model.errors import Conflict
from sync import links
from sync.provenance import provenance_from, provenance_row
from sync.statements import execute_many
from sync.tables import deal_links, deal_parties, deals, mirror, mirror_keys

LONGEST_NAME = 255  # as lists show it; ``fields`` has it whole
CHUNK = 5_000  # values in one IN list; SQLite takes 32,766


def load(snapshot: Connection, deal_ids: Iterable[str]) -> dict[str, Deal]:
    """Return deals by id with their links and parties; those that are not there are left out."""
    wanted = sorted(set(deal_ids))
    loaded: dict[str, Deal] = {}
    for start in range(0, len(wanted), CHUNK):
        some = wanted[start : start + CHUNK]
        found = {row.id: _deal(row) for row in snapshot.execute(BY_ID, {"ids": some})}
        if not found:
            continue
        for deal_id, link in links.DEALS.of(snapshot, list(found)):
            found[deal_id].links[link.connection] = link
        parties: dict[str, list[Party]] = {}
        for row in snapshot.execute(PARTIES_OF, {"ids": list(found)}):
            one = Party(row.lead_id or row.account_id, row.is_primary, is_account=row.lead_id is None)
            parties.setdefault(row.deal_id, []).append(one)
        for deal_id, some_parties in parties.items():
            found[deal_id].parties = tuple(some_parties)
        loaded |= found
    return loaded


def names_with(snapshot: Connection, party_ids: Iterable[str]) -> list[tuple[str, str, str]]:
    """Return the deals in which these leads or accounts take part: (whose, id, name)."""
    return [tuple(row) for row in _of_each(snapshot, party_ids, (NAMES_WITH_LEADS, NAMES_WITH_ACCOUNTS))]


def standings(snapshot: Connection, lead_ids: Iterable[str]) -> list[tuple[str, Standing]]:
    """Return how the deals stand in which these leads take part, those that count: (whose, standing)."""
    rows = _of_each(snapshot, lead_ids, (STANDINGS,))
    return [(row.lead_id, Standing(row.id, row.outcome, row.stage, row.closed_at)) for row in rows]


def one_of(snapshot: Connection, lead_ids: Iterable[str]) -> dict[str, str]:
    """Return one deal of each of these leads who takes part in any: lead id -> deal id."""
    return {row.lead_id: row.deal_id for row in _of_each(snapshot, lead_ids, (ONE_OF,))}


def _of_each(
    snapshot: Connection, ids: Iterable[str], statements: Iterable[sa.Select[Any]]
) -> Iterator[Row[Any]]:
    asked = sorted(set(ids))
    for start in range(0, len(asked), CHUNK):
        for statement in statements:
            yield from snapshot.execute(statement, {"ids": asked[start : start + CHUNK]})


def of_parties(snapshot: Connection, party_ids: Iterable[str]) -> list[str]:
    """Return the ids of the deals in which these leads or accounts take part."""
    return sorted({row.deal_id for row in _of_each(snapshot, party_ids, (OF_LEADS, OF_ACCOUNTS))})


def by_party(snapshot: Connection, party_ids: Iterable[str]) -> dict[str, list[str]]:
    """Return the ids of the deals in which each of these leads or accounts takes part."""
    found: dict[str, list[str]] = {}
    for statement in (BY_LEADS, BY_ACCOUNTS):
        for whose, deal_id in snapshot.execute(statement, {"ids": sorted(set(party_ids))}):
            found.setdefault(whose, []).append(deal_id)
    return found


def versions(connection: Connection, deal_ids: Sequence[str]) -> dict[str, int]:
    """Return the present version of each of these deals that there is."""
    if not deal_ids:
        return {}
    return {row.id: row.version for row in connection.execute(VERSIONS, {"ids": deal_ids})}


def save(connection: Connection, changed: Sequence[Deal], currency: str, now: datetime) -> None:
    """Insert new deals and update known ones where nobody else has, with their parties; raises ``Conflict``.

    ``currency`` is what the amounts of those are in of which nobody says it.
    """
    new = [_row(deal, currency, now) for deal in changed if deal.version == 0]
    known = [
        _row(one, currency, now) | {"row": one.id, "loaded": one.version} for one in changed if one.version
    ]
    execute_many(connection, INSERT, new)
    if execute_many(connection, UPDATE, known) != len(known):
        raise Conflict("a deal has changed since it was loaded")
    if changed:
        connection.execute(FORGET_PARTIES, {"ids": [deal.id for deal in changed]})
        execute_many(connection, INSERT_PARTY, [row for deal in changed for row in _party_rows(deal)])


def take_over(connection: Connection, lead_id: str, into: str) -> None:
    """Let a lead take part where one did that is taken into it; each deal has it once."""
    ours = deal_parties.alias()
    is_there = sa.exists().where(ours.c.deal_id == deal_parties.c.deal_id, ours.c.lead_id == into)
    theirs = deal_parties.c.lead_id == lead_id
    connection.execute(sa.delete(deal_parties).where(theirs, is_there))
    connection.execute(sa.update(deal_parties).where(theirs).values(lead_id=into))


def naming(
    snapshot: Connection, space: str, connection: str, deal_object: str, kind: str, ids: Iterable[str]
) -> list[str]:
    """Return the mirrored deals that name one of these; ``kind`` is "person" or "company"."""
    found: set[str] = set()
    names = {"of_space": space, "of_connection": connection, "of_object": deal_object, "of_kind": kind}
    asked = sorted(set(ids))
    for start in range(0, len(asked), CHUNK):
        found.update(snapshot.execute(NAMING, names | {"some": asked[start : start + CHUNK]}).scalars())
    return sorted(found)


# Built once: building costs more than executing.
_IDS: sa.BindParameter[str] = sa.bindparam("ids", expanding=True)
BY_ID = sa.select(deals).where(deals.c.id.in_(_IDS))
VERSIONS = BY_ID.with_only_columns(deals.c.id, deals.c.version)
PARTIES_OF = (
    sa.select(deal_parties)
    .where(deal_parties.c.deal_id.in_(_IDS))
    .order_by(deal_parties.c.deal_id, deal_parties.c.place)
)
OF_LEADS = sa.select(deal_parties.c.deal_id).where(deal_parties.c.lead_id.in_(_IDS))
OF_ACCOUNTS = sa.select(deal_parties.c.deal_id).where(deal_parties.c.account_id.in_(_IDS))
BY_LEADS = OF_LEADS.with_only_columns(deal_parties.c.lead_id, deal_parties.c.deal_id)
BY_ACCOUNTS = OF_ACCOUNTS.with_only_columns(deal_parties.c.account_id, deal_parties.c.deal_id)
ONE_OF = (
    sa.select(deal_parties.c.lead_id, sa.func.min(deal_parties.c.deal_id).label("deal_id"))
    .where(deal_parties.c.lead_id.in_(_IDS))
    .group_by(deal_parties.c.lead_id)
)
NAMES_WITH_LEADS, NAMES_WITH_ACCOUNTS = (
    sa.select(whose, deals.c.id, deals.c.name)
    .join_from(deal_parties, deals, deals.c.id == deal_parties.c.deal_id)
    .where(whose.in_(_IDS))
    for whose in (deal_parties.c.lead_id, deal_parties.c.account_id)
)
_IS_LINKED = sa.exists().where(deal_links.c.deal_id == deals.c.id).correlate(deals)
_IS_THERE = (
    sa.exists().where(deal_links.c.deal_id == deals.c.id, deal_links.c.gone_at.is_(None)).correlate(deals)
)
STANDINGS = (
    sa.select(deal_parties.c.lead_id, deals.c.id, deals.c.outcome, deals.c.stage, deals.c.closed_at)
    .join_from(deal_parties, deals, deals.c.id == deal_parties.c.deal_id)
    .where(deal_parties.c.lead_id.in_(_IDS), sa.or_(_IS_THERE, ~_IS_LINKED))  # as ``Deal.is_gone``
)
INSERT = sa.insert(deals)
UPDATE = sa.update(deals).where(deals.c.id == sa.bindparam("row"), deals.c.version == sa.bindparam("loaded"))
FORGET_PARTIES = sa.delete(deal_parties).where(deal_parties.c.deal_id.in_(_IDS))
INSERT_PARTY = sa.insert(deal_parties)
NAMING = (
    sa.select(mirror_keys.c.remote_id)
    .join(
        mirror,
        sa.and_(
            *(
                mirror.c[name] == mirror_keys.c[name]
                for name in ("space", "connection", "object", "remote_id")
            )
        ),
    )
    .where(
        mirror_keys.c.space == sa.bindparam("of_space"),
        mirror_keys.c.connection == sa.bindparam("of_connection"),
        mirror_keys.c.kind == sa.bindparam("of_kind"),
        mirror_keys.c.value.in_(sa.bindparam("some", expanding=True)),
        mirror_keys.c.object == sa.bindparam("of_object"),
        mirror.c.is_archived.is_(False),
    )
)


def _deal(row: Row[Any]) -> Deal:
    return Deal(
        id=row.id,
        space=row.space,
        fields=row.fields,
        provenance=provenance_from(row.provenance),
        closed_at=row.closed_at,
        created_at=row.created_at,
        version=row.version,
    )


def _row(deal: Deal, currency: str, now: datetime) -> dict[str, Any]:
    return {
        "id": deal.id,
        "space": deal.space,
        "version": deal.version + 1,
        "name": str(deal.get("name") or "")[:LONGEST_NAME],
        "stage": str(deal.get("stage") or ""),
        "owner": deal.get("owner"),
        "outcome": deal.outcome,
        "amount": deal.get("amount"),
        "currency": _currency(deal, currency),
        "fields": {name: value for name, value in deal.fields.items() if value is not None},
        "provenance": provenance_row(deal.provenance),
        "closed_at": deal.closed_at,
        "created_at": deal.created_at or now,
        "updated_at": now,
    }


def _currency(deal: Deal, usual: str) -> str:
    return str(deal.get("currency") or usual)[:3]


def _party_rows(deal: Deal) -> list[Mapping[str, Any]]:
    return [
        {
            "id": party_id(deal.id, party.id),
            "space": deal.space,
            "deal_id": deal.id,
            "lead_id": None if party.is_account else party.id,
            "account_id": party.id if party.is_account else None,
            "is_primary": party.is_primary,
            "place": place,
        }
        for place, party in enumerate(deal.parties)
    ]
