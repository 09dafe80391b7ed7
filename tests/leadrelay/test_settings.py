"""Settings: read once, every problem said at once, secrets from variables or files."""

from __future__ import annotations

from pathlib import Path

import pytest

from connectors.tokens import App, Credentials
from leadrelay import settings
from leadrelay.settings import ConnectionSettings, Settings, SettingsError, load, local_url
from sync.vault import new_key
from tests.connectors.keys import pair


def problems_of(**environ: str) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        load(environ)
    return caught.value.problems


def test_nothing_set_is_a_small_daemon_on_loopback():
    found = load({})
    assert (found.host, found.port, found.threads, found.lanes) == ("127.0.0.1", 8000, 16, 8)
    assert found.database_url == "sqlite:///data/leadrelay.db"
    assert found.playbook == Path("playbook")
    assert (found.lease_seconds, found.log_level, found.is_sandbox) == (120, "info", False)


def test_blank_variables_are_not_set():
    names = [
        "DATABASE_URL", "PLAYBOOK", "HOST", "PORT", "THREADS", "DELIVERY_LANES", "LEASE_SECONDS", "LOG_LEVEL",
        "SANDBOX", "HUBSPOT_BASE_URL", "HUBSPOT_TOKEN", "HUBSPOT_API_VERSION",
    ]  # fmt: skip
    blank = load({f"LEADRELAY_{name}": "" for name in names})
    assert blank.playbook == Path("playbook")
    assert blank.port == 8000
    assert blank.connection("hubspot", "hubspot") == load({}).connection("hubspot", "hubspot")


def test_every_problem_is_said_at_once(tmp_path):
    found = problems_of(
        LEADRELAY_DATABASE_URL="mysql://x",
        LEADRELAY_PORT="70000",
        LEADRELAY_THREADS="0",
        LEADRELAY_DELIVERY_LANES="two",
        LEADRELAY_LEASE_SECONDS="1",
        LEADRELAY_LOG_LEVEL="loud",
        LEADRELAY_SANDBOX="perhaps",
        LEADRELAY_HUBSPOT_BASE_URL="localhost:8901",
        LEADRELAY_SALESFORCE_LOGIN_URL="ftp://example.com",
        LEADRELAY_HUBSPOT_TOKEN_FILE=str(tmp_path / "absent"),
    )
    assert found == [
        "LEADRELAY_DATABASE_URL='mysql://x': sqlite:///FILE or "
        "postgresql+psycopg://USER:PASSWORD@HOST/DATABASE is needed (default: sqlite:///data/leadrelay.db)",
        "LEADRELAY_PORT='70000': a whole number from 0 to 65535 is needed (default: 8000)",
        "LEADRELAY_THREADS='0': a whole number from 1 to 256 is needed (default: 16)",
        "LEADRELAY_DELIVERY_LANES='two': a whole number from 1 to 64 is needed (default: 8)",
        "LEADRELAY_LEASE_SECONDS='1': a whole number from 2 to 3600 is needed (default: 120)",
        "LEADRELAY_LOG_LEVEL='loud': debug, info, warning or error is needed (default: info)",
        "LEADRELAY_SANDBOX='perhaps': true or false is needed (default: false)",
        "LEADRELAY_HUBSPOT_BASE_URL='localhost:8901': an address such as https://HOST is needed",
        "LEADRELAY_SALESFORCE_LOGIN_URL='ftp://example.com': an address such as https://HOST is needed",
        f"LEADRELAY_HUBSPOT_TOKEN_FILE: cannot read {tmp_path / 'absent'}: No such file or directory",
    ]


@pytest.mark.parametrize("port", ["-1", "8000.0", " 8000", "８０００", "0x50", "65536"])
def test_a_port_is_a_whole_number_in_its_range(port):
    [problem] = problems_of(LEADRELAY_PORT=port)
    assert problem.startswith("LEADRELAY_PORT=")


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ("postgres://u:p@db/leads", "postgresql+psycopg://u:p@db/leads"),
        ("postgresql://u:p@db/leads", "postgresql+psycopg://u:p@db/leads"),
        ("postgresql+psycopg://u:p@db/leads", "postgresql+psycopg://u:p@db/leads"),
        ("sqlite:////data/leadrelay.db", "sqlite:////data/leadrelay.db"),
    ],
)
def test_postgres_addresses_in_their_usual_forms_are_understood(given, used):
    assert load({"LEADRELAY_DATABASE_URL": given}).database_url == used


def test_a_wrong_database_address_is_told_without_its_password():
    [problem] = problems_of(LEADRELAY_DATABASE_URL="postgresql+asyncpg://leads:hunter2@db/leads")
    assert "hunter2" not in problem


def test_a_secret_comes_from_its_variable_or_from_a_file(tmp_path):
    file = tmp_path / "token"
    file.write_text("from-file\n")
    both = load({"LEADRELAY_HUBSPOT_TOKEN": "from-variable", "LEADRELAY_HUBSPOT_TOKEN_FILE": str(file)})
    only_file = load({"LEADRELAY_HUBSPOT_TOKEN_FILE": str(file)})
    assert both.secret("LEADRELAY_HUBSPOT_TOKEN") == "from-variable"
    assert only_file.secret("LEADRELAY_HUBSPOT_TOKEN") == "from-file"
    assert only_file.connection("hubspot", "hubspot").token == "from-file"
    assert load({}).secret("LEADRELAY_HUBSPOT_TOKEN") is None


def test_a_file_with_nothing_in_it_is_no_secret(tmp_path):
    file = tmp_path / "token"
    file.write_text("\n")
    assert load({"LEADRELAY_X_FILE": str(file)}).secret("LEADRELAY_X") is None


def test_a_secret_file_that_is_not_text_is_a_problem(tmp_path):
    file = tmp_path / "token"
    file.write_bytes(b"\xff\xfe\x00")
    assert problems_of(LEADRELAY_X_FILE=str(file)) == [
        f"LEADRELAY_X_FILE: cannot read {file}: it is not text in UTF-8"
    ]


def test_no_secret_shows_in_a_representation():
    found = load({"LEADRELAY_HUBSPOT_TOKEN": "pat-very-secret"})
    assert "pat-very-secret" not in repr(found) + repr(found.connection("hubspot", "hubspot"))


def test_a_connection_is_named_as_in_the_playbook():
    found = load({"LEADRELAY_HUBSPOT_EU_TOKEN": "t", "LEADRELAY_HUBSPOT_EU_API_VERSION": "v3"})
    one = found.connection("hubspot-eu", "hubspot")
    assert one == ConnectionSettings("https://api.hubapi.com", Credentials(token="t"), "v3")
    assert one.is_set_up


def test_salesforce_has_no_address_until_one_is_given():
    assert not load({"LEADRELAY_SALESFORCE_TOKEN": "t"}).connection("salesforce", "salesforce").is_set_up
    given = load({"LEADRELAY_SALESFORCE_TOKEN": "t", "LEADRELAY_SALESFORCE_LOGIN_URL": "https://a.example/"})
    assert given.connection("salesforce", "salesforce").base_url == "https://a.example"


@pytest.mark.parametrize(
    ("sandbox", "url", "writes"),
    [
        ("true", "http://127.0.0.1:8901", True),
        ("true", "http://localhost:8901", True),
        ("true", "http://[::1]:8901", True),
        ("true", "https://api.hubapi.com", False),
        ("true", "http://127.0.0.1.example.com", False),
        ("false", "http://127.0.0.1:8901", False),
    ],
)
def test_only_a_sandbox_on_this_machine_is_written_to(sandbox, url, writes):
    environ = {
        "LEADRELAY_SANDBOX": sandbox,
        "LEADRELAY_HUBSPOT_BASE_URL": url,
        "LEADRELAY_HUBSPOT_TOKEN": "t",
    }
    found: Settings = load(environ)
    assert found.writes_to(found.connection("hubspot", "hubspot")) is writes


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:80"),
        ("0.0.0.0", "http://127.0.0.1:80"),
        ("::", "http://[::1]:80"),
        ("::1", "http://[::1]:80"),
        ("leads.internal", "http://leads.internal:80"),
    ],
)
def test_the_local_address_can_be_called(host, url):
    assert local_url(host, 80) == url


def test_the_environment_is_read_when_nothing_is_handed_in(monkeypatch):
    monkeypatch.setenv("LEADRELAY_PORT", "8123")
    assert settings.load().port == 8123


SF = "LEADRELAY_SALESFORCE"
MY_DOMAIN = {f"{SF}_BASE_URL": "https://acme.my.salesforce.com"}
KEY = pair()[0]


@pytest.mark.parametrize(
    ("given", "method"),
    [
        ({"_CLIENT_ID": "c", "_CLIENT_SECRET": "s"}, "client_credentials"),
        ({"_CLIENT_ID": "c", "_PRIVATE_KEY": KEY, "_USERNAME": "u@acme.example"}, "jwt"),
        ({"_TOKEN": "t"}, "token"),
        ({}, ""),
    ],
)
def test_what_is_set_says_how_a_connection_signs_in(given, method):
    found = load(MY_DOMAIN | {SF + name: text for name, text in given.items()})
    reach = found.connection("salesforce", "salesforce")
    assert (reach.credentials.method, reach.is_set_up) == (method, bool(method))
    assert KEY not in repr(found) + repr(reach)


def test_a_client_id_without_the_accounts_address_is_the_app_by_which_people_connect():
    given = {"CLIENT_ID": "c", "CLIENT_SECRET": "s"}
    both = {
        f"LEADRELAY_{kind}_{name}": text for kind in ("HUBSPOT", "SALESFORCE") for name, text in given.items()
    }
    found = load(both)
    assert found.app("hubspot", "hubspot") == App("c", "s", "https://api.hubapi.com")
    assert found.app("salesforce", "salesforce") == App("c", "s", "https://login.salesforce.com")
    assert not any(found.connection(kind, kind).is_set_up for kind in ("hubspot", "salesforce"))
    assert "'s'" not in repr(found.app("hubspot", "hubspot"))
    test = load(both | {f"{SF}_LOGIN_URL": "https://test.salesforce.com/"})
    assert test.app("salesforce", "salesforce").login_url == "https://test.salesforce.com"
    assert load(both | MY_DOMAIN).app("salesforce", "salesforce") is None  # client credentials
    assert load({}).app("hubspot", "hubspot") is None


def test_a_connection_without_an_app_of_its_own_takes_that_of_its_kind():
    given = {"LEADRELAY_HUBSPOT_CLIENT_ID": "c", "LEADRELAY_HUBSPOT_CLIENT_SECRET": "s"}
    own = {"LEADRELAY_HUBSPOT_EU_CLIENT_ID": "eu", "LEADRELAY_HUBSPOT_EU_CLIENT_SECRET": "s"}
    assert load(given).app("hubspot-eu", "hubspot").client_id == "c"
    assert load(given | own).app("hubspot-eu", "hubspot").client_id == "eu"


def test_each_part_of_a_sign_in_can_come_from_a_file(tmp_path):
    for name, text in {"id": "c", "key": KEY, "user": "u@acme.example"}.items():
        (tmp_path / name).write_text(f"{text}\n")
    files = {"_CLIENT_ID_FILE": "id", "_PRIVATE_KEY_FILE": "key", "_USERNAME_FILE": "user"}
    environ = MY_DOMAIN | {SF + name: str(tmp_path / file) for name, file in files.items()}
    reach = load(environ | {f"{SF}_LOGIN_URL": "https://login.salesforce.com/"}).connection(
        "salesforce", "salesforce"
    )
    assert reach.base_url == "https://acme.my.salesforce.com"
    assert reach.credentials == Credentials(
        client_id="c",
        private_key=KEY.strip(),
        username="u@acme.example",
        login_url="https://login.salesforce.com",
    )


@pytest.mark.parametrize(
    ("given", "problems"),
    [
        ({"_CLIENT_ID": "c"}, ["_CLIENT_SECRET: missing"]),
        ({"_CLIENT_SECRET": "s"}, ["_CLIENT_ID: missing"]),
        ({"_USERNAME": "u"}, ["_CLIENT_ID: missing"]),
        ({"_CLIENT_ID": "c", "_PRIVATE_KEY": KEY}, ["_USERNAME: missing"]),
        (
            {"_CLIENT_ID": "c", "_PRIVATE_KEY": "hunter2", "_USERNAME": "u"},
            ["_PRIVATE_KEY: it is no private"],
        ),
        (
            {"_PRIVATE_KEY": "hunter2"},
            ["_CLIENT_ID: missing", "_USERNAME: missing", "_PRIVATE_KEY: it is no"],
        ),
        ({"_CLIENT_ID": "c", "_CLIENT_SECRET": "s", "_PRIVATE_KEY": KEY}, ["_CLIENT_SECRET: set beside"]),
        ({"_TOKEN": "t", "_CLIENT_ID": "c"}, ["_TOKEN: set beside"]),
        (
            {"_CLIENT_ID": "c", "_PRIVATE_KEY": KEY, "_USERNAME": "u", "_BASE_URL": ""},
            ["_BASE_URL: missing"],
        ),
        (
            {"_CLIENT_ID": "c", "_CLIENT_SECRET": "s", "_BASE_URL": "https://login.salesforce.com"},
            ["_BASE_URL: missing"],
        ),
    ],
)
def test_half_a_sign_in_is_told_with_all_that_it_lacks(given, problems):
    told = problems_of(**MY_DOMAIN | {SF + name: text for name, text in given.items()})
    assert [problem[: len(SF + start)] for problem, start in zip(told, problems, strict=True)] == [
        SF + start for start in problems
    ]
    assert "hunter2" not in "".join(told)


def test_problems_of_several_connections_and_of_the_key_are_told_at_once():
    told = problems_of(
        LEADRELAY_SECRET_KEY="hunter2",
        LEADRELAY_SF_EU_CLIENT_ID="c",
        LEADRELAY_SF_US_CLIENT_SECRET="s",
        LEADRELAY_SOURCE_SHOP_CLIENT_SECRET="a source's own secret",
    )
    starts = [problem.partition(":")[0].removeprefix("LEADRELAY_") for problem in told]
    assert starts == [
        "SECRET_KEY",
        "SF_EU_CLIENT_SECRET",
        "SF_US_CLIENT_ID",
    ]
    assert "hunter2" not in "".join(told)


def test_the_keys_of_the_store_come_from_a_file_too(tmp_path):
    file = tmp_path / "keys"
    file.write_text(f"{new_key()}\n{new_key()}\n")
    assert load({"LEADRELAY_SECRET_KEY_FILE": str(file)}).vault().has_key
    assert not load({}).vault().has_key


def test_a_public_address_is_an_address():
    assert load({"LEADRELAY_PUBLIC_URL": "https://leads.example/"}).public_url == "https://leads.example"
    assert problems_of(LEADRELAY_PUBLIC_URL="leads.example")[0].startswith("LEADRELAY_PUBLIC_URL=")


def test_a_mail_server_is_handed_nothing_that_smtp_cannot_carry(tmp_path):
    secret = tmp_path / "password"
    secret.write_text("pässword\n")
    told = problems_of(
        LEADRELAY_SMTP_HOST="mail.example",
        LEADRELAY_SMTP_FROM="Jörg <leads@bücher.example>",
        LEADRELAY_SMTP_USER="jörg",
        LEADRELAY_SMTP_PASSWORD_FILE=str(secret),
        LEADRELAY_ALERT_MAIL_TO="ops@example.com, ops@bücher.example",
    )
    names = ("ALERT_MAIL_TO", "SMTP_FROM", "SMTP_USER", "SMTP_PASSWORD")
    assert [line.split(":")[0].split("=")[0] for line in told] == [f"LEADRELAY_{name}" for name in names]
    assert not [line for line in told if "ssword" in line.partition(":")[2]]
    fine = {
        "LEADRELAY_SMTP_HOST": "mail.example",
        "LEADRELAY_SMTP_FROM": "Jörg <leads@xn--bcher-kva.example>",
    }
    load(fine | {"LEADRELAY_ALERT_MAIL_TO": "ops@example.com"})


def test_a_secret_in_an_address_must_be_long_and_fit_there(tmp_path):
    name = "LEADRELAY_SALESFORCE_HOOK_SECRET"
    needed = f"{name}: 24 characters or more are needed, of A-Z, a-z, 0-9, - and _"
    for text in ("short", "a" * 23, "a/b" * 20, "ü" * 30):
        assert problems_of(**{name: text}) == [needed]
    (tmp_path / "secret").write_text("x")
    assert problems_of(**{f"{name}_FILE": str(tmp_path / "secret")}) == [needed]
    assert load({name: "Ab0-_" * 5}).secret(name) == "Ab0-_" * 5
    assert load({"LEADRELAY_SOURCE_X_HOOK_SECRET": "short"})


def test_the_header_of_a_certificate_needs_its_value_and_the_other_way_round():
    header, value = "LEADRELAY_SALESFORCE_HOOK_CERT_HEADER", "LEADRELAY_SALESFORCE_HOOK_CERT_VALUE"
    assert problems_of(**{header: "X-Verify"}) == [f"{value}: missing, and needed with {header}"]
    assert problems_of(**{value: "SUCCESS"}) == [f"{header}: missing, and needed with {value}"]
    assert load({header: "X-Verify", value: "SUCCESS"})


def test_a_broker_makes_one_of_several_processes_of_it(tmp_path):
    shared = {"LEADRELAY_DATABASE_URL": "postgresql://leads@db/leads"}
    assert not load(shared).is_scaled_out
    assert load(shared | {"LEADRELAY_BROKER_URL": "amqp://a:b@mq:5672//"}).is_scaled_out
    (tmp_path / "broker").write_text("amqps://a:b@mq//\n", encoding="utf-8")
    found = load(shared | {"LEADRELAY_BROKER_URL_FILE": str(tmp_path / "broker")})
    assert found.broker_url == "amqps://a:b@mq//"
    assert "a:b" not in repr(found)


def test_a_broker_without_a_store_to_share_or_of_another_kind_is_refused():
    [problem] = problems_of(LEADRELAY_BROKER_URL="amqp://mq//")
    assert "LEADRELAY_DATABASE_URL" in problem
    shared = "postgresql://leads@db/leads"
    [problem] = problems_of(LEADRELAY_DATABASE_URL=shared, LEADRELAY_BROKER_URL="redis://:secret@mq/0")
    assert "amqp://" in problem
    assert "secret" not in problem
