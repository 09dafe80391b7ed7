"""Who of the mirror is the person of a lead; pure, and the one query that brings in what is asked of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy.engine import Connection

from mappings.playbook import CrmMap
from mappings.values.identity import match_key
from model.change import Record
from model.event import RecordRef
from model.lead import Identity, Lead
from sync import cursors, mirror
from sync.cursors import BACKFILL, Cursor
from sync.mirror import Mirrored

KINDS = ("lead", "email")  # our own id on a record is surer than an address
BORN = "CreatedDate"  # Salesforce; HubSpot keeps e-mails unique, so that age never decides there


@dataclass(slots=True)
class Hits:
    """What the mirror holds for the leads of a batch, on the connections that are mirrored whole."""

    connections: frozenset[str] = frozenset()
    by_key: dict[tuple[str, Identity], list[Mirrored]] = field(default_factory=dict)
    by_ref: dict[RecordRef, Mirrored] = field(default_factory=dict)

    def person(self, crm: CrmMap, lead: Lead) -> Mirrored | None:
        """Return the record that is the person on a connection, if the mirror has one.

        The rule is that of a look-up before a create: our own id before an address, the first
        object of the map's ``match`` before the next, the oldest first. A Lead that was converted
        counts only as the Contact it became.
        """
        for keys in _keys(lead):
            found = [self._present(one) for key in keys for one in self.by_key.get((crm.connection, key), ())]
            people = [one for one in found if one is not None and one.record.ref.object in crm.match]
            if people:
                return min(people, key=lambda one: _seniority(one, crm.match))
        return None

    def refs(self) -> list[RecordRef]:
        """Return the records that someone may turn out to be."""
        found = [self._present(one) for some in self.by_key.values() for one in some]
        return list(dict.fromkeys(one.record.ref for one in found if one is not None))

    def records(self) -> Iterable[Record]:
        """Return what was seen of those that someone may turn out to be."""
        found = (self._present(one) for some in self.by_key.values() for one in some)
        return (one.record for one in found if one is not None)

    def _present(self, one: Mirrored) -> Mirrored | None:
        if one.became is None:
            return one
        contact = self.by_ref.get(contact_of(one))
        return None if contact is None or contact.record.archived else contact


def load(snapshot: Connection, space: str, asked: Mapping[str, Sequence[Identity]]) -> Hits:
    """Look keys (in match form) up; ``asked`` has those of each connection that is mirrored whole.

    A query for each connection and kind of key, and none where nothing is asked.
    """
    hits = Hits(frozenset(asked))
    for name, keys in asked.items():
        for kind in KINDS:
            values = [key.value for key in keys if key.kind == kind]
            if not values:
                continue
            for value, some in mirror.find(snapshot, space, name, kind, values).items():
                hits.by_key[name, Identity(kind, value)] = some
    became = [contact_of(one) for some in hits.by_key.values() for one in some if one.became]
    if became:
        hits.by_ref = mirror.read(snapshot, space, became)
    return hits


def contact_of(converted: Mirrored) -> RecordRef:
    """Return the Contact that a converted Lead became."""
    return RecordRef(converted.record.ref.connection, "Contact", converted.became or "")


def keys_of(lead: Lead) -> Iterable[Identity]:
    """Return the keys by which a lead is looked for, in match form."""
    return (key for keys in _keys(lead) for key in keys)


def lacking(one: Mirrored, crm: CrmMap) -> list[str]:
    """Return the mapped fields that were never read of a record: what they hold is unknown, not blank."""
    object_map = crm.objects.get(one.record.ref.object)
    if object_map is None:
        return []
    return [rule.remote for rule in object_map.fields if rule.remote not in one.record.fields]


def whole(snapshot: Connection, space: str, crms: Iterable[CrmMap]) -> list[str]:
    """Return the connections whose mirror is whole."""
    stored = cursors.load(snapshot, space)
    return [crm.connection for crm in crms if is_whole(stored, crm)]


def is_whole(stored: Sequence[Cursor], crm: CrmMap) -> bool:
    """Say whether every object in which people are looked for was mirrored to its end at least once."""
    ended = {
        one.object
        for one in stored
        if one.connection == crm.connection and one.job == BACKFILL and one.finished_at is not None
    }
    return ended.issuperset(crm.match)


def _keys(lead: Lead) -> tuple[tuple[Identity, ...], ...]:
    email = lead.fields.get("email")
    address = (Identity("email", match_key(str(email))),) if email else ()
    return ((Identity("lead", lead.id),), address)


def _seniority(one: Mirrored, order: Sequence[str]) -> tuple[int, str, str]:
    record = one.record
    return order.index(record.ref.object), str(record.fields.get(BORN) or ""), record.ref.id
