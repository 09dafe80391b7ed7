"""Double opt-in: one mail with a link to the person, a page that confirms by its button, once and in time."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa
from cryptography.fernet import Fernet
from flask import Flask

from dashboard import confirming, pages
from handlers.registry import build
from mappings import templates
from mappings.playbook import Confirm, ConfirmPage, Consent, TextVersion
from sync import tables
from sync.links_of_consent import ConsentLinks
from sync.vault import Vault
from tests.builders import place
from tests.sync.house import HUBSPOT, House
from tests.sync.stores import rows
from tests.sync.test_consents import ADA, CALL, consenting_playbook, gate, hear

GERMAN = ConfirmPage(
    lang="de",
    button="Ja, ich bestätige",
    done="Danke. Ihre Einwilligung ist bestätigt.",
    over="Dieser Link gilt nicht mehr.",
    footer=("Northlight GmbH <Berlin>", "https://northlight.example/impressum"),
)
PATH = re.compile(r"https://leads\.example(/consent/[\w=-]+)")


@pytest.fixture
def house(desk) -> House:
    """A house that asks by mail whether a yes is meant, and calls nobody before it is."""
    line = templates.parse("Hello {name}", place(3), ("name",))
    mail = Confirm("slack", line, (line,), GERMAN, timedelta(days=7), at_most=2)
    plain = consenting_playbook(gate("task", double_opt_in=True))
    consent = Consent({"call": replace(CALL, confirm=mail)}, plain.consent.regions, plain.consent.gates)
    house: House = desk.house
    house.playbook = replace(plain, consent=consent)
    house.handlers = build(house.playbook)
    house.outlets["slack"].links = ConsentLinks(
        "https://leads.example/", Vault([Fernet.generate_key().decode()])
    )
    return house


@pytest.fixture
def client(desk, house):
    app, daemon = Flask("tests"), desk.daemon
    daemon.playbook = lambda: house.playbook
    app.register_blueprint(pages.blueprint(daemon))
    app.register_blueprint(confirming.blueprint(daemon, house.outlets["slack"].links))
    return app.test_client()


def link(house: House) -> str:
    """Return the path of the newest mail's link."""
    text = next(text for text in reversed(house.channel.texts) if "leads.example" in text)
    found = PATH.search(text)
    assert found is not None
    return found[1]


def agree(house: House, **fields) -> None:
    house.post(email=ADA, country="DE", call="yes", **fields)
    house.settle()
    house.tell()


def tasks(house: House) -> int:
    return len(house.crms[HUBSPOT].tasks)


def acts(house: House) -> list[str]:
    return [row["act"] for row in rows(house.store, tables.consents)]


def test_a_yes_is_confirmed_by_the_button_of_the_page_and_not_by_looking(house, client):
    agree(house)
    [mail] = [one for one in house.channel.got if one.to == (ADA,)]
    assert mail.title == f"Hello {ADA}"
    assert len(house.channel.got) == 2  # the colleagues' message is one of its own
    for _ in range(3):  # as scanners of mail do
        page = client.get(link(house))
        assert (page.status_code, page.headers["Referrer-Policy"]) == (200, "no-referrer")
        assert "You may call me." in page.text
        assert '<html lang="de">' in page.text
        assert "<button>Ja, ich bestätige</button>" in page.text
        assert "Northlight GmbH &lt;Berlin&gt;" in page.text
        assert '<a href="https://northlight.example/impressum" ' in page.text
        assert client.head(link(house)).status_code == 200
    house.settle()
    house.tell()
    assert (tasks(house), acts(house)) == (0, ["granted", "requested"])
    done = client.post(link(house))
    assert (done.status_code, "Ihre Einwilligung ist bestätigt" in done.text) == (200, True)
    house.settle()
    house.tell()
    assert (tasks(house), acts(house)) == (1, ["granted", "requested", "confirmed"])
    assert client.post(link(house)).status_code == 200  # said once, however often
    house.settle()
    assert acts(house)[2:] == ["confirmed"]


@pytest.mark.parametrize("late", ["expired", "withdrawn", "opted out", "another address", "forged"])
def test_a_link_that_is_not_good_any_more_confirms_nothing(house, client, late):
    agree(house)
    path = link(house)
    house.clock.advance(60)
    match late:
        case "expired":
            house.clock.advance(8 * 86_400)
        case "withdrawn":
            house.post(email=ADA, call="no")
        case "opted out":
            house.post(email=ADA, unsubscribe="yes")
        case "another address":
            house.crms[HUBSPOT].edit(house.lead(ADA).links[HUBSPOT].remote_id, email="eve@example.com")
            moved = sa.update(tables.leads).values(
                fields=dict(house.lead(ADA).fields, email="eve@example.com")
            )
            house.store.write(lambda connection: connection.execute(moved))
        case "forged":
            path = path[:-6] + "AAAA=="
    house.settle()
    gone = client.get(path)
    said = "nothing left to confirm" if late == "forged" else "Dieser Link gilt nicht mehr."
    assert (gone.status_code, said in gone.text) == (404, True)
    assert client.post(path).status_code == 404
    house.settle()
    assert "confirmed" not in acts(house)


def test_so_many_mails_go_to_one_person_in_a_day_and_no_more(house):
    for _ in range(4):
        agree(house)
        house.clock.advance(60)
    assert [row.state for row in house.effects() if row.kind == "confirm"] == ["sent"] * 2 + ["withheld"] * 2
    assert "at most 2 do" in str([row.error for row in house.effects() if row.kind == "confirm"][-1])
    house.clock.advance(86_400)
    agree(house)
    assert [row.state for row in house.effects() if row.kind == "confirm"][-1] == "sent"


def test_without_a_public_address_and_a_key_no_mail_is_sent_and_it_is_said(house):
    house.outlets["slack"].links = None
    agree(house)
    [row] = [one for one in house.effects() if one.kind == "confirm"]
    assert (row.state, "LEADRELAY_PUBLIC_URL" in str(row.error)) == ("withheld", True)


def test_a_no_then_a_yes_must_be_confirmed_anew(house, client):
    agree(house)
    used = link(house)
    client.post(used)
    assert client.post(used).status_code == 200  # the button twice, before it is decided
    house.settle()
    house.clock.advance(60)
    house.post(email=ADA, call="no")
    house.settle()
    house.clock.advance(60)
    agree(house)
    assert "consent_call_confirmed" not in house.lead(ADA).fields
    assert client.get(used).status_code == client.post(used).status_code == 404  # it was good once
    assert client.post(link(house)).status_code == 200
    house.settle()
    assert house.lead(ADA).fields["consent_call_confirmed"] is True


def test_page_and_read_api_show_how_consent_stands_and_what_is_kept_back(desk, house):
    agree(house)
    lead_id = house.lead_id(ADA)
    told = desk.ask(f"/api/v1/leads/{lead_id}/consent").json
    assert (told["regions"], [one["stands"] for one in told["purposes"]]) == (["EU"], ["yes"])
    assert [(one["act"], one["why"]) for one in told["shut"]] == [
        ("task", "blocked: no confirmed consent for call in EU")
    ]
    assert [(one["act"], one["text_version"]) for one in told["ledger"]] == [
        ("granted", "1"),
        ("requested", "1"),
    ]
    page = desk.get(f"/leads/{lead_id}").text
    assert "blocked: no confirmed consent for call in EU" in page
    assert "All that was said" in page


def test_the_page_shows_the_words_of_today_and_not_those_of_tomorrow(house, client):
    purpose = house.playbook.consent.purposes["call"]
    later = TextVersion("2", house.clock.now() + timedelta(days=1), "You may call me at night.")
    words = replace(purpose, texts=(*purpose.texts, later))
    gates, regions = house.playbook.consent.gates, house.playbook.consent.regions
    house.playbook = replace(house.playbook, consent=Consent({"call": words}, regions, gates))
    agree(house)
    assert "You may call me." in client.get(link(house)).text
    house.clock.advance(86_400)
    assert "You may call me at night." in client.get(link(house)).text


def test_what_was_confirmed_from_a_mailbox_is_not_for_another_one(house, client):
    agree(house)
    client.post(link(house))
    house.settle()
    house.tell()
    record = house.lead(ADA).links[HUBSPOT].remote_id
    house.clock.advance(60)
    house.crms[HUBSPOT].edit(record, email=ADA.upper())
    hear(house, HUBSPOT)
    assert house.lead(ADA).fields["consent_call_confirmed"] is True  # another spelling is the same mailbox
    house.clock.advance(60)
    house.crms[HUBSPOT].edit(record, email="eve@example.com")
    hear(house, HUBSPOT)
    lead = house.lead("eve@example.com")
    assert lead.fields["consent_call"] is True
    assert "consent_call_confirmed" not in lead.fields
