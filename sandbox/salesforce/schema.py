"""The object types of the org: their fields as a describe tells them, read from ``objects/*.json``."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from importlib.resources import files
from typing import Any

TEXT = frozenset({"string", "textarea", "picklist", "multipicklist", "combobox", "email", "phone", "url"})
NUMBERS = frozenset({"int", "double", "currency", "percent"})
IDS = frozenset({"id", "reference"})

_SOAP = {
    "id": "tns:ID", "reference": "tns:ID", "boolean": "xsd:boolean", "int": "xsd:int", "double": "xsd:double",
    "currency": "xsd:double", "percent": "xsd:double", "date": "xsd:date",
    "datetime": "xsd:dateTime", "address": "urn:address",
}  # fmt: skip

# What exists in every org but is not built here: calls on these answer 501 instead of 404.
NOT_BUILT = (
    "AccountContactRelation", "Asset", "Calendar", "CaseComment", "ContactHistory", "Contract", "GroupMember",
    "Individual", "LeadHistory", "OpportunityFieldHistory", "OpportunityLineItem", "Order", "Pricebook2",
    "Product2", "QueueSobject", "RecordType", "TaskStatus", "UserRole",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Field:
    """One field: what it holds and who may write it."""

    name: str
    label: str
    type: str
    length: int = 0
    precision: int = 0
    scale: int = 0
    access: str = "write"  # "read", "create" (only then), "update" (only then), "write"
    nillable: bool = True
    defaulted: bool = False
    default: Any = None
    picklist: tuple[str, ...] = ()
    restricted: bool = False
    references: tuple[str, ...] = ()
    relationship: str | None = None
    children: str | None = None  # what the parent calls the records that refer to it by this field
    id_lookup: bool = False
    external_id: bool = False
    unique: bool = False
    part_of: str | None = None
    filterable: bool = True
    sortable: bool = True
    name_field: bool = False
    custom: bool = False

    @property
    def createable(self) -> bool:
        """Whether a create may set it."""
        return self.access in ("write", "create")

    @property
    def updateable(self) -> bool:
        """Whether an update may set it."""
        return self.access in ("write", "update")

    @property
    def required(self) -> bool:
        """Whether a create must set it."""
        return not self.nillable and not self.defaulted and self.createable

    @property
    def keyed(self) -> bool:
        """Whether an upsert or a read may name records by it."""
        return self.id_lookup or self.external_id

    @property
    def groupable(self) -> bool:
        """Whether a GROUP BY may name it."""
        long = self.type == "textarea" and self.length > 255
        return not long and self.type not in ("double", "currency", "percent", "datetime", "address")

    def describe(self) -> dict[str, Any]:
        """The field as a describe tells it."""
        text, is_id = self.type in TEXT, self.type in IDS
        long = self.type == "textarea" and self.length > 255
        length = 18 if is_id else self.length
        return {
            "aggregatable": not long and self.type not in ("boolean", "address"),
            "aiPredictionField": False,
            "autoNumber": False,
            "byteLength": length if is_id else 3 * length if text else 0,
            "calculated": False,
            "calculatedFormula": None,
            "cascadeDelete": False,
            "caseSensitive": False,
            "compoundFieldName": self.part_of,
            "controllerName": None,
            "createable": self.createable,
            "custom": self.custom,
            "defaultValue": self.default,
            "defaultValueFormula": None,
            "defaultedOnCreate": self.defaulted,
            "dependentPicklist": False,
            "deprecatedAndHidden": False,
            "digits": 8 if self.type == "int" else 0,
            "displayLocationInDecimal": False,
            "encrypted": False,
            "externalId": self.external_id,
            "extraTypeInfo": self._extra_type,
            "filterable": self.filterable,
            "filteredLookupInfo": None,
            "formulaTreatNullNumberAsZero": False,
            "groupable": self.groupable,
            "highScaleNumber": False,
            "htmlFormatted": False,
            "idLookup": self.id_lookup,
            "inlineHelpText": None,
            "label": self.label,
            "length": length,
            "mask": None,
            "maskType": None,
            "name": self.name,
            "nameField": self.name_field,
            "namePointing": len(self.references) > 1,
            "nillable": self.nillable,
            "permissionable": (self.nillable and self.createable and self.part_of != "Name")
            or self.type == "address",
            "picklistValues": [self._picklist_entry(value) for value in self.picklist],
            "polymorphicForeignKey": len(self.references) > 1,
            "precision": self.precision,
            "queryByDistance": self.type == "address",
            "referenceTargetField": None,
            "referenceTo": list(self.references),
            "relationshipName": self.relationship,
            "relationshipOrder": None,
            "restrictedDelete": False,
            "restrictedPicklist": self.restricted,
            "scale": self.scale,
            "searchPrefilterable": False,
            "soapType": _SOAP.get(self.type, "xsd:string"),
            "sortable": self.sortable,
            "type": self.type,
            "unique": self.unique,
            "updateable": self.updateable,
            "writeRequiresMasterRead": False,
        }

    @property
    def _extra_type(self) -> str | None:
        if self.name == "Name" or self.part_of == "Name":
            return "personname"
        if self.name == "PhotoUrl":
            return "imageurl"
        return "plaintextarea" if self.type == "textarea" else None

    def _picklist_entry(self, value: str) -> dict[str, Any]:
        is_default = value == self.default
        return {"active": True, "defaultValue": is_default, "label": value, "validFor": None, "value": value}


@dataclass(frozen=True)
class ObjectType:
    """One object type. Names of fields are found whatever their case, and told in their own."""

    name: str
    label: str
    label_plural: str
    key_prefix: str
    allows: tuple[str, ...]  # of "create", "update", "delete", "undelete", "merge"
    fields: tuple[Field, ...]
    _by_name: dict[str, Field] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_by_name", {each.name.lower(): each for each in self.fields})

    def field(self, name: str) -> Field | None:
        """The field of that name, in any case."""
        return self._by_name.get(name.lower())

    @cached_property
    def by_exact_name(self) -> dict[str, Field]:
        """Fields by the name in its own case; writes nearly always use that."""
        return {each.name: each for each in self.fields}

    @cached_property
    def unique_names(self) -> tuple[str, ...]:
        """The fields of which no two records hold the same value."""
        return tuple(each.name for each in self.fields if each.unique)

    @cached_property
    def lookup_names(self) -> tuple[str, ...]:
        """The fields kept in an index: e-mail addresses, external ids, and references to parents."""
        return tuple(each.name for each in self.fields if (each.keyed and each.name != "Id") or each.children)

    @cached_property
    def required_names(self) -> tuple[str, ...]:
        """The fields that a create must set, in the order an error lists them."""
        return tuple(each.name for each in self.fields if each.required)

    @cached_property
    def defaults(self) -> dict[str, Any]:
        """What a create sets where nothing is given."""
        return {each.name: each.default for each in self.fields if each.default is not None}

    def relationship(self, name: str) -> Field | None:
        """The reference field behind a parent's name: ``Owner`` is ``OwnerId``."""
        wanted = name.lower()
        return next((each for each in self.fields if (each.relationship or "").lower() == wanted), None)

    @property
    def is_person(self) -> bool:
        """Whether its ``Name`` is put together from first and last name."""
        return self.field("LastName") is not None


class Schema:
    """The object types of the org by name, in any case."""

    def __init__(self, types: Iterable[ObjectType]) -> None:
        self._types = {each.name.lower(): each for each in types}
        self._by_prefix: dict[str, ObjectType] = {}
        for each in self._types.values():
            self._by_prefix.setdefault(each.key_prefix, each)
        self._children: dict[str, list[tuple[ObjectType, Field]]] = {name: [] for name in self._types}
        for kind in self._types.values():
            for reference in kind.fields:
                for target in reference.references:
                    self._children.setdefault(target.lower(), []).append((kind, reference))

    def __iter__(self) -> Iterator[ObjectType]:
        return iter(self._types.values())

    def get(self, name: str) -> ObjectType | None:
        """The object type of that name, in any case."""
        return self._types.get(name.lower())

    def of_id(self, record_id: str) -> ObjectType | None:
        """The object type that an id's prefix names."""
        return self._by_prefix.get(record_id[:3])

    def children(self, kind: ObjectType) -> list[tuple[ObjectType, Field]]:
        """The object types that refer to this one, and by which field."""
        return self._children[kind.name.lower()]

    def child(self, kind: ObjectType, name: str) -> tuple[ObjectType, Field] | None:
        """The object type and field behind the name of a child relationship: ``Contacts`` of an Account."""
        wanted = name.lower()
        found = self.children(kind)
        return next((one for one in found if (one[1].children or "").lower() == wanted), None)


# Every object type by its file in ``objects/``, in the order in which lists show them.
FILES = (
    "lead", "contact", "account", "opportunity", "opportunity_contact_role", "opportunity_history",
    "opportunity_stage", "lead_status", "task", "event", "campaign", "campaign_member",
    "campaign_member_status", "case", "user", "profile", "group", "organization", "permission_set",
    "permission_set_assignment", "field_permissions",
)  # fmt: skip
CONSENT = ("HasOptedOutOfEmail", "HasOptedOutOfFax", "DoNotCall")


def load(
    *,
    hide_consent: bool = False,
    restrict_status: bool = False,
    has_own: bool = True,
    added: Iterable[tuple[str, Field]] = (),
) -> Schema:
    """Read the object types, with the custom fields where they belong.

    A field hidden by field-level security does not exist for the API user. A restricted picklist refuses
    what it does not list; the Status of the recorded org is an open one. ``has_own`` says whether an admin
    has made leadrelay's fields already. ``added`` are fields that were made since: the object's name and
    the field.
    """
    custom = _read("custom_fields")
    own = [_custom(row, custom["on"]) for row in custom["fields"]] if has_own else []
    types = []
    for file in FILES:
        told = dict(_read(file))
        fields = [Field(**_tuples(row)) for row in told.pop("fields")]
        if hide_consent:
            fields = [each for each in fields if each.name not in CONSENT]
        if restrict_status:
            fields = [replace(each, restricted=True) if each.name == "Status" else each for each in fields]
        fields += [each for each, on in own if told["name"] in on]
        fields += [field for name, field in added if name == told["name"]]
        types.append(ObjectType(**_tuples(told), fields=tuple(fields)))
    return Schema(types)


def _custom(row: dict[str, Any], usual: Sequence[str]) -> tuple[Field, Sequence[str]]:
    """Read a custom field and the object types that have it."""
    values = {key: value for key, value in row.items() if key != "on"}
    return Field(**_tuples(values), custom=True), row.get("on", usual)


@cache
def _read(name: str) -> Any:
    return json.loads((files("sandbox.salesforce") / "objects" / f"{name}.json").read_text(encoding="utf-8"))


def _tuples(row: dict[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in row.items()}
