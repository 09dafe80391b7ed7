"""Connecting in the browser against the sandbox: states, codes, PKCE, other accounts, and letting go."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from connectors import oauth
from dashboard.grants import Beginning, NotConnected
from leadrelay import settings
from leadrelay.browser import Browser
from leadrelay.desk import Desk
from leadrelay.grants import GrantsOfStore
from mappings.compile import load
from mappings.starter import write_starter
from model.errors import LeadRelayError
from sandbox.salesforce.oauth.apps import CLIENT_ID, CLIENT_SECRET
from sync import connections, vault
from sync.database import Store, open_store
from tests.journeys.crms import Crm, running_crms
from tests.journeys.house import Clock

KEY = vault.new_key()
HOME = "http://127.0.0.1:8000"
HUBSPOT_SECRET = "sandbox-client-secret-0001"
ANNA = "anna.keller@northlight.example"


@pytest.fixture(scope="module")
def crms() -> Iterator[Mapping[str, Crm]]:
    """Both sandboxes."""
    with running_crms() as found:
        yield found


@dataclass
class Desktop:
    """A daemon's part for the browser, over a store and the sandbox CRMs."""

    settings: settings.Settings
    store: Store
    clock: Clock
    crms: Mapping[str, Crm]
    changes: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        playbook = load(self.settings.playbook)
        grants = GrantsOfStore(self.settings, self.store, self.clock)
        self.desk = Desk(self.settings, self.store, self.clock, grants)
        self.browser = Browser(
            settings=self.settings,
            store=self.store,
            clock=self.clock,
            playbook=lambda: playbook,
            connect=self.desk.save,
            leave=self.desk.remove,
            on_change=lambda: self.changes.append(1),
        )

    def leave(self, name: str, session: str = "session-1") -> str:
        return self.browser.begin(Beginning(name, "", "", session, HOME, "ada"))

    def come_back(self, kind: str, answer: Mapping[str, str], session: str = "session-1") -> str:
        return self.browser.finish(kind, session, answer)

    def connect(self, name: str) -> str:
        return self.come_back(name, allow(name, self.leave(name)))

    def kept(self, name: str) -> connections.StoredConnection:
        with self.store.snapshot() as snapshot:
            return connections.load(snapshot, "main")[name]

    def opened(self, name: str) -> dict[str, str]:
        return self.settings.vault().open(self.kept(name).sealed)

    @property
    def names(self) -> set[str]:
        with self.store.snapshot() as snapshot:
            return set(connections.load(snapshot, "main"))


@pytest.fixture
def desktop(tmp_path: Path, migrated_file: Path, crms: Mapping[str, Crm]) -> Iterator[Desktop]:
    """One on which nothing is connected."""
    for crm in crms.values():
        crm.reset()
    write_starter(tmp_path / "playbook")
    (tmp_path / "store.db").write_bytes(migrated_file.read_bytes())
    url = f"sqlite:///{tmp_path / 'store.db'}"
    environ = {
        "LEADRELAY_DATABASE_URL": url,
        "LEADRELAY_PLAYBOOK": str(tmp_path / "playbook"),
        "LEADRELAY_SECRET_KEY": KEY,
        "LEADRELAY_HUBSPOT_BASE_URL": crms["hubspot"].url,
        "LEADRELAY_HUBSPOT_CLIENT_ID": "sandbox-client-id",
        "LEADRELAY_HUBSPOT_CLIENT_SECRET": HUBSPOT_SECRET,
        "LEADRELAY_SALESFORCE_LOGIN_URL": crms["salesforce"].url,
        "LEADRELAY_SALESFORCE_CLIENT_ID": CLIENT_ID,
        "LEADRELAY_SALESFORCE_CLIENT_SECRET": CLIENT_SECRET,
    }
    store = open_store(url)
    yield Desktop(settings.load(environ), store, Clock(), crms)
    store.close()


def hidden(page: requests.Response) -> dict[str, str]:
    found = re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', page.text)
    return {html.unescape(name): html.unescape(value) for name, value in found}


def brought_back(answer: requests.Response) -> dict[str, str]:
    assert answer.status_code == 302, answer.text
    target = urlsplit(answer.headers["Location"])
    assert target.path.startswith("/oauth/")
    return {name: values[0] for name, values in parse_qs(target.query).items()}


def allow(kind: str, page: str, *, deny: bool = False) -> dict[str, str]:
    """Do at the vendor's page what a person does; return what comes back in the address."""
    shown, at = requests.get(page, timeout=60), page.partition("?")[0]
    assert shown.status_code == 200, shown.text

    def press(form: dict[str, str]) -> requests.Response:
        return requests.post(at, data=form, allow_redirects=False, timeout=60)

    if kind == "hubspot":
        pressed = {"decision": "deny" if deny else "approve", "person": ANNA}
        return brought_back(press(hidden(shown) | pressed))
    asked = press(hidden(shown) | {"username": ANNA, "password": "x"})
    return brought_back(press(hidden(asked) | {"action": "deny" if deny else "allow"}))


@pytest.mark.parametrize(("kind", "account"), [("hubspot", "62515"), ("salesforce", "00D5g00000006JxEAI")])
def test_an_account_is_connected_and_observed_and_its_tokens_are_under_seal(desktop, kind, account):
    assert desktop.connect(kind) == kind
    one, plain = desktop.kept(kind), desktop.opened(kind)
    assert (one.method, one.account, one.mode, one.by) == ("oauth", account, "observe", "ada")
    assert one.base_url == desktop.crms[kind].url
    assert plain["token"]
    assert plain["refresh_token"]
    assert ("expires_at" in plain) == (kind == "hubspot")
    assert "client_secret" not in plain
    standing = desktop.browser.look(kind)
    assert (standing.is_kept, standing.method, standing.account) == (True, "oauth", account)
    assert desktop.changes == [1]


def test_hubspot_is_asked_for_what_the_map_needs_and_no_more(desktop):
    asked = parse_qs(urlsplit(desktop.leave("hubspot")).query)
    assert asked["scope"][0].split() == [
        "oauth",
        "crm.objects.owners.read",
        "crm.objects.contacts.read",
        "crm.objects.contacts.write",
        "crm.objects.companies.read",
        "crm.objects.companies.write",
        "crm.objects.deals.read",
        "crm.objects.deals.write",
    ]
    assert asked["optional_scope"][0].split() == [
        f"crm.schemas.{name}.write" for name in ("contacts", "companies", "deals")
    ]
    assert asked["redirect_uri"] == [f"{HOME}/oauth/hubspot/callback"]
    assert HUBSPOT_SECRET not in str(asked)


def test_salesforce_is_asked_with_a_challenge(desktop):
    page = desktop.leave("salesforce")
    asked = parse_qs(urlsplit(page).query)
    assert (asked["scope"], asked["code_challenge_method"]) == (["api refresh_token"], ["S256"])
    assert len(asked["code_challenge"][0]) == 43
    assert len(asked["state"][0]) == 43
    assert parse_qs(urlsplit(desktop.leave("salesforce")).query)["state"] != asked["state"]


def test_a_state_is_good_once(desktop):
    answer = allow("hubspot", desktop.leave("hubspot"))
    assert desktop.come_back("hubspot", answer) == "hubspot"
    with pytest.raises(NotConnected, match="belongs to no connection that is being made"):
        desktop.come_back("hubspot", answer)


@pytest.mark.parametrize("answer", [{}, {"code": "c"}, {"code": "c", "state": "made-up"}])
def test_a_state_that_nobody_left_with_connects_nothing(desktop, answer):
    with pytest.raises(NotConnected, match="belongs to no connection that is being made"):
        desktop.come_back("hubspot", answer)


def test_a_state_is_the_kinds_that_it_was_made_for(desktop):
    with pytest.raises(NotConnected, match="belongs to no connection"):
        desktop.come_back("salesforce", allow("hubspot", desktop.leave("hubspot")))


def test_another_browsers_session_connects_nothing_and_the_state_is_spent(desktop):
    answer = allow("hubspot", desktop.leave("hubspot"))
    with pytest.raises(NotConnected, match="in another browser"):
        desktop.come_back("hubspot", answer, "session-2")
    with pytest.raises(NotConnected, match="belongs to no connection"):
        desktop.come_back("hubspot", answer)
    assert desktop.names == set()


def test_who_takes_longer_than_ten_minutes_begins_again(desktop):
    answer = allow("hubspot", desktop.leave("hubspot"))
    desktop.clock.move_on(minutes=10, seconds=1)
    with pytest.raises(NotConnected, match="longer than 10 minutes"):
        desktop.come_back("hubspot", answer)
    assert desktop.names == set()


def test_another_web_process_takes_who_comes_back(desktop, tmp_path):
    answer = allow("salesforce", desktop.leave("salesforce"))
    store = open_store(desktop.settings.database_url)
    try:
        other = Desktop(desktop.settings, store, desktop.clock, desktop.crms)
        assert other.come_back("salesforce", answer) == "salesforce"
    finally:
        store.close()


@pytest.mark.parametrize("kind", ["hubspot", "salesforce"])
def test_a_person_who_says_no_is_told_what_that_means(desktop, kind):
    answer = allow(kind, desktop.leave(kind), deny=True)
    with pytest.raises(NotConnected, match=r"the access was not allowed \(access_denied: ") as caught:
        desktop.come_back(kind, answer)
    assert (caught.value.name, "Press Connect again" in caught.value.fix) == (kind, True)
    assert desktop.names == set()


def test_an_error_nobody_knows_is_shown_in_the_vendors_words(desktop):
    state = parse_qs(urlsplit(desktop.leave("hubspot")).query)["state"][0]
    with pytest.raises(NotConnected, match="HubSpot says: strange_thing: of a kind"):
        desktop.come_back(
            "hubspot", {"error": "strange_thing", "error_description": "of a kind", "state": state}
        )


def test_a_code_that_the_vendor_does_not_know_is_refused_in_its_words(desktop):
    state = parse_qs(urlsplit(desktop.leave("hubspot")).query)["state"][0]
    with pytest.raises(NotConnected, match="missing or unknown auth code"):
        desktop.come_back("hubspot", {"code": "made-up", "state": state})


def test_a_wrong_verifier_is_refused_by_salesforce(desktop, monkeypatch):
    page = desktop.leave("salesforce")
    challenge = oauth.challenge_of(oauth.new_verifier())
    page = re.sub(r"code_challenge=[\w-]+", f"code_challenge={challenge}", page)
    with pytest.raises(NotConnected, match="invalid_request: invalid code verifier"):
        desktop.come_back("salesforce", allow("salesforce", page))
    assert desktop.names == set()


def test_a_vendor_that_is_away_connects_nothing_and_keeps_its_secrets(desktop):
    answer = allow("hubspot", desktop.leave("hubspot"))
    desktop.crms["hubspot"].faults(error_rate=1.0, error_status=503)
    with pytest.raises(NotConnected) as caught:
        desktop.come_back("hubspot", answer)
    assert answer["code"] not in str(caught.value)
    assert HUBSPOT_SECRET not in str(caught.value)
    assert desktop.names == set()


def test_another_account_under_a_name_in_use_is_refused(desktop):
    desktop.connect("hubspot")
    one = replace(desktop.kept("hubspot"), account="777")
    desktop.store.write(lambda on: connections.save(on, "main", one, desktop.clock.now()))
    before = desktop.opened("hubspot")
    with pytest.raises(
        NotConnected, match="hubspot is connected to account 777; these credentials are of 62515"
    ):
        desktop.connect("hubspot")
    assert desktop.opened("hubspot") == before


def test_connecting_the_same_account_again_keeps_its_mode(desktop):
    desktop.connect("salesforce")
    now = desktop.clock.now()
    desktop.store.write(lambda on: connections.set_mode(on, "main", "salesforce", "write", now))
    before = desktop.opened("salesforce")
    desktop.connect("salesforce")
    assert desktop.kept("salesforce").mode == "write"
    assert desktop.opened("salesforce")["refresh_token"] != before["refresh_token"]


def test_a_token_connection_becomes_one_of_the_browser(desktop):
    sealed = desktop.settings.vault().seal({"token": "sandbox-token"})
    one = connections.StoredConnection(
        "hubspot", "hubspot", desktop.crms["hubspot"].url, "token", sealed, "62515", by="ada"
    )
    desktop.desk.save(one)
    assert desktop.browser.look("hubspot").method == "token"
    desktop.connect("hubspot")
    assert desktop.kept("hubspot").method == "oauth"


@pytest.mark.parametrize("kind", ["hubspot", "salesforce"])
def test_disconnecting_ends_the_tokens_at_the_vendor(desktop, kind):
    desktop.connect(kind)
    refresh_token = desktop.opened(kind)["refresh_token"]
    said = desktop.browser.disconnect(kind, "ada")
    assert said == f"{kind} is disconnected. {desktop.browser.look(kind).vendor} has ended its tokens."
    assert desktop.names == set()
    paths = {"hubspot": "/oauth/2026-03/token", "salesforce": "/services/oauth2/token"}
    app = desktop.settings.app(kind, kind)
    form = {"grant_type": "refresh_token", "refresh_token": refresh_token}
    form |= {"client_id": app.client_id, "client_secret": app.client_secret}
    answer = requests.post(f"{desktop.crms[kind].url}{paths[kind]}", data=form, timeout=60)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")


def test_a_vendor_that_cannot_be_told_is_forgotten_all_the_same(desktop):
    desktop.connect("hubspot")
    desktop.crms["hubspot"].faults(error_rate=1.0, error_status=503)
    said = desktop.browser.disconnect("hubspot", "ada")
    assert "HubSpot could not be told" in said
    assert "remove the app in HubSpot's own settings" in said
    assert desktop.names == set()


def test_what_the_environment_sets_up_is_not_connected_over(desktop):
    own = dict(desktop.settings.environ) | {"LEADRELAY_HUBSPOT_TOKEN": "t"}
    del own["LEADRELAY_HUBSPOT_CLIENT_ID"], own["LEADRELAY_HUBSPOT_CLIENT_SECRET"]
    desktop.browser.settings = settings.load(own)
    standing = desktop.browser.look("hubspot")
    assert (standing.may_begin, standing.is_kept) == (False, False)
    with pytest.raises(LeadRelayError, match="in the environment signs in to hubspot, and wins"):
        desktop.leave("hubspot")


@pytest.mark.parametrize(
    ("taken", "sentence"),
    [
        ("LEADRELAY_SECRET_KEY", "LEADRELAY_SECRET_KEY is not set"),
        ("LEADRELAY_SALESFORCE_CLIENT_SECRET", "LEADRELAY_SALESFORCE_CLIENT_ID and"),
    ],
)
def test_what_is_missing_is_said_before_anybody_leaves(desktop, taken, sentence):
    own = dict(desktop.settings.environ)
    del own[taken]
    if "CLIENT" in taken:
        del own["LEADRELAY_SALESFORCE_CLIENT_ID"]
    desktop.browser.settings = settings.load(own)
    assert sentence in desktop.browser.look("salesforce").lacks
    with pytest.raises(LeadRelayError, match=sentence):
        desktop.leave("salesforce")


@pytest.mark.parametrize(
    ("host", "domain", "at"),
    [
        ("login", "", "https://login.salesforce.com"),
        ("test", "", "https://test.salesforce.com"),
        ("own", "acme.my.salesforce.com", "https://acme.my.salesforce.com"),
        (
            "own",
            " https://Acme--uat.sandbox.my.salesforce.com/home ",
            "https://acme--uat.sandbox.my.salesforce.com",
        ),
        ("own", "acme.lightning.force.com", "https://acme.my.salesforce.com"),
    ],
)
def test_salesforce_is_signed_in_to_at_login_test_or_my_domain(desktop, host, domain, at):
    page = elsewhere(desktop).begin(Beginning("salesforce", host, domain, "s", HOME, "ada"))
    assert page.startswith(f"{at}/services/oauth2/authorize?")


@pytest.mark.parametrize(
    ("host", "domain"),
    [
        ("own", ""),
        ("own", "evil.example"),
        ("own", "evil.example/.my.salesforce.com"),
        ("own", "acme.my.salesforce.com.evil.example"),
        ("own", "user@evil.example#.my.salesforce.com"),
        ("evil.example", ""),
    ],
)
def test_the_secret_goes_to_no_other_host(desktop, host, domain):
    with pytest.raises(LeadRelayError, match=r"acme\.my\.salesforce\.com"):
        elsewhere(desktop).begin(Beginning("salesforce", host, domain, "s", HOME, "ada"))


def elsewhere(desktop: Desktop) -> Browser:
    """A browser's part where the environment does not say where people sign in."""
    own = dict(desktop.settings.environ)
    del own["LEADRELAY_SALESFORCE_LOGIN_URL"]
    desktop.browser.settings = settings.load(own)
    assert desktop.browser.look("salesforce").hosts
    return desktop.browser
