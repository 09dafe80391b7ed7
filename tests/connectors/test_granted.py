"""Tokens that a person allowed: renewed ahead of their end, once, and handed out only after they are kept."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from connectors.base import Grant, RenewableTokens, ScopedTokens
from connectors.granted import ALIVE, GrantedTokens
from model.errors import GrantEnded, NotAuthorized, RetryLater
from tests.builders import NOON
from tests.sync.clock import FakeClock

LIFE = timedelta(seconds=1800)


@dataclass
class Safe:
    """A keeper in memory, which can be away, and knows in which order things were done."""

    kept: Grant
    held_by_other: bool = False
    is_away: bool = False
    ended: str = ""
    acts: list[str] = field(default_factory=list)

    def read(self) -> Grant:
        if self.ended:
            raise GrantEnded(self.ended)
        return self.kept

    def claim(self) -> bool:
        self.acts.append("claim")
        return not self.held_by_other

    def release(self) -> None:
        self.acts.append("release")

    def keep(self, old: Grant, new: Grant) -> None:
        if self.is_away:
            raise RetryLater("the store cannot commit")
        self.acts.append(f"keep {new.refresh_token}")
        if self.kept == old:
            self.kept = new

    def end(self, old: Grant, reason: str) -> None:
        self.acts.append("end")
        self.ended = reason


@dataclass
class Vendor:
    """A token endpoint that rotates refresh tokens: each is good once."""

    clock: FakeClock
    safe: Safe
    good: str = "refresh-0"
    count: int = 0
    refusal: Exception | None = None
    now: float = 1000.0  # of the monotonic clock
    slow: threading.Event = field(default_factory=threading.Event)

    def renew(self, grant: Grant) -> Grant:
        self.count += 1
        self.safe.acts.append("call")
        self.slow.wait(0.02)
        if self.refusal is not None:
            raise self.refusal
        if grant.refresh_token != self.good:
            raise GrantEnded("invalid_grant: expired access/refresh token")
        self.good = f"refresh-{self.count}"
        ends = None if grant.expires_at is None else self.clock.now() + LIFE
        return Grant(f"token-{self.count}", self.good, ends, scopes=grant.scopes)

    def tokens(self) -> GrantedTokens:
        return GrantedTokens(
            self.safe, self.renew, clock=self.clock.now, monotonic=lambda: self.now, sleep=self._sleep
        )

    def _sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def vendor() -> Vendor:
    """One whose token is good for half an hour."""
    return Vendor(FakeClock(), Safe(Grant("token-0", "refresh-0", NOON + LIFE, scopes=("oauth",))))


@pytest.fixture
def endless(vendor: Vendor) -> Vendor:
    """One that does not say how long its tokens are good, as Salesforce."""
    vendor.safe.kept = Grant("token-0", "refresh-0")
    return vendor


def test_a_token_with_five_minutes_left_is_taken_and_with_less_renewed(vendor):
    tokens = vendor.tokens()
    vendor.clock.advance(1799 - 300)
    assert (tokens.token(), vendor.count) == ("token-0", 0)
    vendor.clock.advance(2)
    assert (tokens.token(), tokens.token(), vendor.count) == ("token-1", "token-1", 1)
    assert tokens.scopes() == ("oauth",)


def test_the_new_refresh_token_is_kept_before_the_new_token_is_handed_out(vendor):
    vendor.clock.advance(1700)
    assert vendor.tokens().token() == "token-1"
    assert vendor.safe.acts == ["claim", "call", "keep refresh-1"]


def test_many_threads_renew_once(vendor):
    tokens = vendor.tokens()
    vendor.clock.advance(1800)
    with ThreadPoolExecutor(16) as pool:
        assert set(pool.map(lambda _: tokens.token(), range(64))) == {"token-1"}
    assert vendor.count == 1


def test_while_another_process_renews_a_living_token_goes_out(vendor):
    vendor.safe.held_by_other = True
    vendor.clock.advance(1700)
    assert (vendor.tokens().token(), vendor.count) == ("token-0", 0)


def test_without_a_living_token_what_the_other_process_keeps_is_waited_for(vendor):
    vendor.safe.held_by_other = True
    vendor.clock.advance(1800)
    tokens = vendor.tokens()

    def sleep(_seconds: float) -> None:
        vendor.safe.kept = Grant("token-of-other", "refresh-9", vendor.clock.now() + LIFE)

    tokens._sleep = sleep
    assert (tokens.token(), vendor.count) == ("token-of-other", 0)


def test_a_process_that_renews_for_ever_is_not_waited_for_for_ever(vendor):
    vendor.safe.held_by_other = True
    vendor.clock.advance(1800)
    with pytest.raises(RetryLater, match="another process"):
        vendor.tokens().token()


def test_what_was_renewed_just_before_the_right_was_got_is_taken(vendor):
    vendor.clock.advance(1800)
    tokens = vendor.tokens()
    claim = vendor.safe.claim

    def late() -> bool:
        vendor.safe.kept = Grant("token-of-other", "refresh-9", vendor.clock.now() + LIFE)
        return claim()

    vendor.safe.claim = late
    assert (tokens.token(), vendor.count) == ("token-of-other", 0)
    assert vendor.safe.acts == ["claim", "release"]


def test_a_vendor_that_is_away_costs_nothing_while_the_token_lives(vendor):
    vendor.refusal = RetryLater("no answer")
    vendor.clock.advance(1700)
    tokens = vendor.tokens()
    assert [tokens.token() for _ in range(3)] == ["token-0"] * 3
    assert vendor.count == 1, "the vendor is left alone for some seconds"
    vendor.clock.advance(100 - ALIVE)
    with pytest.raises(RetryLater):
        tokens.token()
    vendor.now, vendor.refusal = vendor.now + 5, None
    assert (tokens.token(), vendor.count) == ("token-2", 2)


def test_a_store_that_cannot_commit_gives_out_no_new_token_and_loses_no_grant(vendor):
    vendor.safe.is_away = True
    vendor.clock.advance(1800)
    tokens = vendor.tokens()
    for _ in range(3):
        with pytest.raises(RetryLater, match="cannot commit"):
            tokens.token()
    assert vendor.count == 1, "the refresh token is not used twice"
    assert "release" not in vendor.safe.acts, "nor by another process meanwhile"
    vendor.safe.is_away = False
    assert (tokens.token(), vendor.safe.kept.refresh_token) == ("token-1", "refresh-1")


def test_a_grant_that_is_over_is_remembered_and_not_tried_again(vendor):
    vendor.good = "another"
    vendor.clock.advance(1700)
    tokens = vendor.tokens()
    for _ in range(3):
        with pytest.raises(GrantEnded, match="invalid_grant"):
            tokens.token()
    assert (vendor.count, vendor.safe.acts) == (1, ["claim", "call", "end", "release"])


def test_a_wrong_client_secret_ends_nothing_and_rests(vendor):
    vendor.refusal = NotAuthorized("invalid_client")
    vendor.clock.advance(1800)
    tokens = vendor.tokens()
    for _ in range(3):
        with pytest.raises(NotAuthorized, match="invalid_client"):
            tokens.token()
    assert (vendor.count, vendor.safe.ended) == (1, "")
    vendor.now, vendor.refusal = vendor.now + 31, None
    assert (tokens.token(), vendor.count) == ("token-2", 2)


def test_without_a_time_a_token_is_renewed_when_it_is_refused_and_only_then(endless):
    tokens = endless.tokens()
    endless.clock.advance(10**6)
    assert (tokens.token(), endless.count) == ("token-0", 0)
    assert (tokens.renew("token-0"), endless.count) == ("token-1", 1)
    assert (tokens.renew("token-0"), endless.count) == ("token-1", 1), "another thread met the same end"
    assert (tokens.renew("token-1"), endless.count) == ("token-1", 1), "a new one will not get better"
    endless.now += 31
    assert (tokens.renew("token-1"), endless.count) == ("token-2", 2)


def test_a_reconnected_account_is_read_again(endless):
    tokens = endless.tokens()
    assert tokens.token() == "token-0"
    endless.safe.kept = Grant("token-of-person", "refresh-of-person")
    assert (tokens.renew("token-0"), endless.count) == ("token-of-person", 0)


def test_it_can_be_renewed_and_knows_its_scopes(vendor):
    assert isinstance(vendor.tokens(), RenewableTokens)
    assert isinstance(vendor.tokens(), ScopedTokens)
