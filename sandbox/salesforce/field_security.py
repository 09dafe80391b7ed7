"""Field-level security: which of the fields that were made by API the API user sees, and may edit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from sandbox.salesforce.schema import Field

if TYPE_CHECKING:
    from sandbox.salesforce.org import Org

GRANTING = frozenset({"PermissionSet", "PermissionSetAssignment", "FieldPermissions"})


def seen_fields(org: Org, made: Iterable[tuple[str, Field]]) -> Iterator[tuple[str, Field]]:
    """The fields that permission sets of the API user grant; without the right to edit they are read-only."""
    mine = {
        row.values["PermissionSetId"]
        for row in org.rows("PermissionSetAssignment").every()
        if row.archived_at is None and row.values["AssigneeId"] == org.user_id
    }
    granted: dict[str, bool] = {}
    for row in org.rows("FieldPermissions").every():
        if row.archived_at is None and row.values["ParentId"] in mine and row.values.get("PermissionsRead"):
            name = row.values["Field"]
            granted[name] = granted.get(name, False) or bool(row.values.get("PermissionsEdit"))
    for kind, field in made:
        may_edit = granted.get(f"{kind}.{field.name}")
        if may_edit is not None:
            yield kind, field if may_edit else replace(field, access="read")
