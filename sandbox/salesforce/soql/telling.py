"""How a record becomes a row: its own fields, one object for each parent, one result for each child query."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from sandbox.records import Record
from sandbox.salesforce.schema import Field, ObjectType
from sandbox.salesforce.soql.binding import Column, Source, Values, duplicate_column

if TYPE_CHECKING:
    from sandbox.salesforce.soql.run import Found

Row = dict[str, Any]


class Pages(Protocol):
    """Cuts results into pages: a row asks it for the first page of its children."""

    def first_of_children(self, found: Found) -> Row | None:
        """The first page of a parent's children; nothing where there are none."""


Tell = Callable[[Record, Pages], Row]
FindChildren = Callable[[Record], "Found"]


def teller(
    columns: list[Column], children: Mapping[str, FindChildren], kind: ObjectType, source: Source, base: str
) -> Tell:
    """How a record of the object type becomes a row; ``base`` is the path up to the version."""
    fields = _fields_teller(columns, source, base)
    place = f"{base}/sobjects/{kind.name}/"

    def tell(record: Record, pages: Pages) -> Row:
        row: Row = {"attributes": {"type": kind.name, "url": place + record.id}}
        fields(record.values, row)
        for name, find in children.items():
            row[name] = pages.first_of_children(find(record))
        return row

    return tell


def _fields_teller(columns: list[Column], source: Source, base: str) -> Callable[[Values, Row], None]:
    """What puts the named fields of a record, and those of its parents, into a row."""
    told: dict[str, Callable[[Values], Any]] = {}
    parents: dict[str, tuple[Field, list[Column]]] = {}
    seen: set[tuple[str, ...]] = set()
    for column in columns:
        if column.names in seen:
            raise duplicate_column(".".join(column.names))
        seen.add(column.names)
        name = column.names[0]
        if column.inner is None or column.reference is None:
            told[name] = column.get
            continue
        parents.setdefault(name, (column.reference, []))[1].append(column.inner)
        told.setdefault(name, column.get)  # its place among the fields; replaced below
    for name, (reference, inner) in parents.items():
        told[name] = _parent_teller(reference, _fields_teller(inner, source, base), source, base)
    items = tuple(told.items())

    def put(values: Values, row: Row) -> None:
        for name, get in items:
            row[name] = get(values)

    return put


def _parent_teller(
    reference: Field, fields: Callable[[Values, Row], None], source: Source, base: str
) -> Callable[[Values], Row | None]:
    key, many = reference.name, len(reference.references) > 1

    def tell(values: Values) -> Row | None:
        parent = source.find(values[key]) if values.get(key) else None
        target = source.schema.of_id(parent.id) if parent is not None else None
        if parent is None or target is None:
            return None
        # A reference to several types is told as a Name.
        attributes = {
            "type": "Name" if many else target.name,
            "url": f"{base}/sobjects/{target.name}/{parent.id}",
        }
        row: Row = {"attributes": attributes}
        fields(parent.values, row)
        return row

    return tell
