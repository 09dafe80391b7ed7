"""Read before told: whether a person opted out in a CRM since its record was last read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from connectors.base import Connector
from mappings.outward import inward_record
from mappings.playbook import Playbook
from model.change import Record
from model.errors import ConnectorError, NotAuthorized
from model.event import RecordRef
from model.lead import OPT_OUT
from sync.batch import People
from sync.errands import Errand, Outlet

MOST_CALLS = 8  # for the records of one batch, when some of them cannot be read
NOBODY = People({}, frozenset(), {})


@dataclass(slots=True)
class Asked:
    """What the CRMs answered about the people of some errands."""

    opted_out: dict[int, Record] = field(default_factory=dict)  # effect -> the record that says so
    unread: dict[int, str] = field(default_factory=dict)  # effect -> why nobody knows

    def may_go(self, errand: Errand) -> bool:
        """Say whether the errand is free to go out."""
        return errand.row.id not in self.opted_out and errand.row.id not in self.unread


def ask(outlet: Outlet, errands: Sequence[Errand]) -> Asked:
    """Read the stale records of these errands, as many a call as the CRM takes."""
    asked, playbook = Asked(), outlet.playbook()
    readers = outlet.readers()
    wanted: dict[str, dict[RecordRef, list[int]]] = {}
    for errand in errands:
        for ref in errand.stale:
            wanted.setdefault(ref.connection, {}).setdefault(ref, []).append(errand.row.id)
    for connection, refs in wanted.items():
        reader = readers.get(connection)
        if reader is None:
            continue  # not connected any more: its last word, which the lead holds, is all there is
        fields = {
            name: tuple(dict.fromkeys(rule.remote for rule in object_map.fields))
            for name, object_map in playbook.crms[connection].objects.items()
        }
        for part, read in _read(reader, list(refs), fields):
            if isinstance(read, ConnectorError):
                why = f"whether the person opted out cannot be read in {connection}: {read}"
                asked.unread |= {row: why for ref in part for row in refs[ref]}
                continue
            for record in read:
                if _says_no(record, playbook):
                    asked.opted_out |= dict.fromkeys(refs.get(record.ref, ()), record)
    return asked


def _read(
    reader: Connector, refs: Sequence[RecordRef], fields: Mapping[str, Sequence[str]]
) -> Iterator[tuple[Sequence[RecordRef], list[Record] | ConnectorError]]:
    """Read records; where that fails in halves, as one row that cannot be read holds up no other."""
    parts, calls = [refs], 0
    while parts:
        part, calls = parts.pop(0), calls + 1
        try:
            yield part, list(reader.read(part, fields))
        except NotAuthorized as error:
            yield part, error
        except ConnectorError as error:
            if len(part) > 1 and calls + len(parts) < MOST_CALLS:
                parts += halves(part)
            else:
                yield part, error


def halves(refs: Sequence[RecordRef]) -> list[Sequence[RecordRef]]:
    """Cut in the middle."""
    middle = len(refs) // 2
    return [refs[:middle], refs[middle:]]


def _says_no(record: Record, playbook: Playbook) -> bool:
    object_map = playbook.crms[record.ref.connection].objects.get(record.ref.object)
    if object_map is None:
        return False
    held = {
        rule.remote: record.fields.get(rule.remote) for rule in object_map.fields if rule.field == OPT_OUT
    }
    return inward_record(held, object_map, record.ref.connection, NOBODY).get(OPT_OUT) is True
