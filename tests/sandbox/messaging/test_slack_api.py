"""The Web API as Slack's own client sees it."""

from __future__ import annotations

import pytest
import requests
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError


@pytest.fixture
def client(office) -> WebClient:
    return WebClient(token="xoxb-sandbox-token", base_url=f"{office.url}/api/", retry_handlers=[])


def refused(call, *args, **named) -> str:
    with pytest.raises(SlackApiError) as caught:
        call(*args, **named)
    assert caught.value.response.status_code == 200
    return str(caught.value.response["error"])


def test_the_token_is_told_who_it_is(client):
    told = client.auth_test()
    assert (told["team_id"], told["user"], told["bot_id"]) == ("T0SANDBOX1", "leads", "B0SANDBOT1")


def test_a_message_goes_to_a_channel_by_id_or_name(client, office):
    by_id = client.chat_postMessage(channel="C0LEADS001", text="one")
    by_name = client.chat_postMessage(channel="#sales", text="two", blocks=[{"type": "divider"}])
    assert (by_id["ok"], by_id["channel"], by_id["message"]["text"]) == (True, "C0LEADS001", "one")
    assert by_name["message"]["blocks"] == [{"type": "divider"}]
    assert by_name["ts"] > by_id["ts"]
    assert [(row["to"], row["text"]) for row in office.messages()] == [(["leads"], "one"), (["sales"], "two")]


def test_a_teammate_is_found_by_address_and_written_to(client, office):
    user = client.users_lookupByEmail(email="Mei.Tanaka@northlight.example")["user"]
    assert user["profile"]["real_name"] == "Mei Tanaka"
    sent = client.chat_postMessage(channel=user["id"], text="A lead for you")
    assert sent["channel"].startswith("D")
    assert office.messages()[0]["to"] == ["@mei.tanaka"]


@pytest.mark.parametrize("email", ["nobody@northlight.example", "oliver.stone@northlight.example", ""])
def test_who_is_unknown_or_has_left_is_not_found(client, email):
    assert refused(client.users_lookupByEmail, email=email) == "users_not_found"


@pytest.mark.parametrize(
    ("channel", "more", "error"),
    [
        ("C0NOBODY01", {"text": "x"}, "channel_not_found"),
        ("old-leads", {"text": "x"}, "is_archived"),
        ("board", {"text": "x"}, "not_in_channel"),
        ("leads", {"text": "", "blocks": []}, "no_text"),
        ("leads", {"text": "x", "blocks": "["}, "invalid_blocks_format"),
        ("leads", {"text": "x", "attachments": [{"text": "y"}] * 101}, "too_many_attachments"),
    ],
)
@pytest.mark.filterwarnings("ignore:The top-level:UserWarning")  # the client minds, too
def test_what_cannot_be_posted(client, office, channel, more, error):
    assert refused(client.chat_postMessage, channel=channel, **more) == error
    assert office.messages() == []


def test_bad_blocks_are_told_one_by_one(client):
    blocks = [{"type": "section", "text": {"type": "mrkdwn", "text": "x" * 3001}}]
    with pytest.raises(SlackApiError) as caught:
        client.chat_postMessage(channel="leads", text="x", blocks=blocks)
    assert caught.value.response["error"] == "invalid_blocks"
    assert caught.value.response["errors"] == [
        "must be less than 3001 characters [json-pointer:/blocks/0/text/text]"
    ]


def test_tokens_are_wanted(office):
    assert refused(WebClient(base_url=f"{office.url}/api/").auth_test) == "not_authed"
    assert refused(WebClient(token="xoxb-other", base_url=f"{office.url}/api/").auth_test) == "invalid_auth"
    by_form = requests.post(f"{office.url}/api/auth.test", data={"token": "xoxb-sandbox-token"}, timeout=60)
    assert by_form.json()["ok"] is True
    no_json = {"Authorization": "Bearer xoxb-sandbox-token", "Content-Type": "application/json"}
    told = requests.post(f"{office.url}/api/auth.test", data="{", headers=no_json, timeout=60)
    assert told.json() == {"ok": False, "error": "invalid_json"}


def test_one_message_a_second_and_channel(client, office):
    office.post("faults", limits={"slack_burst": 1, "slack_lookups_per_min": 1})
    office.freeze()
    client.chat_postMessage(channel="leads", text="one")
    client.chat_postMessage(channel="sales", text="two")
    with pytest.raises(SlackApiError) as caught:
        client.chat_postMessage(channel="C0LEADS001", text="three")
    response = caught.value.response
    assert (response.status_code, response["error"], response.headers["Retry-After"]) == (
        429,
        "ratelimited",
        "1",
    )
    client.users_lookupByEmail(email="mei.tanaka@northlight.example")
    with pytest.raises(SlackApiError) as caught:
        client.users_lookupByEmail(email="mei.tanaka@northlight.example")
    assert caught.value.response.headers["Retry-After"] == "60"
