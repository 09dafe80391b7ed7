"""What `leadrelay connect` is given, and asks for: secrets from files or typed unseen, and an address."""

from __future__ import annotations

import sys
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import typer

from connectors.tokens import Credentials
from leadrelay.cli.common import WRONG_USAGE, fail
from leadrelay.settings import DEFAULT_URLS, is_address, is_loopback, read_secret
from model.errors import LeadRelayError

METHODS = ("client_credentials", "jwt", "token")


def read_part(path: Path, part: str) -> str:
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


def ask(kind: str, base_url: str, given: dict[str, str]) -> tuple[str, dict[str, str]]:
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
    given["private_key"] = read_part(Path(path), "private_key")
    given["username"] = given["username"] or typer.prompt("User name to act as").strip()
    return base_url, given


def address_of(kind: str, base_url: str, credentials: Credentials) -> str:
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
