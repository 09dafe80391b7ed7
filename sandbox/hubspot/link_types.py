"""The kinds of association there are: HubSpot's own, and the labels an account defines."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sandbox.hubspot.kinds import KINDS

Spec = tuple[str, int]  # category and type id: ("HUBSPOT_DEFINED", 279)
NAMES = {"meetings": "meeting_event"}  # in the names of types, where they differ
HUBSPOT, USER = "HUBSPOT_DEFINED", "USER_DEFINED"
PRIMARY = "Primary"

# from, to, type id, type id of the way back: the unlabelled association of each pair.
_UNLABELLED = (
    ("contacts", "companies", 279, 280), ("contacts", "deals", 4, 3), ("contacts", "tickets", 15, 16),
    ("contacts", "leads", 609, 608), ("contacts", "calls", 193, 194), ("contacts", "emails", 197, 198),
    ("contacts", "meetings", 199, 200), ("contacts", "notes", 201, 202), ("contacts", "tasks", 203, 204),
    ("contacts", "communications", 82, 81), ("contacts", "contacts", 449, 449),
    ("companies", "deals", 342, 341), ("companies", "tickets", 340, 339), ("companies", "leads", 611, 610),
    ("companies", "calls", 181, 182), ("companies", "emails", 185, 186), ("companies", "meetings", 187, 188),
    ("companies", "notes", 189, 190), ("companies", "tasks", 191, 192),
    ("companies", "communications", 88, 87), ("companies", "companies", 450, 450),
    ("deals", "tickets", 27, 28), ("deals", "leads", 1038, 1037), ("deals", "calls", 205, 206),
    ("deals", "emails", 209, 210), ("deals", "meetings", 211, 212), ("deals", "notes", 213, 214),
    ("deals", "tasks", 215, 216), ("deals", "communications", 86, 85), ("deals", "deals", 451, 451),
    ("tickets", "calls", 219, 220), ("tickets", "emails", 223, 224), ("tickets", "meetings", 225, 226),
    ("tickets", "notes", 227, 228), ("tickets", "tasks", 229, 230), ("tickets", "communications", 84, 83),
    ("tickets", "tickets", 452, 452),
    ("leads", "calls", 596, 597), ("leads", "emails", 598, 599), ("leads", "meetings", 600, 601),
    ("leads", "notes", 854, 855), ("leads", "tasks", 646, 647), ("leads", "communications", 602, 603),
)  # fmt: skip
# The first has one of the second as its primary; this implies the unlabelled association.
_PRIMARY = (
    ("contacts", "companies", 1, 2), ("deals", "companies", 5, 6), ("tickets", "companies", 26, 25),
    ("leads", "contacts", 578, 579), ("leads", "companies", 580, 581),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class LinkType:
    """One kind of association in one direction."""

    spec: Spec
    source: str  # "contacts"
    target: str
    label: str | None
    name: str  # how the v3 reads call it: "contact_to_company_unlabeled"
    inverse: Spec
    is_one: bool = False  # a record has at most one other record in this way

    def as_json(self) -> dict[str, Any]:
        """The shape of a list of labels."""
        return {"category": self.spec[0], "typeId": self.spec[1], "label": self.label}

    def as_spec(self) -> dict[str, Any]:
        """The shape of an association that is made."""
        return {"associationCategory": self.spec[0], "associationTypeId": self.spec[1]}


class LinkTypes:
    """The association types of an account."""

    def __init__(self) -> None:
        self._types: dict[tuple[str, str, Spec], LinkType] = {}
        self._unlabelled: dict[tuple[str, str], LinkType] = {}
        self._of_source: dict[tuple[str, Spec], LinkType] = {}
        self._last_label = 0
        with_primary = {frozenset(row[:2]) for row in _PRIMARY}
        for source, target, there, back in _UNLABELLED:
            suffix = "_unlabeled" if frozenset((source, target)) in with_primary else ""
            for made in _both_ways(source, target, there, back, None, suffix):
                self._add(made)
                self._unlabelled[made.source, made.target] = made
        for source, target, there, back in _PRIMARY:
            for made in _both_ways(source, target, there, back, PRIMARY, ""):
                self._add(made)

    def between(self, source: str, target: str) -> Iterator[LinkType]:
        """The types of one direction, in the order they were defined."""
        yield from (made for made in self._types.values() if (made.source, made.target) == (source, target))

    def unlabelled(self, source: str, target: str) -> LinkType | None:
        """The type of an association without a label; None where the two cannot be associated."""
        return self._unlabelled.get((source, target))

    def get(self, source: str, target: str, spec: Spec) -> LinkType | None:
        """The type of that id in that direction."""
        return self._types.get((source, target, spec))

    def of_source(self, source: str, spec: Spec) -> LinkType | None:
        """The type of that id that starts at such a record: a create names no target type."""
        return self._of_source.get((source, spec))

    def define(
        self, source: str, target: str, name: str, label: str, inverse_label: str | None
    ) -> list[LinkType]:
        """Take in a label: a pair of types, one for each direction."""
        there, back = (USER, self._last_label + 1), (USER, self._last_label + 2)
        self._last_label += 2
        made = [
            LinkType(there, source, target, label, name, back),
            LinkType(back, target, source, inverse_label or label, name, there),
        ]
        for one in made:
            self._add(one)
        return made

    def rename(self, made: LinkType, label: str, inverse_label: str | None) -> None:
        """Give a label other words."""
        self._add(LinkType(made.spec, made.source, made.target, label, made.name, made.inverse))
        back = self._types[made.target, made.source, made.inverse]
        words = inverse_label or (label if inverse_label is None and back.label == made.label else back.label)
        self._add(LinkType(back.spec, back.source, back.target, words, back.name, back.inverse))

    def remove(self, made: LinkType) -> None:
        """Forget a label, both ways."""
        for source, target, spec in (
            (made.source, made.target, made.spec),
            (made.target, made.source, made.inverse),
        ):
            self._types.pop((source, target, spec), None)
            self._of_source.pop((source, spec), None)

    def _add(self, made: LinkType) -> None:
        self._types[made.source, made.target, made.spec] = made
        self._of_source[made.source, made.spec] = made


def _both_ways(
    source: str, target: str, there: int, back: int, label: str | None, suffix: str
) -> Iterator[LinkType]:
    one, other = (NAMES.get(name, KINDS[name].singular) for name in (source, target))
    only_one = label == PRIMARY
    yield LinkType(
        (HUBSPOT, there), source, target, label, f"{one}_to_{other}{suffix}", (HUBSPOT, back), only_one
    )
    if (source, there) != (target, back):
        yield LinkType((HUBSPOT, back), target, source, label, f"{other}_to_{one}{suffix}", (HUBSPOT, there))
