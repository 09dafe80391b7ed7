"""Backfill: killed at any step and resumed, nothing is missing or doubled, and no page is read in vain."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from mappings.playbook import CrmMap
from model.listing import Page
from sync import cursors, matching, mirror
from sync.cursors import BACKFILL, MATCH, Cursor
from sync.database import Store
from sync.reading import backfill
from sync.reading.backfill import Backfill
from sync.tables import mirror as mirror_table
from sync.tables import mirror_keys
from tests.builders import mapped
from tests.sync.clock import FakeClock
from tests.sync.fake_crm import FakeCrm
from tests.sync.house import SALESFORCE, a_map, house_playbook
from tests.sync.stores import rows


class Killed(BaseException):
    """The process is gone; no handler of ours runs."""


@pytest.fixture
def crm() -> FakeCrm:
    crm = FakeCrm(SALESFORCE, FakeClock(), asks=True)
    crm.companies = ("Account", ("name", "domain"))
    return crm


def people(crm: FakeCrm, **counts: int) -> None:
    for object_type, count in counts.items():
        for n in range(count):
            crm.put(object_type, email=f"{object_type}{n}@example.com".lower(), title=f"title {n}")


def a_backfill(store: Store, crm: FakeCrm, playbook: Any = None) -> Backfill:
    playbook = playbook or house_playbook()
    return Backfill(crm, store, crm.clock, lambda: playbook)


def walk(job: Backfill, steps: int = 1000) -> int:
    """Step to the end, waiting where it asks for it; return how many steps did something."""
    for done in range(steps):
        step = job.step()
        if step is None:
            return done
        if step.wait:
            job.clock.advance(step.wait)
    raise AssertionError("the walk does not end")


def mirrored(store: Store) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for row in rows(store, mirror_table):
        if not row["is_archived"]:
            found.setdefault(row["object"], []).append(row["remote_id"])
    return {name: sorted(ids) for name, ids in found.items()}


def there(crm: FakeCrm) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for one, kept in crm.records.items():
        if not kept.archived:
            found.setdefault(kept.object, []).append(one)
    return {name: sorted(ids) for name, ids in found.items()}


def cursor(store: Store, object_type: str) -> Cursor:
    with store.snapshot() as snapshot:
        found = cursors.find(snapshot, "main", SALESFORCE, BACKFILL, object_type)
    assert found is not None
    return found


def lacking(store: Store, crm: CrmMap) -> list[str]:
    return backfill.lacking("Lead", cursor(store, "Lead").fields, crm)


def whole(store: Store) -> bool:
    with store.snapshot() as snapshot:
        return matching.is_whole(cursors.load(snapshot, "main"), house_playbook().crms[SALESFORCE])


def test_everything_the_map_and_the_companies_name_is_mirrored_in_a_call_a_page(store, crm):
    people(crm, Lead=20, Contact=11, Account=1)
    walk(a_backfill(store, crm))
    assert mirrored(store) == there(crm)
    assert crm.called("list") == 2 + 2 + 1
    with store.snapshot() as snapshot:
        hit = mirror.find(snapshot, "main", SALESFORCE, "email", ["lead3@example.com"])["lead3@example.com"]
    assert hit[0].record.fields["title"] == "title 3"
    assert (cursor(store, "Lead").seen, cursor(store, "Lead").total) == (20, 20)


def test_an_empty_crm_is_whole_after_a_call_an_object(store, crm):
    job = a_backfill(store, crm)
    assert not whole(store)
    walk(job)
    assert (crm.called("list"), whole(store), mirrored(store)) == (3, True, {})
    assert job.step() is None


@pytest.mark.parametrize("seed", range(5))
def test_killed_at_random_and_resumed_nothing_is_missing_or_doubled(opened, crm, seed, monkeypatch):
    chance = random.Random(seed)
    people(crm, Lead=95, Contact=61, Account=30)
    kills = 0

    def die_sometimes(*_: Any, **__: Any) -> None:
        if chance.random() < 0.25:
            raise Killed

    real_page, real_move = FakeCrm.list_page, cursors.move

    def list_page(self: FakeCrm, *asked: Any) -> Page:
        die_sometimes()  # before the call
        page = real_page(self, *asked)
        die_sometimes()  # before the transaction
        return page

    def move(*given: Any) -> None:
        real_move(*given)
        die_sometimes()  # before the commit

    monkeypatch.setattr(FakeCrm, "list_page", list_page)
    monkeypatch.setattr(cursors, "move", move)
    while True:
        try:
            walk(a_backfill(opened(), crm))
            break
        except Killed:
            kills += 1
    store = opened()
    assert kills
    assert mirrored(store) == there(crm)
    assert len(rows(store, mirror_keys)) == 95 + 61 + 30
    assert cursor(store, "Lead").seen == 95
    assert crm.called("list") <= 10 + 7 + 3 + kills


@pytest.mark.parametrize(
    ("trouble", "wait"),
    [
        ({"refused": "HubSpot 429", "wait": 7.0}, 7.0),
        ({"refused": "HubSpot 503"}, 2.0),
        ({"unauthorized": True}, 60.0),
    ],
)
def test_a_page_that_fails_is_shown_and_tried_again_after_a_while(store, crm, trouble, wait):
    people(crm, Lead=5)
    crm.next("list", **trouble)
    job = a_backfill(store, crm)
    step = job.step()
    assert step is not None
    assert (step.wait, step.records) == (wait, 0)
    assert step.problem
    assert cursor(store, step.object).problem == step.problem
    walk(job)
    assert cursor(store, step.object).problem is None
    assert mirrored(store) == there(crm)


def test_while_one_object_cannot_be_read_the_others_are(store, crm):
    people(crm, Lead=5, Contact=5)
    for _ in range(3):
        crm.next("list", refused="Lead is locked")
    job = a_backfill(store, crm)
    job.step()
    waits = [job.step() for _ in range(3)]
    assert mirrored(store) == {}  # the two other objects met the trouble, too
    assert [one.wait for one in waits if one] == [2.0, 2.0, 2.0]
    walk(job)
    assert mirrored(store) == there(crm)


def test_waits_grow_while_it_goes_on_failing_and_no_call_is_made_meanwhile(store, crm):
    crm.companies = ("Lead", ())
    playbook = house_playbook(crms={SALESFORCE: a_map(SALESFORCE, "Lead")})  # one object in all
    for _ in range(12):
        crm.next("list", refused="away")
    job = a_backfill(store, crm, playbook)
    waits = []
    for _ in range(12):
        step = job.step()
        assert step is not None
        waits.append(step.wait)
        again = job.step()
        assert again is not None
        assert again.wait == pytest.approx(step.wait)
        crm.clock.advance(step.wait)
    assert waits == [2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900]
    assert crm.called("list") == 12


def test_an_answer_that_breaks_our_reading_does_not_end_the_walk(store, crm, monkeypatch):
    people(crm, Lead=5)
    real = FakeCrm.list_page
    answers = iter([TypeError("a list where a text should be")])

    def list_page(self: FakeCrm, *asked: Any) -> Page:
        for error in answers:
            raise error
        return real(self, *asked)

    monkeypatch.setattr(FakeCrm, "list_page", list_page)
    job = a_backfill(store, crm)
    step = job.step()
    assert step is not None
    assert step.problem.startswith("an unexpected failure (TypeError); the log has it as fault ")
    walk(job)
    assert mirrored(store) == there(crm)


def test_a_record_whose_id_no_table_holds_is_left_out_and_its_page_goes_on(store, crm, monkeypatch):
    people(crm, Lead=3)
    real = FakeCrm.list_page

    def list_page(self: FakeCrm, *asked: Any) -> Page:
        page = real(self, *asked)
        if not page.listed:
            return page
        first = page.listed[0]
        odd = replace(first.record, ref=replace(first.record.ref, id="x" * 65))
        return replace(page, listed=[replace(first, record=odd), *page.listed[1:]])

    monkeypatch.setattr(FakeCrm, "list_page", list_page)
    walk(a_backfill(store, crm))
    assert mirrored(store) == {"Lead": sorted(there(crm)["Lead"])[1:]}


def test_a_field_that_the_crm_does_not_have_holds_nothing_on_every_page(store, crm):
    people(crm, Lead=15)
    crm.hidden = {"score"}
    walk(a_backfill(store, crm))
    asked = [fields for name, fields in crm.calls if name == "list"]
    assert asked
    assert cursor(store, "Lead").absent == ("score",)
    leads = [row for row in rows(store, mirror_table) if row["object"] == "Lead"]
    assert all("score" in row["fields"] and row["fields"]["score"] is None for row in leads)


def test_a_field_that_the_playbook_names_later_is_lacking_until_it_is_read_again(store, crm):
    people(crm, Lead=3)
    walk(a_backfill(store, crm))
    playbook = house_playbook()
    lead = playbook.crms[SALESFORCE].objects["Lead"]
    longer = replace(lead, fields=(*lead.fields, mapped("city", "City")))
    changed = replace(playbook.crms[SALESFORCE], objects={"Lead": longer})
    assert lacking(store, changed) == ["City"]
    assert all("City" not in row["fields"] for row in rows(store, mirror_table))
    store.write(partial(backfill.begin_again, space="main", name=SALESFORCE, now=crm.clock.now()))
    walk(a_backfill(store, crm, replace(playbook, crms={SALESFORCE: changed})))
    assert lacking(store, changed) == []
    assert all("City" in row["fields"] for row in rows(store, mirror_table))


def test_a_walk_begun_again_is_whole_meanwhile_and_forgets_what_is_gone(store, crm):
    people(crm, Lead=25)
    walk(a_backfill(store, crm))
    crm.clock.advance(60)
    gone = there(crm)["Lead"][3]
    crm.records[gone].archived = True
    people(crm, Contact=2)
    store.write(partial(backfill.begin_again, space="main", name=SALESFORCE, now=crm.clock.now()))
    job = a_backfill(store, crm)
    job.step()
    assert whole(store)
    assert cursor(store, "Lead").is_walking
    assert cursor(store, "Contact").seen == 2
    assert gone in mirrored(store)["Lead"]
    walk(job)
    assert mirrored(store) == there(crm)


def test_two_processes_at_one_walk_store_each_page_once(opened, crm):
    people(crm, Lead=45)
    first, second = a_backfill(opened(), crm), a_backfill(opened(), crm)
    while steps := [step for step in (first.step(), second.step()) if step is not None]:
        assert [step.problem for step in steps] == [None] * len(steps)
    assert mirrored(opened()) == there(crm)


def test_a_walk_that_a_faster_clock_began_archives_nothing_that_it_meets(store, crm):
    people(crm, Lead=12)
    job = a_backfill(store, crm)
    walk(job)
    crm.clock.advance(60)
    ahead = crm.clock.now() + timedelta(seconds=30)  # as the machine has it where the command ran
    store.write(partial(backfill.begin_again, space="main", name=SALESFORCE, now=ahead))
    walk(job)
    assert mirrored(store) == there(crm)


def test_a_cursor_of_another_job_is_left_alone(store, crm):
    other = Cursor(SALESFORCE, MATCH, "", crm.clock.now(), crm.clock.now(), after="ld_9")
    store.write(partial(cursors.begin, space="main", cursor=other))
    walk(a_backfill(store, crm))
    store.write(partial(backfill.begin_again, space="main", name=SALESFORCE, now=crm.clock.now()))
    with store.snapshot() as snapshot:
        assert cursors.find(snapshot, "main", SALESFORCE, MATCH) == other
