"""What a restored store may no longer rely on: the world went on after the backup.

The CRM has had writes and edits that the store knows nothing of. Each row of the outbox is
marked as in doubt, so its next delivery reads the record (or looks the person up) first; what
it finds differs from the shadow, comes back as an event and is merged three ways. So nothing a
person changed is overwritten by an old value, and nothing is made or sent a second time. What is
sent once and was open is in doubt, too: it is asked for by our key, or given up as unknown.
"""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from sync.tables import connections, leases, metadata, sessions

UNKNOWN: dict[str, list[object]] = {}  # in flight: nobody knows which values
ANY_LEASE = "restored"  # a token that nobody has
OPEN = ("waiting", "leased")  # states of what is sent once


def put_to_rest(connection: Connection, now: datetime, *, observe: bool = False) -> None:
    """Free what the processes of then held, and have every record read before it is written.

    Tables are known by their columns: what is leased to be sent, and what is linked with a shadow.
    ``observe`` switches every stored connection back to observing, as for a copy to try things on.
    """
    for table in metadata.sorted_tables:
        c = table.c
        if {"lease_token", "lease_until", "in_flight"} <= set(c.keys()):
            held = sa.update(table).where(c.lease_token.is_not(None))
            connection.execute(held.values(lease_token=ANY_LEASE, lease_until=now))
            sure = sa.update(table).where(c.in_flight.is_(None))
            connection.execute(
                (sure.where(c.state.in_(OPEN)) if "state" in c else sure).values(in_flight=UNKNOWN)
            )
        if {"shadow", "read_at"} <= set(c.keys()):
            connection.execute(sa.update(table).values(read_at=None))
    connection.execute(sa.delete(sessions))  # somebody may have been shut out since
    # A process that outlived the restore holds an epoch that is fenced off.
    connection.execute(sa.update(leases).values(epoch=leases.c.epoch + 1, until=now))
    if observe:
        connection.execute(sa.update(connections).values(mode="observe"))
