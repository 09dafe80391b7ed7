"""The first step of a delivery: lease due rows and say what each needs sent."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial

from sqlalchemy.engine import Connection

from model.decision import EntityKind
from model.priority import Priority
from sync import outbox
from sync.delivery.planning import look, plan
from sync.delivery.target import Claimed, Sending, Target
from sync.doubt import with_sent
from sync.leases import new_token
from sync.outbox import Claim, Unsent
from sync.people import People

OTHERS_TURN = 10  # one claim of so many begins with the last priority, so that none is left out for good


def claim(target: Target, last: Priority = Priority.BACKFILL) -> Claimed | None:
    """Lease due rows with the values about to be sent; rows with nothing to send are settled at once.

    ``None`` when nothing of the priority ``last`` or before it is due. One thread of a process claims at a
    time.
    """
    while planned := _plan_due(target, last):
        now, token = target.clock.now(), new_token(target.mark)
        sendings = [item for item in planned if isinstance(item, Sending)]
        ours = target.store.write(partial(_lease, target=target, planned=planned, token=token, now=now))
        mine = [sending for sending in sendings if sending.row.id in ours]
        if sendings:
            return Claimed(token, mine, now) if mine else None
    return None


def _plan_due(target: Target, last: Priority) -> Sequence[Sending | Unsent]:
    """Read the next due rows and say what each needs sent; nothing when none may be claimed.

    They are of one kind, so that each call is as full as it can be; whose oldest row has been due
    for longest goes first.
    """
    now, playbook = target.clock.now(), target.playbook()
    crm, space, name = playbook.crms[target.name], target.space, target.name
    last_first = target.claims % OTHERS_TURN == OTHERS_TURN - 1
    next_kind = partial(outbox.next_kind, last_first=last_first, last=last)
    due = partial(outbox.due, last_first=last_first, last=last)
    with target.store.snapshot() as snapshot:
        kind: EntityKind | None = EntityKind.LEAD
        if crm.account is not None or crm.deal is not None:
            kind = next_kind(snapshot, space, name, now, crm.needs)
        if kind is None:
            return ()
        rows = due(snapshot, space, name, now, _limit(target, kind), crm.needs, kind=kind)
        if not rows:
            return ()
        target.claims += 1
        people = People.load(snapshot, space)
        if name not in people.rosters:
            return ()  # without the CRM's owners no owner could be written
        seen = look(snapshot, space, crm, rows, kind)
    return plan(rows, kind, seen, playbook, crm, people, now)


def _limit(target: Target, kind: EntityKind) -> int:
    if kind in (EntityKind.ASSOCIATION, EntityKind.PARTIES):
        return target.connector.association_batch_size
    return target.connector.batch_size


def _lease(
    connection: Connection, target: Target, planned: Sequence[Sending | Unsent], token: str, now: datetime
) -> set[int]:
    outbox.lock(connection, [item.row.id for item in planned])
    outbox.settle_unsent(connection, [item for item in planned if isinstance(item, Unsent)], now)
    claims = [
        Claim(item.row, with_sent(item.row.in_flight, item.difference))
        for item in planned
        if isinstance(item, Sending)
    ]
    return outbox.lease(connection, claims, token, now, now + target.lease_term)
