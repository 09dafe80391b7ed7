"""Compares lead, shadow and record field by field as the merge does, and says why they differ. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta

from mappings.outward import (
    Compared,
    compare,
    difference,
    draft,
    inward_record,
    is_blank_on,
    read_rules,
    same_on,
    sides,
)
from mappings.playbook import CrmField, ObjectMap
from model.change import Record
from model.decision import EntityKind
from model.dispute import CALM
from model.event import JsonValue
from model.lead import OPT_OUT
from model.times import for_people
from sync.doubt import arrived
from sync.mirror import Mirrored
from sync.reconciling import kinds
from sync.reconciling.kinds import KINDS, Difference, Mend
from sync.reconciling.looks import Look, Rules

LATE_AFTER = timedelta(hours=1)  # that a change is not read; every sweep of the polls looks again long before


class Fields:
    """The fields of one record beside the lead's and the shadow's."""

    def __init__(self, rules: Rules, look: Look, object_map: ObjectMap, record: Record) -> None:
        self._rules, self._look, self._map, self._record = rules, look, object_map, record
        crm, link, entity = rules.crm, look.link, look.entity
        self._ours = sides(entity, object_map, crm.connection, rules.people)
        wanted = draft(entity, object_map, crm.connection, rules.people)
        self._written = difference(wanted, link, object_map, rules.lifecycle, of=entity)
        self._compared: dict[str, Compared] = {
            one.rule.remote: one for one in compare(wanted, link, object_map, rules.lifecycle, of=entity)
        }
        self._canonical = inward_record(record.fields, object_map, crm.connection, rules.people)
        self._taken = {rule.remote for rule in read_rules(object_map)}
        row = look.row
        self._arrived = arrived(row.in_flight, record.fields, object_map) if row and row.in_flight else {}

    def differences(self) -> Iterator[Difference]:
        """Yield how the fields differ that were read, in the order of the map."""
        for rule in self._map.fields:
            if rule.remote in self._record.fields and (found := self._of(rule)) is not None:
                yield found

    def _of(self, rule: CrmField) -> Difference | None:
        theirs, base = self._plain(rule, self._record.fields), self._plain(rule, self._look.link.shadow)
        if not self._same(rule, theirs, base):
            return self._moved(rule)
        ours = self._ours.get(rule.remote)
        if rule.remote in self._written:
            return self._unwritten(rule)
        if rule.remote in self._compared:
            return self._left(rule, self._compared[rule.remote].why)
        if self._same(rule, ours, theirs) or rule.write_only:
            return None
        return self._not_taken(rule, ours, theirs)

    def _moved(self, rule: CrmField) -> Difference:
        """The record holds what the shadow does not."""
        look, mirrored = self._look, self._look.mirrored
        dispute = look.link.disputes.get(rule.remote, CALM)
        if rule.remote in self._arrived:
            return self._told(rule, kinds.WAITING, "our write has arrived; its answer is about to be settled")
        if look.is_read_next or look.is_decided_next:
            return self._told(rule, kinds.WAITING, f"the record has changed; {look.next}")
        if dispute.held is not None:
            return self._held(rule)
        if dispute.unknown is not None and self._same(
            rule, dispute.unknown.value, self._record.fields[rule.remote]
        ):
            why = f"nothing here stands for it since {for_people(dispute.unknown.since)}; it is left as it is"
            return self._told(rule, kinds.UNKNOWN_VALUE, why)
        if mirrored is None or not self._is_known(rule, mirrored):
            return self._unread(rule, mirrored)
        why = "this version of the record was read, and the shadow is not what it says"
        return self._told(rule, kinds.SHADOW, why)

    def _is_known(self, rule: CrmField, mirrored: Mirrored) -> bool:
        """Say whether polls have read the value: the mirror holds it, and no older version of the record."""
        stamp, read = self._record.modified_at, mirrored.record.modified_at
        if stamp is not None and (read is None or read < stamp):
            return False
        held = mirrored.record.fields
        return rule.remote in held and self._same(
            rule, self._plain(rule, held), self._plain(rule, self._record.fields)
        )

    def _unread(self, rule: CrmField, mirrored: Mirrored | None) -> Difference:
        stamp = self._record.modified_at
        when = f"it was changed there at {for_people(stamp)}" if stamp else "it was changed there"
        read = mirrored.record.modified_at if mirrored else None
        known = (
            f"the newest version that was read is of {for_people(read)}"
            if read
            else "no version was read by a poll"
        )
        is_late = stamp is None or self._rules.now - stamp >= LATE_AFTER
        return self._told(rule, kinds.UNREAD, f"{when}; {known}", is_fault=is_late)

    def _unwritten(self, rule: CrmField) -> Difference:
        """The lead's value is to be written, and the record still holds what both had agreed on."""
        look, row = self._look, self._look.row
        if row is not None and row.is_pending:
            why = row.why_waits(look.entity, self._rules.now, is_written=self._rules.is_written)
            return self._told(rule, kinds.WAITING, why)
        if look.is_decided_next:
            return self._told(rule, kinds.WAITING, "an event about it is about to be decided")
        if row is not None and row.is_dead:
            why = f"the CRM refused it: {row.error or 'no words were kept'}"
            return self._told(rule, kinds.DEAD_LETTER, why, place=f"letter {row.id}")
        return self._told(rule, kinds.NEVER_RAISED, "it is to be written, and nothing asked for that")

    def _left(self, rule: CrmField, why: str) -> Difference:
        """The lead's value is not to be written: for a rule, or because it waits for a person."""
        dispute = self._look.link.disputes.get(rule.remote, CALM)
        if dispute.held is not None:
            return self._held(rule)
        if dispute.unknown is not None:
            return self._told(rule, kinds.UNKNOWN_VALUE, why)
        return self._told(rule, kinds.RULE, f"{why} ({rule.place})")

    def _not_taken(self, rule: CrmField, ours: JsonValue, theirs: JsonValue) -> Difference | None:
        """The two differ, nothing is to be written, and the record's value was not taken over either."""
        if rule.remote not in self._taken:
            return None  # it is written from a lead field that another line is read into, or from an id
        entity = self._look.entity
        if rule.field != OPT_OUT and theirs is not None and self._canonical.get(rule.field) is None:
            return self._told(rule, kinds.UNKNOWN_VALUE, f"nothing here stands for {theirs!r}")
        if rule.read_only and ours is not None:
            why = f"the map only reads it, and another side's value counts here ({rule.place})"
            return self._told(rule, kinds.RULE, why)
        if entity.fields.get(rule.field) not in (None, ""):
            why = f"the lead's value has no form there ({rule.place})"
            return self._told(rule, kinds.RULE, why)
        if rule.field in entity.provenance:
            return self._told(
                rule, kinds.RULE, f"it was emptied here; a blank overwrites nothing ({rule.place})"
            )
        why = "both are said to have agreed on it, and the lead never took it over"
        mend = Mend.RESET if self._look.kind is EntityKind.LEAD else Mend.NONE
        return self._told(rule, kinds.SHADOW, why, mend=mend)

    def _held(self, rule: CrmField) -> Difference:
        number = self._look.holds.get(rule.remote)
        place = f"hold {number}" if number is not None else ""
        return self._told(rule, kinds.HELD, "both sides have changed it, and a person is asked", place=place)

    def _told(
        self,
        rule: CrmField,
        name: str,
        why: str,
        *,
        mend: Mend | None = None,
        is_fault: bool | None = None,
        place: str = "",
    ) -> Difference:
        kind, look, remote = KINDS[name], self._look, rule.remote
        return Difference(
            name,
            look.link.object,
            why,
            look.kind,
            look.entity.id,
            look.link.remote_id,
            rule.field,
            remote,
            ours=self._ours.get(remote),
            shadow=look.link.shadow.get(remote),
            theirs=self._record.fields[remote],
            mend=kind.mend if mend is None else mend,
            is_fault=kind.is_fault if is_fault is None else is_fault,
            place=place,
        )

    def _plain(self, rule: CrmField, fields: Mapping[str, JsonValue]) -> JsonValue:
        value = fields.get(rule.remote)
        return None if is_blank_on(self._map, rule.remote, value) else value

    def _same(self, rule: CrmField, a: JsonValue, b: JsonValue) -> bool:
        return same_on(self._map, rule.remote, a, b)
