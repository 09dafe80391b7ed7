"""The tokens of a connection that a person allowed: renewed ahead of their end, by one process at a time."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable

from connectors.base import Grant, GrantKeeper
from connectors.inspection import Now, now
from connectors.tokens import REST, YOUNG
from model.errors import ConnectorError, GrantEnded, NotAuthorized, RetryLater

AHEAD = 300.0  # seconds of life below which a token is renewed
ALIVE = 20.0  # seconds of life below which a token goes out no more
PATIENCE = 20.0  # seconds that whoever has no token waits for another process to renew it
SHORT_REST = 5.0  # seconds after a renewal that met nobody; a refused one rests longer
LOOK_EVERY = 0.2  # seconds between two looks meanwhile


class GrantedTokens:
    """Implements ``RenewableTokens`` and ``ScopedTokens``. Safe for many threads, and beside other processes.

    The keeper lets one of them renew at a time. The others go on with the token at hand while it
    is good, else they wait for what is kept then. A new token is handed out only after it is kept
    with its refresh token: whatever happens then, no refresh token is used twice.
    """

    def __init__(
        self,
        keeper: GrantKeeper,
        renew: Callable[[Grant], Grant],
        *,
        clock: Now = now,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Take what ``renew`` changes a grant with: it raises ``GrantEnded`` where that is over."""
        self._keeper, self._renew = keeper, renew
        self._clock, self._monotonic, self._sleep = clock, monotonic, sleep
        self._lock = threading.Lock()
        self._grant: Grant | None = None
        self._unkept: tuple[Grant, Grant] | None = None  # what the vendor gave and the store did not take yet
        self._renewed_at = -math.inf
        self._failed: tuple[float, ConnectorError] | None = None  # until when it is told without another try

    def token(self) -> str:
        """Return a token that is good now. Raises ``ConnectorError``."""
        grant = self._grant
        if grant is not None and self._left(grant) > AHEAD:
            return grant.token
        is_alive = grant is not None and self._left(grant) > ALIVE
        if not self._lock.acquire(blocking=not is_alive):
            return grant.token if grant else ""  # another thread is renewing it
        try:
            return self._good().token
        finally:
            self._lock.release()

    def scopes(self) -> tuple[str, ...]:
        """Return what the person allowed. Raises ``ConnectorError``."""
        with self._lock:
            return (self._grant or self._read()).scopes

    def renew(self, refused: str) -> str:
        """Return another token than the one refused; that one again where it is quite new."""
        with self._lock:
            grant = self._read()
            if grant.token != refused or self._monotonic() - self._renewed_at < YOUNG:
                return grant.token
            return self._renewed(grant, refused).token

    def _good(self) -> Grant:
        """Return what is kept, or renew it; one that still lives is good enough while that fails."""
        try:
            grant = self._read()
            return grant if self._left(grant) > AHEAD else self._renewed(grant)
        except GrantEnded:
            raise
        except ConnectorError:
            if self._grant is not None and self._left(self._grant) > ALIVE:
                return self._grant
            raise

    def _renewed(self, grant: Grant, refused: str = "") -> Grant:
        """Return a grant with a new token, renewed here or by whoever has the right to just now."""
        if self._failed is not None and self._monotonic() < self._failed[0]:
            raise type(self._failed[1])(str(self._failed[1]))
        waited = 0.0
        while not self._keeper.claim():
            if grant.token != refused and self._left(grant) > ALIVE:
                return grant
            if waited >= PATIENCE:
                raise RetryLater("another process is renewing the token of this connection", LOOK_EVERY * 10)
            self._sleep(LOOK_EVERY)
            waited += LOOK_EVERY
            grant = self._read()
        return self._renew_claimed(refused)

    def _renew_claimed(self, refused: str) -> Grant:
        try:
            grant = self._read()  # it may have been renewed just before we got the right
            if grant.token != refused and self._left(grant) > AHEAD:
                self._keeper.release()
                return grant
            new = self._ask(grant)
        except Exception:  # raised again: whatever it is, another process may renew the token now
            self._keeper.release()
            raise
        self._unkept = (grant, new)  # should the store not take it now, it is kept with the next token
        self._renewed_at, self._failed = self._monotonic(), None
        return self._read()

    def _ask(self, grant: Grant) -> Grant:
        try:
            return self._renew(grant)
        except GrantEnded as error:
            self._keeper.end(grant, str(error))
            raise
        except ConnectorError as error:
            rest = REST if isinstance(error, NotAuthorized) else SHORT_REST
            self._failed = (self._monotonic() + rest, error)
            raise

    def _read(self) -> Grant:
        """Return what is kept, after keeping what is not kept yet."""
        if self._unkept is not None:
            self._keeper.keep(*self._unkept)
            self._unkept = None
        self._grant = self._keeper.read()
        return self._grant

    def _left(self, grant: Grant) -> float:
        if grant.expires_at is None:
            return math.inf
        return (grant.expires_at - self._clock()).total_seconds()
