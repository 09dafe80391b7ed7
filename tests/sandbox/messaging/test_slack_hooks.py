"""Incoming webhooks answer as Slack's do, to Slack's own client and to a bare post."""

from __future__ import annotations

import json

import pytest
from slack_sdk.models.blocks import DividerBlock, HeaderBlock, MarkdownTextObject, SectionBlock
from slack_sdk.webhook import WebhookClient

from tests.sandbox.messaging.conftest import LEADS

OLD = "/services/T0SANDBOX1/B0OLDLEAD1/sandboxoldleadssecret001"
GENERAL = "/services/T0SANDBOX1/B0GENERAL1/sandboxgeneralsecret0001"
REVOKED = "/services/T0SANDBOX1/B0REVOKED1/sandboxrevokedsecret0001"


def section(text: str) -> dict[str, object]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


def test_slacks_client_posts_text_and_blocks(office):
    client = WebhookClient(office.url + LEADS)
    for sent in (
        client.send(text="A lead: Ada"),
        client.send(
            blocks=[
                HeaderBlock(text="Ada"),
                DividerBlock(),
                SectionBlock(text=MarkdownTextObject(text="*30*")),
            ]
        ),
    ):
        assert (sent.status_code, sent.body) == (200, "ok")
    first, second = office.messages()
    assert (first["channel"], first["to"], first["text"]) == ("slack", ["leads"], "A lead: Ada")
    assert second["text"] == "Ada\n*30*"
    assert second["fields"]["payload"]["blocks"][1] == {"type": "divider"}


def test_a_form_carries_its_payload_as_json(office):
    answer = office.send(
        data={"payload": json.dumps({"attachments": [{"fallback": "Ada", "text": "Ada L."}]})}
    )
    assert (answer.status_code, answer.text) == (200, "ok")
    assert office.messages()[0]["text"] == "Ada L."


@pytest.mark.parametrize(
    ("path", "status", "body"),
    [
        (LEADS.replace("T0SANDBOX1", "T0OTHER001"), 404, "no_team"),
        (LEADS.replace("B0LEADS001", "leads"), 404, "no_service_id"),
        (LEADS.replace("B0LEADS001", "B0NOBODY01"), 404, "no_service"),
        (LEADS + "x", 403, "invalid_token"),
        (OLD, 410, "channel_is_archived"),
        (GENERAL, 403, "posting_to_general_channel_denied"),
        (REVOKED, 404, "no_service"),
    ],
)
def test_an_address_that_takes_nothing_says_why(office, path, status, body):
    answer = office.send(path, json={"text": "hello"})
    assert (answer.status_code, answer.text) == (status, body)
    assert office.messages() == []


@pytest.mark.parametrize(
    ("state", "status", "body"),
    [
        ("disabled", 404, "no_active_hooks"),
        ("prohibited", 403, "action_prohibited"),
        ("user_gone", 400, "user_not_found"),
        ("channel_gone", 404, "channel_not_found"),
        ("team_disabled", 403, "team_disabled"),
        ("active", 200, "ok"),
    ],
)
def test_the_state_of_an_address_is_set(office, state, status, body):
    office.post("hooks", id="B0LEADS001", state=state)
    answer = office.send(json={"text": "hello"})
    assert (answer.status_code, answer.text) == (status, body)


@pytest.mark.parametrize(
    ("payload", "body"),
    [
        ([], "invalid_payload"),
        ({"text": 7}, "invalid_payload"),
        ({}, "no_text"),
        ({"text": ""}, "no_text"),
        ({"attachments": [{}] * 101}, "too_many_attachments"),
        ({"blocks": "none"}, "invalid_blocks_format"),
        ({"blocks": [section("x")] * 51}, "invalid_blocks"),
        ({"blocks": [section("x" * 3001)]}, "invalid_blocks"),
        ({"blocks": [section("")]}, "invalid_blocks"),
        ({"blocks": [{"type": "section"}]}, "invalid_blocks"),
        (
            {"blocks": [{"type": "section", "fields": [{"type": "mrkdwn", "text": "x"}] * 11}]},
            "invalid_blocks",
        ),
        (
            {"blocks": [{"type": "section", "fields": [{"type": "mrkdwn", "text": "x" * 2001}]}]},
            "invalid_blocks",
        ),
        (
            {"blocks": [{"type": "header", "text": {"type": "plain_text", "text": "x" * 151}}]},
            "invalid_blocks",
        ),
        ({"blocks": [{"type": "header", "text": {"type": "mrkdwn", "text": "x"}}]}, "invalid_blocks"),
        ({"blocks": [{"type": "context", "elements": [{}] * 11}]}, "invalid_blocks"),
        ({"blocks": [{"type": "actions", "elements": [{}] * 26}]}, "invalid_blocks"),
        ({"blocks": [{"type": "image", "image_url": "https://x.example/a.png"}]}, "invalid_blocks"),
        ({"blocks": [{"type": "markdown", "text": "x" * 12_001}]}, "invalid_blocks"),
        ({"blocks": [section("x") | {"block_id": "same"}] * 2}, "invalid_blocks"),
        ({"blocks": [section("x") | {"block_id": "i" * 256}]}, "invalid_blocks"),
        ({"blocks": [{"type": "banner"}]}, "invalid_blocks"),
        ({"blocks": ["divider"]}, "invalid_blocks"),
    ],
)
def test_a_payload_that_slack_refuses(office, payload, body):
    answer = office.send(json=payload)
    assert (answer.status_code, answer.text) == (400, body)
    assert office.messages() == []


def test_what_is_no_json_is_an_invalid_payload(office):
    assert office.send(data='{"text": ').text == "invalid_payload"
    assert office.send(data={"payload": "text"}).text == "invalid_payload"


def test_the_bounds_themselves_are_taken_and_long_texts_are_cut(office):
    blocks = [section("x" * 3000) | {"block_id": "i" * 255}] + [section("y")] * 49
    assert office.send(json={"blocks": blocks, "attachments": [{"text": "z"}] * 100}).text == "ok"
    assert office.send(json={"text": "x" * 40_001}).text == "ok"
    assert len(office.messages()[1]["text"]) == 40_000


def test_one_a_second_after_a_burst(office):
    office.post("faults", limits={"slack_burst": 3})
    office.freeze()
    posts = [office.send(json={"text": str(number)}) for number in range(4)]
    assert [post.status_code for post in posts] == [200, 200, 200, 429]
    assert posts[3].headers["Retry-After"] == "1"
    assert posts[3].json() == {"retry_after": 1, "ok": False, "error": "rate_limited"}
    other = LEADS.replace("B0LEADS001", "B0SALES001").replace("leadssecret0", "salessecret0")
    assert office.send(other, json={"text": "another address"}).status_code == 200
    office.post("clock", advance=1)
    assert [office.send(json={"text": "later"}).status_code for _ in range(2)] == [200, 429]
    assert len(office.messages("?channel=slack")) == 5


def test_slacks_client_waits_as_long_as_it_is_told(office):
    from slack_sdk.http_retry.builtin_handlers import RateLimitErrorRetryHandler

    office.post("faults", rate_429=1, count=1)
    client = WebhookClient(office.url + LEADS, retry_handlers=[RateLimitErrorRetryHandler(max_retry_count=1)])
    assert client.send(text="second try").body == "ok"
    assert office.get("stats")["answers"] == {"429": 1, "200": 1}


def test_an_address_is_made(office):
    made = office.post("hooks", kind="slack", channel="#ops")
    assert made["url"].startswith(f"{office.url}/services/T0SANDBOX1/B0MADE")
    assert WebhookClient(made["url"]).send(text="hello").body == "ok"
    assert office.messages()[0]["to"] == ["ops"]


def test_a_channel_is_archived_and_opened_again(office):
    office.post("channels", name="leads", state="archived")
    assert office.send(json={"text": "x"}).status_code == 410
    office.post("channels", name="leads", state="active")
    assert office.send(json={"text": "x"}).status_code == 200
    [leads] = [row for row in office.get("channels")["channels"] if row["name"] == "leads"]
    assert (leads["messages"], leads["state"]) == (1, "active")
