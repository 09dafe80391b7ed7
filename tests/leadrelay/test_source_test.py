"""`leadrelay source test`: every hop with its time, and nothing left behind."""

from __future__ import annotations

import json
import re

import pytest

from leadrelay.cli import sources
from mappings.compile import load
from mappings.inward import read
from model.event import Event, EventKind, StoredEvent
from sync.database import Store
from tests.builders import NOON
from tests.leadrelay.conftest import House
from tests.mappings.folders import playbook_folder
from tests.waiting import PATIENCE, eventually

HOPS = ["received", "mapped", "matched", "scored", "routed", "hubspot", "salesforce", "cleaned up"]


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the command wait as long as a busy machine needs."""
    monkeypatch.setattr(sources, "PATIENCE", PATIENCE)
    monkeypatch.setattr(sources, "DECISION_SECONDS", PATIENCE)


def counts(house: House) -> dict:
    found = house.status().as_dict()
    del found["following"]  # looks go on meanwhile
    return found | {"events": len(house.set_aside())}


def counts_beside(house, source, before):
    """Count again; a source that had nothing before may stand there with nothing."""
    after = counts(house)
    if source in before["sources"]:
        after["sources"].setdefault(source, before["sources"][source])
    elif source in after["sources"]:
        assert set(after["sources"].pop(source).values()) == {0}
    return after


@pytest.mark.parametrize("source", ["website", "events", "partner", "automation"])
def test_a_test_lead_goes_everywhere_and_leaves_nothing(house, beside, source):
    house.post(email="stays@people.example", last_name="Stays")
    house.settle()
    before = counts(house)
    people = {name: len(crm.people()) for name, crm in house.crms.items()}
    answer = beside("source", "test", source, "--json")
    found = json.loads(answer.out)
    assert (answer.code, found["passed"]) == (0, True), found
    assert sorted(hop["hop"] for hop in found["hops"]) == sorted(HOPS)
    assert found["hops"][-1]["text"] in (
        "removed from the store, hubspot, salesforce",
        "removed from the store, salesforce, hubspot",
    )
    house.settle()
    assert {name: len(crm.people()) for name, crm in house.crms.items()} == people
    assert counts_beside(house, source, before) == before


def test_the_hops_are_told_as_they_happen(beside):
    answer = beside("source", "test", "website")
    lines = answer.out.splitlines()
    assert answer.code == 0
    assert lines[-1] == "passed"
    assert all(re.fullmatch(r" +\d+\.\d{3} s  (\w| )+", line[:25].rstrip()) for line in lines[:-1])
    assert "matched      a new person" in answer.out


def test_a_kept_lead_stays(house, beside):
    assert beside("source", "test", "events", "--keep").code == 0
    house.settle()
    kept = [one for one in house.crms["hubspot"].people() if one["email"].startswith("leadrelay-test-")]
    assert len(kept) == 1


def test_a_refused_post_is_told_in_the_daemons_words(beside):
    answer = beside("source", "test", "events", LEADRELAY_SOURCE_EVENTS_TOKEN="another")
    assert answer.code == 1
    assert "not received 401 token_wrong: The token is wrong. Send the token that " in answer.out
    assert answer.out.endswith("FAILED\n")


def test_a_test_lead_that_the_rules_set_aside_says_why_and_leaves_nothing(house, beside):
    before = counts(house)
    house.edit("screening.yaml", "  - rival.example", "  - rival.example\n  - example.com")
    try:
        answer = beside("source", "test", "website")
        assert answer.code == 1
        assert re.search(
            r"spam +e-mail domain is blocked  \(with --keep: leadrelay explain event:\d+\)", answer.out
        )
        assert "cleaned up   removed from the store\n" in answer.out
        assert counts(house) == before
    finally:
        house.edit("screening.yaml", "  - rival.example\n  - example.com", "  - rival.example")


def test_a_crm_that_refuses_fails_the_test_and_is_cleaned_up(house, beside):
    before = len(house.crms["salesforce"].people())
    house.edit("crm/hubspot.yaml", "prospect: lead", "prospect: no-such-stage")
    try:
        answer = beside("source", "test", "events")
        assert answer.code == 1
        assert re.search(r"hubspot +dead letter: ", answer.out)
        assert "cleaned up   removed from the store, salesforce" in answer.out
        eventually(lambda: len(house.crms["salesforce"].people()) == before)
        assert house.dead_letters() == []
    finally:
        house.edit("crm/hubspot.yaml", "prospect: no-such-stage", "prospect: lead")


def people_of_tests(house: House) -> list[str]:
    everybody = [one["email"] for crm in house.crms.values() for one in crm.people()]
    return [email for email in everybody if email.startswith("leadrelay-test-")]


def test_what_is_still_being_written_when_the_test_gives_up_is_removed(house, beside, monkeypatch):
    before, people = counts(house), sorted(people_of_tests(house))
    asked = {name: crm.writes_asked() for name, crm in house.crms.items()}
    follow = sources._Run.follow

    def gives_up_meanwhile(run: sources._Run, store: Store) -> bool:
        crms = house.crms.items()
        eventually(lambda: any(crm.writes_asked() > asked[name] for name, crm in crms), "a call under way")
        monkeypatch.setattr(sources, "PATIENCE", 0.0)
        return follow(run, store)

    monkeypatch.setattr(sources._Run, "follow", gives_up_meanwhile)
    for crm in house.crms.values():
        crm.faults(latency_ms=800)
    try:
        answer = beside("source", "test", "events")
    finally:
        for crm in house.crms.values():
            crm.faults(latency_ms=0)
    assert answer.code == 1
    assert "gave up" in answer.out
    assert "cleaned up   removed from the store" in answer.out
    house.settle()
    assert counts(house) == before
    assert sorted(people_of_tests(house)) == people


def test_a_record_made_while_the_lead_is_forgotten_is_removed(house, beside, monkeypatch):
    before, people = counts(house), sorted(people_of_tests(house))
    monkeypatch.setattr(sources._Run, "follow", gives_up)

    def while_one_is_made(url, events):
        [event] = events
        crm = house.crms["salesforce"]
        for one in crm.people():
            assert one["email"] != email_of(house, event)
        crm.act("create", last_name="Late", company="Late", email=email_of(house, event))
        return hand_in(url, events)

    hand_in = sources.hand_in
    monkeypatch.setattr(sources, "hand_in", while_one_is_made)
    answer = beside("source", "test", "events")
    assert re.search("cleaned up   removed from the store, .*salesforce", answer.out), answer.out
    house.settle()
    assert counts_beside(house, "events", before) == before
    assert sorted(people_of_tests(house)) == people


def gives_up(run: sources._Run, store: Store) -> bool:
    run._note("gave up", "at once")
    eventually(lambda: run._lead_now(store), "the lead")
    return False


def email_of(house: House, event: Event) -> str:
    return str(house.story(event.payload["lead_id"]).lead.fields["email"])


def test_the_marked_lead_has_what_picklists_and_converters_take(tmp_path):
    fields = """\
  industry: {from: trade, values: {Bank: BANKING}, else: blank}
  city: {from: seen, convert: {date: {order: day_first}}}
  state: {from: state, convert: state}
  budget: {from: budget, convert: amount}
required: [email, industry, city, state, budget]
"""
    folder = playbook_folder(
        tmp_path,
        ("sources/web.yaml", "  city: [city, town]\n", ""),
        ("sources/web.yaml", "required: [email]\n", fields),
    )
    playbook = load(folder)
    body = sources.test_body(playbook.sources["web"], "ada@example.com")
    event = Event("web", "e1", EventKind.INTAKE, {"body": body}, occurred_at=NOON, received_at=NOON)
    reading = read(StoredEvent(1, event, 0, NOON, 1), playbook)
    assert reading.problems == ()
    assert reading.is_test
    assert reading.fields["industry"] == "BANKING"
