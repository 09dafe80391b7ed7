"""Reads the parts of a body that have to be of one JSON type; HubSpot refuses any other as it parses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.hubspot.errors import ApiError, bad_request
from sandbox.hubspot.values import as_text
from sandbox.reading import whole_number

Object = Mapping[str, Any]


def not_a(java_type: str) -> ApiError:
    """400 as HubSpot's parser words it (recorded traffic, for lists)."""
    return bad_request(
        f"Invalid input JSON on line 1, column 1: Cannot deserialize value of type `{java_type}`"
    )


def listed(value: object) -> list[Any]:
    """A list; nothing counts as an empty one."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise not_a("java.util.ArrayList")
    return value


def texts(value: object) -> list[str]:
    """A list of texts; numbers and booleans count as texts."""
    return [text(one) for one in listed(value)]


def objects(value: object) -> list[Object]:
    """A list of objects."""
    return [an_object(one) for one in listed(value)]


def an_object(value: object) -> Object:
    """An object; nothing counts as an empty one."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise not_a("java.util.LinkedHashMap")
    return value


def text(value: object) -> str:
    """A text; numbers and booleans count as texts, nothing as an empty one."""
    if isinstance(value, dict | list):
        raise not_a("java.lang.String")
    return as_text(value)


def whole(value: object) -> int:
    """A whole number, also one that is written as a text."""
    told = text(value)
    digits = whole_number(told.removeprefix("-"))
    if digits is None:
        raise not_a("int")
    return -digits if told.startswith("-") else digits
