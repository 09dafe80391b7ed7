"""Who gets a task, who is told, and for which cause."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from handlers.follow_up import MakeFollowUp
from handlers.notify import Notify
from mappings import templates
from mappings.playbook import FollowUp, FollowUpRule, Notifications, NotifyRule, TaskMap
from model.decision import Because, Reason
from model.lead import RULE, Provenance
from tests.builders import NOON, a_context, a_crm, a_lead, a_reading, field_is, place, reasons

EVENT = 7


def line(text):
    return templates.parse(text, place(3), ("name",))


def crms(*names):
    return {name: replace(a_crm(name, "people"), tasks=TaskMap("tasks", "key", place(1))) for name in names}


def rule(name="Call", **given):
    return FollowUpRule(name, place(5), line("Call {name}"), (), timedelta(hours=4), **given)


def assigned(event=EVENT, by=RULE, **given):
    given = {"email": "ada@example.com", "owner": "ann@example.com"} | given
    return a_lead(provenance={"owner": Provenance(by, NOON, event)}, **given)


def context(**given):
    told = [Reason("score", Because("+30 demo")), Reason("writeback", Because("differs"))]
    return replace(a_context(a_reading(event_id=EVENT)), event_id=EVENT, reasons=told, **given)


def tasks(lead, *rules, on=("hubspot", "salesforce")):
    return MakeFollowUp(FollowUp(rules or (rule(),)), crms(*on))(lead, context())


def test_an_assignment_asks_for_one_task_a_crm_and_says_why():
    decision = tasks(assigned())
    assert [effect.target for effect in decision.effects] == ["hubspot", "salesforce"]
    assert len({effect.key for effect in decision.effects}) == 2
    assert decision.effects[0].payload == {"rule": "Call", "because": ["+30 demo"]}
    assert reasons(decision) == ["task for ann@example.com in hubspot, salesforce: Call"]


def test_the_same_cause_has_the_same_key_and_the_next_assignment_another():
    first, again = tasks(assigned()).effects[0], tasks(assigned()).effects[0]
    later = MakeFollowUp(FollowUp((rule(),)), crms("hubspot"))(
        assigned(event=9), replace(context(), event_id=9)
    ).effects[0]
    assert first.key == again.key != later.key


@pytest.mark.parametrize(
    "lead", [assigned(event=6), assigned(by="hubspot"), a_lead(email="ada@example.com")],
    ids=["an earlier event", "a person in the CRM", "nobody"],
)  # fmt: skip
def test_no_task_without_an_assignment_by_a_rule_in_this_event(lead):
    assert tasks(lead).effects == ()


def test_the_first_rule_that_fits_makes_the_task():
    for_ceos = rule("For CEOs", when=field_is("title", "CEO"))
    assert tasks(assigned(title="CEO"), for_ceos, rule()).effects[0].payload["rule"] == "For CEOs"
    assert tasks(assigned(), for_ceos, rule()).effects[0].payload["rule"] == "Call"
    assert tasks(assigned(), for_ceos).effects == ()


def test_only_crms_that_hold_the_lead_and_take_tasks_get_one():
    nobody = assigned(email=None, phone="+491234567")
    assert [effect.target for effect in tasks(nobody).effects] == ["salesforce"]  # HubSpot needs an e-mail
    assert [effect.needs for effect in tasks(nobody).effects] == [("salesforce",)]
    only = rule(connections=("hubspot",))
    assert [effect.target for effect in tasks(assigned(), only).effects] == ["hubspot"]


def test_a_test_lead_gives_nobody_a_task_and_says_so():
    decision = tasks(assigned(is_test=True))
    assert decision.effects == ()
    assert reasons(decision) == ["test lead: nobody gets a task"]


def notify(lead, *rules, **given):
    return Notify(Notifications({}, rules), crms("hubspot"))(lead, context(**given))


def told(name, on, **given):
    return NotifyRule(name, place(9), on, "slack", line("{name}"), (), **given)


def test_each_rule_that_fits_tells_once_for_each_cause():
    lead = assigned(stage="mql")
    lead.provenance["stage"] = Provenance(RULE, NOON, EVENT)
    rules = told("a", "assignment"), told("b", "stage"), told("c", "post")
    decision = notify(lead, *rules)
    assert [effect.payload["rule"] for effect in decision.effects] == ["a", "b", "c"]
    assert len({effect.key for effect in decision.effects}) == 3
    later = Notify(Notifications({}, rules), crms("hubspot"))(
        lead, replace(context(), event_id=8, event=None)
    )
    assert later.effects == ()


def test_a_message_waits_for_the_records_it_links_to():
    [effect] = notify(assigned(), told("a", "assignment")).effects
    assert effect.needs == ("hubspot",)
    assert effect.patience == timedelta(seconds=60)


def test_a_test_lead_tells_nobody():
    assert notify(assigned(is_test=True), told("a", "assignment")).effects == ()
