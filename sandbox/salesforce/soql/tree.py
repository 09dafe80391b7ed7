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
class Compare:
    """``field operator literal``."""

    path: Path
    operator: str  # "=", "!=", "<", "<=", ">", ">=", "LIKE"
    literal: Token


@dataclass(frozen=True, slots=True)
class In:
    """``field [NOT] IN (literals)``."""

    path: Path
    literals: tuple[Token, ...]
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


Condition = Compare | In | Not | All | Any


@dataclass(frozen=True, slots=True)
class Order:
    """One key of an ORDER BY; without a word, nulls come first."""

    path: Path
    descending: bool = False
    nulls_last: bool = False


@dataclass(frozen=True, slots=True)
class Query:
    """A whole SELECT."""

    text: str
    source: Token  # the object type's name
    paths: tuple[Path, ...]  # empty for COUNT()
    where: Condition | None
    order: tuple[Order, ...]
    limit: int | None
    offset: int
