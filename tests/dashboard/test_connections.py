"""The page of one account: its plan, and the way to writing and back."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from dashboard.openings import Opening, Unmade
from sync import cursors, fetches
from sync.cursors import ARCHIVED, BACKFILL, POLL, Cursor
from sync.fetches import Wish
from tests.builders import NOON
from tests.dashboard.house import HOSTILE, words

HOUR = timedelta(hours=1)
RULE = "crm/hubspot.yaml:9:1"
PLAN = {
    "connection": "hubspot",
    "account": {"id": "62515", "name": HOSTILE, "user": "ada@example.com"},
    "playbook": "0123456789ab",
    "mirror": {"warning": "THE MIRROR OF hubspot IS NOT COMPLETE"},
    "counts": {"leads": 15, "create": 7, "update": 2, "same": 1, "skip": 2, "conflict": 1, "match": 3},
    "companies": [{"object": "companies", "records": 5}],
    "associations": 6,
    "missing": [{"object": "contacts", "name": "leadrelay_id", "type": "text", "rule": RULE}],
    "findings": [{"level": "warning", "fact": HOSTILE, "fix": "Mend it."}],
    "unfit": [{"object": "contacts", "field": "country", "value": HOSTILE, "leads": 2, "problem": "none"}],
    "owners": [{"owner": "gone@example.com", "leads": 4, "problem": "no owner in hubspot"}],
    "skipped": [{"reason": "no e-mail", "leads": 2}],
    "waiting_for": [],
    "conflicts": [],
    "settled": [],
    "fields": [
        {"object": "contacts", "field": f"field_{n}", "create": n, "update": 0, "rule": RULE}
        for n in range(60)
    ],
    "samples": {
        "create": [
            {
                "lead": "L1", "who": HOSTILE, "object": "contacts", "record": None, "why": "", "error": None,
                "fields": [{"field": "email", "ours": HOSTILE, "theirs": None, "written": HOSTILE,
                            "why": "a new record", "rule": RULE}],
            }
        ],
        "update": [
            {
                "lead": "L2", "who": "b@example.com", "object": "contacts", "record": "77", "why": "",
                "error": None,
                "fields": [{"field": "phone", "ours": "+49 1", "theirs": "+49 2", "written": None,
                            "why": "theirs is newer", "rule": "crm/hubspot.yaml:10:1"}],
            }
        ],
    },
}  # fmt: skip
AGREED = {"plan": NOON.isoformat(), "at_most": "30"}


@pytest.fixture
def planned(desk):
    """HubSpot, observed, with a plan."""
    desk.facts["connections"]["hubspot"]["mode"] = "observe"
    desk.openings.opening = Opening(plan=PLAN, at=NOON, expected=9, at_most=34)
    return desk


def test_the_plan_is_shown_whole_and_nothing_in_it_becomes_markup(planned):
    page = planned.get("/connections/hubspot")
    for part in (
        "New records made there 7",
        "15 leads; account 62515",
        "3 more are in the mirror",
        "Up to 5 companies are looked up, and written. 6 people are associated with their company.",
        "contacts leadrelay_id text crm/hubspot.yaml:9:1",
        "gone@example.com 4 no owner in hubspot",
        "contacts.country",
        "phone +49 1 +49 2 theirs: theirs is newer",
        "10 more: leadrelay plan hubspot",
        "1 field is made there first. New leads are written at once; 9 that had gathered follow in pieces, "
        "and it stops for a person after so many:",
    ):
        assert part in words(page.text)
    assert "<script>alert" not in page.text
    assert "<img src=x" not in page.text


def test_before_a_plan_there_is_nothing_to_agree_to(desk):
    desk.facts["connections"]["hubspot"]["mode"] = "observe"
    page = desk.get("/connections/hubspot")
    assert "Not planned yet" in page.text
    assert "go-live" not in page.text


def test_planning_and_opening_show_and_can_not_be_begun_twice(planned):
    planned.openings.opening = Opening(is_planning=True)
    page = planned.get("/connections/hubspot").text
    assert "Being planned" in page
    assert re.search(r"<button disabled>Plan</button>", page)
    assert 'hx-trigger="every 1s"' in page
    planned.openings.opening = Opening(is_opening=True, plan=PLAN, at=NOON, expected=9, at_most=34)
    page = planned.get("/connections/hubspot").text
    assert "being opened" in page
    assert "Write 9 records" not in page


def test_what_was_agreed_to_is_handed_on_with_who_did(planned):
    at = "/connections/hubspot"
    assert planned.send(f"{at}/plan", at).status_code == 303
    assert "Write 9 records to hubspot" in planned.get(at).text
    assert planned.send(f"{at}/go-live", at, **AGREED).status_code == 303
    planned.facts["connections"]["hubspot"]["mode"] = "write"
    assert planned.send(f"{at}/observe", at).status_code == 303
    assert planned.openings.asked == [
        ("plan", "hubspot"),
        ("go_live", "hubspot", NOON.isoformat(), 30, "(sandbox)"),
        ("observe", "hubspot", "(sandbox)"),
    ]


def test_a_refusal_is_told_and_the_page_stays(planned):
    planned.openings.refusal = "The plan of hubspot is another by now"
    answer = planned.send("/connections/hubspot/go-live", "/connections/hubspot", **AGREED)
    assert answer.status_code == 409
    assert "The plan of hubspot is another by now." in words(answer.text)
    assert planned.openings.asked == []


@pytest.mark.parametrize("at_most", ["", "-1", "many", str(10**12)])
def test_what_is_no_number_of_writes_is_refused(planned, at_most):
    at = "/connections/hubspot"
    answer = planned.send(f"{at}/go-live", at, plan=NOON.isoformat(), at_most=at_most)
    assert (answer.status_code, planned.openings.asked) == (422, [])


@pytest.mark.parametrize("act", ["plan", "go-live", "observe"])
def test_without_the_key_of_the_session_nothing_is_begun(planned, act):
    assert planned.client.post(f"/connections/hubspot/{act}", data=AGREED).status_code == 403
    assert planned.openings.asked == []


@pytest.mark.parametrize("act", ["plan", "go-live", "observe"])
def test_nobody_begins_anything_who_has_not_signed_in(closed, act):
    key = re.search(r'name="csrf" value="(\w+)"', closed.get("/sign-in").text)
    answer = closed.client.post(f"/connections/hubspot/{act}", data={"csrf": key[1], **AGREED})
    assert (answer.status_code, closed.openings.asked) == (303, [])
    assert "/sign-in" in answer.headers["Location"]


def test_a_sandbox_is_not_led_back_to_observing(planned):
    planned.facts["connections"]["hubspot"] |= {"mode": "write", "is_sandbox": True}
    page = planned.get("/connections/hubspot").text
    assert "Write no more" not in page
    assert "Write 9 records" not in page


def test_what_could_not_be_made_is_shown_with_the_steps_of_a_person(planned):
    unmade = Unmade("Lead.LeadRelay_Id__c", HOSTILE, ("Open Setup.", "Make the field."))
    planned.openings.opening = Opening(
        plan=PLAN, at=NOON, expected=9, at_most=34, problem=HOSTILE, made=("contacts.a",), unmade=(unmade,)
    )
    page = planned.get("/connections/hubspot")
    assert "Made in the account: contacts.a" in words(page.text)
    assert "Open Setup. Make the field." in words(page.text)
    assert "<script>alert" not in page.text


@pytest.mark.parametrize("act", ["", "/plan", "/go-live", "/observe"])
def test_a_connection_that_no_map_names_is_nowhere(desk, act):
    key = re.search(r'name="csrf" value="(\w+)"', desk.get("/connections/hubspot").text)
    path = f"/connections/pipedrive{act}"
    answer = desk.client.post(path, data={"csrf": key[1]}) if act else desk.get(path)
    assert answer.status_code == 404


def test_what_was_not_followed_yet_says_so(desk):
    for path in ("/connections", "/connections/hubspot"):
        assert "Changes not looked at yet To be read by id none" in words(desk.get(path).text)
    assert desk.ask("/api/v1/status").json["following"] == {}


def test_how_changes_are_followed_is_shown_and_nothing_in_it_becomes_markup(desk):
    now = desk.house.clock.now()
    read = Cursor("hubspot", POLL, "contacts", now - HOUR, now, problem=HOSTILE, finished_at=now - HOUR)
    new = Cursor("hubspot", BACKFILL, "companies", now, now)
    bin_ = Cursor("hubspot", ARCHIVED, "contacts", now, now, problem="HTTP 500")
    wish = Wish("hubspot", "contacts", "7")

    def fill(on):
        for one in (read, new, bin_):
            cursors.begin(on, "main", one)
        fetches.raise_wanted(on, "main", [wish], now - 2 * HOUR)

    desk.house.store.write(fill)
    desk.facts["following"] = {"hubspot": "KeyError: '…'"}
    for path in ("/connections", "/connections/hubspot"):
        page = desk.get(path).text
        said = words(page)
        assert "Changes of contacts read to the end 1 h ago last look failed:" in said
        assert "recycle bin failed: HTTP 500" in said
        assert "Changes of companies not looked at yet" in said
        assert "Following fails KeyError: '…' To be read by id 1 record oldest 2 h ago" in said
        assert "<script>alert" not in page
    told = desk.ask("/api/v1/status").json["following"]["hubspot"]
    assert told["objects"]["contacts"]["problem"] == HOSTILE
    assert told["objects"]["contacts"]["read_at"] == "2026-03-02T11:00:00.000000Z"
    assert told["objects"]["companies"]["begun_at"] is None
    assert (told["to_read"], told["to_read_since"]) == (1, "2026-03-02T10:00:00.000000Z")


def test_several_processes_are_listed_and_who_is_silent_or_missing_stands_out(desk):
    one = {"name": "a:1:00", "role": "web", "works": ["receive"], "trouble": None}
    desk.facts["processes"] = [
        one | {"lives": True, "heard_seconds_ago": 1.0, "deciding": False},
        one
        | {"name": "b:2:11", "role": "worker", "lives": False, "heard_seconds_ago": 90.0, "deciding": True},
    ]
    desk.facts["missing"] = ["no process schedules"]
    said = words(desk.get("/connections").text)
    assert "a:1:00 receive now" in said
    assert "b:2:11 receive decides silent for 1 min 30 s" in said
    assert "No process schedules." in said
    front = words(desk.get("/").text)
    assert "No process schedules" in front
    assert "worker b:2:11 is silent for 1 min 30 s" in front
