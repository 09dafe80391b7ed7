"""What is done with leads in a CRM: followed, told once, kept as the CRM has it, counted, withdrawn."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from mappings.playbook import TaskMap
from model.event import Event, EventKind, RecordRef
from model.hint import Hint
from model.times import to_text
from sync import cursors, engagements, explain, forget, inbox, tables
from sync.cursors import POLL
from sync.keeping import retention
from sync.reading.engagement_polling import EngagementBin, EngagementPoll
from tests.builders import a_lifecycle, a_scoring, moves_to, place, points
from tests.sync.crashing import Crash, CrashingStore
from tests.sync.followed import ADA, BO, a_poll, follow, known, look
from tests.sync.house import HUBSPOT, SALESFORCE, House, a_house, house_playbook
from tests.sync.stores import rows

EVERY = timedelta(minutes=2)
HUBSPOTS = dict.fromkeys(("calls", "emails", "meetings", "notes", "tasks"), EVERY)
SALESFORCES = dict.fromkeys(("Task", "Event", "CampaignMember"), EVERY)


@pytest.fixture
def house(store) -> House:
    return a_following_house(store)


def a_following_house(store, **given: Any) -> House:
    house = a_house(store, playbook=house_playbook(**given))
    follow(house, HUBSPOT, activities=HUBSPOTS)
    follow(house, SALESFORCE, activities=SALESFORCES)
    return house


def a_walk(house: House, name: str = HUBSPOT, kind: type = EngagementPoll, **given: Any):
    return kind(house.crms[name], given.get("store", house.store), house.clock, lambda: house.playbook)


def seen(house: House, walk: Any, seconds: float = 120) -> int:
    """Let some time pass, look at all objects, and decide what was told; return how many events it was."""
    house.clock.advance(seconds)
    told = 0
    for _ in range(50):
        found = look(walk)
        told += found
        if not house.decide() and not found:
            return told
    raise AssertionError("it does not come to rest")


def kept(house: House, **of: Any) -> list[dict[str, Any]]:
    found = rows(house.store, tables.engagements)
    return [row for row in found if all(row[name] == value for name, value in of.items())]


def told(house: House) -> list[str]:
    found = rows(house.store, tables.inbox_events)
    return [row["record_id"] for row in found if row["kind"] == str(EventKind.ENGAGEMENT)]


def a_call(house: House, *people: str, **fields: Any) -> str:
    plain = {"hs_timestamp": to_text(house.clock.now()), "hubspot_owner_id": "o1", "hs_call_title": "Hello"}
    return house.crms[HUBSPOT].log("calls", *people, **plain | fields)


def a_task(house: House, *people: str, **fields: Any) -> str:
    now = to_text(house.clock.now())
    plain = {
        "Subject": "Call",
        "TaskSubtype": "Call",
        "IsClosed": True,
        "OwnerId": "005o1",
        "CreatedDate": now,
    }
    return house.crms[SALESFORCE].log("Task", *people, **plain | {"CompletedDateTime": now} | fields)


# Followed


def test_a_call_reaches_the_lead_at_its_own_time_with_who_made_it(house):
    ids, walk = known(house), a_walk(house)
    seen(house, walk)
    call = a_call(house, ids[HUBSPOT])
    at = house.clock.now()
    assert seen(house, walk, 300) == 1
    [row] = kept(house)
    assert (row["lead_id"], row["remote_id"], row["object"]) == (house.lead_id(ADA), call, "calls")
    assert (row["kind"], row["standing"], row["at"]) == ("call_made", "done", at)
    assert (row["by"], row["is_response"], row["title"]) == ("ann@example.com", True, "Hello")


def test_a_salesforce_task_that_was_a_call_reaches_the_lead(house):
    ids, walk = known(house), a_walk(house, SALESFORCE)
    seen(house, walk)
    a_task(house, ids[SALESFORCE])
    assert seen(house, walk) == 1
    [row] = kept(house, connection=SALESFORCE)
    assert (row["kind"], row["is_response"], row["by"]) == ("call_made", True, "005o1")  # not on the roster


def test_what_is_read_again_is_told_once_and_each_change_once(house):
    ids, walk = known(house), a_walk(house)
    seen(house, walk)
    call = a_call(house, ids[HUBSPOT], hs_call_status="QUEUED")
    assert [seen(house, walk, seconds) for seconds in (120, 120, 700)] == [1, 0, 0]
    assert kept(house)[0]["standing"] == "planned"
    house.crms[HUBSPOT].edit(call, hs_call_status="COMPLETED")
    assert [seen(house, walk, seconds) for seconds in (120, 120, 700)] == [1, 0, 0]
    [row] = kept(house)
    assert (row["standing"], row["outcome"]) == ("done", "COMPLETED")
    assert told(house) == [call, call]


def test_what_waits_for_its_decision_is_told_once(house):
    ids, walk = known(house), a_walk(house)
    seen(house, walk)
    a_call(house, ids[HUBSPOT])
    for seconds in (120, 120, 700):
        look(walk, seconds)
    assert len(told(house)) == 1
    assert house.decide() == 1
    assert len(kept(house)) == 1


def test_a_call_with_several_people_is_each_ones(house):
    ada, bo = known(house)[HUBSPOT], known(house, BO)[HUBSPOT]
    walk = a_walk(house)
    seen(house, walk)
    a_call(house, ada, bo, "h99")
    assert seen(house, walk) == 2
    assert {row["lead_id"] for row in kept(house)} == {house.lead_id(ADA), house.lead_id(BO)}


def test_nothing_is_kept_of_strangers_until_they_are_leads(house):
    walk = a_walk(house)
    seen(house, walk)
    stranger = house.crms[HUBSPOT].put("contacts", email=ADA)
    a_call(house, stranger)
    assert (seen(house, walk), kept(house), told(house)) == (0, [], [])
    house.post(email=ADA)
    house.settle()  # found there, and linked
    assert house.lead(ADA).links[HUBSPOT].remote_id == stranger
    assert seen(house, walk, 700) == 1  # a sweep
    assert len(kept(house)) == 1


def test_only_what_the_map_names_is_followed_each_at_its_own_pace(house):
    follow(house, HUBSPOT, activities={"calls": timedelta(minutes=1), "meetings": timedelta(minutes=10)})
    walk, crm = a_walk(house), house.crms[HUBSPOT]
    for _ in range(10):
        look(walk, 60)
    calls = [keys[0] for made, keys in crm.calls if made == "changes"]
    assert set(calls) == {"calls", "meetings"}
    assert calls.count("calls") > 3 * calls.count("meetings")
    follow(house, HUBSPOT, activities={})
    before = len(crm.calls)
    look(walk, 3_600)
    assert len(crm.calls) == before
    with house.store.snapshot() as snapshot:
        assert cursors.load(snapshot, "main", HUBSPOT) == []  # it is not said to be late


def test_an_object_that_may_not_be_looked_at_stops_no_other(house):
    ids, crm = known(house), house.crms[HUBSPOT]
    crm.closed = {"emails"}
    walk, people = a_walk(house), a_poll(house)
    for _ in range(8):
        house.clock.advance(10)
        walk.step()
    a_call(house, ids[HUBSPOT])
    crm.edit(ids[HUBSPOT], title="CTO")
    for _ in range(60):
        house.clock.advance(10)
        walk.step()
        people.step()
    house.decide()
    assert [row["object"] for row in kept(house)] == ["calls"]
    assert house.lead(ADA).fields["title"] == "CTO"
    with house.store.snapshot() as snapshot:
        of = {one.object: one.problem for one in cursors.load(snapshot, "main", HUBSPOT) if one.job == POLL}
    assert of["calls"] is None
    assert "a scope is missing for emails" in of["emails"]
    assert crm.called("engagements") < 12  # put off longer each time


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("writes", [1, 2, 3])
def test_killed_at_any_moment_each_call_is_kept_once(store, writes, after):
    house = a_following_house(store)
    ids, walk = known(house), a_walk(house)
    seen(house, walk)
    for _ in range(25):
        a_call(house, ids[HUBSPOT])
    crashing = CrashingStore(house.store)
    crashing.crash(writes, after=after)
    with pytest.raises(Crash):
        seen(house, a_walk(house, store=crashing))
    house.decide()
    seen(house, a_walk(house), 120)
    assert len(kept(house)) == 25
    assert sorted(told(house)) == sorted(set(told(house)))


# Kept as the CRM has it


def test_a_deleted_call_is_withdrawn_by_the_bin_and_comes_back_when_restored(house):
    ids, walk, crm = known(house), a_walk(house), house.crms[HUBSPOT]
    seen(house, walk)
    call = a_call(house, ids[HUBSPOT])
    seen(house, walk)
    house.clock.advance(60)
    crm.archive(call)
    trash = a_walk(house, kind=EngagementBin)
    while trash.step():
        pass
    house.decide()
    [row] = kept(house)
    assert (row["standing"], row["is_response"]) == ("deleted", False)
    house.clock.advance(3_700)
    while trash.step():
        pass
    assert told(house) == [call, call]  # nothing new is told of it
    crm.records[call].archived = False
    crm.touch(call)
    seen(house, walk)
    assert kept(house)[0]["standing"] == "done"


def test_salesforce_tells_of_deleted_ones_itself_and_of_unknown_ones_nothing_is_told(house):
    ids, walk, crm = known(house), a_walk(house, SALESFORCE), house.crms[SALESFORCE]
    seen(house, walk)
    task, other = a_task(house, ids[SALESFORCE]), a_task(house, "s99")
    seen(house, walk)
    house.clock.advance(60)
    crm.archive(task)
    crm.archive(other)
    assert seen(house, walk) == 1
    assert [row["standing"] for row in kept(house)] == ["deleted"]


def test_a_call_that_was_another_persons_is_moved_there_and_back(house):
    ada, bo = known(house)[HUBSPOT], known(house, BO)[HUBSPOT]
    walk, crm = a_walk(house), house.crms[HUBSPOT]
    seen(house, walk)
    call = a_call(house, ada)
    seen(house, walk)
    for person, other in ((bo, ada), (ada, bo), (bo, ada)):
        crm.concerns(call, person)
        crm.touch(call)
        seen(house, walk)
        of = {row["lead_id"]: row["standing"] for row in kept(house)}
        leads = {ada: house.lead_id(ADA), bo: house.lead_id(BO)}
        assert of == {leads[person]: "done", leads[other]: "deleted"}


def test_a_call_whose_people_are_not_known_just_now_stays_with_its_lead(house):
    ids, walk, crm = known(house), a_walk(house), house.crms[HUBSPOT]
    seen(house, walk)
    call = a_call(house, ids[HUBSPOT])
    seen(house, walk)
    for people in (("h98",), ()):
        crm.concerns(call, *people)
        crm.touch(call)
        assert seen(house, walk) == 0
    assert kept(house)[0]["standing"] == "done"


def test_an_older_version_that_is_told_late_changes_nothing(house):
    ids, walk, crm = known(house), a_walk(house), house.crms[HUBSPOT]
    seen(house, walk)
    call = a_call(house, ids[HUBSPOT], hs_call_title="first")
    look(walk, 120)
    [late] = [row for row in rows(house.store, tables.inbox_events) if row["kind"] == "engagement"]
    house.decide()
    crm.edit(call, hs_call_title="second")
    seen(house, walk)
    again = Event(
        HUBSPOT, "late", EventKind.ENGAGEMENT, late["payload"], house.clock.now(), house.clock.now(),
        record=RecordRef(HUBSPOT, "calls", call),
    )  # fmt: skip
    inbox.append(house.store, [again])
    house.decide()
    assert [row["title"] for row in kept(house)] == ["second"]


def test_what_makes_no_sense_is_a_dead_letter_and_holds_up_nothing(house):
    ids, walk = known(house), a_walk(house)
    seen(house, walk)
    a_call(house, ids[HUBSPOT], hs_timestamp="yesterday")
    good = a_call(house, ids[HUBSPOT])
    assert seen(house, walk) == 2
    assert [row["remote_id"] for row in kept(house)] == [good]
    states = [row["state"] for row in rows(house.store, tables.inbox_events) if row["kind"] == "engagement"]
    assert sorted(states) == ["dead", "done"]


def test_what_failed_can_be_sent_again(house, monkeypatch):
    ids, walk = known(house), a_walk(house)
    seen(house, walk)
    a_call(house, ids[HUBSPOT])
    with monkeypatch.context() as broken:
        broken.setattr("mappings.engagements.READERS", {})
        seen(house, walk)
    assert kept(house) == []
    [dead] = [row for row in rows(house.store, tables.inbox_events) if row["state"] == "dead"]
    house.replay(dead["id"])
    house.decide()
    assert [row["kind"] for row in kept(house)] == ["call_made"]


def test_our_own_task_is_kept_once_it_is_done_and_answers_nobody(store):
    house = a_following_house(store)
    crms = {
        name: replace(crm, tasks=TaskMap("tasks" if name == HUBSPOT else "Task", "our_key", place(1)))
        for name, crm in house.playbook.crms.items()
    }
    house.playbook = replace(house.playbook, crms=crms)
    ids, walk = known(house), a_walk(house, SALESFORCE)
    seen(house, walk)
    task = a_task(house, ids[SALESFORCE], our_key="ef_1", IsClosed=False)
    assert seen(house, walk) == 0  # leadrelay knows that it made it
    house.crms[SALESFORCE].edit(task, IsClosed=True)
    assert seen(house, walk) == 1
    [row] = kept(house)
    assert (row["is_ours"], row["is_response"], row["standing"]) == (True, False, "done")


def test_two_leads_that_become_one_have_what_was_done_with_both_once(house):
    ids = {address: known(house, address)[HUBSPOT] for address in (ADA, BO)}
    walk, crm = a_walk(house), house.crms[HUBSPOT]
    seen(house, walk)
    both, bos = a_call(house, ids[ADA], ids[BO]), a_call(house, ids[BO])
    seen(house, walk)
    crm.unite(ids[BO], ids[ADA])
    house.clock.advance(60)
    look(a_poll(house), 0)
    people = a_poll(house)
    look(people, 60)
    inbox.append(house.store, [_merged_hint(house, ids[ADA], ids[BO])])
    house.settle()
    assert house.lead_id(ADA) == house.lead_id(BO)
    assert sorted(row["remote_id"] for row in kept(house)) == sorted([both, bos])
    assert {row["lead_id"] for row in kept(house)} == {house.lead_id(ADA)}


def _merged_hint(house: House, winner: str, loser: str) -> Event:
    now = house.clock.now()
    hint = Hint("contacts", winner, "merged", others=(loser,))
    return Event(
        HUBSPOT, "merged", EventKind.HINT, hint.as_payload(), now, now,
        record=RecordRef(HUBSPOT, "contacts", winner),
    )  # fmt: skip


# Counted


def test_rules_count_what_was_done_and_no_longer_what_was_deleted(store):
    house = a_following_house(
        store,
        scoring=a_scoring(
            points(20, "met", activity="meeting"), points(5, "call", activity="call_made", max_times=2)
        ),
        lifecycle=a_lifecycle(moves_to("mql", "met", activity="meeting")),
    )  # fmt: skip
    ids, walk, crm = known(house), a_walk(house), house.crms[HUBSPOT]
    seen(house, walk)
    calls = [a_call(house, ids[HUBSPOT]) for _ in range(3)]
    seen(house, walk)
    assert house.lead(ADA).score == 10
    meeting = crm.log(
        "meetings", ids[HUBSPOT], hs_timestamp=to_text(house.clock.now()), hubspot_owner_id="o1"
    )
    seen(house, walk)
    assert (house.lead(ADA).score, house.lead(ADA).stage) == (30, "mql")
    house.settle()
    assert crm.one(ADA)["score"] == 30
    crm.edit(meeting, hs_meeting_outcome="CANCELED")
    seen(house, walk)
    house.post(email=ADA, title="Intern")  # a post counts what was done, too
    house.settle()
    assert (house.lead(ADA).score, house.lead(ADA).stage) == (10, "mql")
    assert len(calls) == 3


def test_what_no_rule_counts_leaves_the_lead_as_it_is(house):
    ids, walk = known(house), a_walk(house)
    seen(house, walk)
    version, calls = house.lead(ADA).version, len(house.crms[HUBSPOT].calls)
    a_call(house, ids[HUBSPOT])
    look(walk, 120)
    house.decide()
    assert house.lead(ADA).version == version
    assert house.deliver() == 0
    assert len(house.crms[HUBSPOT].calls) > calls  # only looks


def test_who_responds_to_a_campaign_has_a_touch_once(house):
    ids, walk, crm = known(house), a_walk(house, SALESFORCE), house.crms[SALESFORCE]
    seen(house, walk)
    now = to_text(house.clock.now())
    member = crm.log(
        "CampaignMember", ids[SALESFORCE], HasResponded=False, CreatedDate=now, LastModifiedDate=now,
        Status="Sent", **{"Campaign.Name": "Autumn webinar", "Campaign.Type": "Webinar"},
    )  # fmt: skip
    seen(house, walk)
    assert [one.fields["channel"] for one in house.lead(ADA).touches] == ["direct"]
    day = now[:10]
    crm.edit(member, HasResponded=True, Status="Responded", FirstRespondedDate=day, LastModifiedDate=now)
    seen(house, walk)
    [touch] = [one for one in house.lead(ADA).touches if one.fields.get("campaign")]
    assert touch.fields["campaign"] == "Autumn webinar"
    assert touch.fields["channel"] == "event"
    assert house.lead(ADA).fields["last_touch"]["campaign"] == "Autumn webinar"
    crm.edit(member, Status="Attended")
    seen(house, walk)
    assert len(house.lead(ADA).touches) == 2
    assert [row["outcome"] for row in kept(house)] == ["Attended"]


# Shown, and erased


def test_the_first_response_is_the_earliest_by_its_own_time_not_by_when_it_was_seen(house):
    ids, walk = known(house), a_walk(house)
    came_in = house.lead(ADA).created_at

    def first(after: float) -> str | None:
        with house.store.snapshot() as snapshot:
            now = came_in + timedelta(minutes=after)
            found = engagements.first_response(snapshot, house.lead(ADA), now)
        return found and found.ref.id

    def of(minutes: float) -> dict[str, str]:
        return {"hs_timestamp": to_text(came_in + timedelta(minutes=minutes))}

    seen(house, walk)
    assert first(600) is None
    late = a_call(house, ids[HUBSPOT], **of(50))
    a_call(house, ids[HUBSPOT], **of(5), hs_call_direction="INBOUND")
    a_call(house, ids[HUBSPOT], **of(-60))  # before she came in
    a_call(house, ids[HUBSPOT], **of(3), hubspot_owner_id=None)  # nobody's
    seen(house, walk)
    assert first(600) == late
    early = a_call(house, ids[HUBSPOT], **of(20))  # written down later
    seen(house, walk)
    assert (first(600), first(19)) == (early, None)
    house.crms[HUBSPOT].edit(early, hs_call_status="FAILED")
    seen(house, walk)
    assert first(600) == late


def test_the_story_of_a_lead_tells_what_was_done_oldest_first(house):
    ids, walk = known(house), a_walk(house)
    seen(house, walk)
    later = a_call(house, ids[HUBSPOT])
    earlier = a_call(house, ids[HUBSPOT], hs_timestamp="2026-01-01T00:00:00Z")
    seen(house, walk)
    with house.store.snapshot() as snapshot:
        story = explain.read(snapshot, house.lead_id(ADA))
        newest = explain.read(snapshot, house.lead_id(ADA), newest=1)
    assert [one["remote_id"] for one in story.engagements] == [earlier, later]
    assert [one["remote_id"] for one in newest.engagements] == [later]
    assert newest.older["engagements"] == 1
    assert story.as_dict()["engagements"][0]["kind"] == "call_made"
    [line] = [one.reasons[0]["text"] for one in story.chapters if one.kind == "engagement"][-1:]
    assert "call made" in line
    assert "Hello" not in line


def test_titles_and_bodies_go_when_their_term_has_passed(house):
    ids, walk = known(house), a_walk(house)
    seen(house, walk)
    a_call(house, ids[HUBSPOT])
    seen(house, walk)
    terms = {"activities": timedelta(days=365), "crm_events": timedelta(days=30)}
    later = house.clock.now() + timedelta(days=366)
    assert retention.run(house.store, "main", terms, later - timedelta(days=2)).get("activities") is None
    removed = retention.run(house.store, "main", terms, later)
    assert removed["activities"] == 1
    [row] = kept(house)
    assert (row["title"], row["kind"], row["is_response"]) == ("", "call_made", True)
    bodies = [one["payload"] for one in rows(house.store, tables.inbox_events) if one["kind"] == "engagement"]
    assert all("record" not in body for body in bodies)
    assert retention.run(house.store, "main", terms, later) == {}


def test_nothing_is_left_of_a_test_lead(house):
    ids, walk = known(house), a_walk(house)
    seen(house, walk)
    a_call(house, ids[HUBSPOT])
    seen(house, walk)
    lead_id = house.lead_id(ADA)
    house.store.write(lambda connection: forget.remove_test_leads(connection, [lead_id]))
    assert kept(house) == []
    assert lead_id not in {row["lead_id"] for row in rows(house.store, tables.inbox_events)}
