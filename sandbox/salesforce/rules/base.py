"""The points of a write at which an object type may add rules of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sandbox.records import Record

if TYPE_CHECKING:
    from sandbox.salesforce.org import Org
    from sandbox.salesforce.writes import Writer


class Rules:
    """No rules: what most objects have at most points."""

    def complete(
        self, write: Writer, values: dict[str, Any], given: Mapping[str, Any], before: Mapping[str, Any]
    ) -> None:
        """Fill what derives from other fields; raise where the object refuses.

        ``values`` are all values as they shall be, ``given`` those that the write names, ``before`` those
        that were: none for a create.
        """

    def settle(self, write: Writer, record: Record, before: Mapping[str, Any]) -> None:
        """Bring other records into line after a create or an update."""

    def leave(self, write: Writer, record: Record) -> None:
        """Take along what goes with a record that is about to be deleted."""


def live(org: Org, name: str, field: str, record_id: str) -> list[Record]:
    """The live records of an object type that refer to a record by an indexed field."""
    found = org.rows(name).with_key(field, record_id)
    return [record for record in found if record.archived_at is None]
