"""The Tooling API as far as an installer needs it: making a custom field on a standard object."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sandbox.salesforce import ids
from sandbox.salesforce.answers import Ask, Reply
from sandbox.salesforce.errors import SalesforceError, not_built
from sandbox.salesforce.schema import Field

# The metadata's name of a type -> the describe's.
_TYPES = {
    "Text": "string", "TextArea": "textarea", "LongTextArea": "textarea", "Number": "double",
    "Currency": "currency", "Percent": "percent", "Checkbox": "boolean", "Date": "date",
    "DateTime": "datetime", "Email": "email", "Phone": "phone", "Url": "url", "Picklist": "picklist",
    "MultiselectPicklist": "multipicklist", "Lookup": "reference",
}  # fmt: skip
_LENGTHS = {"textarea": 255, "email": 80, "phone": 40, "url": 255, "picklist": 255, "multipicklist": 4_099}
_FULL_NAME = re.compile(r"(\w+)\.([A-Za-z]\w*)__c")


def create(ask: Ask) -> Reply:
    """``POST tooling/sobjects/CustomField`` with FullName and Metadata; there at once, and hidden."""
    if ask.arguments["entity"].lower() != "customfield":
        raise not_built(f"the Tooling API's {ask.arguments['entity']}")
    body = ask.fields()
    match = _FULL_NAME.fullmatch(str(body.get("FullName", "")))
    metadata = body.get("Metadata")
    if match is None or not isinstance(metadata, dict):
        names = ["FullName", "Metadata"]
        message = f"Required fields are missing: [{', '.join(names)}]"
        raise SalesforceError("REQUIRED_FIELD_MISSING", message, names)
    kind = ask.org.kind("Task" if match[1] == "Activity" else match[1])  # events share them; not kept here
    name = f"{match[2]}__c"
    if ask.org.has_field(kind.name, name):
        message = f"There is already a field named {match[2]} on {kind.label}."
        raise SalesforceError("DUPLICATE_DEVELOPER_NAME", message, [])
    field_id = ask.org.add_field(kind.name, _field(name, metadata))
    return Reply(201, {"id": field_id, "success": True, "errors": [], "warnings": [], "infos": []})


def mint_field_id(number: int) -> str:
    """The id of the n-th custom field."""
    return ids.mint("00N", number)


def _field(name: str, metadata: Mapping[str, Any]) -> Field:
    type_name = str(metadata.get("type", ""))
    kind = _TYPES.get(type_name)
    if kind is None:
        raise SalesforceError("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", f"Type: bad value: {type_name}", [])
    long = type_name == "LongTextArea"
    boolean = kind == "boolean"
    return Field(
        name,
        str(_needed(metadata, "label")),
        kind,
        length=int(_needed(metadata, "length")) if type_name == "Text" or long else _LENGTHS.get(kind, 0),
        precision=int(_needed(metadata, "precision")) if kind in ("double", "currency", "percent") else 0,
        scale=int(metadata.get("scale") or 0),
        nillable=not boolean and not metadata.get("required"),
        defaulted=boolean,
        default=str(metadata.get("defaultValue", "false")).lower() == "true" if boolean else None,
        picklist=_values(metadata),
        restricted=bool((metadata.get("valueSet") or {}).get("restricted")),
        references=(str(_needed(metadata, "referenceTo")),) if kind == "reference" else (),
        relationship=f"{name.removesuffix('__c')}__r" if kind == "reference" else None,
        children=f"{metadata['relationshipName']}__r" if metadata.get("relationshipName") else None,
        id_lookup=bool(metadata.get("externalId")),
        external_id=bool(metadata.get("externalId")),
        unique=bool(metadata.get("unique")),
        filterable=not long,
        sortable=not long and kind != "multipicklist",
        custom=True,
    )


def _needed(metadata: Mapping[str, Any], key: str) -> Any:
    if metadata.get(key) in (None, ""):
        message = f"Required fields are missing: [{key}]"
        raise SalesforceError("REQUIRED_FIELD_MISSING", message, [key])
    return metadata[key]


def _values(metadata: Mapping[str, Any]) -> tuple[str, ...]:
    definition = (metadata.get("valueSet") or {}).get("valueSetDefinition") or {}
    listed = definition.get("value") or ()
    return tuple(str(one.get("fullName") or one.get("valueName")) for one in listed)
