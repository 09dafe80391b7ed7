"""Asked before told: whether a person opted out in a CRM where we do not know it, or not of late.

A linked record is read by its id, and so is what it was turned into. Who is not linked on a connection is
looked up there. Where no answer says so, nobody knows, and the errand waits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from connectors.base import Connector
from mappings.playbook import CrmMap
from model.change import Exists, Postponed, Record, RecordChange, Rejected
from model.errors import ConnectorError, NotAuthorized
from model.event import RecordRef
from model.lead import Identity
from sync.edges import opt_outs
from sync.edges.errands import Errand, Outlet

MOST_CALLS = 8  # for the records of one batch, when some of them cannot be read

Wanted = dict[RecordRef, list[tuple[int, RecordRef]]]
"""A record to read -> the effects that wait for it, each with the linked record that it stands for."""


@dataclass(slots=True)
class Asked:
    """What the CRMs answered about the people of some errands."""

    opted_out: dict[int, Record] = field(default_factory=dict)  # effect -> the fields that say so
    unread: dict[int, str] = field(default_factory=dict)  # effect -> why nobody knows

    def may_go(self, errand: Errand) -> bool:
        """Say whether the errand is free to go out."""
        return errand.row.id not in self.opted_out and errand.row.id not in self.unread

    def nobody_knows(self, rows: Sequence[int], connection: str, why: object) -> None:
        """Note that a CRM did not say of these effects."""
        text = f"whether the person opted out cannot be read in {connection}: {why}"
        self.unread |= dict.fromkeys(rows, text)

    def hear(self, row: int, ref: RecordRef, record: Record, crm: CrmMap) -> None:
        """Note what a record says, under the record that the decider knows."""
        if said := opt_outs.said_in(record, crm):
            self.opted_out[row] = Record(ref, said, record.modified_at, is_part=True)


def ask(outlet: Outlet, errands: Sequence[Errand], before_call: Callable[[], object]) -> Asked:
    """Ask the CRMs about these errands, as many a call as each takes; no call where all was read lately."""
    asked, crms = Asked(), outlet.playbook().crms
    away = {*outlet.unreachable()}
    readers = outlet.readers()
    away |= {*outlet.unreachable()}  # it may have been let go between the two
    for connection in sorted({one for errand in errands for one in errand.unsure_on}):
        crm, reader = crms.get(connection), readers.get(connection)
        mine = [errand for errand in errands if connection in errand.unsure_on]
        if crm is not None and reader is not None:
            asking = _Asking(asked, reader, crm, before_call)
            asking.about_linked(mine)
            asking.about_unlinked([errand for errand in mine if connection in errand.unlinked])
        elif connection in away:
            asked.nobody_knows([one.row.id for one in mine], connection, "it cannot be reached just now")
        # else it is not connected: its last word, which the lead holds, is all there is
    return asked


@dataclass(frozen=True, slots=True)
class _Asking:
    """The calls to one CRM."""

    asked: Asked
    reader: Connector
    crm: CrmMap
    before_call: Callable[[], object]

    def about_linked(self, errands: Sequence[Errand]) -> None:
        """Read the stale records of these errands, then those that some of them were turned into."""
        wanted: Wanted = {}
        for errand in errands:
            for ref in errand.stale:
                if ref.connection == self.crm.connection:
                    wanted.setdefault(ref, []).append((errand.row.id, ref))
        if became := self._read_all(wanted):
            self._read_all(became)

    def _read_all(self, wanted: Wanted) -> Wanted:
        """Read records; return what converted ones became. What is not answered is not known."""
        became: Wanted = {}
        silent = set(wanted)
        fields = opt_outs.fields_by_object(self.crm, (ref.object for ref in wanted))
        for part, read in self._parts(list(wanted), fields):
            if isinstance(read, ConnectorError):
                silent -= set(part)
                self.asked.nobody_knows([row for ref in part for row, _ in wanted[ref]], self._name, read)
                continue
            for record in read:
                for ref in _names_of(record) & wanted.keys():
                    if not record.archived or record.became:
                        silent.discard(ref)
                    for row, linked in wanted[ref]:
                        self.asked.hear(row, linked, record, self.crm)
                    if record.became and opt_outs.fields_of(self.crm, record.became.object):
                        became.setdefault(record.became, []).extend(wanted[ref])
        for ref in silent:
            why = f"{ref.object} {ref.id} is not there any more"
            self.asked.nobody_knows([row for row, _ in wanted[ref]], self._name, why)
        return became

    def _parts(
        self, refs: Sequence[RecordRef], fields: Mapping[str, Sequence[str]]
    ) -> Iterator[tuple[Sequence[RecordRef], list[Record] | ConnectorError]]:
        """Read records; where that fails in halves, as one row that cannot be read holds up no other."""
        parts, calls = [refs] if refs else [], 0
        while parts:
            part, calls = parts.pop(0), calls + 1
            self.before_call()
            try:
                yield part, list(self.reader.read(part, fields))
            except NotAuthorized as error:
                yield part, error
            except ConnectorError as error:
                if len(part) > 1 and calls + len(parts) < MOST_CALLS:
                    parts += halves(part)
                else:
                    yield part, error

    def about_unlinked(self, errands: Sequence[Errand]) -> None:
        """Look up who has no record there that we know of; who is not found has not opted out there."""
        rows: dict[str, list[int]] = {}
        changes: dict[str, RecordChange] = {}
        for errand in errands:
            lead = errand.lead
            keys = (Identity("lead", lead.id), Identity("email", str(lead.get("email"))))
            rows.setdefault(lead.id, []).append(errand.row.id)
            changes[lead.id] = RecordChange(lead.id, self.crm.create_object, {}, identities=keys)
        if not changes:
            return
        fields = opt_outs.fields_by_object(self.crm, (*self.crm.objects, *self.crm.match))
        self.before_call()
        try:
            outcomes = list(self.reader.find(list(changes.values()), fields))
        except ConnectorError as error:
            self.asked.nobody_knows([row for some in rows.values() for row in some], self._name, error)
            return
        for outcome in outcomes:
            match outcome:
                case Exists(key, record):
                    for row in rows[key]:
                        self.asked.hear(row, record.ref, record, self.crm)
                case Postponed(key, reason) | Rejected(key, reason):
                    self.asked.nobody_knows(rows[key], self._name, reason)
                case _:
                    raise AssertionError(f"{self._name}: a look-up does not end as {outcome}")

    @property
    def _name(self) -> str:
        return self.crm.connection


def _names_of(record: Record) -> set[RecordRef]:
    """Return the refs under which a record may have been asked for: its own, and those merged into it."""
    ref = record.ref
    return {RecordRef(ref.connection, ref.object, each) for each in (ref.id, *record.merged_ids)}


def halves(refs: Sequence[RecordRef]) -> list[Sequence[RecordRef]]:
    """Cut in the middle."""
    middle = len(refs) // 2
    return [refs[:middle], refs[middle:]]
