"""Reads the associations that a new record shall have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.hubspot import shapes
from sandbox.hubspot.errors import bad_associations, bad_request
from sandbox.hubspot.link_types import LinkType, Spec
from sandbox.hubspot.objects import Objects


def wanted_in(objects: Objects, sent: Mapping[str, Any]) -> list[tuple[str, LinkType]]:
    """The records named in ``associations`` of a body or row, each with a type that fits."""
    rows = shapes.objects(sent.get("associations"))
    return [one for row in rows for one in _wanted(objects, row)]


def _wanted(objects: Objects, row: Mapping[str, Any]) -> list[tuple[str, LinkType]]:
    other = shapes.text(shapes.an_object(row.get("to")).get("id"))
    types = [_type(objects, spec) for spec in specs_in(shapes.listed(row.get("types")))]
    if not types:
        raise bad_request("Invalid request: an association needs at least one type.")
    for made in types:
        target = objects.account.objects[made.target]
        if target.find(other) is None:
            raise bad_associations(
                INVALID_OBJECT_IDS=[f"{target.kind.code}={other} is not valid"],
                objectId=[other],
                objectType=[target.kind.code],
            )
    return [(other, made) for made in types]


def specs_in(types: object) -> list[Spec]:
    """The association types of a body, by category and id."""
    if not isinstance(types, list) or not all(isinstance(told, dict) for told in types):
        raise bad_request("Invalid request: types must be a list of objects.")
    if any(told.get(key) is None for told in types for key in ("associationCategory", "associationTypeId")):
        raise bad_request("Invalid request: a type needs associationCategory and associationTypeId.")
    return [
        (shapes.text(told["associationCategory"]), shapes.whole(told["associationTypeId"])) for told in types
    ]


def _type(objects: Objects, spec: Spec) -> LinkType:
    made = objects.account.link_types.of_source(objects.kind.name, spec)
    if made is None:
        raise wrong_type(spec)
    return made


def wrong_type(spec: Spec) -> Exception:
    """400 for a type that does not exist in that direction (recorded traffic)."""
    name = f"{spec[0]}={spec[1]}"
    return bad_associations(
        associationSpec=[name],
        INVALID_ASSOCIATION_TYPE_ID=[f"{name} is not a valid association definition id"],
    )
