"""Queries whose rows are groups: GROUP BY, the aggregates, HAVING."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from sandbox.records import Record
from sandbox.salesforce.rows import Rows
from sandbox.salesforce.schema import NUMBERS, TEXT, Field
from sandbox.salesforce.soql import filters, tree
from sandbox.salesforce.soql.binding import Binder, Column
from sandbox.salesforce.soql.filters import folded
from sandbox.salesforce.soql.ordering import sort
from sandbox.salesforce.soql.tokens import error_at

Row = dict[str, Any]
Group = dict[str, Any]  # what each expression is for the group, by its text

_ORDERED_TYPES = TEXT | NUMBERS | {"date", "datetime", "id", "reference"}
_TAKES: dict[str, frozenset[str]] = {
    "SUM": NUMBERS, "AVG": NUMBERS, "MIN": frozenset(_ORDERED_TYPES), "MAX": frozenset(_ORDERED_TYPES),
}  # fmt: skip


def grouped(query: tree.Query, binder: Binder, matching: Iterable[Record], rows: Rows) -> list[Row]:
    """The rows of an aggregate query."""
    plan = _Plan(query, binder)
    groups = plan.collect(matching)
    if query.having is not None:
        test = filters.build(query.having, plan, rows).test  # type: ignore[arg-type]
        groups = [group for group in groups if test(group)]
    for order in reversed(query.order):
        sort(groups, lambda group: group, plan.column(order.path), order)
    end = None if query.limit is None else query.offset + query.limit
    return [plan.row(group) for group in groups[query.offset : end]]


@dataclass
class _Plan:
    """What to compute for each group. To conditions and orders it is a binder: they see groups."""

    parsed: tree.Query
    bound: Binder
    names: list[tuple[str, str]] = field(default_factory=list)  # name in the row, expression
    keys: dict[str, Column] = field(default_factory=dict)
    aggregates: dict[str, tuple[Field, Callable[[list[Any]], Any], Column | None]] = field(
        default_factory=dict
    )

    def __post_init__(self) -> None:
        self.source, self.kind, self.zone = self.bound.source, self.bound.kind, self.bound.zone
        self.query, self.ids_of = self.bound.query, self.bound.ids_of
        for expression in self.parsed.group:
            column = self.bound.column(expression)
            if not column.field.groupable:
                message = f"field '{column.field.name}' can not be grouped in a query call"
                raise error_at(self.query, expression.at, "INVALID_FIELD", message)
            self.keys[_text(expression)] = column
        unnamed = 0
        for selected in self.parsed.selected:
            if not isinstance(selected, tree.Column):
                message = "Aggregate queries can not select FIELDS() or child records"
                raise error_at(self.query, self.parsed.source.at, "MALFORMED_QUERY", message)
            name = selected.alias or self._name(selected.expression)
            if name is None:
                name, unnamed = f"expr{unnamed}", unnamed + 1
            if name in (taken for taken, _ in self.names):
                raise error_at(
                    self.query, selected.expression.at, "MALFORMED_QUERY", f"duplicate alias: {name}"
                )
            self.column(selected.expression)
            self.names.append((name, _text(selected.expression)))
        for order in self.parsed.order:
            self.column(order.path)

    def _name(self, expression: tree.Expression) -> str | None:
        """The name of a grouped field in the row: its own, also for a parent's field."""
        if isinstance(expression, tree.Call):
            return None
        return self.bound.column(expression).names[-1]

    def column(self, expression: tree.Expression) -> Column:
        """What an expression is of a group; raises where it is neither grouped nor aggregated."""
        text = _text(expression)
        if isinstance(expression, tree.Call) and expression.function in tree.AGGREGATES:
            self._aggregate(expression, text)
            return Column((text,), self.aggregates[text][0], lambda group: group[text])
        if text not in self.keys:
            alias = self._alias(expression)
            if alias is not None:
                return self.column(alias)
            message = f"Field must be grouped or aggregated: {expression}"
            raise error_at(self.query, expression.at, "MALFORMED_QUERY", message)
        return Column((text,), self.keys[text].field, lambda group: group[text])

    def _alias(self, expression: tree.Expression) -> tree.Expression | None:
        columns = [one for one in self.parsed.selected if isinstance(one, tree.Column) and one.alias]
        wanted = str(expression).lower()
        return next((one.expression for one in columns if (one.alias or "").lower() == wanted), None)

    def _aggregate(self, call: tree.Call, text: str) -> None:
        if text in self.aggregates:
            return
        column = self.bound.column(call.path) if call.path is not None else None
        if column is not None and column.field.type not in _TAKES.get(call.function, {column.field.type}):
            message = f"field {column.field.name} does not support aggregate operator {call.function}"
            raise error_at(self.query, call.at, "MALFORMED_QUERY", message)
        result = Field(call.function, call.function, "int")
        if call.function not in ("COUNT", "COUNT_DISTINCT") and column is not None:
            kind = "double" if call.function == "AVG" else column.field.type
            result = Field(call.function, call.function, kind)
        fold = column.field if column is not None else None
        self.aggregates[text] = (result, lambda values: _aggregated(call.function, values, fold), column)

    def collect(self, matching: Iterable[Record]) -> list[Group]:
        """The groups by their keys, in order; one group of all where nothing groups them."""
        members: dict[tuple[Any, ...], list[Record]] = {} if self.keys else {(): []}
        for record in matching:
            key = tuple(folded(one.field, one.get(record.values)) for one in self.keys.values())
            members.setdefault(key, []).append(record)
        for order in (one.path for one in self.parsed.order):
            self.column(order)
        if self.parsed.having is not None:
            self._prepare(self.parsed.having)
        ordered = sorted(members, key=lambda key: [(part is not None, part) for part in key])
        return [self._group(members[key]) for key in ordered]

    def _prepare(self, condition: tree.Condition) -> None:
        """Take in the aggregates that only the HAVING names."""
        match condition:
            case tree.All(parts) | tree.Any(parts):
                for part in parts:
                    self._prepare(part)
            case tree.Not(part):
                self._prepare(part)
            case tree.Compare(path) | tree.In(path) | tree.SemiJoin(path):
                self.column(path)

    def _group(self, records: list[Record]) -> Group:
        group = {text: one.get(records[0].values) for text, one in self.keys.items()}
        for text, (_, compute, column) in self.aggregates.items():
            group[text] = compute([column.get(one.values) if column else one.id for one in records])
        return group

    def row(self, group: Group) -> Row:
        """A group as the answer tells it."""
        told: Row = {"attributes": {"type": "AggregateResult"}}
        return told | {name: group[text] for name, text in self.names}


def _text(expression: tree.Expression) -> str:
    return str(expression).lower()


def _aggregated(function: str, values: list[Any], of: Field | None) -> Any:
    present = [value for value in values if value is not None]
    if function == "COUNT":
        return len(present)
    if function == "COUNT_DISTINCT":
        return len({folded(of, value) if of else value for value in present})
    if not present:
        return None
    if function == "SUM":
        return round(sum(present), 10)
    if function == "AVG":
        return round(sum(present) / len(present), 10)
    pick = min if function == "MIN" else max
    return pick(present, key=lambda value: folded(of, value) if of else value)
