"""The address of a Teams workflow: 202 for what starts a run, and what becomes of the run."""

from __future__ import annotations

import json
from typing import Any

import pytest


def path(flow: str = "a001", sig: str = "sandbox-teams-leads-signature-000000000001") -> str:
    flow_id = flow.rjust(32, "0")
    query = f"api-version=1&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig={sig}"
    return f"/powerautomate/automations/direct/workflows/{flow_id}/triggers/manual/paths/invoke?{query}"


def card(*texts: str) -> dict[str, Any]:
    body = [{"type": "TextBlock", "text": text} for text in texts]
    content = {"type": "AdaptiveCard", "version": "1.4", "body": body}
    attachment = {
        "contentType": "application/vnd.microsoft.card.adaptive",
        "contentUrl": None,
        "content": content,
    }
    return {"type": "message", "attachments": [attachment]}


def test_a_card_is_accepted_and_shown(office):
    answer = office.send(path(), json=card("New lead", "Ada"))
    assert (answer.status_code, answer.content) == (202, b"")
    [message] = office.messages("?channel=teams")
    assert (message["to"], message["text"]) == (["Leads"], "New lead\nAda")


@pytest.mark.parametrize("attachments", [1, "x", {"a": 1}, [1], [None], ["x"]])
def test_attachments_that_are_no_list_of_objects_do_not_match_the_schema(office, attachments):
    answer = office.send(path(), json={"type": "message", "attachments": attachments})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "TriggerInputSchemaMismatch")


def test_facts_columns_and_buttons_are_read(office):
    sent = card()
    content = sent["attachments"][0]["content"]
    content["body"] = [
        {"type": "FactSet", "facts": [{"title": "Score", "value": "30"}]},
        {
            "type": "ColumnSet",
            "columns": [{"type": "Column", "items": [{"type": "TextBlock", "text": "Left"}]}],
        },
    ]
    content["actions"] = [{"type": "Action.OpenUrl", "title": "Open", "url": "https://x.example"}]
    office.send(path(), json=sent)
    assert office.messages()[0]["text"] == "Score: 30\nLeft\nOpen"


def test_the_older_form_of_the_address_works(office):
    older = path().replace("/powerautomate/automations/direct", "")
    assert office.send(older, json=card("x")).status_code == 202


@pytest.mark.parametrize(
    ("address", "status", "code"),
    [
        (path(flow="b009"), 404, "WorkflowNotFound"),
        (path().partition("?")[0], 401, "DirectApiAuthorizationRequired"),
        (path(sig="wrong"), 401, "AuthorizationFailed"),
        (path("a003", "sandbox-teams-old-signature-00000000000001"), 400, "WorkflowTriggerIsNotEnabled"),
    ],
)
def test_an_address_that_starts_nothing(office, address, status, code):
    answer = office.send(address, json=card("x"))
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert office.get("records/teams")["total"] == 0


@pytest.mark.parametrize(
    ("data", "code", "part"),
    [
        ("Ada", "InvalidRequestContent", "could not be deserialized"),
        ("[]", "TriggerInputSchemaMismatch", "Expected Object"),
        ('{"attachments": [{}]}', "TriggerInputSchemaMismatch", "missing from object: contentType, content."),
    ],
)
def test_a_body_that_the_trigger_refuses(office, data, code, part):
    answer = office.send(path(), data=data, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, code)
    assert part in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("body", "part"),
    [
        ({"text": "no card"}, "no Adaptive Card"),
        (card("x" * 28_672), "whereas max allowed size is 28672 bytes"),
    ],
)
def test_a_run_that_fails_was_accepted_and_is_seen_by_nobody(office, body, part):
    assert office.send(path(), json=body).status_code == 202
    assert office.messages() == []
    [run] = office.get("records/teams")["records"]
    assert run["fields"]["state"] == "failed"
    assert part in run["fields"]["error"]


def test_a_card_just_within_the_bound_is_posted(office):
    room = 28_672 - len(json.dumps(card(""), separators=(",", ":")))
    office.send(path(), json=card("x" * room))
    office.send(path(), json=card("x" * (room + 1)))
    assert [run["fields"]["state"] for run in office.get("records/teams")["records"]] == ["posted", "failed"]


def test_four_a_second(office):
    office.freeze()
    answers = [office.send(path(), json=card("x")) for _ in range(5)]
    assert [answer.status_code for answer in answers] == [202, 202, 202, 202, 429]
    assert answers[4].headers["Retry-After"] == "1"
    office.post("clock", advance=1)
    assert office.send(path(), json=card("x")).status_code == 202


def test_an_address_is_made_and_its_flow_turned_off(office):
    made = office.post("hooks", kind="teams", channel="Ops")
    address = made["url"].removeprefix(office.url)
    assert office.send(address, json=card("x")).status_code == 202
    office.post("hooks", id=made["id"], state="deleted")
    assert "with state 'Deleted'" in office.send(address, json=card("x")).json()["error"]["message"]
    office.post("hooks", id=made["id"], state="tenant_only")
    assert office.send(address, json=card("x")).status_code == 401
