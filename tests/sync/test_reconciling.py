"""A CRM compared with what is here: each difference named, with what made it, and mended by an event."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import sqlalchemy as sa

from sync import tables
from sync.reconciling import kinds, unlinked
from sync.reconciling.kinds import Difference
from tests.sync.followed import a_bin, a_poll, look
from tests.sync.house import HUBSPOT, SALESFORCE, House, a_house
from tests.sync.reconciled import READING, compare, found, mend, mirrored
from tests.sync.selling import Followed, person, sell, selling, the_deal
from tests.sync.stores import rows
from tests.sync.test_accounts import with_companies
from tests.sync.test_following import ADA, BO, known, see
from tests.sync.test_holds import both_change, with_rule
from tests.sync.test_lists import plan as plan_of

HOUR = 3_600


@pytest.fixture
def house(store) -> House:
    return a_house(store)


def a_person(house: House, **fields) -> dict[str, str]:
    """Let a person be known everywhere, and mirrored."""
    ids = known(house, **{"title": "CTO", **fields})
    mirrored(house)
    return ids


def only(house: House, name: str = HUBSPOT, **wanted) -> Difference:
    [one] = found(house, compare(house, name), **wanted)
    return one


def set_row(house: House, table: sa.Table, **values) -> None:
    """Spoil the store as a fault of ours would."""
    house.store.write(lambda connection: connection.execute(sa.update(table).values(**values)))


def snapshot_of(house: House) -> dict[str, list]:
    held = (tables.leads, tables.links, tables.outbox_changes, tables.outbox_fetches, tables.inbox_events)
    return {table.name: rows(house.store, table) for table in held}


def test_where_nothing_differs_nothing_is_told_and_every_count_is_accounted_for(house):
    a_person(house)
    house.post(email=BO)
    house.settle()
    mirrored(house)
    for name in house.crms:
        run = compare(house, name)
        assert (run.state, run.found, run.unexplained, run.looked) == ("done", 0, 0, 2)
        assert [sheet["total"] for sheet in run.counts["here"]] == [2]


def test_comparing_changes_nothing_and_writes_to_no_crm(house):
    ids = a_person(house)
    house.crms[HUBSPOT].edit(ids[HUBSPOT], title="CEO")
    house.crms[HUBSPOT].put(email=BO)
    before, calls = snapshot_of(house), len(house.crms[HUBSPOT].calls)
    assert compare(house).found == 2
    assert snapshot_of(house) == before
    assert {name for name, _ in house.crms[HUBSPOT].calls[calls:]} <= READING


# Each kind of difference: what makes it, and what is said of it


def edited_there(house: House) -> None:
    ids = a_person(house)
    house.crms[HUBSPOT].edit(ids[HUBSPOT], title="CEO")


def changed_here(house: House) -> None:
    a_person(house)
    house.post(email=ADA, title="CEO")
    house.decide()


def refused(house: House) -> None:
    a_person(house)
    house.post(email=ADA, title="CEO")
    house.decide()
    house.crms[HUBSPOT].next("update", rejects=ADA)
    house.deliver(HUBSPOT)


def forgotten(house: House) -> None:
    """A write that nothing asked for any more, as a fault of ours would leave it."""
    changed_here(house)
    set_row(house, tables.outbox_changes, done=tables.outbox_changes.c.wanted)


def wrong_shadow(house: House) -> None:
    """The shadow says what was never agreed on."""
    a_person(house)
    [row] = [one for one in rows(house.store, tables.links) if one["connection"] == HUBSPOT]
    shadow = {**row["shadow"], "title": "Intern"}
    set_row(house, tables.links, shadow=shadow, written=row["shadow"])


def deleted_there(house: House) -> None:
    ids = a_person(house)
    del house.crms[HUBSPOT].records[ids[HUBSPOT]]


def merged_there(house: House) -> None:
    ids = a_person(house)
    winner = house.crms[HUBSPOT].put(email="ada.old@example.com", title="CTO")
    house.crms[HUBSPOT].unite(ids[HUBSPOT], winner)
    mirror_all(house)


def mirror_all(house: House) -> None:
    """Let the mirror know all records, so that none is a stranger."""
    for kept in house.crms[HUBSPOT].records.values():
        kept.number = 0  # older than what the polls have met: they do not read it again


def restored_there(house: House) -> None:
    ids = a_person(house)
    house.crms[HUBSPOT].archive(ids[HUBSPOT])
    see(house, HUBSPOT, ids[HUBSPOT])
    house.crms[HUBSPOT].records[ids[HUBSPOT]].archived = False


def never_made(house: House) -> None:
    """A lead without a record, for whom nothing is under way."""
    mirrored(house)
    house.post(email=ADA, title="CTO")
    house.decide()
    house.store.write(lambda connection: connection.execute(sa.delete(tables.outbox_changes)))


def never_met(house: House) -> None:
    mirrored(house)
    house.crms[HUBSPOT].put(email=BO, title="CEO")


CASES = [
    (edited_there, kinds.UNREAD, "title", ("CTO", "CEO"), "it was changed there at "),
    (changed_here, kinds.WAITING, "title", ("CEO", "CTO"), "it is due, and goes with the next call"),
    (refused, kinds.DEAD_LETTER, "title", ("CEO", "CTO"), "the CRM refused it: "),
    (forgotten, kinds.NEVER_RAISED, "title", ("CEO", "CTO"), "nothing asked for that"),
    (wrong_shadow, kinds.SHADOW, "title", ("CTO", "CTO"), "the shadow is not what it says"),
    (deleted_there, kinds.GONE, "", (None, None), "it is not there any more"),
    (merged_there, kinds.MERGED, "", (None, None), "it was merged into contacts "),
    (restored_there, kinds.RESTORED, "", (None, None), "the link says that it was deleted at "),
    (never_made, kinds.MISSING, "", (None, None), "nothing asked for that"),
    (never_met, kinds.UNKNOWN_RECORD, "", (None, None), "no walk and no poll has met it"),
]


@pytest.mark.parametrize(("make", "kind", "field", "values", "why"), CASES, ids=[case[1] for case in CASES])
def test_a_difference_says_what_made_it(
    house, make: Callable[[House], None], kind: str, field: str, values: tuple, why: str
):
    make(house)
    run = compare(house)
    told = {(one.kind, one.field): one for one in found(house, run)}
    assert (kind, field) in told, told
    one = told[kind, field]
    assert (one.ours, one.theirs) == values
    assert why in one.why
    assert run.by_kind[kind] == sum(each.kind == kind for each in told.values())


@pytest.mark.parametrize(
    "make",
    [case[0] for case in CASES if kinds.KINDS[case[1]].mend],
    ids=[case[1] for case in CASES if kinds.KINDS[case[1]].mend],
)
def test_what_is_mended_differs_no_more(house, make: Callable[[House], None]):
    make(house)
    run = compare(house)
    assert mend(house, run) == sum(bool(one.mend) for one in found(house, run))
    mirrored(house)
    house.settle()
    assert found(house, compare(house)) == []


def test_a_person_who_waits_in_the_hold_queue_is_named_with_their_number(store):
    house = with_rule(store, authority="hold")
    both_change(house)
    mirrored(house)
    one = only(house, field="title")
    assert (one.kind, one.place, one.mend) == (kinds.HELD, "hold 1", "")
    assert (one.ours, one.theirs) == ("Founder", "CEO")


def test_a_value_that_the_map_only_reads_is_said_to_have_lost_to_a_rule(store):
    house = with_rule(store, authority="crm", read_only=True)
    ids = known(house, title="CEO")
    house.crms[HUBSPOT].records[ids[HUBSPOT]].fields["title"] = None  # never written, and empty there
    mirrored(house)
    one = only(house, field="title")
    assert (one.kind, one.ours, one.theirs, one.is_fault) == (kinds.RULE, "CEO", None, False)
    assert "the map only reads it" in one.why


def test_what_was_changed_an_hour_ago_and_is_not_read_is_a_fault_of_ours(house):
    edited_there(house)
    assert not only(house).is_fault
    house.clock.advance(2 * HOUR)
    run = compare(house)
    assert (run.faults, run.faulty) == (1, 1)
    assert run.shares["links"] == 1.0


def test_what_a_poll_then_reads_is_no_difference_any_more(house):
    edited_there(house)
    look(a_poll(house), 60)
    house.settle()
    assert compare(house).found == 0


def test_nothing_is_written_while_observed_and_that_is_why_they_differ(house):
    ids = a_person(house)
    house.shut = {HUBSPOT: "hubspot is only observed"}
    house.post(email=ADA, title="CEO")
    house.decide()
    one = only(house, field="title")
    assert one.kind == kinds.WAITING
    assert "only observed" in one.why
    assert one.record_id == ids[HUBSPOT]


def test_a_converted_lead_is_told_and_its_link_moved_by_mending(house):
    ids = a_person(house)
    crm = house.crms[SALESFORCE]
    contact = crm.put("Contact", **crm.records[ids[SALESFORCE]].fields)
    crm.convert(ids[SALESFORCE], contact)
    run = compare(house, SALESFORCE)
    assert kinds.CONVERTED in run.by_kind
    mend(house, run, kind=kinds.CONVERTED)
    link = house.lead(ADA).links[SALESFORCE]
    assert (link.object, link.remote_id) == ("Contact", contact)


def test_two_leads_with_one_record_are_told(house):
    ids = a_person(house)
    other = known(house, BO)
    house.crms[HUBSPOT].unite(other[HUBSPOT], ids[HUBSPOT])
    told = found(house, compare(house), kind=kinds.LINKED_TWICE)
    assert [one.record_id for one in told] == [other[HUBSPOT]]


# Companies and deals


def test_a_company_is_compared_like_a_person(store):
    house = a_house(store, playbook=with_companies())
    house.post(email="ada@acme.com", company="Acme")
    house.settle()
    mirrored(house)
    assert compare(house).found == 0
    [company] = [one for one, kept in house.crms[HUBSPOT].records.items() if kept.object == "companies"]
    house.crms[HUBSPOT].edit(company, name="Acme Inc")
    one = only(house)
    assert (one.kind, one.object, one.entity_kind, one.field) == (
        kinds.UNREAD,
        "companies",
        "account",
        "name",
    )
    assert one.theirs == "Acme Inc"


def test_a_deal_is_compared_and_counted_like_a_person(store):
    house = a_house(store, playbook=selling())
    ids = person(house)
    followed = Followed(house)
    deal = sell(house, HUBSPOT, ids[HUBSPOT])
    followed.look()
    mirrored(house)
    run = compare(house)
    assert (run.found, run.unexplained) == (0, 0)
    assert [sheet["of"] for sheet in run.counts["here"]] == ["leads", "deals"]
    house.crms[HUBSPOT].edit(deal, amount="1500")
    one = only(house)
    assert (one.kind, one.object, one.entity_id) == (kinds.UNREAD, "deals", the_deal(house).id)
    assert (one.entity_kind, one.field, one.theirs) == ("deal", "amount", "1500")
    run = compare(house)
    mend(house, run)
    assert the_deal(house).get("amount") == "1500.00"


def test_a_deal_that_was_carried_over_and_one_of_nobody_are_accounted_for(store):
    house = a_house(store, playbook=selling())
    ids = person(house)
    followed = Followed(house)
    sell(house, HUBSPOT, ids[HUBSPOT])
    sell(house, SALESFORCE)
    followed.look()
    mirrored(house)
    run = compare(house, SALESFORCE, object="Opportunity")
    assert (run.found, run.unexplained) == (0, 0)
    lines = {sheet["of"]: sheet["lines"] for sheets in run.counts.values() for sheet in sheets}
    assert lines["Opportunity"] == [["linked to a deal", 1], ["nobody's: of nobody who is known here", 1]]
    assert lines["deals"] == [["have a record there", 1]]


def test_records_that_people_deleted_leave_nothing_unexplained(store):
    house = a_house(store)
    ids = known(house)
    crm = house.crms[HUBSPOT]
    nobodys = crm.put("contacts", phone="+44 20 7946 0000")
    mirrored(house)
    crm.archive(ids[HUBSPOT])
    crm.archive(nobodys)
    recycled = a_bin(house)
    while recycled.step() is not None:
        pass
    house.decide()
    run = compare(house, object="contacts")
    assert (run.found, run.unexplained) == (0, 0)
    [people] = run.counts["here"]
    assert people["lines"] == [["had one that was deleted there: not made anew", 1]]


def test_of_companies_without_a_record_those_of_somebody_there_are_missing_page_by_page(store, monkeypatch):
    house = a_house(store, playbook=with_companies())
    for number in range(4):
        known(house, f"ada@acme{number}.com", company=f"Acme {number}")
    known(house, "bo@nowhere.com")

    def spoil(connection: sa.Connection) -> None:
        for table in (tables.account_links, tables.outbox_changes):
            connection.execute(sa.delete(table).where(table.c.connection == HUBSPOT))
        nobody = tables.links.c.lead_id == house.lead_id("bo@nowhere.com")
        connection.execute(sa.delete(tables.links).where(nobody, tables.links.c.connection == HUBSPOT))

    house.store.write(spoil)
    monkeypatch.setattr(unlinked, "CHUNK", 2)
    pages, after = [], ""
    crm, now = house.playbook.crms[HUBSPOT], house.clock.now()
    with store.snapshot() as snapshot:
        while not pages or pages[-1].after:
            look = unlinked.Look(snapshot, "main", crm, house.playbook, now, is_written=True)
            page = unlinked.page(look, "accounts", after)
            pages.append(page)
            after = page.after or ""
        plan = plan_of(snapshot, unlinked.WITH_PEOPLE.params(of_connection=HUBSPOT, ids=["a", "b"]))
    assert [page.missing for page in pages].count(0) <= 1
    assert sum(page.missing for page in pages) == 4
    assert sum(page.reasons[unlinked.NOBODY_THERE] for page in pages) == 1
    assert store.dialect != "sqlite" or ("ix_leads_account_id" in plan and "SCAN" not in plan), plan
