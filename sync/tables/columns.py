"""What every table is made of: types that both databases store alike, and short forms of declaring."""

from __future__ import annotations

import contextlib
import json
import re
import zlib
from datetime import UTC, datetime
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator, TypeEngine

from model.times import from_text, to_text

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
metadata = sa.MetaData(naming_convention=NAMING)

WORTH_PACKING = 512  # characters

RowId = sa.BigInteger().with_variant(sa.Integer, "sqlite")  # SQLite numbers rows only for INTEGER keys


class Moment(TypeDecorator[datetime]):
    """An aware UTC moment: ``timestamptz`` on PostgreSQL, sortable ISO text on SQLite."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "sqlite":
            return dialect.type_descriptor(sa.String(27))
        return dialect.type_descriptor(sa.DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        if value is None or dialect.name != "sqlite":
            return value
        return to_text(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return from_text(value) if isinstance(value, str) else value.astimezone(UTC)


class Encoded(str):
    """JSON text of a value, for a column of JSON."""

    __slots__ = ()


class Json(TypeDecorator[Any]):
    """JSON kept as text: what a sender wrote must survive, and PostgreSQL's own types refuse some of it."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        return value if value is None or isinstance(value, Encoded) else to_json(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        return None if value is None else from_json(value)


class Packed(TypeDecorator[Any]):
    """JSON that is written once and seldom read: packed on SQLite, text where the database packs by itself.

    What a decision says is the largest part of a store, 4 KB each; packed it takes two fifths, in 25 µs.
    A file may hold both, for short texts, those of earlier versions and restored ones are not packed.
    """

    impl = sa.Text  # in which SQLite keeps bytes as they are, too
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | bytes | None:
        text = value if value is None or isinstance(value, Encoded) else to_json(value)
        if text is None or dialect.name != "sqlite" or len(text) < WORTH_PACKING:
            return text
        return zlib.compress(text.encode(), level=1)

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        return None if value is None else from_json(_unpacked(value))


class Unpacked(TypeDecorator[str]):
    """What a column of ``Packed`` holds, as the text that was written."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return value

    def process_result_value(self, value: Any, dialect: Dialect) -> str | None:
        return None if value is None else _unpacked(value)


def _unpacked(kept: str | bytes) -> str:
    return zlib.decompress(kept).decode() if isinstance(kept, bytes) else kept


def searchable(length: int) -> sa.String:
    """Return the type of a text that is compared byte by byte, so that an index finds what begins alike."""
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=True).encode
_LONG = re.compile(r"\d{19}")  # 2**64 has twenty digits, 2**63 nineteen


def from_json(text: str) -> Any:
    """Read JSON. orjson is faster, but makes a float of 2**64 and refuses half of a surrogate pair."""
    if _LONG.search(text) is None:
        with contextlib.suppress(orjson.JSONDecodeError):
            return orjson.loads(text)
    return json.loads(text)


def to_json(value: Any) -> Encoded:
    """Write a value as compact JSON."""
    try:
        return Encoded(orjson.dumps(value), "utf-8")
    except TypeError:  # a whole number beyond 64 bits, half of a surrogate pair
        return Encoded(_encode(value))


def moment(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    """Declare a column of a moment."""
    return sa.Column(name, Moment, nullable=nullable)


def partial_index(
    name: str, *columns: sa.ColumnElement[Any], where: sa.TextClause, unique: bool = False
) -> sa.Index:
    """Declare an index of those rows alone that a condition holds of."""
    return sa.Index(name, *columns, unique=unique, sqlite_where=where, postgresql_where=where)
