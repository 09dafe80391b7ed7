"""Commands that connect CRM accounts."""

from __future__ import annotations

import getpass
import json
import sys
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote, urlsplit, urlunsplit

import typer
from sqlalchemy.exc import SQLAlchemyError

from connectors.tokens import Credentials
from leadrelay.cli.common import (
    WRONG_USAGE,
    console,
    fail,
    keep_to_ourselves,
    load_settings,
    print_json,
    reading,
    say,
    table,
    unusable,
)
from leadrelay.clock import SystemClock
from leadrelay.connections import Known, endpoint, version_of
from leadrelay.control import alone, ask_daemon
from leadrelay.settings import (
    DEFAULT_URLS,
    SPACE,
    ConnectionSettings,
    Settings,
    is_address,
    is_loopback,
    prefix_of,
    read_secret,
)
from mappings.compile import load
from mappings.playbook import CrmMap, Limits
from mappings.problems import PlaybookError
from model.errors import ConnectorError, LeadRelayError
from sync import connections
from sync.budgets import MemoryBudget
from sync.connections import StoredConnection
from sync.vault import SealError

Json = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]
SecretFile = Annotated[Path | None, typer.Option(help="A file with it; - reads standard input.")]
METHODS = ("client_credentials", "jwt", "token")


def connect(
    name: Annotated[str, typer.Argument(help="The connection, as crm/*.yaml calls it: hubspot.")] = "",
    kind: Annotated[str, typer.Option(help="hubspot or salesforce; default: as the playbook says.")] = "",
    base_url: Annotated[str, typer.Option(help="The account's address.")] = "",
    token_file: SecretFile = None,
    client_id: Annotated[str, typer.Option(help="The app's Consumer Key.")] = "",
    client_secret_file: SecretFile = None,
    private_key_file: SecretFile = None,
    username: Annotated[str, typer.Option(help="JWT: the user to act as.")] = "",
    login_url: Annotated[str, typer.Option(help="JWT: where to sign in, if not at the address.")] = "",
    listed: Annotated[bool, typer.Option("--list", help="Show what is connected, and end.")] = False,
    as_json: Json = False,
) -> None:
    """Try a CRM account and keep its credentials, sealed. It is observed: nothing is written to it."""
    settings = load_settings()
    if listed:
        _list(settings, as_json=as_json)
        return
    if not name:
        fail("Name a connection, such as hubspot, or ask for the --list.", WRONG_USAGE)
    kind = _kind(settings, name, kind)
    if not settings.vault().has_key:
        fail(
            "LEADRELAY_SECRET_KEY is not set, so no credentials can be kept. Make a key with "
            "`leadrelay secrets key`, and set it here and where the daemon starts.",
            WRONG_USAGE,
        )
    files = {"token": token_file, "client_secret": client_secret_file, "private_key": private_key_file}
    given = {part: _read(path, part) for part, path in files.items() if path is not None}
    given |= {"client_id": client_id, "username": username, "login_url": login_url.rstrip("/")}
    if not any(path for path in files.values()):
        base_url, given = _ask(kind, base_url, given)
    credentials = Credentials.of({part: text for part, text in given.items() if text})
    base_url = _address(kind, base_url, credentials)
    found, base_url, facts = _tried(settings, name, kind, base_url, credentials)
    sealed = settings.vault().seal(credentials.as_dict())
    one = StoredConnection(
        name, kind, base_url, credentials.method, sealed, account=found, by=getpass.getuser()
    )
    _keep(settings, one)
    with reading(settings) as snapshot:
        is_live = Known.read(settings, snapshot, SPACE).agreed(name, kind) is not None
    if as_json:
        writes = is_live or settings.writes_to_address(base_url)
        mode = "write" if writes else "observe"
        print_json({"name": name, "kind": kind, "base_url": base_url, "mode": mode, **facts})
        return
    for label, text in facts.items():
        say(f"{label.replace('_', ' '):<12} {text}", hang=13)
    if settings.writes_to_address(base_url):
        say(f"{name} is connected. It is a sandbox on this machine, so it is written to.")
    elif is_live:
        say(f"{name} is connected and written to, as before.")
    else:
        say(f"{name} is connected and observed: leadrelay reads its owners and writes nothing to it.")
    _remind(settings, name, kind)


def _kind(settings: Settings, name: str, kind: str) -> str:
    crm = _maps(settings).get(name)
    known = tuple(DEFAULT_URLS)
    if crm is not None and kind and kind != crm.kind:
        fail(f"The playbook's map of {name} is of kind {crm.kind}, not {kind}.", WRONG_USAGE)
    kind = kind or (crm.kind if crm else name if name in known else "")
    if not kind and sys.stdin.isatty():
        kind = typer.prompt(f"Kind of CRM ({' or '.join(known)})").strip()
    if kind not in known:
        fail(f"Say what kind of CRM {name} is: --kind {' or --kind '.join(known)}.", WRONG_USAGE)
    return kind


def _maps(settings: Settings) -> dict[str, CrmMap]:
    """Return the playbook's maps; none where it cannot be read, which `check` and `doctor` tell."""
    try:
        return dict(load(settings.playbook).crms) if settings.playbook.is_dir() else {}
    except PlaybookError:
        return {}


def _read(path: Path, part: str) -> str:
    option = f"--{part.replace('_', '-')}-file"
    if str(path) == "-":
        text = sys.stdin.read().strip()
    else:
        try:
            text = read_secret({"FILE_FILE": str(path)}, "FILE") or ""
        except LeadRelayError as error:
            fail(f"{option}: {str(error).partition(': ')[2]}", WRONG_USAGE)
    if not text:
        fail(f"{option}: {path} is empty.", WRONG_USAGE)
    return text


def _ask(kind: str, base_url: str, given: dict[str, str]) -> tuple[str, dict[str, str]]:
    """Ask for what is needed; secrets are not shown while they are typed."""
    if kind == "hubspot":
        return base_url, {"token": typer.prompt("Access token", hide_input=True).strip()}
    base_url = base_url or typer.prompt("Address (https://YOUR-DOMAIN.my.salesforce.com)").strip()
    method = typer.prompt(f"Sign in by ({', '.join(METHODS)})", default=METHODS[0]).strip()
    if method not in METHODS:
        fail(f"{method} is no way of signing in; there are {', '.join(METHODS)}.", WRONG_USAGE)
    if method == "token":
        return base_url, {"token": typer.prompt("Access token", hide_input=True).strip()}
    given["client_id"] = given["client_id"] or typer.prompt("Client id (Consumer Key)").strip()
    if method == "client_credentials":
        given["client_secret"] = typer.prompt("Client secret (Consumer Secret)", hide_input=True).strip()
        return base_url, given
    path = typer.prompt("File with the private key (PEM)").strip()
    given["private_key"] = _read(Path(path), "private_key")
    given["username"] = given["username"] or typer.prompt("User name to act as").strip()
    return base_url, given


def _address(kind: str, base_url: str, credentials: Credentials) -> str:
    """Return the address to call, or end the command with what is wrong with what was given."""
    address = (base_url or DEFAULT_URLS.get(kind) or credentials.login_url).rstrip("/")
    problems = []
    if credentials.method == "":
        problems.append(
            "Give --token-file, or --client-id with --client-secret-file, or --client-id with "
            "--private-key-file and --username."
        )
    elif credentials.method != "token" and kind == "hubspot":
        problems.append("HubSpot takes a token: --token-file.")
    elif credentials.method == "jwt" and not credentials.username:
        problems.append("--username is missing: a private key signs in a user that is named.")
    if not address:
        problems.append("--base-url is missing: https://YOUR-DOMAIN.my.salesforce.com.")
    for option, url in (("--base-url", address), ("--login-url", credentials.login_url)):
        if url and not is_address(url):
            problems.append(f"{option}: an address such as https://HOST is needed.")
        elif url.startswith("http://") and not is_loopback(url):
            problems.append(f"{option}: over http the credentials would travel in clear; use https.")
    if problems:
        fail("\n".join(dict.fromkeys(problems)), WRONG_USAGE)
    parts = urlsplit(address)
    return urlunsplit((parts.scheme, parts.netloc, parts.path.rstrip("/"), "", ""))


def _tried(
    settings: Settings, name: str, kind: str, base_url: str, credentials: Credentials
) -> tuple[str, str, dict[str, str]]:
    """Read who the account is; return its id, its own address, and what to show of it."""
    from connectors.registry import INSPECTORS  # the vendors' clients load slowly
    from connectors.tokens import SignedIn

    version = version_of(settings, name, kind)
    reach = ConnectionSettings(base_url, credentials, version, "store")
    try:
        point = endpoint(kind, reach, MemoryBudget(Limits()))
        if isinstance(point.tokens, SignedIn) and (own := point.tokens.session().base_url):
            if is_loopback(own) != is_loopback(base_url) or (own[:5] == "http:" and not is_loopback(own)):
                fail(f"The sign-in at {base_url} leads to {own}; connect that address.")
            base_url = own
            point = endpoint(kind, ConnectionSettings(own, credentials, version, "store"), point.budget)
        found = INSPECTORS[kind](point).account()
    except (ConnectorError, LeadRelayError) as error:
        fail(f"{name} was not connected. {error}")
    facts = {"account": " ".join(filter(None, (found.id, found.name, found.kind and f"({found.kind})")))}
    facts |= {"address": base_url, "api_version": version, "signs_in_by": credentials.method}
    facts |= {"user": found.user} if found.user else {}
    scopes = "not told" if found.scopes is None else ", ".join(sorted(found.scopes))
    return found.id, base_url, facts | {"scopes": scopes}


def _keep(settings: Settings, one: StoredConnection) -> None:
    _refuse_another_account(settings, one)
    keep_to_ourselves()
    try:
        body = json.dumps(connections.to_json(one))
        if ask_daemon(settings.database_url, "POST", "connections", body) is None:
            with alone(settings.database_url) as store:
                now = SystemClock().now()
                store.write(lambda on: connections.save(on, SPACE, one, now))
    except SQLAlchemyError as error:
        fail(unusable(settings, error))
    except LeadRelayError as error:
        fail(f"{one.name} was not connected: {error}")


def _refuse_another_account(settings: Settings, one: StoredConnection) -> None:
    """End the command where the name stands for another account: its records are linked by their ids."""
    if not _has_store(settings):
        return
    with reading(settings) as snapshot:
        known = connections.load(snapshot, SPACE).get(one.name)
    if known is not None and known.account != one.account:
        fail(
            f"{one.name} is connected to account {known.account}; these credentials are of {one.account}. "
            f"Disconnect it first, or connect the other account under another name."
        )


def _has_store(settings: Settings) -> bool:
    url = settings.database_url
    return not url.startswith("sqlite:///") or Path(url.removeprefix("sqlite:///")).exists()


def _remind(settings: Settings, name: str, kind: str) -> None:
    if settings.connection(name, kind).is_set_up:
        say(f"{prefix_of(name)}_… in the environment sets {name} up, too, and wins.", style="yellow")
    if name not in _maps(settings):
        say(f"No crm/*.yaml of the playbook says `connection: {name}`; until one does, it is not used.")
    console.print(f"Next: leadrelay doctor {name}", markup=False)


def _list(settings: Settings, *, as_json: bool) -> None:
    rows = _listed(settings)
    if as_json:
        print_json(rows)
    elif not rows:
        console.print("Nothing is connected. Next: leadrelay connect hubspot")
    else:
        columns = ("connection", "kind", "address", "signs in by", "from", "account", "mode", "sealed")
        table("Connections", columns, [tuple(row.values())[: len(columns)] for row in rows])


def _listed(settings: Settings) -> list[dict[str, Any]]:
    stored: dict[str, StoredConnection] = {}
    if _has_store(settings):
        with reading(settings) as snapshot:
            stored = connections.load(snapshot, SPACE)
    maps = _maps(settings)
    known, rows = Known(settings, stored), []
    named = {name for name, one in stored.items() if one.has_credentials}
    for name in sorted({*maps, *named, *(kind for kind in DEFAULT_URLS if kind not in maps)}):
        kind = maps[name].kind if name in maps else stored[name].kind if name in stored else name
        given, one = settings.connection(name, kind), known.of_store(name, kind)
        if one is None and not given.is_set_up:
            continue
        address = one.base_url if one else given.base_url
        rows.append(
            {
                "name": name,
                "kind": kind,
                "base_url": address,
                "method": one.method if one else given.credentials.method,
                "from": "store" if one else "environment",
                "account": one.account if one else "",
                "mode": "write" if known.writes_under(name, kind) else "observe",
                "seal": _seal(settings, one),
                "connected_at": one.updated_at if one else None,
                "by": one.by if one else "",
            }
        )
    return rows


def _seal(settings: Settings, one: StoredConnection | None) -> str:
    if one is None:
        return ""
    keys = settings.vault()
    try:
        keys.open(one.sealed)
    except SealError:
        return "no key opens it" if keys.has_key else "no key is set"
    return "yes" if keys.is_newest(one.sealed) else "with an old key"


def disconnect(
    name: Annotated[str, typer.Argument(help="A connection that was connected by command.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Forget a CRM account's credentials. What was read from it and who is linked to it stays."""
    settings = load_settings()
    with reading(settings) as snapshot:
        known = {one.name: one for one in connections.load(snapshot, SPACE).values() if one.has_credentials}
    if name not in known:
        among = f"; there is {', '.join(known)}" if known else ""
        fail(f"The store keeps no connection {name}{among}. The environment's are taken out there.")
    if not yes and not typer.confirm(f"Forget the credentials of {name} (account {known[name].account})?"):
        fail(f"{name} stays connected.")
    by = getpass.getuser()
    try:
        path = f"connections/{quote(name, safe='')}?by={quote(by, safe='')}"
        if ask_daemon(settings.database_url, "DELETE", path) is None:
            with alone(settings.database_url) as store:
                now = SystemClock().now()
                store.write(lambda on: connections.remove(on, SPACE, name, by, now))
    except LeadRelayError as error:
        fail(f"{name} was not disconnected: {error}")
    console.print(f"{name} is disconnected.", markup=False)
