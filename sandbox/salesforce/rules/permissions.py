"""Permission sets: who has them, and which fields they grant."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sandbox.salesforce.errors import SalesforceError
from sandbox.salesforce.rules.base import Rules

if TYPE_CHECKING:
    from sandbox.salesforce.writes import Writer


class AssignmentRules(Rules):
    """A user has a permission set once."""

    def complete(
        self, write: Writer, values: dict[str, Any], given: Mapping[str, Any], before: Mapping[str, Any]
    ) -> None:
        """Refuse a second assignment of the same set."""
        _refuse_twice(write, "PermissionSetAssignment", ("AssigneeId", "PermissionSetId"), values, before)


class FieldPermissionsRules(Rules):
    """A permission set grants a field that there is, once; who may edit may read."""

    def complete(
        self, write: Writer, values: dict[str, Any], given: Mapping[str, Any], before: Mapping[str, Any]
    ) -> None:
        """Refuse what grants nothing, or a field that is not there."""
        kind, _, name = str(values.get("Field") or "").partition(".")
        if kind != values.get("SobjectType") or not write.org.has_field(kind, name):
            message = f"Field Name: bad value for restricted picklist field: {values.get('Field')}"
            raise SalesforceError("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", message, ["Field"])
        if not values.get("PermissionsRead"):
            message = "You can't grant no access, nor edit access without read access, to a field"
            raise SalesforceError("FIELD_INTEGRITY_EXCEPTION", message, ["PermissionsRead"])
        _refuse_twice(write, "FieldPermissions", ("ParentId", "Field"), values, before)


def _refuse_twice(
    write: Writer, name: str, key: tuple[str, ...], values: Mapping[str, Any], before: Mapping[str, Any]
) -> None:
    wanted = tuple(values.get(field) for field in key)
    for row in write.org.rows(name).every():
        is_another = row.archived_at is None and row.id != before.get("Id")
        if is_another and tuple(row.values.get(field) for field in key) == wanted:
            message = f"duplicate value found: <unknown> duplicates value on record with id: {row.id}"
            raise SalesforceError("DUPLICATE_VALUE", message, [])
