"""What the last look at the fields of each account found, and whether another one is due."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from sync.database import insert_for
from sync.tables import outbox_changes, schema_looks
from sync.tables.outbox import GIVEN_UP

REFUSALS = frozenset(
    {
        "INVALID_OPTION",
        "PROPERTY_DOESNT_EXIST",
        "READ_ONLY_VALUE",
        "INVALID_INTEGER",
        "INVALID_LONG",
        "INVALID_FIELD",
        "INVALID_FIELD_FOR_INSERT_UPDATE",
        "INVALID_TYPE",
        "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
        "REQUIRED_FIELD_MISSING",
        "STRING_TOO_LONG",
    }
)
"""Codes of the vendors (``sync.replays.advice``) by which a write is refused whose field is not as it was."""


@dataclass(frozen=True, slots=True)
class Look:
    """What one object lacked: each a fact and what to do; ``modified`` is the vendor's version of it."""

    modified: str
    findings: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Looked:
    """The last look at the fields of a connection."""

    at: datetime
    mark: str  # of the map and the address that it was for
    objects: Mapping[str, Look]

    @property
    def findings(self) -> list[tuple[str, str]]:
        """All that does not fit, each with what to do."""
        return [found for one in self.objects.values() for found in one.findings]


def load(snapshot: Connection, space: str) -> dict[str, Looked]:
    """Return the last look at each connection."""
    c = schema_looks.c
    found = {}
    for row in snapshot.execute(sa.select(schema_looks).where(c.space == space).order_by(c.connection)):
        objects = {
            name: Look(one["modified"], [(fact, fix) for fact, fix in one["findings"]])
            for name, one in row.objects.items()
        }
        found[row.connection] = Looked(row.at, row.mark, objects)
    return found


def save(connection: Connection, space: str, name: str, looked: Looked) -> None:
    """Keep a look in the place of the one before."""
    objects = {
        object_type: {"modified": one.modified, "findings": [list(found) for found in one.findings]}
        for object_type, one in looked.objects.items()
    }
    values = {"at": looked.at, "mark": looked.mark, "objects": objects}
    insert = insert_for(connection, schema_looks).values(space=space, connection=name, **values)
    connection.execute(insert.on_conflict_do_update(index_elements=["space", "connection"], set_=values))


def is_refused_since(snapshot: Connection, space: str, name: str, at: datetime) -> bool:
    """Say whether a write was given up since for a reason that lies in the account's fields."""
    o = outbox_changes.c
    asked = (
        sa.select(o.cause)
        .where(o.space == space, o.connection == name, GIVEN_UP, o.settled_at > at)
        .distinct()
    )
    return any(cause.partition(" ")[0] in REFUSALS for cause in snapshot.execute(asked).scalars())
