"""Environment variables -> one frozen Settings; every problem is said at once."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

from connectors.tokens import App, Credentials
from model.errors import LeadRelayError
from sync import vault
from sync.vault import Vault

if TYPE_CHECKING:
    from connectors.base import TokenSource

T = TypeVar("T")

SPACE = "main"  # one company, one store
LOOPBACK = ("127.0.0.1", "localhost", "::1")
DEFAULT_URLS = {"hubspot": "https://api.hubapi.com", "salesforce": ""}
LOGIN_URLS = {"hubspot": DEFAULT_URLS["hubspot"], "salesforce": "https://login.salesforce.com"}
DEFAULT_VERSIONS = {"hubspot": "2026-09", "salesforce": "68.0"}


_PASSWORD = re.compile(r"(://[^/@]*:)[^/]*(@)")


class SettingsError(LeadRelayError):
    """The environment cannot be used; ``problems`` lists everything that is wrong with it."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class ConnectionSettings:
    """How to reach one CRM account: its address, what it signs in with, and the version of its API."""

    base_url: str
    credentials: Credentials
    api_version: str
    origin: str = "environment"  # or "store"
    tokens: TokenSource | None = None  # of one that a person connected in the browser

    @property
    def token(self) -> str:
        """The fixed token, if it has one."""
        return self.credentials.token

    @property
    def is_set_up(self) -> bool:
        """Say whether there is anything to call."""
        return bool(self.base_url and self.credentials.method)

    @property
    def is_loopback(self) -> bool:
        """Say whether it points at this machine."""
        return is_loopback(self.base_url)


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything the environment decides."""

    database_url: str
    playbook: Path
    host: str
    port: int
    threads: int
    lanes: int
    lease_seconds: float
    min_free_bytes: int
    alert_free_bytes: int
    log_level: str
    is_sandbox: bool
    watches_playbook: bool
    public_url: str
    broker_url: str = field(repr=False)  # blank: one process does everything
    environ: Mapping[str, str] = field(repr=False)

    def secret(self, name: str) -> str | None:
        """Return a secret from ``NAME`` or from the file that ``NAME_FILE`` names; ``None`` if neither."""
        return read_secret(self.environ, name)

    def connection(self, name: str, kind: str) -> ConnectionSettings:
        """Return the settings of a connection of the playbook."""
        prefix = prefix_of(name)
        base_url, login_url = (
            self.environ.get(f"{prefix}_BASE_URL", ""),
            self.environ.get(f"{prefix}_LOGIN_URL", ""),
        )
        is_app = self._is_app(prefix, kind)  # people connect by it; nobody signs in with it alone
        credentials = Credentials(
            token=self.secret(f"{prefix}_TOKEN") or "",
            client_id="" if is_app else self.secret(f"{prefix}_CLIENT_ID") or "",
            client_secret="" if is_app else self.secret(f"{prefix}_CLIENT_SECRET") or "",
            private_key=self.secret(f"{prefix}_PRIVATE_KEY") or "",
            username=self.secret(f"{prefix}_USERNAME") or "",
            login_url=login_url.rstrip("/"),
        )
        return ConnectionSettings(
            base_url=(base_url or DEFAULT_URLS.get(kind) or login_url).rstrip("/"),
            credentials=credentials,
            api_version=self.environ.get(f"{prefix}_API_VERSION") or DEFAULT_VERSIONS.get(kind, ""),
        )

    def app(self, name: str, kind: str) -> App | None:
        """Return the app by which people connect an account in the browser: its own, or that of its kind."""
        for prefix in dict.fromkeys((prefix_of(name), prefix_of(kind))):
            given = self.secret(f"{prefix}_CLIENT_ID"), self.secret(f"{prefix}_CLIENT_SECRET")
            if given[0] and given[1] and self._is_app(prefix, kind):
                at = self.environ.get(f"{prefix}_{'BASE' if kind == 'hubspot' else 'LOGIN'}_URL")
                return App(given[0], given[1], (at or LOGIN_URLS.get(kind, "")).rstrip("/"))
        return None

    def _is_app(self, prefix: str, kind: str) -> bool:
        """Say whether client id and secret are such an app's, and no client credentials for Salesforce."""
        alone = ("BASE_URL", "PRIVATE_KEY", "PRIVATE_KEY_FILE")
        return kind != "salesforce" or not any(self.environ.get(f"{prefix}_{name}") for name in alone)

    def vault(self) -> Vault:
        """Return what opens the credentials in the store: the keys of ``LEADRELAY_SECRET_KEY``."""
        return Vault(vault.parse_keys(self.secret("LEADRELAY_SECRET_KEY") or ""))

    @property
    def is_scaled_out(self) -> bool:
        """Say whether other processes may work on the same store and call the same accounts."""
        return bool(self.broker_url)

    @property
    def url(self) -> str:
        """Where this machine reaches the daemon, whatever it listens on."""
        return local_url(self.host, self.port)

    def writes_to(self, connection: ConnectionSettings) -> bool:
        """Say whether a connection is written to: the sandbox's, on this machine; any other is observed."""
        return connection.is_set_up and self.writes_to_address(connection.base_url)

    def writes_to_address(self, base_url: str) -> bool:
        """Say the same of the address of a connection that is set up."""
        return self.is_sandbox and is_loopback(base_url)


def prefix_of(name: str) -> str:
    """Return how the variables of a connection begin."""
    return f"LEADRELAY_{name.upper().replace('-', '_')}"


def is_loopback(url: str) -> bool:
    """Say whether an address is this machine's."""
    return (urlsplit(url).hostname or "") in LOOPBACK


def local_url(host: str, port: int) -> str:
    """Return the address by which a process of this machine reaches a server that listens on ``host``."""
    reached = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host, host)
    return f"http://[{reached}]:{port}" if ":" in reached else f"http://{reached}:{port}"


def read_secret(environ: Mapping[str, str], name: str) -> str | None:
    """Return a secret by its variable or from its file. Raises ``SettingsError`` for an unreadable file."""
    if value := environ.get(name):
        return value
    path = environ.get(f"{name}_FILE")
    if not path:
        return None
    try:
        return Path(path).read_text(encoding="utf-8").strip() or None
    except OSError as error:
        raise SettingsError([f"{name}_FILE: cannot read {path}: {error.strerror}"]) from error
    except UnicodeDecodeError as error:
        raise SettingsError([f"{name}_FILE: cannot read {path}: it is not text in UTF-8"]) from error


def load(environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings; raises ``SettingsError`` with every problem."""
    env = dict(os.environ if environ is None else environ)
    problems: list[str] = []
    with suppress(SettingsError):  # told with all files that cannot be read
        env["LEADRELAY_BROKER_URL"] = read_secret(env, "LEADRELAY_BROKER_URL") or ""

    def take(name: str, default: str, convert: Callable[[str], T]) -> T:
        text = env.get(name) or default  # a blank one, as in a .env file, is not set
        try:
            return convert(text)
        except ValueError as error:
            shown = _PASSWORD.sub(r"\1…\2", text)
            problems.append(f"{name}={shown!r}: {error} (default: {default})")
            return convert(default)

    settings = Settings(
        database_url=take("LEADRELAY_DATABASE_URL", "sqlite:///data/leadrelay.db", _database_url),
        playbook=Path(env.get("LEADRELAY_PLAYBOOK") or "playbook"),
        host=env.get("LEADRELAY_HOST") or "127.0.0.1",
        port=take("LEADRELAY_PORT", "8000", _whole(0, 65_535)),
        threads=take("LEADRELAY_THREADS", "16", _whole(1, 256)),
        lanes=take("LEADRELAY_DELIVERY_LANES", "8", _whole(1, 64)),
        lease_seconds=take("LEADRELAY_LEASE_SECONDS", "120", _whole(2, 3_600)),
        min_free_bytes=take("LEADRELAY_MIN_FREE_BYTES", str(64 * 1024 * 1024), _whole(0, 2**50)),
        alert_free_bytes=take("LEADRELAY_ALERT_FREE_BYTES", str(1024 * 1024 * 1024), _whole(0, 2**50)),
        log_level=take("LEADRELAY_LOG_LEVEL", "info", _level),
        is_sandbox=take("LEADRELAY_SANDBOX", "false", _flag),
        watches_playbook=take("LEADRELAY_WATCH_PLAYBOOK", "true", _flag),
        public_url=take("LEADRELAY_PUBLIC_URL", "", _public_url),
        broker_url=take("LEADRELAY_BROKER_URL", "", _broker_url),
        environ=env,
    )
    problems += _bad_addresses(env) + _unreadable_files(env)
    if settings.broker_url and settings.database_url.startswith("sqlite"):
        problems.append(
            "LEADRELAY_BROKER_URL: set, and several processes need a store that they can share: "
            "set LEADRELAY_DATABASE_URL to postgresql+psycopg://USER:PASSWORD@HOST/DATABASE"
        )
    if not problems:  # else a file that cannot be read would be told twice
        from leadrelay import hooks
        from leadrelay.alerts.channels import problems_of

        problems += _bad_keys(settings) + _half_sign_ins(settings) + list(problems_of(settings))
        problems += hooks.problems_of(settings)
    if problems:
        raise SettingsError(problems)
    return settings


def is_address(text: str) -> bool:
    """Say whether a text is an address that can be called."""
    try:
        url = urlsplit(text)
        return url.scheme in ("http", "https") and bool(url.hostname)
    except ValueError:
        return False


def _bad_addresses(env: Mapping[str, str]) -> list[str]:
    """Look at every address of a connection, whatever the playbook calls it."""
    problems = []
    for name, text in sorted(env.items()):
        is_ours = name.startswith("LEADRELAY_") and name.endswith(("_BASE_URL", "_LOGIN_URL"))
        if is_ours and text and not is_address(text):
            shown = _PASSWORD.sub(r"\1…\2", text)
            problems.append(f"{name}={shown!r}: an address such as https://HOST is needed")
    return problems


def _unreadable_files(env: Mapping[str, str]) -> list[str]:
    """Look at every file that stands for a secret, so that none turns out to be missing later."""
    problems = []
    for name in sorted(env):
        if name.startswith("LEADRELAY_") and name.endswith("_FILE"):
            try:
                read_secret(env, name.removesuffix("_FILE"))
            except SettingsError as error:
                problems += error.problems
    return problems


def _bad_keys(settings: Settings) -> list[str]:
    """Look at the keys that seal credentials; what is wrong is told without them."""
    try:
        vault.parse_keys(settings.secret("LEADRELAY_SECRET_KEY") or "")
    except ValueError as error:
        return [f"LEADRELAY_SECRET_KEY: {error}"]
    return []


_SIGN_IN = re.compile(
    r"(LEADRELAY_(?!SOURCE_|SANDBOX_|PROVIDER_)\w+?)_(?:CLIENT_ID|CLIENT_SECRET|PRIVATE_KEY|USERNAME)(?:_FILE)?"
)
LOGIN_HOSTS = ("login.salesforce.com", "test.salesforce.com")


def _half_sign_ins(settings: Settings) -> list[str]:
    """Look at what each connection signs in with, whatever the playbook calls it."""
    matches = (_SIGN_IN.fullmatch(name) for name, text in settings.environ.items() if text)
    prefixes = sorted({match[1] for match in matches if match})
    return [problem for prefix in prefixes for problem in _half_sign_in(settings, prefix)]


def _half_sign_in(settings: Settings, prefix: str) -> Iterator[str]:
    """Yield what is missing or too much: client id and secret, or client id, private key and user name."""
    names = ("TOKEN", "CLIENT_ID", "CLIENT_SECRET", "PRIVATE_KEY", "USERNAME")
    given = {name: settings.secret(f"{prefix}_{name}") or "" for name in names}
    if given["TOKEN"]:
        extra = ", ".join(f"{prefix}_{name}" for name in names[1:] if given[name])
        if extra:
            yield f"{prefix}_TOKEN: set beside {extra}; keep one way of signing in"
        return
    if not given["CLIENT_ID"]:
        yield f"{prefix}_CLIENT_ID: missing, and needed with what else is set (or {prefix}_CLIENT_ID_FILE)"
    if given["CLIENT_SECRET"] and given["PRIVATE_KEY"]:
        yield f"{prefix}_CLIENT_SECRET: set beside {prefix}_PRIVATE_KEY; keep one way of signing in"
    elif given["PRIVATE_KEY"] and not given["USERNAME"]:
        yield f"{prefix}_USERNAME: missing; {prefix}_PRIVATE_KEY signs in a user that is named"
    elif given["CLIENT_ID"] and not given["CLIENT_SECRET"] and not given["PRIVATE_KEY"]:
        yield (
            f"{prefix}_CLIENT_SECRET: missing (to connect in the browser, or client credentials), or "
            f"{prefix}_PRIVATE_KEY and {prefix}_USERNAME (JWT); each also as …_FILE"
        )
    if given["PRIVATE_KEY"]:
        from connectors.salesforce.logins import private_key  # the only kind that signs in so

        try:
            private_key(given["PRIVATE_KEY"])
        except ValueError as error:
            yield f"{prefix}_PRIVATE_KEY: {error}"
    base_url = settings.environ.get(f"{prefix}_BASE_URL") or ""
    if given["PRIVATE_KEY"]:
        base_url = base_url or settings.environ.get(f"{prefix}_LOGIN_URL") or ""
    elif not base_url:
        return  # an app by which people connect in the browser
    if not base_url or urlsplit(base_url).hostname in LOGIN_HOSTS:
        yield (
            f"{prefix}_BASE_URL: missing; the account's own address, https://YOUR-DOMAIN.my.salesforce.com "
            "(only Salesforce signs in this way)"
        )


def _whole(least: int, most: int) -> Callable[[str], int]:
    def convert(text: str) -> int:
        if not text.isascii() or not text.isdigit() or not least <= int(text) <= most:
            raise ValueError(f"a whole number from {least} to {most} is needed")
        return int(text)

    return convert


def _flag(text: str) -> bool:
    if text.lower() not in ("true", "false", "1", "0"):
        raise ValueError("true or false is needed")
    return text.lower() in ("true", "1")


def _public_url(text: str) -> str:
    if text and (not is_address(text) or urlsplit(text).path.strip("/")):
        raise ValueError("an address such as https://HOST is needed")
    return text.rstrip("/")


def _broker_url(text: str) -> str:
    if text and not text.startswith(("amqp://", "amqps://")):
        raise ValueError("amqp://USER:PASSWORD@HOST:5672/VHOST is needed (RabbitMQ)")
    return text


def _level(text: str) -> str:
    if text.lower() not in ("debug", "info", "warning", "error"):
        raise ValueError("debug, info, warning or error is needed")
    return text.lower()


def _database_url(text: str) -> str:
    if text.startswith(("postgres://", "postgresql://")):
        return "postgresql+psycopg://" + text.split("://", 1)[1]
    if not text.startswith(("sqlite:///", "postgresql+psycopg://")):
        raise ValueError("sqlite:///FILE or postgresql+psycopg://USER:PASSWORD@HOST/DATABASE is needed")
    return text
