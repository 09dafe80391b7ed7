"""Tasks and messages: each once whatever answer gets lost, none for who opted out, none while observing."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest
import sqlalchemy as sa

from connectors.channels import Closed, Lost, Postponed, Promise, Rejected, Sent
from handlers.registry import build
from mappings import templates
from mappings.masking import Veil
from mappings.playbook import (
    ChannelRule,
    FieldRule,
    FollowUp,
    FollowUpRule,
    MaskRule,
    Notifications,
    NotifyRule,
    Privacy,
    Step,
    TaskMap,
)
from mappings.playbook.privacy import CLASSES, OF_TOUCHES, USUAL
from model.lead import OPT_OUT
from sync import inbox, tables
from sync.delivery.settling import PATIENCE
from sync.edges import effect_books, effects, errands, orphans, telling, wording
from sync.replays import letters, replay
from sync.replays.letters import EFFECT, SHELVES
from tests.builders import a_lead, field_is, mapped, place
from tests.sync.fake_channel import FakeChannel
from tests.sync.house import HUBSPOT, SALESFORCE, House, a_house, house_playbook
from tests.sync.stores import rows

ADA, BOB = "ada@example.com", "bob@example.com"
KNOWN = ("name", "company", "stage", "owner_name", "because", "links", "title")


def line(text: str) -> templates.Template:
    return templates.parse(text, place(9), KNOWN)


def telling_playbook(**given):
    """The house's playbook with a task for each assignment, a message for it, and opt-out fields."""
    plain = house_playbook()
    crms = {
        name: replace(
            crm,
            tasks=TaskMap("tasks", "our_key", place(1)),
            objects={
                one: replace(map_, fields=(*map_.fields, mapped(OPT_OUT, "unsubscribed", "crm", kind="bool")))
                for one, map_ in crm.objects.items()
            },
        )
        for name, crm in plain.crms.items()
    }
    website = plain.sources["website"]
    opt_out = FieldRule(OPT_OUT, ("unsubscribe",), (Step("boolean"),), place(4))
    call = FollowUpRule("Call", place(5), line("Call {name} ({company|no company})"), (line("{because}"),),
                        timedelta(hours=4), priority="high", type="call")  # fmt: skip
    told = NotifyRule("New lead", place(6), "assignment", "slack", line("{name} is for {owner_name}"),
                      (line("Company {company}"), line("{because}"), line("{links}")))  # fmt: skip
    return replace(
        plain,
        sources={"website": replace(website, fields=(*website.fields, opt_out))},
        crms=crms,
        follow_up=FollowUp((call,)),
        notifications=Notifications({"slack": ChannelRule("slack", "slack", place(2))}, (told,)),
        **given,
    )


@pytest.fixture
def house(store) -> House:
    return a_house(store, playbook=telling_playbook())


def states(house: House, target: str = "") -> list[str]:
    return [row.state for row in house.effects(target)]


def tell_all(house: House, rounds: int = 10) -> None:
    """Decide, deliver and send until nothing moves; waits are waited out."""
    for _ in range(rounds):
        house.settle()
        if not house.tell():
            if not {"waiting", "leased"} & set(states(house)):
                return
            house.clock.advance(1000)
    raise AssertionError(f"the effects do not come to rest: {states(house)}")


def lead_of(house: House, address: str = ADA):
    return house.lead(address)


# What is sent ----------------------------------------------------------------------------------------------


def test_an_assignment_makes_one_task_in_each_crm_and_one_message(house):
    house.post(email=ADA, first_name="Ada", last_name="Lovelace", company="Engines")
    posted = house.clock.now()
    tell_all(house)
    house.post(email=ADA, title="CEO")  # the owner stays: nothing new to do
    tell_all(house)
    assert states(house) == ["sent"] * 3
    owner = lead_of(house).owner
    for name in (HUBSPOT, SALESFORCE):
        [task] = house.crms[name].tasks
        assert task.about.id == lead_of(house).links[name].remote_id
        assert task.owner_id == {"ann@example.com": "o1", "bo@example.com": "o2"}[owner]
        assert task.subject == "Call Ada Lovelace (Engines)"
        assert (task.key_field, task.priority, task.type) == ("our_key", "high", "call")
        assert task.due_at == posted + timedelta(hours=4)
    [text] = house.channel.texts
    assert text.startswith(f"Ada Lovelace is for {'Ann' if 'ann' in owner else 'Bo'}\nCompany Engines\n• ")
    links = lead_of(house).links
    for name in (HUBSPOT, SALESFORCE):
        assert f"{name} [https://{name}.example/{links[name].remote_id}]" in text


def test_a_message_is_masked_by_the_rules_of_the_persons_country_and_the_task_is_not(store):
    rule = MaskRule({"name": "partly", "email": "hidden"}, place(9), ("EU",), ("messages",))
    privacy = Privacy((rule,), {"EU": frozenset({"DE"})})
    house = a_house(store, playbook=telling_playbook(privacy=privacy))
    house.post(email=ADA, first_name="Ada", last_name="Lovelace", country="DE")
    house.post(email="bob@free.example", first_name="Bob", last_name="Byte", country="US")
    tell_all(house)
    assert {task.subject for task in house.crms[HUBSPOT].tasks} == {
        "Call Ada Lovelace (no company)", "Call Bob Byte (no company)",
    }  # fmt: skip
    texts = "\n".join(house.channel.texts)
    assert "A. L. is for " in texts
    assert "Bob Byte is for " in texts
    assert "Lovelace" not in texts


def test_no_placeholder_shows_what_is_hidden():
    secret = "Zq7Zq7"
    fields = {name: f"{secret}{name}" for name in USUAL}
    lead = a_lead(**fields, first_touch=dict.fromkeys(OF_TOUCHES, secret), company="Engines")
    veil = Veil(dict.fromkeys(CLASSES, "hidden"), USUAL)
    facts = wording.facts_of(lead, {"because": ["+5 demo"]}, None, lambda _ref: None, veil)
    assert secret not in str(facts)
    assert (facts["company"], facts["because"], facts["name"]) == ("Engines", ["+5 demo"], "*** ***")


def test_the_task_goes_to_whoever_owns_the_lead_when_it_is_sent(house):
    house.crms[HUBSPOT].put(email=ADA, owner="o2")
    house.crms[SALESFORCE].put("Lead", email=ADA, owner="o2")
    house.post(email=ADA)
    tell_all(house)
    assert lead_of(house).owner == "bo@example.com"
    assert [task.owner_id for crm in house.crms.values() for task in crm.tasks] == ["o2", "o2"]
    assert states(house) == ["sent"] * 3  # a person's choice of owner is no second assignment


def test_a_task_waits_for_its_record_and_for_what_the_other_crm_says_of_the_person(house):
    house.post(email=ADA)
    house.decide()
    assert house.tell() == 0
    house.deliver(SALESFORCE)
    assert house.tell() == 0  # HubSpot may say yet that the person opted out
    house.clock.advance(61)
    assert house.tell(SALESFORCE) == 1
    assert house.tell("slack") == 1
    assert "hubspot" not in house.channel.texts[0].split("• ")[-1].split("[")[0]  # it goes without that link
    assert house.tell(HUBSPOT) == 0
    tell_all(house)
    assert states(house) == ["sent"] * 3


def test_a_record_that_was_given_up_is_waited_for_no_longer(house):
    house.crms[HUBSPOT].next("create", rejects=ADA)
    house.post(email=ADA)
    house.settle()
    assert house.tell(SALESFORCE) == 1
    assert house.tell("slack") == 1
    assert house.tell(HUBSPOT) == 0


def test_a_burst_makes_its_tasks_in_one_call(house):
    for n in range(30):
        house.post(email=f"p{n}@example.com")
    tell_all(house)
    for name in (HUBSPOT, SALESFORCE):
        assert len(house.crms[name].tasks) == 30
        assert house.crms[name].called("open_tasks") == 1


def test_one_bad_record_stops_no_other_and_a_replay_sends_it(house):
    for n in range(5):
        house.post(email=f"p{n}@example.com", first_name=f"P{n}")
    house.settle()
    house.crms[HUBSPOT].next("open_tasks", rejects="P3")
    tell_all(house)
    assert states(house, HUBSPOT).count("sent") == 4
    with house.store.snapshot() as snapshot:
        [letter] = effect_books.dead_letters(snapshot, "main")
        [found] = letters.page(snapshot, "main", SHELVES[EFFECT]).rows
        again = replay.of_letters([found], "main", by="ada", now=house.clock.now())
    assert (letter.kind, letter.target) == ("task", HUBSPOT)
    assert letter.error == "INVALID: the CRM will not take it (fields: subject)"
    assert (str(found.cause), found.attempts) == ("INVALID subject", 1)
    assert found.sent["subject"] == "Call P3 (no company)"
    inbox.append(house.store, again)
    tell_all(house)
    assert states(house, HUBSPOT) == ["sent"] * 5
    assert sorted(task.subject for task in house.crms[HUBSPOT].tasks) == [
        f"Call P{n} (no company)" for n in range(5)
    ]


def test_a_task_for_a_record_that_cannot_be_made_is_given_up_with_the_cause(house):
    house.crms[HUBSPOT].next("create", rejects=ADA)
    house.post(email=ADA)
    house.settle()
    given_up = house.store.write(partial(orphans.give_up_orphans, space="main", now=house.clock.now()))
    assert given_up == 1
    [task] = house.effects(HUBSPOT)
    assert task.state == "dead"
    assert task.error.startswith("needs a record that could not be written: INVALID")


def test_a_task_about_a_record_that_is_another_lead_s_is_given_up_and_says_so(house):
    house.post(email=BOB)
    tell_all(house)
    [remote_id] = house.crms[HUBSPOT].by_email(BOB)
    house.crms[HUBSPOT].edit(remote_id, email=ADA)
    house.post(email=ADA)
    house.decide()
    give_up = partial(orphans.give_up_orphans, space="main", now=house.clock.now())
    assert house.store.write(give_up) == 0  # it is yet to be looked for
    house.deliver()
    assert house.store.write(give_up) == 0  # and to be decided whose it is
    house.settle()
    assert house.store.write(give_up) == 1
    [_, task] = house.effects(HUBSPOT)
    assert (task.state, task.error) == ("dead", orphans.ANOTHERS)
    assert house.store.write(give_up) == 0
    tell_all(house)
    assert states(house, SALESFORCE) == ["sent"] * 2


# Lost answers ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("crm", [HUBSPOT, SALESFORCE])
def test_a_task_whose_answer_was_lost_is_found_again(house, crm):
    house.post(email=ADA)
    house.settle()
    house.crms[crm].next("open_tasks", lost=True)
    tell_all(house)
    assert len(house.crms[crm].tasks) == 1
    assert house.crms[crm].called("open_tasks") == 1
    assert house.crms[crm].called("find_tasks") == 1
    [row] = house.effects(crm)
    assert (row.state, row.remote_id, row.in_flight) == ("sent", "t1", None)


@pytest.mark.parametrize("crm", [HUBSPOT, SALESFORCE])
def test_a_task_that_was_not_made_is_made_once_the_look_up_says_so(house, crm):
    house.post(email=ADA)
    house.settle()
    claimed = errands.claim(house.outlets[crm])
    assert claimed is not None
    house.store.write(partial(effects.release_leases, space="main"))  # the process was killed before the call
    house.crms[crm].next("find_tasks", refused="busy")
    tell_all(house)
    assert len(house.crms[crm].tasks) == 1
    assert house.crms[crm].called("find_tasks") == 2  # the first could not say: nothing was sent on a guess


def test_who_lost_the_lease_settles_nothing(house):
    house.post(email=ADA)
    house.settle()
    claimed = errands.claim(house.outlets[HUBSPOT])
    assert claimed is not None
    house.clock.advance(121)
    tell_all(house)
    before = house.effects(HUBSPOT)
    telling.finish(house.outlets[HUBSPOT], claimed)
    assert house.effects(HUBSPOT) == before
    assert len(house.crms[HUBSPOT].tasks) == 1


@pytest.mark.parametrize("target", [HUBSPOT, "slack"])
def test_who_lost_the_lease_while_the_crms_were_asked_sends_nothing(house, target):
    house.post(email=ADA)
    house.settle()
    house.clock.advance(16 * 60)
    claimed = errands.claim(house.outlets[target])
    assert claimed is not None

    def too_long() -> None:
        house.clock.advance(121)
        house.tell(target)

    house.channel.promise = Promise.AT_LEAST_ONCE
    house.crms[SALESFORCE].next("read", before=too_long)
    telling.finish(house.outlets[target], claimed)
    assert len(house.crms[HUBSPOT].tasks) + len(house.channel.got) == 1
    assert states(house, target) == ["sent"]


def test_a_lease_is_kept_through_slow_answers(house):
    house.post(email=ADA)
    house.settle()
    house.clock.advance(16 * 60)
    house.crms[HUBSPOT].next("read", before=lambda: house.clock.advance(100))
    house.crms[SALESFORCE].next("read", before=lambda: house.clock.advance(100))
    elsewhere: list[object] = []
    house.channel.before = lambda: elsewhere.append(errands.claim(house.outlets["slack"]))
    assert house.tell("slack") == 1
    assert elsewhere == [None]
    assert states(house, "slack") == ["sent"]


@pytest.mark.parametrize("call", ["the CRMs", "the lease"])
def test_what_fails_before_a_word_goes_out_leaves_no_doubt(house, monkeypatch, call):
    def breaks(*_args, **_kwargs):
        monkeypatch.undo()
        raise RuntimeError("a fault of ours")

    house.post(email=ADA)
    house.settle()
    if call == "the CRMs":
        house.clock.advance(16 * 60)
        monkeypatch.setattr(house.crms[HUBSPOT], "read", breaks)
    else:
        monkeypatch.setattr(effects, "renew", breaks)
    assert house.tell("slack") == 1
    [row] = house.effects("slack")
    assert (row.state, row.in_flight, len(house.channel.got)) == ("waiting", None, 0)
    assert "an unexpected failure (RuntimeError)" in row.error
    tell_all(house)
    assert len(house.channel.got) == 1


@pytest.mark.parametrize(
    ("promise", "end", "times"), [("at_most_once", "unknown", 1), ("at_least_once", "sent", 2)]
)
def test_a_message_whose_answer_was_lost_keeps_its_channel_s_promise(house, promise, end, times):
    house.channel.promise = Promise(promise)
    house.channel.next(Lost("no answer"))
    house.post(email=ADA)
    tell_all(house)
    assert states(house, "slack") == [end]
    assert len(house.channel.got) == times


@pytest.mark.parametrize(
    ("promise", "end", "times"), [("at_most_once", "unknown", 0), ("at_least_once", "sent", 1)]
)
def test_a_message_that_was_leased_when_the_process_died_is_in_doubt(house, promise, end, times):
    house.channel.promise = Promise(promise)
    house.post(email=ADA)
    house.settle()
    assert errands.claim(house.outlets["slack"]) is not None
    house.store.write(partial(effects.release_leases, space="main"))
    house.restart()
    tell_all(house)
    [row] = house.effects("slack")
    assert row.state == end
    assert len(house.channel.got) == times
    if end == "unknown":
        assert row.in_flight["title"].startswith("ada@example.com is for")  # a person can see what it was
        assert "may have arrived" in row.error


# Channels --------------------------------------------------------------------------------------------------


def test_a_single_message_goes_alone_and_a_burst_as_one_that_lists_them_all(house):
    house.post(email=ADA)
    house.settle()
    assert house.tell("slack") == 1
    for n in range(20):
        house.post(email=f"p{n}@example.com")
    house.settle()
    claimed = errands.claim(house.outlets["slack"])
    telling.finish(house.outlets["slack"], claimed)
    assert len(house.channel.got) == 2
    digest = house.channel.texts[1]
    assert digest.startswith("20 messages\n")
    for n in range(20):
        assert f"— p{n}@example.com is for" in digest
    assert states(house, "slack") == ["sent"] * 21


def test_a_digest_stays_within_the_channel_s_bounds_and_drops_nothing(house):
    house.channel.capacity = 2_000
    for n in range(40):
        house.post(email=f"p{n}@example.com", company="x" * 150)
    house.settle()
    house.tell("slack")
    assert all(message.size <= 2_100 for message in house.channel.got)
    assert 2 < len(house.channel.got) < 40
    together = "\n".join(house.channel.texts)
    assert all(together.count(f"p{n}@example.com is for") == 1 for n in range(40))


def test_a_digest_that_is_refused_is_halved_until_the_culprit_stands_alone(house):
    house.channel.refuses = "p7@example.com"
    for n in range(16):
        house.post(email=f"p{n}@example.com")
    tell_all(house)
    assert sorted(states(house, "slack")) == ["dead"] + ["sent"] * 15
    together = "\n".join(house.channel.texts)
    assert all(together.count(f"p{n}@example.com is for") == (n != 7) for n in range(16))


def test_a_busy_channel_is_asked_again_after_its_own_wait_and_a_closed_one_without_losing_patience(house):
    house.channel.next(Postponed("429", 30.0), Closed("no_service"))
    house.post(email=ADA)
    house.settle()
    claimed = errands.claim(house.outlets["slack"])
    assert telling.finish(house.outlets["slack"], claimed) == 30.0
    house.clock.advance(29)
    assert house.tell("slack") == 0
    house.clock.advance(2)
    assert house.tell("slack") == 1
    [row] = house.effects("slack")
    assert (row.state, row.attempts, row.error) == ("waiting", 1, "no_service")
    house.clock.advance(61)
    house.tell("slack")
    assert states(house, "slack") == ["sent"]


def test_what_cannot_be_sent_for_a_day_is_given_up(house):
    house.post(email=ADA)
    house.settle()
    house.clock.advance(PATIENCE.total_seconds() + 1)
    house.channel.next(Closed("no_service"))
    house.tell("slack")
    [row] = house.effects("slack")
    assert (row.state, row.error) == ("dead", "given up after 24 hours: no_service")


def test_a_refused_message_is_a_dead_letter(house):
    house.channel.next(Rejected("no_text"))
    house.post(email=ADA)
    tell_all(house)
    assert states(house, "slack") == ["dead"]


def test_a_rule_that_is_gone_from_the_playbook_sends_nothing(house):
    house.post(email=ADA)
    house.settle()
    house.playbook = replace(house.playbook, follow_up=FollowUp(), notifications=Notifications())
    house.tell()
    assert states(house) == ["withheld"] * 3
    assert house.effects()[0].error == 'the playbook has no rule "Call" any more'


def test_a_stage_that_people_set_in_a_crm_as_well_is_told_of_once(store):
    playbook = telling_playbook()
    [rule] = playbook.notifications.rules
    told = replace(playbook.notifications, rules=(replace(rule, on="stage"),))
    hubspot = playbook.crms[HUBSPOT]
    contacts = hubspot.objects["contacts"]
    fields = tuple(replace(one, authority="newest") for one in contacts.fields)
    hubspot = replace(hubspot, objects={"contacts": replace(contacts, fields=fields)})
    crms = {**playbook.crms, HUBSPOT: hubspot}
    house = a_house(store, playbook=replace(playbook, notifications=told, crms=crms))
    house.post(email=ADA, title="CTO")
    house.settle()
    house.post(email=ADA, title="CEO")
    house.decide()
    assert len(house.effects("slack")) == 2  # it began at a stage, and came to another
    contact = house.lead(ADA).links[HUBSPOT].remote_id
    house.clock.advance(60)
    house.crms[HUBSPOT].edit(contact, stage="mql")
    house.settle()  # a delivery reads it before it writes
    assert len(house.effects("slack")) == 2


@pytest.mark.parametrize("address", ["gone@example.com", "stranger@example.com"])
def test_a_mail_to_the_owner_goes_to_nobody_who_is_inactive(store, address):
    playbook = telling_playbook()
    [rule] = playbook.notifications.rules
    told = replace(playbook.notifications, rules=(replace(rule, to_owner=True),))
    house = a_house(store, playbook=replace(playbook, notifications=told))
    for email in (ADA, BOB):
        house.post(email=email)
    house.settle()
    left, stays = house.lead(ADA), house.lead(BOB)
    gone = {**left.fields, "owner": address}
    house.store.write(
        lambda connection: connection.execute(
            sa.update(tables.leads).where(tables.leads.c.id == left.id).values(fields=gone)
        )
    )
    tell_all(house)
    assert [message.to for message in house.channel.got] == [(stays.owner,)]
    [withheld, _] = house.effects("slack")
    assert (withheld.state, withheld.error) == ("withheld", "nobody active owns the lead")


# Opt-out first ---------------------------------------------------------------------------------------------


def nobody_was_told(house: House) -> None:
    assert house.channel.got == []
    assert [task for crm in house.crms.values() for task in crm.tasks] == []


def test_who_opts_out_by_the_form_is_neither_tasked_nor_messaged_but_written(house):
    house.post(email=ADA, company="Engines", unsubscribe="yes")
    tell_all(house)
    nobody_was_told(house)
    assert states(house) == ["withheld"] * 3
    assert all("the person opted out: website said so" in row.error for row in house.effects())
    for name in (HUBSPOT, SALESFORCE):
        assert house.crms[name].one(ADA)["company"] == "Engines"
        assert house.crms[name].one(ADA)["unsubscribed"] in (True, "true")
    tell_all(house)
    assert states(house) == ["withheld"] * 3  # and never sent later


@pytest.mark.parametrize("crm", [HUBSPOT, SALESFORCE])
def test_who_opted_out_in_either_crm_is_neither_tasked_nor_messaged(house, crm):
    house.crms[crm].put("contacts" if crm == HUBSPOT else "Lead", email=ADA, unsubscribed=True)
    house.post(email=ADA)
    tell_all(house)
    nobody_was_told(house)
    assert states(house) == ["withheld"] * 3
    assert lead_of(house).get(OPT_OUT) is True
    other = SALESFORCE if crm == HUBSPOT else HUBSPOT
    assert house.crms[other].one(ADA)["unsubscribed"] in (True, "true")  # the other CRM hears of it


def test_an_opt_out_between_the_decision_and_the_claim_counts(house):
    house.post(email=ADA)
    house.settle()
    house.post(email=ADA, unsubscribe="yes")
    house.decide()
    house.tell()
    nobody_was_told(house)
    assert states(house) == ["withheld"] * 3


@pytest.mark.parametrize("target", [HUBSPOT, "slack"])
def test_an_opt_out_between_the_look_and_the_lease_counts(house, monkeypatch, target):
    house.post(email=ADA)
    house.settle()
    lease = errands._lease

    def late(*args, **kwargs):
        return lease(*args, **kwargs)

    plan = errands._plan_due

    def planned_and_overtaken(outlet):
        found = plan(outlet)
        monkeypatch.setattr(errands, "_plan_due", plan)
        house.post(email=ADA, unsubscribe="yes")
        house.decide()
        return found

    monkeypatch.setattr(errands, "_plan_due", planned_and_overtaken)
    house.tell(target)
    house.tell(target)
    nobody_was_told(house)
    assert states(house, target) == ["withheld"]


def test_an_opt_out_of_a_moment_ago_is_read_in_the_crm_before_a_word_goes_out(house):
    house.post(email=ADA)
    house.settle()
    [remote_id] = house.crms[HUBSPOT].by_email(ADA)
    house.crms[HUBSPOT].edit(remote_id, unsubscribed=True)
    house.clock.advance(16 * 60)  # the record was read a quarter of an hour ago
    house.tell()
    nobody_was_told(house)
    assert sorted(states(house)) == ["waiting", "waiting", "withheld"]  # the decider is to hear of it first
    assert any("read just before" in (row.error or "") for row in house.effects())
    house.decide()
    assert lead_of(house).get(OPT_OUT) is True
    tell_all(house)
    nobody_was_told(house)
    assert states(house) == ["withheld"] * 3


def test_where_the_crm_does_not_say_whether_the_person_opted_out_nothing_goes_out(house):
    house.post(email=ADA)
    house.settle()
    house.clock.advance(16 * 60)
    house.crms[HUBSPOT].next("read", unauthorized=True)
    house.tell("slack")
    nobody_was_told(house)
    [row] = house.effects("slack")
    assert row.state == "waiting"
    assert "cannot be read in hubspot" in row.error
    tell_all(house)
    assert states(house) == ["sent"] * 3


def test_no_record_read_a_moment_ago_is_read_again(house):
    house.post(email=ADA)
    tell_all(house)
    assert house.crms[HUBSPOT].called("read") == house.crms[SALESFORCE].called("read") == 0


def test_an_opt_out_is_not_taken_back_by_a_form_or_a_crm(house):
    house.post(email=ADA, unsubscribe="yes")
    house.settle()
    house.post(email=ADA, unsubscribe="no", title="CEO")
    [remote_id] = house.crms[HUBSPOT].by_email(ADA)
    house.crms[HUBSPOT].edit(remote_id, unsubscribed=False)
    house.settle()
    house.post(email=ADA, title="CTO")
    house.settle()
    assert lead_of(house).get(OPT_OUT) is True
    assert house.crms[HUBSPOT].one(ADA)["unsubscribed"] is False  # what a person cleared there stays cleared


def test_a_task_in_doubt_is_not_made_for_who_opted_out_meanwhile(house):
    house.post(email=ADA)
    house.settle()
    assert errands.claim(house.outlets[HUBSPOT]) is not None
    house.store.write(partial(effects.release_leases, space="main"))
    house.post(email=ADA, unsubscribe="yes")
    house.decide()
    house.tell()
    nobody_was_told(house)
    assert states(house, HUBSPOT) == ["unknown"]


# Where nothing is sent -------------------------------------------------------------------------------------


def test_where_nothing_may_be_sent_effects_are_withheld_at_once_and_for_good(house):
    house.shut |= {HUBSPOT: "hubspot is only observed", "slack": "slack is not set up"}
    house.post(email=ADA)
    house.decide()
    assert states(house, HUBSPOT) == states(house, "slack") == ["withheld"]
    assert house.effects("slack")[0].error == "slack is not set up"
    house.shut.clear()
    tell_all(house)
    assert house.channel.got == house.crms[HUBSPOT].tasks == []
    assert len(house.crms[SALESFORCE].tasks) == 1


def test_what_waits_is_withheld_when_its_target_is_taken_back_to_observing(house):
    house.post(email=ADA)
    house.decide()
    why = {SALESFORCE: "salesforce is only observed"}
    assert house.store.write(partial(effects.withhold, space="main", shut=why, now=house.clock.now())) == 1
    tell_all(house)
    assert house.crms[SALESFORCE].tasks == []
    assert states(house, SALESFORCE) == ["withheld"]


def test_a_test_lead_tells_nobody_and_leaves_nothing(house):
    house.post(email=ADA, _leadrelay_test=True)
    tell_all(house)
    assert house.effects() == []


def test_counts_and_the_story_show_each_state(store):
    house = a_house(store, playbook=telling_playbook(), channel=FakeChannel())
    house.channel.next(Sent("1"), Lost("gone"))
    house.post(email=ADA)
    tell_all(house)
    house.post(email=BOB)
    tell_all(house)
    with store.snapshot() as snapshot:
        counts = effect_books.counts(snapshot, "main")
        unsent = effect_books.unsent(snapshot, "main")
        story = effect_books.of_lead(snapshot, lead_of(house, BOB).id)
    assert (counts["slack"].sent, counts["slack"].unknown) == (1, 1)
    assert (counts[HUBSPOT].sent, unsent.get(HUBSPOT)) == (2, None)
    assert (unsent["slack"].sent, unsent["slack"].unknown) == (0, 1)
    assert [(one.kind, one.target, one.state) for one in story] == [
        ("task", HUBSPOT, "sent"),
        ("task", SALESFORCE, "sent"),
        ("message", "slack", "unknown"),
    ]


def test_a_redo_of_a_save_inserts_nothing_twice(house):
    house.post(email=ADA)
    house.decide()
    [task, *_] = house.effects()
    before = rows(house.store, tables.outbox_effects)
    from model.decision import OneShot

    again = effects.Raised(OneShot(task.key, "task", HUBSPOT, {}), task.lead_id, 1)
    house.store.write(lambda connection: effects.insert(connection, "main", [again], house.clock.now(), {}))
    assert rows(house.store, tables.outbox_effects) == before


def test_rules_choose_whom_a_task_or_message_is_about(store):
    playbook = telling_playbook()
    [rule] = playbook.notifications.rules
    for_ceos = replace(rule, when=field_is("title", "CEO"))
    playbook = replace(playbook, notifications=replace(playbook.notifications, rules=(for_ceos,)))
    house = a_house(store, playbook=playbook, handlers=build(playbook))
    house.post(email=ADA)
    house.post(email=BOB, title="CEO")
    tell_all(house)
    assert len(house.channel.got) == 1
