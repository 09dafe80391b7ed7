"""Turns conditions into a test of a record, and into the few records an index says can pass it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from sandbox.records import Record
from sandbox.salesforce import ids
from sandbox.salesforce.moments import parse_date, parse_moment
from sandbox.salesforce.rows import Rows
from sandbox.salesforce.schema import IDS, NUMBERS, TEXT, Field
from sandbox.salesforce.soql import tree
from sandbox.salesforce.soql.binding import Binder, Column, Values
from sandbox.salesforce.soql.spans import Span, span
from sandbox.salesforce.soql.tokens import Token, error_at, text_of

Test = Callable[[Values], bool]
Found = Callable[[], Iterable[Record]]

_ORDERED: dict[str, Callable[[Any, Any], bool]] = {
    "<": lambda have, want: have < want,
    "<=": lambda have, want: have <= want,
    ">": lambda have, want: have > want,
    ">=": lambda have, want: have >= want,
}
_TYPE_NAMES = {"currency": "double", "datetime": "dateTime", "reference": "string", "id": "string"}


@dataclass(frozen=True, slots=True)
class Filter:
    """A condition ready to run."""

    test: Test
    found: Found | None = None  # the records an index narrows it to; the test still has to pass
    by_change: bool = False  # ``found`` yields in the order of SystemModstamp and Id


def build(condition: tree.Condition, binder: Binder, rows: Rows) -> Filter:
    """The filter of a condition."""
    match condition:
        case tree.All(parts):
            return _all([build(part, binder, rows) for part in parts])
        case tree.Any(parts):
            return _any([build(part, binder, rows) for part in parts], rows)
        case tree.Not(part):
            test = build(part, binder, rows).test
            return Filter(lambda values: not test(values))
        case tree.In(path, literals, negated):
            return _in(_filterable(binder, path), literals, negated, binder.query, rows)
        case tree.SemiJoin(path, query, negated):
            return _semi_join(_filterable(binder, path), path.at, query, negated, binder, rows)
        case tree.Compare(path, operator, literal) if literal.kind == "span":
            return _within(_filterable(binder, path), operator, literal, binder, rows)
        case tree.Compare(path, operator, literal):
            return _compare(_filterable(binder, path), operator, literal, binder.query, rows)


def _all(parts: list[Filter]) -> Filter:
    tests = [part.test for part in parts]
    narrow = next((part for part in parts if part.found and not part.by_change), None)
    narrow = narrow or next((part for part in parts if part.found), None)

    def test(values: Values) -> bool:
        return all(passes(values) for passes in tests)

    return Filter(test, narrow.found, narrow.by_change) if narrow else Filter(test)


def _any(parts: list[Filter], rows: Rows) -> Filter:
    tests = [part.test for part in parts]

    def test(values: Values) -> bool:
        return any(passes(values) for passes in tests)

    if all(part.by_change for part in parts):
        earliest = [part.found for part in parts if part.found]

        def from_earliest() -> Iterable[Record]:
            firsts = [next(iter(found()), None) for found in earliest]
            stamps = [record.values["SystemModstamp"] for record in firsts if record is not None]
            return rows.changed_from(min(stamps)) if stamps else ()

        return Filter(test, from_earliest, by_change=True)
    sources = [part.found for part in parts if part.found and not part.by_change]
    if len(sources) < len(parts):
        return Filter(test)

    def union() -> Iterator[Record]:
        seen: dict[str, Record] = {}
        for found in sources:
            for record in found():
                seen[record.id] = record
        return iter(seen.values())

    return Filter(test, union)


def _filterable(binder: Binder, path: tree.Expression) -> Column:
    column = binder.column(path)
    if not column.field.filterable or column.field.type == "address":
        message = f"field '{column.field.name}' can not be filtered in a query call"
        raise error_at(binder.query, path.at, "INVALID_FIELD", message)
    return column


def _in(column: Column, literals: tuple[Token, ...], negated: bool, query: str, rows: Rows) -> Filter:
    wanted = frozenset(folded(column.field, value_of(column.field, token, query)) for token in literals)
    get, fold = column.get, column.field.type in TEXT

    def test(values: Values) -> bool:
        have = get(values)
        return ((have.lower() if fold and have else have) in wanted) is not negated

    return Filter(test, None if negated else _keyed(column, wanted, rows))


def _semi_join(
    column: Column, at: int, query: tree.Query, negated: bool, binder: Binder, rows: Rows
) -> Filter:
    if column.field.type not in IDS:
        message = (
            "The left operand field in the where expression for outer query should be an id field, "
            f"cannot use: '{column.field.name}'"
        )
        raise error_at(binder.query, at, "MALFORMED_QUERY", message)
    selected, wanted = binder.ids_of(query)
    inner_kind = binder.source.schema.get(query.source.text)
    outer = _targets(column, binder.kind.name)
    inner = _targets(selected, inner_kind.name if inner_kind else "")
    if not outer & inner:
        message = (
            f"The selected field '{selected.field.name}' in the subquery and the left operand field in the "
            f"where expression in the outer query '{column.field.name}' should point to the same object type"
        )
        raise error_at(binder.query, at, "MALFORMED_QUERY", message)
    get = column.get
    if negated:
        return Filter(lambda values: get(values) not in wanted)
    return Filter(lambda values: get(values) in wanted, _keyed(column, wanted, rows))


def _targets(column: Column, own_name: str) -> set[str]:
    """The object types that an id may be of."""
    owners = {own_name}
    while column.inner is not None and column.reference is not None:
        owners, column = set(column.reference.references), column.inner
    return set(column.field.references) or owners


def _within(column: Column, operator: str, literal: Token, binder: Binder, rows: Rows) -> Filter:
    """A comparison with a date literal, which is a span: before it, in it, or after it."""
    field = column.field
    if field.type not in ("date", "datetime") or operator == "LIKE":
        value_of(field, literal, binder.query)  # raises what another type's literal does
        raise error_at(binder.query, literal.at, "INVALID_FIELD", f"invalid date literal: {literal.text}")
    found: Span = span(literal.text, field.type, binder.source.now(), binder.zone)
    start, end, get = found.start, found.end, column.get
    inside: dict[str, Callable[[str], bool]] = {
        "=": lambda have: start <= have < end, "!=": lambda have: not start <= have < end,
        "<": lambda have: have < start, "<=": lambda have: have < end,
        ">": lambda have: have >= end, ">=": lambda have: have >= start,
    }  # fmt: skip
    passes = inside[operator]

    def test(values: Values) -> bool:
        have = get(values)
        return operator == "!=" if have is None else passes(have)

    if operator in ("=", ">", ">=") and field.name == "SystemModstamp" and len(column.names) == 1:
        earliest = end if operator == ">" else start
        return Filter(test, lambda: rows.changed_from(earliest), by_change=True)
    return Filter(test)


def _compare(column: Column, operator: str, literal: Token, query: str, rows: Rows) -> Filter:
    field = column.field
    if operator == "LIKE":
        return Filter(_like(column, literal, query))
    want = folded(field, value_of(field, literal, query))
    get, fold = column.get, field.type in TEXT
    if operator in ("=", "!="):
        equal = operator == "="

        def same(values: Values) -> bool:
            have = get(values)
            return ((have.lower() if fold and have else have) == want) is equal

        if equal and field.name == "SystemModstamp" and len(column.names) == 1 and want:
            return Filter(same, lambda: rows.changed_from(want), by_change=True)
        return Filter(same, _keyed(column, frozenset({want}), rows) if equal else None)
    if field.type == "boolean":
        message = f"invalid operator on boolean field: {operator}"
        raise error_at(query, literal.at, "INVALID_QUERY_FILTER_OPERATOR", message)
    compare = _ORDERED[operator]

    def ordered(values: Values) -> bool:
        have = get(values)
        return have is not None and want is not None and compare(have.lower() if fold else have, want)

    if operator in (">", ">=") and field.name == "SystemModstamp" and len(column.names) == 1 and want:
        return Filter(ordered, lambda: rows.changed_from(want), by_change=True)
    return Filter(ordered)


def _keyed(column: Column, wanted: frozenset[Any], rows: Rows) -> Found | None:
    """The records an index has for these values; nothing where there is no index or a null is looked for."""
    if len(column.names) > 1 or None in wanted:
        return None
    name = column.field.name
    if name == "Id":
        return lambda: [record for value in wanted if (record := rows.get(value)) is not None]
    if not column.field.keyed and not column.field.children:
        return None
    return lambda: [record for value in wanted for record in rows.with_key(name, value)]


def _like(column: Column, literal: Token, query: str) -> Test:
    field = column.field
    if field.type not in TEXT or literal.kind != "string":
        message = f"invalid operator on {field.type} field: LIKE"
        raise error_at(query, literal.at, "INVALID_QUERY_FILTER_OPERATOR", message)
    matches, get = like_pattern(text_of(query, literal, like=True)).fullmatch, column.get

    def test(values: Values) -> bool:
        have = get(values)
        return bool(have) and matches(have) is not None

    return test


def like_pattern(text: str) -> re.Pattern[str]:
    """The expression of a LIKE: ``%`` is any run, ``_`` one character, a backslash makes them plain."""
    parts, place = [], 0
    while place < len(text):
        char = text[place]
        if char == "\\" and text[place + 1 : place + 2] in ("_", "%", "\\"):
            place += 1
            parts.append(re.escape(text[place]))
        else:
            parts.append({"%": ".*", "_": "."}.get(char) or re.escape(char))
        place += 1
    return re.compile("".join(parts), re.IGNORECASE | re.DOTALL)


def folded(field: Field, value: Any) -> Any:
    """A value as comparisons see it: text without case."""
    return value.lower() if field.type in TEXT and value is not None else value


def value_of(field: Field, token: Token, query: str) -> Any:
    """The value a literal means for a field; raises where it is of another type."""
    if token.word == "NULL" and token.kind == "name":
        return None
    if field.type in IDS and token.kind == "string":
        return _id_of(text_of(query, token), token, query)
    if field.type in TEXT:
        if token.kind == "string":
            return text_of(query, token) or None
        message = (
            f"value of filter criterion for field '{field.name}' must be of type string "
            "and should be enclosed in quotes"
        )
        raise error_at(query, token.at, "INVALID_FIELD", message)
    if field.type in NUMBERS and token.kind == "number":
        return float(token.text)
    if field.type == "boolean" and token.word in ("TRUE", "FALSE") and token.kind == "name":
        return token.word == "TRUE"
    parse = {"date": parse_date, "datetime": parse_moment}.get(field.type)
    if parse is not None and token.kind == field.type:
        value = parse(token.text)
        if value is None:
            raise error_at(query, token.at, "MALFORMED_QUERY", f"Invalid date: {token.text}")
        return value
    kind = _TYPE_NAMES.get(field.type, field.type)
    message = (
        f"value of filter criterion for field '{field.name}' must be of type {kind} "
        "and should not be enclosed in quotes"
    )
    raise error_at(query, token.at, "INVALID_FIELD", message)


def _id_of(text: str, token: Token, query: str) -> str | None:
    value = ids.parse(text)
    if value is None and text:
        raise error_at(query, token.at, "INVALID_QUERY_FILTER_OPERATOR", f"invalid ID field: {text}")
    return value
