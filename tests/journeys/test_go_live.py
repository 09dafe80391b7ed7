"""From observing to writing: the plan, the fields that are made, the release, and the way back."""

from __future__ import annotations

import threading
import time

import pytest
import requests
import sqlalchemy as sa
from structlog.testing import capture_logs

from leadrelay import wiring
from scheduler import loops
from sync.outbox import PARKED
from sync.releases import Order
from sync.tables import connections, outbox_changes
from tests.journeys.crms import TOKENS
from tests.waiting import eventually

OBSERVED = {"LEADRELAY_SANDBOX": "false"}
OWN = ("leadrelay_id", "leadrelay_score", "first_touch_at")


@pytest.fixture(autouse=True)
def _logs_apart():
    """Keep the daemon's lines out of what commands print."""
    with capture_logs():
        yield


@pytest.fixture
def observing(closed_house):
    """A house that only observes both CRMs."""
    return closed_house.start(**OBSERVED).settle_in()


def without_properties(house, *names):
    for name in names:
        url = f"{house.crms['hubspot'].url}/crm/properties/2026-09/contacts/{name}"
        headers = {"Authorization": f"Bearer {TOKENS['hubspot']}"}
        assert requests.delete(url, headers=headers, timeout=60).status_code == 204


def posted(house, count=5, at="gmail.com"):
    """Post so many new people; who has a free mail address has no company that would be written, too."""
    for number in range(count):
        house.post(email=f"p{number}@{at}", last_name=f"L{number}", country="DE")
    eventually(lambda: house.status().leads == count, "the decisions")


def addresses(crm):
    return {person["email"] for person in crm.people()}


def mode(house, name):
    """How a connection is now; blank while it is being made anew."""
    return house.daemon.facts()["connections"].get(name, {}).get("mode", "")


def live(house, name):
    eventually(lambda: mode(house, name) == "write", f"{name} written to")


def release(house, name):
    return house.status().releases[name]


def done(house, name):
    eventually(lambda: release(house, name).state == "done", f"{name}'s release done")


def test_observe_plan_go_live_and_back(observing):
    house = observing
    without_properties(house, *OWN)
    posted(house)
    plan = house.command_json("plan", "hubspot", "--samples", "1")
    counts = {name: plan["counts"][name] for name in ("leads", "create", "update", "same", "skip")}
    assert counts == {"leads": 5, "create": 5, "update": 0, "same": 0, "skip": 0}
    assert {one["name"] for one in plan["missing"]} == set(OWN)
    assert plan["mirror"]["is_whole"] or "IS NOT COMPLETE" in plan["mirror"]["warning"]
    [sample] = plan["samples"]["create"]
    email = next(line for line in sample["fields"] if line["field"] == "email")
    assert (email["ours"], email["theirs"], email["written"]) == (sample["who"], None, sample["who"])
    assert email["rule"].startswith("crm/hubspot.yaml:")
    hubspot, salesforce = house.crms["hubspot"], house.crms["salesforce"]
    assert hubspot.history() == []

    told = house.command_json("go-live", "hubspot", "--yes")
    assert {name.removeprefix("contacts.") for name in told["made"]} == set(OWN)
    live(house, "hubspot")
    done(house, "hubspot")
    assert (release(house, "hubspot").written, release(house, "hubspot").expected) == (5, 5)
    for number in range(5):
        person = hubspot.person(f"p{number}@gmail.com")
        assert person["id"].startswith("ld_"), "written into the property that was made"
    assert salesforce.history() == [], "the other connection is observed as before"
    house.post(email="new@gmail.com", last_name="New")
    eventually(lambda: "new@gmail.com" in addresses(hubspot), "a new lead")
    plan = house.command_json("plan", "hubspot")["counts"]
    assert (plan["create"], plan["update"], plan["same"]) == (0, 0, 6)
    assert "written to" in house.command("plan", "hubspot")

    assert "is observed" in house.command("go-live", "hubspot", "--observe")
    eventually(lambda: mode(house, "hubspot") == "observe", "observing again")
    before = hubspot.history()
    posted_again = house.post(email="late@gmail.com", last_name="Late")
    assert posted_again["duplicate"] is False
    eventually(lambda: house.status().leads == 7, "the decision")
    house.stop()
    assert hubspot.history() == before


def test_salesforce_fields_are_made_and_opened_to_the_user(observing):
    house, salesforce = observing, observing.crms["salesforce"]
    salesforce.faults(own_fields="none")
    posted(house, 3)
    missing = house.command_json("plan", "salesforce")["missing"]
    assert {"Lead", "Contact", "Account"} <= {one["object"] for one in missing}
    told = house.command_json("go-live", "salesforce", "--yes")
    assert len(told["made"]) == len(missing) > 40
    live(house, "salesforce")
    done(house, "salesforce")
    person = salesforce.person("p1@gmail.com")
    assert person["id"].startswith("ld_")
    assert person["stage"] == "suspect"


def test_no_is_an_answer(observing):
    house = observing
    without_properties(house, *OWN)
    posted(house, 2)
    told = house.command("go-live", "hubspot", exit_code=1)  # nobody answers: that is a no
    assert "Plan for hubspot" in told
    assert house.crms["hubspot"].history() == []
    assert {one["name"] for one in house.command_json("plan", "hubspot")["missing"]} == set(OWN)
    assert house.status().releases == {}


def test_the_brake_says_so_and_waits_for_a_person(observing):
    house = observing
    posted(house, 6)
    house.command("go-live", "hubspot", "--yes", "--at-most", "2")
    eventually(lambda: house.status().releases["hubspot"].state == "held", "the brake")
    assert len(house.crms["hubspot"].people()) == 2
    told = house.command("status")
    assert "Go-live 1 of hubspot is held: 2 of at most 2 records are written" in told
    assert "leadrelay go-live hubspot" in told
    house.post(email="new@gmail.com", last_name="New")
    hubspot = house.crms["hubspot"]
    eventually(lambda: "new@gmail.com" in addresses(hubspot), "a new lead, in spite of the brake")
    house.command("go-live", "hubspot", "--yes")
    done(house, "hubspot")
    assert len(house.crms["hubspot"].people()) == 7


def test_what_another_connections_matching_has_parked_is_told_of_and_let_out(observing):
    house, hubspot = observing, observing.crms["hubspot"]
    posted(house, 3)
    house.command("go-live", "hubspot", "--yes")
    done(house, "hubspot")
    assert "gathered" not in house.command("status")
    c = outbox_changes.c
    parked = sa.update(outbox_changes).where(c.connection == "hubspot", c.entity_kind == "lead")
    values = {"wanted": c.wanted + 1, "due_at": PARKED}
    house.daemon.store.write(lambda connection: connection.execute(parked.values(values)))
    told = house.command("status")
    assert "3 records of hubspot gathered while another connection was matched" in told
    assert "let them out: leadrelay go-live hubspot" in told
    plan = house.command("plan", "hubspot")
    assert "3 records gathered since then and wait for the next go-live" in plan
    assert "Next: leadrelay go-live hubspot" in plan
    house.command("go-live", "hubspot", "--yes")
    eventually(lambda: release(house, "hubspot").number == 2, "the second release")
    done(house, "hubspot")
    assert house.status().connections["hubspot"].backlog == 0
    assert len(hubspot.people()) == 3


def opened_by_its_desk(house):
    """Open HubSpot as the daemon does for the pages, and for commands on SQLite; return its desk."""
    desk = house.daemon.openings.desk
    go_live_at(desk, house)
    live(house, "hubspot")
    done(house, "hubspot")
    return desk


def go_live_at(desk, house):
    account = house.command_json("plan", "hubspot")["account"]["id"]
    url = house.crms["hubspot"].url
    desk.go_live(Order("hubspot", "hubspot", url, account, expected=2, at_most=27, by="ada"))


def test_the_way_back_holds_at_once_whatever_has_still_to_finish(closed_house, monkeypatch):
    monkeypatch.setattr(wiring, "CONNECTIONS_EVERY", 3600)
    house = closed_house.start(**OBSERVED).settle_in()
    desk = opened_by_its_desk(house)
    gate, stop = threading.Event(), loops.Messenger.stop

    def slow_stop(messenger):
        gate.wait(20)
        stop(messenger)

    monkeypatch.setattr(loops.Messenger, "stop", slow_stop)
    try:
        desk.observe("hubspot", "ada")
        posted(house, 2)
        hubspot = house.crms["hubspot"]
        time.sleep(2 * loops.IDLE_WAIT)
        assert hubspot.people() == []
    finally:
        gate.set()
    eventually(lambda: mode(house, "hubspot") == "observe", "observing again")
    go_live_at(desk, house)
    eventually(lambda: len(hubspot.people()) == 2, "what had gathered")


def test_going_live_again_before_the_way_back_is_gone_writes_all_the_same(closed_house, monkeypatch):
    monkeypatch.setattr(wiring, "CONNECTIONS_EVERY", 3600)
    house = closed_house.start(**OBSERVED).settle_in()
    desk = opened_by_its_desk(house)
    with house.daemon.fleet._changing:  # another connection is being taken in meanwhile
        desk.observe("hubspot", "ada")
        go_live_at(desk, house)
        eventually(lambda: release(house, "hubspot").state != "preparing", "opened again")
    posted(house, 1)
    eventually(lambda: house.crms["hubspot"].people(), "the new lead")


def test_without_a_daemon_it_begins_and_the_daemon_goes_on(observing):
    house = observing
    posted(house, 4)
    house.stop()
    told = house.command_json("go-live", "hubspot", "--yes")
    assert told["release"]["state"] == "releasing"
    assert house.crms["hubspot"].history() == []
    house.start().settle_in()
    done(house, "hubspot")
    assert len(house.crms["hubspot"].people()) == 4


def test_credentials_of_another_account_are_not_written_to(observing):
    house = observing
    posted(house, 2)
    house.stop()
    house.command("go-live", "hubspot", "--yes")
    agreed = sa.update(connections).where(connections.c.name == "hubspot").values(account="999")
    house.store.write(lambda connection: connection.execute(agreed))
    house.start()
    eventually(lambda: "hubspot" in house.daemon.facts()["unusable"], "the doubt")
    doubt = house.daemon.facts()["unusable"]["hubspot"]
    assert "credentials are of account 62515, and go-live was for 999; it is only observed" in doubt
    assert mode(house, "hubspot") == "observe"
    assert house.crms["hubspot"].history() == []
    watch = house.daemon.watch
    watch.run()
    assert [(one.kind, one.subject) for one in watch.teller.standing] == [("connection", "hubspot")]
    assert "go-live was for 999" in watch.teller.standing[0].text
    house.command("go-live", "hubspot", "--observe")
    eventually(lambda: house.daemon.facts()["unusable"] == {}, "the end of the doubt")


def test_what_cannot_be_made_is_told_step_by_step_and_nothing_is_opened(observing):
    house = observing
    before = house.daemon.facts()["playbook"]
    house.edit("crm/hubspot.yaml", "      zip: ", "      Zip-Code: ")
    eventually(lambda: house.daemon.facts()["playbook"] != before, "the new version")
    posted(house, 1)
    told = house.command("go-live", "hubspot", "--yes", exit_code=1)
    for words in (
        "contacts.Zip-Code: HubSpot makes no property of this name and type",
        "Settings > Properties, Contact properties: Create property.",
        "could not be made. Make them as said above",
    ):
        assert words in told
    assert house.status().releases == {}
    assert house.crms["hubspot"].history() == []


def test_companies_are_planned_and_count_for_the_brake(observing):
    house = observing
    posted(house, 3, at="analytical.example")
    plan = house.command_json("plan", "hubspot")
    assert (plan["companies"], plan["associations"]) == ([{"object": "companies", "records": 1}], 3)
    house.command("go-live", "hubspot", "--yes")
    done(house, "hubspot")
    assert (release(house, "hubspot").expected, release(house, "hubspot").written) == (4, 4)
    assert len(house.crms["hubspot"].records("companies")) == 1
    eventually(lambda: associated(house) == 3, "the associations")


def test_who_was_there_before_the_connection_comes_with_company_and_association(observing):
    house = observing
    posted(house, 3, at="analytical.example")
    forgotten = sa.delete(outbox_changes).where(outbox_changes.c.connection == "hubspot")
    house.store.write(lambda connection: connection.execute(forgotten))
    plan = house.command_json("plan", "hubspot")
    assert (plan["counts"]["create"], plan["associations"]) == (3, 3)
    assert plan["companies"] == [{"object": "companies", "records": 1}]
    house.command("go-live", "hubspot", "--yes")
    done(house, "hubspot")
    assert (release(house, "hubspot").expected, release(house, "hubspot").written) == (4, 4)
    eventually(lambda: associated(house) == 3, "the associations")


def associated(house):
    """How many people HubSpot was asked to associate with a company, each pair once."""
    pairs = {
        (one["from"]["id"], one["to"]["id"])
        for sent in house.crms["hubspot"].sent
        if "/associations/" in sent.path and sent.path.endswith("/create") and sent.status < 300
        for one in sent.body["inputs"]
    }
    return len(pairs)
