"""The addresses of records at app.hubspot.com, which lead to the pages here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, abort, redirect, url_for
from flask.typing import ResponseReturnValue

from sandbox.hubspot.errors import PORTAL_ID
from sandbox.hubspot.kinds import KINDS

if TYPE_CHECKING:
    from sandbox.hubspot.account import HubSpot


def add_to(api: Blueprint, account: HubSpot) -> None:  # noqa: ARG001 - every part is called alike
    """Register the address."""

    @api.get("/contacts/<int:portal>/record/<code>/<record_id>", endpoint="page record")
    def record(portal: int, code: str, record_id: str) -> ResponseReturnValue:
        """The page of a record, by the id of its type: 0-1 is a contact."""
        name = next((kind.name for kind in KINDS.values() if kind.type_id == code), None)
        if portal != PORTAL_ID or name is None:
            abort(404)
        return redirect(url_for("pages.single", name=name, record_id=record_id))
