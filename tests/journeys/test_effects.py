"""Tasks in both CRMs and messages in Slack, with the whole daemon: once, and none for who opted out."""

from __future__ import annotations

import re
import time
from collections import Counter

import pytest
import requests

from tests.journeys.crowd import a_crowd, assert_all_arrived, send
from tests.journeys.slack import HOOK, messages, slack, told_of
from tests.waiting import eventually

__all__ = ["slack"]

ADA = {"email": "ada@analytical.example", "first_name": "Ada", "last_name": "Lovelace", "form_type": "demo"}


@pytest.fixture
def told(closed_house, slack):
    """A house that tells #leads."""
    return closed_house.start(LEADRELAY_SLACK_WEBHOOK_URL=slack + HOOK).settle_in()


def states(house, kind=""):
    return Counter(state for one, _, state in house.effects() if kind in ("", one))


def test_a_lead_gets_a_task_in_both_crms_and_a_message_with_links_that_lead_to_them(told, slack):
    told.post(**ADA)
    told.settle()
    assert states(told) == {"sent": 3}
    [message] = messages(slack)
    links = re.findall(r"<(http[^|>]+)\|(\w+)>", message["fields"]["payload"]["blocks"][1]["text"]["text"])
    assert [name for _, name in links] == ["HubSpot", "Salesforce"]
    for (url, name), crm in zip(links, told.crms.values(), strict=True):
        page = requests.get(url, timeout=60)
        assert page.ok, name
        assert ADA["email"] in page.text
        [task] = crm.tasks()
        assert "Ada Lovelace" in str(task)
        owner = crm.owners[task.get("hubspot_owner_id") or task.get("OwnerId")]
        assert owner == told.story(ADA["email"]).lead.owner


@pytest.mark.parametrize("crm", ["hubspot", "salesforce", "DoNotCall"])
def test_who_opted_out_in_a_crm_is_never_tasked_or_messaged(told, slack, crm):
    here = told.crms["hubspot" if crm == "hubspot" else "salesforce"]
    required = {} if crm == "hubspot" else {"company": "Engines Ltd"}
    record = here.act("create", email=ADA["email"], last_name="Lovelace", **required)
    if crm == "hubspot":
        here.act("unsubscribe", record=record)
    else:
        field = "DoNotCall" if crm == "DoNotCall" else "HasOptedOutOfEmail"
        here.act("edit", record=record, **{field: True})
    told.post(**ADA)
    told.settle()
    told.post(**ADA | {"form_type": "pricing"})
    told.settle()
    assert messages(slack) == []
    assert [task for one in told.crms.values() for task in one.tasks()] == []
    assert states(told) == {"withheld": 3}
    assert here.person(ADA["email"])["first_name"] == "Ada"  # fields are written as ever


def test_who_opts_out_by_the_form_is_never_tasked_or_messaged(told, slack):
    told.post(**ADA, unsubscribe="on")
    told.settle()
    told.post(**ADA, unsubscribe="off")
    told.settle()
    assert messages(slack) == []
    assert states(told) == {"withheld": 3}
    records = told.crms["salesforce"].records("Lead")
    assert [record["HasOptedOutOfEmail"] for record in records] == [True]


def test_an_opt_out_while_slack_is_away_is_heard_before_the_message_goes_out(told, slack):
    requests.post(f"{slack}/__sandbox/faults", json={"error_rate": 1, "error_status": 503}, timeout=60)
    told.post(**ADA)
    eventually(lambda: states(told, "message")["waiting"] and states(told, "task")["sent"] == 2, "a message")
    told.crms["hubspot"].act("unsubscribe", record=told.crms["hubspot"].person(ADA["email"])["record"])
    told.clock.move_on(minutes=20)  # the record was read longer ago than consent_read_within
    requests.post(f"{slack}/__sandbox/faults", json={}, timeout=60)
    told.settle_in_a_hurry()
    assert messages(slack) == []
    assert states(told, "message") == {"withheld": 1}
    assert told.story(ADA["email"]).lead.get("opted_out") is True


@pytest.mark.parametrize("how", ["merge", "convert"])
def test_an_opt_out_of_what_a_record_became_is_heard_too(told, slack, how):
    requests.post(f"{slack}/__sandbox/faults", json={"error_rate": 1, "error_status": 503}, timeout=60)
    told.post(**ADA)
    eventually(lambda: states(told, "message")["waiting"] and states(told, "task")["sent"] == 2, "a message")
    if how == "merge":
        crm = told.crms["hubspot"]
        other = crm.act("create", email="ada@elsewhere.example")
        ours = crm.person(ADA["email"])["record"]
        merged = crm._post("act/merge", {"object": "contacts", "id": other, "other": ours})
        assert str(merged["id"]) not in (ours, other)
        crm.act("unsubscribe", record=str(merged["id"]))
    else:
        crm = told.crms["salesforce"]
        crm.act("convert", "Lead", record=crm.person(ADA["email"], "Lead")["record"])
        contact = crm.person(ADA["email"], "Contact")["record"]
        crm.act("edit", "Contact", record=contact, HasOptedOutOfEmail=True)
    told.clock.move_on(minutes=20)
    requests.post(f"{slack}/__sandbox/faults", json={}, timeout=60)
    eventually(lambda: states(told, "message") == {"withheld": 1}, "the end of the message")
    eventually(lambda: told.story(ADA["email"]).lead.get("opted_out") is True, "the decider's word")
    assert messages(slack) == []


def test_nothing_goes_out_while_the_crm_where_the_person_opted_out_is_down(told, slack):
    crm = told.crms["hubspot"]
    crm.act("unsubscribe", record=crm.act("create", email=ADA["email"]))
    crm.faults(error_rate=1, error_status=503)
    told.post(**ADA)
    eventually(lambda: told.crms["salesforce"].people("Lead"), "a Lead")
    told.clock.move_on(minutes=2)  # nobody waits for HubSpot's link any longer
    eventually(lambda: "cannot be read in hubspot" in told.command("explain", ADA["email"]), "a look-up")
    assert messages(slack) == []
    assert told.crms["salesforce"].tasks() == []
    crm.faults()
    told.settle_in_a_hurry()
    assert messages(slack) == []
    assert [task for one in told.crms.values() for task in one.tasks()] == []
    assert states(told) == {"withheld": 3}


def test_a_burst_reaches_slack_as_digests_within_its_limits_and_nothing_is_dropped(told, slack):
    told.edit("notifications.yaml", 'title: "{name}', 'title: "<{id}> {name}')
    told.edit("notifications.yaml", "    when: {stage: {at_least: mql}}\n", "")
    told.stop()
    told.start()
    crowd = a_crowd(seed=50, posts=100)
    began = time.monotonic()
    answers = send(crowd, lambda: f"http://127.0.0.1:{told.daemon.port}")
    told.settle()
    took = time.monotonic() - began
    assert_all_arrived(crowd, answers, told, told.crms)
    found = messages(slack)
    together = told_of(slack)
    wanted = states(told, "message")
    assert wanted.keys() == {"sent"}
    assert len(together) == wanted["sent"]
    assert set(together.values()) == {1}  # each told once
    assert len(found) <= took + 2  # one a second
    assert any("messages" in str(one["fields"]["payload"]["text"]) for one in found)
    refused = requests.get(f"{slack}/__sandbox/stats", timeout=60).json()
    assert "429" not in str(refused.get("answers", ""))


@pytest.mark.parametrize("fault", [{"timeout_rate": 1, "timeout_s": 0.02}, {"drop_rate": 1}])
def test_a_message_in_doubt_is_unknown_and_shown(told, slack, fault):
    requests.post(f"{slack}/__sandbox/faults", json=fault, timeout=60)
    told.post(**ADA)
    told.settle()
    assert states(told, "message") == {"unknown": 1}
    assert "in slack: unknown" in told.command("explain", ADA["email"])


def test_a_channel_that_is_not_set_up_is_named_and_its_messages_are_withheld(closed_house):
    house = closed_house.start().settle_in()
    house.post(**ADA)
    house.settle()
    assert states(house, "message") == {"withheld": 1}
    reason = house.daemon.fleet.shut()["slack"]
    assert reason == "slack is not set up: LEADRELAY_SLACK_WEBHOOK_URL or LEADRELAY_SLACK_TOKEN not set"


def test_nothing_is_sent_for_connections_that_only_observe_now_or_later(closed_house, slack):
    house = closed_house.start(LEADRELAY_SANDBOX="false")
    eventually(lambda: len(house._rosters()) == 2, "the rosters")
    house.post(**ADA)
    eventually(lambda: states(house, "task") == {"withheld": 2}, "withheld tasks")
    house.stop()
    house.start(LEADRELAY_SANDBOX="true").settle_in()
    house.post(**ADA, message="again")
    house.settle()
    assert [task for crm in house.crms.values() for task in crm.tasks()] == []
