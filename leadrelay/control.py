"""How commands find the running daemon: a file beside the store with its address and token."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import requests
from sqlalchemy.engine import make_url

from leadrelay.settings import SPACE
from model.errors import LeadRelayError
from model.event import Event
from sync import access, inbox, migrate
from sync.database import Store, exclusive_at, open_store
from sync.replays import replay, replaying
from sync.replays.replaying import Order


class ControlFile:
    """``<store>.control``: readable by the daemon's user only, there while it runs."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.token = secrets.token_urlsafe(24)

    @classmethod
    def for_store(cls, store_path: str) -> ControlFile:
        """Return the file that belongs to a SQLite store; PostgreSQL stores need none."""
        return cls(Path(f"{store_path}.control") if store_path else None)

    def write(self, url: str) -> None:
        """Say where the daemon answers."""
        if self.path is None:
            return
        draft = self.path.with_name(f"{self.path.name}.new")  # so that nobody reads half of it
        draft.unlink(missing_ok=True)
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump({"url": url, "token": self.token, "pid": os.getpid()}, file)
        draft.replace(self.path)

    def remove(self) -> None:
        """Take the file away on the way out."""
        if self.path is not None:
            self.path.unlink(missing_ok=True)


def daemon_url(database_url: str) -> str | None:
    """Return where the daemon of this store answers; ``None`` when the file says nothing of it."""
    try:
        reach = _reach(database_url)
    except LeadRelayError:
        return None
    return str(reach["url"]) if reach else None


def daemon_facts(database_url: str) -> dict[str, Any] | None:
    """Ask the running daemon what only it knows; ``None`` when none runs on this store."""
    try:
        reach = _reach(database_url)
    except LeadRelayError:
        return None
    if reach is None:
        return None
    try:
        answer = requests.get(f"{reach['url']}/control/facts", headers=_headers(reach), timeout=5)
        answer.raise_for_status()
    except requests.RequestException:
        return None  # the file of a killed daemon
    facts: dict[str, Any] = answer.json()
    return facts


def hand_in(database_url: str, events: Sequence[Event]) -> int:
    """Hand events to the running daemon, or append them to the store where none runs.

    Raises ``LeadRelayError`` when the store is in use but the daemon does not answer.
    """
    taken = ask_daemon(database_url, "POST", "events", replay.as_json(events))
    if taken is not None:
        return int(taken["taken"])
    with alone(database_url) as store:
        return sum(not receipt.duplicate for receipt in inbox.append(store, events))


def send_again(database_url: str, order: Order, now: datetime) -> int:
    """Have the daemon send a list of letters again, or note it for when one runs; return how many they are.

    Raises ``LeadRelayError`` as ``hand_in`` does.
    """
    told = ask_daemon(database_url, "POST", "replays", order.as_json())
    if told is not None:
        return int(told["letters"])
    with alone(database_url) as store:
        return store.write(lambda connection: replaying.begin(connection, SPACE, order, now))


def change_access(database_url: str, act: str, given: Mapping[str, str], now: datetime) -> None:
    """Change who may look (``sync.access.ACTS``), by the running daemon or here where none runs.

    Raises ``LeadRelayError`` with a sentence when it cannot be done.
    """
    if ask_daemon(database_url, "POST", "access", json.dumps({"act": act, **given})) is None:
        with alone(database_url) as store:
            store.write(lambda connection: access.act(connection, act, given, now))


def ask_daemon(database_url: str, method: str, path: str, data: str = "") -> dict[str, Any] | None:
    """Have the running daemon do something; ``None`` when none answers, which the store's lock proves.

    Raises ``LeadRelayError`` with the daemon's words when it refuses.
    """
    reach = _reach(database_url)
    if reach is None:
        return None
    headers = _headers(reach) | {"Content-Type": "application/json"}
    url = f"{reach['url']}/control/{path}"
    try:
        answer = requests.request(method, url, data=data.encode(), headers=headers, timeout=30)
        if answer.status_code in (401, 404):
            return None  # somebody else answers at that address now: the file of a killed daemon
        if answer.status_code in (409, 422):
            told = answer.json()
            raise LeadRelayError(" ".join(part for part in (told["message"], told["fix"]) if part))
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
    except requests.ConnectionError:
        return None  # the file of a killed daemon; the lock says whether that is so
    except requests.RequestException as error:
        raise LeadRelayError(f"the running daemon did not take it: {error}") from error
    return found


@contextmanager
def alone(database_url: str) -> Iterator[Store]:
    """Open the store for writing where no daemon runs; makes it if there is none.

    Raises ``LeadRelayError`` when another process is at work on it.
    """
    with ExitStack() as stack:
        stack.enter_context(exclusive_at(database_url))
        migrate.upgrade(database_url)
        store = open_store(database_url)
        stack.callback(store.close)
        yield store


def _reach(database_url: str) -> dict[str, Any] | None:
    path = make_url(database_url).database if database_url.startswith("sqlite") else None
    file = Path(f"{path}.control") if path else None
    if file is None or not file.exists():
        return None
    try:
        reach = json.loads(file.read_text(encoding="utf-8"))
    except PermissionError as error:
        text = f"{file} cannot be read: run the command as the user that the daemon runs as"
        raise LeadRelayError(text) from error
    except (OSError, ValueError):
        return None  # taken away this moment, or cut short by a full disk
    return reach if isinstance(reach, dict) and {"url", "token"} <= reach.keys() else None


def _headers(reach: dict[str, Any]) -> dict[str, str]:
    return {"Authorization": f"Bearer {reach['token']}"}
