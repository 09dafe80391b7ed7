"""An account is let go: what a person allowed ends at the vendor, and its credentials are forgotten."""

from __future__ import annotations

import time
from dataclasses import dataclass

from sqlalchemy.engine import Connection

from connectors.tokens import Credentials
from leadrelay.grants import app_of
from leadrelay.settings import SPACE, Settings
from model.errors import ConnectorError, LeadRelayError
from model.times import Clock
from sync import connections, mirror
from sync.connections import StoredConnection
from sync.database import Store
from sync.grants import KeptGrant
from sync.reconciling import books

PATIENCE = 10.0  # seconds that a renewal under way is waited for, so that its new token is the one revoked
LOOK_EVERY = 0.2


@dataclass(frozen=True, slots=True)
class Left:
    """What became of an account that was let go."""

    name: str
    at_vendor: str = ""  # a sentence; blank where nothing had to be taken back there

    def __str__(self) -> str:
        return " ".join(filter(None, (f"{self.name} is disconnected.", self.at_vendor)))


def leave(settings: Settings, store: Store, clock: Clock, name: str, by: str) -> Left | None:
    """Forget an account's credentials and its mirror; ``None`` where the store keeps none.

    What a person allowed in the browser is revoked first, as far as the vendor can be reached: a
    crash in between leaves a connection that is to be connected anew, or disconnected again.
    """
    with store.snapshot() as snapshot:
        one = connections.load(snapshot, SPACE).get(name)
    if one is None:
        return None
    said = _revoked(settings, store, clock, one) if one.method == "oauth" else ""
    now = clock.now()

    def forget(connection: Connection) -> None:
        connections.remove(connection, SPACE, name, by, now)
        mirror.begin_forgetting(connection, SPACE, name)
        books.forget(connection, SPACE, name)

    store.write(forget)
    mirror.forget(store, SPACE, name)
    return Left(name, said)


def _revoked(settings: Settings, store: Store, clock: Clock, one: StoredConnection) -> str:
    from connectors.registry import FLOWS  # the vendors' clients load slowly

    flow = FLOWS[one.kind](clock.now)
    if one.reconnect:
        return f"{flow.vendor} had ended its tokens already."
    keeper = KeptGrant(store, settings.vault(), SPACE, one.name, clock)
    try:
        app = app_of(settings, one, Credentials.of(settings.vault().open(one.sealed)))
        is_ours = _claimed(keeper)
        try:
            flow.revoke(app, keeper.read().refresh_token)
        finally:
            if is_ours:
                keeper.release()
    except LeadRelayError as error:
        why = str(error) if isinstance(error, ConnectorError) else f"its tokens cannot be used here: {error}"
        return (
            f"{flow.vendor} could not be told ({why.rstrip('.')}), so its tokens may still be good there: "
            f"remove the app in {flow.vendor}'s own settings."
        )
    return f"{flow.vendor} has ended its tokens."


def _claimed(keeper: KeptGrant) -> bool:
    """Take the right to renew, so that no new token is made meanwhile; go on without it after a while."""
    waited = 0.0
    while not keeper.claim():
        if waited >= PATIENCE:
            return False
        time.sleep(LOOK_EVERY)
        waited += LOOK_EVERY
    return True
