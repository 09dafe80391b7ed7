"""Makes custom fields in a Salesforce org, and lets the API user see them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from connectors.base import Endpoint
from connectors.inspection import Answer, Caller
from connectors.making import Made, NewField
from connectors.salesforce.errors import Refused, code_of, first_error, to_connector_error, words
from connectors.salesforce.inspector import error_of, user_of
from connectors.salesforce.limits import usage_of
from model.errors import NotAuthorized

PERMISSION_SET = "leadrelay"
LONGEST_TEXT = 255  # of a text field; longer ones are long text areas
LONGEST_AREA = 131_072
BATCH = 200
# What the Tooling API says of a field that is there, though this user may not see it.
ON = {"Task": "Activity"}  # custom fields of tasks and events are made on Activity (Object Manager)
THERE = frozenset({"DUPLICATE_DEVELOPER_NAME", "DUPLICATE_VALUE"})
HIDDEN = f"was made, but field-level security hides it: grant it in the permission set {PERMISSION_SET}"


class SalesforceMaker:
    """Makes the custom fields of one org; implements ``connectors.making.Maker``.

    Fields come about through the Tooling API, for which the user needs Customize Application. A new
    field is hidden from everyone: read and edit are granted in a permission set of its own, which is
    assigned to the API user (Manage Profiles and Permission Sets, Assign Permission Sets).
    """

    def __init__(self, endpoint: Endpoint) -> None:
        self._caller = Caller(endpoint, "Salesforce", usage_of, error_of)
        self._base = f"/services/data/v{endpoint.options.get('api_version', '68.0').removeprefix('v')}"

    def make(self, fields: Sequence[NewField]) -> Iterator[Made]:
        """Make fields one by one, as the Tooling API wants it, then open them all to the API user."""
        there: list[NewField] = []
        for field in fields:
            if not field.name.endswith("__c") or field.type not in _METADATA:
                yield Made(field, "it is no custom field; field-level security hides it from this user")
            elif refusal := self._make_one(field):
                yield Made(field, refusal)
            else:
                there.append(field)
        if there:
            yield from self._open(there)

    def steps(self, field: NewField) -> Sequence[str]:
        """Return what a person does in Setup."""
        metadata = _metadata(field)
        lines = [
            f"Setup > Object Manager > {ON.get(field.object, field.object)} > Fields & Relationships: New.",
            f'Data type {_SHOWN[metadata["type"]]}; label "{field.label}", '
            f"field name {field.name.removesuffix('__c')}.",
        ]
        if "length" in metadata:
            lines.append(f"Length {metadata['length']}.")
        if "precision" in metadata:
            lines.append("Length 16, decimal places 2.")
        if field.options:
            lines.append(f"Values: {', '.join(field.options)}.")
        if field.is_unique:
            lines.append('Tick "Unique" (not case sensitive) and "External ID".')
        lines.append("Field-level security: visible and editable for the profile of leadrelay's user.")
        return lines

    def _make_one(self, field: NewField) -> str:
        """Make a field; return the refusal, blank where it is there now."""
        made_on = ON.get(field.object, field.object)
        body = {"FullName": f"{made_on}.{field.name}", "Metadata": _metadata(field)}
        answer = self._caller.call("POST", f"{self._base}/tooling/sobjects/CustomField", body=body)
        if answer.status in (200, 201) or code_of(first_error(answer.body)) in THERE:
            return ""
        error = to_connector_error(answer.status, answer.body, writes=True)
        if isinstance(error, Refused):
            return str(error)
        raise error

    def _open(self, fields: Sequence[NewField]) -> Iterator[Made]:
        """Let the API user read and edit fields, where that is not granted already."""
        try:
            permission_set = self._permission_set()
            granted = self._granted(permission_set)
            lacking = [field for field in fields if str(field) not in granted]
            refused: dict[str, str] = {}
            for start in range(0, len(lacking), BATCH):
                refused |= self._grant(permission_set, lacking[start : start + BATCH])
        except (NotAuthorized, Refused) as error:
            yield from (Made(field, f"{HIDDEN} ({error})") for field in fields)
            return
        yield from (Made(field, refused.get(str(field), "")) for field in fields)

    def _permission_set(self) -> str:
        """Return the id of leadrelay's permission set, made and assigned to the user where it is not."""
        found = self._query(f"SELECT Id FROM PermissionSet WHERE Name = '{PERMISSION_SET}'")
        if found:
            set_id = str(found[0]["Id"])
        else:
            told = {
                "Name": PERMISSION_SET,
                "Label": PERMISSION_SET,
                "Description": "Fields that leadrelay writes",
            }
            set_id = self._create("PermissionSet", told)
        user = user_of(self._checked(self._caller.call("GET", self._base)).row)
        whose = f"AssigneeId = '{user}' AND PermissionSetId = '{set_id}'"
        if not self._query(f"SELECT Id FROM PermissionSetAssignment WHERE {whose}"):
            self._create("PermissionSetAssignment", {"AssigneeId": user, "PermissionSetId": set_id})
        return set_id

    def _granted(self, permission_set: str) -> set[str]:
        which = f"ParentId = '{permission_set}' AND PermissionsEdit = true"
        rows = self._query(f"SELECT Field FROM FieldPermissions WHERE {which}")
        return {str(row.get("Field")) for row in rows}

    def _grant(self, permission_set: str, fields: Sequence[NewField]) -> dict[str, str]:
        """Grant fields in one call; return the refusals by field."""
        rows = [
            {
                "attributes": {"type": "FieldPermissions"},
                "ParentId": permission_set,
                "SobjectType": field.object,
                "Field": str(field),
                "PermissionsRead": True,
                "PermissionsEdit": True,
            }
            for field in fields
        ]
        body = {"allOrNone": False, "records": rows}
        answer = self._checked(self._caller.call("POST", f"{self._base}/composite/sobjects", body=body))
        items = answer.body if isinstance(answer.body, list) else []
        return {
            str(field): f"{HIDDEN} ({words(item.get('errors') or [])})"
            for field, item in zip(fields, items, strict=False)
            if not item.get("success")
        }

    def _create(self, object_type: str, values: Mapping[str, Any]) -> str:
        answer = self._caller.call("POST", f"{self._base}/sobjects/{object_type}", body=dict(values))
        if answer.status != 201:
            raise to_connector_error(answer.status, answer.body, writes=True)
        return str(answer.row.get("id"))

    def _query(self, soql: str) -> list[Mapping[str, Any]]:
        answer = self._checked(self._caller.call("GET", f"{self._base}/query", params={"q": soql}))
        rows = answer.row.get("records")
        return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []

    @staticmethod
    def _checked(answer: Answer) -> Answer:
        if answer.status == 200:
            return answer
        raise to_connector_error(answer.status, answer.body, writes=False)


def _metadata(field: NewField) -> dict[str, Any]:
    """Return a field as the Metadata API's CustomField describes it."""
    told: dict[str, Any] = {"label": field.label, "description": field.purpose, "required": False}
    told |= _METADATA.get(field.type, _METADATA["text"])
    if field.type == "text" and field.length > LONGEST_TEXT:
        return told | {"type": "LongTextArea", "length": min(field.length, LONGEST_AREA), "visibleLines": 3}
    if field.type == "text":
        told["length"] = field.length
    if field.is_unique:
        told |= {"unique": True, "externalId": True, "caseSensitive": False}
    if field.type == "choice":
        values = [{"fullName": value, "label": value, "default": False} for value in field.options]
        told["valueSet"] = {
            "restricted": False,
            "valueSetDefinition": {"sorted": False, "value": values},
        }
    return told


_METADATA: Mapping[str, Mapping[str, Any]] = {
    "text": {"type": "Text"},
    "number": {"type": "Number", "precision": 18, "scale": 2},
    "bool": {"type": "Checkbox", "defaultValue": "false"},
    "datetime": {"type": "DateTime"},
    "date": {"type": "Date"},
    "choice": {"type": "Picklist"},
}
_SHOWN = {
    "Text": "Text",
    "LongTextArea": "Text Area (Long)",
    "Number": "Number",
    "Checkbox": "Checkbox",
    "DateTime": "Date/Time",
    "Date": "Date",
    "Picklist": "Picklist",
}
