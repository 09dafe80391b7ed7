"""Grants in their rows, on both databases: one renewal at a time, and nothing is lost or used twice."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial

import pytest
import sqlalchemy as sa

from connectors.base import Grant
from connectors.granted import GrantedTokens
from model.errors import GrantEnded, NotAuthorized, RetryLater, StoreBusy
from sync import connections
from sync.connections import StoredConnection
from sync.database import Store
from sync.grants import KeptGrant, as_plain, grant_of
from sync.tables import audit
from sync.tables import connections as table
from sync.vault import Vault, new_key
from tests.builders import NOON
from tests.sync.clock import FakeClock
from tests.sync.stores import rows

VAULT = Vault([new_key()])
FIRST = Grant("token-0", "refresh-0", NOON + timedelta(seconds=1800), "https://api.hubapi.com", ("oauth",))


def connect(store: Store, grant: Grant = FIRST, account: str = "62515") -> None:
    plain = as_plain(grant) | {"client_id": "c", "login_url": "https://api.hubapi.com"}
    one = StoredConnection(
        "hubspot", "hubspot", grant.base_url, "oauth", VAULT.seal(plain), account, by="ada"
    )
    store.write(partial(connections.connect, space="main", one=one, now=NOON))


def kept(store: Store) -> StoredConnection:
    with store.snapshot() as snapshot:
        return connections.load(snapshot, "main")["hubspot"]


def opened_of(store: Store) -> dict[str, str]:
    return VAULT.open(kept(store).sealed)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def connected(store: Store) -> Store:
    """A store in which HubSpot is connected."""
    connect(store)
    return store


class Crash(BaseException):
    """The process ends here."""


class Dying(KeptGrant):
    """A keeper whose process dies at a step: before it, or right after it is done."""

    def __init__(self, *given: object, step: str, is_done: bool) -> None:
        super().__init__(*given)
        self.step, self.is_done = step, is_done

    def _at(self, step, work):
        if step != self.step:
            return work()
        if self.is_done:
            work()
        raise Crash

    def claim(self):
        return self._at("claim", super().claim)

    def keep(self, old, new):
        return self._at("keep", lambda: super(Dying, self).keep(old, new))

    def release(self):
        return None if self.step == "keep" else super().release()  # who is dead releases nothing


@dataclass
class Rotating:
    """A vendor for whom each refresh token is good once, and who counts those that come twice."""

    clock: FakeClock
    good: str = "refresh-0"
    used: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)
    pause: threading.Event = field(default_factory=threading.Event)

    def renew(self, grant: Grant) -> Grant:
        with self.lock:
            self.used.append(grant.refresh_token)
            if grant.refresh_token != self.good:
                raise GrantEnded("HubSpot says invalid_grant")
            number = len(self.used)
            self.good = f"refresh-{number}"
        self.pause.wait(0.05)  # the answer travels
        ends = self.clock.now() + timedelta(seconds=1800)
        return replace(grant, token=f"token-{number}", refresh_token=f"refresh-{number}", expires_at=ends)

    def source(self, store: Store, **more: object) -> GrantedTokens:
        keeper = KeptGrant(store, VAULT, "main", "hubspot", self.clock)
        return GrantedTokens(keeper, self.renew, clock=self.clock.now, **more)


def test_a_grant_comes_back_as_it_was_kept(connected, clock):
    assert KeptGrant(connected, VAULT, "main", "hubspot", clock).read() == FIRST
    assert grant_of(as_plain(FIRST), FIRST.base_url) == FIRST
    assert "token-0" not in kept(connected).sealed


def test_two_threads_of_two_processes_renew_once(connected, opened: Callable[[], Store], clock):
    vendor = Rotating(clock)
    clock.advance(1790)
    sources = [vendor.source(connected), vendor.source(opened())]
    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(lambda number: sources[number % 2].token(), range(16)))
    assert found == {"token-1"}
    assert vendor.used == ["refresh-0"]
    assert opened_of(connected)["refresh_token"] == "refresh-1"


def test_many_rounds_use_each_refresh_token_once(connected, opened: Callable[[], Store], clock):
    vendor = Rotating(clock)
    vendor.pause.set()
    sources = [vendor.source(connected), vendor.source(opened())]
    for _ in range(5):
        clock.advance(1790)
        with ThreadPoolExecutor(4) as pool:
            assert len(set(pool.map(lambda source: source.token(), sources * 2))) == 1
    assert vendor.used == [f"refresh-{number}" for number in range(5)]


def test_what_goes_with_the_grant_stays_and_the_connection_is_not_made_anew(connected, clock):
    before = kept(connected)
    clock.advance(1700)
    assert Rotating(clock).source(connected).token() == "token-1"
    assert opened_of(connected)["client_id"] == "c"
    assert kept(connected).updated_at == before.updated_at


def test_a_process_that_died_with_the_right_to_renew_is_waited_out(connected, opened, clock):
    vendor = Rotating(clock)
    dead = KeptGrant(opened(), VAULT, "main", "hubspot", clock)
    assert dead.claim()  # and then nothing more: it died before the call
    clock.advance(1700)
    source = vendor.source(connected, sleep=clock.advance)
    assert dead.claim(), "its own term is renewed"
    assert (source.token(), vendor.used) == ("token-0", []), "the token lives"
    clock.advance(61)
    assert (source.token(), vendor.used) == ("token-1", ["refresh-0"])


@pytest.mark.parametrize(("step", "is_done"), [("claim", False), ("claim", True), ("keep", True)])
def test_a_crash_at_any_step_but_one_loses_nothing_and_uses_no_refresh_token_twice(
    connected, opened, clock, step, is_done
):
    vendor = Rotating(clock)
    keeper = Dying(connected, VAULT, "main", "hubspot", clock, step=step, is_done=is_done)
    clock.advance(1800)
    with pytest.raises(Crash):
        GrantedTokens(keeper, vendor.renew, clock=clock.now).token()
    clock.advance(61)  # what right the dead process had is over
    assert vendor.source(opened()).token() == "token-1"
    assert vendor.used == ["refresh-0"]


def test_a_crash_between_the_rotating_vendors_answer_and_the_store_is_told_and_not_tried_for_ever(
    connected, opened, clock
):
    vendor = Rotating(clock)
    keeper = Dying(connected, VAULT, "main", "hubspot", clock, step="keep", is_done=False)
    clock.advance(1800)
    with pytest.raises(Crash):
        GrantedTokens(keeper, vendor.renew, clock=clock.now).token()
    clock.advance(61)
    for _ in range(3):
        with pytest.raises(GrantEnded):
            vendor.source(opened()).token()
    assert vendor.used == ["refresh-0", "refresh-0"]
    assert kept(connected).reconnect


def test_the_same_refresh_token_is_used_again_where_a_vendor_does_not_rotate_and_its_answer_was_lost(
    connected, clock
):
    """What a crash between the vendor's answer and the store costs: nothing, unless tokens rotate."""
    answers: list[Grant | Exception] = [
        RetryLater("no answer"),
        replace(FIRST, token="token-2", expires_at=None),
    ]

    def renew(_grant: Grant) -> Grant:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    clock.advance(1800)
    for number in range(2):
        source = GrantedTokens(KeptGrant(connected, VAULT, "main", "hubspot", clock), renew, clock=clock.now)
        if number == 0:
            with pytest.raises(RetryLater):
                source.token()
        else:
            assert source.token() == "token-2"


class Stubborn:
    """A store that commits nothing while it is told not to."""

    def __init__(self, store: Store) -> None:
        self._store, self.is_full = store, False
        self.signals, self.dialect, self.path = store.signals, store.dialect, store.path

    def snapshot(self):
        return self._store.snapshot()

    def write(self, work):
        if self.is_full:
            raise StoreBusy("the disk is full")
        return self._store.write(work)


def test_with_a_full_disk_no_new_token_goes_out_and_it_is_kept_later(connected, clock):
    vendor, disk = Rotating(clock), Stubborn(connected)

    def renew(grant: Grant) -> Grant:
        disk.is_full = True  # it fills up while the answer travels
        return vendor.renew(grant)

    clock.advance(1800)
    source = GrantedTokens(KeptGrant(disk, VAULT, "main", "hubspot", clock), renew, clock=clock.now)
    for _ in range(2):
        with pytest.raises(RetryLater, match="the store cannot be used"):
            source.token()
    assert opened_of(connected)["refresh_token"] == "refresh-0"
    disk.is_full = False
    assert source.token() == "token-1"
    assert (vendor.used, opened_of(connected)["refresh_token"]) == (["refresh-0"], "refresh-1")


def test_an_ended_grant_is_persisted_once_and_told(connected, opened, clock):
    vendor, told = Rotating(clock, good="another"), []
    keeper = KeptGrant(connected, VAULT, "main", "hubspot", clock, lambda: told.append(1))
    source = GrantedTokens(keeper, vendor.renew, clock=clock.now)
    clock.advance(1800)
    for one in (source, source, vendor.source(opened())):
        with pytest.raises(GrantEnded):
            one.token()
    assert (vendor.used, told) == (["refresh-0"], [1])
    assert kept(connected).reconnect == "HubSpot says invalid_grant"
    assert [row["action"] for row in rows(connected, audit)] == ["connect", "reconnect needed"]


def test_connecting_again_revives_it_at_once_and_what_ended_before_cannot_end_it(connected, clock):
    keeper = KeptGrant(connected, VAULT, "main", "hubspot", clock)
    keeper.end(FIRST, "HubSpot says invalid_grant")
    again = replace(FIRST, token="token-9", refresh_token="refresh-9")
    connect(connected, again)
    assert kept(connected).reconnect is None
    keeper.end(FIRST, "a late answer to the former one")
    keeper.keep(FIRST, replace(FIRST, token="stale"))
    assert keeper.read() == again


def test_what_a_slow_process_got_at_last_mends_what_another_took_for_the_end(connected, opened, clock):
    """Its right had run out while the store was away: the other met the used refresh token."""
    slow = KeptGrant(connected, VAULT, "main", "hubspot", clock)
    KeptGrant(opened(), VAULT, "main", "hubspot", clock).end(FIRST, "HubSpot says invalid_grant")
    slow.keep(FIRST, replace(FIRST, token="token-1", refresh_token="refresh-1"))
    assert (slow.read().token, kept(connected).reconnect) == ("token-1", None)


def test_seals_that_were_turned_meanwhile_keep_nothing_from_being_stored(connected, clock):
    keeper, before = KeptGrant(connected, VAULT, "main", "hubspot", clock), kept(connected)
    turned = {"hubspot": (before.sealed, VAULT.reseal(before.sealed))}
    assert connected.write(lambda on: connections.reseal(on, "main", turned, "ada", NOON)) == 1
    keeper.keep(FIRST, replace(FIRST, token="token-1"))
    assert keeper.read().token == "token-1"


def test_a_key_that_opens_nothing_is_said_before_the_vendor_is_asked(connected, clock):
    vendor = Rotating(clock)
    keeper = KeptGrant(connected, Vault([new_key()]), "main", "hubspot", clock)
    clock.advance(1800)
    with pytest.raises(NotAuthorized, match="LEADRELAY_SECRET_KEY"):
        GrantedTokens(keeper, vendor.renew, clock=clock.now).token()
    assert vendor.used == []


def test_another_address_of_the_org_is_taken_over(connected, clock):
    keeper = KeptGrant(connected, VAULT, "main", "hubspot", clock)
    keeper.keep(FIRST, replace(FIRST, token="token-1", base_url="https://new.my.salesforce.com"))
    assert kept(connected).base_url == "https://new.my.salesforce.com"


def test_an_account_that_is_disconnected_has_no_token(connected, clock):
    connected.write(lambda on: connections.remove(on, "main", "hubspot", "ada", NOON))
    with pytest.raises(GrantEnded, match="not connected in the browser any more"):
        KeptGrant(connected, VAULT, "main", "hubspot", clock).read()


def test_a_name_does_not_pass_to_another_account(connected):
    with pytest.raises(
        Exception, match="hubspot is connected to account 62515; these credentials are of 777"
    ):
        connect(connected, account="777")
    assert kept(connected).account == "62515"


def test_connecting_again_keeps_the_mode(connected):
    connected.write(lambda on: on.execute(sa.update(table).values(mode="write")))
    connect(connected)
    assert kept(connected).mode == "write"
