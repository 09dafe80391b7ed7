"""A yes that is confirmed from the person's own mailbox, with the whole daemon and a mail server."""

from __future__ import annotations

import re

import requests
from cryptography.fernet import Fernet

from tests.sandbox.messaging.conftest import office

__all__ = ["office"]

PUBLIC = "https://leads.example"
CONFIRM = """    confirm:
      channel: inbox
      subject: Please confirm your subscription
      body: ["Hello {first_name|there},", "please confirm that we may write to you:"]
"""
GATE = "  - {act: task, needs: email, basis: consent, double_opt_in: true}\n"


def test_the_mail_arrives_its_link_is_opened_and_the_task_that_waited_is_made(closed_house, office):
    closed_house.edit(
        "notifications.yaml", "  # inbox:\n", "  inbox: {kind: mail, to: [sales@northlight.example]}\n"
    )
    closed_house.edit("consent.yaml", "  sales_call:\n", f"{CONFIRM}  sales_call:\n")
    closed_house.edit("consent.yaml", "gates:\n", f"gates:\n{GATE}")
    house = closed_house.start(
        LEADRELAY_SMTP_HOST="127.0.0.1",
        LEADRELAY_SMTP_PORT=str(office.smtp_port),
        LEADRELAY_SMTP_SECURITY="none",
        LEADRELAY_SMTP_FROM="leads@northlight.example",
        LEADRELAY_PUBLIC_URL=PUBLIC,
        LEADRELAY_SECRET_KEY=Fernet.generate_key().decode(),
    ).settle_in()
    ada = {"email": "ada@analytical.example", "first_name": "Ada", "country": "DE", "form_type": "demo"}
    house.post(**ada, consent_email="yes")
    house.settle()
    [mail] = office.messages()
    assert mail["to"] == [ada["email"]]
    assert [crm.tasks() for crm in house.crms.values()] == [[], []]
    found = re.search(rf"{PUBLIC}(/consent/[\w=-]+)", mail["text"])
    assert found is not None
    page = f"http://127.0.0.1:{house.daemon.port}{found[1]}"
    assert "Yes, send me news" in requests.get(page, timeout=60).text
    assert [crm.tasks() for crm in house.crms.values()] == [[], []]  # looking at it is no yes
    assert requests.post(page, timeout=60).ok
    house.settle()
    assert [len(crm.tasks()) for crm in house.crms.values()] == [1, 1]
    assert house.story(ada["email"]).lead.fields["consent_email_confirmed"] is True
