"""The doctor on the machine: SQLite's build, the disk, the store, keys, people and the way in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
import responses
import sqlalchemy as sa

from leadrelay.doctor.findings import Area
from leadrelay.doctor.house import (
    MIB,
    check_disk,
    check_domains,
    check_door,
    check_seals,
    check_sqlite,
    check_store,
)
from leadrelay.doctor.people import check_people
from leadrelay.settings import load
from mappings.compile import load as load_playbook
from mappings.playbook import Accounts
from mappings.starter import write_starter
from model.teammate import Teammate
from sync.connections import StoredConnection
from sync.shared_domains import SharedDomain
from sync.vault import Vault, new_key
from tests.builders import a_playbook

AREA = Area("x")
OLD, NEW = new_key(), new_key()


@pytest.mark.parametrize(
    ("version", "level"), [("3.53.4", "ok"), ("3.51.3", "ok"), ("3.51.2", "warn"), ("3.40.1", "warn")]
)
def test_a_sqlite_with_the_bug_of_the_wal_is_told(version, level):
    found = check_sqlite(AREA, "sqlite3", version)
    assert (found.level, f"SQLite {version} of sqlite3" in found.fact) == (level, True)


@pytest.mark.parametrize(("mib", "level"), [(5000, "ok"), (1000, "warn"), (99, "problem")])
def test_a_disk_that_fills_up_is_told(mib, level):
    assert check_disk(AREA, Path("/data"), mib * MIB, 9000 * MIB).level == level


def levels(url: str) -> dict[str, str]:
    found, _ = check_store(load({"LEADRELAY_DATABASE_URL": url}))
    return {one.fact: one.level for one in found if one.level != "ok"}


def test_a_store_in_order_and_one_that_is_not_there(empty_store, tmp_path):
    assert levels(empty_store) == {}
    none = tmp_path / "deep" / "none.db"
    assert levels(f"sqlite:///{none}") == {f"there is no store at {none} yet": "warn"}
    assert not none.parent.exists()


def test_a_store_of_an_older_version_is_told_and_left_as_it_is(empty_store):
    engine = sa.create_engine(empty_store)
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '0001'"))
    for _ in range(2):
        [(fact, level)] = levels(empty_store).items()
        assert (level, fact.startswith("is at revision 0001")) == ("warn", True)
    engine.dispose()


def test_a_store_that_cannot_be_used_is_told_without_its_password(tmp_path):
    (tmp_path / "text.db").write_text("not a database, but long enough to look like one to somebody" * 20)
    assert list(levels(f"sqlite:///{tmp_path / 'text.db'}").values()) == ["problem"]
    [(fact, level)] = levels("postgresql+psycopg://leads:hunter2@127.0.0.1:9/leads").items()
    assert (level, "hunter2" in fact) == ("problem", False)


def a_connection(name: str, *keys: str) -> StoredConnection:
    return StoredConnection(name, "hubspot", "https://x.example", "token", Vault(keys).seal({"token": "t"}))


@pytest.mark.parametrize(
    ("keys", "level", "words"),
    [
        ([NEW, OLD], "warn", "sealed with an old key: old"),
        ([NEW], "problem", "no key opens the credentials of old"),
        ([], "problem", "no key is set, so new, old cannot be used"),
    ],
)
def test_how_credentials_lie_is_told(keys, level, words):
    [found] = check_seals(Vault(keys), [a_connection("new", NEW), a_connection("old", OLD)])
    assert (found.level, found.fact) == (level, words)


@pytest.mark.parametrize(("keys", "some"), [([NEW], [a_connection("new", NEW)]), ([NEW], []), ([], [])])
def test_credentials_in_order_are_no_finding(keys, some):
    assert [found.level for found in check_seals(Vault(keys), some)] == ["ok"]


@pytest.mark.parametrize(
    ("environ", "level", "words"),
    [
        ({}, "ok", "for this machine only"),
        ({"LEADRELAY_HOST": "0.0.0.0"}, "warn", "without TLS"),
        ({"LEADRELAY_PUBLIC_URL": "http://leads.example"}, "problem", "in clear"),
        ({"LEADRELAY_PUBLIC_URL": "http://127.0.0.1:9"}, "warn", "does not answer"),
    ],
)
def test_how_posts_get_in_is_told(environ: Mapping[str, str], level, words):
    [found] = check_door(load(environ))
    assert (found.level, words in found.fact) == (level, True)


@pytest.mark.parametrize(("status", "level"), [(200, "ok"), (404, "ok"), (502, "warn")])
@responses.activate
def test_a_public_address_is_called(status, level):
    responses.get("https://leads.example/healthz", status=status)
    [found] = check_door(load({"LEADRELAY_PUBLIC_URL": "https://leads.example/"}))
    assert found.level == level


@pytest.fixture
def playbook(tmp_path):
    write_starter(tmp_path / "playbook")
    return load_playbook(tmp_path / "playbook")


def mates(playbook, **changed: Teammate | None) -> dict[str, Teammate]:
    emails = {member.email for pool in playbook.routing.pools.values() for member in pool.members}
    on = ("hubspot", "salesforce")
    known: dict[str, Teammate] = {
        email: Teammate(email, "", dict.fromkeys(on, "1"), dict.fromkeys(on, True)) for email in emails
    }
    for name, mate in changed.items():
        email = f"{name.replace('_', '.')}@northlight.example"
        known.pop(email)
        if mate is not None:
            known[email] = mate
    return known


MEI = "mei.tanaka@northlight.example"


def people(playbook, known: Mapping[str, Teammate]) -> list[tuple[str, str]]:
    found = check_people(AREA, playbook, known, ["hubspot", "salesforce"])
    return [(one.level, one.fact) for one in found]


def test_pools_whose_people_own_leads_everywhere_are_fine(playbook):
    assert people(playbook, mates(playbook)) == [
        ("ok", "all 8 people of the pools own leads in hubspot, salesforce")
    ]


def test_somebody_without_an_account_and_somebody_inactive_are_named(playbook):
    ben = Teammate("ben.carter@northlight.example", "", {"hubspot": "1", "salesforce": "2"},
                   {"hubspot": True, "salesforce": False})  # fmt: skip
    anna = Teammate("anna.keller@northlight.example", "", {"hubspot": "1"}, {"hubspot": True})
    assert people(playbook, mates(playbook, ben_carter=ben, anna_keller=anna)) == [
        ("warn", "no owner in salesforce, so they get no leads: anna.keller@northlight.example"),
        ("warn", "inactive in salesforce, so they get no leads: ben.carter@northlight.example"),
    ]


def test_a_pool_in_which_nobody_can_own_leads_is_a_problem(playbook):
    found = people(playbook, mates(playbook, mei_tanaka=None))
    assert found[-1] == ("problem", "pool apac: none of its 1 members can own leads")
    assert ("warn", f"no owner in hubspot, so they get no leads: {MEI}") in found


def test_without_any_owners_nobody_can_be_judged(playbook):
    [found] = check_people(AREA, playbook, {}, [])
    assert found.level == "warn"


def test_a_domain_of_many_companies_is_told_until_it_is_listed():
    shared = [SharedDomain("school.edu", "ac_1", {"bosch": 2, "zeiss": 1})]
    playbook = a_playbook(pipeline=("account",))
    [told] = check_domains(AREA, playbook, shared)
    assert (told.level, told.fact) == (
        "warn",
        "3 people of school.edu name 2 companies, such as bosch, zeiss, and are taken for people of one",
    )
    assert "add school.edu to shared_domains" in told.fix
    listed = replace(playbook, accounts=Accounts(frozenset({"school.edu"})))
    assert list(check_domains(AREA, listed, shared)) == []
    assert list(check_domains(AREA, a_playbook(pipeline=("score",)), shared)) == []
