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
    existing: int = 0  # linked to their record, or to be once it is looked up
    same: int = 0
    skip: int = 0
    conflict: int = 0
    roundabout: int = 0  # of the existing: known here only by the address that the other account has
    records: dict[str, Place] = field(default_factory=dict)  # posted address -> the record it belongs to
    known_as: dict[str, str] = field(default_factory=dict)  # posted address -> that in the other account

    def counts(self) -> dict[str, int]:
        """Return what a plan must say to the last lead."""
        return {name: getattr(self, name) for name in ("create", "existing", "same", "skip")}

    def differs(self, counts: Mapping[str, int]) -> str:
        """Say what of a plan's counts is wrong; blank where all is right.

        Who is known roundabout is compared once found, so whether both sides hold values shows then.
        """
        told = {name: counts[name] for name in ("create", "same", "skip")}
        told["existing"] = counts["update"] + counts["match"]
        if told != self.counts():
            return f"{told}, and it must be {self.counts()}"
        if not self.conflict <= counts["conflict"] <= self.conflict + self.roundabout:
            return f"{counts['conflict']} conflicts, and there must be {self.conflict}"
        return ""


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


def main_address(email: str, book: Mapping[str, Place], rows: Mapping[Place, Record]) -> str:
    """Return the address that an account shows for whom it knows by another one, too."""
    row = rows.get(book.get(email, ("", "")), {})
    return str(row.get("email") or row.get("Email") or email).lower()


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


def companies_of(people: Iterable[str], accounts: Iterable[Mapping[Place, Record]]) -> set[str]:
    """Return the domains of the people's main addresses; nobody of the world has a free mailbox.

    Who is known by another address, too, is of the company that the account's main one names.
    """
    books = [(addresses(rows), rows) for rows in accounts]

    def main(email: str) -> str:
        known = (main_address(email, book, rows) for book, rows in books)
        return next((one for one in known if one != email), email)

    return {main(email).rpartition("@")[2] for email in people}


def expect(
    before: Mapping[Place, Record],
    elsewhere: Mapping[Place, Record],
    people: Mapping[str, Mapping[str, str]],
) -> Expected:
    """Count what a plan must say of the records of one account; ``elsewhere`` are those of the other."""
    book, other, found = addresses(before), addresses(elsewhere), Expected()
    for email, posted in people.items():
        place = book.get(email)
        if place is None:  # perhaps posted with an address that only the other account has
            found.known_as[email] = main_address(email, other, elsewhere)
            place = book.get(found.known_as[email])
            found.roundabout += place is not None
        elif place is not None:
            found.conflict += bool(_conflicts(place[0], before[place], posted))
        if place is None:
            found.create += 1
            continue
        found.records[email] = place
        found.existing += 1  # our id, score and touches are on no record yet, so it is written
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
