"""Alarms as people get them: in Slack and by mail, from a daemon in trouble."""

from __future__ import annotations

from datetime import timedelta

import pytest

from mappings.engagements import ASKED
from sync import followed, status
from tests.journeys.test_people_first import ADA
from tests.sandbox.messaging.conftest import LEADS, office
from tests.waiting import eventually

__all__ = ["office"]
ACTIVITIES = {name for objects in ASKED.values() for name in objects}  # looked at seldom; no alarm


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


def look(house, *well, **later):
    """Look for troubles some time later, once the connections that are well were read once more."""
    eventually(
        lambda: not waiting(house), "an empty inbox"
    )  # else what came in just now has waited for minutes
    house.clock.move_on(**later)
    for connection in well:  # minutes fly by here faster than a thread looks
        eventually(lambda name=connection: is_followed(house, name), "a look at what changed")
    house.daemon.watch.run()


def is_followed(house, connection):
    house.daemon.store.signals.announce(f"follow:{connection}")
    found = house.read(lambda snapshot: followed.read(snapshot, "main"))[connection].objects
    watched = [one for name, one in found.items() if name not in ACTIVITIES]
    return all(one.read_at and house.clock.now() - one.read_at < timedelta(minutes=2) for one in watched)


def test_a_connection_that_refuses_its_token_is_told_once_and_once_when_it_is_well_again(watched, office):
    house, salesforce = watched, watched.crms["salesforce"]
    salesforce.faults(error_rate=1, error_status=401)
    house.post(**ADA)
    eventually(house.crms["hubspot"].people, "a delivery to the other CRM")
    house.clock.move_on(minutes=6)  # owners are read again
    eventually(lambda: house.daemon.facts()["polls"]["salesforce"], "a failed look at the owners")
    for _ in range(4):
        look(house, "hubspot", minutes=10)
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
        look(house, "hubspot", "salesforce", minutes=4)
    assert len(office.messages()) == 4
    assert house.daemon.facts()["alarms"] == []


def test_trying_the_channels(watched, office):
    answer = watched.command("alert", "test")
    assert {"alert-slack: sent", "alert-mail: sent"} <= set(answer.splitlines())  # among the daemon's own log
    assert len(office.messages()) == 2
