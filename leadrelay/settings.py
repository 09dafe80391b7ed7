"""Environment variables -> one frozen Settings; every problem is said at once."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

from model.errors import LeadRelayError

T = TypeVar("T")

LOOPBACK = ("127.0.0.1", "localhost", "::1")
DEFAULT_URLS = {"hubspot": "https://api.hubapi.com", "salesforce": ""}
DEFAULT_VERSIONS = {"hubspot": "2026-09", "salesforce": "68.0"}


_PASSWORD = re.compile(r"(://[^/@]*:)[^/]*(@)")


class SettingsError(LeadRelayError):
    """The environment cannot be used; ``problems`` lists everything that is wrong with it."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class ConnectionSettings:
    """How to reach one CRM account: ``LEADRELAY_<CONNECTION>_BASE_URL``, ``_TOKEN``, ``_API_VERSION``."""

    base_url: str
    token: str = field(repr=False)
    api_version: str

    @property
    def is_set_up(self) -> bool:
        """Say whether there is anything to call."""
        return bool(self.base_url and self.token)

    @property
    def is_loopback(self) -> bool:
        """Say whether it points at this machine."""
        return (urlsplit(self.base_url).hostname or "") in LOOPBACK


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
    log_level: str
    is_sandbox: bool
    public_url: str
    environ: Mapping[str, str] = field(repr=False)

    def secret(self, name: str) -> str | None:
        """Return a secret from ``NAME`` or from the file that ``NAME_FILE`` names; ``None`` if neither."""
        return read_secret(self.environ, name)

    def connection(self, name: str, kind: str) -> ConnectionSettings:
        """Return the settings of a connection of the playbook."""
        prefix = f"LEADRELAY_{name.upper().replace('-', '_')}"
        default = DEFAULT_URLS.get(kind, "")
        if kind == "salesforce":
            default = self.environ.get(f"{prefix}_LOGIN_URL", "")
        return ConnectionSettings(
            base_url=(self.environ.get(f"{prefix}_BASE_URL") or default).rstrip("/"),
            token=self.secret(f"{prefix}_TOKEN") or "",
            api_version=self.environ.get(f"{prefix}_API_VERSION") or DEFAULT_VERSIONS.get(kind, ""),
        )

    @property
    def url(self) -> str:
        """Where this machine reaches the daemon, whatever it listens on."""
        return local_url(self.host, self.port)

    def writes_to(self, connection: ConnectionSettings) -> bool:
        """Say whether a connection is written to: the sandbox's, on this machine; any other is observed."""
        return self.is_sandbox and connection.is_set_up and connection.is_loopback


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
        log_level=take("LEADRELAY_LOG_LEVEL", "info", _level),
        is_sandbox=take("LEADRELAY_SANDBOX", "false", _flag),
        public_url=take("LEADRELAY_PUBLIC_URL", "", _public_url),
        environ=env,
    )
    problems += _bad_addresses(env) + _unreadable_files(env)
    if problems:
        raise SettingsError(problems)
    return settings


def _bad_addresses(env: Mapping[str, str]) -> list[str]:
    """Look at every address of a connection, whatever the playbook calls it."""
    problems = []
    for name, text in sorted(env.items()):
        if name.startswith("LEADRELAY_") and name.endswith(("_BASE_URL", "_LOGIN_URL")) and text:
            try:
                url = urlsplit(text)
                is_address = url.scheme in ("http", "https") and bool(url.hostname)
            except ValueError:
                is_address = False
            if not is_address:
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
    url = urlsplit(text)
    if text and (url.scheme not in ("http", "https") or not url.hostname or url.path.strip("/")):
        raise ValueError("an address such as https://leads.example.com is needed")
    return text.rstrip("/")


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
