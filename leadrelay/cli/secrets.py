"""Commands about the keys under which credentials lie in the store."""

from __future__ import annotations

import getpass
import json
from typing import Annotated

import typer

from leadrelay.cli.common import WRONG_USAGE, console, counted, fail, load_settings, print_json, reading
from leadrelay.clock import SystemClock
from leadrelay.control import alone, ask_daemon
from leadrelay.settings import SPACE, Settings
from model.errors import LeadRelayError
from sync import connections, vault
from sync.vault import SealError

Json = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]

app = typer.Typer(help="The keys under which credentials lie in the store.", no_args_is_help=True)


@app.callback()
def secrets() -> None:
    """The keys under which credentials lie in the store."""


@app.command("key")
def new_key() -> None:
    """Print a new key for LEADRELAY_SECRET_KEY. Keep it apart from the store and its backups."""
    typer.echo(vault.new_key())


@app.command("rotate")
def rotate(as_json: Json = False) -> None:
    """Seal all credentials anew with the first key of LEADRELAY_SECRET_KEY."""
    settings = load_settings()
    keys, by = settings.vault(), getpass.getuser()
    if not keys.has_key:
        fail("LEADRELAY_SECRET_KEY is not set; list the new key first, then the old one.", WRONG_USAGE)
    with reading(settings) as snapshot:
        kept = connections.load(snapshot, SPACE)
    known = {name: one for name, one in kept.items() if one.has_credentials}
    sealed: dict[str, tuple[str, str]] = {}
    for name, one in known.items():
        try:
            sealed[name] = (one.sealed, keys.reseal(one.sealed))
        except SealError as error:
            fail(f"{name}: {error}. Nothing was sealed anew.")
    try:
        done = _reseal(settings, sealed, by) if sealed else 0
    except LeadRelayError as error:
        fail(f"Nothing was sealed anew. {error}")
    if as_json:
        print_json({"resealed": done, "kept": len(known)})
        return
    console.print(f"{done} of {counted(len(known), 'connection')} sealed with the first key.", markup=False)
    if done == len(known):
        console.print("The keys after the first are not needed by this store any more.")


def _reseal(settings: Settings, sealed: dict[str, tuple[str, str]], by: str) -> int:
    body = json.dumps({"sealed": sealed, "by": by})
    answer = ask_daemon(settings.database_url, "POST", "seals", body)
    if answer is not None:
        return int(answer["resealed"])
    with alone(settings.database_url) as store:
        now = SystemClock().now()
        return store.write(lambda on: connections.reseal(on, SPACE, sealed, by, now))
