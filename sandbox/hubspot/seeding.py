"""Fills the account with the people and companies of a seed, as records that came with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from random import Random
from typing import TYPE_CHECKING

from sandbox.crowd import SPAN_DAYS, Company, Crowd, Somebody
from sandbox.hubspot.links import End
from sandbox.hubspot.objects import Objects, Values
from sandbox.hubspot.values import iso
from sandbox.names import PRODUCTS, SUBJECTS, TRADES
from sandbox.records import Record

if TYPE_CHECKING:
    from sandbox.hubspot.account import HubSpot

SEEDS = {"companies": 0.1, "contacts": 1.0, "deals": 0.05, "tasks": 0.05, "calls": 0.05}
CHUNK = 2_000  # records made before the lock is given to others
LEAD_STATUSES = ("NEW", "OPEN", "IN_PROGRESS", "ATTEMPTED_TO_CONTACT", "CONNECTED")
SOURCES = (
    "ORGANIC_SEARCH",
    "PAID_SEARCH",
    "DIRECT_TRAFFIC",
    "REFERRALS",
    "OFFLINE",
    "PAID_SOCIAL",
    "EMAIL_MARKETING",
)
STAGES = (  # up to which warmth
    (30, "subscriber"), (62, "lead"), (76, "marketingqualifiedlead"), (84, "salesqualifiedlead"),
    (91, "opportunity"), (99, "customer"), (100, "evangelist"),
)  # fmt: skip
DEAL_STAGES = (
    "appointmentscheduled", "qualifiedtobuy", "presentationscheduled", "decisionmakerboughtin",
    "contractsent", "closedwon", "closedwon", "closedlost", "closedlost", "closedlost",
)  # fmt: skip


def seed(account: HubSpot, counts: Mapping[str, int], number: int) -> dict[str, int]:
    """Make so many records of each type; nobody is told, and the history stays empty."""
    filling = _Filling(account, counts, number)
    for name in SEEDS:
        for start in range(0, counts.get(name, 0), CHUNK):
            with account.lock:
                filling.fill(name, range(start, min(start + CHUNK, counts[name])))
    return {name: counts[name] for name in SEEDS if counts.get(name)}


class _Filling:
    """One seed on its way into the account; what it has made so far."""

    def __init__(self, account: HubSpot, counts: Mapping[str, int], number: int) -> None:
        self._account, self._counts, self._seed = account, counts, number
        self._crowd = Crowd(number, counts.get("companies") or counts.get("contacts", 0) // 10)
        self._now = account.now()
        self._owners = [owner.id for owner in account.tables["owners"].after()]
        self._made: dict[str, list[Record]] = {name: [] for name in SEEDS}
        self._company_of: dict[str, str] = {}  # contact -> company
        types = account.link_types
        self._types = {
            (one, other): list(types.between(one, other))
            for one, other in (
                ("contacts", "companies"), ("deals", "companies"), ("deals", "contacts"),
                ("tasks", "contacts"), ("calls", "contacts"),
            )
        }  # fmt: skip

    def fill(self, name: str, numbers: Sequence[int]) -> None:
        """Make the records of these numbers."""
        objects = self._account.objects[name]
        make = getattr(self, f"_{name}")
        for number in numbers:
            draw = Random(f"{self._seed} {name} {number}")
            self._made[name].append(make(objects, number, draw))

    def _companies(self, objects: Objects, number: int, draw: Random) -> Record:
        company = self._crowd.companies[number]
        values = {
            "name": company.name, "domain": company.domain, "phone": company.phone,
            "country": company.country, "city": company.city, "industry": TRADES[company.trade][2],
            "numberofemployees": str(company.employees),
            "annualrevenue": str(company.revenue or ""), "hubspot_owner_id": self._owner(draw.randrange(64)),
            "lifecyclestage": _stage(draw.randrange(100)),
        }  # fmt: skip
        return self._place(objects, values, number, draw.random() ** 2)

    def _contacts(self, objects: Objects, number: int, draw: Random) -> Record:
        person = self._crowd.person(number)
        company = self._crowd.companies[person.company] if person.company is not None else None
        values = {
            "firstname": person.first, "lastname": person.last,
            "email": self._address(objects, person, number), "phone": person.phone,
            "mobilephone": person.mobile, "jobtitle": person.title,
            "country": person.country, "city": person.city, "lifecyclestage": _stage(person.warmth),
            "hubspot_owner_id": self._owner(person.owner),
            "hs_lead_status": draw.choice(LEAD_STATUSES) if person.warmth > 40 else "",
            "hs_analytics_source": SOURCES[person.source % len(SOURCES)], **_employer(company),
            "hs_email_optout": "true" if person.opted_out else "",
        }  # fmt: skip
        record = self._place(objects, values, number, person.changed)
        # One in ten was never associated with the company that it names.
        if person.company is not None and self._made["companies"] and draw.random() < 0.9:
            company_id = self._made["companies"][person.company].id
            self._company_of[record.id] = company_id
            self._link(("contacts", record.id), ("companies", company_id))
        return record

    def _deals(self, objects: Objects, number: int, draw: Random) -> Record:
        contact = self._anyone(draw)
        company_id = self._company_of.get(contact.id) if contact else None
        company = self._account.objects["companies"].find(company_id) if company_id else None
        name = company.values["name"] if company else f"Deal {number + 1}"
        day = self._now + timedelta(days=draw.randrange(-SPAN_DAYS, 120))
        stage = (
            DEAL_STAGES[draw.randrange(len(DEAL_STAGES))]
            if day <= self._now
            else DEAL_STAGES[draw.randrange(5)]
        )
        values = {
            "dealname": f"{name} - {draw.choice(PRODUCTS)}", "pipeline": "default", "dealstage": stage,
            "amount": str(draw.randrange(5, 900) * 100) if draw.random() < 0.85 else "",
            "closedate": iso(day),
            "dealtype": draw.choice(("newbusiness", "newbusiness", "existingbusiness")),
            "hubspot_owner_id": self._owner(draw.randrange(64)),
        }  # fmt: skip
        record = self._place(objects, values, number, draw.random())
        if contact:
            self._link(("deals", record.id), ("contacts", contact.id))
        if company_id:
            self._link(("deals", record.id), ("companies", company_id))
        return record

    def _tasks(self, objects: Objects, number: int, draw: Random) -> Record:
        values = {
            "hs_task_subject": draw.choice(SUBJECTS), "hs_task_type": draw.choice(("TODO", "CALL", "EMAIL")),
            "hs_task_status": draw.choice(("NOT_STARTED", "COMPLETED", "COMPLETED")),
            "hs_task_priority": draw.choice(("NONE", "LOW", "MEDIUM", "HIGH")),
        }  # fmt: skip
        return self._activity(objects, values, number, draw)

    def _calls(self, objects: Objects, number: int, draw: Random) -> Record:
        values = {
            "hs_call_title": draw.choice(SUBJECTS), "hs_call_direction": draw.choice(("OUTBOUND", "INBOUND")),
            "hs_call_status": draw.choice(("COMPLETED", "COMPLETED", "NO_ANSWER", "BUSY")),
        }  # fmt: skip
        return self._activity(objects, values, number, draw)

    def _activity(self, objects: Objects, values: Values, number: int, draw: Random) -> Record:
        contact = self._anyone(draw)
        values |= {
            "hs_timestamp": iso(self._day(objects, number)),
            "hubspot_owner_id": self._owner(draw.randrange(64)),
        }
        record = self._place(objects, values, number, 0.0)
        if contact:
            self._link((objects.kind.name, record.id), ("contacts", contact.id))
        return record

    def _address(self, objects: Objects, person: Somebody, number: int) -> str:
        """The address as HubSpot keeps it; one that another contact has gets a tag, for it is kept once."""
        address = person.email.strip().lower()
        local, _, domain = address.partition("@")
        while address and objects.table.find("email", address) is not None:
            address, number = f"{local}+{number}@{domain}", number + 1
        return address

    def _anyone(self, draw: Random) -> Record | None:
        contacts = self._made["contacts"]
        return contacts[draw.randrange(len(contacts))] if contacts else None

    def _owner(self, number: int | None) -> str:
        return "" if number is None else self._owners[number % len(self._owners)]

    def _link(self, source: End, target: End) -> None:
        self._account.links.place(source, target, self._types[source[0], target[0]])

    def _day(self, objects: Objects, number: int) -> datetime:
        """When the record of that number was made: the later, the higher, and the more of them."""
        part = ((number + 1) / (self._counts[objects.kind.name] + 1)) ** 0.7
        return self._now - timedelta(days=SPAN_DAYS) * (1 - part)

    def _place(self, objects: Objects, values: Values, number: int, changed: float) -> Record:
        at = self._day(objects, number)
        kept = {name: value for name, value in values.items() if value}
        return objects.place(kept, at=at, changed_at=at + (self._now - at) * changed)


def _employer(company: Company | None) -> Values:
    if company is None:
        return {}
    return {"company": company.name, "industry": TRADES[company.trade][0], "website": company.domain}


def _stage(warmth: int) -> str:
    return next(stage for most, stage in STAGES if warmth < most)
