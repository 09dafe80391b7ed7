"""Slack, Teams and mail against the sandbox: what arrives, and what each answer means."""

from __future__ import annotations

import socket

import pytest

from connectors.channels import Closed, Lost, Postponed, Promise, Rejected, Sent
from connectors.mail import Mail, MailServer, written
from connectors.slack import LONGEST_SECTION, SlackBot, SlackWebhook, body_of
from connectors.teams import Teams
from connectors.teams import body_of as card_of
from model.message import Message, Part
from tests.sandbox.messaging.conftest import LEADS, Office, office

__all__ = ["office"]

HELLO = Message("k1", "Ada is for Ann", ((Part("Score 30"),), (Part("HubSpot", "https://h.example/1"),)))
NASTY = "<!channel> <http://evil.example|click> *bold* & [x](http://evil.example) @here"
TEAMS = "/powerautomate/automations/direct/workflows/{}/triggers/manual/paths/invoke?api-version=1&sig={}"
FLOW = TEAMS.format("0000000000000000000000000000a001", "sandbox-teams-leads-signature-000000000001")
FLOW_OFF = TEAMS.format("0000000000000000000000000000a003", "sandbox-teams-old-signature-00000000000001")


def webhook(office: Office, path: str = LEADS) -> SlackWebhook:
    return SlackWebhook("slack", office.url + path)


def bot(office: Office, **given: str) -> SlackBot:
    plain = {"token": "xoxb-sandbox-token", "channel": "#leads"}
    return SlackBot("slack", base_url=office.url, **plain | given)


def mail(office: Office, to: tuple[str, ...] = ("ops@northlight.example",), **given: str) -> Mail:
    sender = "leadrelay <leads@northlight.example>"
    server = MailServer("127.0.0.1", sender, office.smtp_port, security="none", **given)
    return Mail("inbox", server, to)


def every(office: Office):
    return [webhook(office), bot(office), Teams("teams", office.url + FLOW), mail(office)]


def test_each_delivers_title_lines_and_links(office):
    for channel in every(office):
        assert isinstance(channel.send(HELLO), Sent)
    told = office.messages()
    assert [one["channel"] for one in told] == ["slack", "slack", "teams", "mail"]
    for one in told:
        shown = f"{one['subject']}\n{one['text']}"
        assert "Ada is for Ann" in shown
        assert "Score 30" in shown
        assert "HubSpot" in shown
        assert "https://h.example/1" in str(one["fields"].get("payload", shown))


def test_what_a_stranger_typed_stays_words(office):
    message = Message("k2", NASTY, ((Part(NASTY),),))
    for channel in every(office):
        assert isinstance(channel.send(message), Sent)
    for one in office.messages("?channel=slack"):
        payload = one["fields"]["payload"]
        header, section = payload["blocks"]
        assert header["text"] == {"type": "plain_text", "text": NASTY, "emoji": False}
        assert section["text"]["verbatim"] is True  # Slack makes no links or mentions of it
        for text in (payload["text"], section["text"]["text"]):
            assert "<" not in text
            assert ">" not in text
        assert "*bold*" not in section["text"]["text"]
        assert payload["unfurl_links"] is False
    [card] = office.messages("?channel=teams")
    content = card["fields"]["payload"]["attachments"][0]["content"]
    assert {block["type"] for block in content["body"]} == {"RichTextBlock"}  # which knows no Markdown
    assert "actions" not in content
    [letter] = office.messages("?channel=mail")
    assert "html" not in letter["fields"]


def test_a_title_cannot_add_headers_to_a_mail():
    message = Message("k3", "Hi\r\nBcc: evil@example.com", ((Part("x"),),))
    mail = written(message, "leads@northlight.example", ["ops@northlight.example"])
    assert mail["Subject"] == "Hi Bcc: evil@example.com"
    assert mail["Bcc"] is None
    assert mail["Message-ID"] == "<k3@northlight.example>"


def test_a_long_message_is_cut_into_sections_that_slack_takes(office):
    lines = tuple((Part("&" * 290),) for _ in range(80))
    message = Message("k4", "t" * 400, lines)
    blocks = body_of(message)["blocks"]
    assert len(blocks) <= 50
    assert all(len(block["text"]["text"]) <= LONGEST_SECTION for block in blocks[1:])
    assert isinstance(webhook(office).send(message), Sent)
    assert isinstance(webhook(office).send(Message("k5", "", ((Part("<" * 5_000),),))), Sent)


def test_a_card_stays_within_what_teams_takes(office):
    lines = tuple((Part("ü" * 100),) for _ in range(38))
    message = Message("k6", "Many", lines)
    channel = Teams("teams", office.url + FLOW)
    assert message.size <= channel.capacity
    channel.send(message)
    assert len(office.messages("?channel=teams")) == 1  # a run that fails shows nothing
    assert len(card_of(message)["attachments"]) == 1


@pytest.mark.parametrize("which", [0, 1, 2, 3])
def test_a_busy_channel_says_when_to_come_again_and_has_taken_nothing(office, which):
    office.post("faults", error_rate=1, error_status=429)
    outcome = every(office)[which].send(HELLO)
    assert isinstance(outcome, Postponed)
    assert outcome.wait == (None if which == 3 else 1.0)
    assert office.messages() == []


@pytest.mark.parametrize("which", [0, 1, 2, 3])
def test_an_answer_that_does_not_come_is_lost_and_the_message_may_be_there(office, which):
    office.post("faults", timeout_rate=1, timeout_s=0.02)
    assert isinstance(every(office)[which].send(HELLO), Lost)
    assert len(office.messages()) == 1


@pytest.mark.parametrize("which", [0, 1, 2])
def test_a_server_error_is_tried_again(office, which):
    office.post("faults", error_rate=1, error_status=503)
    assert isinstance(every(office)[which].send(HELLO), Postponed)


def test_an_address_that_takes_nothing_any_more_is_closed(office):
    revoked = "/services/T0SANDBOX1/B0REVOKED1/sandboxrevokedsecret0001"
    archived = "/services/T0SANDBOX1/B0OLDLEAD1/sandboxoldleadssecret001"
    closed = [
        webhook(office, revoked),
        webhook(office, archived),
        webhook(office, LEADS[:-1] + "9"),
        bot(office, token="xoxb-wrong"),
        bot(office, channel="#nowhere"),
        bot(office, channel="board"),
        Teams("teams", office.url + FLOW.replace("leads-signature", "other-signature")),
    ]
    for channel in closed:
        outcome = channel.send(HELLO)
        assert isinstance(outcome, Closed), (channel, outcome)
        assert "secret" not in outcome.reason
    assert isinstance(Teams("teams", office.url + FLOW_OFF).send(HELLO), Rejected | Closed)
    wrong = mail(office, user="sandbox", password="wrong").send(HELLO)
    assert isinstance(wrong, Closed)
    assert office.messages() == []


def test_mail_says_what_each_recipient_means(office):
    assert isinstance(mail(office, ("bounce@northlight.example",)).send(HELLO), Rejected)
    assert isinstance(mail(office, ("later@northlight.example",)).send(HELLO), Postponed)
    assert isinstance(mail(office, ()).send(HELLO), Rejected)
    both = ("bounce@northlight.example", "ops@northlight.example")
    assert isinstance(mail(office, both).send(HELLO), Sent)
    to_owner = Message("k7", "Yours", (), ("ann@northlight.example",))
    assert isinstance(mail(office).send(to_owner), Sent)
    assert office.messages()[-1]["to"] == ["ann@northlight.example"]


@pytest.mark.parametrize(
    "user", [{"user": "jörg", "password": "x"}, {"user": "sandbox", "password": "pässword"}]
)
def test_a_password_that_smtp_cannot_carry_is_closed_and_not_told(office, user):
    outcome = mail(office, **user).send(HELLO)
    assert isinstance(outcome, Closed)
    assert "ASCII" in outcome.reason
    assert not {"ö", "ä", "\\x"} & set(outcome.reason)
    assert office.messages() == []


@pytest.mark.parametrize(
    "to", [("jörg@northlight.example",), ("ops@bücher.example",), ("a b <",), ("a@b\nx.example",)]
)
def test_an_address_that_no_mail_can_carry_is_rejected_and_keeps_no_other_from_its_mail(office, to):
    assert isinstance(mail(office, to).send(HELLO), Rejected)
    assert office.messages() == []


def test_who_can_be_written_to_gets_the_mail_beside_who_cannot(office):
    assert isinstance(mail(office, ("jörg@northlight.example", "ops@northlight.example")).send(HELLO), Sent)


@pytest.mark.parametrize("sender", ["leads@bücher.example", "jörg@northlight.example", "nobody"])
def test_a_sender_that_no_mail_can_carry_sends_nothing_and_loses_nothing(office, sender):
    server = MailServer("127.0.0.1", sender, office.smtp_port, security="none")
    outcome = Mail("inbox", server, ("ops@northlight.example",)).send(HELLO)
    assert isinstance(outcome, Closed | Rejected)
    assert office.messages() == []


def test_half_of_a_surrogate_pair_in_a_name_reaches_a_mailbox_as_a_question_mark(office):
    assert isinstance(mail(office).send(Message("k8", "A\ud800da", ((Part("B\udfffo"),),))), Sent)
    [told] = office.messages()
    assert (told["subject"], "B?o" in told["text"]) == ("A?da", True)


def test_nobody_there_is_no_lost_answer():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    server = MailServer("127.0.0.1", "leads@northlight.example", port, security="none")
    for channel in (SlackWebhook("slack", url), Teams("teams", url), Mail("m", server, ("a@example.com",))):
        assert isinstance(channel.send(HELLO), Postponed)


def test_no_channel_shows_its_secret():
    for channel in (
        SlackWebhook("slack", "https://hooks.slack.example/SECRET"),
        SlackBot("slack", "SECRET", "#leads"),
        Teams("teams", "https://flows.example/SECRET"),
        Mail("inbox", MailServer("h", "a@example.com", user="u", password="SECRET")),
    ):
        assert "SECRET" not in repr(channel)
        assert channel.promise is Promise.AT_MOST_ONCE
