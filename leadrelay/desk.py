"""What commands have changed of the connected accounts, in the store of a running daemon."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from connectors.tokens import Credentials
from leadrelay.grants import GrantsOfStore, app_of
from leadrelay.leaving import leave
from leadrelay.settings import SPACE, Settings
from model.errors import LeadRelayError
from model.times import Clock
from sync import connections, releases
from sync.access import hashed
from sync.connections import StoredConnection
from sync.database import Store
from sync.reading import backfill
from sync.reconciling.comparisons import Comparisons
from sync.reconciling.mends import Order as MendOrder
from sync.reconciling.runs import Asked
from sync.releases import Order, Release


@dataclass(frozen=True, slots=True)
class Desk:
    """Keeps connected accounts for commands; implements ``webhooks.control.Desk``."""

    settings: Settings
    store: Store
    clock: Clock
    grants: GrantsOfStore
    on_observed: Callable[[str], None] = lambda _name: None  # nothing may be written there any more

    def save(self, one: StoredConnection) -> None:
        """Store an account, if its credentials can be opened here and its name is not another account's."""
        self.settings.vault().open(one.sealed)
        self.store.write(partial(connections.connect, space=SPACE, one=one, now=self.clock.now()))

    def remove(self, name: str, by: str) -> str:
        """Forget an account; return what became of it, blank where there was none."""
        left = leave(self.settings, self.store, self.clock, name, by)
        return str(left) if left else ""

    def renew_token(self, name: str, refused: str) -> None:
        """Have a token that is good, and another than the one whose hash is ``refused``."""
        with self.store.snapshot() as snapshot:
            one = connections.load(snapshot, SPACE).get(name)
        if one is None or one.method != "oauth":
            raise LeadRelayError(f"{name} is not connected in the browser")
        credentials = Credentials.of(self.settings.vault().open(one.sealed))
        tokens = self.grants.source(one, app_of(self.settings, one, credentials))
        token = tokens.token()
        if refused and hashed(token) == refused:
            tokens.renew(token)

    def backfill_again(self, name: str) -> int:
        """Let what is mirrored of a connection be read once more; return how many objects that are."""
        now = self.clock.now()
        begun = self.store.write(partial(backfill.begin_again, space=SPACE, name=name, now=now))
        self.store.signals.announce(f"backfill:{name}")
        return begun

    def reconcile(self, name: str, asked: Asked, by: str) -> int:
        """Begin to compare a connection with what is here; return the number of the run."""
        return self._comparisons().begin(name, asked, by)

    def mend(self, order: MendOrder) -> int:
        """Have differences mended; return how many. Raises ``LeadRelayError`` where they are too many."""
        return self._comparisons().mend(order)

    def _comparisons(self) -> Comparisons:
        return Comparisons(self.store, self.clock, SPACE)

    def reseal(self, sealed: Mapping[str, tuple[str, str]], by: str) -> int:
        """Put new seals in the place of old ones, if they can be opened here."""
        vault, now = self.settings.vault(), self.clock.now()
        for _, new in sealed.values():
            vault.open(new)
        return self.store.write(partial(connections.reseal, space=SPACE, sealed=sealed, by=by, now=now))

    def go_live(self, order: Order) -> Release:
        """Begin to write to an account."""
        return self.store.write(partial(releases.begin, space=SPACE, order=order, now=self.clock.now()))

    def observe(self, name: str, by: str) -> None:
        """Write no more to an account; calls under way finish."""
        self.store.write(partial(releases.observe, space=SPACE, name=name, by=by, now=self.clock.now()))
        self.on_observed(name)
