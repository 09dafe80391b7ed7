"""Leads, accounts or deals that a batch touches: as the store has them, and as its events have left them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from model.entity import Entity
from model.event import RecordRef
from model.lead import Link

E = TypeVar("E", bound=Entity)
OfOwner = tuple[str, Link]  # the id of the lead, account or deal, and its link


@dataclass(slots=True)
class Touched(Generic[E]):
    """Entities of one kind, by id."""

    loaded: dict[str, E] = field(default_factory=dict)  # as the store has them
    now: dict[str, E] = field(default_factory=dict)  # as the batch has left them
    changed: dict[str, E] = field(default_factory=dict)
    holders: dict[RecordRef, str] = field(default_factory=dict)  # which record is whose

    def load(self, found: Mapping[str, E]) -> None:
        """Take in what was read from the store."""
        self.loaded |= found
        self.now |= found

    def put(self, entity: E) -> None:
        """Make a change visible to the events that come after it."""
        self.now[entity.id] = self.changed[entity.id] = entity

    def hold(self, entity: E) -> None:
        """Note whose the records of an entity are by now."""
        for link in entity.links.values():
            self.holders[ref_of(link)] = entity.id

    def loaded_links(self, ids: Iterable[str]) -> list[OfOwner]:
        """Return these entities' links as they were loaded."""
        return [(one, link) for one in ids for link in self._links(one).values()]

    def dropped_links(self) -> list[OfOwner]:
        """Return the loaded links that are no more, or gave way to another record."""
        return [
            (entity.id, link)
            for entity in self.changed.values()
            for name, link in self._links(entity.id).items()
            if (now := entity.links.get(name)) is None or (now is not link and now.rev == 0)
        ]

    def moved_links(self) -> list[OfOwner]:
        """Return the loaded links whose owner has another record there by now, or one known to be gone."""
        return [
            (entity.id, link)
            for entity in self.changed.values()
            for name, link in self._links(entity.id).items()
            if (now := entity.links.get(name)) is not None
            and (ref_of(now) != ref_of(link) or (now.gone_at is not None and link.gone_at is None))
        ]

    def changed_links(self) -> list[OfOwner]:
        """Return the links that differ from those loaded."""
        return [
            (entity.id, link)
            for entity in self.changed.values()
            for name, link in entity.links.items()
            if self._links(entity.id).get(name) is not link
        ]

    def new_links(self) -> list[tuple[str, RecordRef]]:
        """Return the records that became somebody's by this batch, with whose they are now."""
        return [
            (whose, ref_of(link))
            for whose, link in self.changed_links()
            if (known := self._links(whose).get(link.connection)) is None or ref_of(known) != ref_of(link)
        ]

    def _links(self, entity_id: str) -> Mapping[str, Link]:
        loaded = self.loaded.get(entity_id)
        return loaded.links if loaded is not None else {}


def ref_of(link: Link) -> RecordRef:
    """Return which record a link is to."""
    return RecordRef(link.connection, link.object, link.remote_id)
