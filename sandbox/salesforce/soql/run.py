"""Runs a query: the records that match, in order, and how each is told."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Any

from sandbox.records import Record
from sandbox.salesforce.schema import TEXT, ObjectType
from sandbox.salesforce.soql.binding import Binder, Column, Source, Values, duplicate_column, object_type
from sandbox.salesforce.soql.filters import Filter, build
from sandbox.salesforce.soql.parser import parse
from sandbox.salesforce.soql.tokens import error_at
from sandbox.salesforce.soql.tree import Order, Path, Query

Tell = Callable[[Record], dict[str, Any]]
Names = tuple[tuple[str, ...], ...]  # the columns of an ascending order

BY_ID: Names = (("Id",),)  # also the order in which records were made
BY_CHANGE: Names = (("SystemModstamp",), ("Id",))


@dataclass(frozen=True, slots=True)
class Found:
    """What a query found. The rows are told when a page of them is sent."""

    kind: ObjectType
    records: list[Record]
    tell: Tell | None  # nothing for COUNT()


def run(text: str, source: Source, *, include_deleted: bool, version: str) -> Found:
    """Answer a query from the org's records."""
    query = parse(text)
    kind = object_type(source.schema, query.source.text, text, query.source.at)
    binder = Binder(source, kind, text)
    tell = (
        _teller([binder.column(path) for path in query.paths], kind, source, version) if query.paths else None
    )
    rows = source.rows(kind.name)
    chosen = build(query.where, binder, rows) if query.where is not None else Filter(lambda _values: True)
    keys = [(_sortable(binder, order.path), order) for order in query.order]
    candidates, order = _candidates(source, kind, chosen, _wanted(keys))
    passes = chosen.test
    matching = (
        record
        for record in candidates
        if (include_deleted or record.archived_at is None) and passes(record.values)
    )
    return Found(kind, _ordered(matching, order, keys, query), tell)


def _candidates(
    source: Source, kind: ObjectType, chosen: Filter, wanted: Names
) -> tuple[Iterable[Record], Names]:
    """The records to look at, and the order in which they come."""
    rows, lagging = source.rows(kind.name), source.lagging(kind.name)
    if lagging is not None:
        return lagging, BY_ID
    if chosen.found is not None:
        return chosen.found(), BY_CHANGE if chosen.by_change else ()
    if wanted == BY_CHANGE[: len(wanted)]:
        return rows.changed_from(""), BY_CHANGE
    return rows.every(), BY_ID


def _wanted(keys: list[tuple[Column, Order]]) -> Names:
    """The order asked for where it is a plain ascending one; that of the ids where none is asked for."""
    if any(order.descending or order.nulls_last for _, order in keys):
        return (("",),)
    return tuple(column.names for column, _ in keys) or BY_ID


def _ordered(
    matching: Iterable[Record], order: Names, keys: list[tuple[Column, Order]], query: Query
) -> list[Record]:
    end = None if query.limit is None else query.offset + query.limit
    wanted = _wanted(keys)
    if wanted == order[: len(wanted)]:
        return list(islice(matching, query.offset, end))  # in order already: stop at the limit
    records = sorted(matching, key=lambda record: record.id)
    for column, key in reversed(keys):
        _sort(records, column, key)
    return records[query.offset : end]


def _sort(records: list[Record], column: Column, order: Order) -> None:
    get, fold = column.get, column.field.type in TEXT
    absent_first = order.nulls_last is order.descending  # "first" after the reversal of a descending sort

    def key(record: Record) -> tuple[bool, Any]:
        value = get(record.values)
        if value is None:
            return (not absent_first, 0)
        return (absent_first, value.lower() if fold else value)

    records.sort(key=key, reverse=order.descending)


def _sortable(binder: Binder, path: Path) -> Column:
    column = binder.column(path)
    if not column.field.sortable:
        message = f"field '{column.field.name}' can not be sorted in a query call"
        raise error_at(binder.query, path.at, "INVALID_FIELD", message)
    return column


def _teller(columns: list[Column], kind: ObjectType, source: Source, version: str) -> Tell:
    """How a record becomes a row: its own fields, and one object for each parent it names."""
    own: list[tuple[str, Callable[[Values], Any]]] = []
    parents: dict[str, list[Column]] = {}
    seen: set[tuple[str, ...]] = set()
    for column in columns:
        if column.names in seen:
            raise duplicate_column(".".join(column.names))
        seen.add(column.names)
        if len(column.names) == 1:
            own.append((column.names[0], column.get))
        else:
            if column.names[0] not in parents:
                own.append((column.names[0], _parent_teller(kind, column.names[0], parents, source, version)))
            parents.setdefault(column.names[0], []).append(column)
    base = f"/services/data/{version}/sobjects/{kind.name}/"

    def tell(record: Record) -> dict[str, Any]:
        values = record.values
        row: dict[str, Any] = {"attributes": {"type": kind.name, "url": base + record.id}}
        for name, get in own:
            row[name] = get(values)
        return row

    return tell


def _parent_teller(
    kind: ObjectType, name: str, parents: dict[str, list[Column]], source: Source, version: str
) -> Callable[[Values], Any]:
    reference = kind.relationship(name)
    if reference is None:
        raise ValueError(f"{kind.name} has no parent {name}")
    key, many = reference.name, len(reference.references) > 1

    def tell(values: Values) -> dict[str, Any] | None:
        parent = source.find(values[key]) if values.get(key) else None
        if parent is None:
            return None
        target = source.schema.of_id(parent.id)
        if target is None:
            return None
        attributes = {
            "type": "Name" if many else target.name,  # a reference to several types is told as a Name
            "url": f"/services/data/{version}/sobjects/{target.name}/{parent.id}",
        }
        told: dict[str, Any] = {"attributes": attributes}
        for column in parents[name]:
            inner, place = told, column.names[1:]
            for step in place[:-1]:
                inner = inner.setdefault(step, {})
            inner[place[-1]] = column.get(values)
        return told

    return tell
