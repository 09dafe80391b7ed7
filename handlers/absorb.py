"""Takes what the event says into the lead; a newer word beats an older one, whatever the order."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from handlers.base import Context
from mappings.outward import is_blank_on, read_rules, same_on
from mappings.playbook import CrmField, CrmMap, ObjectMap
from mappings.reading import Reading
from mappings.values.identity import match_key
from model import consent
from model.consent import is_taken_back
from model.decision import NOTHING, AddActivity, Because, Decision, Place
from model.enrichment import is_machine
from model.event import JsonValue
from model.lead import OPT_OUT, PERSON, Lead, Provenance

PEOPLE = ("crm", "crm_unless_blank")

FieldOwners = Mapping[tuple[str, str], CrmField]
"""(connection, lead field) -> the mapped field whose authority rules it there."""

Preferred = Mapping[str, Mapping[tuple[str, str], tuple[ObjectMap, CrmField]]]
"""Lead field -> (connection, object) -> the line by which a record's value may stand against a post."""


@dataclass(frozen=True, slots=True)
class Absorb:
    """Give each field the newest value by ``occurred_at``; blanks never overwrite.

    Late, repeated and shuffled posts end in the same fields. A value that a person in a CRM
    set stands against posts where the CRM's map gives that CRM the authority, also where a form had
    said the same before, and so does what a person chose here. What somebody says of a purpose of
    consent goes by rules of its own, whoever has the authority (``model.consent.why_kept``).
    """

    owners: FieldOwners
    preferred: Preferred = dataclasses.field(default_factory=dict)
    purposes: Collection[str] = frozenset()  # fields that say how a purpose of consent stands

    def __call__(self, lead: Lead, context: Context) -> Decision:
        reading = context.event
        if reading is None:
            return NOTHING
        fields: dict[str, JsonValue] = {}
        changed: list[str] = []
        because: list[Because] = []
        for name, value in reading.fields.items():
            kept = self._why_kept(lead, name, value, reading.stored.event.occurred_at)
            if kept is not None:
                if lead.fields.get(name) != value:
                    because.append(kept)
                continue
            known = lead.fields.get(name)
            if name == OPT_OUT and is_taken_back(known, value) and name not in reading.stored.overrides:
                because.append(Because(f"{name} kept: only a person takes an opt-out back, never a post"))
                continue
            if name == "email" and _is_respelled(known, value):
                because.append(Because("email kept: the post spells the same address in another way"))
                value = known
            fields[name] = value  # an unchanged one too: it now stands from this event on
            if known != value:
                changed.append(name)
        if changed:
            because.insert(0, Because(f"taken from {reading.source.name}: {', '.join(changed)}"))
        activities = _new_activities(lead, reading)
        because += [Because(f"did: {act.kind}", _place_of(act.kind, reading)) for act in activities]
        return Decision(fields=fields, effects=activities, because=tuple(because))

    def _why_kept(self, lead: Lead, name: str, value: JsonValue, at: datetime) -> Because | None:
        """Return why the field's present value stands against a post of that moment, if it does."""
        known = lead.provenance.get(name)
        if name == OPT_OUT:  # however old the word is, it was said
            return None
        if name in self.purposes:
            why = consent.why_kept(lead.fields.get(name), known, value, at)
            return Because(f"{name} kept: {why}") if why else None
        if preferred := self._preferred(lead, name):
            return preferred
        if known is None or is_machine(known):  # a person's word counts more than a provider's, however old
            return None
        owner = self.owners.get((known.source, name))
        if owner is not None and owner.authority in PEOPLE and lead.fields.get(name) is not None:
            is_choice = known.source == PERSON
            whose = "a person chose it" if is_choice else f"set in {known.source}, which has the authority"
            return Because(f"{name} kept: {whose}", owner.place)
        if at < known.at or (at == known.at and owner is not None and owner.authority == "newest"):
            return Because(f"{name} kept: {_since(known)}", owner.place if owner else None)
        return None

    def _preferred(self, lead: Lead, name: str) -> Because | None:
        """Say which record's value stands against a post, if one's does.

        Of authority ``crm`` what a person typed there, of ``crm_unless_blank`` any value.
        """
        rules = self.preferred.get(name, {})
        for link in lead.links.values():
            line = rules.get((link.connection, link.object))
            if line is None:
                continue
            object_map, rule = line
            held = link.shadow.get(rule.remote)
            if is_blank_on(object_map, rule.remote, held):
                continue
            if rule.authority == "crm_unless_blank":
                text = f"{name} kept: {link.connection}'s value counts wherever it has one"
                return Because(text, rule.place)
            if not same_on(object_map, rule.remote, held, link.written.get(rule.remote)):
                text = f"{name} kept: {link.connection} holds what a person typed, which stands"
                return Because(text, rule.place)
        return None


def preferring(crms: Mapping[str, CrmMap]) -> Preferred:
    """Return the lines by which a record's value may stand against a post."""
    found: dict[str, dict[tuple[str, str], tuple[ObjectMap, CrmField]]] = {}
    for crm in crms.values():
        for object_map in crm.objects.values():
            for rule in read_rules(object_map):
                if rule.authority in PEOPLE:
                    found.setdefault(rule.field, {})[crm.connection, object_map.object] = (object_map, rule)
    return found


def field_owners(crms: Mapping[str, CrmMap]) -> dict[tuple[str, str], CrmField]:
    """Return for each connection's lead fields who rules; ``crm`` on any object rules on all.

    What a person chose here counts like a word of the people in the CRMs.
    """
    owners: dict[tuple[str, str], CrmField] = {}
    for connection, crm in crms.items():
        for mapped in (mapped for map_ in crm.objects.values() for mapped in map_.fields):
            known = owners.get((connection, mapped.field))
            if known is None or (known.authority != "crm" and mapped.authority == "crm"):
                owners[(connection, mapped.field)] = mapped
            if mapped.authority in PEOPLE:
                owners.setdefault((PERSON, mapped.field), mapped)
    return owners


def _is_respelled(known: JsonValue, address: JsonValue) -> bool:
    return bool(known) and known != address and match_key(known) == match_key(address)


def _since(known: Provenance) -> str:
    return f"{known.source} said something newer (event {known.event})"


def _new_activities(lead: Lead, reading: Reading) -> tuple[AddActivity, ...]:
    """Return what the person did; a replay does not do again what the lead already has."""
    found = tuple(AddActivity(act.kind, act.at, act.detail) for act in reading.activities)
    if reading.stored.replays is None:
        return found
    done = {(act.kind, act.at, act.detail) for act in lead.activities}
    return tuple(act for act in found if (act.kind, act.at, act.detail) not in done)


def _place_of(kind: str, reading: Reading) -> Place | None:
    return next((rule.place for rule in reading.source.activities if rule.kind == kind), None)
