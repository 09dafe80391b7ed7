"""Runs a query: the records that match, in order, and how each is told."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, tzinfo
from itertools import islice
from typing import Any

from sandbox.records import Record
from sandbox.salesforce.errors import SalesforceError
from sandbox.salesforce.schema import IDS, Field, ObjectType
from sandbox.salesforce.soql.binding import (
    Binder,
    Column,
    Source,
    child_relationship,
    getter,
    object_type,
)
from sandbox.salesforce.soql.filters import Filter, build
from sandbox.salesforce.soql.groups import Row, grouped
from sandbox.salesforce.soql.ordering import sort
from sandbox.salesforce.soql.parser import parse
from sandbox.salesforce.soql.telling import FindChildren, Tell, teller
from sandbox.salesforce.soql.tokens import error_at
from sandbox.salesforce.soql.tree import Children, Expression, Fields, Order, Query
from sandbox.salesforce.soql.tree import Column as Named

Names = tuple[tuple[str, ...], ...]  # the columns of an ascending order

BY_ID: Names = (("Id",),)  # also the order in which records were made
BY_CHANGE: Names = (("SystemModstamp",), ("Id",))
MAX_ALL_FIELDS = 200  # rows of a query for FIELDS(ALL) or FIELDS(CUSTOM)


@dataclass(frozen=True, slots=True)
class Found:
    """What a query found. The rows are told when a page of them is sent."""

    kind: ObjectType
    records: list[Record]
    tell: Tell | None  # nothing for COUNT() and for groups
    groups: list[Row] | None = None  # the rows of an aggregate query
    has_children: bool = False
    columns: tuple[Column, ...] = ()


@dataclass(frozen=True, slots=True)
class Scope:
    """What holds for a whole query, with the queries inside it."""

    source: Source
    include_deleted: bool
    base: str
    zone: tzinfo


def run(text: str, source: Source, *, include_deleted: bool, version: str, zone: tzinfo = UTC) -> Found:
    """Answer a query from the org's records."""
    query = parse(text)
    kind = object_type(source.schema, query.source.text, text, query.source.at)
    scope = Scope(source, include_deleted, f"/services/data/{version}", zone)
    return _Select(query, kind, scope).found()


class _Select:
    """One SELECT, bound to its object type."""

    def __init__(self, query: Query, kind: ObjectType, scope: Scope) -> None:
        self.query, self.kind, self.scope = query, kind, scope
        self.source = scope.source
        self.rows = scope.source.rows(kind.name)
        self.binder = Binder(scope.source, kind, query.text, scope.zone, self._ids_of, query.alias)
        self.chosen = (
            build(query.where, self.binder, self.rows)
            if query.where is not None
            else Filter(lambda _values: True)
        )

    def found(self) -> Found:
        query = self.query
        if query.is_aggregate:
            candidates, _ = self._candidates(())
            groups = grouped(query, self.binder, self._matching(candidates), self.rows)
            return Found(self.kind, [], None, groups)
        if query.having is not None:
            message = "HAVING without GROUP BY"
            raise error_at(query.text, query.source.at, "MALFORMED_QUERY", message)
        columns = self.columns()
        children = dict(self._children())
        tell = teller(columns, children, self.kind, self.source, self.scope.base) if query.selected else None
        return Found(self.kind, self.records(), tell, has_children=bool(children), columns=tuple(columns))

    def columns(self) -> list[Column]:
        """What is selected of each record, the fields of FIELDS() among it."""
        found: list[Column] = []
        for selected in self.query.selected:
            if isinstance(selected, Fields):
                found += self._all_fields(selected)
            elif isinstance(selected, Named):
                if selected.alias is not None:
                    message = "only aggregate expressions use field aliasing"
                    raise error_at(self.query.text, selected.expression.at, "MALFORMED_QUERY", message)
                found.append(self.binder.column(selected.expression))
        return found

    def records(self) -> list[Record]:
        """The records that match, in the order asked for."""
        keys = [(self._sortable(order.path), order) for order in self.query.order]
        candidates, order = self._candidates(_wanted(keys))
        return self._ordered(self._matching(candidates), order, keys)

    def records_of(self, parent: Record, field: str) -> list[Record]:
        """The records that match and refer to a parent by an indexed field."""
        keys = [(self._sortable(order.path), order) for order in self.query.order]
        return self._ordered(self._matching(self.rows.with_key(field, parent.id)), (), keys)

    def _matching(self, candidates: Iterable[Record]) -> Iterator[Record]:
        passes, also_deleted = self.chosen.test, self.scope.include_deleted
        for record in candidates:
            if (also_deleted or record.archived_at is None) and passes(record.values):
                yield record

    def _all_fields(self, fields: Fields) -> list[Column]:
        query = self.query
        if fields.group != "STANDARD" and (query.limit is None or query.limit > MAX_ALL_FIELDS):
            message = f"The SOQL FIELDS function must have a LIMIT of at most {MAX_ALL_FIELDS}"
            raise error_at(query.text, fields.at, "MALFORMED_QUERY", message)
        custom = {"ALL": (True, False), "STANDARD": (False,), "CUSTOM": (True,)}[fields.group]
        chosen: list[Field] = [field for field in self.kind.fields if field.custom in custom]
        return [Column((field.name,), field, getter(field)) for field in chosen]

    def _children(self) -> Iterator[tuple[str, FindChildren]]:
        for selected in self.query.selected:
            if isinstance(selected, Children):
                yield self._child(selected.query)

    def _child(self, query: Query) -> tuple[str, FindChildren]:
        token = query.source
        kind, field = child_relationship(self.source.schema, self.kind, query.text, token.text, token.at)
        if not query.selected or query.is_aggregate:
            message = "Aggregates are not allowed in a query of child records"
            raise error_at(query.text, token.at, "MALFORMED_QUERY", message)
        inner = _Select(query, kind, self.scope)
        columns, children = inner.columns(), dict(inner._children())
        tell = teller(columns, children, kind, self.source, self.scope.base)

        def find(parent: Record) -> Found:
            return Found(kind, inner.records_of(parent, field.name), tell, has_children=True)

        return field.children or "", find

    def _ids_of(self, query: Query) -> tuple[Column, frozenset[Any]]:
        """What a query within a WHERE selects: one column of ids."""
        kind = object_type(self.source.schema, query.source.text, query.text, query.source.at)
        inner = _Select(query, kind, self.scope)
        columns = inner.columns()
        if len(columns) != 1 or query.is_aggregate:
            message = "A semi join sub-select must select exactly one field"
            raise error_at(query.text, query.source.at, "MALFORMED_QUERY", message)
        [column] = columns
        if column.field.type not in IDS:
            message = f"Semi join sub-selects can only query id fields, cannot use:'{column.field.name}'"
            raise error_at(query.text, query.source.at, "MALFORMED_QUERY", message)
        found = (column.get(record.values) for record in inner.records())
        return column, frozenset(value for value in found if value is not None)

    def _sortable(self, path: Expression) -> Column:
        column = self.binder.column(path)
        if not column.field.sortable:
            message = f"field '{column.field.name}' can not be sorted in a query call"
            raise error_at(self.query.text, path.at, "INVALID_FIELD", message)
        return column

    def _candidates(self, wanted: Names) -> tuple[Iterable[Record], Names]:
        """The records to look at, and the order in which they come."""
        lagging = self.source.lagging(self.kind.name)
        if lagging is not None:
            return lagging, BY_ID
        if self.chosen.found is not None:
            return self.chosen.found(), BY_CHANGE if self.chosen.by_change else ()
        if wanted and wanted == BY_CHANGE[: len(wanted)]:
            return self.rows.changed_from(""), BY_CHANGE
        return self.rows.every(), BY_ID

    def _ordered(
        self, matching: Iterable[Record], order: Names, keys: list[tuple[Column, Order]]
    ) -> list[Record]:
        start, limit = self.query.offset, self.query.limit
        end, wanted = None if limit is None else start + limit, _wanted(keys)
        if order and wanted == order[: len(wanted)]:
            return list(islice(matching, start, end))  # in order already: stop at the limit
        records = sorted(matching, key=lambda record: record.id)
        for column, key in reversed(keys):
            sort(records, lambda record: record.values, column, key)
        return records[start:end]


def _wanted(keys: list[tuple[Column, Order]]) -> Names:
    """The order asked for where it is a plain ascending one; that of the ids where none is asked for."""
    if any(order.descending or order.nulls_last for _, order in keys):
        return (("",),)
    return tuple(column.names for column, _ in keys) or BY_ID


def check_groups(found: Found, most: int) -> None:
    """Refuse more groups than fit one page: an aggregate query has no next page."""
    if found.groups is not None and len(found.groups) > most:
        limit = "use LIMIT to restrict the results to a single batch"
        message = f"Aggregate query does not support queryMore(), {limit}"
        raise SalesforceError("EXCEEDED_ID_LIMIT", message)
