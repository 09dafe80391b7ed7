"""Fills the org with the people and companies of a seed, as records that came with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from random import Random
from typing import TYPE_CHECKING, Any

from sandbox.crowd import SPAN_DAYS, Crowd, Somebody
from sandbox.names import PRODUCTS, SUBJECTS, TRADES
from sandbox.records import Record
from sandbox.salesforce.journal import Journal
from sandbox.salesforce.moments import stamp
from sandbox.salesforce.rules.registry import rules_of
from sandbox.salesforce.writes import Writer

if TYPE_CHECKING:
    from sandbox.salesforce.org import Org

SEEDS = {"Account": 0.1, "Contact": 0.4, "Lead": 0.6, "Opportunity": 0.05, "Task": 0.1}
CHUNK = 2_000  # records made before the lock is given to others
SOURCES = ("Web", "Web", "Web", "Phone Inquiry", "Partner Referral", "Purchased List", "Other")
STATUSES = ("Open - Not Contacted", "Open - Not Contacted", "Working - Contacted", "Closed - Not Converted")
TYPES = ("Prospect", "Prospect", "Customer - Direct", "Customer - Channel", "Other")
OPEN_STAGES = ("Prospecting", "Qualification", "Needs Analysis", "Proposal/Price Quote", "Negotiation/Review")
STAGES = (*OPEN_STAGES, "Closed Won", "Closed Won", "Closed Lost", "Closed Lost", "Closed Lost")
TASKS = (("Completed", "Call"), ("Completed", "Email"), ("Not Started", "Task"), ("In Progress", "Task"))


def seed(org: Org, counts: Mapping[str, int], number: int) -> dict[str, int]:
    """Make so many records of each object; nobody is told, and the history stays empty."""
    filling = _Filling(org, counts, number)
    for name in SEEDS:
        for start in range(0, counts.get(name, 0), CHUNK):
            with org.lock:
                filling.fill(name, range(start, min(start + CHUNK, counts[name])))
    return {name: counts[name] for name in SEEDS if counts.get(name)}


class _Filling:
    """One seed on its way into the org; what it has made so far."""

    def __init__(self, org: Org, counts: Mapping[str, int], number: int) -> None:
        self._org, self._counts, self._seed = org, counts, number
        people = counts.get("Lead", 0) + counts.get("Contact", 0)
        self._crowd = Crowd(number, counts.get("Account") or people // 10)
        self._now = org.now()
        self._users = [
            user.id for user in org.rows("User").every()
            if user.values.get("IsActive") and user.id != org.user_id
        ]  # fmt: skip
        self._made: dict[str, list[Record]] = {name: [] for name in SEEDS}
        self._rules = Writer(org, Journal(), org.user_id, by_hand=True)

    def fill(self, name: str, numbers: Sequence[int]) -> None:
        """Make the records of these numbers."""
        make, rows = getattr(self, f"_{name.lower()}"), self._org.rows(name)
        fresh = []
        for number in numbers:
            draw = Random(f"{self._seed} {name} {number}")
            fresh.append(self._record(name, number, make(number, draw), draw.random() ** 2))
        rows.take_in(fresh)
        self._made[name] += fresh

    def _account(self, number: int, draw: Random) -> dict[str, Any]:
        company = self._crowd.companies[number]
        return {
            "Name": company.name, "Website": company.domain, "Phone": company.phone,
            "BillingCountry": company.country, "BillingCity": company.city,
            "Industry": TRADES[company.trade][1], "NumberOfEmployees": company.employees,
            "AnnualRevenue": None if company.revenue is None else float(company.revenue),
            "Type": draw.choice(TYPES), "OwnerId": self._owner(draw.randrange(64)),
        }  # fmt: skip

    def _lead(self, number: int, draw: Random) -> dict[str, Any]:
        person = self._crowd.person(number)
        company = self._crowd.companies[person.company] if person.company is not None else None
        return _human(person) | {
            "Company": company.name if company else "[not provided]",
            "Industry": TRADES[company.trade][1] if company else None,
            "NumberOfEmployees": company.employees if company and draw.random() < 0.5 else None,
            "Country": person.country, "City": person.city, "Status": draw.choice(STATUSES),
            "Rating": draw.choice(("Hot", "Warm", "Cold", None, None)),
            "OwnerId": self._org.queue_id if person.owner is None else self._owner(person.owner),
        }  # fmt: skip

    def _contact(self, number: int, _draw: Random) -> dict[str, Any]:
        person = self._crowd.person(self._counts.get("Lead", 0) + number)  # leads and contacts are others
        accounts = self._made["Account"]
        return _human(person) | {
            "AccountId": accounts[person.company].id if accounts and person.company is not None else None,
            "MailingCountry": person.country, "MailingCity": person.city,
            "OwnerId": self._owner(person.owner or 0),
        }  # fmt: skip

    def _opportunity(self, number: int, draw: Random) -> dict[str, Any]:
        account = _any(draw, self._made["Account"])
        name = account.values["Name"] if account else f"Opportunity {number + 1}"
        day = self._now + timedelta(days=draw.randrange(-SPAN_DAYS, 120))
        return {
            "Name": f"{name} - {draw.choice(PRODUCTS)}", "AccountId": account.id if account else None,
            "StageName": draw.choice(STAGES if day <= self._now else OPEN_STAGES),
            "CloseDate": day.date().isoformat(), "LeadSource": draw.choice(SOURCES),
            "Amount": float(draw.randrange(5, 900) * 100) if draw.random() < 0.85 else None,
            "OwnerId": self._owner(draw.randrange(64)),
        }  # fmt: skip

    def _task(self, number: int, draw: Random) -> dict[str, Any]:
        who = _any(draw, self._made[draw.choice(("Lead", "Contact"))])
        status, subtype = draw.choice(TASKS)
        return {
            "Subject": draw.choice(SUBJECTS), "Status": status, "TaskSubtype": subtype,
            "Priority": draw.choice(("Normal", "Normal", "High", "Low")), "WhoId": who.id if who else None,
            "ActivityDate": self._day("Task", number).date().isoformat(),
            "OwnerId": self._owner(draw.randrange(64)),
        }  # fmt: skip

    def _record(self, name: str, number: int, given: Mapping[str, Any], changed: float) -> Record:
        """The record with what the org derives and stamps itself."""
        kind, at = self._org.kind(name), self._day(name, number)
        changed_at = at + (self._now - at) * changed
        given = {field: value for field, value in given.items() if value not in (None, "")}
        values: dict[str, Any] = {**kind.defaults, **given}
        if kind.is_person:
            values["Name"] = " ".join(filter(None, (values.get("FirstName"), values["LastName"])))
        rules_of(name).complete(self._rules, values, given, {})
        if values.get("CompletedDateTime"):
            values["CompletedDateTime"] = stamp(changed_at)
        changed_stamp, user = stamp(changed_at), self._org.user_id
        values |= {
            "Id": self._org.next_id(kind), "CreatedDate": stamp(at), "CreatedById": user,
            "LastModifiedDate": changed_stamp, "LastModifiedById": user, "SystemModstamp": changed_stamp,
        }  # fmt: skip
        if "PhotoUrl" in kind.by_exact_name:
            values["PhotoUrl"] = f"/services/images/photo/{values['Id']}"
        kept = {field: value for field, value in values.items() if value is not None}
        return Record(kept["Id"], kept, created_at=at, updated_at=changed_at)

    def _owner(self, number: int) -> str:
        return self._users[number % len(self._users)]

    def _day(self, name: str, number: int) -> datetime:
        """When the record of that number was made: the later, the higher, and the more of them."""
        part = ((number + 1) / (self._counts[name] + 1)) ** 0.7
        return self._now - timedelta(days=SPAN_DAYS) * (1 - part)


def _human(person: Somebody) -> dict[str, Any]:
    """What leads and contacts have in common; Salesforce trims what is entered."""
    return {
        "FirstName": person.first.strip(), "LastName": person.last.strip(), "Email": person.email.strip(),
        "Phone": person.phone, "MobilePhone": person.mobile, "Title": person.title,
        "LeadSource": SOURCES[person.source % len(SOURCES)], "HasOptedOutOfEmail": person.opted_out,
    }  # fmt: skip


def _any(draw: Random, records: Sequence[Record]) -> Record | None:
    return records[draw.randrange(len(records))] if records else None
