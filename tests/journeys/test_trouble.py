"""CRMs that are away, busy, broken or silent: everybody arrives in the end, and nobody twice."""

from __future__ import annotations

import socket

import pytest
from structlog.testing import capture_logs

from tests.journeys.crms import running_crm
from tests.journeys.crowd import a_crowd, assert_all_arrived, send
from tests.waiting import eventually

ADA = {"email": "ada@analytical.example", "last_name": "Lovelace", "form_type": "demo"}

FAULTS = {
    "busy": {"rate_429": 0.3},
    "broken": {"error_rate": 0.4, "error_status": 503},
    "locked": {"error_rate": 0.3, "error_status": 423},
    "half failed": {"half_failed_rate": 0.4},
    "silent": {"timeout_rate": 0.4, "timeout_s": 0.02},
    "dropping": {"drop_rate": 0.4},
    "all at once": {
        "error_rate": 0.1,
        "half_failed_rate": 0.2,
        "timeout_rate": 0.2,
        "timeout_s": 0.02,
        "drop_rate": 0.1,
    },
}


def send_a_crowd(house, posts=40):
    crowd = a_crowd(seed=posts, posts=posts)
    return crowd, send(crowd, lambda: f"http://127.0.0.1:{house.daemon.port}")


def assert_created_once(house):
    for crm in house.crms.values():
        created = crm.made()
        held = [*crm.records(), *crm.records(crm.company_object)]
        assert len(created) == len(set(created)) == len(held)
        domains = [company["domain"] for company in crm.companies()]
        assert len(domains) == len(set(domains))
        keys = [
            task["leadrelay_key" if crm.name == "hubspot" else "LeadRelay_Key__c"] for task in crm.tasks()
        ]
        assert len(keys) == len(set(keys))
    tasks = [row for row in house.effects() if row[0] == "task"]
    sent = [row for row in tasks if row[2] == "sent"]
    given_up = [(letter.connection, letter.kind) for letter in house.dead_letters()]
    for name in house.crms:  # of whom a CRM will not take, it has no task either
        assert given_up.count((name, "lead")) == sum(row[1:] == (name, "dead") for row in tasks)
    assert {state for _, _, state in tasks} <= {"sent", "dead"}
    for name, crm in house.crms.items():
        assert len(crm.tasks()) == sum(target == name for _, target, _ in sent)


@pytest.mark.parametrize("fault", FAULTS)
def test_whatever_the_crms_do_everybody_arrives_once(house, fault):
    for number, crm in enumerate(house.crms.values()):
        crm.faults(**FAULTS[fault], seed=number)
    crowd, answers = send_a_crowd(house)
    house.settle_in_a_hurry()
    assert_all_arrived(crowd, answers, house, house.crms)
    assert_created_once(house)


@pytest.mark.parametrize("conflict", ["207", "409"])
def test_whom_hubspot_holds_already_is_linked_whichever_way_it_says_so(house, hubspot, conflict):
    faults = FAULTS["silent"] | {"batch_create_conflict": conflict, "batch_order": "shuffled"}
    hubspot.faults(**faults, seed=3)
    crowd = a_crowd(seed=60, posts=60)
    for email in sorted(crowd.people)[:20]:
        hubspot.act("create", email=email, title="Baroness")
    answers = send(crowd, lambda: f"http://127.0.0.1:{house.daemon.port}")
    house.settle_in_a_hurry()
    assert_all_arrived(crowd, answers, house, house.crms)
    assert_created_once(house)
    kept = [one for one in hubspot.people() if one["title"] == "Baroness"]
    assert {one["email"] for one in kept} == set(sorted(crowd.people)[:20])


def test_the_vendors_own_limits_hold_nobody_back_for_good(house, hubspot, salesforce):
    hubspot.faults(limits={"per_10s": 30}, rate_429=0.2)
    salesforce.faults(limits={"daily": 100_000}, rate_429=0.2)
    crowd, answers = send_a_crowd(house)
    house.settle_in_a_hurry()
    assert_all_arrived(crowd, answers, house, house.crms)


def test_a_crm_that_is_down_at_the_start_gets_everybody_when_it_comes(closed_house, salesforce):
    house = closed_house
    with socket.socket() as held:  # nobody listens there, and no other process gets the port meanwhile
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
        house.start(LEADRELAY_HUBSPOT_BASE_URL=f"http://127.0.0.1:{port}")
        house.post(**ADA)
        eventually(salesforce.records, "the lead in Salesforce")
        assert house.website().in_flight == 1
        assert "NewConnectionError" in house.daemon.facts()["polls"]["hubspot"]
    with running_crm("hubspot", port) as late:
        house.settle_in_a_hurry()
        assert late.person(ADA["email"])["owner"] == salesforce.person(ADA["email"])["owner"]
        house.stop()


def test_a_crm_that_goes_down_gets_everybody_when_it_is_back(house, hubspot):
    hubspot.faults(drop_rate=1)
    crowd, answers = send_a_crowd(house)
    eventually(lambda: house.waiting("hubspot"), "changes that wait")
    assert hubspot.records() == []
    hubspot.faults()
    house.settle_in_a_hurry()
    assert_all_arrived(crowd, answers, house, house.crms)


@pytest.mark.parametrize("crm", ["hubspot", "salesforce"])
def test_a_token_that_is_refused_holds_changes_back_until_it_is_good_again(house, crm):
    house.crms[crm].faults(error_rate=1, error_status=401)
    house.post(**ADA)
    eventually(lambda: house.waiting(crm), "a change that waits")
    assert not house.dead_letters()
    house.crms[crm].faults()
    house.settle_in_a_hurry()
    house.everywhere(ADA["email"])
    assert house.website().delivered == 1


def test_a_daemon_started_with_a_wrong_token_loses_nothing_until_it_has_the_right_one(closed_house, hubspot):
    house = closed_house
    right = house.environ["LEADRELAY_HUBSPOT_TOKEN"]
    house.start(LEADRELAY_HUBSPOT_TOKEN="wrong")
    house.post(**ADA)
    eventually(lambda: house.website().in_flight, "the post on its way")
    eventually(lambda: house.daemon.facts()["polls"]["hubspot"], "the refusal")
    house.stop()
    assert hubspot.records() == []
    house.start(LEADRELAY_HUBSPOT_TOKEN=right)
    house.settle_in_a_hurry()
    house.everywhere(ADA["email"])


def test_calls_that_outlast_the_lease_are_not_made_twice(closed_house, hubspot):
    """One lane, a lease of two seconds, and a CRM that takes half a second to refuse batch after batch.

    It refuses until a delivery has let go of what it did not come to.
    """
    house = closed_house.start(LEADRELAY_LEASE_SECONDS="2", LEADRELAY_DELIVERY_LANES="1").settle_in()
    hubspot.faults(latency_ms=500, error_rate=1, error_status=400, only="/crm/objects/")
    with capture_logs() as logs:
        _, answers = send_a_crowd(house, posts=60)
        eventually(lambda: any(one.get("released") for one in logs), "a delivery that outlasts its lease")
        hubspot.faults()
        house.settle()
        house.stop()
    assert answers
    assert_created_once(house)
    counts = house.website()
    assert counts.in_flight == 0
    assert counts.delivered > counts.dead  # dead: whom a refusal hit alone
    assert not [one for one in logs if one["event"] == "outbox.lease_lost"]


def test_a_restart_does_not_forget_the_day_of_calls(house):
    house.deliver(**ADA)
    house.stop()
    before = house.command_json("status")["days"]["salesforce"]
    assert before["ours"] == before["used"] >= 3  # the owners, a look-up, a write
    house.start()
    after = house.daemon.facts()["connections"]["salesforce"]["day"]
    assert after["ours"] >= before["ours"]
    assert "salesforce" in house.command("status")
