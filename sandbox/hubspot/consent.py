"""The page on which a person lets an app into the account, or does not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode, urlsplit

from flask import Blueprint, Response, make_response, redirect, render_template, request

from sandbox.hubspot.apps import App, Grant
from sandbox.hubspot.errors import PORTAL_ID
from sandbox.people import COMPANY, TEAM

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from sandbox.hubspot.account import HubSpot

RIGHTS = {"read": "See", "write": "Change"}
WORDS = {
    "oauth": "Know which account this is",
    "tickets": "See and change tickets",
    "forms": "See and change forms",
    "automation": "Use workflows",
    "sales-email-read": "See the text of one-to-one e-mails",
    "settings.users.teams.read": "See teams",
}


def add_to(api: Blueprint, account: HubSpot) -> None:
    """Register the page; HubSpot has it at app.hubspot.com, with and without the account's number."""

    def show(portal: int) -> ResponseReturnValue:  # noqa: ARG001 - there is one account
        asked = request.args
        problem, app = _check(account, asked)
        if problem or app is None:
            return _page(400, problem=problem)
        wanted, optional = _scopes(asked)
        shown = [
            (scope, in_words(scope)) for scope in (*wanted, *(one for one in optional if one in app.scopes))
        ]
        people = [person for person in TEAM if person.active]
        return _page(200, app=app, asked=asked, scopes=shown, people=people)

    def decide(portal: int) -> ResponseReturnValue:  # noqa: ARG001
        asked = request.form
        problem, app = _check(account, asked)
        if problem or app is None:
            return _page(400, problem=problem)
        target, state = asked["redirect_uri"], asked.get("state")
        told = {"state": state} if state else {}
        if asked.get("decision") != "approve":
            denied = {"error": "access_denied", "error_description": "The user denied access to the app."}
            return redirect(_with(target, denied | told))
        wanted, optional = _scopes(asked)
        granted = frozenset([*wanted, *(scope for scope in optional if scope in app.scopes)])
        with account.lock:
            user_id, user = _person(account, asked.get("person", ""))
            grant = Grant(app, user_id, user, granted, redirect_uri=target)
            grant.challenge = asked.get("code_challenge", "")
            code = account.apps.issue_code(grant, at=account.now())
        return redirect(_with(target, {"code": code} | told))

    for number, rule in enumerate(("/oauth/authorize", "/oauth/<int:portal>/authorize")):
        defaults = {} if "portal" in rule else {"portal": PORTAL_ID}
        api.add_url_rule(rule, f"oauth page {number}", show, methods=["GET"], defaults=defaults)
        api.add_url_rule(rule, f"oauth decision {number}", decide, methods=["POST"], defaults=defaults)


def in_words(scope: str) -> str:
    """What a scope lets an app do."""
    parts = scope.split(".")
    if scope in WORDS or parts[-1] not in RIGHTS or len(parts) < 3:
        return WORDS.get(scope, scope)
    what = f"properties of {parts[2]}" if parts[1] == "schemas" else parts[-2]
    return f"{RIGHTS[parts[-1]]} {what.replace('_', ' ')}"


def _check(account: HubSpot, asked: Mapping[str, str]) -> tuple[str, App | None]:
    """What is wrong with the address a person was sent to; and the app."""
    app = account.apps.by_client.get(asked.get("client_id", ""))
    if app is None:
        return "There is no app with this client id.", None
    target = asked.get("redirect_uri", "")
    if not target or not app.takes(target):
        return f"{target or 'No redirect address'} is not registered for {app.name}.", app
    wanted, _ = _scopes(asked)
    if not wanted:
        return f"{app.name} asks for no scopes.", app
    unknown = [scope for scope in wanted if scope not in app.scopes]
    return (f"{app.name} may not ask for {', '.join(unknown)}." if unknown else ""), app


def _scopes(asked: Mapping[str, str]) -> tuple[list[str], list[str]]:
    return asked.get("scope", "").split(), asked.get("optional_scope", "").split()


def _person(account: HubSpot, email: str) -> tuple[int, str]:
    for owner in account.tables["owners"].after():
        if owner.values["email"] == email or not email:
            return int(owner.values["userId"]), str(owner.values["email"])
    return _person(account, "")


def _with(target: str, told: Mapping[str, str]) -> str:
    mark = "&" if urlsplit(target).query else "?"
    return f"{target}{mark}{urlencode(told, quote_via=quote)}"


def _page(status: int, **told: object) -> Response:
    html = render_template("hubspot/consent.html", company=COMPANY, portal=PORTAL_ID, **told)
    return make_response(html, status)
