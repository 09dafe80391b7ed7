"""Connecting accounts by command: alone, beside a running daemon, and with secrets that show nowhere."""

from __future__ import annotations

import contextlib
import io
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest
import requests
import sqlalchemy as sa
import structlog
from typer.testing import CliRunner

from leadrelay import settings
from leadrelay.cli import app
from leadrelay.wiring import Daemon
from mappings.starter import write_starter
from model.change import Record
from model.event import RecordRef
from model.listing import Listed
from sandbox.salesforce.oauth.apps import CLIENT_ID, CLIENT_SECRET
from sync import cursors, fetches, migrate, mirror, tables, vault
from sync.cursors import POLL, Cursor
from sync.database import open_store
from sync.fetches import Wish
from tests.connectors.keys import pair
from tests.journeys.crms import Crm, running_crms
from tests.leadrelay.conftest import Answer, run
from tests.waiting import eventually

KEY, OTHER_KEY = vault.new_key(), vault.new_key()
TOKEN = "sandbox-token"
USER = "integration@northlight.example"
SECRETS = (TOKEN, CLIENT_SECRET, KEY, OTHER_KEY, pair()[0], pair()[0].splitlines()[3])


@pytest.fixture(scope="module")
def crms() -> Iterator[Mapping[str, Crm]]:
    with running_crms() as found:
        for crm in found.values():
            crm.faults()
        yield found


@dataclass
class Desk:
    """A folder with a playbook and files of secrets, and every word that commands printed."""

    folder: Path
    crms: Mapping[str, Crm]
    environ: dict[str, str]
    printed: list[str] = field(default_factory=list)

    def run(self, *words: str, said: str | None = None, **environ: str) -> Answer:
        result = CliRunner().invoke(
            app, words, env=self.environ | environ, input=said, catch_exceptions=False
        )
        self.printed.append(result.stdout + result.stderr)
        return Answer(result.exit_code, result.stdout, result.stderr)

    def file(self, name: str, text: str) -> str:
        path = self.folder / name
        path.write_text(text + "\n")
        return str(path)

    def connect_hubspot(self, **environ: str) -> Answer:
        token = self.file("token", TOKEN)
        url = self.crms["hubspot"].url
        return self.run("connect", "hubspot", "--base-url", url, "--token-file", token, **environ)

    def connect_salesforce(self) -> Answer:
        words = ["--base-url", self.crms["salesforce"].url, "--client-id", CLIENT_ID]
        secret = self.file("secret", CLIENT_SECRET)
        return self.run("connect", "salesforce", *words, "--client-secret-file", secret)

    def listed(self) -> dict[str, dict[str, str]]:
        return {row["name"]: row for row in json.loads(self.run("connect", "--list", "--json").out)}

    def everything_on_disk(self) -> bytes:
        return b"".join(path.read_bytes() for path in self.folder.glob("store.db*"))


@pytest.fixture
def desk(tmp_path: Path, crms: Mapping[str, Crm]) -> Iterator[Desk]:
    write_starter(tmp_path / "playbook")
    environ = {
        "LEADRELAY_DATABASE_URL": f"sqlite:///{tmp_path / 'store.db'}",
        "LEADRELAY_PLAYBOOK": str(tmp_path / "playbook"),
        "LEADRELAY_SECRET_KEY": KEY,
        "LEADRELAY_PORT": "0",
    }
    umask = os.umask(0o022)
    found = Desk(tmp_path, crms, environ)
    try:
        yield found
    finally:
        os.umask(umask)
    told = "".join(found.printed)
    assert not [secret for secret in SECRETS if secret in told]
    on_disk = found.everything_on_disk()
    assert not [secret for secret in SECRETS if secret.encode() in on_disk]


def test_a_hubspot_account_is_tried_shown_and_kept_as_observed(desk):
    answer = desk.connect_hubspot()
    assert answer.code == 0
    for words in ("62515 portal 62515 (STANDARD)", "2026-09", "crm.objects.contacts.read"):
        assert words in answer.out
    assert "hubspot is connected and observed" in answer.out
    row = desk.listed()["hubspot"]
    assert (row["from"], row["account"], row["mode"], row["seal"]) == ("store", "62515", "observe", "yes")
    assert (Path(desk.folder / "store.db").stat().st_mode & 0o007) == 0


def test_a_salesforce_org_by_client_credentials_and_by_a_key(desk):
    answer = desk.connect_salesforce()
    assert answer.code == 0
    assert "00D5g00000006JxEAI Northlight" in answer.out
    assert USER in answer.out
    desk.crms["salesforce"]._post("apps", {"client_id": CLIENT_ID, "jwt_certificate": pair()[1]})
    words = ["--kind", "salesforce", "--login-url", desk.crms["salesforce"].url, "--client-id", CLIENT_ID]
    key = desk.file("key.pem", pair()[0])
    answer = desk.run("connect", "emea", *words, "--private-key-file", key, "--username", USER)
    assert answer.code == 0, answer.err
    assert "No crm/*.yaml of the playbook says `connection: emea`" in answer.out
    row = desk.listed()["emea"]
    assert (row["method"], row["base_url"]) == ("jwt", desk.crms["salesforce"].url)


def test_secrets_are_asked_for_where_none_is_given_and_do_not_show(desk):
    url = desk.crms["hubspot"].url
    assert desk.run("connect", "hubspot", "--base-url", url, said=f"{TOKEN}\n").code == 0
    told = [desk.crms["salesforce"].url, "client_credentials", CLIENT_ID, CLIENT_SECRET]
    assert desk.run("connect", "salesforce", said="\n".join(told) + "\n").code == 0
    assert set(desk.listed()) == {"hubspot", "salesforce"}


def test_a_token_can_come_through_standard_input(desk):
    url = desk.crms["hubspot"].url
    answer = desk.run("connect", "hubspot", "--base-url", url, "--token-file", "-", "--json", said=TOKEN)
    assert json.loads(answer.out)["mode"] == "observe"


def test_a_refused_token_is_not_kept(desk):
    url = desk.crms["hubspot"].url
    wrong = desk.file("wrong", "pat-wrong-one")
    answer = desk.run("connect", "hubspot", "--base-url", url, "--token-file", wrong)
    assert answer.code == 1
    assert "hubspot was not connected. HubSpot 401" in answer.err
    assert "pat-wrong-one" not in answer.err
    assert desk.listed() == {}


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([], "Name a connection"),
        (["crm", "--token-file", "x"], "Say what kind of CRM crm is"),
        (["hubspot", "--kind", "salesforce", "--token-file", "x"], "is of kind hubspot, not salesforce"),
        (["hubspot", "--token-file", "absent"], "--token-file: cannot read absent"),
        (["salesforce", "--client-id", "c", "--token-file", "-"], "--base-url is missing"),
        (["hubspot", "--base-url", "http://crm.example", "--token-file", "-"], "would travel in clear"),
        (["hubspot", "--base-url", "crm.example", "--token-file", "-"], "an address such as https://HOST"),
        (["hubspot", "--client-id", "c", "--client-secret-file", "-"], "HubSpot takes a token"),
    ],
)
def test_what_cannot_be_used_is_said_before_anything_is_called(desk, words, sentence):
    answer = desk.run("connect", *words, said="some text")
    assert (answer.code, sentence in answer.err) == (2, True), answer.err


def test_without_a_key_nothing_is_asked_for(desk):
    answer = desk.connect_hubspot(LEADRELAY_SECRET_KEY="")
    assert answer.code == 2
    assert "leadrelay secrets key" in answer.err
    assert not (desk.folder / "store.db").exists()


def test_a_name_does_not_pass_from_one_account_to_another(desk):
    desk.connect_hubspot()
    words = ["--kind", "salesforce", "--base-url", desk.crms["salesforce"].url, "--client-id", CLIENT_ID]
    secret = desk.file("secret", CLIENT_SECRET)
    (desk.folder / "playbook" / "crm" / "hubspot.yaml").unlink()
    answer = desk.run("connect", "hubspot", *words, "--client-secret-file", secret)
    assert answer.code == 1
    assert "hubspot is connected to account 62515" in answer.err


def test_the_environment_wins_and_the_command_says_so(desk):
    url = desk.crms["hubspot"].url
    own = {"LEADRELAY_HUBSPOT_TOKEN": "pat-of-environment", "LEADRELAY_HUBSPOT_BASE_URL": url}
    assert "in the environment sets hubspot up, too, and wins" in desk.connect_hubspot(**own).out
    [row] = json.loads(desk.run("connect", "--list", "--json", **own).out)
    assert (row["from"], row["base_url"]) == ("environment", url)


def test_disconnecting_asks_first(desk):
    desk.connect_hubspot()
    assert desk.run("disconnect", "hubspot", said="n\n").code == 1
    assert "hubspot" in desk.listed()
    assert desk.run("disconnect", "hubspot", said="y\n").code == 0
    assert desk.listed() == {}
    again = desk.run("disconnect", "hubspot")
    assert (again.code, "The store keeps no connection hubspot" in again.err) == (1, True)


def test_keys_are_turned_and_the_old_one_is_not_needed_any_more(desk):
    desk.connect_hubspot()
    desk.connect_salesforce()
    desk.environ["LEADRELAY_SECRET_KEY"] = f"{OTHER_KEY}\n{KEY}"
    assert {row["seal"] for row in desk.listed().values()} == {"with an old key"}
    answer = desk.run("secrets", "rotate")
    assert answer.out.startswith("2 of 2 connections sealed with the first key.")
    desk.environ["LEADRELAY_SECRET_KEY"] = OTHER_KEY
    assert {row["seal"] for row in desk.listed().values()} == {"yes"}


@pytest.mark.parametrize(
    ("key", "sentence"),
    [
        (OTHER_KEY, "hubspot: no key in LEADRELAY_SECRET_KEY opens it"),
        ("", "LEADRELAY_SECRET_KEY is not set"),
        ("hunter2", "LEADRELAY_SECRET_KEY: it is no key"),
    ],
    ids=["another", "none", "no key at all"],  # a key is another one in each process of a run
)
def test_a_wrong_key_is_a_sentence(desk, key, sentence):
    desk.connect_hubspot()
    answer = desk.run("secrets", "rotate", LEADRELAY_SECRET_KEY=key)
    assert answer.code in (1, 2)
    assert sentence in answer.err
    assert "Traceback" not in answer.err + answer.out
    assert "hunter2" not in answer.err


def test_a_new_key_is_a_key():
    assert vault.parse_keys(run("secrets", "key").out) != []


@pytest.fixture
def logged(desk: Desk) -> Iterator[io.StringIO]:
    """All that the daemon logs, at the most talkative level."""
    sheet = io.StringIO()
    before = structlog.get_config()
    structlog.configure(
        processors=[structlog.processors.format_exc_info, structlog.processors.KeyValueRenderer()],
        logger_factory=structlog.PrintLoggerFactory(sheet),
        wrapper_class=structlog.make_filtering_bound_logger(0),
        cache_logger_on_first_use=False,
    )
    yield sheet
    structlog.configure(**before)
    assert not [secret for secret in SECRETS if secret in sheet.getvalue()]


def started(desk: Desk, **environ: str) -> Daemon:
    daemon = Daemon(settings.load(desk.environ | environ))
    daemon.start()
    return daemon


def modes(daemon: Daemon) -> dict[str, str]:
    return {name: one["mode"] for name, one in daemon.facts()["connections"].items()}


def test_a_running_daemon_takes_connections_in_and_gives_them_up(desk, logged):
    daemon = started(desk)
    try:
        assert modes(daemon) == {}
        assert desk.connect_hubspot().code == 0
        assert desk.connect_salesforce().code == 0
        eventually(lambda: modes(daemon) == {"hubspot": "observe", "salesforce": "observe"}, "both")
        eventually(lambda: "connection='salesforce' owners" in logged.getvalue() or
                   logged.getvalue().count("poll.roster'") == 2, "the owners of both")  # fmt: skip
        assert desk.run("disconnect", "hubspot", "--yes").code == 0
        eventually(lambda: modes(daemon) == {"salesforce": "observe"}, "salesforce alone")
        assert "salesforce is only observed" in desk.run("status").out
    finally:
        daemon.stop()
    assert "connection.changed" in logged.getvalue()


def mirror_one(desk) -> None:
    """Leave what a walk through HubSpot's contacts leaves: a record, a position, a wish to read another."""
    now = datetime.now(UTC)
    record = Record(RecordRef("hubspot", "contacts", "1"), {"email": "ada@example.com"}, modified_at=now)
    cursor = Cursor("hubspot", POLL, "contacts", now, now, after="1")
    migrate.upgrade(desk.environ["LEADRELAY_DATABASE_URL"])
    with contextlib.closing(open_store(desk.environ["LEADRELAY_DATABASE_URL"])) as store:
        store.write(lambda connection: mirror.write_page(connection, "main", [Listed(record)], now))
        store.write(lambda connection: cursors.begin(connection, "main", cursor))
        wish = Wish("hubspot", "contacts", "2")
        store.write(lambda connection: fetches.raise_wanted(connection, "main", [wish], now))


def mirrored(desk) -> tuple[int, int, int]:
    """How many records, positions and wishes there are of HubSpot."""
    with (
        contextlib.closing(open_store(desk.environ["LEADRELAY_DATABASE_URL"])) as store,
        store.snapshot() as look,
    ):
        tables_of = (tables.mirror, tables.cursors, tables.outbox_fetches)
        found = [
            look.execute(
                sa.select(sa.func.count()).select_from(t).where(t.c.connection == "hubspot")
            ).scalar_one()
            for t in tables_of
        ]
    return found[0], found[1], found[2]


def test_a_start_without_credentials_keeps_what_was_read(desk, logged):
    mirror_one(desk)
    started(desk).stop()  # whoever starts it forgot the variable with the token
    assert mirrored(desk) == (1, 1, 1)


def test_disconnecting_while_no_daemon_runs_takes_the_mirror_along(desk):
    assert desk.connect_hubspot().code == 0
    mirror_one(desk)
    assert desk.run("disconnect", "hubspot", "--yes").code == 0
    assert mirrored(desk) == (0, 0, 0)


def test_a_mirror_whose_forgetting_was_broken_off_is_forgotten_at_the_start(desk, logged):
    mirror_one(desk)
    with contextlib.closing(open_store(desk.environ["LEADRELAY_DATABASE_URL"])) as store:
        store.write(lambda connection: mirror.begin_forgetting(connection, "main", "hubspot"))
    assert mirrored(desk) == (1, 0, 0)
    started(desk).stop()
    assert mirrored(desk) == (0, 0, 0)


def test_a_sandbox_connected_while_the_daemon_runs_is_written_to(desk, logged):
    daemon = started(desk, LEADRELAY_SANDBOX="true")
    try:
        answer = desk.connect_hubspot(LEADRELAY_SANDBOX="true")
        assert "sandbox on this machine, so it is written to" in answer.out
        eventually(lambda: modes(daemon) == {"hubspot": "write"}, "hubspot")
        assert daemon._check_workers() is None
        assert "claim-hubspot" in {one.name for one in daemon.fleet.loops()}
        [follower] = (one for one in daemon.fleet.loops() if one.name == "follow-hubspot")
        assert set(daemon.fleet.following()["hubspot"].objects) == {"contacts", "companies", "deals"}

        def fails() -> int:
            raise KeyError("ada")

        follower._step = fails
        eventually(lambda: "an unexpected failure (KeyError)" in str(daemon._check_workers()), "its end")
        failure = daemon.fleet.following()["hubspot"].failure
        assert daemon._check_workers() == f"follow-hubspot: {failure}"
        assert f"fault={failure.rpartition(' ')[2]!r}" in logged.getvalue()  # from the page to the log
        said = "hubspot: what changes there cannot be followed: an unexpected failure (KeyError)"
        assert said in desk.run("status").out
        follower.stop()
        eventually(lambda: "follow-hubspot has stopped" in str(daemon._check_workers()), "its end")
    finally:
        daemon.stop()


def test_leads_reach_an_org_that_is_signed_in_to_though_its_session_is_ended(desk, logged):
    org = desk.crms["salesforce"]
    org.reset()
    daemon = started(desk, LEADRELAY_SANDBOX="true")
    try:
        desk.connect_salesforce()
        eventually(lambda: modes(daemon) == {"salesforce": "write"}, "salesforce")
        door = f"http://127.0.0.1:{daemon.port}/in/website"
        for number, email in enumerate(("ada@analytical.example", "mary@analytical.example")):
            form = {"email": email, "last_name": "L", "company": "A", "form_type": "demo", "country": "GB"}
            assert requests.post(door, data=form, timeout=60).status_code == 202
            eventually(lambda: len(org.people()) == number + 1, email)  # noqa: B023 - looked at right here
            source = daemon.fleet.connected["salesforce"].connector._client._endpoint.tokens  # type: ignore[attr-defined]
            source._signed_in_at -= 7200
            revoked = {"token": source.token()}
            requests.post(f"{org.url}/services/oauth2/revoke", data=revoked, timeout=60).raise_for_status()
        assert org.calls()["POST /services/oauth2/token"] >= 2
    finally:
        daemon.stop()


def test_a_daemon_with_another_key_refuses_what_it_could_not_open(desk, logged):
    daemon = started(desk, LEADRELAY_SECRET_KEY=OTHER_KEY)
    try:
        answer = desk.connect_hubspot()
        assert answer.code == 1
        assert "Start the daemon with the same LEADRELAY_SECRET_KEY" in answer.err
        assert desk.listed() == {}
    finally:
        daemon.stop()


def test_keys_are_turned_beside_a_running_daemon(desk, logged):
    desk.connect_hubspot()
    both = {"LEADRELAY_SECRET_KEY": f"{OTHER_KEY},{KEY}"}
    daemon = started(desk, **both)
    try:
        assert "1 of 1 connection sealed" in desk.run("secrets", "rotate", **both).out
        assert desk.run("secrets", "rotate", LEADRELAY_SECRET_KEY=KEY).code == 1
    finally:
        daemon.stop()


def test_a_daemon_that_cannot_open_a_connection_starts_and_takes_posts(desk, logged):
    desk.connect_hubspot()
    daemon = started(desk, LEADRELAY_SECRET_KEY="")
    try:
        assert "LEADRELAY_SECRET_KEY is not set" in daemon.facts()["unusable"]["hubspot"]
        assert "hubspot cannot be used: LEADRELAY_SECRET_KEY is not set" in desk.run("status").out
        assert daemon._check_workers() is None
        unreachable = daemon.fleet._outlet("slack").unreachable()  # while salesforce was never connected
        assert unreachable == {"hubspot"}
    finally:
        daemon.stop()
    assert "connection.unusable" in logged.getvalue()


def test_a_connection_that_cannot_be_used_keeps_its_leads_in_flight_for_command_and_pages(desk, logged):
    sandbox = {"LEADRELAY_SANDBOX": "true"}
    desk.connect_hubspot(**sandbox)
    token = desk.run("token", "add", "report").out.split()[-1]
    daemon = started(desk, LEADRELAY_SECRET_KEY="", **sandbox)
    try:
        assert modes(daemon) == {}
        home = f"http://127.0.0.1:{daemon.port}"
        form = {"email": "ada@analytical.example", "last_name": "L", "form_type": "demo", "country": "GB"}
        assert requests.post(f"{home}/in/website", data=form, timeout=60).status_code == 202
        told = {"Authorization": f"Bearer {token}"}

        def counts() -> tuple[int, int]:
            found = requests.get(f"{home}/api/v1/status", headers=told, timeout=30).json()
            website = found["sources"].get("website", {})
            return website.get("delivered", 0), website.get("in_flight", 0)

        eventually(lambda: json.loads(desk.run("status", "--json", **sandbox).out)["leads"], "the decision")
        website = json.loads(desk.run("status", "--json", **sandbox).out)["sources"]["website"]
        assert (website["delivered"], website["in_flight"]) == (0, 1)
        eventually(lambda: counts() != (0, 0), "the count")
        assert counts() == (0, 1)
    finally:
        daemon.stop()
