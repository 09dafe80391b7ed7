"""Says which CRM records must change so that they hold what the lead's map says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from handlers import companies
from handlers.base import Context
from mappings.outward import difference, draft
from mappings.playbook import CrmMap, Lifecycle
from model.decision import Because, Decision, Effect, WriteBack
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
    leads are written too.
    """

    crms: Mapping[str, CrmMap]
    lifecycle: Lifecycle

    def __call__(self, lead: Lead, context: Context) -> Decision:
        effects: list[Effect] = []
        because: list[Because] = []
        for crm in self.crms.values():
            person, why = self._wanted(lead, crm, context)
            found = [(person, why)]
            is_there = person is not None or crm.connection in lead.links
            if is_there and context.account is not None and crm.account is not None:
                found += companies.wanted(lead, context.account, crm, self.lifecycle, context.lookups)
            for effect, why in found:
                because.append(why)
                if effect is not None:
                    effects.append(effect)
        return Decision(effects=tuple(effects), because=tuple(because))

    def _wanted(self, lead: Lead, crm: CrmMap, context: Context) -> tuple[WriteBack | None, Because]:
        """Return what this connection must be made to hold, if anything, and why."""
        name, link = crm.connection, lead.links.get(crm.connection)
        needed = NEEDED.get(crm.kind)
        if link is None and needed and not lead.get(needed):
            return None, Because(f"not written to {name}: no {SPOKEN[needed]}", crm.place)
        object_map = crm.objects.get(link.object if link else crm.create_object)
        if object_map is None:
            text = f"not written to {name}: it is a {link.object if link else crm.create_object} there"
            return None, Because(f"{text}, which the map leaves out", crm.place)
        values = draft(lead, object_map, name, context.lookups, creating=link is None)
        if link is not None:
            values = difference(values, link, object_map, self.lifecycle)
            if not values:
                return None, Because(f"{name}: {object_map.object} holds it all already", object_map.place)
        fields = tuple(values)
        doing = "differs in" if link else "is to be created with"
        return (
            WriteBack(name, object_map.object, fields),
            Because(f"{name}: {object_map.object} {doing} {', '.join(fields)}", object_map.place),
        )
