"""Commands about who may look: people who sign in to the pages, and programs that read."""

from __future__ import annotations

import getpass
import secrets
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time
from typing import Annotated

import typer
from werkzeug.security import generate_password_hash

from leadrelay.cli.common import WRONG_USAGE, console, fail, load_settings, print_json, reading
from leadrelay.clock import SystemClock
from leadrelay.control import change_access
from leadrelay.settings import SPACE
from mappings.values.identity import keys_of
from model.errors import LeadRelayError
from sync import access, explain, unmasking

users = typer.Typer(help="People who may sign in to the pages.", no_args_is_help=True)
tokens = typer.Typer(help="Programs that may read /api/v1.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="Letters, digits and . _ @ + -")]
ROLES = "; ".join(f"{name}: {what}" for name, what in access.ROLES.items())
Role = Annotated[str, typer.Option("--role", help=ROLES)]
Json = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]


@users.command("add")
def add_user(name: Name, role: Role = access.OPERATOR) -> None:
    """Let a person sign in; asks for a password, or reads one line where input is not a terminal."""
    _check(access.check_role, role)
    _change("add_user", name=name, password=_password(), role=role)
    console.print(f"{name} can sign in as {role}: {access.ROLES[role]}.", markup=False)


@users.command("role")
def set_role(name: Name, role: Annotated[str, typer.Argument(help=ROLES)]) -> None:
    """Say what a person may do on the pages, from their next click on."""
    _check(access.check_role, role)
    _change("set_role", name=name, role=role)
    console.print(f"{name} is {role} now: {access.ROLES[role]}.", markup=False)


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
    """Show who may sign in, and in which role."""
    with reading(load_settings()) as snapshot:
        found = access.roles(snapshot)
    _show(found, "role", "Nobody can sign in. Add a person: leadrelay user add NAME", as_json)


@users.command("unmasked")
def unmasked(
    who: Annotated[str, typer.Argument(help="A lead's id or e-mail; left out: all.")] = "",
    since: Annotated[str, typer.Option(help="Only from this day on: 2026-11-30.")] = "",
    as_json: Json = False,
) -> None:
    """Show who had personal data shown plain on the pages, of whom, when, and for what reason."""
    begin = _day(since)
    with reading(load_settings()) as snapshot:
        lead_id = explain.find_lead(snapshot, SPACE, who, keys_of(who)) if who else ""
        if lead_id is None:
            fail(f"No lead is known by {who}.")
        found = unmasking.listed(snapshot, SPACE, since=begin, lead_id=lead_id or "")
    if as_json:
        print_json([one.as_json() for one in found])
        return
    if not found:
        console.print("Nobody had a mask lifted.")
    for one in found:
        whom = one.lead_id or f"event {one.event}"
        console.print(f"{one.at:%Y-%m-%d %H:%M} UTC  {one.by}  {whom}  {one.reason}", markup=False)


ACTS = {
    "add_user": "may sign in as",
    "set_role": "is from then on",
    "set_password": "has a new password",
    "remove_user": "can sign in no more",
    "add_token": "is a program that may read, and sees personal data",
    "remove_token": "is a program that reads no more",
}


@users.command("history")
def history(as_json: Json = False) -> None:
    """Show who let whom in, in which role, and who was shut out, the newest first."""
    with reading(load_settings()) as snapshot:
        found = access.history(snapshot, SPACE)
    if as_json:
        print_json([one.as_json() for one in found])
        return
    if not found:
        console.print("Nothing is on record.")
    for one in found:
        what = " ".join((ACTS.get(one.act, one.act), one.told.get("role") or one.told.get("sight") or ""))
        by = f"by {one.by}" if one.by else ""
        console.print(
            f"{one.at:%Y-%m-%d %H:%M} UTC  {one.told.get('name', '?')} {what.strip()}  {by}", markup=False
        )


@tokens.command("add")
def add_token(
    name: Name,
    personal: Annotated[
        bool, typer.Option("--personal", help="It sees personal data plain, whatever privacy.yaml says.")
    ] = False,
) -> None:
    """Make a token for a program and print it, once: only its hash is kept."""
    sight = access.PLAIN if personal else access.MASKED
    token = f"lr_{secrets.token_urlsafe(32)}"
    _change("add_token", name=name, token_hash=access.hashed(token), sight=sight)
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
    """Show which programs may read, and whether they see personal data masked or plain."""
    with reading(load_settings()) as snapshot:
        found = access.sights(snapshot)
    _show(found, "sight", "No program may read. Make a token: leadrelay token add NAME", as_json)


def _change(act: str, **given: str) -> None:
    settings = load_settings()
    try:
        change_access(settings.database_url, act, given | {"by": getpass.getuser()}, SystemClock().now())
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


def _day(text: str) -> datetime | None:
    """Return the first moment of a day, in UTC."""
    try:
        return datetime.combine(date.fromisoformat(text), time(), UTC) if text else None
    except ValueError:
        fail(f"{text} is no day; write 2026-12-31.", WRONG_USAGE)


def _check(test: Callable[[str], str], given: str) -> None:
    """End with what is wrong with a word, if it is."""
    try:
        test(given)
    except LeadRelayError as error:
        fail(str(error), WRONG_USAGE)


def _show(found: Mapping[str, str], what: str, nobody: str, as_json: bool) -> None:
    """Print names, each with its ``what``."""
    if as_json:
        print_json([{"name": name, what: word} for name, word in found.items()])
    elif not found:
        console.print(nobody)
    for name, word in () if as_json else found.items():
        console.print(f"{name}  {word}", markup=False)
