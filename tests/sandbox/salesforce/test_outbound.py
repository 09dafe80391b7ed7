"""Outbound messages: what is sent, when it is sent again, and when it is given up."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from xml.etree import ElementTree

import pytest
import requests

from sandbox.salesforce import ORG_ID
from tests.waiting import eventually

OUT = "{http://soap.sforce.com/2005/09/outbound}"
SF = "{urn:sobject.enterprise.soap.sforce.com}"
XSI = "{http://www.w3.org/2001/XMLSchema-instance}"
ACK = (
    b'<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope '
    b'xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"><soapenv:Body>'
    b'<notificationsResponse xmlns="http://soap.sforce.com/2005/09/outbound"><Ack>%s</Ack>'
    b"</notificationsResponse></soapenv:Body></soapenv:Envelope>"
)
YES, NO = (200, ACK % b"true"), (200, ACK % b"false")


class Listener:
    """Keeps the envelopes that arrive and answers as told; then always yes."""

    def __init__(self) -> None:
        self.envelopes: list[ElementTree.Element] = []
        self.headers: list[dict[str, str]] = []
        self.answers: list[tuple[int, bytes]] = []
        listener = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                listener.headers.append({name.lower(): value for name, value in self.headers.items()})
                listener.envelopes.append(ElementTree.fromstring(body))
                status, answer = listener.answers.pop(0) if listener.answers else YES
                self.send_response(status)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def notifications(self, envelope: int = -1) -> list[tuple[str, dict[str, str]]]:
        """Id and fields of the notifications of one envelope."""
        return [
            (
                str(one.findtext(f"{OUT}Id")),
                {field.tag.removeprefix(SF): str(field.text) for field in one.find(f"{OUT}sObject")},  # type: ignore[union-attr]
            )
            for one in self.envelopes[envelope].iter(f"{OUT}Notification")
        ]


@pytest.fixture
def listener() -> Iterator[Listener]:
    made = Listener()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def tell(api, listener):
    """Set up an outbound message for leads; returns how to send what is due."""
    api.control("clock", {"now": "2026-11-21T10:00:00Z", "frozen": True})

    def set_up(**more):
        rule = {
            "object": "Lead", "fields": ["Title", "Id", "Email", "DoNotCall", "SystemModstamp"],
            "url": listener.url, "send_by_itself": False, **more,
        }  # fmt: skip
        made = api.control("outbound-messages", rule)
        assert made.status_code == 201, made.text
        return made.json()["id"]

    return set_up


def send(api, *, after=0):
    if after:
        api.control("clock", {"advance": after})
    return api.control("outbound-messages/send", {}).json()["envelopes"]


def test_an_envelope_has_the_recorded_shape(api, listener, tell):
    action = tell()
    lead = api.lead(Title="CTO & <more>")
    assert send(api) == 1
    [envelope] = listener.envelopes
    told = envelope.find(f".//{OUT}notifications")
    assert [child.tag.removeprefix(OUT) for child in told] == [
        "OrganizationId", "ActionId", "SessionId", "EnterpriseUrl", "PartnerUrl", "Notification",
    ]  # fmt: skip
    assert (told.findtext(f"{OUT}OrganizationId"), told.findtext(f"{OUT}ActionId")) == (ORG_ID, action)
    assert told.find(f"{OUT}SessionId").get(f"{XSI}nil") == "true"
    assert told.findtext(f"{OUT}PartnerUrl").endswith(f"/services/Soap/u/68.0/{ORG_ID[:15]}")
    assert told.find(f".//{OUT}sObject").get(f"{XSI}type") == "sf:Lead"
    [(notification, fields)] = listener.notifications()
    assert notification.startswith("04l")
    assert list(fields.items()) == [
        ("Id", lead), ("DoNotCall", "false"), ("SystemModstamp", "2026-11-21T10:00:00.000Z"),
        ("Title", "CTO & <more>"),
    ]  # fmt: skip
    assert (listener.headers[0]["soapaction"], listener.headers[0]["content-type"]) == (
        '""', "text/xml; charset=utf-8",
    )  # fmt: skip


def test_up_to_a_hundred_notifications_travel_together(api, listener, tell):
    tell()
    records = [{"attributes": {"type": "Lead"}, "LastName": str(n), "Company": "x"} for n in range(150)]
    api.post("composite/sobjects", {"records": records})
    assert send(api) == 2
    assert [len(listener.notifications(n)) for n in (0, 1)] == [100, 50]
    assert send(api) == 0


@pytest.mark.parametrize("answer", [NO, (500, ACK % b"true"), (200, b"ok"), (202, ACK % b"true")])
def test_what_is_not_acknowledged_comes_again_with_the_latest_data(api, listener, tell, answer):
    tell(on=["create"])
    listener.answers = [answer]
    lead = api.lead(Title="old")
    send(api)
    api.patch(f"sobjects/Lead/{lead}", {"Title": "new"})
    assert send(api, after=14) == 0
    assert send(api, after=1) == 1
    (first, old), (second, new) = listener.notifications(0)[0], listener.notifications(1)[0]
    assert (first == second, old["Title"], new["Title"]) == (True, "old", "new")
    assert api.control("outbound-messages").json()["waiting"] == []


def test_the_intervals_grow_to_two_hours_and_end_after_a_day(api, listener, tell):
    tell()
    listener.answers = [NO] * 100
    api.lead()
    send(api)
    waits, hours = [], 0.0
    while waiting := api.control("outbound-messages").json()["waiting"]:
        now = api.control("clock").json()["now"]
        wait = (time_of(waiting[0]["due_at"]) - time_of(now)).total_seconds()
        waits.append(wait)
        hours += wait / 3600
        send(api, after=wait)
    assert waits[:4] == [15, 30, 60, 120]
    assert waits == sorted(waits)
    assert max(waits) == 7200
    assert 24 <= hours <= 26
    assert api.control("outbound-messages").json()["counts"]["dropped"] == 1


def time_of(text):
    from datetime import datetime

    return datetime.fromisoformat(text)


def test_nobody_listens_and_then_somebody_does(api, listener, tell):
    tell(url="http://127.0.0.1:9/")
    api.lead()
    assert send(api) == 1
    [waiting] = api.control("outbound-messages").json()["waiting"]
    assert waiting["attempts"] == 1


def test_deletes_are_never_told_nor_records_that_are_gone(api, listener, tell):
    tell()
    lead = api.lead()
    api.delete(f"sobjects/Lead/{lead}")
    assert send(api) == 0
    assert api.control("outbound-messages").json()["counts"]["gone"] == 1


def test_an_update_by_a_person_is_told_but_not_what_is_derived(api, listener, tell):
    tell(on=["update"])
    lead = api.lead()
    api.make("Task", WhoId=lead, Status="Completed", ActivityDate="2026-11-20")
    assert send(api) == 0
    api.control("act/edit", {"object": "Lead", "id": lead, "fields": {"Title": "CTO"}})
    assert send(api) == 1
    assert listener.notifications()[0][1]["Title"] == "CTO"


def test_messages_may_come_twice_and_out_of_order(api, listener, tell):
    tell(batch=1, reorder=True, duplicate_rate=1.0, seed=3)
    leads = [api.lead() for _ in range(6)]
    send(api)
    send(api)
    assert send(api) == 0
    told = [listener.notifications(n)[0] for n in range(12)]
    order = [fields["Id"] for _, fields in told[:6]]
    assert sorted(order) == sorted(leads)
    assert order != leads
    assert sorted(one for one, _ in told[:6]) == sorted(one for one, _ in told[6:]), "the same ids again"


def test_the_faults_of_pushes_hold_for_every_message(api, listener, tell):
    tell()
    api.fault(push_delay_ms=5_000, push_duplicate_rate=1)
    api.lead()
    assert [send(api), send(api, after=5), send(api), send(api)] == [0, 1, 1, 0]
    assert listener.notifications(0)[0][0] == listener.notifications(1)[0][0]


def test_a_session_is_sent_only_where_asked_for(api, listener, tell):
    tell(send_session_id=True)
    api.lead()
    send(api)
    session = listener.envelopes[0].findtext(f".//{OUT}SessionId")
    headers = {"Authorization": f"Bearer {session}"}
    assert (
        requests.get(f"{api.url}/services/data/v68.0/limits", headers=headers, timeout=60).status_code == 200
    )


def test_by_itself_a_message_goes_out_at_once_and_again_when_the_clock_says(api, listener, tell):
    tell(send_by_itself=True)
    listener.answers = [NO]
    api.lead()
    eventually(lambda: len(listener.envelopes) == 1)
    eventually(lambda: api.control("outbound-messages").json()["waiting"][0]["attempts"] == 1)
    api.control("clock", {"advance": 15})
    eventually(lambda: len(listener.envelopes) == 2)
    eventually(lambda: api.control("outbound-messages").json()["waiting"] == [])


@pytest.mark.parametrize(
    "rule",
    [
        {"object": "Shoe", "url": "http://127.0.0.1/"}, {"object": "Lead", "url": "mailto:x"},
        {"object": "Lead", "url": "http://127.0.0.1/", "fields": ["Shoe"]},
        {"object": "Lead", "url": "http://127.0.0.1/", "batch": 101},
        {"object": "Lead", "url": "http://127.0.0.1/", "colour": "blue"},
    ],
)  # fmt: skip
def test_rules_that_cannot_be(api, rule):
    refused = api.control("outbound-messages", rule)
    assert (refused.status_code, refused.json()["code"]) == (400, "bad_rule")


def test_rules_end_by_a_delete_and_by_a_reset(api, listener, tell):
    tell()
    requests.delete(f"{api.url}/__sandbox/outbound-messages", timeout=60)
    api.lead()
    assert api.control("outbound-messages").json()["rules"] == []
    assert send(api) == 0
