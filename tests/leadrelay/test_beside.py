"""Commands on an account that was connected in the browser: beside the daemon, and where none runs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest
import requests
from structlog.testing import capture_logs
from typer.testing import CliRunner

from leadrelay import settings
from leadrelay.alerts.looks import Looks
from leadrelay.cli import app
from leadrelay.clock import SystemClock
from leadrelay.control import ask_daemon
from leadrelay.wiring import Daemon
from mappings.starter import write_starter
from sandbox.salesforce.oauth.apps import CLIENT_ID, CLIENT_SECRET
from sync import connections, vault
from sync.access import hashed
from sync.connections import StoredConnection
from sync.database import open_store
from tests.journeys.crms import Crm, running_crms
from tests.leadrelay.test_browser import HOME, allow

KEY = vault.new_key()
CLIENT = {"client_id": "sandbox-client-id", "client_secret": "sandbox-client-secret-0001"}
PAST = "2020-01-01T00:00:00.000000Z"


@pytest.fixture(scope="module")
def crms() -> Iterator[Mapping[str, Crm]]:
    """Both sandboxes."""
    with running_crms() as found:
        yield found


@dataclass
class Desk:
    """A store in which HubSpot is connected by OAuth, and every word that commands printed."""

    environ: dict[str, str]
    crms: Mapping[str, Crm]
    printed: list[str] = field(default_factory=list)

    def run(self, *words: str) -> tuple[int, str]:
        result = CliRunner().invoke(app, words, env=self.environ, catch_exceptions=False)
        self.printed.append(result.output)
        return result.exit_code, result.output

    @property
    def settings(self) -> settings.Settings:
        return settings.load(self.environ)

    def plain(self, name: str = "hubspot") -> dict[str, str]:
        store = open_store(self.environ["LEADRELAY_DATABASE_URL"])
        try:
            with store.snapshot() as snapshot:
                one = connections.load(snapshot, "main")[name]
        finally:
            store.close()
        return self.settings.vault().open(one.sealed)

    def keep(self, name: str, account: str, plain: Mapping[str, str]) -> None:
        store = open_store(self.environ["LEADRELAY_DATABASE_URL"])
        sealed = self.settings.vault().seal(plain)
        one = StoredConnection(name, name, self.crms[name].url, "oauth", sealed, account, by="ada")
        store.write(partial(connections.connect, space="main", one=one, now=SystemClock().now()))
        store.close()

    def revoke(self) -> None:
        url = f"{self.crms['hubspot'].url}/oauth/v1/refresh-tokens/{self.plain()['refresh_token']}"
        assert requests.delete(url, timeout=60).status_code == 204


@pytest.fixture
def desk(tmp_path: Path, migrated_file: Path, crms: Mapping[str, Crm]) -> Iterator[Desk]:
    """HubSpot, connected; its token has run out."""
    for crm in crms.values():
        crm.reset()
    write_starter(tmp_path / "playbook")
    (tmp_path / "store.db").write_bytes(migrated_file.read_bytes())
    found = Desk(
        {
            "LEADRELAY_DATABASE_URL": f"sqlite:///{tmp_path / 'store.db'}",
            "LEADRELAY_PLAYBOOK": str(tmp_path / "playbook"),
            "LEADRELAY_SECRET_KEY": KEY,
            "LEADRELAY_PORT": "0",
            "LEADRELAY_HUBSPOT_BASE_URL": crms["hubspot"].url,
            "LEADRELAY_HUBSPOT_CLIENT_ID": CLIENT["client_id"],
            "LEADRELAY_HUBSPOT_CLIENT_SECRET": CLIENT["client_secret"],
            "LEADRELAY_SALESFORCE_LOGIN_URL": crms["salesforce"].url,
            "LEADRELAY_SALESFORCE_CLIENT_ID": CLIENT_ID,
            "LEADRELAY_SALESFORCE_CLIENT_SECRET": CLIENT_SECRET,
        },
        crms,
    )
    back = f"{HOME}/oauth/hubspot/callback"
    scopes = "oauth crm.objects.owners.read crm.objects.contacts.read crm.objects.companies.read"
    page = f"{crms['hubspot'].url}/oauth/authorize?client_id={CLIENT['client_id']}&redirect_uri={back}"
    code = allow("hubspot", f"{page}&scope={scopes}")["code"]
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": back, **CLIENT}
    told = requests.post(f"{crms['hubspot'].url}/oauth/2026-03/token", data=form, timeout=60).json()
    plain = {"token": "run-out", "refresh_token": told["refresh_token"], "expires_at": PAST, "scopes": scopes}
    found.keep("hubspot", "62515", plain | {"client_id": CLIENT["client_id"]})
    yield found
    whole = "".join(found.printed)
    assert not [secret for secret in (told["refresh_token"], CLIENT["client_secret"]) if secret in whole]


@pytest.fixture
def daemon(desk: Desk) -> Iterator[Daemon]:
    """A running daemon on that store."""
    with capture_logs():
        one = Daemon(desk.settings)
        one.start()
        try:
            yield one
        finally:
            one.stop()


def findings(desk: Desk) -> list[str]:
    return [one["fact"] for one in json.loads(desk.run("doctor", "hubspot", "--json")[1])["findings"]]


def test_where_no_daemon_runs_a_command_renews_the_token_itself(desk):
    assert "answers: account 62515" in findings(desk)[0]
    assert desk.plain()["token"] != "run-out"
    assert "scope crm.objects.contacts.write is missing" in " ".join(findings(desk))


def test_beside_a_daemon_the_command_has_it_renew_and_reads_what_it_keeps(desk, daemon):
    assert "answers: account 62515" in findings(desk)[0]
    assert desk.plain()["token"] != "run-out"


def test_the_daemon_renews_a_token_that_was_refused_to_a_command(desk, daemon):
    assert "answers" in findings(desk)[0]
    before = desk.plain()["token"]
    daemon.fleet.grants._sources["hubspot"][1]._renewed_at -= 60  # it is not quite new any more
    ask_daemon(desk.environ["LEADRELAY_DATABASE_URL"], "POST", "tokens/hubspot", '{"refused": "another"}')
    assert desk.plain()["token"] == before
    body = json.dumps({"refused": hashed(before)})
    ask_daemon(desk.environ["LEADRELAY_DATABASE_URL"], "POST", "tokens/hubspot", body)
    assert desk.plain()["token"] != before


def test_what_the_vendor_has_ended_is_told_by_every_command_and_no_vendor_is_asked_again(desk):
    desk.revoke()
    assert "HubSpot says invalid_grant" in findings(desk)[0]
    calls = desk.crms["hubspot"].calls()["POST /oauth/2026-03/token"]
    for _ in range(2):
        assert findings(desk)[0].startswith("reconnect needed: HubSpot says invalid_grant")
    assert desk.crms["hubspot"].calls()["POST /oauth/2026-03/token"] == calls
    assert "hubspot cannot be used: reconnect needed" in desk.run("status")[1]
    code, told = desk.run("connect", "--list")
    assert (code, "reconnect needed: HubSpot says" in " ".join(told.split())) == (0, True)


def test_a_daemon_that_starts_on_it_knows_it_and_alerts(desk):
    desk.revoke()
    findings(desk)
    with capture_logs() as lines:
        one = Daemon(desk.settings)
        try:
            assert "reconnect needed" in one.facts()["unusable"]["hubspot"]
            [alarm] = Looks(list).alarms(one._facts_for_alerts(None), None, SystemClock().now())
            assert (alarm.kind, alarm.subject) == ("connection", "hubspot")
            assert "hubspot cannot be used: reconnect needed: HubSpot says invalid_grant" in alarm.text
        finally:
            one.stop()
    assert "connection.unusable" in {line["event"] for line in lines}


@pytest.mark.parametrize("beside", [False, True])
def test_disconnecting_by_command_ends_the_tokens_too(desk, beside, request):
    if beside:
        request.getfixturevalue("daemon")
    refresh_token = desk.plain()["refresh_token"]
    code, told = desk.run("disconnect", "hubspot", "--yes")
    assert (code, told.strip()) == (0, "hubspot is disconnected. HubSpot has ended its tokens.")
    form = {"grant_type": "refresh_token", "refresh_token": refresh_token, **CLIENT}
    answer = requests.post(f"{desk.crms['hubspot'].url}/oauth/2026-03/token", data=form, timeout=60)
    assert answer.json()["status"] == "BAD_REFRESH_TOKEN"


def test_another_app_in_the_environment_is_said(desk):
    desk.environ["LEADRELAY_HUBSPOT_CLIENT_ID"] = "another"
    assert "was connected by the app sandbox-client-id" in findings(desk)[0]
    del desk.environ["LEADRELAY_HUBSPOT_CLIENT_ID"], desk.environ["LEADRELAY_HUBSPOT_CLIENT_SECRET"]
    assert "are not set, the app by which hubspot was connected" in findings(desk)[0]
