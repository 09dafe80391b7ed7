"""Parents named by a key of theirs instead of their id: ``"Account": {"Shop_Id__c": "42"}``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sandbox.salesforce.errors import SalesforceError
from sandbox.salesforce.schema import Field, ObjectType

if TYPE_CHECKING:
    from sandbox.salesforce.org import Org


def named_by_id(org: Org, kind: ObjectType, given: Mapping[str, Any]) -> Mapping[str, Any]:
    """The same values with every parent named by its id; raises for a key that nobody has."""
    if not any(isinstance(value, dict) for value in given.values()):
        return given
    found: dict[str, Any] = {}
    for name, value in given.items():
        reference = kind.relationship(name) if isinstance(value, dict) and name != "attributes" else None
        if reference is None:
            found[name] = value
        else:
            found[reference.name] = _id_of(org, reference, value)
    return found


def _id_of(org: Org, reference: Field, key: Mapping[str, Any]) -> str:
    kind = _parent_type(org, reference, key)
    named = {name: value for name, value in key.items() if name != "attributes"}
    if len(named) != 1:
        message = f"{reference.relationship}: exactly one external id field is needed, not {len(named)}"
        raise SalesforceError("INVALID_FIELD", message, [reference.name])
    [(name, value)] = named.items()
    field = kind.field(name)
    if field is None or not (field.keyed or field.name == "Id"):
        message = f"{name} is no external id or indexed field for {kind.name}"
        raise SalesforceError("INVALID_FIELD", message, [reference.name])
    if field.name == "Id":
        return str(value)
    rows = org.rows(kind.name).with_key(field.name, str(value))
    matches = [record.id for record in rows if record.archived_at is None]
    if not matches:
        message = f"Foreign key external ID: {value} not found for field {field.name} in entity {kind.name}"
        raise SalesforceError("INVALID_FIELD", message, [])
    if len(matches) > 1:
        message = f"{field.name}: more than one record found for external id field: [{', '.join(matches)}]"
        raise SalesforceError("DUPLICATE_EXTERNAL_ID", message, [field.name])
    return matches[0]


def _parent_type(org: Org, reference: Field, key: Mapping[str, Any]) -> ObjectType:
    """The parent's type; where several are possible, the key's attributes have to say which."""
    attributes = key.get("attributes")
    named = attributes.get("type") if isinstance(attributes, dict) else None
    if named is None and len(reference.references) == 1:
        named = reference.references[0]
    if named is None or str(named).lower() not in (one.lower() for one in reference.references):
        message = f"{reference.relationship}: the type of the parent is missing or not allowed"
        raise SalesforceError("INVALID_TYPE", message, [reference.name])
    return org.kind(str(named))
