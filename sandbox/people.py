"""The demo company: the same teammates are HubSpot owners and Salesforce users."""

from __future__ import annotations

from dataclasses import dataclass

COMPANY = "Northlight"


@dataclass(frozen=True, slots=True)
class Person:
    """A teammate of the demo company, known to both vendors by the e-mail address."""

    first_name: str
    last_name: str
    active: bool = True

    @property
    def name(self) -> str:
        """First and last name, as pages show it."""
        return f"{self.first_name} {self.last_name}"

    @property
    def email(self) -> str:
        """The address: letters of both names, no apostrophes."""
        letters = f"{self.first_name}.{self.last_name}".replace("'", "")
        return f"{letters.lower()}@northlight.example"


TEAM = (
    Person("Anna", "Keller"),
    Person("Ben", "Carter"),
    Person("Chloe", "Martin"),
    Person("David", "Nguyen"),
    Person("Elena", "Rossi"),
    Person("Farid", "Haddad"),
    Person("Mei", "Tanaka"),
    Person("Grace", "O'Brien"),
    Person("Oliver", "Stone", active=False),  # left the company: archived owner, inactive user
)
