"""People log, edit, delete, restore and move calls, in any order, with crashes: the books agree."""

from __future__ import annotations

from random import Random

import pytest

from sync import tables
from sync.reading.engagement_polling import EngagementBin
from tests.sync.crashing import Crash, CrashingStore
from tests.sync.fake_crm import FakeCrm
from tests.sync.followed import known
from tests.sync.house import HUBSPOT, SALESFORCE, House
from tests.sync.stores import rows
from tests.sync.test_engagements import a_following_house, a_walk, seen

PEOPLE = [f"p{number}@example.com" for number in range(3)]
OBJECTS = {HUBSPOT: "calls", SALESFORCE: "Task"}


def fields_of(name: str, draw: Random) -> dict[str, object]:
    """What somebody types into a call."""
    if name == HUBSPOT:
        return {"hs_call_status": draw.choice(["QUEUED", "COMPLETED", "FAILED"])}
    return {"IsClosed": draw.random() < 0.5, "TaskSubtype": "Call", "OwnerId": "005x"}


def act(crm: FakeCrm, calls: list[str], people: list[str], draw: Random) -> None:
    """Do one thing that a person does."""
    what, some = draw.random(), draw.sample(people, draw.randrange(1, len(people)))
    if not calls or what < 0.3:
        calls.append(crm.log(OBJECTS[crm.name], *some, **fields_of(crm.name, draw)))
        return
    call = draw.choice(calls)
    kept = crm.records[call]
    if what < 0.6 and not kept.archived:
        crm.edit(call, **fields_of(crm.name, draw))
    elif what < 0.75 and not kept.archived:
        crm.concerns(call, *some)
        crm.touch(call)
    elif not kept.archived:
        crm.archive(call)
    else:
        kept.archived = False
        crm.touch(call)


def standing_of(crm: FakeCrm, call: str) -> str:
    """How the call stands, by the CRM."""
    kept = crm.records[call]
    if crm.name == SALESFORCE:
        return "done" if kept.fields["IsClosed"] else "planned"
    return {"QUEUED": "planned", "COMPLETED": "done", "FAILED": "off"}[kept.fields["hs_call_status"]]


def expected(crm: FakeCrm, calls: list[str], whose: dict[str, str]) -> set[tuple[str, str, str]]:
    """What is to be kept of calls that take or took place: call, lead, standing."""
    return {
        (call, whose[person.id], standing_of(crm, call))
        for call in calls
        if not crm.records[call].archived
        for person in crm.about[call]
    }


def books(house: House, crm: FakeCrm) -> set[tuple[str, str, str]]:
    return {
        (row["remote_id"], row["lead_id"], row["standing"])
        for row in rows(house.store, tables.engagements)
        if row["connection"] == crm.name and row["standing"] != "deleted"
    }


@pytest.mark.parametrize("name", [HUBSPOT, SALESFORCE])
@pytest.mark.parametrize("seed", range(4))
def test_after_a_quiet_while_the_books_say_what_the_crm_says(store, name, seed):
    draw, house = Random(seed), a_following_house(store)
    crm, calls = house.crms[name], []
    people = [known(house, address)[name] for address in PEOPLE]
    whose = dict(zip(people, map(house.lead_id, PEOPLE), strict=True))
    crashing = CrashingStore(house.store)
    walk, trash = a_walk(house, name, store=crashing), a_walk(house, name, EngagementBin, store=crashing)
    seen(house, walk)  # what was done before the first look stays out
    for _ in range(120):
        house.clock.advance(draw.choice([0, 1, 20, 130, 700]))
        what = draw.random()
        if what < 0.45:
            act(crm, calls, people, draw)
        elif what < 0.85:
            if draw.random() < 0.2:
                crashing.crash(draw.randrange(1, 4), after=draw.random() < 0.5)
            if draw.random() < 0.1:
                crm.next("changes", refused="503")
            try:
                draw.choice([walk, walk, trash]).step()
            except Crash:  # a new process
                walk = a_walk(house, name, store=crashing)
                trash = a_walk(house, name, EngagementBin, store=crashing)
        else:
            house.decide()
    crashing.calm()
    for _ in range(3):
        house.clock.advance(3_700)
        while trash.step():
            pass
        seen(house, walk, 0)
    assert calls
    assert books(house, crm) == expected(crm, calls, whose)
    ends = {row["state"] for row in rows(house.store, tables.inbox_events) if row["kind"] == "engagement"}
    assert ends == {"done"}
