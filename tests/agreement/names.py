"""What each CRM calls what the seeded runs play with: people, companies and deals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Names:
    """What a CRM calls what the runs play with."""

    person: str  # the object that a new person becomes
    people: tuple[str, ...]  # all objects of people
    buyer: str  # the object of people who can take part in deals
    company: str
    deal: str
    fields: Mapping[str, str]  # lead field -> the vendor's, the same on each object of people
    company_fields: Mapping[str, str]
    deal_fields: Mapping[str, str]
    stages: Mapping[str, str]  # of deals
    required: Mapping[str, str]  # of a new person

    @property
    def objects(self) -> tuple[str, ...]:
        """All objects that the runs play with."""
        return (*self.people, self.company, self.deal)

    def fields_of(self, object_type: str) -> Mapping[str, str]:
        """Return our field -> the vendor's, of an object."""
        own = {self.company: self.company_fields, self.deal: self.deal_fields}
        return own.get(object_type, self.fields)

    def kind_of(self, object_type: str) -> str:
        """Say what leadrelay keeps of an object: a lead, an account or a deal."""
        return {self.company: "account", self.deal: "deal"}.get(object_type, "lead")


NAMES = {
    "hubspot": Names(
        "contacts",
        ("contacts",),
        "contacts",
        "companies",
        "deals",
        {
            "email": "email",
            "title": "jobtitle",
            "phone": "phone",
            "company": "company",
            "first_name": "firstname",
        },
        {"domain": "domain", "name": "name", "city": "city", "postal_code": "zip"},
        {
            "name": "dealname",
            "amount": "amount",
            "close_date": "closedate",
            "stage": "dealstage",
            "owner": "hubspot_owner_id",
        },
        {
            "appointment": "appointmentscheduled",
            "qualified": "qualifiedtobuy",
            "contract": "contractsent",
            "won": "closedwon",
            "lost": "closedlost",
        },
        {},
    ),
    "salesforce": Names(
        "Lead",
        ("Lead", "Contact"),
        "Contact",
        "Account",
        "Opportunity",
        {
            "email": "Email",
            "title": "Title",
            "phone": "Phone",
            "company": "Company",
            "first_name": "FirstName",
        },
        {"domain": "Website", "name": "Name", "city": "BillingCity", "postal_code": "BillingPostalCode"},
        {
            "name": "Name",
            "amount": "Amount",
            "close_date": "CloseDate",
            "stage": "StageName",
            "owner": "OwnerId",
        },
        {
            "appointment": "Prospecting",
            "qualified": "Qualification",
            "contract": "Negotiation/Review",
            "won": "Closed Won",
            "lost": "Closed Lost",
        },
        {"LastName": "Lovelace", "Company": "Acme"},
    ),
}
