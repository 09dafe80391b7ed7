"""Reads the records of links by id, and has each judged beside what the store says after the answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from model.change import Record
from model.decision import EntityKind
from model.errors import Refusal
from model.event import RecordRef
from sync.people import People
from sync.reading import backfill
from sync.reconciling import evidence, kinds
from sync.reconciling.judging import judge
from sync.reconciling.kinds import KINDS, Difference
from sync.reconciling.looks import Rules
from sync.reconciling.runs import Found
from sync.reconciling.side import Side

MOST_REFUSED = 20  # calls of a page; to find one culprit among two hundred takes nine


@dataclass(frozen=True, slots=True)
class Reader:
    """Compares some links at a time, in one call where the CRM refuses none of them."""

    side: Side

    def compare(self, table: str, refs: Sequence[RecordRef]) -> Found:
        """Read records and judge them beside what the store says after the answer.

        A link or lead that has changed between the two looks is left for the next run: nothing is said of
        what was moving.
        """
        with self.side.store.snapshot() as snapshot:
            before = evidence.sides(snapshot, self.side.space, table, refs)
        there = [ref for ref in refs if before.link(ref) is not None]
        records, refused = self._records(there)
        playbook, crm = self.side.playbook(), self.side.crm
        with self.side.store.snapshot() as snapshot:
            after = evidence.sides(snapshot, self.side.space, table, there)
            still = [ref for ref in there if ref not in refused and before.is_as(after, ref)]
            looks = evidence.looks(snapshot, self.side.space, table, after, still, records) if still else []
            people = People.load(snapshot, self.side.space)
        rules = Rules(
            crm,
            playbook.lifecycle,
            people,
            self.side.clock.now(),
            is_written=self.side.is_written(),
            missing_is_gone=self.side.connector.missing_is_gone,
        )
        found = [one for look in looks for one in judge(look, rules)]
        _, kind = evidence.BOOKS[table]
        found += [_unreadable(ref, kind, before.owners[ref], why) for ref, why in refused.items()]
        return Found(found, looked=len(refs), moving=len(refs) - len(still) - len(refused))

    def _records(self, refs: Sequence[RecordRef]) -> tuple[list[Record], dict[RecordRef, str]]:
        """Read records together, and in halves where the CRM refuses them; return those that it shows.

        Beside them: of which it refuses to tell, in its own words. Raises ``ConnectorError`` where it is no
        single record's fault.
        """
        names = self._names()
        parts: list[Sequence[RecordRef]] = [refs] if refs else []
        found: list[Record] = []
        refused: dict[RecordRef, str] = {}
        calls = 0
        while parts:
            part = parts.pop()
            try:
                found += self.side.connector.read(part, names)
            except Refusal as error:
                calls += 1
                if calls >= MOST_REFUSED:
                    raise
                if len(part) == 1:
                    refused[part[0]] = str(error)
                else:
                    middle = len(part) // 2
                    parts += [part[middle:], part[:middle]]
        if len(refs) > 1 and len(refused) == len(refs):
            raise Refusal(next(iter(refused.values())))
        return found, refused

    def _names(self) -> Mapping[str, Sequence[str]]:
        """Return what is read of each object: all that the map names, of companies, too."""
        found = dict(backfill.wanted(self.side.connector, self.side.playbook()))
        for name, object_map in self.side.crm.all_objects.items():
            mapped = (rule.remote for rule in object_map.fields)
            found[name] = tuple(dict.fromkeys((*found.get(name, ()), *mapped)))
        return found


def _unreadable(ref: RecordRef, kind: EntityKind, owner: str, why: str) -> Difference:
    of = KINDS[kinds.UNREADABLE]
    return Difference(of.name, ref.object, why, kind, owner, ref.id, mend=of.mend, is_fault=of.is_fault)
