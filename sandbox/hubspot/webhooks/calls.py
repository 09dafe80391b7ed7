"""The endpoints by which a developer manages an app's webhooks, with the developer's key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response

from sandbox.app import answer
from sandbox.hubspot import render
from sandbox.hubspot.errors import ApiError, fields_missing, not_found
from sandbox.hubspot.rows import Outcome, rows_in
from sandbox.hubspot.webhooks.subscriptions import Hooks, Subscription

if TYPE_CHECKING:
    from sandbox.hubspot.account import HubSpot

BASES = ("/webhooks/v3", "/app-webhooks/2026-09")


def add_to(api: Blueprint, account: HubSpot) -> None:
    """Register the endpoints under every path scheme."""

    def hooks_of(app_id: int) -> Hooks:
        if account.apps.by_id(app_id) is None:
            raise not_found(f"There is no app {app_id}.")
        return account.desk.of(app_id)

    def settings(app_id: int) -> Response:
        present = hooks_of(app_id).settings
        if present is None:
            raise not_found(f"App {app_id} has no webhook settings.")
        return answer(present.as_json())

    def configure(app_id: int) -> Response:
        sent = render.body()
        missing = [name for name in ("targetUrl", "throttling") if not sent.get(name)]
        if missing:
            raise fields_missing(missing)
        with account.lock:
            concurrent = int(sent["throttling"].get("maxConcurrentRequests", 0))
            made = hooks_of(app_id).configure(str(sent["targetUrl"]), concurrent, at=account.now())
            return answer(made.as_json())

    def clear(app_id: int) -> Response:
        with account.lock:
            hooks_of(app_id).settings = None
        return Response(status=204)

    def listing(app_id: int) -> Response:
        return answer({"results": [one.as_json() for one in hooks_of(app_id)]})

    def subscribe(app_id: int) -> Response:
        with account.lock:
            return answer(hooks_of(app_id).subscribe(render.body(), at=account.now()).as_json(), 201)

    def read(app_id: int, number: str) -> Response:
        return answer(hooks_of(app_id).get(number).as_json())

    def change(app_id: int, number: str) -> Response:
        with account.lock:
            one = hooks_of(app_id).get(number)
            return answer(_activate(account, one, render.body().get("active")))

    def drop(app_id: int, number: str) -> Response:
        with account.lock:
            hooks = hooks_of(app_id)
            del hooks.by_number[hooks.get(number).number]
        return Response(status=204)

    def change_several(app_id: int) -> Response:
        outcome = Outcome(account.now())
        with account.lock:
            for row in rows_in():
                try:
                    one = hooks_of(app_id).get(str(row.get("id", "")))
                    outcome.results.append(_activate(account, one, row.get("active")))
                except ApiError as error:
                    outcome.errors.append(error.row(ids=[str(row.get("id", ""))]))
        return outcome.answer(account, 200)

    for base in BASES:
        app = f"{base}/<int:app_id>"
        some, one = f"{app}/subscriptions", f"{app}/subscriptions/<number>"
        for rule, name, call, method in (
            (f"{app}/settings", "settings", settings, "GET"),
            (f"{app}/settings", "configure", configure, "PUT"),
            (f"{app}/settings", "clear", clear, "DELETE"),
            (some, "list", listing, "GET"),
            (some, "subscribe", subscribe, "POST"),
            (f"{some}/batch/update", "change several", change_several, "POST"),
            (one, "read", read, "GET"),
            (one, "change", change, "PATCH"),
            (one, "drop", drop, "DELETE"),
        ):
            api.add_url_rule(rule, f"webhook {name} {base}", call, methods=[method])


def _activate(account: HubSpot, one: Subscription, active: object) -> dict[str, Any]:
    if active is not None:
        one.active, one.changed_at = bool(active), account.now()
    return one.as_json()
