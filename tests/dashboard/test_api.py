"""The read API: a token or nothing, and the same numbers as the pages."""

from __future__ import annotations

import pytest

from sync import access
from tests.dashboard.house import HOSTILE, fill, words
from tests.dashboard.test_pages import _away

PATHS = (
    "/api/v1/leads?email=a@b.example",
    "/api/v1/leads/L1",
    "/api/v1/leads/L1/explain",
    "/api/v1/status",
    "/api/v1/letters/dead",
)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("header", [None, "Bearer wrong", "Bearer ", "Basic lr_a-token-of-the-tests", "lr_x"])
def test_without_a_token_nothing_is_told(desk, path, header):
    answer = desk.get(path, headers={"Authorization": header} if header else {})
    assert answer.status_code == 401
    assert answer.json["code"] == "token"
    assert "leadrelay token add" in answer.json["fix"]


def test_a_token_that_is_removed_opens_nothing_any_more(desk, store):
    assert desk.ask("/api/v1/status").status_code == 200
    store.write(lambda on: access.act(on, "remove_token", {"name": "report"}, desk.house.clock.now()))
    assert desk.ask("/api/v1/status").status_code == 401


def test_a_lead_is_found_by_its_email_and_read_by_its_id(desk):
    fill(desk)
    [found] = desk.ask("/api/v1/leads?email=ADA@example.com").json["leads"]
    assert found["fields"]["last_name"] == "Lovelace"
    assert found["created_at"] == "2026-03-02T12:00:00.000000Z"
    assert {record["connection"]: record["state"] for record in found["records"]} == {
        "hubspot": "written",
        "salesforce": "written",
    }
    again = desk.ask(f"/api/v1/leads/{found['id']}").json
    life = found.pop("lifecycle")
    assert {name: one for name, one in again.items() if name != "lifecycle"} == found
    assert life["standing"]["stage"] == found["stage"]
    assert [one["stage"] for one in life["stays"]][-1] == found["stage"]
    assert life["stays"][-1]["until"] is None
    assert desk.ask("/api/v1/leads?email=nobody@example.com").json == {"leads": []}


def test_of_a_long_story_the_newest_is_told_and_the_rest_is_counted(desk, monkeypatch):
    fill(desk)
    path = f"/api/v1/leads/{desk.house.lead_id('ada@example.com')}/explain"
    whole = desk.ask(path).json["events"]
    monkeypatch.setattr("dashboard.api.MOST_TOLD", 2)
    told = desk.ask(path).json
    assert (told["events"], told["older"]["events"]) == (whole[-2:], len(whole) - 2)


def test_a_lead_is_explained_as_the_command_does(desk):
    fill(desk)
    told = desk.ask(f"/api/v1/leads/{desk.house.lead_id('ada@example.com')}/explain").json
    parts = {"id", "fields", "provenance", "events", "account", "writes", "conflicts", "effects", "older"}
    parts |= {"engagements", "deals", "consents", "lifecycle", "may_be", "timers", "asked", "can_be_parted"}
    assert told.keys() == parts
    assert set(told["older"].values()) == {0}
    intake = next(event for event in told["events"] if event["kind"] == "intake")
    assert any(reason["text"] == "new person: e-mail not known" for reason in intake["reasons"])


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/api/v1/leads/none", 404, "unknown_lead"),
        ("/api/v1/leads/none/explain", 404, "unknown_lead"),
        ("/api/v1/leads", 400, "email"),
        ("/api/v1/leads?email=ada", 400, "email"),
        ("/api/v1/nothing", 404, "not_found"),
        ("/api/v1/letters/attic", 404, "unknown_shelf"),
        ("/api/v1/letters/change?before=x", 400, "before"),
        ("/api/v1/letters/change?since=soon", 400, "since"),
    ],
)
def test_refusals_are_json_with_a_code_and_what_to_do(desk, path, status, code):
    answer = desk.ask(path)
    assert (answer.status_code, answer.json["code"]) == (status, code)
    assert set(answer.json) == {"code", "message", "fix"}


def test_with_the_store_away_the_answer_is_503(desk, monkeypatch):
    monkeypatch.setattr(desk.daemon.store, "snapshot", _away)
    answer = desk.ask("/api/v1/status")
    assert (answer.status_code, answer.json["code"]) == (503, "store_away")
    assert answer.headers["Retry-After"] == "5"


def test_the_numbers_are_those_of_the_pages(desk):
    fill(desk)
    told = desk.ask("/api/v1/status").json
    website = told["sources"]["website"]
    ends = ("delivered", "merged", "review", "quarantined", "spam", "dead", "in_flight")
    assert website["received"] == sum(website[end] for end in ends) == 7
    assert told["listening"]["website"]["gap"] == 0
    shown = words(desk.get("/sources").text)
    numbers = " ".join(str(website[end]) for end in ("received", *ends))
    assert f"2026-03-02 {numbers} 0 {website['duplicates']}" in shown
    assert f"Leads {told['leads']} " in words(desk.get("/").text)


def test_json_is_no_page_a_browser_would_draw(desk):
    fill(desk)
    answer = desk.ask("/api/v1/leads?email=eve@example.com")
    assert answer.mimetype == "application/json"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.json["leads"][0]["fields"]["company"] == HOSTILE
