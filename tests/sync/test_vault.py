"""Sealing: the first key seals, any opens, and no key is ever quoted."""

from __future__ import annotations

import pytest

from sync.vault import SealError, Vault, new_key, parse_keys

OLD, NEW = new_key(), new_key()
PLAIN = {"token": "pat-very-secret"}


def test_what_was_sealed_is_opened_and_cannot_be_read():
    sealed = Vault([OLD]).seal(PLAIN)
    assert "pat-very-secret" not in sealed
    assert Vault([OLD]).open(sealed) == PLAIN


def test_a_new_key_in_front_seals_and_the_old_one_still_opens():
    sealed, both = Vault([OLD]).seal(PLAIN), Vault([NEW, OLD])
    assert (both.open(sealed), both.is_newest(sealed)) == (PLAIN, False)
    anew = both.reseal(sealed)
    assert both.is_newest(anew)
    assert Vault([NEW]).open(anew) == PLAIN
    with pytest.raises(SealError, match="no key in LEADRELAY_SECRET_KEY opens it"):
        Vault([OLD]).open(anew)


@pytest.mark.parametrize("sealed", ["", "not sealed at all", "gAAAA", "größer"])
def test_what_was_never_sealed_is_told_like_a_wrong_key(sealed):
    with pytest.raises(SealError):
        Vault([OLD]).open(sealed)
    assert not Vault([OLD]).is_newest(sealed)


def test_without_a_key_nothing_is_sealed_or_opened():
    vault = Vault([])
    assert not vault.has_key
    assert not vault.is_newest("x")
    for act in (lambda: vault.seal(PLAIN), lambda: vault.open("x")):
        with pytest.raises(SealError, match=r"LEADRELAY_SECRET_KEY is not set.*leadrelay secrets key"):
            act()


@pytest.mark.parametrize(
    "text", [f"{NEW},{OLD}", f"{NEW}\n{OLD}\n", f" {NEW} , \n {OLD}"], ids=["comma", "line end", "both"]
)
def test_keys_stand_between_commas_or_line_ends(text):
    assert parse_keys(text) == [NEW, OLD]
    assert parse_keys("") == []


@pytest.mark.parametrize(
    ("text", "words"),
    [("hunter2", "it is no key"), (f"{NEW},hunter2", "key 2 of 2 is no key")],
    ids=["alone", "second"],
)
def test_a_wrong_key_is_counted_and_not_quoted(text, words):
    with pytest.raises(ValueError, match=words) as caught:
        parse_keys(text)
    assert "hunter2" not in str(caught.value)
    assert NEW not in str(caught.value)


def test_a_vault_shows_no_key():
    assert NEW not in repr(Vault([NEW]))
