"""The endpoints for the labels of associations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response

from sandbox.app import answer
from sandbox.hubspot import render
from sandbox.hubspot.association_calls import Pair
from sandbox.hubspot.errors import ApiError, bad_request, fields_missing, not_found
from sandbox.hubspot.link_types import USER, LinkType

if TYPE_CHECKING:
    from sandbox.hubspot.account import HubSpot

BASES = (
    "/crm/v4/associations",
    "/crm/associations/v4",
    "/crm/associations/2026-03",
    "/crm/associations/2026-09",
)
MOST_LABELS = 10


def add_to(api: Blueprint, account: HubSpot) -> None:
    """Register the endpoints under every path scheme."""

    def listing(object_type: str, to_type: str) -> Response:
        pair = Pair(account.of(object_type), account.of(to_type))
        return answer(
            {"results": [made.as_json() for made in account.link_types.between(pair.source, pair.target)]}
        )

    def create(object_type: str, to_type: str) -> Response:
        pair, sent = Pair(account.of(object_type), account.of(to_type)), render.body()
        missing = [name for name in ("label", "name") if not sent.get(name)]
        if missing:
            raise fields_missing(missing)
        with account.lock:
            present = [
                made for made in account.link_types.between(pair.source, pair.target) if made.spec[0] == USER
            ]
            if any(made.name == sent["name"] for made in present):
                raise ApiError(409, f"A label named '{sent['name']}' already exists.", "CONFLICT")
            if len(present) >= MOST_LABELS:
                raise bad_request(f"There can be {MOST_LABELS} labels between two object types at most.")
            made = account.link_types.define(
                pair.source, pair.target, sent["name"], sent["label"], sent.get("inverseLabel")
            )
        return answer({"results": [one.as_json() for one in made]})

    def update(object_type: str, to_type: str) -> Response:
        pair, sent = Pair(account.of(object_type), account.of(to_type)), render.body()
        missing = [name for name in ("label", "associationTypeId") if not sent.get(name)]
        if missing:
            raise fields_missing(missing)
        with account.lock:
            made = existing(pair, sent["associationTypeId"])
            account.link_types.rename(made, sent["label"], sent.get("inverseLabel"))
        return Response(status=204)

    def archive(object_type: str, to_type: str, type_id: int) -> Response:
        pair = Pair(account.of(object_type), account.of(to_type))
        with account.lock:
            account.links.forget(existing(pair, type_id))
        return Response(status=204)

    def existing(pair: Pair, type_id: Any) -> LinkType:
        made = account.link_types.get(pair.source, pair.target, (USER, int(type_id)))
        if made is None:
            raise not_found(f"There is no label {type_id} that can be changed.")
        return made

    for base in BASES:
        labels = f"{base}/<object_type>/<to_type>/labels"
        api.add_url_rule(labels, f"labels {base}", listing, methods=["GET"])
        api.add_url_rule(labels, f"create label {base}", create, methods=["POST"])
        api.add_url_rule(labels, f"update label {base}", update, methods=["PUT"])
        api.add_url_rule(f"{labels}/<int:type_id>", f"archive label {base}", archive, methods=["DELETE"])
