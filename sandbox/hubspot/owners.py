"""The endpoints for owners, which are read only."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response, request

from sandbox.app import answer
from sandbox.hubspot import render
from sandbox.hubspot.errors import bad_request, not_found
from sandbox.hubspot.render import flag_in, limit_in
from sandbox.hubspot.values import iso
from sandbox.records import Record

if TYPE_CHECKING:
    from sandbox.hubspot.account import HubSpot

OWNERS = ("/crm/v3/owners", "/crm/owners/2026-03", "/crm/owners/2026-09")


def add_to(api: Blueprint, account: HubSpot) -> None:
    """Register the endpoints under every path scheme."""

    def owners() -> Response:
        size, after, email = (
            limit_in(100, 500),
            request.args.get("after"),
            request.args.get("email", "").lower(),
        )
        with account.lock:
            table = account.tables["owners"]
            if after and table.get(after) is None:
                raise bad_request(f"Invalid after: {after}")
            found = (
                owner
                for owner in table.after(after, archived=flag_in("archived"))
                if email in ("", owner.values["email"].lower())
            )
            rows = list(islice(found, size + 1))
        shown = [_shown(owner) for owner in rows[:size]]
        return answer(render.page(shown, rows[size - 1].id if len(rows) > size else None))

    def owner(owner_id: str) -> Response:
        by_user = request.args.get("idProperty", "id") == "userId"
        with account.lock:
            for row in account.tables["owners"].after(archived=flag_in("archived")):
                if owner_id == (str(row.values["userId"]) if by_user else row.id):
                    return answer(_shown(row))
        raise not_found()

    for base in OWNERS:  # the vendor's Python client calls the list with a trailing slash
        api.add_url_rule(base, f"list {base}", owners, methods=["GET"])
        api.add_url_rule(f"{base}/<owner_id>", f"read {base}", owner, methods=["GET"])


def _shown(owner: Record) -> dict[str, Any]:
    archived = owner.archived_at is not None
    return {
        "id": owner.id,
        "email": owner.values["email"],
        "type": "PERSON",
        "firstName": owner.values["firstName"],
        "lastName": owner.values["lastName"],
        "userId": None if archived else owner.values["userId"],
        "userIdIncludingInactive": owner.values["userId"],
        "createdAt": iso(owner.created_at),
        "updatedAt": iso(owner.updated_at),
        "archived": archived,
    }
