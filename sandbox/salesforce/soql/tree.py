"""A parsed query. Names are as written: what they mean is found when the query is bound to a schema."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.salesforce.soql.tokens import Token


@dataclass(frozen=True, slots=True)
class Path:
    """A field, possibly of a parent: ``Email``, ``Owner.Email``."""

    names: tuple[str, ...]
    at: int

    def __str__(self) -> str:
        return ".".join(self.names)


@dataclass(frozen=True, slots=True)
class Call:
    """A function of a field: ``SUM(Amount)``, ``CALENDAR_YEAR(CreatedDate)``."""

    function: str  # in capitals
    path: Path | None  # nothing in COUNT()
    at: int

    def __str__(self) -> str:
        return f"{self.function}({self.path or ''})"


Expression = Path | Call


@dataclass(frozen=True, slots=True)
class Column:
    """What a SELECT names, with the name it gives an aggregate."""

    expression: Expression
    alias: str | None = None


@dataclass(frozen=True, slots=True)
class Fields:
    """``FIELDS(ALL)``, ``FIELDS(STANDARD)`` or ``FIELDS(CUSTOM)``."""

    group: str
    at: int


@dataclass(frozen=True, slots=True)
class Children:
    """A SELECT of child records within a SELECT."""

    query: Query


Selected = Column | Fields | Children


@dataclass(frozen=True, slots=True)
class Compare:
    """``field operator literal``."""

    path: Expression
    operator: str  # "=", "!=", "<", "<=", ">", ">=", "LIKE"
    literal: Token


@dataclass(frozen=True, slots=True)
class In:
    """``field [NOT] IN (literals)``."""

    path: Expression
    literals: tuple[Token, ...]
    negated: bool


@dataclass(frozen=True, slots=True)
class SemiJoin:
    """``field [NOT] IN (SELECT …)``."""

    path: Expression
    query: Query
    negated: bool


@dataclass(frozen=True, slots=True)
class Not:
    """``NOT condition``."""

    part: Condition


@dataclass(frozen=True, slots=True)
class All:
    """Conditions joined by AND."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Any:
    """Conditions joined by OR."""

    parts: tuple[Condition, ...]


Condition = Compare | In | SemiJoin | Not | All | Any


@dataclass(frozen=True, slots=True)
class Order:
    """One key of an ORDER BY; without a word, nulls come first."""

    path: Expression
    descending: bool = False
    nulls_last: bool = False


@dataclass(frozen=True, slots=True)
class Query:
    """A whole SELECT."""

    text: str
    source: Token  # the name of the object type, or of the child relationship
    alias: str | None
    selected: tuple[Selected, ...]  # empty for COUNT()
    where: Condition | None
    group: tuple[Expression, ...]
    having: Condition | None
    order: tuple[Order, ...]
    limit: int | None
    offset: int

    @property
    def is_aggregate(self) -> bool:
        """Whether its rows are groups instead of records."""
        columns = (one.expression for one in self.selected if isinstance(one, Column))
        aggregates = any(isinstance(one, Call) and one.function in AGGREGATES for one in columns)
        return bool(self.group) or aggregates


AGGREGATES = frozenset({"COUNT", "COUNT_DISTINCT", "SUM", "AVG", "MIN", "MAX"})
