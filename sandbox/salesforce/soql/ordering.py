"""Sorts rows by one key of an ORDER BY."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from sandbox.salesforce.schema import TEXT
from sandbox.salesforce.soql.binding import Column, Values
from sandbox.salesforce.soql.tree import Order

Item = TypeVar("Item")


def sort(items: list[Item], values_of: Callable[[Item], Values], column: Column, order: Order) -> None:
    """Put the items into order; those that are equal stay as they were."""
    get, fold = column.get, column.field.type in TEXT
    absent_first = order.nulls_last is order.descending  # "first" after the reversal of a descending sort

    def key(item: Item) -> tuple[bool, Any]:
        value = get(values_of(item))
        if value is None:
            return (not absent_first, 0)
        return (absent_first, value.lower() if fold else value)

    items.sort(key=key, reverse=order.descending)
