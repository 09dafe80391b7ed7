"""Asks providers what is not known of a lead; the answers come back as events of their own."""

from __future__ import annotations

from dataclasses import dataclass

from handlers.base import Context
from handlers.waiting import ANSWER
from mappings.enriching import values_of
from mappings.playbook import Enrichment, Provider
from model import consent
from model.decision import NOTHING, AskProvider, Because, Decision, SetTimer
from model.enrichment import asked_of
from model.lead import Lead


@dataclass(frozen=True, slots=True)
class Enrich:
    """Have each provider asked whose condition holds, once for the same values of the lead.

    Nobody is asked about a test lead, nor about somebody who opted out. With ``wait_for`` the lead's owner
    and messages wait for the answer, by a timer; a second question to a provider makes no wait longer.
    """

    enrichment: Enrichment

    def __call__(self, lead: Lead, context: Context) -> Decision:
        if not self.enrichment.providers:
            return NOTHING
        effects: list[AskProvider | SetTimer] = []
        because: list[Because] = []
        for provider in self.enrichment.providers.values():
            asking = self._asking(provider, lead)
            if asking is None:
                continue
            if why := _why_not(lead):
                because.append(Because(f"{provider.name} is not asked: {why}", provider.place))
                continue
            effects.append(asking)
            because.append(Because(f"{provider.name} is asked by {_told(asking)}", provider.place))
            if provider.wait_for is not None and (ANSWER, provider.name) not in lead.timers:
                due_at = context.now + provider.wait_for
                why = f"the answer of {provider.name}"
                effects.append(SetTimer(ANSWER, due_at, context.now, why, provider.name))
        return Decision(effects=tuple(effects), because=tuple(because))

    @staticmethod
    def _asking(provider: Provider, lead: Lead) -> AskProvider | None:
        """Return the question, where there is one that was not asked before."""
        values = values_of(provider, lead)
        if values is None:
            return None
        asked = asked_of(provider.name, values)
        if (provider.name, asked) in lead.asked:
            return None
        if provider.when is not None and not provider.when.matches(lead):
            return None
        return AskProvider(provider.name, asked, values)


def _why_not(lead: Lead) -> str:
    return "it is a test lead" if lead.is_test else consent.why_not(lead)


def _told(asking: AskProvider) -> str:
    return ", ".join(sorted(asking.values))
