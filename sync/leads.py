"""Leads and what hangs on them: loaded for a batch in a handful of queries, saved by version."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from model.errors import Conflict
from model.lead import Activity, Identity, Lead, Touch
from sync import links
from sync.provenance import provenance_from, provenance_row
from sync.statements import execute_many
from sync.tables import activities, identities, leads, touches

KEY_LENGTH = 200
CHUNK = 5_000  # values in one IN list; SQLite takes 32,766


def find(snapshot: Connection, space: str, keys: Iterable[Identity]) -> dict[Identity, str]:
    """Return which lead each of these keys belongs to; keys of nobody are left out."""
    by_kind: dict[str, list[str]] = {}
    for key in set(keys):
        by_kind.setdefault(key.kind, []).append(key.value)
    found: dict[Identity, str] = {}
    for kind, values in by_kind.items():
        for some in _chunks(values):
            rows = snapshot.execute(BY_IDENTITY, {"of_space": space, "of_kind": kind, "some": some})
            found |= {Identity(kind, value): lead_id for value, lead_id in rows}
        if kind == "record":  # what a source said of a record counts until the record is linked
            found |= _find_records(snapshot, space, values)
    return found


def _find_records(snapshot: Connection, space: str, values: Iterable[str]) -> dict[Identity, str]:
    """Return the leads behind ``connection/object/id`` keys; only their whole unique key is indexed."""
    by_object: dict[tuple[str, str], list[str]] = {}
    for value in values:
        connection, object_type, remote_id = value.split("/", 2)
        by_object.setdefault((connection, object_type), []).append(remote_id)
    found: dict[Identity, str] = {}
    for (connection, object_type), remote_ids in by_object.items():
        for some in _chunks(remote_ids):
            holders = links.LEADS.holders(snapshot, space, connection, object_type, some)
            for remote_id, lead_id in holders.items():
                found[Identity("record", f"{connection}/{object_type}/{remote_id}")] = lead_id
    return found


def load(snapshot: Connection, lead_ids: Iterable[str], *, ledgers: bool = True) -> dict[str, Lead]:
    """Return leads by id with their links and, if asked, identities, touches and activities."""
    wanted = sorted(set(lead_ids))
    loaded: dict[str, Lead] = {}
    for some in _chunks(wanted):
        loaded |= {row.id: _lead(row) for row in snapshot.execute(BY_ID, {"ids": some})}
        for lead_id, link in links.LEADS.of(snapshot, some):
            loaded[lead_id].links[link.connection] = link
        if not ledgers:
            continue
        for row in snapshot.execute(IDENTITIES, {"ids": some}):
            loaded[row.lead_id].identities.add(Identity(row.kind, row.value))
        for row in snapshot.execute(TOUCHES, {"ids": some}):
            loaded[row.lead_id].touches.append(Touch(row.at, row.fields))
        for row in snapshot.execute(ACTIVITIES, {"ids": some}):
            loaded[row.lead_id].activities.append(Activity(row.kind, row.at, row.detail))
    return loaded


def versions(connection: Connection, lead_ids: Sequence[str]) -> dict[str, int]:
    """Return the present version of each of these leads that there is."""
    return (
        {row.id: row.version for row in connection.execute(VERSIONS, {"ids": lead_ids})} if lead_ids else {}
    )


def _of_leads(table: sa.Table) -> sa.Select[Any]:
    return sa.select(table).where(table.c.lead_id.in_(sa.bindparam("ids", expanding=True)))


# Built once: building costs more than executing.
BY_IDENTITY = sa.select(identities.c.value, identities.c.lead_id).where(
    identities.c.space == sa.bindparam("of_space"),
    identities.c.kind == sa.bindparam("of_kind"),
    identities.c.value.in_(sa.bindparam("some", expanding=True)),
)
BY_ID = sa.select(leads).where(leads.c.id.in_(sa.bindparam("ids", expanding=True)))
VERSIONS = sa.select(leads.c.id, leads.c.version).where(leads.c.id.in_(sa.bindparam("ids", expanding=True)))
IDENTITIES = _of_leads(identities)
TOUCHES = _of_leads(touches).order_by(touches.c.id)
ACTIVITIES = _of_leads(activities).order_by(activities.c.id)
INSERT = sa.insert(leads)
UPDATE = sa.update(leads).where(leads.c.id == sa.bindparam("row"), leads.c.version == sa.bindparam("loaded"))
CLAIM = sa.insert(identities)


def _lead(row: Row[Any]) -> Lead:
    return Lead(
        id=row.id,
        space=row.space,
        unit=row.unit,
        fields=row.fields,
        provenance=provenance_from(row.provenance),
        created_at=row.created_at,
        version=row.version,
        is_test=row.is_test,
    )


def save(connection: Connection, changed: Sequence[Lead], loaded: Mapping[str, Lead], now: datetime) -> None:
    """Insert new leads and update known ones where nobody else has; raises ``Conflict``.

    ``loaded`` has the known ones as they were. What lists and searches go by is set only where
    it is another now: SQLite writes every index of a column that an UPDATE names, changed or
    not, and in a large store each is a page of its own.
    """
    new, known = [], []
    by_columns: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for lead in changed:
        if lead.version == 0:
            new.append(_row(lead, now) | _listed(lead) | _born(lead, now))
        else:
            before = _listed(loaded[lead.id])
            listed = {name: value for name, value in _listed(lead).items() if value != before[name]}
            known.append(_row(lead, now) | listed | {"row": lead.id, "loaded": lead.version})
    for row in known:
        by_columns.setdefault(tuple(row), []).append(row)
    execute_many(connection, INSERT, new)
    if sum(execute_many(connection, UPDATE, rows) for rows in by_columns.values()) != len(known):
        raise Conflict("a lead has changed since it was loaded")


def _row(lead: Lead, now: datetime) -> dict[str, Any]:
    return {
        "version": lead.version + 1,
        "fields": {name: value for name, value in lead.fields.items() if value is not None},
        "provenance": provenance_row(lead.provenance),
        "updated_at": now,
    }


def _listed(lead: Lead) -> dict[str, Any]:
    """Return what repeats ``fields`` for look-ups and lists: the columns with indexes."""
    return {
        "email": lead.fields.get("email"),
        "stage": lead.stage,
        "score": lead.score,
        "owner": lead.owner,
        "account_id": lead.fields.get("account"),
        **search_keys(lead.fields),
    }


def _born(lead: Lead, now: datetime) -> dict[str, Any]:
    """Return what never changes."""
    return {
        "id": lead.id,
        "space": lead.space,
        "unit": lead.unit,
        "is_test": lead.is_test,
        "created_at": lead.created_at or now,
    }


def search_keys(fields: Mapping[str, Any]) -> dict[str, str | None]:
    """Return what lists find a lead by, beside its e-mail."""
    first, last = search_key(fields.get("first_name")), search_key(fields.get("last_name"))
    return {
        "full_name": search_key(f"{first or ''} {last or ''}"),
        "last_name": last,
        "company": search_key(fields.get("company")),
    }


def search_key(value: Any) -> str | None:
    """Write a text as searches compare it: lower case, single spaces, nothing that a store refuses."""
    if not isinstance(value, str):
        return None
    folded = value.casefold()
    if not folded.isprintable():
        folded = "".join(mark if mark.isprintable() else " " for mark in folded)
    return " ".join(folded.split())[:KEY_LENGTH] or None


def claim(connection: Connection, space: str, claimed: Mapping[Identity, str]) -> None:
    """Store whose keys these are from now on; a key taken meanwhile is an ``IntegrityError``."""
    rows = [
        {"space": space, "kind": key.kind, "value": key.value, "lead_id": lead_id}
        for key, lead_id in claimed.items()
    ]
    execute_many(connection, CLAIM, rows)


def _chunks(values: Sequence[str]) -> Iterable[Sequence[str]]:
    return (values[start : start + CHUNK] for start in range(0, len(values), CHUNK))
