"""Reads a query by recursive descent; what Salesforce has and the sandbox has not is a 501 that names it."""

from __future__ import annotations

from typing import NoReturn

from sandbox.reading import whole_number
from sandbox.salesforce.errors import SalesforceError, not_built
from sandbox.salesforce.soql import spans
from sandbox.salesforce.soql.functions import DATE_FUNCTIONS
from sandbox.salesforce.soql.tokens import Token, error_at, tokens_of
from sandbox.salesforce.soql.tree import (
    AGGREGATES,
    All,
    Any,
    Call,
    Children,
    Column,
    Compare,
    Condition,
    Expression,
    Fields,
    In,
    Not,
    Order,
    Path,
    Query,
    Selected,
    SemiJoin,
)

MAX_OFFSET = 2_000
_COMPARISONS = {"=": "=", "!=": "!=", "<>": "!=", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
_LITERALS = ("string", "number", "date", "datetime")
_CLAUSES = frozenset(["WHERE", "GROUP", "HAVING", "ORDER", "LIMIT", "OFFSET"])
_CLAUSES_NOT_BUILT = {
    "WITH": "WITH", "FOR": "FOR VIEW, REFERENCE or UPDATE",
    "UPDATE": "UPDATE TRACKING or VIEWSTAT", "USING": "USING SCOPE", "ALL": "ALL ROWS",
}  # fmt: skip


def parse(query: str) -> Query:
    """The tree of a query; raises MALFORMED_QUERY with the place of what is wrong."""
    if not query.strip():
        raise SalesforceError("MALFORMED_QUERY", "SOQL statements cannot be empty or null")
    parser = _Parser(query)
    tree = parser.query()
    if parser.next.kind != "end":
        parser.unexpected()
    return tree


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = tokens_of(text)
        self.place = 0

    @property
    def next(self) -> Token:
        return self.tokens[self.place]

    def query(self) -> Query:
        self.expect("SELECT")
        selected = self.selected()
        self.expect("FROM")
        source, alias = self.source()
        where = self.conditions() if self.took("WHERE") else None
        if not selected and self.next.word == "GROUP":
            self.unexpected()  # COUNT() stands alone
        group = self.groups() if self.took("GROUP") else ()
        having = self.conditions() if self.took("HAVING") else None
        order = self.orders() if self.took("ORDER") else ()
        limit = self.count() if self.took("LIMIT") else None
        offset = self.count() if self.took("OFFSET") else 0
        if self.next.word in _CLAUSES_NOT_BUILT:
            raise not_built(f"{_CLAUSES_NOT_BUILT[self.next.word]} in SOQL")
        if offset > MAX_OFFSET:
            raise SalesforceError(
                "NUMBER_OUTSIDE_VALID_RANGE", f"Maximum SOQL offset allowed is {MAX_OFFSET}"
            )
        return Query(self.text, source, alias, selected, where, group, having, order, limit, offset)

    # What is selected.

    def selected(self) -> tuple[Selected, ...]:
        following = [token.text for token in self.tokens[self.place + 1 : self.place + 3]]
        if self.next.word == "COUNT" and following == ["(", ")"]:
            self.place += 3
            return ()
        found = [self.item()]
        while self.took(","):
            found.append(self.item())
        return tuple(found)

    def item(self) -> Selected:
        if self.took("("):
            query = self.query()
            self.expect(")")
            return Children(query)
        if self.next.word == "TYPEOF":
            raise not_built("TYPEOF in SOQL")
        if self.next.word == "FIELDS" and self.tokens[self.place + 1].text == "(":
            return self.fields()
        return Column(self.expression(), self.column_alias())

    def column_alias(self) -> str | None:
        token = self.next
        if token.kind != "name" or token.word == "FROM":
            return None
        if self.tokens[self.place + 1].word not in ("FROM", ","):
            self.unexpected()
        self.place += 1
        return token.text

    def fields(self) -> Fields:
        at = self.take("name").at
        self.expect("(")
        group = self.take("name")
        if group.word not in ("ALL", "STANDARD", "CUSTOM"):
            raise self.error(group, "MALFORMED_QUERY", f"unexpected token: '{group.text}'")
        self.expect(")")
        return Fields(group.word, at)

    def expression(self) -> Expression:
        path = self.path()
        if self.next.text != "(":
            return path
        name = str(path).upper()
        if name not in AGGREGATES | DATE_FUNCTIONS.keys():
            raise not_built(f"the function {name}() in SOQL")
        self.expect("(")
        inner = self.path()
        if self.next.text == "(":
            raise not_built(f"the function {str(inner).upper()}() in SOQL")
        self.expect(")")
        return Call(name, inner, path.at)

    def source(self) -> tuple[Token, str | None]:
        token = self.take("name")
        named = self.took("AS")
        alias = None
        if self.next.kind == "name" and self.next.word not in _CLAUSES | _CLAUSES_NOT_BUILT.keys():
            following = self.tokens[self.place + 1]
            if named or following.kind == "end" or following.word in _CLAUSES or following.text in "),":
                alias = self.take("name").text
        if self.next.text == ",":
            raise not_built("several objects in a FROM in SOQL")
        return token, alias

    # Conditions.

    def conditions(self) -> Condition:
        """Parts joined by AND or by OR; the two mix only with parentheses."""
        parts = [self.condition()]
        joint = self.next.word if self.next.word in ("AND", "OR") else None
        place = self.next
        while joint and self.took(joint):
            parts.append(self.condition())
        if joint is None:
            return parts[0]
        if joint == "OR" and any(isinstance(part, SemiJoin) for part in parts):
            message = "Semi join sub-selects are not allowed with the 'OR' operator"
            raise self.error(place, "MALFORMED_QUERY", message)
        return All(tuple(parts)) if joint == "AND" else Any(tuple(parts))

    def condition(self) -> Condition:
        if self.took("NOT"):
            return Not(self.condition())
        if self.took("("):
            inner = self.conditions()
            self.expect(")")
            return inner
        path = self.expression()
        if self.next.text in _COMPARISONS:
            return Compare(path, _COMPARISONS[self.take("sign").text], self.literal())
        if self.took("LIKE"):
            return Compare(path, "LIKE", self.literal())
        if self.next.word in ("INCLUDES", "EXCLUDES"):
            raise not_built(f"{self.next.word} in SOQL")
        negated = self.took("NOT")
        self.expect("IN")
        if self.next.text == ":":
            self.bind_variable()
        self.expect("(")
        if self.next.word == "SELECT":
            query = self.query()
            self.expect(")")
            return SemiJoin(path, query, negated)
        return In(path, self.literals(), negated)

    def literals(self) -> tuple[Token, ...]:
        found = [self.literal()]
        while self.took(","):
            found.append(self.literal())
        self.expect(")")
        return tuple(found)

    def literal(self) -> Token:
        token = self.next
        if token.text == ":":
            self.bind_variable()
        if token.kind in _LITERALS or token.word in ("NULL", "TRUE", "FALSE"):
            self.place += 1
            return token
        if token.kind == "name" and token.word in spans.FIXED:
            self.place += 1
            return Token("span", token.word, token.at)
        if token.kind == "name" and token.word in spans.COUNTED and self.tokens[self.place + 1].text == ":":
            self.place += 2
            return Token("span", f"{token.word}:{self.count()}", token.at)
        return self.unexpected()

    # Groups and orders.

    def groups(self) -> tuple[Expression, ...]:
        self.expect("BY")
        if self.next.word in ("ROLLUP", "CUBE") and self.tokens[self.place + 1].text == "(":
            raise not_built(f"GROUP BY {self.next.word} in SOQL")
        found = [self.expression()]
        while self.took(","):
            found.append(self.expression())
        return tuple(found)

    def orders(self) -> tuple[Order, ...]:
        self.expect("BY")
        found = [self.order()]
        while self.took(","):
            found.append(self.order())
        return tuple(found)

    def order(self) -> Order:
        path = self.expression()
        descending = self.took("DESC")
        if not descending:
            self.took("ASC")
        nulls_last = False
        if self.took("NULLS"):
            nulls_last = self.took("LAST")
            if not nulls_last:
                self.expect("FIRST")
        return Order(path, descending, nulls_last)

    # Tokens.

    def count(self) -> int:
        token = self.next
        number = whole_number(token.text) if token.kind == "number" else None
        if number is None:
            self.unexpected()
        self.place += 1
        return number

    def path(self) -> Path:
        token = self.take("name")
        return Path(tuple(token.text.split(".")), token.at)

    def take(self, kind: str) -> Token:
        token = self.next
        if token.kind != kind:
            self.unexpected()
        self.place += 1
        return token

    def took(self, word: str) -> bool:
        if self.next.kind in ("name", "sign") and self.next.word == word:
            self.place += 1
            return True
        return False

    def expect(self, word: str) -> None:
        if not self.took(word):
            self.unexpected()

    def bind_variable(self) -> NoReturn:
        raise self.error(self.next, "MALFORMED_QUERY", "Bind variables only allowed in Apex code")

    def unexpected(self) -> NoReturn:
        raise self.error(self.next, "MALFORMED_QUERY", f"unexpected token: '{self.next.text}'")

    def error(self, token: Token, code: str, message: str) -> SalesforceError:
        return error_at(self.text, token.at, code, message)
