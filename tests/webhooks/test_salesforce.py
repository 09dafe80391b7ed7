"""The receiver of Salesforce's Outbound Messages: hints, once each, and nothing from anybody else."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

import pytest

from model.event import EventKind, RecordRef
from model.hint import Hint, hint_from
from tests.webhooks.house import NOON, House, a_house
from webhooks.callers import LARGEST, Caller, Hooks

SECRET = "a-path-that-nobody-can-guess-0001"
ORG = "00D5g000000ABCDEAO"
LEADS = [f"00Q5g00000000{number:02d}EAA" for number in range(1, 6)]
OUT = "http://soap.sforce.com/2005/09/outbound"


def long_id(text: str) -> str:
    """As the connector's own: tested there."""
    return text if len(text) == 18 else f"{text}EAA" if text.startswith(("00Q", "04l")) else f"{text}EAO"


def a_caller(name: str = "salesforce", account: str = ORG, **more: Any) -> Caller:
    return Caller(
        name, account, frozenset({"Lead", "Contact"}), (f"LEADRELAY_{name.upper()}_HOOK_SECRET",), **more
    )


def the_house(*callers: Caller, **secrets: str) -> House:
    all_of = list(callers) or [a_caller()]
    hooks = Hooks(lambda kind: all_of if kind == "salesforce" else [], long_id)
    return a_house(hooks=hooks, secrets={"LEADRELAY_SALESFORCE_HOOK_SECRET": SECRET, **secrets})


def a_notification(number: int, record_id: str | None = None, kind: str = "sf:Lead", fields: str = "") -> str:
    record_id = LEADS[number - 1] if record_id is None else record_id
    return (
        f"<Notification><Id>04l5g00000000{number:02d}EAA</Id>"
        f'<sObject xsi:type="{kind}" xmlns:sf="urn:sobject.enterprise.soap.sforce.com">'
        f"<sf:Id>{record_id}</sf:Id>{fields}</sObject></Notification>"
    )


def an_envelope(*notifications: str, org: str = ORG, before: str = "") -> bytes:
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>{before}'
        '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" '
        'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><soapenv:Body>'
        f'<notifications xmlns="{OUT}"><OrganizationId>{org}</OrganizationId>'
        '<ActionId>04k000000000001AAA</ActionId><SessionId xsi:nil="true"/>'
        f"<EnterpriseUrl>https://x</EnterpriseUrl><PartnerUrl>https://y</PartnerUrl>{''.join(notifications)}"
        "</notifications></soapenv:Body></soapenv:Envelope>"
    ).encode()


def post(house: House, body: bytes, secret: str = SECRET, **headers: str):
    sent = {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": '""', **headers}
    return house.client.post(f"/hooks/salesforce/{secret}", data=body, headers=sent)


def is_acknowledged(answer) -> bool:
    ack = ElementTree.fromstring(answer.data).find(f".//{{{OUT}}}notificationsResponse/{{{OUT}}}Ack")
    return answer.status_code == 200 and ack is not None and ack.text == "true"


def test_each_notification_becomes_a_hint_and_one_answer_acknowledges_all():
    house = the_house()
    answer = post(house, an_envelope(*(a_notification(number) for number in range(1, 6))))
    assert is_acknowledged(answer)
    assert answer.mimetype == "text/xml"
    assert [hint_from(event.payload) for event in house.inbox.events] == [
        Hint("Lead", each) for each in LEADS
    ]
    event = house.inbox.events[0]
    assert (event.source, event.kind, event.occurred_at) == ("salesforce", EventKind.HINT, NOON)
    assert event.record == RecordRef("salesforce", "Lead", LEADS[0])


def test_what_a_message_says_of_a_record_is_not_kept():
    house = the_house()
    fields = "<sf:Email>evil@example.com</sf:Email><sf:OwnerId>005000000000001AAA</sf:OwnerId>"
    assert is_acknowledged(post(house, an_envelope(a_notification(1, fields=fields))))
    assert "evil" not in str(house.inbox.events)


def test_a_field_called_id_of_another_record_does_not_take_its_place():
    house = the_house()
    nested = f"<sf:Owner><sf:Id>{LEADS[4]}</sf:Id></sf:Owner>"
    assert is_acknowledged(post(house, an_envelope(a_notification(1, fields=nested))))
    assert [event.record.id for event in house.inbox.events] == [LEADS[0]]


def test_a_second_delivery_is_acknowledged_and_stored_once_in_any_order():
    house = the_house()
    told = [a_notification(number) for number in range(1, 6)]
    for envelope in (told, told[::-1], told[2:4]):
        assert is_acknowledged(post(house, an_envelope(*envelope)))
    assert len(house.inbox.events) == 5


def test_ids_of_fifteen_characters_are_those_of_eighteen():
    house = the_house()
    assert is_acknowledged(post(house, an_envelope(a_notification(1, LEADS[0][:15]), org=ORG[:15])))
    assert house.inbox.events[0].record.id == LEADS[0]
    house = the_house(a_caller(account=ORG[:15]))
    assert is_acknowledged(post(house, an_envelope(a_notification(1))))


@pytest.mark.parametrize("org", ["00D5g000000ABCeEAO", "00D5g000000abcdEAO", "x"])
def test_another_org_stays_out(org):
    house = the_house()
    answer = post(house, an_envelope(a_notification(1), org=org))
    assert (answer.status_code, answer.json["code"], house.inbox.events) == (401, "another_account", [])


def test_an_org_that_is_not_known_yet_is_taken_by_its_path():
    house = the_house(a_caller(account=""))
    assert is_acknowledged(post(house, an_envelope(a_notification(1))))


@pytest.mark.parametrize("secret", ["wrong", SECRET[:-1], SECRET + "x", "Zoë", "%00"])
def test_a_path_that_is_none_answers_like_any_other(secret):
    house = the_house()
    answer = post(house, an_envelope(a_notification(1)), secret)
    assert (answer.status_code, answer.json) == (404, house.client.get("/nothing").json)
    assert house.inbox.events == []


def test_without_a_secret_there_is_no_such_path():
    house = the_house(LEADRELAY_SALESFORCE_HOOK_SECRET="")
    for secret in ("", "x", "None"):
        assert post(house, an_envelope(a_notification(1)), secret).status_code in (404, 405)
    assert house.inbox.events == []


def test_of_two_orgs_the_path_tells_which():
    house = the_house(a_caller(), a_caller("emea", ""), LEADRELAY_EMEA_HOOK_SECRET="another-path-0002")
    assert is_acknowledged(post(house, an_envelope(a_notification(1)), "another-path-0002"))
    assert [event.source for event in house.inbox.events] == ["emea"]


def test_where_a_certificate_is_asked_for_the_proxy_must_vouch_for_it():
    house = the_house(a_caller(certificate=("X-Client-Verify", "SUCCESS")))
    for headers in ({}, {"X-Client-Verify": "FAILED"}, {"X-Client-Verify": "SUCCESS "}):
        answer = post(house, an_envelope(a_notification(1)), **headers)
        if headers.get("X-Client-Verify") != "SUCCESS ":  # HTTP itself trims a header
            assert (answer.status_code, answer.json["code"]) == (401, "certificate_missing")
    assert is_acknowledged(post(house, an_envelope(a_notification(1)), **{"X-Client-Verify": "SUCCESS"}))


@pytest.mark.parametrize("blank", [("", "SUCCESS"), ("X-Client-Verify", ""), ("", "")])
def test_a_certificate_of_which_a_part_is_blank_is_shown_by_nobody(blank):
    house = the_house(a_caller(certificate=blank))
    for headers in ({}, {"X-Client-Verify": "SUCCESS"}, {"X-Client-Verify": ""}):
        answer = post(house, an_envelope(a_notification(1)), **headers)
        assert (answer.status_code, answer.json["code"]) == (401, "certificate_missing")


@pytest.mark.parametrize(
    "notification",
    [
        a_notification(1, kind="sf:Task"),
        a_notification(1, kind="sf:Secret__c"),
        a_notification(1, ""),
        a_notification(1, "not an id"),
        a_notification(1, "x" * 100_000),
        a_notification(1).replace("04l", "04l/"),
    ],
)
def test_what_leads_to_nothing_is_acknowledged_and_holds_up_no_other(notification):
    house = the_house()
    assert is_acknowledged(post(house, an_envelope(notification, a_notification(2))))
    assert [event.record.id for event in house.inbox.events] == [LEADS[1]]


BOMB = (
    '<!DOCTYPE b [<!ENTITY a "aaaaaaaaaa">'
    + "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">'.replace("&a0;", "&a;") for n in range(1, 12))
    + "]>"
)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not xml",
        b"<a>",
        b"<a/>",
        b"\xff\xfe<\x00a\x00",
        an_envelope(),
        an_envelope(a_notification(1), org=""),
        an_envelope(a_notification(1)).replace(OUT.encode(), b"urn:another"),
        an_envelope(a_notification(1), before=BOMB).replace(LEADS[0].encode(), b"&a11;"),
        an_envelope(
            a_notification(1), before='<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]>'
        ).replace(LEADS[0].encode(), b"&f;"),
        an_envelope(a_notification(1), before='<!DOCTYPE x SYSTEM "http://127.0.0.1:1/x.dtd">'),
        an_envelope(a_notification(1)).replace(LEADS[0].encode(), b"&undeclared;"),
        an_envelope(a_notification(1), before=BOMB).decode().replace("UTF-8", "UTF-16").encode("utf-16"),
        an_envelope(a_notification(1, fields="<sf:a>" * 50_000)),
        an_envelope(a_notification(1))[:-20],
    ],
)
def test_what_is_no_such_message_is_refused_and_nothing_stored(body):
    house = the_house()
    answer = post(house, body)
    assert (answer.status_code, answer.json["code"], house.inbox.events) == (400, "malformed_message", [])


def test_a_message_that_is_too_large_is_refused():
    house = the_house()
    answer = post(house, an_envelope(a_notification(1, fields=f"<sf:D>{'x' * LARGEST}</sf:D>")))
    assert (answer.status_code, answer.json["code"]) == (413, "too_large")


def test_long_values_are_taken_and_escaped_markup_is_text():
    house = the_house()
    fields = f"<sf:Description>&lt;!DOCTYPE html&gt; {'x' * 131_072}</sf:Description>"
    assert is_acknowledged(post(house, an_envelope(a_notification(1, fields=fields))))


def test_a_store_that_cannot_commit_gives_no_acknowledgement():
    house = the_house()
    house.inbox.is_busy = True
    answer = post(house, an_envelope(a_notification(1)))
    assert (answer.status_code, answer.json["code"]) == (503, "store_busy")
    house.inbox.is_busy = False
    assert is_acknowledged(post(house, an_envelope(a_notification(1))))
    assert len(house.inbox.events) == 1
