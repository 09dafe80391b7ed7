"""Who is associated with whom, and as what; kept in both directions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator

from sandbox.hubspot.link_types import LinkType, LinkTypes, Spec

End = tuple[str, str]  # object type and record id
Told = Callable[[End, End, LinkType, bool], None]  # from, to, type, whether it was removed


class Links:
    """The associations of an account. Callers hold the vendor's lock.

    A label always comes with the unlabelled association, so whoever sets "primary" sets two types.
    ``told`` hears of every type that is set or removed, once for each direction.
    """

    def __init__(self, types: LinkTypes, told: Told) -> None:
        self._types, self._told = types, told
        self._of: dict[End, dict[str, dict[str, dict[Spec, None]]]] = {}
        self._none: dict[str, dict[Spec, None]] = {}

    def of(self, end: End, target: str) -> dict[str, dict[Spec, None]]:
        """The ids of the associated records of a type, each with its types, oldest first."""
        return self._of.get(end, {}).get(target, self._none)

    def count(self, end: End) -> int:
        """How many records are associated, of all types."""
        return sum(len(others) for others in self._of.get(end, {}).values())

    def add(self, source: End, target: End, specs: Iterable[Spec] = ()) -> list[LinkType]:
        """Associate two records; returns the types that are new, in the named direction."""
        plain = self._types.unlabelled(source[0], target[0])
        assert plain is not None, "callers check that the pair can be associated"
        wanted = dict.fromkeys((plain.spec, *specs))
        added = []
        for spec in wanted:
            made = self._types.get(source[0], target[0], spec)
            if made is None or spec in self.of(source, target[0]).get(target[1], ()):
                continue
            self._make_room(source, target, made)
            self._put(source, target, made)
            added.append(made)
        return added

    def place(self, source: End, target: End, types: Iterable[LinkType]) -> None:
        """Associate two records of a new account; nobody is told, and no primary has to make room."""
        for made in types:
            self._put(source, target, made, quiet=True)

    def replace(self, source: End, target: End, specs: Iterable[Spec]) -> None:
        """Make these the labels of an association; those it had besides are gone."""
        keep = {*specs}
        for spec in list(self.of(source, target[0]).get(target[1], ())):
            made = self._types.get(source[0], target[0], spec)
            if made is not None and made.label is not None and spec not in keep:
                self._take(source, target, made)
        self.add(source, target, specs)

    def remove(self, source: End, target: End, specs: Iterable[Spec] | None = None) -> None:
        """Remove some types; without the unlabelled one nothing is left, so that removes all."""
        present = list(self.of(source, target[0]).get(target[1], ()))
        plain = self._types.unlabelled(source[0], target[0])
        going = present if specs is None or plain is None or plain.spec in (specs := list(specs)) else specs
        for spec in going:
            made = self._types.get(source[0], target[0], spec)
            if made is not None and spec in present:
                self._take(source, target, made)

    def ends(self, source: End) -> Iterator[tuple[End, list[Spec]]]:
        """Every record that is associated with one, and as what."""
        for kind, others in list(self._of.get(source, {}).items()):
            for record_id, specs in list(others.items()):
                yield (kind, record_id), list(specs)

    def move(self, old: End, new: End) -> None:
        """Let another record take over all associations of one, as a merge does; nobody is told."""
        for other, specs in list(self.ends(old)):
            self.drop(old, other)
            if other == new:
                continue
            for spec in specs:
                made = self._types.get(old[0], other[0], spec)
                if made is not None and not (made.is_one and self._holder(new, made)):
                    self._put(new, other, made, quiet=True)

    def drop(self, source: End, target: End) -> None:
        """Forget an association without telling anyone."""
        for one, other in ((source, target), (target, source)):
            self._of.get(one, defaultdict(dict)).get(other[0], {}).pop(other[1], None)

    def forget(self, made: LinkType) -> None:
        """Take a label from all associations and from the account; the associations stay."""
        for source in [end for end in self._of if end[0] == made.source]:
            for other, specs in list(self.of(source, made.target).items()):
                if made.spec in specs:
                    self._take(source, (made.target, other), made)
        self._types.remove(made)

    def _holder(self, source: End, made: LinkType) -> str | None:
        others = self.of(source, made.target)
        return next((record_id for record_id, specs in others.items() if made.spec in specs), None)

    def _make_room(self, source: End, target: End, made: LinkType) -> None:
        """A record has one primary of a type: a new one takes the label from the old."""
        back = self._types.get(target[0], source[0], made.inverse)
        for end, way in ((source, made), (target, back)):
            holder = self._holder(end, way) if way is not None and way.is_one else None
            if way is not None and holder is not None:
                self._take(end, (way.target, holder), way)

    def _put(self, source: End, target: End, made: LinkType, *, quiet: bool = False) -> None:
        for one, other, way in self._ways(source, target, made):
            others = self._of.setdefault(one, {}).setdefault(other[0], {})
            others.setdefault(other[1], {})[way.spec] = None
            if not quiet:
                self._told(one, other, way, False)

    def _take(self, source: End, target: End, made: LinkType) -> None:
        for one, other, way in self._ways(source, target, made):
            specs = self.of(one, other[0]).get(other[1], {})
            if specs.pop(way.spec, self) is self:
                continue
            if not specs:
                self.of(one, other[0]).pop(other[1], None)
            self._told(one, other, way, True)

    def _ways(self, source: End, target: End, made: LinkType) -> Iterator[tuple[End, End, LinkType]]:
        yield source, target, made
        back = self._types.get(target[0], source[0], made.inverse)
        if back is not None and source != target:
            yield target, source, back
