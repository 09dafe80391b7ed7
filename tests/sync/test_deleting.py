"""People deleted in a CRM: what the map lets follow elsewhere, the brake, and who is erased for good."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from mappings.playbook import DeleteBrake
from model.event import Event, EventKind
from model.hint import Hint
from model.times import to_text
from sync import deletions, inbox, proposals, tables
from sync.explain import find_lead, writes
from sync.reading.polling import changed_event
from sync.records import person_keys
from tests.sync.followed import ADA, BO, a_bin, a_poll, known, look
from tests.sync.house import HUBSPOT, SALESFORCE, House, a_house, house_playbook
from tests.sync.stores import rows


def deleting(store, policy: str = "keep", **given) -> House:
    """Build a house in which HubSpot's map says what follows from a deletion there."""
    playbook = house_playbook()
    crms = dict(playbook.crms)
    crms[HUBSPOT] = replace(crms[HUBSPOT], on_delete=policy, **given)
    crms[SALESFORCE] = replace(crms[SALESFORCE], adopts=True)
    return a_house(store, playbook=replace(playbook, crms=crms))


def delete(house: House, address: str = ADA, name: str = HUBSPOT) -> str:
    """Let a CRM's people delete somebody, and its webhook say so; return the record's id."""
    record = house.lead(address).links[name].remote_id
    house.crms[name].archive(record)
    hint(house, name, record, "deleted")
    house.settle()
    return record


def hint(house: House, name: str, record: str, what: str) -> None:
    house.clock.advance(1)
    now = house.clock.now()
    kept = house.crms[name].records.get(record)
    said = Hint(kept.object if kept else "contacts", record, what)
    event_id = f"hint-{record}-{to_text(now)}"
    inbox.append(house.store, [Event(name, event_id, EventKind.HINT, said.as_payload(), now, now)])


def carry_out(house: House) -> None:
    for _ in range(6):
        house.tell(*house.crms)
        house.settle()
        if all(one.state not in ("waiting", "leased") for one in house.effects()):
            return
        house.clock.advance(600)
    raise AssertionError("what is to be done does not come to its end")


def proposed(house: House) -> list[tuple[str, str, str]]:
    return [(row["kind"], row["connection"], row["state"]) for row in rows(house.store, tables.proposals)]


def answer(house: House, *, accepts: bool) -> None:
    house.clock.advance(1)
    with house.store.snapshot() as snapshot:
        [one] = proposals.open_ones(snapshot, "main", limit=9)
    said = proposals.answer_event(one, "main", accepts=accepts, by="ada", now=house.clock.now())
    inbox.append(house.store, [said])
    house.decide()


def states(house: House) -> list[str]:
    return [row["state"] for row in rows(house.store, tables.deletions)]


def written(house: House) -> dict[str, str]:
    with house.store.snapshot() as snapshot:
        return {one.connection: one.state for one in writes(snapshot, house.lead(ADA))}


def is_there(house: House, name: str, record: str) -> bool:
    kept = house.crms[name].records.get(record)
    return kept is not None and not kept.archived


def effects(house: House) -> list[tuple[str, str, str]]:
    return [(one.kind, one.target, one.state) for one in house.effects()]


# What the map says


def test_keep_leaves_the_other_record_and_makes_nobody_anew(store):
    house = deleting(store, "keep")
    ids = known(house)
    delete(house)
    house.post(email=ADA, title="CTO")
    house.settle()
    assert (proposed(house), effects(house), states(house)) == ([], [], ["done"])
    assert house.lead(ADA).links[HUBSPOT].gone_at is not None
    assert house.crms[SALESFORCE].records[ids[SALESFORCE]].fields["title"] == "CTO"
    assert len(house.crms[HUBSPOT].records) == 1


def test_a_lead_s_story_says_that_the_record_was_deleted_until_it_is_restored(store):
    house = deleting(store, "keep")
    record = known(house)[HUBSPOT]
    delete(house)
    assert written(house) == {HUBSPOT: "deleted there", SALESFORCE: "written"}
    restore(house, HUBSPOT, record)
    assert written(house) == {HUBSPOT: "written", SALESFORCE: "written"}


def test_unlink_makes_nobody_anew_until_something_is_to_be_written(store):
    house = deleting(store, "unlink")
    gone = known(house)[HUBSPOT]
    delete(house)
    assert HUBSPOT not in house.lead(ADA).links
    assert len(house.crms[HUBSPOT].records) == 1
    house.post(email=ADA, title="CTO")
    house.settle()
    link = house.lead(ADA).links[HUBSPOT]
    assert link.remote_id != gone
    assert house.crms[HUBSPOT].records[link.remote_id].fields["title"] == "CTO"


def test_what_people_typed_before_they_deleted_it_reaches_the_other_crm_though_it_is_unlinked(store):
    house = deleting(store, "unlink")
    ids = known(house)
    poll = a_poll(house, SALESFORCE)
    look(poll)
    house.crms[SALESFORCE].edit(ids[SALESFORCE], first_name="Augusta")
    look(poll, 60)
    house.settle()
    house.clock.advance(60)
    house.crms[HUBSPOT].edit(ids[HUBSPOT], first_name="Byron")
    delete(house)
    lead = house.lead(ADA)
    assert HUBSPOT not in lead.links
    assert lead.fields["first_name"] == "Byron"
    assert house.crms[SALESFORCE].records[ids[SALESFORCE]].fields["first_name"] == "Byron"


def test_propose_asks_and_the_other_record_goes_once_somebody_agrees(store):
    house = deleting(store, "propose")
    ids = known(house)
    delete(house)
    carry_out(house)
    assert proposed(house) == [("delete", SALESFORCE, "open")]
    assert is_there(house, SALESFORCE, ids[SALESFORCE])
    answer(house, accepts=True)
    carry_out(house)
    assert not is_there(house, SALESFORCE, ids[SALESFORCE])
    assert proposed(house) == [("delete", SALESFORCE, "done")]
    lead = house.lead(ADA)
    assert all(link.gone_at for link in lead.links.values())


def test_who_refuses_keeps_the_other_record(store):
    house = deleting(store, "propose")
    ids = known(house)
    delete(house)
    answer(house, accepts=False)
    carry_out(house)
    assert is_there(house, SALESFORCE, ids[SALESFORCE])
    assert proposed(house) == [("delete", SALESFORCE, "refused")]


def test_delete_deletes_at_once_and_does_not_come_back_as_a_deletion_of_people(store):
    house = deleting(store, "delete")
    crms = {name: replace(crm, on_delete="delete") for name, crm in house.playbook.crms.items()}
    house.playbook = replace(house.playbook, crms=crms)
    ids = known(house)
    delete(house)
    carry_out(house)
    assert not is_there(house, SALESFORCE, ids[SALESFORCE])
    assert effects(house) == [("delete", SALESFORCE, "sent")]
    assert proposed(house) == [("delete", SALESFORCE, "done")]


def test_where_nothing_is_written_a_person_is_asked_instead(store):
    house = deleting(store, "delete")
    ids = known(house)
    house.shut[SALESFORCE] = "salesforce is only observed"
    delete(house)
    answer(house, accepts=True)
    carry_out(house)
    assert (proposed(house), effects(house)) == ([("delete", SALESFORCE, "open")], [])
    assert is_there(house, SALESFORCE, ids[SALESFORCE])


def test_a_record_that_is_restored_goes_on_and_takes_back_the_question(store):
    house = deleting(store, "propose")
    known(house)
    record = delete(house)
    crm = house.crms[HUBSPOT]
    for accepts in (None, False):  # open the first time, refused the second
        if accepts is not None:
            delete(house)
            answer(house, accepts=accepts)
        crm.records[record].archived = False
        crm.edit(record, title=f"back {accepts}")
        hint(house, HUBSPOT, record, "restored")
        house.settle()
        assert (proposed(house), states(house)) == ([("delete", SALESFORCE, "over")], ["restored"])
        assert house.lead(ADA).fields["title"] == f"back {accepts}"
    delete(house)
    assert proposed(house) == [("delete", SALESFORCE, "open")]


def restore(house: House, name: str, record: str) -> None:
    crm = house.crms[name]
    crm.records[record].archived = False
    crm.touch(record)
    hint(house, name, record, "restored")
    house.settle()


def test_restored_before_the_other_record_was_deleted_keeps_both(store):
    house = deleting(store, "delete")
    ids = known(house)
    record = delete(house)  # Salesforce is not called yet: it is busy, or its budget is spent
    restore(house, HUBSPOT, record)
    carry_out(house)
    assert is_there(house, SALESFORCE, ids[SALESFORCE])
    assert (proposed(house), effects(house)) == (
        [("delete", SALESFORCE, "over")],
        [("delete", SALESFORCE, "withheld")],
    )
    delete(house)  # the next one counts again
    carry_out(house)
    assert not is_there(house, SALESFORCE, ids[SALESFORCE])


@pytest.mark.parametrize("policy", ["delete", "propose"])
def test_deleted_and_restored_in_one_batch_keeps_both_and_asks_nobody(store, policy):
    house = deleting(store, policy)
    ids = known(house)
    crm = house.crms[HUBSPOT]
    for archived in (True, False):
        house.clock.advance(1)
        crm.records[ids[HUBSPOT]].archived = archived
        crm.touch(ids[HUBSPOT])
        read = crm._record(ids[HUBSPOT], crm.records[ids[HUBSPOT]])
        now = house.clock.now()
        inbox.append(house.store, [changed_event(read, now, now, "main", by_id=True)])
    house.settle()
    carry_out(house)
    assert is_there(house, SALESFORCE, ids[SALESFORCE])
    assert proposed(house) == [("delete", SALESFORCE, "over")]


# Carried out


def test_an_answer_that_is_lost_is_looked_up(store):
    house = deleting(store, "delete")
    known(house)
    house.crms[SALESFORCE].next("delete", lost=True)
    delete(house)
    carry_out(house)
    assert effects(house) == [("delete", SALESFORCE, "sent")]
    assert house.crms[SALESFORCE].called("delete") == 1


def test_a_record_that_became_another_in_the_meantime_is_left_alone(store):
    house = deleting(store, "propose")
    ids = known(house)
    delete(house)
    crm = house.crms[SALESFORCE]
    contact = crm.put("Contact", email="ada.l@example.com")
    answer(house, accepts=True)
    crm.convert(ids[SALESFORCE], contact)
    carry_out(house)
    assert effects(house) == [("delete", SALESFORCE, "withheld")]
    assert is_there(house, SALESFORCE, contact)
    assert proposed(house) == [("delete", SALESFORCE, "over")]


# The brake


BRAKE = DeleteBrake(count=6, share=1.0, per=timedelta(hours=1))
MANY = [f"p{number}@example.com" for number in range(9)]


def crowd(house: House) -> None:
    for address in MANY:
        house.post(email=address)
    house.settle()
    house.clock.advance(60)


def delete_all(house: House, addresses: list[str]) -> None:
    """Let people delete several at once, and one poll see them."""
    poll = a_poll(house, SALESFORCE)
    look(poll)
    for address in addresses:
        house.crms[SALESFORCE].archive(house.lead(address).links[SALESFORCE].remote_id)
    look(poll, 60)
    house.settle()


def braking(store, policy: str = "delete", **given) -> House:
    house = deleting(store)
    crms = dict(house.playbook.crms)
    crms[SALESFORCE] = replace(crms[SALESFORCE], on_delete=policy, delete_brake=BRAKE, **given)
    house.playbook = replace(house.playbook, crms=crms)
    crowd(house)
    return house


def held(house: House) -> int:
    with house.store.snapshot() as snapshot:
        return sum(one.records for one in deletions.held_back(snapshot, "main"))


def say(house: House, *, accepts: bool) -> None:
    house.clock.advance(1)
    with house.store.snapshot() as snapshot:
        [one] = deletions.held_back(snapshot, "main", people=3)
        events = deletions.answer_events(
            snapshot, "main", one.connection, one.last, accepts=accepts, by="ada", now=house.clock.now()
        )
    for part in deletions.pieces(events):
        inbox.append(house.store, part)
        inbox.append(house.store, part)  # as one who presses twice
    house.settle()


def there(house: House, name: str) -> int:
    return sum(not kept.archived for kept in house.crms[name].records.values())


def test_as_many_as_the_brake_lets_through_take_effect(store):
    house = braking(store)
    delete_all(house, MANY[:6])
    carry_out(house)
    assert (held(house), there(house, HUBSPOT)) == (0, 3)


def test_more_at_once_are_all_held_before_the_first_takes_effect(store):
    house = braking(store)
    delete_all(house, MANY[:7])
    carry_out(house)
    assert (held(house), there(house, HUBSPOT), effects(house)) == (7, 9, [])
    delete_all(house, MANY[7:8])  # and what comes after them
    assert held(house) == 8


def test_one_after_the_other_trips_it_too_and_only_within_its_window(store):
    house = braking(store)
    for address in MANY[:6]:
        delete_all(house, [address])
    house.clock.advance(3600)
    delete_all(house, [MANY[6]])
    assert held(house) == 0
    house.clock.advance(3600)
    for address in MANY[7:]:
        delete_all(house, [address])
    assert held(house) == 0


def test_released_they_take_effect_once(store):
    house = braking(store)
    delete_all(house, MANY[:7])
    say(house, accepts=True)
    carry_out(house)
    assert (held(house), there(house, HUBSPOT)) == (0, 2)
    assert states(house) == ["released"] * 7  # and none of what leadrelay deleted in HubSpot
    delete_all(house, MANY[7:8])  # the brake is off, and begins to count anew
    assert held(house) == 0


def test_dismissed_nothing_follows(store):
    house = braking(store)
    delete_all(house, MANY[:7])
    say(house, accepts=False)
    carry_out(house)
    assert (held(house), there(house, HUBSPOT), proposed(house)) == (0, 9, [])
    assert states(house) == ["dismissed"] * 7


@pytest.mark.parametrize("first", [True, False])
def test_of_two_words_on_the_same_deletions_the_first_counts(store, first):
    house = braking(store)
    delete_all(house, MANY[:7])
    with house.store.snapshot() as snapshot:
        [one] = deletions.held_back(snapshot, "main")
        for accepts in (first, not first):  # two people, before either word is decided
            inbox.append(
                house.store,
                deletions.answer_events(
                    snapshot,
                    "main",
                    one.connection,
                    one.last,
                    accepts=accepts,
                    by="ada",
                    now=house.clock.now(),
                ),
            )
    house.settle()
    carry_out(house)
    assert states(house) == ["released" if first else "dismissed"] * 7
    assert (held(house), there(house, HUBSPOT)) == (0, 2 if first else 9)


def test_what_is_restored_leaves_the_list_by_itself(store):
    house = braking(store)
    delete_all(house, MANY[:7])
    crm, poll = house.crms[SALESFORCE], a_poll(house, SALESFORCE)
    look(poll)
    for address in MANY[:7]:
        record = house.lead(address).links[SALESFORCE].remote_id
        crm.records[record].archived = False
        crm.touch(record)
    look(poll, 60)
    house.settle()
    assert (held(house), states(house)) == (0, ["restored"] * 7)
    assert all(house.lead(one).links[SALESFORCE].gone_at is None for one in MANY)


def test_a_share_of_those_who_are_linked_trips_it_and_five_never_do(store):
    house = braking(store)
    crms = dict(house.playbook.crms)
    crms[SALESFORCE] = replace(crms[SALESFORCE], delete_brake=DeleteBrake(1000, 0.1, timedelta(hours=1)))
    house.playbook = replace(house.playbook, crms=crms)
    delete_all(house, MANY[:5])  # more than a tenth of nine
    assert held(house) == 0
    delete_all(house, MANY[5:6])
    assert held(house) == 1


@pytest.mark.parametrize(
    ("count", "share", "linked", "limit"),
    [(100, 0.1, 10_000, 100), (100, 0.1, 300, 30), (100, 0.1, 20, 5), (2, 1.0, 50, 5)],
)
def test_the_lower_of_count_and_share_is_the_limit_but_never_fewer_than_five(count, share, linked, limit):
    assert DeleteBrake(count, share).limit(linked) == limit


# Erased for good


def erase(house: House, address: str = ADA) -> str:
    """Let HubSpot erase somebody for privacy: nothing is left to read, and two webhooks tell, one of each."""
    record = house.lead(address).links[HUBSPOT].remote_id
    del house.crms[HUBSPOT].records[record]
    hint(house, HUBSPOT, record, "deleted")
    house.settle()
    hint(house, HUBSPOT, record, "forgotten")
    house.settle()
    return record


def traces(house: House, *texts: str) -> set[tuple[str, str]]:
    """Return in which tables one of these texts still stands."""
    found = set()
    for table in tables.metadata.sorted_tables:
        for row in rows(house.store, table):
            found |= {(table.name, text) for text in texts if text in str(dict(row))}
    return found


def test_ask_puts_it_before_a_person_and_who_refuses_keeps_the_lead(store):
    house = deleting(store)
    known(house)
    erase(house)
    assert proposed(house) == [("forget", HUBSPOT, "open")]
    answer(house, accepts=False)
    assert house.lead(ADA).links[HUBSPOT].gone_at is not None


def test_once_somebody_agrees_nothing_is_left_here_but_a_hash(store):
    house = deleting(store)
    poll = a_poll(house)
    look(poll)
    known(house, first_name="Augusta", title="Countess")
    look(poll, 60)
    lead_id = house.lead_id(ADA)
    known(house, BO)
    erase(house)
    answer(house, accepts=True)
    assert traces(house, ADA, "Countess", "Augusta") == set()
    assert {table for table, _ in traces(house, lead_id)} <= {"inbox_events", "audit", "person_keys"}
    assert len(rows(house.store, tables.forgotten)) == 1
    assert house.lead_id(BO)


def test_what_was_heard_of_them_before_they_were_a_lead_goes_too(store):
    house = deleting(store, on_forget="forget", adopts=False)
    poll = a_poll(house)
    look(poll)
    for address in (ADA, BO):  # one will be a lead, the other one never is
        house.crms[HUBSPOT].put(email=address, title="Countess")
    look(poll, 60)
    house.settle()
    assert ("inbox_events", "Countess") in traces(house, "Countess")
    house.post(email=ADA)
    house.settle()
    for record in house.crms[HUBSPOT].by_email(ADA) + house.crms[HUBSPOT].by_email(BO):
        del house.crms[HUBSPOT].records[record]
        hint(house, HUBSPOT, record, "forgotten")
    house.settle()
    assert traces(house, ADA, BO, "Countess") == set()


def test_forget_does_it_at_once_and_what_is_left_elsewhere_is_asked_about(store):
    house = deleting(store, on_forget="forget")
    ids = known(house)
    erase(house)
    with house.store.snapshot() as snapshot:
        assert find_lead(snapshot, "main", ADA, person_keys({"email": ADA})) is None
    assert proposed(house) == [("delete", SALESFORCE, "open")]
    answer(house, accepts=True)
    carry_out(house)
    assert not is_there(house, SALESFORCE, ids[SALESFORCE])


@pytest.fixture
def asked(store) -> House:
    """Return a house in which a person was asked to delete a record, before the map said ``delete``."""
    house = deleting(store, "propose", on_forget="forget")
    known(house)
    delete(house)
    assert proposed(house) == [("delete", SALESFORCE, "open")]
    return house


def now_delete_at_once(house: House) -> None:
    crms = house.playbook.crms
    crms = {**crms, HUBSPOT: replace(crms[HUBSPOT], on_delete="delete")}
    house.playbook = replace(house.playbook, crms=crms)


def why_asked(house: House) -> list[str]:
    return [row["why"] for row in rows(house.store, tables.proposals)]


def test_what_was_asked_before_somebody_was_erased_is_asked_still(asked):
    record = asked.lead(ADA).links[SALESFORCE].remote_id
    erase(asked)
    assert proposed(asked) == [("delete", SALESFORCE, "open")]
    assert why_asked(asked) == ["forgotten in hubspot"]
    answer(asked, accepts=True)
    carry_out(asked)
    assert not is_there(asked, SALESFORCE, record)


def test_a_record_that_somebody_kept_is_asked_about_though_the_map_says_delete_by_now(asked):
    record = asked.lead(ADA).links[SALESFORCE].remote_id
    answer(asked, accepts=False)
    now_delete_at_once(asked)
    erase(asked)
    carry_out(asked)
    assert is_there(asked, SALESFORCE, record)
    assert proposed(asked) == [("delete", SALESFORCE, "open")]
    assert why_asked(asked) == ["forgotten in hubspot"]
    assert [(one.state, one.error) for one in asked.effects()] == [("withheld", "somebody refused it before")]


def test_a_question_that_is_open_is_answered_by_the_map(asked):
    record = asked.lead(ADA).links[SALESFORCE].remote_id
    now_delete_at_once(asked)
    erase(asked)
    assert proposed(asked) == [("delete", SALESFORCE, "accepted")]
    carry_out(asked)
    assert not is_there(asked, SALESFORCE, record)
    assert proposed(asked) == [("delete", SALESFORCE, "done")]


@pytest.mark.parametrize("at_once", [True, False])
def test_what_somebody_agreed_to_is_done_once_though_the_person_is_erased_meanwhile(asked, at_once):
    record = asked.lead(ADA).links[SALESFORCE].remote_id
    answer(asked, accepts=True)
    if at_once:
        now_delete_at_once(asked)
    erase(asked)
    carry_out(asked)
    assert not is_there(asked, SALESFORCE, record)
    done = [(one.state, one.error) for one in asked.effects()]
    assert sorted(done, key=str) == [
        ("sent", None),
        *([("withheld", "it is being done already")] if at_once else []),
    ]
    assert proposed(asked) == [("delete", SALESFORCE, "done")]


def test_who_was_forgotten_is_not_adopted_from_another_crm_and_comes_back_by_a_form(store):
    house = deleting(store, on_forget="forget")
    ids = known(house)
    erase(house)
    poll = a_poll(house, SALESFORCE)
    look(poll)
    house.crms[SALESFORCE].edit(ids[SALESFORCE], title="CTO")
    look(poll, 60)
    house.settle()
    assert rows(house.store, tables.leads) == []
    house.post(email=ADA)
    house.settle()
    assert house.lead(ADA).links[SALESFORCE].remote_id == ids[SALESFORCE]


def test_a_webhook_forgets_nobody_before_the_record_is_gone(store):
    house = deleting(store, on_forget="forget")
    ids = known(house)
    hint(house, HUBSPOT, ids[HUBSPOT], "forgotten")
    house.settle()
    assert house.lead(ADA).links[HUBSPOT].gone_at is None
    house.crms[HUBSPOT].archive(ids[HUBSPOT])
    bin_ = a_bin(house)
    while bin_.step() is not None:  # a list is no proof: it is read by id
        pass
    house.decide()
    assert house.lead(ADA)
    house.settle()
    assert rows(house.store, tables.leads) == []


def test_an_erased_record_that_is_there_again_is_a_record_like_any_other(store):
    house = deleting(store, on_forget="ask")
    record = known(house)[HUBSPOT]
    kept = house.crms[HUBSPOT].records[record]
    erase(house)
    house.crms[HUBSPOT].records[record] = kept
    hint(house, HUBSPOT, record, "restored")
    house.settle()
    assert proposed(house) == [("forget", HUBSPOT, "over")]
    delete(house)
    assert proposed(house) == [("forget", HUBSPOT, "over")]


def test_an_erasure_and_the_record_itself_in_one_batch_leave_a_record_like_any_other(store):
    house = deleting(store, on_forget="forget")
    known(house)
    crm, record = house.crms[HUBSPOT], delete(house)
    hint(house, HUBSPOT, record, "forgotten")
    crm.records[record].archived = False
    crm.touch(record)
    now = house.clock.now()
    read = crm._record(record, crm.records[record])
    inbox.append(house.store, [changed_event(read, now, now, "main", by_id=True)])
    house.settle()
    delete(house)  # months later, as people delete
    assert house.lead(ADA).links[HUBSPOT].gone_at is not None


def test_the_mirror_lets_go_of_a_stranger_who_was_erased(store):
    house = deleting(store)
    poll = a_poll(house)
    look(poll)
    record = house.crms[HUBSPOT].put("contacts", email="eve@example.net")
    look(poll, 60)
    house.settle()
    assert traces(house, "eve@example.net") >= {("mirror", "eve@example.net")}
    del house.crms[HUBSPOT].records[record]
    hint(house, HUBSPOT, record, "forgotten")
    house.settle()
    with house.store.snapshot() as snapshot:
        keys = sa.select(tables.mirror_keys).where(tables.mirror_keys.c.remote_id == record)
        assert snapshot.execute(keys).all() == []
    assert traces(house, "eve@example.net") == set()


@pytest.mark.parametrize("is_lead", [True, False])
def test_what_was_read_before_somebody_was_erased_does_not_come_back_when_it_is_stored_after(store, is_lead):
    house = deleting(store, on_forget="forget", adopts=False)
    crm, poll = house.crms[HUBSPOT], a_poll(house)
    look(poll)
    record = crm.put("contacts", email=ADA, title="Countess")
    if is_lead:
        assert known(house)[HUBSPOT] == record
    real = crm.changes

    def changes(*given, **named):
        answer = real(*given, **named)
        crm.changes = real
        if any(one.record.ref.id == record for one in answer.listed):
            del crm.records[record]  # erased while the answer is on its way, and forgotten by another process
            hint(house, HUBSPOT, record, "forgotten")
            house.settle()
        return answer

    crm.edit(record, title="Countess of Lovelace")
    crm.changes = changes
    look(poll, 60)
    house.settle()
    assert record not in crm.records
    assert traces(house, "Countess") == set()
    with house.store.snapshot() as snapshot:
        keys = sa.select(tables.mirror_keys).where(tables.mirror_keys.c.remote_id == record)
        assert snapshot.execute(keys).all() == []


def test_a_record_elsewhere_of_somebody_who_was_forgotten_leaves_no_word_when_it_is_edited(store):
    house = deleting(store, on_forget="forget")
    ids = known(house, title="Countess")
    erase(house)
    poll = a_poll(house, SALESFORCE)
    look(poll)
    house.crms[SALESFORCE].edit(ids[SALESFORCE], title="Countess of Lovelace")
    for _ in range(3):
        look(poll, 20)
        house.settle()
    assert rows(house.store, tables.leads) == []
    assert traces(house, "Countess") == set()
    changes = [row for row in rows(house.store, tables.inbox_events) if row["source"] == SALESFORCE]
    assert len([row for row in changes if row["record_id"] == ids[SALESFORCE]]) <= 3


def test_erasures_are_held_by_the_brake_as_well(store):
    house = deleting(store, on_forget="forget", delete_brake=BRAKE)
    crowd(house)
    crm = house.crms[HUBSPOT]
    records = [house.lead(address).links[HUBSPOT].remote_id for address in MANY[:7]]
    for record in records:
        del crm.records[record]
        hint(house, HUBSPOT, record, "forgotten")
    house.settle()
    assert (held(house), len(rows(house.store, tables.leads))) == (7, 9)
    say(house, accepts=True)
    assert (held(house), len(rows(house.store, tables.leads))) == (0, 2)


def test_what_a_list_shows_as_deleted_is_read_by_id_before_anything_follows(store):
    house = deleting(store, "delete")
    ids, bo = known(house), known(house, BO)
    bin_ = a_bin(house)
    crm = house.crms[HUBSPOT]
    crm.archive(ids[HUBSPOT])
    while bin_.step() is not None:
        pass
    crm.unite(ids[HUBSPOT], bo[HUBSPOT])  # it was no deletion, as the read by id tells
    house.settle()
    carry_out(house)
    assert [one.kind for one in house.effects()] == []
    assert house.lead(ADA).id == house.lead(BO).id


def test_a_deletion_that_is_taken_back_in_the_same_batch_holds_nothing(store):
    house = braking(store)
    crm = house.crms[SALESFORCE]
    refs = [house.lead(address).links[SALESFORCE].remote_id for address in MANY[:7]]
    for archived in (True, False):
        for record in refs:
            crm.records[record].archived = archived
            crm.touch(record)
            read = crm._record(record, crm.records[record])
            now = house.clock.now()
            inbox.append(house.store, [changed_event(read, now, now, "main", by_id=True)])
        house.clock.advance(1)
    house.settle()
    assert (held(house), states(house)) == (0, [])
    assert all(house.lead(one).links[SALESFORCE].gone_at is None for one in MANY)
