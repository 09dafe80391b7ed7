"""What a poll tells the decider: each change once, whatever is read again, moved by another or broken off."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest
from structlog.testing import capture_logs

from model.errors import StoreBusy
from sync import mirror, tables
from sync.reading.backfill import Backfill
from sync.reading.polling import Poll
from tests.sync.crashing import Crash, CrashingStore
from tests.sync.followed import ADA, BO, a_poll, asked, cursor, follow, known, look, told
from tests.sync.house import HUBSPOT, SALESFORCE, House, a_house
from tests.sync.stores import rows


@pytest.fixture
def house(store) -> House:
    return a_house(store)


# What is told


def test_the_first_look_takes_its_position_and_tells_of_ours_before_it_and_never_of_strangers(house):
    ids, crm = known(house, title="Intern"), house.crms[HUBSPOT]
    for number in range(15):
        crm.put("contacts", email=f"p{number}@example.com")
    crm.edit(ids[HUBSPOT], title="CTO")  # between our write and the first look
    poll = a_poll(house)
    poll.step()
    assert (told(house), rows(house.store, tables.mirror)) == ([], [])
    assert (cursor(house).after, cursor(house).finished_at) == ("17", None)
    assert look(poll) == 1
    house.decide()
    assert asked(house, "contacts") == ["", "17", "17/11"]
    for seconds in (30, 601):
        assert look(poll, seconds) == 0
    assert told(house) == [ids[HUBSPOT]]


def test_killed_within_the_first_look_strangers_stay_no_news_for_the_next_process(house):
    crm = house.crms[HUBSPOT]
    for number in range(15):
        crm.put("contacts", email=f"p{number}@example.com")
    poll = a_poll(house)
    while asked(house, "contacts") != ["", "15"]:  # the first of two pages
        poll.step()
    new = a_poll(house)
    assert look(new) == 0
    house.clock.advance(60)
    crm.touch("h3")
    assert look(new) == 1  # changed since: whose it is may be known by now
    assert told(house) == ["h3"]


def test_each_record_that_says_something_new_is_told_once_and_our_own_writes_are_not(house):
    ids, poll = known(house, title="Intern"), a_poll(house)
    look(poll)
    crm = house.crms[HUBSPOT]
    house.post(email=ADA, company="Acme")
    house.post(email=BO)
    house.settle()
    assert look(poll, 60) == 0  # a change and a new record, both written by us
    crm.edit(ids[HUBSPOT], title="CTO")
    nobody = crm.put("contacts", email="eve@example.com")
    assert look(poll, 60) == 2
    assert told(house) == [ids[HUBSPOT], nobody]
    house.decide()
    assert house.lead(ADA).fields["title"] == "CTO"


def test_what_overlap_and_sweep_read_again_is_told_once(house):
    ids, poll = known(house, title="Intern"), a_poll(house)
    look(poll)
    nobody = house.crms[HUBSPOT].put("contacts", email=BO)
    house.crms[HUBSPOT].edit(ids[HUBSPOT], title="CTO")
    assert look(poll, 5) == 0
    assert look(poll, 30) == 2
    house.decide()
    for seconds in (30, 30, 600, 30):
        assert look(poll, seconds) == 0
    assert told(house) == [nobody, ids[HUBSPOT]]


def test_what_nobody_has_decided_yet_is_told_again_by_a_sweep_and_merged_once(house):
    ids, poll = known(house, title="Intern"), a_poll(house)
    look(poll)
    house.crms[HUBSPOT].edit(ids[HUBSPOT], title="CTO")
    assert [look(poll, 30), look(poll, 30), look(poll, 600)] == [1, 0, 1]
    version = house.lead(ADA).version
    house.decide()
    assert (house.lead(ADA).version, house.lead(ADA).fields["title"]) == (version + 1, "CTO")
    assert look(poll, 30) == 0


def test_a_field_that_is_edited_back_and_forth_is_told_each_time(house):
    ids, poll = known(house, title="Intern"), a_poll(house)
    look(poll)
    for title in ("CTO", "Intern", "CTO"):
        house.crms[HUBSPOT].edit(ids[HUBSPOT], title=title)
        look(poll, 60)
        house.decide()
        assert house.lead(ADA).fields["title"] == title
    assert len(told(house)) == 3


def test_a_record_that_a_backfill_stored_first_is_told_all_the_same(house):
    poll = a_poll(house)
    look(poll)
    house.crms[HUBSPOT].put("contacts", email=BO)
    walk = Backfill(house.crms[HUBSPOT], house.store, house.clock, lambda: house.playbook)
    while walk.step():
        pass
    assert look(poll, 30) == 1


def test_a_stranger_that_was_told_stays_told_when_a_backfill_reads_it_again(house):
    poll = a_poll(house)
    look(poll)
    house.crms[HUBSPOT].put("contacts", email=BO)
    assert look(poll, 30) == 1
    walk = Backfill(house.crms[HUBSPOT], house.store, house.clock, lambda: house.playbook)
    while walk.step():
        pass
    assert look(poll, 30) == 0


def test_an_older_version_than_the_mirrors_is_dropped(house):
    ids, poll = known(house, title="Intern"), a_poll(house)
    look(poll)
    crm = house.crms[HUBSPOT]
    crm.edit(ids[HUBSPOT], title="CTO")
    assert look(poll, 30) == 1
    kept = crm.records[ids[HUBSPOT]]
    kept.modified_at -= timedelta(seconds=1)
    kept.fields["title"] = "Intern of old"
    assert look(poll, 30) == 0
    [mirrored] = [one for one in rows(house.store, tables.mirror) if one["remote_id"] == ids[HUBSPOT]]
    assert mirrored["fields"]["title"] == "CTO"


def test_a_record_without_a_stamp_is_read_again_by_a_backfill(house):
    """A version that cannot be compared is another one, of which nobody was told."""
    crm = house.crms[HUBSPOT]
    there = crm.put("contacts", email=ADA)
    [listed] = crm.list_page("contacts", ("email",), None).listed
    now = house.clock.now()
    for stamp in (listed.record.modified_at, None, None):
        one = replace(listed, record=replace(listed.record, modified_at=stamp))
        for hashes in ({one.record.ref: "of what was told"}, {}):
            house.store.write(
                partial(mirror.write_page, space="main", listed=[one], read_at=now, told=hashes)
            )
    [row] = rows(house.store, tables.mirror)
    assert (row["remote_id"], row["modified_at"], row["told"]) == (there, None, None)


def test_a_deleted_record_is_told_where_the_vendor_lists_it_and_nobodys_is_not(house):
    ids = known(house)
    crm = house.crms[SALESFORCE]
    nobody = crm.put("Lead", email=BO)
    poll = a_poll(house, SALESFORCE)
    look(poll)
    crm.archive(nobody)
    crm.archive(ids[SALESFORCE])
    assert look(poll, 60) == 1
    house.decide()
    assert house.lead(ADA).links[SALESFORCE].gone_at is not None
    assert look(poll, 60) == 0
    assert told(house) == [ids[SALESFORCE]]


def test_a_record_that_took_in_one_of_ours_is_told_though_its_fields_say_nothing_new(house):
    ids = known(house)
    crm = house.crms[HUBSPOT]
    poll = a_poll(house)
    look(poll)
    winner = crm.put("contacts", **crm.records[ids[HUBSPOT]].fields)
    crm.unite(ids[HUBSPOT], winner)
    assert look(poll, 60) == 1
    house.settle()
    assert house.lead(ADA).links[HUBSPOT].remote_id == winner


# How far it has come


def test_a_long_walk_goes_on_page_by_page_and_tells_each_record_once(house):
    poll, crm = a_poll(house), house.crms[HUBSPOT]
    look(poll)
    for number in range(25):
        crm.put("contacts", email=f"p{number}@example.com")
    house.clock.advance(30)
    walked = []
    while not (step := poll.step()).wait:
        walked.append((step.object, step.records))
        house.clock.advance(20)
        if len(walked) == 6:
            break
    assert sum(records for _, records in walked) == 25
    assert len(told(house)) == len(set(told(house))) == 25


def test_another_process_that_moved_the_cursor_undoes_the_page(house):
    ids, poll = known(house, title="Intern"), a_poll(house)
    look(poll)
    crm = house.crms[HUBSPOT]
    crm.edit(ids[HUBSPOT], title="CTO")
    other = a_poll(house)
    crm.next("changes", before=lambda: look(other, 1))  # it stores the page while ours is read
    house.clock.advance(30)
    look(poll)
    assert told(house) == [ids[HUBSPOT]]
    assert cursor(house).seen == 1


def test_killed_between_reading_a_page_and_storing_it_the_page_is_read_again(house):
    ids = known(house, title="Intern")
    look(a_poll(house))
    house.crms[HUBSPOT].edit(ids[HUBSPOT], title="CTO")
    house.clock.advance(30)
    before = cursor(house)
    crashing = CrashingStore(house.store)
    crashing.crash(1, after=False)
    with pytest.raises(Crash):
        a_poll(house, store=crashing).step()
    assert (cursor(house), told(house)) == (before, [])
    assert look(a_poll(house)) == 1
    house.decide()
    assert look(a_poll(house), 30) == 0
    assert told(house) == [ids[HUBSPOT]]


def test_killed_just_after_storing_a_page_nothing_is_told_twice(house):
    ids = known(house, title="Intern")
    look(a_poll(house))
    house.crms[HUBSPOT].edit(ids[HUBSPOT], title="CTO")
    house.clock.advance(30)
    crashing = CrashingStore(house.store)
    crashing.crash(1, after=True)
    with pytest.raises(Crash):
        a_poll(house, store=crashing).step()
    house.decide()
    assert look(a_poll(house)) == 0
    assert told(house) == [ids[HUBSPOT]]


def test_a_store_that_cannot_commit_loses_no_page(house, monkeypatch):
    ids, poll = known(house, title="Intern"), a_poll(house)
    look(poll)
    house.crms[HUBSPOT].edit(ids[HUBSPOT], title="CTO")
    house.clock.advance(30)

    def busy(_work):
        raise StoreBusy("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(poll.store, "write", busy)
        with pytest.raises(StoreBusy):
            poll.step()
    assert look(poll) == 1


# Sweeps


def test_a_sweep_begins_after_a_drained_look_reads_the_longer_stretch_and_moves_nothing(house):
    ids, poll = known(house, title="Intern"), a_poll(house)
    crm = house.crms[HUBSPOT]
    look(poll)
    late = crm.put("contacts", email=BO)
    look(poll, 30)
    house.clock.advance(300)
    crm.put("contacts", email="eve@example.com")
    look(poll, 1)
    # What came to be seen late: stamped long before the position, past every overlap but the sweep's.
    crm.records[late].fields["title"] = "CTO"
    crm.records[late].modified_at += timedelta(seconds=1)
    assert look(poll, 30) == 0
    position = cursor(house).after
    assert look(poll, 600) == 1
    assert told(house)[-1] == late
    assert cursor(house).after == position
    assert ids[HUBSPOT] not in told(house)


def test_a_sweep_waits_until_the_walk_has_come_to_its_end(house):
    follow(house, sweep_every=timedelta(seconds=60))
    poll, crm = a_poll(house), house.crms[HUBSPOT]
    look(poll)
    for number in range(25):
        crm.put("contacts", email=f"p{number}@example.com")
    house.clock.advance(45)
    poll.step()  # the first page of three
    house.clock.advance(30)  # now a sweep would be due
    look(poll)
    assert asked(house, "contacts") == ["", "0", "0", "10/10", "20/20"]
    assert len(told(house)) == 25
    look(poll, 30)
    assert asked(house, "contacts")[5:8] == ["25", "25/10", "25/20"]


def test_a_sweep_of_several_pages_goes_on_and_then_the_look_goes_on_from_its_position(house):
    poll, crm = a_poll(house), house.crms[HUBSPOT]
    look(poll)
    for number in range(25):
        crm.put("contacts", email=f"p{number}@example.com")
    house.clock.advance(60)
    crm.put("contacts", email=ADA)
    look(poll)
    begun = len(asked(house, "contacts"))
    late, before = told(house)[4], cursor(house)
    crm.records[late].fields["title"] = "CTO"  # came to be seen late, on the first page of the sweep
    crm.records[late].modified_at += timedelta(seconds=1)
    house.clock.advance(601)
    while len(asked(house, "contacts")) < begun + 3:
        poll.step()
        assert cursor(house) == before  # killed now, the next process goes on behind the last look
    look(poll)
    assert asked(house, "contacts")[begun:] == ["26", "26/10", "26/20", "26"]
    assert told(house)[26:] == [late]


def busy(house: House, poll: Poll, seconds: int) -> None:
    """Let somebody be made and looked at every minute."""
    for _ in range(seconds // 60):
        house.crms[HUBSPOT].put("contacts", email=f"p{house.crms[HUBSPOT].born}@example.com")
        look(poll, 60)


def test_what_is_seen_ten_minutes_late_is_met_on_a_busy_account_just_after_a_sweep_too(house):
    poll, crm = a_poll(house), house.crms[HUBSPOT]
    busy(house, poll, 60)
    late = crm.put("contacts", email=BO)
    kept = crm.records.pop(late)  # of a transaction that takes its time
    busy(house, poll, 600)
    crm.records[late] = kept
    assert poll._walks["contacts"].sweep_due_at == house.clock.now() + timedelta(minutes=10)
    busy(house, poll, 1_200)
    assert told(house).count(late) == 1


def test_what_came_to_be_seen_before_a_restart_is_met_by_the_next_process_on_a_busy_account(house):
    poll, crm = a_poll(house), house.crms[HUBSPOT]
    busy(house, poll, 60)
    late = crm.put("contacts", email=BO)
    kept = crm.records.pop(late)
    busy(house, poll, 480)
    crm.records[late] = kept
    busy(house, a_poll(house), 1_800)
    assert told(house).count(late) == 1


# What fails


def test_a_failure_is_noted_and_logged_once_waits_longer_each_time_and_other_objects_go_on(house):
    poll, crm = a_poll(house), house.crms[HUBSPOT]
    look(poll)
    house.clock.advance(30)
    for _ in range(3):
        crm.next("changes", refused="503")
    with capture_logs() as logs:
        failed = poll.step()
        assert (failed.object, failed.problem, failed.wait) == ("contacts", "503", 2.0)
        assert cursor(house).problem == "503"
        crm._trouble["changes"], kept = [], crm._trouble["changes"]
        assert poll.step().object == "companies"
        crm._trouble["changes"] = kept
        for wait in (4.0, 8.0):
            house.clock.advance(failed.wait)
            failed = poll.step()
            assert failed.wait == wait
    assert [one["reason"] for one in logs if one["event"] == "poll.waits"] == ["503"]
    house.clock.advance(8)
    look(poll)
    assert cursor(house).problem is None


def test_a_wait_that_the_crm_asks_for_is_waited(house):
    poll, crm = a_poll(house), house.crms[HUBSPOT]
    look(poll)
    house.clock.advance(30)
    crm.next("changes", refused="429", wait=77.0)
    assert poll.step().wait == 77.0
    made = len(asked(house, "contacts"))
    house.clock.advance(76)
    look(poll)
    assert len(asked(house, "contacts")) == made
    look(poll, 1)
    assert len(asked(house, "contacts")) == made + 1


def test_a_token_that_is_refused_waits_a_minute_and_is_noted(house):
    poll, crm = a_poll(house), house.crms[HUBSPOT]
    look(poll)
    house.clock.advance(30)
    crm.next("changes", unauthorized=True)
    failed = poll.step()
    assert (failed.wait, failed.problem) == (60.0, "hubspot: the token has expired")
    assert cursor(house).problem == failed.problem


def test_an_answer_that_makes_no_sense_holds_up_no_other_object(house):
    poll, crm = a_poll(house), house.crms[HUBSPOT]
    look(poll)
    house.clock.advance(30)

    def broken():
        raise KeyError("results")

    crm.next("changes", before=broken)
    failed = poll.step()
    assert (failed.object, failed.wait) == ("contacts", 2.0)
    assert str(failed.problem).startswith("an unexpected failure (KeyError); the log has it as fault ")
    assert poll.step().object == "companies"
    house.clock.advance(2)
    assert poll.step() == replace(failed, wait=0.0, problem=None)


# Fields


def test_a_field_that_the_crm_lacks_is_not_asked_for_again_until_the_map_changes(house):
    crm, seen = house.crms[HUBSPOT], []
    real = crm.changes

    def changes(object_type, fields, position, **given):
        seen.append((object_type, tuple(fields)))
        return real(object_type, fields, position, **given)

    crm.changes = changes
    crm.hidden = {"country"}
    poll = a_poll(house)
    look(poll)
    there = crm.put("contacts", email=ADA)
    look(poll, 30)
    assert cursor(house).absent == ("country",)
    [row] = rows(house.store, tables.mirror)
    assert (row["remote_id"], row["fields"]["country"]) == (there, None)
    look(poll, 30)
    assert "country" not in dict(seen[-2:])["contacts"]
    crm.hidden = set()
    crm_map = house.playbook.crms[HUBSPOT]
    contacts = crm_map.objects["contacts"]
    fewer = replace(contacts, fields=tuple(rule for rule in contacts.fields if rule.field != "title"))
    crms = {**house.playbook.crms, HUBSPOT: replace(crm_map, objects={"contacts": fewer})}
    house.playbook = replace(house.playbook, crms=crms)
    crm.touch(there)
    look(poll, 30)
    asked_for = dict(seen[-2:])["contacts"]
    assert "country" in asked_for
    assert "title" not in asked_for
    assert (cursor(house).absent, cursor(house).fields) == ((), asked_for)
