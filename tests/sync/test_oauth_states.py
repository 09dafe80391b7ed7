"""Who is on the way to a vendor's page: each state is good once, and the store cannot give it away."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial

from sync import oauth_states
from sync.oauth_states import LIFE, Departure
from sync.tables import oauth_states as table
from tests.builders import NOON
from tests.sync.stores import rows

ONE = Departure("session-hash", "hubspot", "hubspot", "sealed", "ada", NOON + LIFE)


def begin(store, state, one=ONE, now=NOON):
    store.write(partial(oauth_states.begin, space="main", state=state, one=one, now=now))


def take(store, state, space="main"):
    return store.write(partial(oauth_states.take, space=space, state=state))


def test_a_state_brings_back_who_left_once(store):
    begin(store, "state-1")
    assert take(store, "made up") is None
    assert take(store, "state-1", "another space") is None
    assert take(store, "state-1") == ONE
    assert take(store, "state-1") is None


def test_of_many_who_come_back_with_it_at_once_one_gets_it(store, opened):
    begin(store, "state-1")
    stores = [store, opened()]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda number: take(stores[number % 2], "state-1"), range(8)))
    assert [one for one in found if one] == [ONE]


def test_the_store_does_not_hold_the_state(store):
    begin(store, "state-1")
    assert "state-1" not in str(rows(store, table))


def test_who_never_came_back_is_forgotten(store):
    begin(store, "state-1")
    begin(store, "state-2", now=NOON + 2 * LIFE + timedelta(seconds=1))
    assert len(rows(store, table)) == 1
