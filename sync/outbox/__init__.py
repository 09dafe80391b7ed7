"""The outbox: what must become true on each connection, and the leases of who is at it.

rows.py      a row, and the order of locking
wanted.py    what is wanted: raised, inherited, dropped
linked.py    whether the record is there that a row waits for
waiting.py   what is due, and what of it goes first
leasing.py   who is at which row
settled.py   what became of it
given_up.py  dead letters
orphans.py   what waits for a record that never comes
"""

from sync.outbox.given_up import DeadLetter, dead_letters
from sync.outbox.leasing import Claim, held, in_flight, lease, release_leases, renew, under_way
from sync.outbox.linked import is_met
from sync.outbox.orphans import ANOTHERS, UNLINKED, give_up_orphans, has_orphans
from sync.outbox.rows import IS_FREE, DueRow, lock, lock_where
from sync.outbox.settled import Settled, Unsent, letter, settle, settle_unsent
from sync.outbox.waiting import due, next_kind
from sync.outbox.wanted import (
    PARKED,
    Raise,
    count_wanted,
    drop,
    inherit,
    lock_of,
    plan_anew,
    raise_again,
    raise_wanted,
    wanted_as,
)
from sync.tables.outbox import GIVEN_UP, WAITS

__all__ = [
    "ANOTHERS",
    "GIVEN_UP",
    "IS_FREE",
    "PARKED",
    "UNLINKED",
    "WAITS",
    "Claim",
    "DeadLetter",
    "DueRow",
    "Raise",
    "Settled",
    "Unsent",
    "count_wanted",
    "dead_letters",
    "drop",
    "due",
    "give_up_orphans",
    "has_orphans",
    "held",
    "in_flight",
    "inherit",
    "is_met",
    "lease",
    "letter",
    "lock",
    "lock_of",
    "lock_where",
    "next_kind",
    "plan_anew",
    "raise_again",
    "raise_wanted",
    "release_leases",
    "renew",
    "settle",
    "settle_unsent",
    "under_way",
    "wanted_as",
]
