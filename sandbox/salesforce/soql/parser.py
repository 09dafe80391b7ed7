"""Reads a query by recursive descent; what Salesforce has and the sandbox has not is a 501 that names it."""

from __future__ import annotations

from typing import NoReturn

from sandbox.salesforce.errors import SalesforceError, not_built
from sandbox.salesforce.soql.tokens import Token, error_at, tokens_of
from sandbox.salesforce.soql.tree import All, Any, Compare, Condition, In, Not, Order, Path, Query

MAX_OFFSET = 2_000
_COMPARISONS = {"=": "=", "!=": "!=", "<>": "!=", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
_LITERALS = ("string", "number", "date", "datetime")
_DATE_WORDS = frozenset({
    "TODAY", "YESTERDAY", "TOMORROW", "LAST_WEEK", "THIS_WEEK", "NEXT_WEEK", "LAST_MONTH", "THIS_MONTH",
    "NEXT_MONTH", "LAST_90_DAYS", "NEXT_90_DAYS", "LAST_YEAR", "THIS_YEAR", "NEXT_YEAR", "THIS_QUARTER",
    "LAST_QUARTER", "NEXT_QUARTER", "THIS_FISCAL_QUARTER", "LAST_FISCAL_QUARTER", "NEXT_FISCAL_QUARTER",
    "THIS_FISCAL_YEAR", "LAST_FISCAL_YEAR", "NEXT_FISCAL_YEAR",
})  # fmt: skip
_CLAUSES = frozenset(["WHERE", "ORDER", "LIMIT", "OFFSET"])
_CLAUSES_NOT_BUILT = {
    "GROUP": "GROUP BY", "HAVING": "HAVING", "WITH": "WITH", "FOR": "FOR VIEW, REFERENCE or UPDATE",
    "UPDATE": "UPDATE TRACKING or VIEWSTAT", "USING": "USING SCOPE", "ALL": "ALL ROWS",
}  # fmt: skip


def parse(query: str) -> Query:
    """The tree of a query; raises MALFORMED_QUERY with the place of what is wrong."""
    if not query.strip():
        raise SalesforceError("MALFORMED_QUERY", "SOQL statements cannot be empty or null")
    return _Parser(query).query()


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
        paths = self.selected()
        self.expect("FROM")
        source = self.source()
        where = self.conditions() if self.took("WHERE") else None
        order = self.orders() if self.took("ORDER") else ()
        limit = self.count() if self.took("LIMIT") else None
        offset = self.count() if self.took("OFFSET") else 0
        if self.next.word in _CLAUSES_NOT_BUILT:
            raise not_built(f"{_CLAUSES_NOT_BUILT[self.next.word]} in SOQL")
        if self.next.kind != "end":
            self.unexpected()
        if offset > MAX_OFFSET:
            raise SalesforceError(
                "NUMBER_OUTSIDE_VALID_RANGE", f"Maximum SOQL offset allowed is {MAX_OFFSET}"
            )
        return Query(self.text, source, paths, where, order, limit, offset)

    def selected(self) -> tuple[Path, ...]:
        if self.next.word == "COUNT" and [token.text for token in self.tokens[1:4]] == [
            self.next.text,
            "(",
            ")",
        ]:
            self.place += 3
            if self.next.text == ",":
                raise not_built("COUNT() beside other fields in SOQL")
            return ()
        paths = [self.column()]
        while self.took(","):
            paths.append(self.column())
        if self.next.kind == "name" and self.next.word != "FROM":
            following = self.tokens[self.place + 1]
            if following.word in ("FROM", ","):
                raise not_built("aliases in SOQL")
        return tuple(paths)

    def column(self) -> Path:
        if self.next.text == "(":
            raise not_built("subqueries on child records in SOQL")
        if self.next.word == "TYPEOF":
            raise not_built("TYPEOF in SOQL")
        path = self.path()
        if self.next.text == "(":
            raise not_built(f"the function {str(path).upper()}() in SOQL")
        return path

    def source(self) -> Token:
        token = self.take("name")
        if self.next.text == ",":
            raise not_built("several objects in a FROM in SOQL")
        if self.next.kind == "name" and self.next.word not in _CLAUSES | _CLAUSES_NOT_BUILT.keys():
            following = self.tokens[self.place + 1]
            if self.next.word == "AS" or following.kind == "end" or following.word in _CLAUSES:
                raise not_built("aliases in SOQL")
        return token

    def conditions(self) -> Condition:
        """Parts joined by AND or by OR; the two mix only with parentheses."""
        parts = [self.condition()]
        joint = self.next.word if self.next.word in ("AND", "OR") else None
        while joint and self.took(joint):
            parts.append(self.condition())
        if joint is None:
            return parts[0]
        return All(tuple(parts)) if joint == "AND" else Any(tuple(parts))

    def condition(self) -> Condition:
        if self.took("NOT"):
            return Not(self.condition())
        if self.took("("):
            inner = self.conditions()
            self.expect(")")
            return inner
        path = self.path()
        if self.next.text == "(":
            raise not_built(f"the function {str(path).upper()}() in SOQL")
        if self.next.text in _COMPARISONS:
            return Compare(path, _COMPARISONS[self.take("sign").text], self.literal())
        if self.took("LIKE"):
            return Compare(path, "LIKE", self.literal())
        if self.next.word in ("INCLUDES", "EXCLUDES"):
            raise not_built(f"{self.next.word} in SOQL")
        negated = self.took("NOT")
        self.expect("IN")
        return In(path, self.literals(), negated)

    def literals(self) -> tuple[Token, ...]:
        if self.next.text == ":":
            self.bind_variable()
        self.expect("(")
        if self.next.word == "SELECT":
            raise not_built("subqueries in a WHERE in SOQL")
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
        if token.word in _DATE_WORDS or (token.kind == "name" and self.tokens[self.place + 1].text == ":"):
            raise not_built(f"the date literal {token.word} in SOQL")
        return self.unexpected()

    def orders(self) -> tuple[Order, ...]:
        self.expect("BY")
        found = [self.order()]
        while self.took(","):
            found.append(self.order())
        return tuple(found)

    def order(self) -> Order:
        path = self.column()
        descending = self.took("DESC")
        if not descending:
            self.took("ASC")
        nulls_last = False
        if self.took("NULLS"):
            nulls_last = self.took("LAST")
            if not nulls_last:
                self.expect("FIRST")
        return Order(path, descending, nulls_last)

    def count(self) -> int:
        token = self.next
        if token.kind != "number" or not token.text.isdigit():
            self.unexpected()
        self.place += 1
        return int(token.text)

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
        message = "Bind variables only allowed in Apex code"
        raise error_at(self.text, self.next.at, "MALFORMED_QUERY", message)

    def unexpected(self) -> NoReturn:
        message = f"unexpected token: '{self.next.text}'"
        raise error_at(self.text, self.next.at, "MALFORMED_QUERY", message)
