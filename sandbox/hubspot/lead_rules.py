"""What a lead needs: a primary contact or company, without which HubSpot deletes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.hubspot.link_types import PRIMARY, LinkType
from sandbox.hubspot.links import End

if TYPE_CHECKING:
    from sandbox.hubspot.account import HubSpot


class LeadRules:
    """Keeps the promise between leads and their associations. Callers hold the vendor's lock."""

    def __init__(self, account: HubSpot) -> None:
        self._account = account
        self._loose: set[str] = set()  # leads that have just lost a primary association

    def noticed(self, source: End, made: LinkType, removed: bool) -> None:
        """Remember a lead that loses a primary association; it may get another in the same call."""
        if removed and made.label == PRIMARY and source[0] == "leads":
            self._loose.add(source[1])

    def make_primary(self, lead_id: str) -> None:
        """Let the first contact of a new lead be its primary one, where it has none."""
        lead, links = ("leads", lead_id), self._account.links
        contacts = links.of(lead, "contacts")
        if contacts and not self._has_primary(lead):
            types = self._account.link_types.between("leads", "contacts")
            primary = next(made for made in types if made.label == PRIMARY)
            links.add(lead, ("contacts", next(iter(contacts))), [primary.spec])

    def drop_loose(self) -> None:
        """Delete the leads that have lost their last primary association, as HubSpot does."""
        leads = self._account.objects["leads"]
        for lead_id in self._loose:
            lead = leads.find(lead_id)
            if lead is not None and not self._has_primary(("leads", lead_id)):
                leads.archive(lead)
        self._loose.clear()

    def _has_primary(self, end: End) -> bool:
        return any(
            made is not None and made.label == PRIMARY
            for other, specs in self._account.links.ends(end)
            for made in (self._account.link_types.get(end[0], other[0], spec) for spec in specs)
        )
