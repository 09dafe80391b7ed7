"""The mail server takes what Python's own client sends, and refuses and drops as it is told."""

from __future__ import annotations

import smtplib
from email.message import EmailMessage

import pytest
import requests

SENDER, OWNER = "leads@northlight.example", "mei.tanaka@northlight.example"


def mail(subject: str = "A lead", text: str = "Ada asked for a demo.", html: str = "") -> EmailMessage:
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = SENDER, OWNER, subject
    made.set_content(text)
    if html:
        made.add_alternative(html, subtype="html")
    return made


@pytest.fixture
def client(office):
    with smtplib.SMTP("127.0.0.1", office.smtp_port, timeout=60) as connected:
        yield connected


def test_a_mail_is_kept_with_its_parts(client, office):
    client.send_message(mail(html="<p>Ada asked for a <b>demo</b>.</p>"))
    [kept] = office.messages("?channel=mail")
    assert (kept["from"], kept["to"], kept["subject"]) == (SENDER, [OWNER], "A lead")
    assert kept["text"] == "Ada asked for a demo.\n"
    assert "<b>demo</b>" in kept["fields"]["html"]
    assert ["To", OWNER] in kept["fields"]["headers"]


def test_a_mail_is_kept_byte_by_byte(client, office):
    content = b"Subject: raw\r\n\r\n.leading dot\r\n8 bit: \xe9\r\n"
    client.sendmail(SENDER, [OWNER], content, mail_options=["BODY=8BITMIME"])
    [kept] = office.messages()
    raw = requests.get(f"{office.url}/__sandbox/messages/{kept['id']}/raw", timeout=60)
    assert raw.content == content
    assert raw.headers["Content-Type"] == "message/rfc822"
    assert raw.headers["Content-Disposition"].startswith("attachment")


def test_what_the_server_can_is_told(client):
    client.ehlo()
    assert client.has_extn("8bitmime")
    assert client.has_extn("smtputf8")
    assert client.esmtp_features["size"] == "10485760"
    assert set(client.esmtp_features["auth"].split()) == {"LOGIN", "PLAIN"}
    assert not client.has_extn("starttls")


def test_addresses_and_words_of_any_script(client, office):
    made = mail(subject="Neuer Lead: Zoë Müller", text="こんにちは\n")
    client.send_message(made, "Zoë@northlight.example", ["María@exämple.example"])
    [kept] = office.messages()
    assert (kept["from"], kept["to"]) == ("Zoë@northlight.example", ["María@exämple.example"])
    assert (kept["subject"], kept["text"]) == ("Neuer Lead: Zoë Müller", "こんにちは\n")


def test_a_mail_that_is_no_good_mail_is_kept_all_the_same(client, office):
    content = b"Content-Type: text/plain; charset=x-unknown\r\nSubject: \xff\r\n\r\nhello \xff\r\n"
    client.sendmail(SENDER, [OWNER], content)
    assert office.messages()[0]["text"].startswith("hello")
    assert requests.get(f"{office.url}/browse/mail/mail-1", timeout=60).status_code == 200


@pytest.mark.parametrize(
    ("name", "code"), [("bounce", 550), ("bounce+tag", 550), ("blocked", 550), ("full", 452), ("later", 451)]
)
def test_mailboxes_that_refuse(client, office, name, code):
    with pytest.raises(smtplib.SMTPRecipientsRefused) as caught:
        client.send_message(mail(), to_addrs=[f"{name}@x.example"])
    assert caught.value.recipients[f"{name}@x.example"][0] == code
    told = office.get("stats")
    assert (told["calls"], told["answers"]) == ({"SMTP RCPT": 1}, {str(code): 1})


def test_one_bad_recipient_keeps_no_mail_from_the_others(client, office):
    refused = client.send_message(mail(), to_addrs=["bounce@x.example", OWNER])
    assert list(refused) == ["bounce@x.example"]
    assert office.messages()[0]["to"] == [OWNER]


def test_a_mail_too_large_is_refused(office):
    office.post("faults", limits={"mail_bytes": 1000})
    with smtplib.SMTP("127.0.0.1", office.smtp_port, timeout=60) as client:
        with pytest.raises(smtplib.SMTPSenderRefused) as caught:
            client.send_message(mail(text="x\n" * 600))
        assert caught.value.smtp_code == 552
    assert office.messages() == []


def test_greylisting_puts_a_stranger_off_for_a_minute(client, office):
    office.post("faults", greylisting="on")
    office.freeze()
    for _ in range(2):
        with pytest.raises(smtplib.SMTPRecipientsRefused) as caught:
            client.send_message(mail())
        assert caught.value.recipients[OWNER][0] == 450
    office.post("clock", advance=60)
    client.send_message(mail())
    assert len(office.messages()) == 1


def test_a_password_is_wanted_only_when_it_is_required(office):
    with smtplib.SMTP("127.0.0.1", office.smtp_port, timeout=60) as client:
        client.login("sandbox", "sandbox-password")
        client.send_message(mail())
    office.post("faults", smtp_auth="required")
    with smtplib.SMTP("127.0.0.1", office.smtp_port, timeout=60) as client:
        with pytest.raises(smtplib.SMTPSenderRefused) as caught:
            client.send_message(mail())
        assert caught.value.smtp_code == 530
        with pytest.raises(smtplib.SMTPAuthenticationError):
            client.login("sandbox", "wrong")
    assert len(office.messages()) == 1


@pytest.mark.parametrize(
    ("fault", "code"),
    [({"rate_429": 1}, 450), ({"error_rate": 1}, 451), ({"error_rate": 1, "error_status": 400}, 554)],
)
def test_injected_errors_take_no_effect(client, office, fault, code):
    office.post("faults", **fault)
    with pytest.raises(smtplib.SMTPDataError) as caught:
        client.send_message(mail())
    assert caught.value.smtp_code == code
    assert office.messages() == []


@pytest.mark.parametrize(
    ("fault", "kept"), [({"drop_rate": 1}, 0), ({"timeout_rate": 1, "timeout_s": 0.05}, 1)]
)
def test_a_connection_is_cut_before_or_after_the_mail_is_kept(client, office, fault, kept):
    office.post("faults", **fault, only=["SMTP DATA"])
    with pytest.raises(smtplib.SMTPServerDisconnected):
        client.send_message(mail())
    assert len(office.messages()) == kept
    assert office.get("stats")["answers"] == {"dropped": 1}
    assert office.get("stats")["calls"] == {"SMTP DATA": 1}
