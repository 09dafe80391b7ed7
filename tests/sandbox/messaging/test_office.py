"""What all channels share: one list of messages, faults in each vendor's shape, and pages."""

from __future__ import annotations

import smtplib

import pytest
import requests

from tests.sandbox.messaging.conftest import LEADS
from tests.sandbox.messaging.test_teams import card, path

PLACES = {
    "webhook": LEADS,
    "slack": "/api/auth.test",
    "teams": path(),
    "enrichment": "/v5/person/enrich",
    "captcha": "/siteverify",
}


def fill(office) -> None:
    """One message of each channel, a minute apart, and one run that failed."""
    office.freeze()
    office.send(json={"text": "<script>alert(1)</script> *Ada*"})
    office.post("clock", advance=60)
    office.send(path(), json=card("Ada on Teams"))
    office.send(path(), json={"text": "no card"})
    office.post("clock", advance=60)
    content = (
        b"From: a@x.example\r\nSubject: Ada by mail\r\nContent-Type: text/html\r\n\r\n"
        b"<h1>Ada</h1><script src=//evil.example></script>\r\n"
    )
    with smtplib.SMTP("127.0.0.1", office.smtp_port, timeout=60) as client:
        client.sendmail("a@x.example", ["b@x.example"], content)


def page(office, where: str) -> str:
    answer = requests.get(office.url + where, timeout=60)
    assert answer.status_code == 200
    return answer.text


def test_messages_of_all_channels_in_the_order_they_came(office):
    fill(office)
    rows = office.messages()
    assert [row["channel"] for row in rows] == ["slack", "teams", "mail"]
    assert [row["at"] for row in rows] == [f"2026-11-21T09:0{minute}:00.000Z" for minute in range(3)]
    assert [row["channel"] for row in office.messages("?channel=teams")] == ["teams"]
    assert [row["channel"] for row in office.messages(f"?since={rows[0]['number']}")] == ["teams", "mail"]
    for moment in ("2026-11-21T09:01:00Z", "2026-11-21T10:01:00+01:00", "2026-11-21T09:01:00"):
        assert [row["channel"] for row in office.messages(f"?since={moment}")] == ["teams", "mail"]


def test_a_reset_empties_every_room(office):
    fill(office)
    made = office.post("hooks", kind="slack", channel="ops")
    office.post("reset")
    assert office.messages() == []
    assert made["id"] not in [row["id"] for row in office.get("hooks")["hooks"]]
    assert office.get("stats")["records"] == {"mail": 0, "slack": 0, "channels": 6, "teams": 0, "hooks": 9}


def test_a_deleted_message_is_gone_from_the_list(office):
    fill(office)
    office.post("act/delete", object="mail", id=office.messages("?channel=mail")[0]["id"])
    assert [row["channel"] for row in office.messages()] == ["slack", "teams"]


def test_history_names_the_call_that_brought_a_message(office):
    fill(office)
    calls = [write["call"]["path"].partition("?")[0] for write in office.get("history?object=mail")["writes"]]
    assert calls == ["/smtp"]
    [write] = office.get("history/slack/slack-1")["writes"]
    assert (write["kind"], write["call"]["path"]) == ("create", LEADS)


@pytest.mark.parametrize(
    ("place", "method", "body"),
    [
        ("webhook", "POST", {"retry_after": 1, "ok": False, "error": "rate_limited"}),
        ("slack", "POST", {"ok": False, "error": "ratelimited"}),
        ("teams", "POST", {"statusCode": 429, "message": "Rate limit is exceeded. Try again in 1 seconds."}),
        ("enrichment", "GET", {
            "status": 429,
            "error": {
                "type": "rate_limit_error",
                "message": "An error occurred due to requests hitting the API too quick",
            },
        }),
        ("captcha", "POST", {"success": False, "error-codes": ["internal-error"]}),
    ],
)  # fmt: skip
def test_too_many_calls_in_each_shape(office, place, method, body):
    office.post("faults", rate_429=1)
    answer = requests.request(method, office.url + PLACES[place], timeout=60)
    assert (answer.status_code, answer.json()) == (429, body)
    assert answer.headers.get("Retry-After") == (None if place == "captcha" else "1")


@pytest.mark.parametrize("place", PLACES)
def test_an_injected_error_keeps_its_status_and_takes_no_effect(office, place):
    method = "GET" if place == "enrichment" else "POST"
    for status in (500, 503, 402):
        office.post("faults", error_rate=1, error_status=status)
        answer = requests.request(method, office.url + PLACES[place], json={"text": "x"}, timeout=60)
        assert answer.status_code == status
    assert office.messages() == []


def test_a_dropped_post_is_not_kept_and_one_without_an_answer_is(office):
    for fault, kept in (({"drop_rate": 1}, 0), ({"timeout_rate": 1, "timeout_s": 0.05}, 1)):
        office.post("faults", **fault)
        with pytest.raises(requests.ConnectionError):
            office.send(json={"text": "x"})
        assert len(office.messages()) == kept


@pytest.mark.parametrize(
    ("where", "part"),
    [
        ("/services/T0SANDBOX1", "not_built"),
        ("/api/conversations.list", '"error":"not_built"'),
        ("/workflows/x/runs", '"code":"NotBuilt"'),
        ("/v5/person/search", '"type":"not_built"'),
        ("/turnstile/v0/api.js", '"error-codes":["not-built"]'),
        ("/elsewhere", '"code":"not_built"'),
    ],
)
def test_what_is_not_built_says_so_in_its_vendors_shape(office, where, part):
    answer = requests.get(office.url + where, timeout=60)
    assert answer.status_code == 501
    assert part in answer.text
    assert "docs/sandbox.md" in answer.text


@pytest.mark.parametrize(
    ("where", "body", "status"),
    [
        ("hooks", {"kind": "slack"}, 400),
        ("hooks", {"kind": "pigeon", "channel": "leads"}, 400),
        ("hooks", {"kind": "slack", "channel": "nowhere"}, 404),
        ("hooks", {"id": "B0NOBODY01"}, 404),
        ("hooks", {"id": "B0LEADS001", "state": "asleep"}, 400),
        ("hooks", [], 400),
        ("channels", {}, 400),
        ("channels", {"name": "leads", "state": "asleep"}, 400),
        ("captcha", {"provider": "riddle"}, 400),
        ("captcha", {"score": 2}, 400),
        ("act/create", {"object": "mail"}, 400),
        ("act/edit", {"object": "slack", "id": "slack-1"}, 400),
        ("act/delete", {"object": "hooks", "id": "B0LEADS001"}, 400),
    ],
)
def test_a_control_request_that_cannot_be_says_why(office, where, body, status):
    office.send(json={"text": "x"})
    answer = requests.post(f"{office.url}/__sandbox/{where}", json=body, timeout=60)
    assert (answer.status_code, bool(answer.json()["message"])) == (status, True)


def test_messages_of_an_unknown_channel_or_moment_are_refused(office):
    for query in ("channel=fax", "since=noon"):
        answer = requests.get(f"{office.url}/__sandbox/messages?{query}", timeout=60)
        assert (answer.status_code, answer.json()["code"]) == (400, "bad_argument")
    assert requests.get(f"{office.url}/__sandbox/messages/mail-9/raw", timeout=60).status_code == 404


def test_the_pages_show_messages_and_run_none_of_their_code(office):
    fill(office)
    for where, parts in {
        "/": ["Ada by mail", f"smtp://127.0.0.1:{office.smtp_port}"],
        "/browse/mail/mail-4": ["HTML source", "&lt;h1&gt;Ada", "Save the mail as it came"],
        "/browse/slack/slack-1": ["&lt;script&gt;alert", "Payload as it came"],
        "/browse/channels/C0LEADS001": ["*Ada*", "webhook B0LEADS001"],
        "/browse/channels/C0SALES001": ["Nobody has written here yet."],
        "/browse/teams/teams-3": ["not posted", "no Adaptive Card"],
        "/browse/hooks": ["/services/T0SANDBOX1/B0LEADS001/sandboxleadssecret000001"],
    }.items():
        html = page(office, where)
        assert "<script" not in html
        for part in parts:
            assert part in html


def test_empty_rooms_say_what_would_fill_them(office):
    assert "bounce@" in page(office, "/browse/mail")
    assert "No mails yet" in page(office, "/browse/mail")
    assert "answered 202" in page(office, "/browse/teams")


def test_a_person_closes_an_address_on_its_page(office):
    form = {"fields.state": "revoked", "by": "mei.tanaka@northlight.example"}
    shown = requests.post(f"{office.url}/browse/hooks/B0LEADS001/edit", data=form, timeout=60)
    assert shown.status_code == 200
    assert office.send(json={"text": "x"}).text == "no_service"
    [write] = office.get("history/hooks/B0LEADS001")["writes"]
    assert write["changes"] == {"state": ["active", "revoked"]}
