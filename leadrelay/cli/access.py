"""Commands about who may look: people who sign in to the pages, and programs that read."""

from __future__ import annotations

import secrets
import sys
from typing import Annotated

import typer
from werkzeug.security import generate_password_hash

from leadrelay.cli.common import WRONG_USAGE, console, fail, load_settings, print_json, reading
from leadrelay.clock import SystemClock
from leadrelay.control import change_access
from model.errors import LeadRelayError
from sync import access

users = typer.Typer(help="People who may sign in to the pages.", no_args_is_help=True)
tokens = typer.Typer(help="Programs that may read /api/v1.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="Letters, digits and . _ @ + -")]
Json = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]


@users.command("add")
def add_user(name: Name) -> None:
    """Let a person sign in; asks for a password, or reads one line where input is not a terminal."""
    _change("add_user", name=name, password=_password())
    console.print(f"{name} can sign in.", markup=False)


@users.command("password")
def set_password(name: Name) -> None:
    """Set a new password and end every session of that person."""
    _change("set_password", name=name, password=_password())
    console.print(f"{name} has a new password and is signed out everywhere.", markup=False)


@users.command("remove")
def remove_user(name: Name) -> None:
    """Take a person's way in away, at once."""
    _change("remove_user", name=name)
    console.print(f"{name} can sign in no more.", markup=False)


@users.command("list")
def list_users(as_json: Json = False) -> None:
    """Show who may sign in."""
    with reading(load_settings()) as snapshot:
        _show(
            access.user_names(snapshot), "Nobody can sign in. Add a person: leadrelay user add NAME", as_json
        )


@tokens.command("add")
def add_token(name: Name) -> None:
    """Make a token for a program and print it, once: only its hash is kept."""
    token = f"lr_{secrets.token_urlsafe(32)}"
    _change("add_token", name=name, token_hash=access.hashed(token))
    if sys.stdout.isatty():
        console.print("Shown only now; send it as `Authorization: Bearer …`.", markup=False)
    typer.echo(token)


@tokens.command("remove")
def remove_token(name: Name) -> None:
    """End a program's token, at once."""
    _change("remove_token", name=name)
    console.print(f"The token of {name} opens nothing any more.", markup=False)


@tokens.command("list")
def list_tokens(as_json: Json = False) -> None:
    """Show which programs may read."""
    with reading(load_settings()) as snapshot:
        _show(
            access.token_names(snapshot),
            "No program may read. Make a token: leadrelay token add NAME",
            as_json,
        )


def _change(act: str, **given: str) -> None:
    settings = load_settings()
    try:
        change_access(settings.database_url, act, given, SystemClock().now())
    except LeadRelayError as error:
        fail(str(error))


def _password() -> str:
    """Ask twice on a terminal, read one line elsewhere; return the hash."""
    if sys.stdin.isatty():
        password = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    else:
        password = sys.stdin.readline().rstrip("\n")
    if problem := access.weakness(password):
        fail(problem, WRONG_USAGE)
    return generate_password_hash(password)


def _show(names: list[str], nobody: str, as_json: bool) -> None:
    if as_json:
        print_json(names)
    elif not names:
        console.print(nobody)
    for name in () if as_json else names:
        console.print(name, markup=False)
