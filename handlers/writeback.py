"""Says which CRM records must change so that they hold what the lead's map says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from handlers import companies
from handlers.base import Context
from mappings import gates
from mappings.outward import Teammates, difference, draft
from mappings.playbook import Consent, CrmMap, Lifecycle
from model.decision import Because, Decision, Effect, WriteBack
from model.event import JsonValue
from model.lead import Lead

NEEDED: Mapping[str, str] = {
    # HubSpot keeps only the e-mail unique: without one, a create that is sent twice makes two people.
    "hubspot": "email",
}
"""CRM kind -> the lead field without which a person would not be found again once created there.

Salesforce needs none: it is asked for the lead's own id, too, before a create.
"""

SPOKEN = {"email": "e-mail"}


@dataclass(frozen=True, slots=True)
class Writeback:
    """Compare the lead with what each CRM was last known to hold, and ask for what differs.

    Its account and the association of the two are looked at in the same way. Nothing is sent
    from here: delivery compares again and sends what differs then. Test
    leads are written too. A gate of consent keeps a record from being made; one that is there is written, as
    a withdrawal must arrive there.
    """

    crms: Mapping[str, CrmMap]
    lifecycle: Lifecycle
    consent: Consent = field(default_factory=Consent)

    def __call__(self, lead: Lead, context: Context) -> Decision:
        effects: list[Effect] = []
        because: list[Because] = []
        for crm in self.crms.values():
            if why := self._blocked(lead, crm, context):
                because.append(why)
                continue
            found = wanted(lead, crm, context.lookups, self.lifecycle)
            because.append(found.because)
            if found.object is not None:
                effects.append(WriteBack(crm.connection, found.object, tuple(found.values)))
            is_there = found.object is not None or crm.connection in lead.links
            if is_there and context.account is not None and crm.account is not None:
                for effect, why in companies.wanted(
                    lead, context.account, crm, self.lifecycle, context.lookups
                ):
                    because.append(why)
                    if effect is not None:
                        effects.append(effect)
        return Decision(effects=tuple(effects), because=tuple(because))

    def _blocked(self, lead: Lead, crm: CrmMap, context: Context) -> Because | None:
        """Say why no record is made for a person who has none there."""
        name = crm.connection
        if name in lead.links:
            return None
        gate = next(gates.shut(self.consent, gates.SYNC, lead, context.now, (name,)), None)
        if gate is None:
            return None
        return Because(f"{name}: {gates.reason(gate, self.consent, lead)}", gate.place)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a connection must be made to hold, and why; nothing where ``object`` is ``None``."""

    because: Because
    object: str | None = None
    values: Mapping[str, JsonValue] = field(default_factory=dict)  # what of the draft differs
    draft: Mapping[str, JsonValue] = field(default_factory=dict)  # the lead in the vendor's names and values
    skip: str = ""  # why a person is never written there: "email", "object"; blank where nothing differs


def wanted(lead: Lead, crm: CrmMap, lookups: Teammates, lifecycle: Lifecycle) -> Wanted:
    """Compare a lead with what a CRM was last known to hold."""
    name, link = crm.connection, lead.links.get(crm.connection)
    needed = NEEDED.get(crm.kind)
    if link is None and needed and not lead.get(needed):
        return Wanted(Because(f"not written to {name}: no {SPOKEN[needed]}", crm.place), skip=needed)
    object_map = crm.objects.get(link.object if link else crm.create_object)
    if object_map is None:
        text = f"not written to {name}: it is a {link.object if link else crm.create_object} there"
        return Wanted(Because(f"{text}, which the map leaves out", crm.place), skip="object")
    if link is not None and link.gone_at is not None:
        text = f"not written to {name}: {link.object} {link.remote_id} was deleted there"
        return Wanted(Because(text, crm.place), skip="deleted")
    whole = draft(lead, object_map, name, lookups, creating=link is None)
    values = difference(whole, link, object_map, lifecycle, of=lead)
    if link is not None and not values:
        because = Because(f"{name}: {object_map.object} holds it all already", object_map.place)
        return Wanted(because, draft=whole)
    doing = "differs in" if link else "is to be created with"
    because = Because(f"{name}: {object_map.object} {doing} {', '.join(values)}", object_map.place)
    return Wanted(because, object_map.object, values, whole)
