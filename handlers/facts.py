"""What the lead's e-mail and telephone tell by themselves, as fields that rules can ask for."""

from __future__ import annotations

from dataclasses import dataclass

from handlers.base import Context
from mappings.playbook import Screening
from mappings.telling import email_domain, email_kind, phone_facts
from model.decision import NOTHING, Because, Decision
from model.lead import FACT_FIELDS, Lead


@dataclass(frozen=True, slots=True)
class TellFacts:
    """Keep the kind and domain of the e-mail, and the country and time zone of the telephone.

    They follow from the two alone, whoever said them, so that nobody else sets them.
    """

    screening: Screening

    def __call__(self, lead: Lead, context: Context) -> Decision:  # noqa: ARG002 - the lead says it all
        address, number = lead.fields.get("email"), lead.fields.get("phone")
        kind = email_kind(address, self.screening.role_names) if address else ""
        domain = email_domain(address) if address else ""
        country, zone = phone_facts(number) if number else ("", "")
        told = dict(zip(FACT_FIELDS, (kind, domain, country, zone), strict=True))
        fields = {
            name: value or None for name, value in told.items() if (value or None) != lead.fields.get(name)
        }
        if not fields:
            return NOTHING
        said = ", ".join(f"{name} {value}" for name, value in fields.items() if value)
        gone = ", ".join(f"{name} blank" for name, value in fields.items() if not value)
        return Decision(fields=fields, because=(Because("; ".join(filter(None, (said, gone)))),))
