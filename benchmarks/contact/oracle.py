"""What must come true, worked out from the accounts' records and the posts; not with leadrelay's code."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from benchmarks.contact.accounts import Record

Place = tuple[str, str]  # object, record id
# HubSpot's stages in the order in which a lead goes through them.
WAY = ("subscriber", "lead", "marketingqualifiedlead", "salesqualifiedlead", "opportunity", "customer")
ASKED_FOR_A_DEMO = "marketingqualifiedlead"  # lifecycle.yaml: whoever asks for a demo is qualified


@dataclass
class Expected:
    """The counts of a plan."""

    create: int = 0
    update: int = 0
    same: int = 0
    skip: int = 0
    conflict: int = 0
    records: dict[str, Place] = field(default_factory=dict)  # posted address -> the record it belongs to

    def counts(self) -> dict[str, int]:
        """Return the counts as a plan tells them."""
        names = ("create", "update", "same", "skip", "conflict")
        return {name: getattr(self, name) for name in names}


def addresses(before: Mapping[Place, Record]) -> dict[str, Place]:
    """Return whose each address is: the merged contacts' other addresses too, Contacts before Leads."""
    book: dict[str, Place] = {}
    for place, row in sorted(before.items(), key=lambda item: item[0][0] != "Contact"):
        if row.get("IsConverted") in (True, "true"):
            continue
        more = str(row.get("hs_additional_emails") or "").split(";")
        for address in (row.get("email") or row.get("Email"), *more):
            if address:
                book.setdefault(str(address).lower(), place)
    return book


def people_of(posts: Iterable[Mapping[str, str]]) -> dict[str, dict[str, str]]:
    """Return what each person posted, the forms of one person together; shared mailboxes are nobody's."""
    people: dict[str, dict[str, str]] = {}
    for post in posts:
        if post["email"].startswith("info@"):
            continue
        known = people.setdefault(post["email"], {})
        demo = "demo" in (known.get("form_type"), post["form_type"])
        known |= post | ({"form_type": "demo"} if demo else {})
    return people


def expect(before: Mapping[Place, Record], people: Mapping[str, Mapping[str, str]]) -> Expected:
    """Count what a plan must say."""
    book, found = addresses(before), Expected()
    for email, posted in people.items():
        place = book.get(email)
        if place is None:
            found.create += 1
            continue
        found.records[email] = place
        found.update += 1  # our id, score and touches are on no record yet
        found.conflict += bool(_conflicts(place[0], before[place], posted))
    return found


def _conflicts(kind: str, row: Record, posted: Mapping[str, str]) -> list[str]:
    """Return the fields in which both sides hold a value and not the same, once the record was found.

    Name and title are taken from the CRM then, for its people own them (crm/*.yaml).
    """
    pairs: dict[str, tuple[Any, Any]] = {}
    if kind == "contacts":
        pairs = {
            "company": (row.get("company"), posted["company"]),
            "city": (row.get("city"), posted["city"]),
        }
        if posted["form_type"] == "demo" and _is_behind(row.get("lifecyclestage"), ASKED_FOR_A_DEMO):
            pairs["lifecyclestage"] = (row["lifecyclestage"], ASKED_FOR_A_DEMO)
    elif kind == "Lead":
        pairs = {
            "Company": (row.get("Company"), posted["company"]),
            "City": (row.get("City"), posted["city"]),
            "LeadSource": (row.get("LeadSource"), "Website"),
        }
    elif kind == "Contact":
        pairs = {"MailingCity": (row.get("MailingCity"), posted["city"])}
    return [name for name, (theirs, ours) in pairs.items() if theirs and theirs != ours]


def _is_behind(held: Any, wanted: str) -> bool:
    return held in WAY and WAY.index(held) < WAY.index(wanted)
