"""The address of a record in an org, which leads to its page here: the instance and the record's id."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, abort, redirect, url_for
from flask.typing import ResponseReturnValue

from sandbox.salesforce import ids

if TYPE_CHECKING:
    from sandbox.salesforce.org import Org


def add_to(routes: Blueprint, org: Org) -> None:
    """Register the address."""

    def record(record_id: str) -> ResponseReturnValue:
        """The page of a record, by an id of 15 or 18 characters."""
        full = ids.parse(record_id)
        kind = org.schema.of_id(full) if full else None
        if full is None or kind is None:
            abort(404)
        return redirect(url_for("pages.single", name=kind.name, record_id=full))

    for length in (15, 18):
        routes.add_url_rule(f"/<string(length={length}):record_id>", f"page_{length}", record)
