"""Records that people merged in one CRM, and those of the person in another: asked, merged, seen merged."""

from __future__ import annotations

from dataclasses import replace

import pytest

from model.event import Event, EventKind
from model.hint import Hint
from model.times import to_text
from sync import inbox, proposals, tables
from sync.edges import effects
from sync.proposals import Proposal
from tests.sync.followed import ADA, BO, a_poll, known, look
from tests.sync.house import HUBSPOT, SALESFORCE, House, a_house, house_playbook
from tests.sync.stores import rows

Ids = dict[str, str]


def carrying(store, how: str, **given) -> House:
    playbook = house_playbook()
    crms = {name: replace(crm, merges=how) for name, crm in playbook.crms.items()}
    return a_house(store, playbook=replace(playbook, crms=crms), **given)


@pytest.fixture
def house(store) -> House:
    return carrying(store, "propose")


def merged_in_hubspot(house: House) -> tuple[Ids, Ids]:
    """Let HubSpot's people merge Bo's record into Ada's; return both people's records before."""
    ada, bo = known(house, ADA), known(house, BO)
    house.crms[HUBSPOT].unite(bo[HUBSPOT], ada[HUBSPOT])
    tell(house, HUBSPOT, ada[HUBSPOT])
    return ada, bo


def tell(house: House, name: str, record: str) -> None:
    """Let a CRM's webhook say that something happened to a record; it is read and decided."""
    inbox.append(house.store, [hint(house, name, Hint(house.crms[name].records[record].object, record))])
    house.settle()


def hint(house: House, name: str, said: Hint) -> Event:
    house.clock.advance(1)
    now = house.clock.now()
    return Event(
        source=name,
        event_id=f"hint-{said.id}-{to_text(now)}",
        kind=EventKind.HINT,
        payload=said.as_payload(),
        occurred_at=now,
        received_at=now,
    )


def proposed(house: House) -> Proposal:
    with house.store.snapshot() as snapshot:
        [row] = rows(house.store, tables.proposals)
        return proposals.load(snapshot, "main", [row["id"]])[row["id"]]


def answer(house: House, *, accepts: bool) -> None:
    house.clock.advance(1)
    event = proposals.answer_event(proposed(house), "main", accepts=accepts, by="ada", now=house.clock.now())
    inbox.append(house.store, [event])
    house.decide()


def carry_out(house: House) -> None:
    """Do what is due, wait where it is put off, and read back what was done."""
    for _ in range(6):
        house.tell(SALESFORCE)
        house.settle()
        if all(one.state not in ("waiting", "leased") for one in house.effects(SALESFORCE)):
            return
        house.clock.advance(600)
    raise AssertionError("what is to be done does not come to its end")


def merges(house: House) -> int:
    return house.crms[SALESFORCE].called("merge")


def states(house: House) -> list[str]:
    return [one.state for one in house.effects(SALESFORCE) if one.kind == "merge"]


# Asked


def test_once_a_person_agrees_the_other_two_are_merged_and_the_question_is_settled(house):
    ada, bo = merged_in_hubspot(house)
    assert (proposed(house).state, merges(house)) == ("open", 0)
    assert proposed(house).what == (f"salesforce: merge Lead {bo[SALESFORCE]} into Lead {ada[SALESFORCE]}")
    answer(house, accepts=True)
    carry_out(house)
    assert house.crms[SALESFORCE].merged == {bo[SALESFORCE]: ada[SALESFORCE]}
    assert (proposed(house).state, proposed(house).by, merges(house)) == ("done", "ada", 1)
    link = house.lead(BO).links[SALESFORCE]
    assert (link.remote_id, link.gone_at) == (ada[SALESFORCE], None)


def test_who_refuses_is_not_asked_again_and_both_stay(house):
    merged_in_hubspot(house)
    answer(house, accepts=False)
    answer(house, accepts=True)  # too late
    carry_out(house)
    assert (proposed(house).state, merges(house), states(house)) == ("refused", 0, [])


def test_a_word_said_twice_merges_once(house):
    merged_in_hubspot(house)
    first = proposed(house)
    for by in ("ada", "bo"):
        now = house.clock.now()
        said = proposals.answer_event(first, "main", accepts=True, by=by, now=now)
        inbox.append(house.store, [replace(said, event_id=by)])
    house.decide()
    carry_out(house)
    assert (merges(house), states(house)) == (1, ["sent"])


def test_merged_by_hand_in_the_meantime_settles_the_question(house):
    ada, bo = merged_in_hubspot(house)
    house.crms[SALESFORCE].unite(bo[SALESFORCE], ada[SALESFORCE])
    tell(house, SALESFORCE, bo[SALESFORCE])
    assert (proposed(house).state, proposed(house).by) == ("done", "")


def test_a_poll_that_meets_the_merged_record_settles_it_too(house):
    poll = a_poll(house, SALESFORCE)
    look(poll)
    ada, bo = merged_in_hubspot(house)
    look(poll, 60)
    house.crms[SALESFORCE].unite(ada[SALESFORCE], bo[SALESFORCE])  # the other way round
    look(poll, 60)
    house.settle()
    assert proposed(house).state == "done"
    assert house.lead(ADA).links[SALESFORCE].remote_id == bo[SALESFORCE]


def test_deleted_by_hand_there_is_nothing_to_ask_any_more(house):
    poll = a_poll(house, SALESFORCE)
    look(poll)
    _, bo = merged_in_hubspot(house)
    look(poll, 60)
    house.crms[SALESFORCE].archive(bo[SALESFORCE])
    look(poll, 60)
    house.settle()
    assert (proposed(house).state, proposed(house).outcome) == ("over", f"Lead {bo[SALESFORCE]} was deleted")
    assert house.lead(ADA).links[SALESFORCE].gone_at is None


def test_what_one_of_them_went_into_is_asked_about_instead(house):
    ada, bo = merged_in_hubspot(house)
    crm = house.crms[SALESFORCE]
    third = crm.put("Lead", email="third@example.com")
    crm.unite(bo[SALESFORCE], third)
    tell(house, SALESFORCE, bo[SALESFORCE])
    found = sorted((row["state"], row["record"], row["keep"]) for row in rows(house.store, tables.proposals))
    assert found == [("open", third, ada[SALESFORCE]), ("over", bo[SALESFORCE], ada[SALESFORCE])]


# Not asked


def test_off_leaves_a_note_and_no_word_of_a_person_merges(store):
    house = carrying(store, "off")
    merged_in_hubspot(house)
    answer(house, accepts=True)
    carry_out(house)
    assert (proposed(house).state, merges(house), states(house)) == ("open", 0, [])


def test_do_merges_at_once(store):
    house = carrying(store, "do")
    ada, bo = merged_in_hubspot(house)
    carry_out(house)
    assert house.crms[SALESFORCE].merged == {bo[SALESFORCE]: ada[SALESFORCE]}
    assert (proposed(house).state, proposed(house).by) == ("done", "playbook")


def test_do_asks_where_no_call_merges_the_two(store):
    house = carrying(store, "do")
    ada, bo = known(house, ADA), known(house, BO)
    crm = house.crms[SALESFORCE]
    contact = crm.put("Contact", **crm.records[bo[SALESFORCE]].fields)
    crm.convert(bo[SALESFORCE], contact)
    tell(house, SALESFORCE, bo[SALESFORCE])
    house.crms[HUBSPOT].unite(bo[HUBSPOT], ada[HUBSPOT])
    tell(house, HUBSPOT, ada[HUBSPOT])
    assert proposed(house).state == "open"
    answer(house, accepts=True)
    carry_out(house)
    assert (proposed(house).state, merges(house)) == ("open", 0)
    crm.convert(ada[SALESFORCE], contact)  # as the page says
    tell(house, SALESFORCE, ada[SALESFORCE])
    assert proposed(house).state == "done"


def test_where_nothing_is_written_a_person_is_asked_and_cannot_agree_yet(store):
    house = carrying(store, "do")
    ada, bo = known(house, ADA), known(house, BO)
    house.shut[SALESFORCE] = "salesforce is only observed"
    house.crms[HUBSPOT].unite(bo[HUBSPOT], ada[HUBSPOT])
    tell(house, HUBSPOT, ada[HUBSPOT])
    answer(house, accepts=True)
    assert (proposed(house).state, house.effects(SALESFORCE)) == ("open", [])
    house.shut.clear()
    answer(house, accepts=True)
    carry_out(house)
    assert proposed(house).state == "done"


# Carried out


def test_an_answer_that_is_lost_is_looked_up_and_nothing_is_merged_twice(house):
    merged_in_hubspot(house)
    answer(house, accepts=True)
    house.crms[SALESFORCE].next("merge", lost=True)
    carry_out(house)
    assert (merges(house), states(house), proposed(house).state) == (1, ["sent"], "done")


def test_a_crash_after_the_call_is_found_out_by_reading(house):
    merged_in_hubspot(house)
    answer(house, accepts=True)

    def crash() -> None:
        raise KeyboardInterrupt

    house.crms[SALESFORCE].next("merge", after=crash)
    with pytest.raises(KeyboardInterrupt):
        house.tell(SALESFORCE)
    house.restart()
    house.clock.advance(600)
    carry_out(house)
    assert (merges(house), states(house), proposed(house).state) == (1, ["sent"], "done")


def test_a_server_that_is_busy_is_asked_later(house):
    merged_in_hubspot(house)
    answer(house, accepts=True)
    house.crms[SALESFORCE].next("merge", refused="busy", wait=5)
    house.crms[SALESFORCE].next("read", refused="busy", wait=5)
    carry_out(house)
    assert states(house) == ["sent"]


def test_what_the_crm_refuses_is_a_dead_letter_and_its_words_stand_beside_the_question(house):
    merged_in_hubspot(house)
    answer(house, accepts=True)
    house.crms[SALESFORCE].next("merge", rejects="MERGE_FAILED: the user may not")
    carry_out(house)
    now = proposed(house)
    assert (now.state, now.progress, now.trouble) == ("accepted", "dead", "MERGE_FAILED: the user may not")


def test_a_record_that_went_elsewhere_between_word_and_deed_is_left_alone(house):
    _, bo = merged_in_hubspot(house)
    answer(house, accepts=True)
    crm = house.crms[SALESFORCE]
    third = crm.put("Lead", email="third@example.com")
    crm.unite(bo[SALESFORCE], third)
    carry_out(house)
    assert (merges(house), states(house)) == (0, ["withheld"])
    assert sorted(row["state"] for row in rows(house.store, tables.proposals)) == ["open", "over"]


# A person who has a second record there without a merge anywhere


def test_a_question_about_a_second_record_is_settled_when_people_merge_the_two(house):
    poll = a_poll(house, SALESFORCE)
    look(poll)
    ids = known(house, ADA)
    crm = house.crms[SALESFORCE]
    second, third = crm.put("Lead", email=ADA), crm.put("Lead", email=ADA)
    look(poll, 60)
    house.settle()
    asked = [row for row in rows(house.store, tables.reviews) if row["kind"] == "second_record"]
    assert [row["state"] for row in asked] == ["open", "open"]
    crm.unite(second, ids[SALESFORCE])
    look(poll, 60)
    house.settle()
    states = {
        row["state"]: row["detail"]["records"]
        for row in rows(house.store, tables.reviews)
        if row["kind"] == "second_record"
    }
    assert states == {
        "settled": sorted([ids[SALESFORCE], second]),
        "open": sorted([ids[SALESFORCE], third]),
    }


def test_what_was_agreed_to_and_withheld_is_asked_once_more(house):
    merged_in_hubspot(house)
    answer(house, accepts=True)
    why = {SALESFORCE: "salesforce is only observed"}
    house.store.write(lambda on: effects.withhold(on, "main", why, house.clock.now()))
    with house.store.snapshot() as snapshot:
        assert (
            proposals.count_open(snapshot, "main") == len(proposals.open_ones(snapshot, "main", limit=9)) == 1
        )
        assert proposals.answered(snapshot, "main", limit=9) == []
    answer(house, accepts=True)
    carry_out(house)
    assert (proposed(house).state, merges(house), states(house)) == ("done", 1, ["withheld", "sent"])
