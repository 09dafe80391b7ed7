"""Gives the names of a query their meaning: which field of which object, and how to read it from a record."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any, Protocol

from sandbox.records import Record
from sandbox.salesforce.errors import SalesforceError, not_built
from sandbox.salesforce.rows import Rows
from sandbox.salesforce.schema import NOT_BUILT, Field, ObjectType, Schema
from sandbox.salesforce.soql.functions import DATE_FUNCTIONS, result_of
from sandbox.salesforce.soql.tokens import error_at
from sandbox.salesforce.soql.tree import AGGREGATES, Call, Expression, Path, Query

Values = Mapping[str, Any]
Getter = Callable[[Values], Any]

MAX_HOPS = 5

_SEE_WSDL = "Please reference your WSDL or the describe call for the appropriate names."


class Source(Protocol):
    """Where a query finds the org's records."""

    @property
    def schema(self) -> Schema:
        """The object types."""

    def rows(self, name: str) -> Rows:
        """The records of an object type."""

    def find(self, record_id: str) -> Record | None:
        """The record of any object type with that id."""

    def now(self) -> datetime:
        """The time that date literals count from."""

    def lagging(self, name: str) -> Iterable[Record] | None:
        """The records of an object type as queries still see them, where those lag behind."""


@dataclass(frozen=True, slots=True)
class Column:
    """A bound path: its names in their own case, the field it ends in, and how to read it."""

    names: tuple[str, ...]
    field: Field
    get: Getter
    reference: Field | None = None  # the first step of a path to a parent
    inner: Column | None = None  # the path from that parent on


def no_such_column(name: str, entity: str) -> str:
    """The message for a field that does not exist or is hidden from the API user."""
    return (
        f"No such column '{name}' on entity '{entity}'. If you are attempting to use a custom field, "
        f"be sure to append the '__c' after the custom field name. {_SEE_WSDL}"
    )


def object_type(schema: Schema, name: str, query: str, at: int) -> ObjectType:
    """The object type a FROM names."""
    kind = schema.get(name)
    if kind is not None:
        return kind
    if name.lower() in (other.lower() for other in NOT_BUILT):
        raise not_built(f"the object {name}")
    message = (
        f"sObject type '{name}' is not supported. If you are attempting to use a custom object, be sure to "
        f"append the '__c' after the entity name. {_SEE_WSDL}"
    )
    raise error_at(query, at, "INVALID_TYPE", message)


@dataclass(frozen=True, slots=True)
class Binder:
    """Binds the expressions of one query to the object type it asks for."""

    source: Source
    kind: ObjectType
    query: str
    zone: tzinfo
    ids_of: Callable[[Query], tuple[Column, frozenset[Any]]]  # what a query within a WHERE selects
    alias: str | None = None

    def column(self, expression: Expression) -> Column:
        """What an expression means."""
        if isinstance(expression, Call):
            return self._call(expression)
        names = expression.names
        if len(names) > 1 and names[0].lower() in (self.kind.name.lower(), (self.alias or "").lower()):
            names = names[1:]
        if len(names) > MAX_HOPS + 1:
            message = f"SOQL relationship queries can have at most {MAX_HOPS} levels"
            raise error_at(self.query, expression.at, "MALFORMED_QUERY", message)
        return self._within(self.kind, names, expression)

    def _call(self, call: Call) -> Column:
        if call.function in AGGREGATES or call.path is None:
            message = f"Aggregate functions are not allowed here: {call}"
            raise error_at(self.query, call.at, "MALFORMED_QUERY", message)
        column, (of, types) = self.column(call.path), DATE_FUNCTIONS[call.function]
        if column.field.type not in types:
            message = f"field {column.field.name} does not support date function {call.function}"
            raise error_at(self.query, call.at, "MALFORMED_QUERY", message)
        read = column.get

        def get(values: Values) -> Any:
            value = read(values)
            return None if value is None else of(value)

        return Column((str(call),), result_of(call.function), get)

    def _within(self, kind: ObjectType, names: tuple[str, ...], path: Path) -> Column:
        if len(names) > 1:
            return self._parent(kind, names, path)
        field = kind.field(names[0])
        if field is None:
            raise error_at(self.query, path.at, "INVALID_FIELD", no_such_column(names[0], kind.name))
        return Column((field.name,), field, getter(field))

    def _parent(self, kind: ObjectType, names: tuple[str, ...], path: Path) -> Column:
        reference = kind.relationship(names[0])
        if reference is None:
            message = (
                f"Didn't understand relationship '{names[0]}' in field path. If you are attempting to use "
                "a custom relationship, be sure to append the '__r' after the custom relationship name. "
                f"{_SEE_WSDL}"
            )
            raise error_at(self.query, path.at, "INVALID_FIELD", message)
        inner = self._of_targets(reference, names[1:], path)
        key, find, read = reference.name, self.source.find, inner.get

        def get(values: Values) -> Any:
            parent = find(values[key]) if values.get(key) else None
            return None if parent is None else read(parent.values)

        return Column((reference.relationship or "", *inner.names), inner.field, get, reference, inner)

    def _of_targets(self, reference: Field, names: tuple[str, ...], path: Path) -> Column:
        targets = [
            kind for name in reference.references if (kind := self.source.schema.get(name)) is not None
        ]
        if not targets:
            raise not_built(f"the object {reference.references[0]}")
        if len(targets) == 1:
            return self._within(targets[0], names, path)
        # A reference to several types is read through the common object Name, which also tells the Type.
        if len(names) == 1 and names[0].lower() == "type":
            kind_field = Field("Type", "Type", "picklist", length=40)
            return Column(("Type",), kind_field, self._type_of)
        for target in targets[::-1]:
            if target.field(names[0]) is not None or (len(names) > 1 and target.relationship(names[0])):
                return self._within(target, names, path)
        raise error_at(self.query, path.at, "INVALID_FIELD", no_such_column(names[0], "Name"))

    def _type_of(self, values: Values) -> str | None:
        """What a Name is: the object type, or Queue for a queue."""
        kind = self.source.schema.of_id(values["Id"])
        return values.get("Type") if kind is None or kind.name == "Group" else kind.name


def child_relationship(
    schema: Schema, kind: ObjectType, query: str, name: str, at: int
) -> tuple[ObjectType, Field]:
    """The object type and field that the FROM of a SELECT within a SELECT names."""
    found = schema.child(kind, name)
    if found is None:
        message = (
            f"Didn't understand relationship '{name}' in FROM part of query call. If you are attempting to "
            "use a custom relationship, be sure to append the '__r' after the custom relationship name. "
            f"{_SEE_WSDL}"
        )
        raise error_at(query, at, "INVALID_TYPE", message)
    return found


def getter(field: Field) -> Getter:
    """How a field is read from a record's values."""
    name = field.name
    if field.type == "address":
        prefix = name.removesuffix("Address")
        return lambda values: address(values, prefix)
    if field.type == "boolean":
        return lambda values: values.get(name, False)
    return lambda values: values.get(name)


def address(values: Values, prefix: str) -> dict[str, Any] | None:
    """The compound address put together from its parts; nothing where they are all empty."""
    parts = {
        "city": values.get(prefix + "City"),
        "country": values.get(prefix + "Country"),
        "geocodeAccuracy": values.get(prefix + "GeocodeAccuracy"),
        "latitude": values.get(prefix + "Latitude"),
        "longitude": values.get(prefix + "Longitude"),
        "postalCode": values.get(prefix + "PostalCode"),
        "state": values.get(prefix + "State"),
        "street": values.get(prefix + "Street"),
    }
    return parts if any(value is not None for value in parts.values()) else None


def duplicate_column(name: str) -> SalesforceError:
    """A field selected twice."""
    return SalesforceError("MALFORMED_QUERY", f"duplicate field selected: {name}")
