"""What must hold after going live, read from the accounts' records and their history of writes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from benchmarks.contact.accounts import Account, Record, is_by_hand
from benchmarks.contact.oracle import WAY, Place

# What the maps of the playbook give to leadrelay: its own fields, and these.
LEADRELAYS = {
    "contacts": {"lead_source", "message"},
    "Lead": {"LeadSource", "Status"},
    "Contact": set[str](),
}
# Where the later change counts, and what it is called in a post.
NEWEST = {
    "contacts": {"company": "company", "city": "city"},
    "Lead": {"Company": "company", "City": "city"},
    "Contact": {"MailingCity": "city"},
}
STAMPS = {"lastmodifieddate", "LastModifiedDate", "LastModifiedById", "SystemModstamp", "Name"}


@dataclass(frozen=True, slots=True)
class Story:
    """What was said of one person from elsewhere: by a post, and by hand in the other account."""

    posted: Mapping[str, str] = field(default_factory=dict)
    by_hand: frozenset[str] = frozenset()


def overwritten(
    account: Account, since_call: int, before: Mapping[Place, Record], stories: Mapping[Place, Story]
) -> Iterator[str]:
    """Yield every value of a person's that leadrelay replaced without a rule that says so."""
    ours: set[tuple[Place, str]] = set()  # fields that hold what leadrelay itself has written
    for write in account.writes(since_call):
        place = (write["object"], write["id"])
        if place not in before:
            continue  # a record that leadrelay made
        for name, (old, new) in write["changes"].items():
            if is_by_hand(write):
                ours.discard((place, name))
                continue
            is_human = old not in (None, "") and (place, name) not in ours
            ours.add((place, name))
            if not is_human or old == new or name in STAMPS:
                continue
            if not _is_allowed(place[0], name, old, new, before[place], stories.get(place, Story())):
                yield f"{account.name} {place[0]} {place[1]}: {name} {old!r} became {new!r}"


def _is_allowed(kind: str, name: str, old: Any, new: Any, row: Record, story: Story) -> bool:
    if name.startswith(("leadrelay", "first_touch", "last_touch")) or name.endswith("__c"):
        return True
    if name in LEADRELAYS[kind]:
        return True
    if name == "lifecyclestage":
        return old in WAY and new in WAY and WAY.index(old) < WAY.index(new)
    if name in NEWEST[kind]:  # a person's later change in the other account counts, too
        is_newer = new == story.posted.get(NEWEST[kind][name]) or new in story.by_hand
        return bool(old == row.get(name) and is_newer)
    return False


def not_as_edited(account: Account, edits: Mapping[Place, Record]) -> Iterator[str]:
    """Yield what a person changed after the plan and is not as they left it."""
    now = account.everything()
    for place, fields in edits.items():
        for name, value in fields.items():
            if now[place].get(name) != value:
                held = now[place].get(name)
                yield f"{account.name} {place}: {name} is {held!r}, a person had written {value!r}"


def owners_changed(
    account: Account, before: Mapping[Place, Record], edits: Mapping[Place, Record]
) -> Iterator[str]:
    """Yield the records whose owner is another than before, but for those whom a person gave away."""
    name = "hubspot_owner_id" if account.name == "hubspot" else "OwnerId"
    now = account.everything()
    for place, row in before.items():
        wanted = edits.get(place, {}).get(name) or row.get(name)
        if wanted and now[place].get(name) != wanted:
            yield f"{account.name} {place}: owner {wanted} became {now[place].get(name)}"


def companies_twice(account: Account) -> Iterator[str]:
    """Yield the domains that several live companies have."""
    domain = "domain" if account.name == "hubspot" else "Website"
    held = Counter(str(row.get(domain)).lower() for row in account.records(account.company).values())
    yield from (
        f"{account.name}: company {one} is there {n} times"
        for one, n in held.items()
        if n > 1 and one != "none"
    )


def told_late(account: Account) -> Iterator[str]:
    """Yield the tasks that were wanted while the account was observed, and were made all the same."""
    tasks = account.records(account.task)
    yield from (f"{account.name}: task {one} was made" for one in tasks)


def duplicates(account: Account) -> Iterator[str]:
    """Yield the addresses that several live records hold; a converted Lead lives on as its Contact."""
    held: Counter[str] = Counter()
    for row in account.everything().values():
        if row.get("IsConverted") not in (True, "true"):
            address = row.get("email") or row.get("Email")
            held.update([str(address).lower()] if address else [])
    yield from (f"{account.name}: {address} is there {n} times" for address, n in held.items() if n > 1)
