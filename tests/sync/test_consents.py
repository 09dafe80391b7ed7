"""Consent: each word in the ledger, nothing done while a gate is shut, and done once it is open."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from mappings import gates
from mappings.playbook import Consent, ConsentGate, FieldRule, Purpose, Step, TextVersion
from model.consent import GRANTED, WITHDRAWN, why_not
from model.lead import LEAD_FIELDS, OPT_OUT
from sync import consents, fetches, forget, inbox, leads, tables
from sync.edges import effect_books
from sync.fetches import Wish
from tests.builders import mapped, place
from tests.sync.house import HUBSPOT, SALESFORCE, House, a_house
from tests.sync.stores import rows
from tests.sync.test_carrying import tell
from tests.sync.test_effects import telling_playbook

ADA = "ada@example.com"
CALL = Purpose(
    "call", "Calls", "consent", (TextVersion("1", None, "You may call me."),), place(1, "consent.yaml")
)


def gate(act: str, **given) -> ConsentGate:
    return ConsentGate(act, "call", place(9, "consent.yaml"), **({"regions": ("EU",)} | given))


def consenting_playbook(*shut: ConsentGate, **given):
    """The house's playbook that asks for consent to calls, on forms and in both CRMs."""
    plain = telling_playbook()
    by_act: dict[str, tuple[ConsentGate, ...]] = {}
    for one in shut:
        by_act[one.act] = (*by_act.get(one.act, ()), one)
    line = mapped("consent_call", "call_ok", "newest", kind="bool")
    crms = {
        name: replace(
            crm,
            objects={one: replace(map_, fields=(*map_.fields, line)) for one, map_ in crm.objects.items()},
        )
        for name, crm in plain.crms.items()
    }
    website = plain.sources["website"]
    asked = (
        FieldRule("consent_call", ("call",), (Step("boolean"),), place(4)),
        FieldRule("consent_text", ("text",), (), place(4)),
    )
    return replace(
        plain,
        crms=crms,
        sources={"website": replace(website, fields=(*website.fields, *asked))},
        consent=Consent({"call": CALL}, {"EU": frozenset({"DE", "AT"})}, by_act),
        fields={**LEAD_FIELDS, "consent_call": bool, "consent_call_confirmed": bool, "consent_text": str},
        **given,
    )


def a_consenting_house(store, *shut: ConsentGate) -> House:
    return a_house(store, playbook=consenting_playbook(*shut))


def ledger(house: House):
    return [
        (row["purpose"], row["act"], row["source"], row["text_version"], row["basis"], row["counts"])
        for row in rows(house.store, tables.consents)
    ]


def said(house: House) -> list[str]:
    """Return all because-lines of all events."""
    with house.store.snapshot() as snapshot:
        details = snapshot.execute(sa.select(tables.audit_details.c.details)).scalars()
        return [reason["text"] for one in details for reason in one.get("reasons", ())]


def note(house: House, act: str, address: str = ADA, by: str = "eva") -> None:
    """Let a colleague note what the person said by phone."""
    event = consents.event_of(house.lead_id(address), "call", act, space="main", by=by, now=house.clock.now())
    inbox.append(house.store, [event])


# The ledger ------------------------------------------------------------------------------------------------


def test_each_word_of_a_form_is_kept_with_its_text_and_whether_it_counts(store):
    house = a_consenting_house(store)
    house.post(email=ADA, call="yes")
    house.clock.advance(60)
    house.post(email=ADA, call="no", text="2026-b")
    house.post(email=ADA, call="yes", occurred_at=house.clock.now() - timedelta(seconds=30))
    house.post(email=ADA, title="CEO")
    house.settle()
    assert ledger(house) == [
        ("call", "granted", "website", "1", "consent", True),
        ("call", "withdrawn", "website", "2026-b", "consent", True),
        ("call", "granted", "website", "1", "consent", False),
    ]
    assert house.lead(ADA).fields["consent_call"] is False


def test_a_no_in_a_crm_and_an_opt_out_are_in_the_ledger_too(store):
    house = a_consenting_house(store)
    house.post(email=ADA, call="yes")
    house.settle()
    house.crms[SALESFORCE].edit(house.lead(ADA).links[SALESFORCE].remote_id, call_ok=False)
    hear(house, SALESFORCE)
    house.post(email=ADA, unsubscribe="yes")
    house.settle()
    assert [one[:3] for one in ledger(house)] == [
        ("call", "granted", "website"),
        ("call", "withdrawn", SALESFORCE),
        ("*", "withdrawn", "website"),
    ]
    assert house.crms[HUBSPOT].records[house.lead(ADA).links[HUBSPOT].remote_id].fields["call_ok"] is False


def test_what_a_colleague_notes_is_kept_with_who_noted_it(store):
    house = a_consenting_house(store)
    house.post(email=ADA, call="yes")
    house.settle()
    house.clock.advance(60)
    note(house, WITHDRAWN, by="eva of the call centre in Basel, by a letter of the 3rd of March 2026")
    house.settle()
    *_, last = rows(house.store, tables.consents)
    kept = "eva of the call centre in Basel, by a letter of the 3rd of March"
    assert (last["act"], last["source"], last["by"]) == ("withdrawn", "person", kept)
    assert house.lead(ADA).fields["consent_call"] is False


def test_the_ledger_of_two_leads_that_are_one_is_whole_and_goes_with_the_person(store):
    house = a_consenting_house(store)
    house.post(email=ADA, call="no")
    house.clock.advance(60)
    house.post(email="bob@example.com", call="yes")
    house.settle()
    unite(house, ADA, "bob@example.com")
    lead = house.lead(ADA)
    assert lead.id == house.lead("bob@example.com").id
    assert lead.fields["consent_call"] is False  # that of either, though the yes was later
    assert {row["lead_id"] for row in rows(store, tables.consents)} == {lead.id}
    assert [one[1] for one in ledger(house)] == ["withdrawn", "granted", "withdrawn"]
    store.write(lambda connection: forget.remove_test_leads(connection, [lead.id]))
    assert rows(store, tables.consents) == []


# Gates -----------------------------------------------------------------------------------------------------


def test_a_task_without_consent_waits_for_it_and_is_then_made_once(store):
    house = a_consenting_house(store, gate("task"))
    house.post(email=ADA, country="DE")
    house.settle()
    house.tell()
    assert [(row.kind, row.state) for row in house.effects()] == [
        ("task", "withheld"), ("task", "withheld"), ("message", "sent"),
    ]  # fmt: skip
    assert house.effects(HUBSPOT)[0].error == "blocked: no consent for call in EU"
    assert "task in hubspot: blocked: no consent for call in EU" in said(house)
    with store.snapshot() as snapshot:
        assert effect_books.blocked(snapshot, "main") == 2
    house.clock.advance(86_400)
    house.post(email=ADA, call="yes")
    house.settle()
    house.tell()
    assert [row.state for row in house.effects()] == ["sent"] * 3
    [task] = house.crms[HUBSPOT].tasks
    assert task.due_at >= house.clock.now()  # the time to call begins with the consent
    house.post(email=ADA, call="yes")
    house.settle()
    house.tell()
    assert len(house.crms[HUBSPOT].tasks) == 1


def test_a_no_between_the_decision_and_the_sending_is_heard(store):
    house = a_consenting_house(store, gate("task"))
    house.post(email=ADA, country="DE", call="yes")
    house.settle()
    house.clock.advance(60)
    house.post(email=ADA, call="no")
    house.settle()
    house.tell()
    assert house.crms[HUBSPOT].tasks == house.crms[SALESFORCE].tasks == []
    assert house.effects(HUBSPOT)[0].error == "blocked: consent withdrawn for call in EU"


def test_an_owner_is_given_once_there_is_consent_and_no_turn_is_used_before(store):
    house = a_consenting_house(store, gate("assign"))
    house.post(email=ADA, country="DE")
    house.settle()
    assert house.lead(ADA).owner is None
    assert "blocked: no consent for call in EU" in said(house)
    assert rows(store, tables.seats) == []
    house.post(email=ADA, call="yes")
    house.settle()
    assert house.lead(ADA).owner


def test_a_record_is_made_once_there_is_consent_and_written_ever_after(store):
    house = a_consenting_house(store, gate("sync", only=frozenset({HUBSPOT}), regions=()))
    house.post(email=ADA, country="DE")
    house.settle()
    assert set(house.lead(ADA).links) == {SALESFORCE}
    assert "hubspot: blocked: no consent for call" in said(house)
    house.post(email=ADA, call="yes")
    house.settle()
    assert set(house.lead(ADA).links) == {HUBSPOT, SALESFORCE}
    house.clock.advance(60)
    house.post(email=ADA, call="no")
    house.settle()
    assert house.crms[HUBSPOT].records[house.lead(ADA).links[HUBSPOT].remote_id].fields["call_ok"] is False


def test_a_record_that_was_wanted_is_not_made_after_a_no(store):
    house = a_consenting_house(store, gate("sync", regions=()))
    house.post(email=ADA, call="yes")
    house.decide()
    house.clock.advance(60)
    house.post(email=ADA, call="no")
    house.decide()
    house.settle()
    assert house.lead(ADA).links == {}
    assert house.crms[HUBSPOT].records == {}


def test_a_country_that_becomes_known_opens_a_gate_of_other_regions(store):
    house = a_consenting_house(store, gate("task"))
    house.post(email=ADA)
    house.settle()
    house.tell()
    assert house.crms[HUBSPOT].tasks == []
    house.post(email=ADA, country="US")
    house.settle()
    house.tell()
    assert len(house.crms[HUBSPOT].tasks) == 1


def test_the_impact_of_a_policy_is_whom_it_keeps_something_back_of(store):
    house = a_consenting_house(store)
    house.post(email=ADA, country="DE")
    house.post(email="bob@example.com", country="US")
    house.post(email="cyd@example.com", country="DE", unsubscribe="yes")
    house.settle()
    policy = consenting_playbook(gate("task"), gate("assign")).consent
    with store.snapshot() as snapshot:
        [found] = consents.impact(snapshot, "main", policy, house.clock.now())
    assert (found.email, found.country, [one.act for one in found.shut]) == (ADA, "DE", ["task", "assign"])


# The property ----------------------------------------------------------------------------------------------

PEOPLE = [f"{name}@example.com" for name in ("ada", "bob", "cyd")]
SHUT = (
    gate("task"),
    gate("task", regions=(), basis="legitimate_interest"),
    gate("assign"),
    gate("sync", only=frozenset({HUBSPOT})),
)


def hear(house: House, name: str) -> None:
    """Read every record of a CRM that is somebody's, as a poll does that finds them all changed."""
    wishes = [
        Wish(row["connection"], row["object"], row["remote_id"])
        for row in rows(house.store, tables.links)
        if row["connection"] == name
    ]
    house.store.write(lambda c: fetches.raise_wanted(c, "main", wishes, house.clock.now()))
    house.settle()


def unite(house: House, keep: str, lose: str) -> None:
    """Let HubSpot's people merge the record of one person into another's."""
    kept, lost = (house.lead(one).links[HUBSPOT].remote_id for one in (keep, lose))
    house.crms[HUBSPOT].unite(lost, kept)
    tell(house, HUBSPOT, kept)


def everyone(house: House):
    with house.store.snapshot() as snapshot:
        ids = snapshot.execute(sa.select(tables.leads.c.id)).scalars().all()
        return leads.load(snapshot, ids)


@pytest.mark.parametrize(
    "seed", [*range(4), *(pytest.param(n, marks=pytest.mark.soak) for n in range(4, 12))]
)
def test_nothing_that_needs_consent_is_done_while_its_gate_is_shut(store, seed):
    """Random words on forms, in CRMs and by phone, in any order of time; tasks and records are watched."""
    chance = random.Random(seed)
    house = a_consenting_house(store, *SHUT)
    policy = house.playbook.consent
    made: dict[str, int] = {}
    records: set[str] = set()
    for _ in range(30):
        before = everyone(house)
        step(house, chance)
        house.settle()
        now = everyone(house)
        for lead_id, lead in now.items():
            was = before.get(lead_id)
            if lead.owner and (was is None or not was.owner) and lead.provenance["owner"].source == "rule":
                assert gates.why_shut(policy, gates.ASSIGN, lead, house.clock.now()) == ""
        born = set(house.crms[HUBSPOT].records) - records
        records |= born
        holders = {lead.links[HUBSPOT].remote_id: lead for lead in now.values() if HUBSPOT in lead.links}
        for remote_id in born:
            holder = holders[remote_id]
            assert gates.why_shut(policy, gates.SYNC, holder, house.clock.now(), (HUBSPOT,)) == ""
        house.tell()
        for name, crm in house.crms.items():
            for task in crm.tasks[made.get(name, 0) :]:
                lead = next(
                    one
                    for one in now.values()
                    if name in one.links and one.links[name].remote_id == task.about.id
                )
                names = ("Call", name)
                assert gates.why_shut(policy, gates.TASK, lead, house.clock.now(), names) == ""
                assert why_not(lead) == ""
            made[name] = len(crm.tasks)
    check_the_no_wins(house)


def step(house: House, chance: random.Random) -> None:
    """Do one thing of those that happen."""
    house.clock.advance(chance.choice([1, 60, 3600]))
    who = chance.choice(PEOPLE)
    known = {lead.get("email"): lead for lead in everyone(house).values()}
    linked = [one for one in PEOPLE if one in known and HUBSPOT in known[one].links]
    match chance.randrange(7):
        case 0 | 1:
            word = chance.choice([{}, {"call": "yes"}, {"call": "yes"}, {"call": "no"}])
            late = timedelta(seconds=chance.choice([0, 0, 30, 7200]))
            country = chance.choice([{}, {"country": "DE"}, {"country": "US"}])
            house.post(email=who, occurred_at=house.clock.now() - late, **word, **country)
        case 2 if who in known and known[who].links:
            name, link = chance.choice(sorted(known[who].links.items()))
            house.crms[name].edit(link.remote_id, call_ok=chance.choice([True, False, False]))
            hear(house, name)
        case 3 if who in known:
            note(house, chance.choice([GRANTED, WITHDRAWN]), who)
        case 5 if len(linked) > 1 and chance.random() < 0.3:
            unite(house, *chance.sample(linked, 2))
        case 4 if chance.random() < 0.1:
            house.post(email=who, unsubscribe="yes")
        case _:
            house.decide()
            house.tell()


def check_the_no_wins(house: House) -> None:
    """How a purpose stands agrees with the last entry of the ledger that counts, if there is one."""
    counting = [row for row in rows(house.store, tables.consents) if row["counts"]]
    last = {(row["lead_id"], row["purpose"]): row for row in counting}
    for lead in everyone(house).values():
        entry = last.get((lead.id, "call"))
        stands = lead.fields.get("consent_call")
        assert stands is (None if entry is None else entry["act"] == GRANTED)
        assert (lead.id, "*") not in last or lead.fields[OPT_OUT] is True
