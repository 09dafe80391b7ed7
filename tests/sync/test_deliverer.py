"""Delivery: the fewest calls, one outcome each, and nothing sent twice whatever answer gets lost."""

from __future__ import annotations

import inspect
from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest

from handlers.registry import build
from model.change import Postponed
from model.errors import StoreBusy
from model.event import Event, EventKind
from model.lead import Identity
from sync import explain, inbox, outbox, tables
from sync.delivery import claiming
from sync.delivery.claiming import claim
from sync.delivery.deliverer import deliver_batch, finish
from sync.delivery.sending import send
from sync.delivery.settling import GONE_ATTEMPTS, GONE_WAIT, MOST_ATTEMPTS, PATIENCE, settle
from sync.outbox import Raise
from sync.replays import replay
from sync.replays.letters import CHANGE, SHELVES
from sync.replays.letters import page as letters_of
from tests.builders import NOON
from tests.sync.crashing import failing
from tests.sync.fake_crm import FakeCrm
from tests.sync.house import HUBSPOT, SALESFORCE, a_house, a_map, free_leases, house_playbook
from tests.sync.stores import rows

ADA, BOB = "ada@example.com", "bob@example.com"
BOTH = pytest.mark.parametrize("crm", [HUBSPOT, SALESFORCE])  # e-mails unique | asked before a create


def kinds(store) -> list[str]:
    return [
        row["kind"] for row in rows(store, tables.inbox_events) if row["kind"] not in ("roster", "intake")
    ]


def change(store, connection: str = HUBSPOT) -> dict:
    [row] = [row for row in rows(store, tables.outbox_changes) if row["connection"] == connection]
    return row


def letters(house):
    with house.store.snapshot() as snapshot:
        return outbox.dead_letters(snapshot, "main")


def one_crm(store, crm: str = HUBSPOT, **given):
    """Build a house that writes to one CRM only."""
    playbook = house_playbook()
    return a_house(store, playbook=replace(playbook, crms={crm: playbook.crms[crm]}), **given)


# Creating --------------------------------------------------------------------------------


@BOTH
def test_a_burst_goes_out_in_one_call_and_each_is_linked(store, crm):
    house = one_crm(store, crm)
    for n in range(30):
        house.post(email=f"p{n}@example.com")
    house.decide()
    assert deliver_batch(house.targets[crm]) == 30
    assert house.crms[crm].called("create") == 1
    house.settle()
    assert house.crms[crm].called("update") == 0
    assert len(house.crms[crm].records) == 30
    lead = house.lead("p7@example.com")
    link = lead.links[crm]
    assert house.crms[crm].one("p7@example.com") == dict(link.shadow) == dict(link.written)
    assert kinds(store) == []  # nobody waits for the link: nothing is left to decide
    with store.snapshot() as snapshot:
        [*_, made] = explain.read(snapshot, lead.id).chapters
    assert (made.event, made.kind, made.source, made.state) == (None, "delivered", crm, "done")
    assert made.reasons[0]["text"] == f"created in {crm} as {link.object} {link.remote_id}; linked"
    assert {row["actor"] for row in rows(store, tables.audit)} == {"decider", "deliverer"}


def test_a_trickle_waits_for_nobody(store):
    house = one_crm(store)
    house.post(email=ADA)
    house.decide()
    assert deliver_batch(house.targets[HUBSPOT]) == 1


@BOTH
def test_one_who_is_there_is_found_linked_merged_and_then_filled_in(store, crm):
    house = one_crm(store, crm)
    remote = house.crms[crm].put(
        "Contact" if crm == SALESFORCE else "contacts", email=ADA, owner="o2", title="Countess"
    )
    house.post(email=ADA, first_name="Ada", country="DE")
    house.settle()
    assert house.crms[crm].by_email(ADA) == [remote]
    record = house.crms[crm].one(ADA)
    assert (record["owner"], record["title"], record["first_name"]) == ("o2", "Countess", "Ada")
    lead = house.lead(ADA)
    assert (lead.owner, lead.fields["title"]) == ("bo@example.com", "Countess")
    assert house.status().sources["website"].delivered == 1


@BOTH
def test_a_lost_answer_of_a_create_ends_in_one_record_and_one_link(store, crm):
    house = one_crm(store, crm)
    house.crms[crm].next("create", lost=True)
    house.post(email=ADA, title="CTO")
    house.decide()
    house.deliver()
    row = change(store, crm)
    assert row["in_flight"]["email"] == [ADA]
    house.settle()
    assert house.crms[crm].creates[ADA] == 1
    [remote] = house.crms[crm].by_email(ADA)
    link = house.lead(ADA).links[crm]
    assert (link.remote_id, link.written["title"]) == (remote, "CTO")
    house.post(email=ADA, title="CEO")  # what we wrote ourselves may be written over
    house.settle()
    assert house.crms[crm].one(ADA)["title"] == "CEO"
    assert len(rows(store, tables.links)) == 1


@BOTH
@pytest.mark.parametrize("after", [False, True])
def test_a_process_that_ends_around_a_create_leaves_one_record(store, crm, after):
    house = one_crm(store, crm)
    house.post(email=ADA)
    house.decide()
    claimed = claim(house.targets[crm])
    assert claimed is not None
    if after:
        list(send(house.targets[crm], claimed.sendings))
    house.restart()
    assert house.deliver() == 0  # leased: whoever had it may still be at it
    if store.dialect == "sqlite":
        free_leases(store)
    else:
        house.clock.advance(120)
    house.settle()
    assert house.crms[crm].creates[ADA] == 1
    assert house.lead(ADA).links[crm].remote_id in house.crms[crm].records


def test_one_whom_two_leads_mean_is_linked_once_and_a_person_is_asked(store):
    house = one_crm(store)
    house.crms[HUBSPOT].put(email=ADA, lead_id="")
    house.post(email=ADA)
    house.post(email=BOB)
    house.decide()
    house.crms[HUBSPOT]._exists = lambda c: FakeCrm._exists(
        house.crms[HUBSPOT], replace(c, identities=(*c.identities, Identity("email", ADA)))
    )
    house.settle()
    assert len(rows(store, tables.links)) == 1
    [asked] = rows(store, tables.reviews)
    assert asked["kind"] == "same_record"


# Updating --------------------------------------------------------------------------------


def known(store, crm: str = HUBSPOT, **given):
    """Return a house with Ada in the CRM, and her record's id."""
    house = one_crm(store, crm, **given)
    house.post(email=ADA, title="Intern", country="DE")
    house.settle()
    [remote] = house.crms[crm].by_email(ADA)
    house.crms[crm].calls.clear()
    return house, house.crms[crm], remote


@BOTH
def test_only_what_differs_is_sent(store, crm):
    house, fake, remote = known(store, crm)
    sent = []
    real = fake._update
    fake._update = lambda change: sent.append(dict(change.fields)) or real(change)
    house.clock.advance(1)
    house.post(email=ADA, title="CTO")
    house.settle()
    assert sent == [{"title": "CTO", "score": 20}]
    assert fake.records[remote].fields["title"] == "CTO"


def test_nothing_is_called_where_nothing_differs(store):
    house, fake, _ = known(store)
    wish = Raise(HUBSPOT, "contacts", house.lead_id(ADA))
    store.write(partial(outbox.raise_wanted, space="main", raises=[wish], now=NOON))
    assert house.deliver() == 0
    assert fake.calls == []
    assert (change(store)["wanted"], change(store)["done"]) == (2, 2)


def test_thousands_of_rows_without_anything_to_send_are_passed_over(store, monkeypatch):
    house = one_crm(store)
    house.crms[HUBSPOT].batch_size = 1
    for n in range(12):
        house.post(email=f"p{n}@example.com")
    house.settle()
    found = {row["entity_id"] for row in rows(store, tables.outbox_changes)}
    wishes = [Raise(HUBSPOT, "contacts", lead_id) for lead_id in found]
    store.write(partial(outbox.raise_wanted, space="main", raises=wishes, now=NOON))
    depth = []
    real = claiming._plan_due
    monkeypatch.setattr(claiming, "_plan_due", lambda *asked: depth.append(_depth()) or real(*asked))
    assert claim(house.targets[HUBSPOT]) is None
    assert len(depth) == 13
    assert len(set(depth)) == 1  # a loop, not a call in a call


def _depth() -> int:
    return len(inspect.stack(0))


def test_a_change_made_while_the_call_is_on_its_way_is_sent_next(store):
    house, fake, _ = known(store)

    def meanwhile() -> None:
        house.clock.advance(1)
        house.post(email=ADA, title="CEO")
        house.decide()

    house.clock.advance(1)
    house.post(email=ADA, title="CTO")
    house.decide()
    fake.next("update", after=meanwhile)
    deliver_batch(house.targets[HUBSPOT])
    assert (change(store)["wanted"], change(store)["done"]) == (3, 2)
    assert fake.one(ADA)["title"] == "CTO"
    house.settle()
    assert fake.one(ADA)["title"] == "CEO"


@BOTH
def test_a_lost_answer_of_an_update_is_read_by_id_before_it_is_sent_again(store, crm):
    house, fake, remote = known(store, crm)
    house.clock.advance(100)
    fake.next("update", lost=True)
    house.post(email=ADA, country="FR")
    house.settle()
    names = [name for name, _ in fake.calls]
    assert names[-1] == "read"
    assert names.count("update") == 1  # it had arrived
    assert house.lead(ADA).links[crm].shadow["country"] == "FR"
    assert remote in fake.records


def test_a_lost_update_that_never_arrived_is_sent_again(store):
    house, fake, _ = known(store)
    fake.next("update", refused="busy")
    fake.next("update", before=lambda: (_ for _ in ()).throw(RuntimeError("the line is dead")))
    house.clock.advance(100)
    house.post(email=ADA, country="FR")
    house.settle()
    assert fake.one(ADA)["country"] == "FR"


def test_a_change_taken_back_after_a_lost_answer_is_taken_back_in_the_crm(store):
    """The record holds what was sent and doubted; the lead again holds what the shadow does."""
    house, fake, _ = known(store)
    for _ in range(4):  # until its score stays as it is: nothing else differs
        house.post(email=ADA, country="DE")
        house.settle()
    fake.next("update", lost=True, wait=50)
    house.clock.advance(1)
    house.post(email=ADA, country="FR")
    house.decide()
    house.deliver()
    assert fake.one(ADA)["country"] == "FR"
    house.clock.advance(1)
    house.post(email=ADA, country="DE")
    house.settle()
    assert fake.one(ADA)["country"] == "DE"
    link = house.lead(ADA).links[HUBSPOT]
    assert (link.shadow["country"], link.written["country"]) == ("DE", "DE")


def test_what_was_read_on_the_way_is_agreed_too(store):
    house, fake, _ = known(store)
    fake.next("update", lost=True, wait=1)
    house.clock.advance(100)
    house.post(email=ADA, country="FR", company="Acme")
    house.decide()
    house.deliver()
    house.clock.advance(1)
    house.post(email=ADA, title="CEO")
    house.settle()
    updates = fake.called("update")
    assert dict(house.lead(ADA).links[HUBSPOT].shadow) == fake.one(ADA)
    house.post(email=ADA, title="CEO")
    house.settle()
    assert fake.called("update") == updates  # no field a second time


# Reading before writing ------------------------------------------------------------------


def test_an_owner_whom_people_changed_is_never_written_over(store):
    house, fake, remote = known(store)
    fake.edit(remote, owner="o2")
    house.clock.advance(600)
    house.post(email=ADA, title="CEO")
    house.settle()
    assert fake.one(ADA)["owner"] == "o2"
    assert house.lead(ADA).owner == "bo@example.com"
    assert [row["owner"] for row in rows(store, tables.assignments)] == ["ann@example.com", "bo@example.com"]


def test_a_stage_that_people_moved_on_is_never_moved_back(store):
    house, fake, remote = known(store)
    fake.edit(remote, stage="sql")
    house.clock.advance(600)
    house.post(email=ADA, title="CEO")  # our rules say mql
    house.settle()
    assert fake.one(ADA)["stage"] == "sql"
    assert house.lead(ADA).stage == "sql"


def test_a_read_that_finds_an_edit_becomes_an_event_and_writes_nothing_first(store):
    house, fake, remote = known(store)
    fake.edit(remote, company="Their Company", owner="o2")
    house.clock.advance(600)
    house.post(email=ADA, title="CEO")
    house.decide()
    house.deliver()
    assert [name for name, _ in fake.calls] == ["read"]
    assert kinds(store)[-1] == "found"
    assert deliver_batch(house.targets[HUBSPOT]) == 0  # waits for the merge
    house.post(email=ADA, country="FR")
    assert deliver_batch(house.targets[HUBSPOT]) == 0
    house.settle()
    assert (fake.one(ADA)["company"], fake.one(ADA)["title"]) == ("Their Company", "CEO")
    assert house.lead(ADA).fields["company"] == "Their Company"


@pytest.mark.parametrize(("seconds", "reads"), [(30, 0), (61, 1)])
def test_a_record_read_lately_is_not_read_again_where_the_map_trusts_that(store, seconds, reads):
    playbook = house_playbook()
    trusting = a_map(HUBSPOT, "contacts", read_before_write=timedelta(seconds=60))
    house = a_house(store, playbook=replace(playbook, crms={HUBSPOT: trusting}))
    house.post(email=ADA)
    house.settle()
    house.clock.advance(seconds)
    house.post(email=ADA, title="CEO")
    house.settle()
    assert house.crms[HUBSPOT].called("read") == reads


def test_what_a_slow_call_showed_is_as_old_as_its_beginning(store):
    house = one_crm(store)
    house.post(email=ADA)
    house.decide()
    began = house.clock.now()
    house.crms[HUBSPOT].next("create", after=lambda: house.clock.advance(50))
    house.deliver()
    link = house.lead(ADA).links[HUBSPOT]
    assert (link.read_at, link.wrote_at) == (began, began + timedelta(seconds=50))


def test_a_write_is_no_read(store):
    """What only went out tells nothing of what people changed beside it."""
    playbook = house_playbook()
    trusting = a_map(HUBSPOT, "contacts", read_before_write=timedelta(seconds=60))
    house = a_house(store, playbook=replace(playbook, crms={HUBSPOT: trusting}))
    house.post(email=ADA)
    house.settle()
    fake = house.crms[HUBSPOT]
    [remote] = fake.by_email(ADA)
    house.clock.advance(70)
    fake.edit(remote, owner="o2", title="Hers")
    house.post(email=ADA, country="AT")  # leadrelay's own fields: written without a read
    house.settle()
    assert (fake.called("read"), fake.called("update")) == (0, 1)
    house.clock.advance(10)
    house.post(email=ADA, country="DE")  # a rule moves the stage
    house.settle()
    assert fake.called("read") >= 1
    assert (fake.one(ADA)["owner"], fake.one(ADA)["title"]) == ("o2", "Hers")


# Refusals --------------------------------------------------------------------------------


@BOTH
def test_one_bad_record_stands_alone_and_is_kept_with_the_crms_words(store, crm):
    house = one_crm(store, crm)
    for name in ("good1", "bad", "good2"):
        house.post(email=f"{name}@example.com")
    house.decide()
    house.crms[crm].next("create", rejects="bad@")
    house.settle()
    assert len(house.crms[crm].records) == 2
    [letter] = letters(house)
    assert (letter.lead_id, letter.error) == (
        house.lead_id("bad@example.com"),
        "INVALID: the CRM will not take it (fields: email)",
    )
    source = house.status().sources["website"]
    assert (source.delivered, source.dead) == (2, 1)


def test_a_dead_letter_is_tried_again_when_a_person_asks(store):
    house = one_crm(store)
    house.crms[HUBSPOT].next("create", rejects=ADA)
    house.post(email=ADA)
    house.settle()
    with store.snapshot() as snapshot:
        found = letters_of(snapshot, "main", SHELVES[CHANGE]).rows
        again = replay.of_letters(found, "main", by="ada", now=house.clock.now())
    inbox.append(store, again)
    house.settle()
    assert house.crms[HUBSPOT].by_email(ADA)
    assert letters(house) == []
    assert house.status().sources["website"].delivered == 1


def test_a_replayed_change_of_a_lead_that_is_gone_blocks_nobody(store):
    house = one_crm(store)
    payload = {"by": "ada", "change": {"connection": HUBSPOT, "object": "contacts", "lead_id": "gone"}}
    inbox.append(store, [Event(HUBSPOT, "r1", EventKind.REPLAY, payload, NOON, NOON)])
    house.decide()
    assert rows(store, tables.outbox_changes) == []
    wish = Raise(HUBSPOT, "contacts", "gone")  # as an older version left it
    store.write(partial(outbox.raise_wanted, space="main", raises=[wish], now=NOON))
    house.post(email=ADA)
    house.settle()
    assert house.crms[HUBSPOT].by_email(ADA)
    assert [letter.error for letter in letters(house)] == ["there is no such lead any more"]


def test_a_change_of_an_object_that_left_the_map_blocks_nobody(store):
    house = one_crm(store, SALESFORCE)
    house.post(email=ADA)
    house.decide()
    crm = a_map(SALESFORCE, "Contact")
    house.playbook = replace(house.playbook, crms={SALESFORCE: crm})
    house.post(email=BOB)
    house.handlers = build(house.playbook)
    house.settle()
    assert house.crms[SALESFORCE].by_email(BOB)
    assert [letter.error for letter in letters(house)] == ["the map of salesforce leaves Lead out"]


def test_a_record_that_was_deleted_is_left_alone_and_nobody_made_anew(store):
    house, fake, remote = known(store)
    fake.records[remote].archived = True
    house.clock.advance(100)
    house.post(email=ADA, country="FR")
    house.settle()
    assert letters(house) == []
    link = house.lead(ADA).links[HUBSPOT]
    assert (link.remote_id, link.gone_at is not None) == (remote, True)
    house.post(email=ADA, country="DE")
    house.settle()
    assert (len(fake.records), fake.records[remote].fields.get("country")) == (1, "DE")


def test_what_failed_before_a_record_was_gone_does_not_count_as_looking_for_it(store):
    house, fake, remote = known(store)
    house.clock.advance(100)
    house.post(email=ADA, country="FR")
    house.decide()
    for _ in range(GONE_ATTEMPTS):
        fake.next("update", refused="503", wait=1)
        house.deliver()
        house.clock.advance(1)
    fake.records[remote].archived = True
    waits = []
    while not letters(house):
        now = house.clock.now()
        house.deliver()
        waits.append((change(store)["due_at"] - now).total_seconds())
        house.clock.advance(waits[-1])
    assert waits[:-1] == [GONE_WAIT * 2**number for number in range(GONE_ATTEMPTS - 1)]


def test_a_busy_server_is_given_the_time_it_asks_for(store):
    house = one_crm(store)
    house.crms[HUBSPOT].next("create", refused="429", wait=30)
    house.post(email=ADA)
    house.decide()
    house.deliver()
    row = change(store)
    assert (row["due_at"], row["error"], row["in_flight"]) == (NOON + timedelta(seconds=30), "429", None)
    house.clock.advance(29)
    assert house.deliver() == 0
    house.clock.advance(1)
    assert house.deliver() == 1


def test_waits_double_up_to_the_longest(store):
    house = one_crm(store)
    house.post(email=ADA)
    house.decide()
    waits = []
    for _ in range(12):
        house.crms[HUBSPOT].next("create", refused="503")
        now = house.clock.now()
        house.deliver()
        waits.append((change(store)["due_at"] - now).total_seconds())
        house.clock.advance(waits[-1])
    assert waits[:9] == [2, 4, 8, 16, 32, 64, 128, 256, 512]
    assert set(waits[9:]) == {900}
    house.settle()
    assert change(store)["attempts"] == 0


@pytest.mark.parametrize(
    ("attempts", "age", "dead"),
    [
        (MOST_ATTEMPTS - 1, PATIENCE, True),
        (MOST_ATTEMPTS - 1, timedelta(hours=1), False),
        (5, PATIENCE, False),
    ],
)
def test_a_change_is_given_up_after_many_attempts_and_a_day(store, attempts, age, dead):
    house = one_crm(store)
    house.post(email=ADA)
    house.decide()
    store.write(lambda c: c.execute(tables.outbox_changes.update().values(attempts=attempts)))
    house.clock.advance(age.total_seconds())
    house.crms[HUBSPOT].next("create", refused="503", wait=1)
    house.deliver()
    assert bool(letters(house)) is dead


def test_who_was_made_under_an_old_address_is_found_before_they_are_made_again(store):
    house = one_crm(store)
    house.crms[HUBSPOT].next("create", lost=True)
    house.post(email=ADA, phone="+49 30 1234567")
    house.decide()
    house.deliver()
    in_flight = change(store)["in_flight"] | {"email": ["ada@old.example"]}
    update = tables.outbox_changes.update().values(in_flight=in_flight)
    store.write(lambda connection: connection.execute(update))
    house.settle()
    names = [name for name, _ in house.crms[HUBSPOT].calls if name in ("find", "create")]
    assert names == ["create", "find"]
    assert len(house.crms[HUBSPOT].records) == 1


def test_what_was_given_up_may_have_arrived_all_the_same(store):
    house, fake, _ = known(store)
    house.clock.advance(100)
    house.post(email=ADA, country="FR")
    house.decide()
    store.write(lambda c: c.execute(tables.outbox_changes.update().values(attempts=MOST_ATTEMPTS - 1)))
    house.clock.advance(PATIENCE.total_seconds())
    fake.next("update", lost=True, wait=1)
    house.deliver()
    assert letters(house)
    assert change(store)["in_flight"]["country"] == ["FR"]


def test_without_authorisation_everything_waits_and_no_change_pays_for_it(store):
    house, fake, _ = known(store)
    house.clock.advance(100)
    house.post(email=BOB)
    house.post(email=ADA, title="CEO")
    house.decide()
    fake.next("read", unauthorized=True)
    fake.next("update", unauthorized=True)
    house.deliver()
    house.deliver()
    ends = {row["entity_id"]: row for row in rows(store, tables.outbox_changes)}
    bob, ada = ends[house.lead_id(BOB)], ends[house.lead_id(ADA)]
    assert (bob["done"], bob["error"]) == (1, None)  # created before the token was refused
    assert (ada["attempts"], ada["lease_token"]) == (0, None)
    assert "token has expired" in ada["error"]
    assert (ada["due_at"] - house.clock.now()).total_seconds() == 60
    house.clock.advance(60)
    house.settle()
    assert fake.one(ADA)["title"] == "CEO"
    assert fake.creates[BOB] == 1


def test_a_connector_that_breaks_keeps_the_outcomes_it_gave(store):
    house, fake, _ = known(store)
    house.clock.advance(100)
    house.post(email=BOB)
    house.post(email=ADA, country="FR")
    house.decide()

    def breaks() -> None:
        raise KeyError("a bug")

    fake.next("read", before=breaks)
    fake.next("update", before=breaks)
    house.deliver()
    assert house.lead(BOB).links[HUBSPOT]
    house.settle()
    assert (fake.one(ADA)["country"], fake.creates[BOB]) == ("FR", 1)


# Leases ----------------------------------------------------------------------------------


def test_one_who_comes_back_after_the_lease_was_lost_changes_nothing(store):
    house = one_crm(store)
    house.post(email=ADA)
    house.decide()
    slow = claim(house.targets[HUBSPOT])
    assert slow is not None
    outcomes = list(send(house.targets[HUBSPOT], slow.sendings))
    house.clock.advance(121)
    house.settle()
    before = (rows(store, tables.outbox_changes), rows(store, tables.links), kinds(store))
    store.write(partial(settle, target=house.targets[HUBSPOT], claimed=slow, outcomes=outcomes))
    assert (rows(store, tables.outbox_changes), rows(store, tables.links), kinds(store)) == before


def test_a_settlement_is_whole_or_not_at_all(store):
    house = one_crm(store)
    for n in range(3):
        house.post(email=f"p{n}@example.com")
    house.decide()
    at_statement = 0
    while True:
        at_statement += 1
        claimed = claim(house.targets[HUBSPOT])
        assert claimed is not None
        before = (rows(store, tables.outbox_changes), rows(store, tables.links), kinds(store))
        with failing(store, lambda: StoreBusy("the process ends"), at=at_statement) as seen:
            try:
                finish(house.targets[HUBSPOT], claimed)
            except StoreBusy:
                assert (rows(store, tables.outbox_changes), rows(store, tables.links), kinds(store)) == before
                free_leases(store)
                house.clock.advance(121)
                continue
        break
    assert 1 < at_statement == len(seen) + 1
    house.settle()
    assert sum(house.crms[HUBSPOT].creates.values()) == 3


def test_nothing_is_claimed_before_the_owners_are_known(store):
    house = one_crm(store, rosters=False)
    house.post(email=ADA)
    house.decide()
    assert house.deliver() == 0
    house.read_rosters()
    assert house.deliver() == 1


def test_an_outcome_nobody_asked_for_is_ignored_and_a_missing_one_waits_for_the_lease(store):
    house = one_crm(store)
    house.post(email=ADA)
    house.decide()
    fake = house.crms[HUBSPOT]
    real = fake.create
    fake.create = lambda *_: iter([Postponed("4711", "who?")])
    house.deliver()
    assert change(store)["lease_token"] is not None
    fake.create = real
    house.clock.advance(121)
    house.settle()
    assert fake.creates[ADA] == 1
