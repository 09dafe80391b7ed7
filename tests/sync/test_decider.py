"""The decider: a batch is saved whole or not at all, in order, once, by whoever holds the newest epoch."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import random
from collections import Counter
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

import pytest
import sqlalchemy as sa

from handlers.base import Context
from handlers.registry import build
from model.change import Record
from model.decision import NOTHING, Decision
from model.errors import Conflict, LostLease, StoreBusy
from model.event import Event, EventKind, RecordRef
from model.lead import Identity, Lead
from sync import explain, inbox, leads, leases, links, outbox, tables, teammates
from sync.deciding.decider import REDOS, TERM
from sync.delivery.claiming import claim
from sync.delivery.deliverer import finish
from sync.links import Agreed
from sync.records import record_payload
from sync.replays import letters, replay
from sync.replays.letters import CHANGE, SHELVES, Asked
from tests.builders import NOON, at
from tests.sync.crashing import failing
from tests.sync.house import (
    HUBSPOT,
    SALESFORCE,
    FailsOn,
    a_decider,
    a_house,
    a_post,
    house_playbook,
)
from tests.sync.stores import count, rows

ADA, BOB = "ada@example.com", "bob@example.com"

SAVED_TOGETHER = (
    tables.leads,
    tables.identities,
    tables.touches,
    tables.activities,
    tables.stage_history,
    tables.assignments,
    tables.scores,
    tables.seats,
    tables.outbox_changes,
    tables.audit,
    tables.audit_details,
    tables.person_keys,
    tables.links,
    tables.reviews,
    tables.conflicts,
)


def bookkeeping(kind: EventKind, payload, now: datetime = NOON, name: str = "", **given) -> Event:
    """Build an event that no sender posted."""
    return Event(given.pop("source", HUBSPOT), name or f"{kind}-{now}", kind, payload, now, now, **given)


def found(lead_id: str, record: Record, now: datetime = NOON, name: str = "", **payload) -> Event:
    """Build the event that a record was found for a lead."""
    payload = {"lead_id": lead_id, "record": record_payload(record), "sent": {}} | payload
    return bookkeeping(EventKind.FOUND, payload, now, name, record=record.ref, source=record.ref.connection)


def contact(remote_id: str = "7", now: datetime = NOON, **fields) -> Record:
    return Record(RecordRef(HUBSPOT, "contacts", remote_id), fields, now)


def events(store) -> dict[str, str]:
    """Return how each post ended."""
    return {r["event_id"]: r["state"] for r in rows(store, tables.inbox_events) if r["kind"] == "intake"}


def counts(store) -> dict[str, int]:
    return {table.name: count(store, table) for table in SAVED_TOGETHER}


def last_event(store) -> dict:
    return rows(store, tables.inbox_events)[-1]


# One save a batch ------------------------------------------------------------------------


def test_a_post_becomes_a_lead_with_its_keys_ledgers_and_changes(store):
    house = a_house(store)
    house.post(email="Ada@Example.com", phone="+49 30 1234567", country="DE", first_name="Ada")
    assert house.decide() == 1
    lead = house.lead("ada@example.com")
    assert lead.stage == "prospect"
    assert lead.identities == {Identity("email", ADA), Identity("phone", "+49301234567")}
    assert [row["stage"] for row in rows(store, tables.stage_history)] == ["suspect", "prospect"]
    [owner] = rows(store, tables.assignments)
    assert (owner["owner"], owner["pool"], owner["lead_id"]) == (lead.owner, "everyone", lead.id)
    [score] = rows(store, tables.scores)
    assert (score["previous"], score["score"], lead.score) == (0, 10, 10)
    wanted = {
        (r["connection"], r["object"], r["wanted"], r["done"]) for r in rows(store, tables.outbox_changes)
    }
    assert wanted == {(HUBSPOT, "contacts", 1, 0), (SALESFORCE, "Lead", 1, 0)}
    assert events(store) == {"post-1": "new"}


def test_a_crash_at_any_statement_of_the_save_leaves_nothing_and_loses_nothing(store):
    house = a_house(store)
    house.post(email=ADA, country="DE", phone="+49301234567")
    house.post(email=BOB)
    house.decide()
    house.post(email=ADA, title="CEO")
    house.post(email="cy@example.com", phone="+49301234567")  # shared phone: a review row
    house.post(event_id="nobody", first_name="No key")
    record = contact(email=ADA, title="Founder")
    inbox.append(store, [found(house.lead_id(ADA), record, at(1))])
    before, waiting, at_statement = counts(store), events(store), 0
    while True:
        at_statement += 1
        with failing(store, lambda: LostLease("the process ends"), at=at_statement) as seen:
            if at_statement > 60:
                pytest.fail("the save does not end")
            try:
                house.decider.decide_batch()
            except LostLease:
                assert counts(store) == before
                assert events(store) == waiting
                house.restart()
                continue
        break
    assert len(seen) >= 12
    assert events(store) == waiting | {"post-3": "merged", "post-4": "new", "nobody": "quarantined"}
    assert count(store, tables.leads) == 3
    assert count(store, tables.reviews) == 1
    assert house.decide() == 0


def test_the_first_statement_of_a_save_is_the_fence(store):
    house = a_house(store)
    house.post(email=ADA)
    with failing(store, LostLease, on="never") as seen:
        house.decide()
    assert seen[0].startswith("UPDATE leases")


def test_a_commit_whose_answer_is_lost_repeats_nothing(store):
    house = a_house(store)
    house.post(email=ADA)
    real = store.write

    def lost(work):
        real(work)
        raise StoreBusy("the answer was lost")

    house.decider.store = replace_write(store, lost)
    with pytest.raises(StoreBusy):
        house.decider.decide_batch()
    house.decider.store = store
    assert house.decide() == 0
    house.post(email=BOB)
    house.decide()
    seqs = [r["decided_seq"] for r in rows(store, tables.inbox_events)]
    assert len(set(seqs)) == len(seqs)
    assert count(store, tables.leads) == 2


def replace_write(store, write):
    """Return the store with another ``write``."""

    class Other:
        signals, dialect, path, snapshot = store.signals, store.dialect, store.path, store.snapshot

    other = Other()
    other.write = write
    return other


def test_a_conflict_is_taken_again_with_what_has_changed(store):
    house = a_house(store)
    house.post(email=ADA)
    house.settle()
    house.post(email=ADA, title="CEO")
    inbox.append(store, [found(house.lead_id(ADA), contact("h1", at(1), email=ADA, title="CTO"), at(1))])
    real, conflicts = store.write, []

    def write(work):
        if not conflicts:  # a delivery settles between the decider's look and its save
            conflicts.append(1)
            agreed = Agreed(house.lead_id(ADA), RecordRef(HUBSPOT, "contacts", "h1"), {}, {"company": "X"})
            real(lambda connection: links.LEADS.agree(connection, "main", [agreed], NOON, read_at=NOON))
        return real(work)

    house.decider.store = replace_write(store, write)
    assert house.decider.decide_batch() == 2
    link = house.lead(ADA).links[HUBSPOT]
    assert link.written["company"] == "X"
    assert link.shadow["title"] == "CTO"
    assert Counter(events(store).values()) == {"new": 1, "merged": 1}


def test_three_conflicts_halve_the_batch_and_the_culprit_alone_is_set_aside(store):
    house = a_house(store)
    for n in range(9):
        house.post(email=f"p{n}@example.com")
    real = leads.save

    def save(connection, changed, loaded, now):
        if any(lead.fields["email"] == "p4@example.com" for lead in changed):
            raise Conflict("a lead that cannot be saved")
        real(connection, changed, loaded, now)

    tried = []
    real_try = type(house.decider)._try

    def look(decider, limit):
        tried.append(limit)
        return real_try(decider, limit)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(leads, "save", save)
        patch.setattr(type(house.decider), "_try", look)
        house.decide()
    assert tried[: REDOS + 1] == [200] * REDOS + [100]
    assert events(store) == {f"post-{n + 1}": "dead" if n == 4 else "new" for n in range(9)}
    [dead] = [r for r in rows(store, tables.inbox_events) if r["state"] == "dead"]
    assert "a lead that cannot be saved" in dead["error"]
    assert count(store, tables.leads) == 8
    seqs = [r["decided_seq"] for r in rows(store, tables.inbox_events)]
    assert seqs == sorted(seqs)


def test_a_value_the_database_refuses_sets_aside_its_event_alone(store):
    playbook = house_playbook()

    @dataclass(frozen=True)
    class Breaks:
        def __call__(self, lead: Lead, context: Context) -> Decision:
            if context.event and context.event.fields.get("company") == "Bad":
                return Decision(fields={"score": 10**30})  # no column holds it
            return NOTHING

    house = a_house(store, playbook=playbook, handlers=[*build(playbook), ("breaks", Breaks())])
    for n in range(5):
        house.post(email=f"p{n}@example.com", company="Bad" if n == 2 else "Good")
    house.decide()
    assert events(store) == {f"post-{n + 1}": "dead" if n == 2 else "new" for n in range(5)}


def test_a_store_that_is_away_sets_nothing_aside(store, monkeypatch):
    house = a_house(store)
    house.post(email=ADA)

    def away(*_args, **_kwargs):
        raise sa.exc.OperationalError("SELECT", {}, Exception("the connection is gone"))

    real = inbox.take
    calls = []

    def flapping(*args, **kwargs):
        calls.append(1)
        if len(calls) < 30:
            away()
        return real(*args, **kwargs)

    monkeypatch.setattr(inbox, "take", flapping)
    while len(calls) < 40:
        with contextlib.suppress(StoreBusy):
            if house.decider.decide_batch():
                break
    assert events(store) == {"post-1": "new"}


def test_a_handler_that_raises_sets_aside_its_event_with_the_traceback(store):
    playbook = house_playbook()
    house = a_house(store, playbook=playbook, handlers=[*build(playbook), ("fails", FailsOn("Bad"))])
    house.post(email=ADA, company="Good")
    house.post(email=ADA, company="Bad", title="CEO")
    house.post(email=BOB, company="Bad")
    house.post(email=ADA, company="Best")
    assert house.decider.decide_batch() == 4
    assert events(store) == {"post-1": "new", "post-2": "dead", "post-3": "dead", "post-4": "merged"}
    dead = [r for r in rows(store, tables.inbox_events) if r["state"] == "dead"]
    assert all("a rule stumbles over Bad" in r["error"] for r in dead)
    lead = house.lead(ADA)
    assert lead.fields["company"] == "Best"
    assert "title" not in lead.fields  # the draft was dropped
    assert count(store, tables.leads) == 1


def test_one_who_posts_twice_in_a_batch_is_one_lead(store):
    house = a_house(store)
    for title in ("Intern", "CTO", "CEO"):
        house.clock.advance(1)
        house.post(email=ADA, title=title)
    assert house.decide() == 3
    assert list(events(store).values()) == ["new", "merged", "merged"]
    lead = house.lead(ADA)
    assert (lead.fields["title"], lead.version, len(lead.activities)) == ("CEO", 1, 3)
    assert count(store, tables.identities) == 1
    assert [r["wanted"] for r in rows(store, tables.outbox_changes)] == [1, 1]


def test_many_batches_make_the_same_leads_as_one(store):
    rng = random.Random(7)
    posts = [
        {"email": f"p{rng.randrange(5)}@example.com", "title": rng.choice(["CTO", "CEO", "Intern"])}
        for _ in range(30)
    ]
    house = a_house(store)
    for n, post in enumerate(posts):
        house.post(occurred_at=at(-n), **post)
        if n % 4 == 0:
            house.decider.decide_batch(limit=3)
    house.decide()
    newest: dict[str, str] = {}
    for post in posts:
        newest.setdefault(post["email"], post["title"])  # the earlier ones have the later moment
    assert {house.lead(email).fields["title"] for email in newest} == set(newest.values())
    assert count(store, tables.leads) == len(newest) == count(store, tables.identities)


def test_a_key_is_never_two_leads(store):
    def claim(lead_id: str):
        store.write(partial(leads.claim, space="main", claimed={Identity("email", ADA): lead_id}))

    claim("L1")
    with pytest.raises(sa.exc.IntegrityError):
        claim("L2")


def test_a_record_id_that_a_source_sends_finds_the_lead_again(store):
    """The key is in the identities until the record is linked; it must be found there, not claimed twice."""
    playbook = house_playbook()
    source = playbook.sources["website"]
    rule = replace(source.fields[0], field="record.salesforce.Lead", paths=("sfid",), convert=())
    source = replace(source, fields=(*source.fields, rule))
    house = a_house(store, playbook=replace(playbook, sources={"website": source}))
    house.post(email=ADA, sfid="00Q1")
    house.decide()
    house.post(email=ADA, sfid="00Q1", title="CTO")
    house.post(email="other@example.com", sfid="00Q1")
    house.decide()
    assert list(events(store).values()) == ["new", "merged", "merged"]
    assert count(store, tables.leads) == 1


# Order and time --------------------------------------------------------------------------


def test_decided_at_never_goes_back_when_the_clock_does(store):
    house = a_house(store)
    house.post(email=ADA)
    house.decide()
    house.clock.advance(-3600)
    house.post(email=BOB)
    house.decide()
    house.restart()  # the next holder knows it from the lease
    house.clock.advance(-3600)
    house.post(email="cy@example.com")
    house.decide()
    decided = [r["decided_at"] for r in rows(store, tables.inbox_events)]
    assert decided == [NOON] * 5


def test_decided_seq_is_the_order_and_goes_on_with_the_next_holder(store):
    house = a_house(store)
    for n in range(3):
        house.post(email=f"p{n}@example.com")
        house.decide()
        house.restart()
    found_rows = rows(store, tables.inbox_events)
    assert [r["decided_seq"] for r in found_rows] == [1, 2, 3, 4, 5]
    assert [r["seq"] for r in rows(store, tables.leases)] == [5]


# The lease -------------------------------------------------------------------------------


def test_of_two_deciders_only_the_newest_epoch_saves(store):
    house = a_house(store)
    house.post(email=ADA)
    before = counts(store)
    old = house.decider
    new = a_decider(store, house.clock, house.pipeline, "there")
    with pytest.raises(LostLease, match="epoch 1 is over"):
        old.decide_batch()
    assert counts(store) == before
    assert events(store) == {"post-1": "waiting"}
    with pytest.raises(LostLease):
        old.renew()
    assert new.decide_batch() == 1
    assert old._people is None  # what it thought of the turns is void


def test_a_takeover_between_look_and_save_saves_nothing(store):
    house = a_house(store)
    house.post(email=ADA)
    real = store.write

    def write(work):
        house.decider.store = store
        a_decider(store, house.clock, house.pipeline, "there")
        return real(work)

    house.decider.store = replace_write(store, write)
    with pytest.raises(LostLease):
        house.decider.decide_batch()
    assert (count(store, tables.leads), events(store)) == (0, {"post-1": "waiting"})


def test_a_culprit_is_not_set_aside_by_one_whose_epoch_is_over(store):
    house = a_house(store)
    house.post(email=ADA)
    a_decider(store, house.clock, house.pipeline, "there")
    with pytest.raises(LostLease):
        house.decider._set_aside(last_event(store)["id"], RuntimeError("x"))
    assert events(store) == {"post-1": "waiting"}


def test_a_lease_is_taken_over_when_its_term_is_over_given_up_or_ones_own(store):
    take = partial(leases.acquire, store, "decider:x", term=TERM)
    first = take("a", NOON)
    assert first is not None
    assert first.epoch == 1
    assert take("b", NOON + TERM - timedelta(seconds=1)) is None
    again = take("a", NOON)  # the same holder: it has restarted
    assert again is not None
    leases.renew(store, again, NOON + TERM * 2)
    assert take("b", NOON + TERM * 2 - timedelta(seconds=1)) is None
    other = take("b", NOON + TERM * 2)
    assert other is not None
    assert other.epoch == 3
    leases.release(store, again)  # it is not theirs any more
    assert take("c", NOON + TERM * 2) is None
    leases.release(store, other)
    assert take("c", NOON + TERM * 2) is not None
    assert take("d", NOON, alone=True) is not None


# Other kinds -----------------------------------------------------------------------------


def test_a_found_record_links_and_merges(store):
    house = a_house(store, rosters=True)
    house.post(email=ADA, title="CTO")
    house.decide()
    lead_id = house.lead_id(ADA)
    inbox.append(store, [found(lead_id, contact("77", at(5), email=ADA, owner="o2", company="Acme"), at(5))])
    house.decide()
    lead = house.lead(ADA)
    assert (lead.owner, lead.fields["company"]) == ("bo@example.com", "Acme")
    assert lead.links[HUBSPOT].remote_id == "77"
    assert lead.provenance["company"].source == HUBSPOT
    assert [r["owner"] for r in rows(store, tables.assignments)][-1] == "bo@example.com"
    [kept] = rows(store, tables.conflicts)
    assert (kept["field"], kept["kept"], kept["lost"]) == ("owner", "bo@example.com", "ann@example.com")


def test_a_stage_that_came_from_a_crm_is_in_the_history(store):
    house = a_house(store)
    house.post(email=ADA)
    house.decide()
    record = contact("77", at(5), email=ADA, stage="sql")
    inbox.append(store, [found(house.lead_id(ADA), record, at(5))])
    house.decide()
    assert house.lead(ADA).stage == "sql"
    last = rows(store, tables.stage_history)[-1]
    assert (last["stage"], last["previous"]) == ("sql", "suspect")


def test_an_address_that_came_from_a_crm_finds_the_lead(store):
    house = a_house(store)
    house.post(email=ADA)
    house.decide()
    record = contact("77", at(5), email="countess@example.com")
    inbox.append(store, [found(house.lead_id(ADA), record, at(5))])
    house.decide()
    house.post(email="countess@example.com", title="CTO")
    house.decide()
    assert count(store, tables.leads) == 1
    assert list(events(store).values()) == ["new", "merged"]


def test_an_address_that_is_anothers_stays_with_them_when_a_crm_says_it(store):
    house = a_house(store)
    house.post(email=ADA)
    house.post(email=BOB)
    house.decide()
    inbox.append(store, [found(house.lead_id(ADA), contact("77", at(5), email=BOB), at(5))])
    house.decide()
    with store.snapshot() as snapshot:
        owners = leads.find(snapshot, "main", [Identity("email", ADA), Identity("email", BOB)])
    assert len(set(owners.values())) == 2
    assert last_event(store)["state"] == "done"


def test_a_record_of_another_lead_goes_to_a_person(store):
    house = a_house(store)
    house.post(email=ADA)
    house.post(email=BOB)
    house.decide()
    ada, bob = house.lead_id(ADA), house.lead_id(BOB)
    record = contact("77", at(5), email=ADA)
    for n in range(2):  # the same doubt once more is the same row
        inbox.append(store, [found(ada, record, at(5), f"a{n}"), found(bob, record, at(5), f"b{n}")])
    house.decide()
    [asked] = rows(store, tables.reviews)
    assert (asked["kind"], asked["lead_id"], sorted(asked["detail"]["leads"])) == (
        "same_record",
        bob,
        sorted([ada, bob]),
    )
    assert list(house.lead(ADA).links) == [HUBSPOT]
    assert house.lead(BOB).links == {}
    house.settle()
    assert house.status(HUBSPOT).sources["website"].review == 1


def test_a_found_record_of_an_object_the_map_leaves_out_is_linked_and_left_alone(store):
    house = a_house(store)
    house.post(email=ADA)
    house.decide()
    record = Record(RecordRef(HUBSPOT, "companies", "9"), {"email": ADA, "title": "CEO"}, at(5))
    inbox.append(store, [found(house.lead_id(ADA), record, at(5))])
    house.decide()
    assert last_event(store)["state"] == "done"
    lead = house.lead(ADA)
    assert lead.links[HUBSPOT].object == "companies"
    assert "title" not in lead.fields


def test_a_found_event_that_fails_keeps_its_person_from_counting_as_delivered(store):
    house = a_house(store)
    house.post(email=ADA)
    house.settle()
    broken = found(house.lead_id(ADA), contact("h1"), at(1))
    inbox.append(store, [replace(broken, payload=broken.payload | {"record": {"id": "?"}})])
    house.decide()
    assert last_event(store)["state"] == "dead"
    assert house.status().sources["website"].dead == 1


def needing_house(store):
    """Salesforce is written to when the person is in HubSpot."""
    playbook = house_playbook()
    needing = replace(playbook.crms[SALESFORCE], needs=(HUBSPOT,))
    return a_house(store, playbook=replace(playbook, crms=dict(playbook.crms) | {SALESFORCE: needing}))


def give_hubspot_up(store):
    c = tables.outbox_changes.c
    dead = sa.update(tables.outbox_changes).where(c.connection == HUBSPOT).values(dead=c.wanted, error="no")
    store.write(lambda connection: connection.execute(dead).rowcount)
    return store.write(partial(outbox.give_up_orphans, space="main", now=NOON))


def test_what_needs_a_record_waits_for_it(store):
    house = needing_house(store)
    house.post(email=ADA)
    house.decide()
    assert house.deliver(SALESFORCE) == 0
    house.deliver(HUBSPOT)
    house.decide()
    assert house.deliver(SALESFORCE) == 1
    house.settle()
    assert house.status().sources["website"].delivered == 1


def test_an_orphan_is_written_once_the_record_it_needs_was_made_after_all(store):
    house = needing_house(store)
    house.post(email=ADA)
    house.decide()
    assert give_hubspot_up(store) == 1
    with store.snapshot() as snapshot:
        found = letters.page(snapshot, "main", SHELVES[CHANGE], Asked(place=HUBSPOT)).rows
        again = replay.of_letters(found, "main", by="ops", now=house.clock.now())
    inbox.append(store, again)
    house.settle()
    assert house.crms[SALESFORCE].one(ADA)["email"] == ADA


def test_who_waits_for_a_record_that_is_another_leads_is_given_up(store):
    house = needing_house(store)
    hubspot = house.crms[HUBSPOT]
    house.post(email=ADA)
    house.settle()
    [theirs] = hubspot.by_email(ADA)
    hubspot.edit(theirs, email=BOB)
    house.post(email=BOB)
    house.decide()
    give_up = partial(outbox.give_up_orphans, space="main", now=house.clock.now())
    assert store.write(give_up) == 0, "it is looked up yet"
    house.deliver(HUBSPOT)
    assert store.write(give_up) == 0, "what was found waits for the decider"
    house.decide()
    assert store.write(give_up) == 1
    with store.snapshot() as snapshot:
        [letter] = outbox.dead_letters(snapshot, "main")
    assert (letter.connection, letter.lead_id) == (SALESFORCE, house.lead_id(BOB))
    assert letter.error == f"needs a record that could not be written: {HUBSPOT}: {outbox.UNLINKED}"
    hubspot.edit(theirs, email=ADA)  # a person puts it right
    house.post(email=BOB, company="Beta")
    house.settle()
    assert house.crms[SALESFORCE].one(BOB)["company"] == "Beta"


def test_who_is_still_looked_up_under_another_object_is_no_orphan(store):
    house = needing_house(store)
    house.post(email=ADA)
    house.decide()
    c = tables.outbox_changes.c
    settled = sa.update(tables.outbox_changes).where(c.connection == HUBSPOT).values(done=c.wanted)
    store.write(lambda connection: connection.execute(settled))
    again = outbox.Raise(HUBSPOT, "companies", house.lead_id(ADA))
    store.write(partial(outbox.raise_wanted, space="main", raises=[again], now=NOON))
    assert store.write(partial(outbox.give_up_orphans, space="main", now=NOON)) == 0


def test_who_has_the_record_it_needs_is_no_orphan(store):
    house = needing_house(store)
    house.post(email=ADA, company="Alpha")
    house.settle()
    house.post(email=ADA, company="Beta")
    house.decide()
    assert give_hubspot_up(store) == 0
    house.settle()
    assert house.crms[SALESFORCE].one(ADA)["company"] == "Beta"


def at_rest(store):
    """Build a house whose lead's score and stage do not change any more, whatever is posted."""
    house = a_house(store)
    for _ in range(4):
        house.post(email=ADA, company="Alpha")
        house.settle()
    house.clock.advance(60)
    return house


def test_a_value_that_was_back_before_the_call_ended_is_written_again(store):
    house = at_rest(store)
    house.post(email=ADA, company="Beta")
    house.decide()
    claimed = claim(house.targets[HUBSPOT])
    house.clock.advance(1)
    house.post(email=ADA, company="Alpha")
    house.decide()
    finish(house.targets[HUBSPOT], claimed)
    house.settle()
    assert house.crms[HUBSPOT].one(ADA)["company"] == "Alpha"


def test_a_call_that_ends_while_the_decider_decides_is_seen_by_its_save(store):
    house = at_rest(store)
    house.post(email=ADA, company="Beta")
    house.decide()
    claimed = [claim(house.targets[HUBSPOT])]
    house.clock.advance(1)
    house.post(email=ADA, company="Alpha")

    def meanwhile(_lead, _context):
        if claimed:
            finish(house.targets[HUBSPOT], claimed.pop())
        return NOTHING

    house.handlers = [("screen", meanwhile), *house.handlers]
    house.settle()
    assert house.crms[HUBSPOT].one(ADA)["company"] == "Alpha"


def test_a_field_that_is_gone_from_the_crm_does_not_keep_us_reading(store):
    house = at_rest(store)
    house.post(email=ADA, title="Boss")
    house.settle()
    crm = house.crms[HUBSPOT]
    for record in crm.records.values():
        record.fields.pop("title")
    house.clock.advance(60)
    house.post(email=ADA, company="Beta")
    house.settle()
    assert crm.one(ADA)["company"] == "Beta"
    assert crm.called("read") < 5


def test_a_roster_changes_who_can_own_from_the_next_event_on(store):
    house = a_house(store)
    only_bo = [replace(one, active=one.id == "o2") for one in house.crms[HUBSPOT].staff]
    house.post(email=ADA)
    inbox.append(store, [bookkeeping(EventKind.ROSTER, teammates.to_payload(only_bo), at(1))])
    house.post(email=BOB)
    house.post(email="cy@example.com")
    house.decide()
    owners = [house.lead(one).owner for one in (ADA, BOB, "cy@example.com")]
    assert owners == ["ann@example.com", "bo@example.com", "bo@example.com"]
    house.restart()  # and it is stored
    house.post(email="di@example.com")
    house.decide()
    assert house.lead("di@example.com").owner == "bo@example.com"


def test_a_long_name_in_a_roster_does_not_cost_the_roster(store):
    house = a_house(store)
    staff = [replace(one, name="N" * 500) for one in house.crms[HUBSPOT].staff]
    inbox.append(store, [bookkeeping(EventKind.ROSTER, teammates.to_payload(staff), at(1))])
    house.decide()
    assert last_event(store)["state"] == "done"


def test_the_active_teammate_stands_behind_an_id_that_changed_its_address(store):
    house = a_house(store)
    for n, address in enumerate(("annie@example.com", "aaron@example.com")):
        staff = [replace(one, email=address) if one.id == "o1" else one for one in house.crms[HUBSPOT].staff]
        inbox.append(store, [bookkeeping(EventKind.ROSTER, teammates.to_payload(staff), at(n), f"r{n}")])
        who = f"p{n}@example.com"
        house.post(email=who)
        house.decide()
        record = contact(f"7{n}", at(n), email=who, owner="o1")
        inbox.append(store, [found(house.lead_id(who), record, at(n), f"f{n}")])
        house.decide()
        assert house.lead(who).owner == address
        house.restart()


def test_forget_removes_a_test_lead_and_its_traces(store):
    house = a_house(store)
    untouched = counts(store)
    house.post(email=ADA, _leadrelay_test=True, country="DE")
    house.settle()
    lead_id = house.lead_id(ADA)
    inbox.append(store, [bookkeeping(EventKind.FORGET, {"lead_id": lead_id})])
    house.decide()
    after = counts(store)
    left = {name for name in after if after[name] != untouched[name]}
    assert left <= {"audit", "audit_details", "seats"}
    assert house.status().sources["website"].received == 0
    with store.snapshot() as snapshot:
        assert leads.load(snapshot, [lead_id]) == {}
    assert house.settle() is None


def test_forget_leaves_a_real_lead_alone(store):
    house = a_house(store)
    house.post(email=ADA)
    house.decide()
    inbox.append(store, [bookkeeping(EventKind.FORGET, {"lead_id": house.lead_id(ADA)})])
    house.decide()
    assert house.lead(ADA).fields["email"] == ADA


def forget_event(house, row: object, name: str = "forget") -> str:
    """Ask for an event to be forgotten and return what was said of it."""
    inbox.append(house.store, [bookkeeping(EventKind.FORGET, {"event": row}, name=name)])
    house.decide()
    return rows(house.store, tables.audit_details)[-1]["details"]["reasons"][-1]["text"]


@pytest.mark.parametrize(
    ("end", "fields"),
    [
        ("spam", {"email": ADA, "website_url": "http://buy"}),
        ("quarantined", {"email": "not an address"}),
        ("review", {"email": "info@example.com"}),
        ("dead", {"email": ADA, "company": "Bad"}),
    ],
)
@pytest.mark.parametrize("at_once", [True, False], ids=["in one batch", "later"])
def test_forget_removes_a_test_post_that_was_set_aside_and_its_count(store, end, fields, at_once):
    playbook = house_playbook()
    house = a_house(store, playbook=playbook, handlers=[*build(playbook), ("fails", FailsOn("Bad"))])
    untouched, events_before = counts(store), count(store, tables.inbox_events)
    house.post(_leadrelay_test=True, **fields)
    house.post(email="bo@example.com", country="DE")
    row = rows(store, tables.inbox_events)[-2]["id"]
    if not at_once:
        house.decide()
        assert rows(store, tables.inbox_events)[-2]["state"] == end
    assert forget_event(house, row) == "the test post was removed"
    website = house.status().sources["website"]
    assert (website.received, website.in_flight) == (1, 1)
    assert [one["id"] for one in rows(store, tables.inbox_events) if one["id"] == row] == []
    after = counts(store)
    assert after["reviews"] == untouched["reviews"]
    assert count(store, tables.inbox_events) == events_before + 2  # the other post, and what asked for it
    told = [one["audit_id"] for one in rows(store, tables.audit_details)]
    assert [one["id"] for one in rows(store, tables.audit) if one["event"] == row and one["id"] in told] == []


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"email": "not an address"}, "not a test post: nothing was removed"),
        (
            {"email": ADA, "_leadrelay_test": True},
            "the test post is not set aside, it ended as new: nothing was removed",
        ),
    ],
)
@pytest.mark.parametrize("at_once", [True, False], ids=["in one batch", "later"])
def test_forget_leaves_any_other_post_alone(store, fields, said, at_once):
    house = a_house(store)
    house.post(**fields)
    row = rows(store, tables.inbox_events)[-1]["id"]
    if not at_once:
        house.decide()
    assert forget_event(house, row) == said
    assert house.status().sources["website"].received == 1
    assert row in [one["id"] for one in rows(store, tables.inbox_events)]


def test_forget_of_what_is_no_post_removes_nothing(store):
    house = a_house(store)
    roster = rows(store, tables.inbox_events)[0]["id"]
    before = count(store, tables.inbox_events)
    assert forget_event(house, roster, "a") == "not a test post: nothing was removed"
    assert forget_event(house, 9_999_999, "b") == "there is no such event any more"
    assert forget_event(house, "first", "c") == "there is no such event any more"
    assert count(store, tables.inbox_events) == before + 3


def test_a_test_post_that_is_replayed_in_the_same_batch_stays(store):
    house = a_house(store)
    house.post(email="not an address", _leadrelay_test=True)
    house.decide()
    row = rows(store, tables.inbox_events)[-1]["id"]
    house.replay(row, email=ADA)
    said = "the test post is not set aside, it ended as replayed: nothing was removed"
    assert forget_event(house, row) == said
    assert house.lead(ADA).is_test


def test_an_event_that_names_no_known_lead_is_set_aside_alone(store):
    house = a_house(store)
    inbox.append(
        store,
        [
            found("nobody", contact("1"), at(1), "f"),
            bookkeeping(EventKind.FORGET, {"lead_id": "nobody"}),
            bookkeeping(EventKind.DELIVERED, {}),
        ],
    )
    house.post(email=ADA)
    house.decide()
    assert events(store) == {"post-1": "new"}
    assert [r["state"] for r in rows(store, tables.inbox_events)][2:5] == ["dead", "done", "dead"]


def test_a_source_that_left_the_playbook_keeps_its_events(store):
    house = a_house(store)
    inbox.append(store, [replace(a_post("x", NOON, email=ADA), source="old")])
    house.decide()
    assert last_event(store)["state"] == "dead"
    assert 'no source "old"' in last_event(store)["error"]


# Replays ---------------------------------------------------------------------------------


def set_aside_each_way(store):
    """Return a house with an event of each kind of end that a person may replay, and their rows."""
    playbook = house_playbook()
    house = a_house(store, playbook=playbook, handlers=[*build(playbook), ("fails", FailsOn("Bad"))])
    house.post(event_id="quarantined", email="not an address", first_name="Q")
    house.post(event_id="spam", email="s@example.com", website_url="http://buy")
    house.post(event_id="review", email="info@example.com")
    house.post(event_id="dead", email="d@example.com", company="Bad")
    house.decide()
    ends = {r["event_id"]: r for r in rows(store, tables.inbox_events) if r["kind"] == "intake"}
    assert {name: row["state"] for name, row in ends.items()} == {name: name for name in ends}
    return house, {name: row["id"] for name, row in ends.items()}


@pytest.mark.parametrize(
    ("end", "overrides", "address"),
    [
        ("quarantined", {"email": "q@example.com"}, "q@example.com"),
        ("spam", {"lead": "new"}, "s@example.com"),
        ("review", {"lead": "new"}, "info@example.com"),
        ("dead", {"company": "Good"}, "d@example.com"),
    ],
)
def test_what_was_set_aside_is_decided_anew_with_what_a_person_corrected(store, end, overrides, address):
    house, ids = set_aside_each_way(store)
    house.replay(ids[end], **overrides)
    house.decide()
    assert house.lead(address)
    again = last_event(store)
    assert (again["kind"], again["state"], again["lead_id"]) == ("replay", "new", house.lead_id(address))
    assert events(store)[end] == "replayed"
    source = house.status().sources["website"]
    assert (source.received, ends_of(source)) == (4, 4)


def test_a_replay_that_ends_aside_again_can_be_replayed_and_keeps_what_was_corrected(store):
    house, ids = set_aside_each_way(store)
    house.replay(ids["quarantined"], email="info@example.net")
    house.decide()
    again = last_event(store)
    assert again["state"] == "review"
    house.replay(again["id"], lead="new")
    house.decide()
    assert house.lead("info@example.net").fields["first_name"] == "Q"
    states = [
        r["state"] for r in rows(store, tables.inbox_events) if r["id"] in (ids["quarantined"], again["id"])
    ]
    assert states == ["replayed", "replayed"]
    source = house.status().sources["website"]
    assert (source.received, ends_of(source), source.delivered + source.in_flight) == (4, 4, 1)


def test_a_replay_pressed_twice_is_decided_once(store):
    house, ids = set_aside_each_way(store)
    house.replay(ids["dead"], company="Good")
    house.clock.advance(1)
    house.replay(ids["dead"], company="Good")
    house.decide()
    assert count(store, tables.leads) == 1
    assert len(house.lead("d@example.com").activities) == 1
    again = [r["state"] for r in rows(store, tables.inbox_events) if r["kind"] == "replay"]
    assert again == ["new"], "the second press is a repeat of the first"
    assert ends_of(house.status().sources["website"]) == 4


def test_a_replay_of_what_is_not_set_aside_does_nothing(store):
    house = a_house(store)
    house.post(email=ADA)
    house.decide()
    done = last_event(store)["id"]
    house.replay(done)
    unknown = bookkeeping(EventKind.REPLAY, {"event": 4711, "by": "ada", "overrides": {}})
    inbox.append(store, [unknown])
    house.decide()
    assert events(store) == {"post-1": "new"}
    assert len(house.lead(ADA).activities) == 1
    assert [r["state"] for r in rows(store, tables.inbox_events)][-2:] == ["done", "done"]


def test_a_replay_that_waits_is_not_counted_beside_its_event(store):
    house, ids = set_aside_each_way(store)
    house.replay(*ids.values())
    source = house.status().sources["website"]
    assert (source.received, ends_of(source)) == (4, 4)


def test_a_replay_onto_a_lead_nobody_has_is_set_aside_and_can_be_put_right(store):
    house, ids = set_aside_each_way(store)
    house.replay(ids["review"], lead="ld_nobody")
    house.decide()
    again = last_event(store)
    assert again["state"] == "dead"
    house.replay(again["id"], lead="new")
    house.decide()
    assert house.lead("info@example.com")


def test_a_replay_of_a_found_record_in_review_does_not_add_to_the_counts(store):
    house = a_house(store)
    house.post(email=ADA)
    house.post(email=BOB)
    house.settle()
    [record_id] = house.crms[HUBSPOT].by_email(ADA)
    inbox.append(store, [found(house.lead_id(BOB), contact(record_id, at(5), email=ADA), at(5))])
    house.decide()
    in_review = last_event(store)
    assert in_review["state"] == "review"
    house.replay(in_review["id"])
    house.decide()
    found_status = house.status()
    assert set(found_status.sources) == {"website"}
    assert (ends_of(found_status.sources["website"]), found_status.sources["website"].review) == (2, 1)


def ends_of(source) -> int:
    """Return the sum of where the events of a source ended."""
    return (
        source.delivered
        + source.merged
        + source.review
        + source.quarantined
        + source.spam
        + source.dead
        + source.in_flight
    )


# Audit and explain -----------------------------------------------------------------------


def test_every_decision_is_in_the_audit_and_its_commitment_holds(store):
    house = a_house(store)
    house.post(email=ADA)
    house.post(email=ADA, title="CEO")
    house.post(first_name="No key")
    house.decide()
    entries = rows(store, tables.audit)
    details = {r["audit_id"]: r["details"] for r in rows(store, tables.audit_details)}
    keys = {r["lead_id"]: r["key"] for r in rows(store, tables.person_keys)}
    assert len(keys) == 1
    assert [e["event"] for e in entries] == [r["id"] for r in rows(store, tables.inbox_events)]
    for entry in entries:
        text = tables.to_json(details[entry["id"]]).encode()
        key = keys.get(entry["lead_id"], "")
        assert entry["commitment"] == hmac.new(key.encode(), text, hashlib.sha256).hexdigest()
        assert details[entry["id"]]["seq"] == entry["event"]
    assert ADA not in str(entries)


def test_explain_reads_the_newest_and_counts_the_rest(store):
    house = a_house(store)
    for number in range(6):
        house.post(email=ADA, title=f"T{number}", utm_source=f"s{number}")
        house.settle()
    lead_id = house.lead_id(ADA)
    reads: list[str] = []
    with store.snapshot() as snapshot:
        whole = explain.read(snapshot, lead_id)
        sa.event.listen(snapshot, "before_cursor_execute", lambda *given: reads.append(given[2]))
        some = explain.read(snapshot, lead_id, 3)
        all_of_it = explain.read(snapshot, lead_id, 1_000)
    assert len(whole.chapters) > 6
    assert some.chapters == whole.chapters[-3:]
    assert some.older["events"] == len(whole.chapters) - 3
    assert some.lead.touches == whole.lead.touches[-3:]
    assert some.older["touches"] == max(0, len(whole.lead.touches) - 3)
    assert (some.effects, some.older["effects"]) == ([], 0)
    assert some.writes == whole.writes
    assert all_of_it == whole
    ledgers = ("FROM audit", "FROM touches", "FROM conflicts", "FROM outbox_effects")
    of_ledgers = [text for text in reads if any(name in text for name in ledgers)]
    assert len(of_ledgers) >= 2 * len(ledgers)
    assert all("LIMIT" in text or "count(" in text for text in of_ledgers)


def test_explain_tells_the_story_in_order(store):
    house = a_house(store)
    house.post(email=ADA, country="DE")
    house.settle()
    house.post(email=ADA, title="CEO")
    house.settle()
    lead_id = house.lead_id(ADA)
    with store.snapshot() as snapshot:
        story = explain.read(snapshot, lead_id)
        by_key = explain.find_lead(snapshot, "main", "x", [Identity("email", ADA)])
        assert explain.find_lead(snapshot, "main", "nobody@example.com", []) is None
    assert by_key == lead_id
    kinds = [(c.kind, c.state) for c in story.chapters]
    assert kinds[0] == ("intake", "new")
    assert ("intake", "merged") in kinds
    assert kinds.count(("delivered", "done")) == 2
    assert all(chapter.reasons for chapter in story.chapters)
    assert [(w.connection, w.state) for w in story.writes] == [(HUBSPOT, "written"), (SALESFORCE, "written")]


def test_reasons_of_what_was_set_aside_are_kept(store):
    _house, ids = set_aside_each_way(store)
    with store.snapshot() as snapshot:
        listed = explain.set_aside_list(snapshot, "main")
        alone = explain.set_aside(snapshot, "main", ids["spam"])
        assert explain.set_aside(snapshot, "other", ids["spam"]) is None
    assert [row["id"] for row in listed] == sorted(ids.values(), reverse=True)
    assert alone is not None
    assert "honeypot" in alone["reasons"][0]["text"]
