"""What a person allowed at a vendor's page, in the row of its connection: one process at a time renews it."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from connectors.base import Grant
from model.errors import GrantEnded, NotAuthorized, RetryLater, StoreBusy
from model.times import Clock, from_text, to_text
from sync import audit, leases
from sync.database import Store, is_away
from sync.leases import Lease
from sync.tables import connections
from sync.vault import SealError, Vault

TERM = timedelta(seconds=60)  # of the right to renew: longer than the longest call
STORE_WAIT = 2.0  # seconds until a store that cannot commit is tried again


class KeptGrant:
    """Implements ``connectors.base.GrantKeeper`` over the store; one for each source of tokens."""

    def __init__(
        self,
        store: Store,
        vault: Vault,
        space: str,
        name: str,
        clock: Clock,
        on_end: Callable[[], None] = lambda: None,
    ) -> None:
        """``on_end`` is told when the vendor has taken the grant back."""
        self._store, self._vault, self._clock = store, vault, clock
        self._space, self._name, self._on_end = space, name, on_end
        self._holder = secrets.token_hex(8)
        self._lease: Lease | None = None

    def read(self) -> Grant:
        """Return what is kept now."""
        with _as_connector(), self._store.snapshot() as snapshot:
            row = _row(snapshot, self._space, self._name)
        if row is None or row.method != "oauth":
            raise GrantEnded(f"{self._name} is not connected in the browser any more")
        if row.reconnect:
            raise GrantEnded(reconnect_text(self._name, row.reconnect))
        with _as_connector():
            return grant_of(self._vault.open(row.sealed), row.base_url)

    def claim(self) -> bool:
        """Take the right to renew."""
        name, now = f"tokens:{self._space}:{self._name}", self._clock.now()
        with _as_connector():
            self._lease = leases.acquire(self._store, name, self._holder, now, TERM)
        return self._lease is not None

    def release(self) -> None:
        """Give it back."""
        lease, self._lease = self._lease, None
        if lease is not None:
            with _as_connector():
                leases.release(self._store, lease)

    def keep(self, old: Grant, new: Grant) -> None:
        """Store the grant that took the place of ``old``: whoever holds the right by now, it is the newest.

        A reason to connect anew goes with it: another process may have met the end of ``old``.
        """
        with _as_connector():
            self._store.write(partial(self._keep, old=old, new=new))
        self.release()

    def end(self, old: Grant, reason: str) -> None:
        """Remember that the vendor takes ``old`` no more."""
        with _as_connector():
            is_over = self._store.write(partial(self._end, old=old, reason=reason))
        self.release()
        if is_over:
            self._on_end()

    def _keep(self, connection: Connection, old: Grant, new: Grant) -> None:
        row = self._same(connection, old)
        if row is None:
            return
        sealed = self._vault.seal({**self._vault.open(row.sealed), **as_plain(new)})
        values = {"sealed": sealed, "reconnect": None}
        if new.base_url and new.base_url != row.base_url:  # the org has got another address: made anew by it
            values |= {"base_url": new.base_url}
        self._update(connection, values)

    def _end(self, connection: Connection, old: Grant, reason: str) -> bool:
        if self._same(connection, old) is None:
            return False
        self._update(connection, {"reconnect": reason})
        details = {"connection": self._name, "reason": reason}
        entry = audit.Entry(self._clock.now(), "leadrelay", "reconnect needed", details)
        audit.record(connection, self._space, [entry])
        return True

    def _same(self, connection: Connection, old: Grant) -> Row[Any] | None:
        """Lock the row and return it where it still holds ``old``: nobody has connected anew meanwhile."""
        row = _row(connection, self._space, self._name, is_locked=True)
        if row is None or row.method != "oauth":
            return None
        plain = self._vault.open(row.sealed)
        held = (plain.get("token"), plain.get("refresh_token"))
        return row if held == (old.token, old.refresh_token) else None

    def _update(self, connection: Connection, values: Mapping[str, str | None]) -> None:
        c = connections.c
        mine = sa.and_(c.space == self._space, c.name == self._name)
        connection.execute(sa.update(connections).where(mine).values(**values))


@contextlib.contextmanager
def _as_connector() -> Iterator[None]:
    """Turn what keeps a store or a seal from its work into what says when to try again."""
    try:
        yield
    except SealError as error:
        raise NotAuthorized(f"its tokens cannot be opened: {error}") from error
    except (StoreBusy, sa.exc.SQLAlchemyError) as error:
        if not isinstance(error, StoreBusy) and not is_away(error):
            raise
        text = "the store cannot be used, so no token can be renewed"
        raise RetryLater(f"{text}: {type(error).__name__}", STORE_WAIT) from error


def reconnect_text(name: str, reason: str) -> str:
    """Say that a connection is to be connected anew, why, and where."""
    return f"reconnect needed: {reason.rstrip('.')}. Connect it again on the page of {name}"


def grant_of(plain: Mapping[str, str], base_url: str) -> Grant:
    """Read a grant out of what was sealed."""
    expires_at = plain.get("expires_at")
    return Grant(
        token=plain.get("token", ""),
        refresh_token=plain.get("refresh_token", ""),
        expires_at=from_text(expires_at) if expires_at else None,
        base_url=base_url,
        scopes=tuple(plain.get("scopes", "").split()),
    )


def as_plain(grant: Grant) -> dict[str, str]:
    """Return a grant as it is sealed, under the names of ``connectors.tokens.Credentials``."""
    return {
        "token": grant.token,
        "refresh_token": grant.refresh_token,
        "expires_at": _text(grant.expires_at),
        "scopes": " ".join(grant.scopes),
    }


def _text(moment: datetime | None) -> str:
    return to_text(moment) if moment else ""


def _row(connection: Connection, space: str, name: str, *, is_locked: bool = False) -> Row[Any] | None:
    query = sa.select(connections).filter_by(space=space, name=name)
    return connection.execute(query.with_for_update() if is_locked else query).first()
