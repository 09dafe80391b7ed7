"""Tokens: one sign-in for many threads, and no storm of them when it is refused."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import pytest

from connectors.base import RenewableTokens
from connectors.tokens import Credentials, FixedToken, Session, SignedIn
from model.errors import NotAuthorized, RetryLater


@dataclass
class Door:
    """A sign-in that counts, and refuses when told to."""

    count: int = 0
    refusal: Exception | None = None
    now: float = 0.0
    slow: threading.Event = field(default_factory=threading.Event)

    def sign_in(self) -> Session:
        self.count += 1
        self.slow.wait(0.02)
        if self.refusal is not None:
            raise self.refusal
        return Session(f"token-{self.count}")

    def tokens(self) -> SignedIn:
        return SignedIn(self.sign_in, monotonic=lambda: self.now)


def test_nobody_signs_in_before_a_token_is_needed():
    door = Door()
    tokens = door.tokens()
    assert (door.count, tokens.token(), tokens.token(), door.count) == (0, "token-1", "token-1", 1)


def test_many_threads_that_meet_a_dead_session_sign_in_once():
    door = Door()
    tokens = door.tokens()
    dead = tokens.token()
    door.now = 7200.0
    with ThreadPoolExecutor(16) as pool:
        fresh = set(pool.map(lambda _: tokens.renew(dead), range(64)))
    assert (fresh, door.count) == ({"token-2"}, 2)


def test_a_token_refused_at_once_is_not_replaced_again_and_again():
    door = Door()
    tokens = door.tokens()
    assert tokens.renew(tokens.token()) == "token-1"
    door.now = 31.0
    assert tokens.renew("token-1") == "token-2"


def test_a_refused_sign_in_is_told_to_everybody_without_another_try():
    door = Door(refusal=NotAuthorized("invalid_grant"))
    tokens = door.tokens()
    for _ in range(5):
        with pytest.raises(NotAuthorized, match="invalid_grant"):
            tokens.token()
    assert door.count == 1
    door.now, door.refusal = 31.0, None
    assert tokens.token() == "token-2"


def test_a_sign_in_that_found_nobody_is_tried_again():
    door = Door(refusal=RetryLater("no answer"))
    tokens = door.tokens()
    with pytest.raises(RetryLater):
        tokens.token()
    door.refusal = None
    assert tokens.token() == "token-2"


@pytest.mark.parametrize(
    ("credentials", "method"),
    [
        (Credentials(), ""),
        (Credentials(token="t", client_id="c"), "token"),
        (Credentials(client_id="c"), ""),
        (Credentials(client_id="c", client_secret="s"), "client_credentials"),
        (Credentials(client_id="c", private_key="k", username="u"), "jwt"),
        (Credentials(client_secret="s"), ""),
    ],
)
def test_what_is_there_says_how_to_sign_in(credentials, method):
    assert credentials.method == method


def test_credentials_survive_being_plain_data_and_a_name_of_a_later_version():
    whole = Credentials("t", "c", "s", "k", "u", "https://l.example")
    assert Credentials.of(whole.as_dict() | {"newer": "x"}) == whole
    assert Credentials(token="t").as_dict() == {"token": "t"}


def test_no_secret_shows_in_a_representation():
    shown = repr(Credentials("tok", "id", "sec", "key")) + repr(FixedToken("tok")) + repr(Session("tok"))
    assert not any(f"'{secret}'" in shown for secret in ("tok", "sec", "key"))


def test_which_tokens_can_be_renewed():
    assert isinstance(Door().tokens(), RenewableTokens)
    assert not isinstance(FixedToken("t"), RenewableTokens)
