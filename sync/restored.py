"""What a restored store may no longer rely on: the world went on after the backup.

The CRM has had writes and edits that the store knows nothing of. Each row of the outbox is
marked as in doubt, so its next delivery reads the record (or looks the person up) first; what
it finds differs from the shadow, comes back as an event and is merged three ways. So nothing a
person changed is overwritten by an old value, and nothing is made or sent a second time.
"""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from sync.tables import connections, leases, links, outbox_changes, sessions

UNKNOWN: dict[str, list[object]] = {}  # in flight: nobody knows which values


def put_to_rest(connection: Connection, now: datetime, *, observe: bool = False) -> None:
    """Free what the processes of then held, and have every record read before it is written.

    ``observe`` switches every stored connection back to observing, as for a copy to try things on.
    """
    o = outbox_changes
    connection.execute(sa.update(o).values(lease_token=None, lease_until=None))
    connection.execute(sa.update(o).where(o.c.in_flight.is_(None)).values(in_flight=UNKNOWN))
    connection.execute(sa.update(links).values(read_at=None))
    connection.execute(sa.delete(sessions))  # somebody may have been shut out since
    # A process that outlived the restore holds an epoch that is fenced off.
    connection.execute(sa.update(leases).values(epoch=leases.c.epoch + 1, until=now))
    if observe:
        connection.execute(sa.update(connections).values(mode="observe"))
