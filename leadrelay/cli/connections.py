"""Commands that connect CRM accounts."""

from __future__ import annotations

import getpass
import json
import sys
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer
from sqlalchemy.exc import SQLAlchemyError

from connectors.tokens import Credentials
from leadrelay.cli.asking import address_of, ask, read_part
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
from leadrelay.connections import Known
from leadrelay.control import alone, ask_daemon
from leadrelay.leaving import leave
from leadrelay.settings import DEFAULT_URLS, SPACE, Settings, prefix_of
from leadrelay.trying import try_account
from mappings.compile import load
from mappings.playbook import CrmMap
from mappings.problems import PlaybookError
from model.errors import LeadRelayError
from sync import connections
from sync.connections import StoredConnection
from sync.grants import reconnect_text
from sync.vault import SealError

Json = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]
SecretFile = Annotated[Path | None, typer.Option(help="A file with it; - reads standard input.")]


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
    given = {part: read_part(path, part) for part, path in files.items() if path is not None}
    given |= {"client_id": client_id, "username": username, "login_url": login_url.rstrip("/")}
    if not any(path for path in files.values()):
        if settings.app(name, kind) is not None:
            say(f"In the browser: {settings.public_url or settings.url}/connections/{name}. Or here:")
        base_url, given = ask(kind, base_url, given)
    credentials = Credentials.of({part: text for part, text in given.items() if text})
    base_url = address_of(kind, base_url, credentials)
    try:
        tried = try_account(settings, name, kind, base_url, credentials)
    except LeadRelayError as error:
        fail(f"{name} was not connected. {error}")
    base_url, facts = tried.base_url, tried.facts
    sealed = settings.vault().seal(credentials.as_dict())
    one = StoredConnection(
        name, kind, base_url, credentials.method, sealed, account=tried.account, by=getpass.getuser()
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
    """Return the folder's maps, in force or not, as who connects an account has just written one.

    None where they cannot be read, which `check` and `doctor` tell.
    """
    try:
        return dict(load(settings.playbook).crms) if settings.playbook.is_dir() else {}
    except PlaybookError:
        return {}


def _keep(settings: Settings, one: StoredConnection) -> None:
    keep_to_ourselves()
    try:
        body = json.dumps(connections.to_json(one))
        if ask_daemon(settings.database_url, "POST", "connections", body) is None:
            with alone(settings.database_url) as store:
                now = SystemClock().now()
                store.write(lambda on: connections.connect(on, SPACE, one, now))
    except SQLAlchemyError as error:
        fail(unusable(settings, error))
    except LeadRelayError as error:
        fail(f"{one.name} was not connected: {error}")


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
        for row in rows:
            if row["reconnect"]:
                say(reconnect_text(row["name"], row["reconnect"]), style="red")


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
                "reconnect": (one.reconnect or "") if one else "",
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
    name: Annotated[
        str, typer.Argument(help="A connection that was connected by command or in the browser.")
    ],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Forget a CRM account's credentials, and end what was allowed in the browser. Leads and links stay."""
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
        answer = ask_daemon(settings.database_url, "DELETE", path)
        if answer is not None:
            told = str(answer["told"])
        else:
            with alone(settings.database_url) as store:
                told = str(leave(settings, store, SystemClock(), name, by) or "")
    except LeadRelayError as error:
        fail(f"{name} was not disconnected: {error}")
    say(told or f"{name} is disconnected.")
