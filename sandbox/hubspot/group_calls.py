"""The endpoints for property groups."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response

from sandbox.app import answer
from sandbox.hubspot import render
from sandbox.hubspot.errors import ApiError, bad_request, fields_missing, not_found
from sandbox.hubspot.property_calls import PROPERTIES

if TYPE_CHECKING:
    from sandbox.hubspot.account import HubSpot


def add_to(api: Blueprint, account: HubSpot) -> None:
    """Register the endpoints under every path scheme."""

    def groups_of(object_type: str) -> dict[str, dict[str, Any]]:
        return account.of(object_type).definitions.groups

    def existing(object_type: str, name: str) -> dict[str, Any]:
        group = groups_of(object_type).get(name)
        if group is None:
            raise not_found(f"There is no property group named '{name}'.")
        return group

    def listing(object_type: str) -> Response:
        return answer({"results": list(groups_of(object_type).values())})

    def read(object_type: str, name: str) -> Response:
        return answer(existing(object_type, name))

    def create(object_type: str) -> Response:
        sent = render.body()
        missing = [name for name in ("name", "label") if not sent.get(name)]
        if missing:
            raise fields_missing(missing)
        with account.lock:
            groups = groups_of(object_type)
            if sent["name"] in groups:
                raise ApiError(409, f"A property group named '{sent['name']}' already exists.", "CONFLICT")
            order = int(sent.get("displayOrder", -1))
            group = {"name": sent["name"], "label": sent["label"], "displayOrder": order, "archived": False}
            groups[sent["name"]] = group
        return answer(group, 201)

    def update(object_type: str, name: str) -> Response:
        sent = render.body()
        with account.lock:
            group = existing(object_type, name)
            group.update({key: sent[key] for key in ("label", "displayOrder") if key in sent})
            return answer(group)

    def archive(object_type: str, name: str) -> Response:
        with account.lock:
            existing(object_type, name)
            definitions = account.of(object_type).definitions
            used = [told["name"] for told in definitions if told["groupName"] == name]
            if used:
                raise bad_request(f"The property group '{name}' holds properties: {', '.join(used[:5])}.")
            del definitions.groups[name]
        return Response(status=204)

    for base in PROPERTIES:
        all_of, one = f"{base}/<object_type>/groups", f"{base}/<object_type>/groups/<name>"
        api.add_url_rule(all_of, f"list groups {base}", listing, methods=["GET"])
        api.add_url_rule(all_of, f"create group {base}", create, methods=["POST"])
        api.add_url_rule(one, f"read group {base}", read, methods=["GET"])
        api.add_url_rule(one, f"update group {base}", update, methods=["PATCH"])
        api.add_url_rule(one, f"archive group {base}", archive, methods=["DELETE"])
