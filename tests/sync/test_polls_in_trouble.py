"""Polls where something is wrong: what cannot be settled, a CRM that is slow, half known or gone."""

from __future__ import annotations

from functools import partial

import pytest
from structlog.testing import capture_logs

from model.errors import Refusal
from sync import cursors, fetches, inbox, mirror, tables
from sync.cursors import ARCHIVED, UNOWNED
from sync.fetches import Wish
from sync.reading.backfill import Backfill, begin_again
from tests.sync.followed import ADA, BO, a_bin, a_fetcher, a_poll, asked, cursor, known, look, told
from tests.sync.house import HUBSPOT, SALESFORCE, House, a_house
from tests.sync.stores import rows


@pytest.fixture
def house(store) -> House:
    return a_house(store)


# What the decider cannot settle


def test_what_is_not_settled_is_not_told_at_every_look(house):
    ids, poll = known(house, title="Intern"), a_poll(house)
    look(poll)
    house.crms[HUBSPOT].edit(ids[HUBSPOT], title="CTO")
    assert look(poll, 30) == 1
    assert [look(poll, 30) for _ in range(10)] == [0] * 10  # nobody decides
    walk = Backfill(house.crms[HUBSPOT], house.store, house.clock, lambda: house.playbook)
    while walk.step():
        pass
    assert look(poll, 30) == 0
    assert told(house) == [ids[HUBSPOT]]


def test_another_value_within_the_second_of_a_stamp_is_told(house):
    ids, poll = known(house, title="Intern"), a_poll(house, SALESFORCE)
    look(poll)
    crm = house.crms[SALESFORCE]
    crm.edit(ids[SALESFORCE], title="CTO")
    stamp = crm.records[ids[SALESFORCE]].modified_at
    assert look(poll, 30) == 1
    crm.edit(ids[SALESFORCE], title="CEO")
    crm.records[ids[SALESFORCE]].modified_at = stamp
    assert look(poll, 30) == 1
    assert look(poll, 30) == 0
    house.decide()
    assert house.lead(ADA).fields["title"] == "CEO"


# Fields that were absent


def asked_fields(house: House, name: str = HUBSPOT) -> list[tuple[str, ...]]:
    """Note from now on which fields of contacts are asked for."""
    crm, seen = house.crms[name], []
    real = crm.changes

    def changes(object_type, fields, position, **given):
        if object_type == "contacts":
            seen.append(tuple(fields))
        return real(object_type, fields, position, **given)

    crm.changes = changes
    return seen


def test_a_field_that_was_absent_is_asked_for_again_by_a_sweep(house):
    poll, crm, seen = a_poll(house), house.crms[HUBSPOT], asked_fields(house)
    crm.hidden = {"country"}
    crm.put("contacts", email=ADA)
    look(poll)
    look(poll, 30)
    assert ("country" in seen[-1], cursor(house).absent) == (False, ("country",))
    look(poll, 600)
    assert [("country" in one) for one in seen[-2:]] == [True, False]
    assert cursor(house).absent == ("country",)
    crm.hidden = set()
    look(poll, 600)
    assert cursor(house).absent == ()
    look(poll, 30)
    assert "country" in seen[-1]


def test_a_field_that_was_absent_is_asked_for_again_by_another_process_and_after_a_new_backfill(house):
    crm, seen = house.crms[HUBSPOT], asked_fields(house)
    poll = a_poll(house)
    crm.hidden = {"country"}
    crm.put("contacts", email=ADA)
    look(poll)
    look(poll, 30)
    assert "country" not in seen[-1]
    look(a_poll(house))
    assert "country" in seen[-1]
    look(poll, 30)
    house.store.write(partial(begin_again, space="main", name=HUBSPOT, now=house.clock.now()))
    assert cursor(house).absent == ()
    look(poll, 30)
    assert "country" in seen[-1]


# A store that cannot take a page, a queue that is long, owners that are not known


def test_a_page_that_cannot_be_stored_holds_up_no_other_object(house, monkeypatch):
    poll = a_poll(house)
    look(poll)
    house.clock.advance(30)
    with monkeypatch.context() as patch:
        patch.setattr("sync.reading.polling.Sighting.of", lambda *_, **__: {}["no such key"])
        assert str(poll.step().problem).startswith("an unexpected failure (KeyError); the log has it")
    assert poll.step().object == "companies"


def test_objects_take_turns_page_by_page(house):
    poll, crm = a_poll(house), house.crms[HUBSPOT]
    look(poll)
    for number in range(25):
        crm.put("contacts", email=f"p{number}@example.com")
    house.clock.advance(30)
    walked = []
    for _ in range(4):
        walked.append(poll.step().object)
        house.clock.advance(1)  # every call takes a while
    assert walked == ["contacts", "companies", "contacts", "contacts"]


def test_while_many_events_wait_no_page_is_read(house):
    poll = a_poll(house)
    look(poll)
    for number in range(101):
        house.post(email=f"p{number}@example.com")
    house.clock.advance(30)
    made = house.crms[HUBSPOT].called("changes")
    assert poll.step().wait == inbox.BUSY_WAIT
    assert house.crms[HUBSPOT].called("changes") == made
    house.decide()
    look(poll)
    assert house.crms[HUBSPOT].called("changes") == made + 2


def test_of_strangers_nobody_is_told_before_the_owners_are_known(store):
    house = a_house(store, rosters=False)
    poll, crm = a_poll(house), house.crms[HUBSPOT]
    crm.put("contacts", email="here@example.com")
    look(poll)
    new = crm.put("contacts", email=ADA)
    assert [look(poll, 30), look(poll, 30)] == [0, 0]
    assert asked(house, "contacts") == ["", "1"]
    house.read_rosters()
    assert look(poll, 30) == 1
    assert told(house)[-1] == new


def test_where_the_owners_cannot_be_read_changes_are_followed_without_and_strangers_are_left_out(store):
    house = a_house(store, rosters=False)
    poll, crm = a_poll(house), house.crms[HUBSPOT]
    old = crm.put("contacts", email="here@example.com")
    look(poll)
    new = crm.put("contacts", email=ADA)
    assert (look(poll, 599), asked(house, "contacts")) == (0, ["", "1"])
    assert look(poll, 6) == 0
    assert len(asked(house, "contacts")) > 2
    assert [cursor(house).after, cursor(house, job=UNOWNED).after] == ["2", "1"]
    later = crm.put("contacts", email=BO)
    assert [look(a_poll(house), 60), look(poll, 700)] == [0, 0]  # another process, and a sweep
    assert told(house) == []

    house.read_rosters()
    again = a_poll(house)
    assert look(again, 60) == 2
    assert told(house) == [new, later]
    with house.store.snapshot() as snapshot:
        assert cursors.find(snapshot, "main", HUBSPOT, UNOWNED, "contacts") is None
    assert [look(again, 60), look(a_poll(house), 700)] == [0, 0]
    crm.touch(old)
    assert look(again, 60) == 1  # nobody was ever told of it as new


def test_what_was_left_out_is_read_again_from_the_start_after_a_crash_on_the_way(store):
    house = a_house(store, rosters=False)
    poll, crm = a_poll(house), house.crms[HUBSPOT]
    look(poll)
    look(poll, 605)
    there = [crm.put("contacts", email=f"p{number}@example.com") for number in range(15)]
    look(poll, 60)
    house.read_rosters()
    killed = a_poll(house)
    house.clock.advance(60)
    assert killed.step().records == 10
    assert look(a_poll(house)) == 5
    assert told(house) == there


def test_records_of_ours_are_followed_while_the_owners_cannot_be_read(house, monkeypatch):
    ids = known(house, title="Intern")
    monkeypatch.setattr("sync.reading.polling.known_rosters", lambda *_: frozenset())
    poll, crm = a_poll(house), house.crms[HUBSPOT]
    look(poll)
    crm.edit(ids[HUBSPOT], title="CTO")
    assert look(poll, 605) == 1
    house.decide()
    assert house.lead(ADA).fields["title"] == "CTO"


# A quiet account


def test_on_a_quiet_account_a_bulk_load_is_not_read_for_ever(house):
    poll, crm = a_poll(house), house.crms[HUBSPOT]
    look(poll)
    for number in range(15):
        crm.put("contacts", email=f"p{number}@example.com")
    met = []
    for _ in range(240):  # two hours
        look(poll, 30)
        house.decide()
        met.append(len(asked(house, "contacts")))
    assert met[-1] - met[-61] == 60  # one page a look, and no sweep any more
    assert met[-1] < 2 + 240 + 2 * 5
    crm.put("contacts", email=ADA)
    begun = met[-1]
    look(poll, 30)
    house.decide()
    look(poll, 30)
    assert asked(house, "contacts")[begun:][:2] == ["15", "16"]
    assert told(house)[-1] == "h16"


def test_a_change_that_is_seen_late_is_met_though_nothing_newer_comes(house):
    poll, crm = a_poll(house, SALESFORCE), house.crms[SALESFORCE]
    look(poll)
    late = crm.put("Lead", email=ADA)
    hidden = crm.records.pop(late)  # its transaction goes on for minutes
    house.clock.advance(60)
    crm.put("Lead", email=BO)
    assert look(poll) == 1
    house.decide()
    assert look(poll, 601) == 0  # a sweep that does not meet it
    crm.records[late] = hidden
    assert sum(look(poll, 60) for _ in range(20)) == 1
    assert told(house)[-1] == late


# Fetches


def want(house: House, name: str, object_type: str, *ids: str) -> None:
    wishes = [Wish(name, object_type, one) for one in ids]
    house.store.write(partial(fetches.raise_wanted, space="main", wishes=wishes, now=house.clock.now()))


def refuse(house: House, *culprits: str) -> list[int]:
    """Let reads be refused that ask for one of these records; return how many each read asks for."""
    crm, made = house.crms[HUBSPOT], []
    real = crm.read

    def read(refs, fields, **given):
        made.append(len(refs))
        if any(ref.id in culprits for ref in refs):
            raise Refusal("400: this record cannot be read")
        return real(refs, fields, **given)

    crm.read = read
    return made


def test_one_record_that_cannot_be_read_holds_up_no_other(house):
    ids = [house.crms[HUBSPOT].put("contacts", email=f"p{number}@example.com") for number in range(100)]
    made = refuse(house, ids[41])
    want(house, HUBSPOT, "contacts", *ids)
    a_fetcher(house).step()
    assert sorted(told(house)) == sorted({*ids} - {ids[41]})
    assert [row["remote_id"] for row in rows(house.store, tables.outbox_fetches)] == [ids[41]]
    assert len(made) <= 15


def test_where_all_are_refused_few_calls_are_made_and_all_wait(house):
    ids = [house.crms[HUBSPOT].put("contacts", email=f"p{number}@example.com") for number in range(100)]
    made = refuse(house, *ids)
    want(house, HUBSPOT, "contacts", *ids)
    a_fetcher(house).step()
    waiting = rows(house.store, tables.outbox_fetches)
    assert (len(waiting), told(house)) == (100, [])
    assert all(row["lease_token"] is None and row["due_at"] > house.clock.now() for row in waiting)
    assert len(made) < 30


def test_what_salesforce_does_not_show_is_not_said_to_be_gone(house):
    ids = known(house)
    for name, object_type in ((SALESFORCE, "Lead"), (HUBSPOT, "contacts")):
        house.crms[name].records.pop(ids[name])
        want(house, name, object_type, ids[name])
    with capture_logs() as logs:
        house.fetch()
    house.decide()
    assert told(house) == [ids[HUBSPOT]]
    assert [one["records"] for one in logs if one["event"] == "fetch.unreadable"] == [[ids[SALESFORCE]]]
    links = house.lead(ADA).links
    assert (links[SALESFORCE].gone_at, links[HUBSPOT].gone_at) == (None, house.clock.now())
    assert rows(house.store, tables.outbox_fetches) == []


def test_with_a_connection_goes_what_was_to_be_read_of_it_and_how_far_its_walks_were(house):
    look(a_poll(house))
    a_bin(house).step()
    want(house, HUBSPOT, "contacts", "h1")
    want(house, SALESFORCE, "Lead", "s1")
    mirror.forget(house.store, "main", HUBSPOT)
    with house.store.snapshot() as snapshot:
        assert cursors.load(snapshot, "main", HUBSPOT) == []
        assert not mirror.is_half_forgotten(snapshot, "main", HUBSPOT)
    assert [row["connection"] for row in rows(house.store, tables.outbox_fetches)] == [SALESFORCE]


# The recycle bin


def fill_bin(house: House, number: int) -> None:
    crm = house.crms[HUBSPOT]
    for each in range(number):
        crm.archive(crm.put("contacts", email=f"p{each}@example.com"))


def through(recycled) -> None:
    for _ in range(600):
        if recycled.step() is None:
            return
    raise AssertionError("the walk does not come to its end")


def test_a_place_in_the_bin_that_the_crm_takes_no_more_begins_the_walk_anew_an_hour_later(house):
    fill_bin(house, 15)
    crm, recycled = house.crms[HUBSPOT], a_bin(house)

    def refused():
        raise Refusal("400: invalid after")

    recycled.step()
    assert cursor(house, job=ARCHIVED).after == "h10"
    crm.next("archived", before=refused)
    recycled.step()
    assert cursor(house, job=ARCHIVED).after is None
    through(recycled)
    assert asked(house, "contacts", call="archived") == ["", "h10"]
    house.clock.advance(3600)
    through(recycled)
    assert asked(house, "contacts", call="archived") == ["", "h10", "", "h10"]
    assert not cursor(house, job=ARCHIVED).is_walking


def test_a_very_long_bin_is_not_walked_through_all_the_time(house):
    house.crms[HUBSPOT].page_size = 1
    fill_bin(house, 400)
    recycled = a_bin(house)
    through(recycled)
    assert len(asked(house, "contacts", call="archived")) == 400
    for seconds, pages in ((3600, 400), (399, 400), (1, 800)):
        house.clock.advance(seconds)
        through(recycled)
        assert len(asked(house, "contacts", call="archived")) == pages
