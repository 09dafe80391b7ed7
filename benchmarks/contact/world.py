"""The people whom both CRMs have, and what is posted: worked out from a number, the same in every run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sandbox.people import TEAM

CITIES = ("Berlin", "Lyon", "Porto", "Turin", "Ghent", "Graz")
STAGES = ("", "lead", "lead", "customer", "subscriber")
WORKING = "Working - Contacted"
OPEN = "Open - Not Contacted"
LEAVING = TEAM[4].email  # leaves the company once records are hers: inactive in both
HALF_GONE = TEAM[7].email  # loses her seat in Salesforce only
OWNERS = (TEAM[0].email, TEAM[1].email, TEAM[2].email, LEAVING, HALF_GONE, "")


@dataclass(frozen=True, slots=True)
class Somebody:
    """One person who was there before leadrelay came."""

    number: int

    @property
    def email(self) -> str:
        """The address."""
        return f"known{self.number:06d}@firm{self.number % 977:03d}.example"

    @property
    def alias(self) -> str:
        """The address of a second contact, where there was one before the two were merged."""
        return f"k{self.number:06d}@alias{self.number % 977:03d}.example"

    @property
    def is_in_both(self) -> bool:
        """One in ten."""
        return self.number % 10 == 0

    @property
    def in_hubspot(self) -> bool:
        """Half of those who are in one CRM only, and those who are in both."""
        return self.number % 10 <= 5

    @property
    def in_salesforce(self) -> bool:
        """The others, and those who are in both."""
        return self.number % 10 == 0 or self.number % 10 > 5

    @property
    def is_contact(self) -> bool:
        """Whether Salesforce has them as a Contact and not as a Lead."""
        return self.in_salesforce and self.number // 10 % 3 == 0

    @property
    def is_converted(self) -> bool:
        """Whether they were a Lead of Salesforce that became a Contact."""
        return self.in_salesforce and not self.is_contact and self.number % 97 == 6

    @property
    def is_merged(self) -> bool:
        """Whether HubSpot had them twice, and somebody merged the two."""
        return self.in_hubspot and self.number % 31 == 4

    @property
    def owner(self) -> str:
        """Whose they are, the same in both CRMs; one in three is nobody's or an inactive one's."""
        return OWNERS[self.number // 3 % len(OWNERS)]

    @property
    def stage(self) -> str:
        """HubSpot's lifecycle stage."""
        return STAGES[self.number // 7 % len(STAGES)]

    @property
    def company(self) -> str:
        """Where they work."""
        return f"Firm {self.number % 977}"

    @property
    def city(self) -> str:
        """Where they live; not known of one in four."""
        return "" if self.number % 4 == 1 else CITIES[self.number % len(CITIES)]

    def hubspot(self, owners: dict[str, str]) -> dict[str, str]:
        """Their properties in HubSpot."""
        values = {
            "email": self.email,
            "firstname": f"First{self.number % 89}",
            "lastname": f"Last{self.number % 83}",
            "jobtitle": "Analyst",
            "company": self.company,
            "city": self.city,
            "lifecyclestage": self.stage,
            "hubspot_owner_id": owners.get(self.owner, ""),
        }
        return {name: value for name, value in values.items() if value}

    def salesforce(self, users: dict[str, str]) -> dict[str, str]:
        """Their fields in Salesforce, where whoever has no owner is the API user's."""
        values = {
            "Email": self.email,
            "FirstName": f"First{self.number % 89}",
            "LastName": f"Last{self.number % 83}",
            "Title": "Analyst",
            "LeadSource": "Phone Inquiry" if self.number % 4 == 2 else "",
            "OwnerId": users.get(self.owner, ""),
        }
        if self.is_contact:
            values |= {"MailingCity": self.city}
        else:
            status = WORKING if self.number % 10 == 8 else OPEN
            values |= {"City": self.city, "Company": self.company, "Status": status}
        return {name: value for name, value in values.items() if value}


@dataclass(frozen=True, slots=True)
class World:
    """So many people who are there, and a post for every fifth."""

    people: int

    def everyone(self) -> Iterator[Somebody]:
        """Everybody who is there before."""
        return map(Somebody, range(self.people))

    def posts(self) -> Iterator[dict[str, str]]:
        """What is sent to the website, in this order."""
        for number in range(self.people // 5):
            yield self._post(number)
            if number % 20 == 7:
                yield self._post(number)  # the very same once more: a double click
            if number % 20 == 11:  # another form of the same person
                yield self._post(number) | {"form_type": "newsletter", "form_name": "footer"}

    def _post(self, number: int) -> dict[str, str]:
        kind = number % 10
        if kind == 9 and number % 3 == 0:
            return {"email": f"info@shop{number}.example", "company": "Shop", "form_type": "newsletter"}
        if kind < 5:  # who is there: every fifth-but-one person, so that all kinds come up
            return self._by_someone_known(Somebody(number * 4 % self.people), number)
        post = {
            "email": f"new{number:06d}@start{number % 499:03d}.example",
            "first_name": "New",
            "last_name": f"Person{number}",
            "company": f"Start {number % 499}",
            "city": CITIES[number % len(CITIES)],
            "form_type": "demo" if number % 2 else "newsletter",
        }
        return post | ({"consent_email": "false"} if number % 50 == 6 else {})

    def _by_someone_known(self, somebody: Somebody, number: int) -> dict[str, str]:
        """Return what a known person posts: the title is another, of some the company or the city too."""
        return {
            "email": somebody.alias if somebody.is_merged else somebody.email,
            "first_name": f"First{somebody.number % 89}",
            "last_name": f"Last{somebody.number % 83}",
            "job_title": "Coordinator",
            "company": "Another Firm" if number % 4 == 1 else somebody.company,
            "city": "Elsewhere" if number % 6 == 2 else CITIES[somebody.number % len(CITIES)],
            "form_type": "demo" if number % 3 == 0 else "newsletter",
        }
