"""Alarms as people get them: in Slack and by mail, from a daemon in trouble."""

from __future__ import annotations

import pytest

from sync import status
from tests.journeys.house import eventually
from tests.journeys.test_people_first import ADA
from tests.sandbox.messaging.conftest import LEADS, office

__all__ = ["office"]


@pytest.fixture
def watched(closed_house, office):
    """A house whose alarms go to the sandbox's Slack and mailbox."""
    return closed_house.start(
        LEADRELAY_ALERT_SLACK_WEBHOOK_URL=office.url + LEADS,
        LEADRELAY_ALERT_MAIL_TO="ops@northlight.example",
        LEADRELAY_SMTP_HOST="127.0.0.1",
        LEADRELAY_SMTP_PORT=str(office.smtp_port),
        LEADRELAY_SMTP_SECURITY="none",
        LEADRELAY_SMTP_FROM="leadrelay@northlight.example",
    ).settle_in()


def waiting(house):
    found = house.read(lambda snapshot: status.queues(snapshot, "main", house.clock.now()))
    return found.events["waiting"]


def look(house, **later):
    eventually(
        lambda: not waiting(house), "an empty inbox"
    )  # else what came in just now has waited for minutes
    house.clock.move_on(**later)
    house.daemon.watch.run()


def test_a_connection_that_refuses_its_token_is_told_once_and_once_when_it_is_well_again(watched, office):
    house, salesforce = watched, watched.crms["salesforce"]
    salesforce.faults(error_rate=1, error_status=401)
    house.post(**ADA)
    eventually(house.crms["hubspot"].people, "a delivery to the other CRM")
    house.clock.move_on(minutes=6)  # owners are read again
    eventually(lambda: house.daemon.facts()["polls"]["salesforce"], "a failed look at the owners")
    for _ in range(10):
        look(house, minutes=4)
    texts = [str(one) for one in office.messages()]
    assert len(texts) == 2, texts  # one in Slack, one by mail
    assert all("salesforce" in text for text in texts)
    assert not any(ADA["email"] in text or ADA["last_name"] in text for text in texts)
    assert "salesforce" in house.command("status")

    salesforce.faults()
    house.clock.move_on(minutes=6)
    house.settle_in_a_hurry()
    eventually(lambda: not house.daemon.facts()["polls"]["salesforce"], "owners that are read")
    for _ in range(3):
        look(house, minutes=4)
    assert len(office.messages()) == 4
    assert house.daemon.facts()["alarms"] == []


def test_trying_the_channels(watched, office):
    answer = watched.command("alert", "test")
    assert answer == "alert-slack: sent\nalert-mail: sent\n"
    assert len(office.messages()) == 2
