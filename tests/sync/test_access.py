"""Who may look: names, sessions and tokens, by their hashes only."""

from __future__ import annotations

from datetime import timedelta

import pytest

from model.errors import LeadRelayError
from sync import access
from sync.tables import sessions
from tests.builders import NOON
from tests.sync.stores import count


def act(store, act_name, **given):
    store.write(lambda on: access.act(on, act_name, given, NOON))


def test_a_person_is_added_once_and_removed_with_every_session(store):
    act(store, "add_user", name="ada", password="hash")
    with pytest.raises(LeadRelayError, match="is a user already"):
        act(store, "add_user", name="ada", password="other")
    store.write(lambda on: access.begin_session(on, "ada", "token", NOON))
    with store.snapshot() as snapshot:
        assert access.password_of(snapshot, "ada") == "hash"
        assert access.session(snapshot, "token", NOON).user == "ada"
        assert access.session(snapshot, access.hashed("token"), NOON) is None
    act(store, "remove_user", name="ada")
    with store.snapshot() as snapshot:
        assert access.roles(snapshot) == {}
        assert access.session(snapshot, "token", NOON) is None
    with pytest.raises(LeadRelayError, match="There is no user ada"):
        act(store, "remove_user", name="ada")


@pytest.mark.parametrize("name", ["", " ada", "ada\n", "a" * 65, "-ada", "<ada>", "ada;"])
def test_a_name_is_plain(store, name):
    with pytest.raises(LeadRelayError, match="cannot be a name"):
        act(store, "add_user", name=name, password="hash")


def test_sessions_that_ran_out_are_forgotten_at_the_next_sign_in(store):
    act(store, "add_user", name="ada", password="hash")
    store.write(lambda on: access.begin_session(on, "ada", "old", NOON))
    later = NOON + timedelta(hours=13)
    store.write(lambda on: access.begin_session(on, "ada", "new", later))
    assert count(store, sessions) == 1
    with store.snapshot() as snapshot:
        assert access.session(snapshot, "new", later).user == "ada"


def test_a_token_opens_until_it_is_removed(store):
    act(store, "add_token", name="report", token_hash=access.hashed("lr_x"))
    with pytest.raises(LeadRelayError, match="a token report already"):
        act(store, "add_token", name="report", token_hash=access.hashed("lr_y"))
    with store.snapshot() as snapshot:
        assert access.sights(snapshot) == {"report": "masked"}
        assert access.reader(snapshot, "lr_x").name == "report"
        assert access.reader(snapshot, "lr_y") is None
    act(store, "remove_token", name="report")
    with store.snapshot() as snapshot:
        assert access.reader(snapshot, "lr_x") is None


def test_a_role_is_one_that_there_is_and_counts_at_once(store):
    act(store, "add_user", name="ada", password="hash")
    store.write(lambda on: access.begin_session(on, "ada", "token", NOON))
    with store.snapshot() as snapshot:
        assert access.session(snapshot, "token", NOON).role == "operator"
    act(store, "set_role", name="ada", role="viewer")
    with store.snapshot() as snapshot:
        assert access.session(snapshot, "token", NOON).role == "viewer"
    with pytest.raises(LeadRelayError, match="There is no role boss"):
        act(store, "set_role", name="ada", role="boss")
    with pytest.raises(LeadRelayError, match="There is no user bob"):
        act(store, "set_role", name="bob", role="viewer")
    with pytest.raises(LeadRelayError, match="not everything"):
        act(store, "add_token", name="report", token_hash="x", sight="everything")


def test_who_let_whom_in_is_on_record_and_no_secret_is(store):
    act(store, "add_user", name="ada", password="hash-1", role="viewer", by="olga")
    act(store, "set_role", name="ada", role="admin", by="olga")
    act(store, "set_password", name="ada", password="hash-2")
    act(store, "add_token", name="report", token_hash="hash-3", sight="plain", by="olga")
    with pytest.raises(LeadRelayError):
        act(store, "set_role", name="bo", role="admin", by="olga")
    with store.snapshot() as snapshot:
        found = access.history(snapshot, "main")
    assert [(one.by, one.act, dict(one.told)) for one in found] == [
        ("olga", "add_token", {"name": "report", "sight": "plain"}),
        ("", "set_password", {"name": "ada"}),
        ("olga", "set_role", {"name": "ada", "role": "admin"}),
        ("olga", "add_user", {"name": "ada", "role": "viewer"}),
    ]
