"""Asking providers: what each answer means, the sandbox's and what no sandbox would say."""

from __future__ import annotations

import pytest

from connectors.enrichment import ask
from model.enrichment import LONGEST_ANSWER, Answered, Later, Refused, Request, Unknown
from tests.connectors.stub import Said, Stub
from tests.sandbox.messaging.conftest import Office, office

__all__ = ["office"]

KEY = {"X-Api-Key": "sandbox-enrichment-key"}
COMPANY = "/v5/company/enrich"


def company(office: Office, website: str, headers=KEY) -> Request:
    return Request("GET", office.url + COMPANY, headers, {"website": website})


def test_a_company_a_stranger_and_a_wrong_key(office):
    found = ask(company(office, "brightwater.example"))
    assert isinstance(found, Answered)
    assert (found.body["employee_count"], found.body["location"]["locality"]) == (180, "hamburg")
    assert ask(company(office, "nobody.example")) == Unknown()
    assert ask(company(office, "brightwater.example", {})) == Refused("HTTP 401 authentication_error")


@pytest.mark.parametrize(
    ("limits", "outcome"),
    [
        ({"limits": {"enrich_credits": 0}}, Refused("HTTP 402 payment_required")),
        ({"error_rate": 1, "error_status": 503}, Later("HTTP 503 api_error")),
        ({"drop_rate": 1}, Later("no answer: ConnectionError")),
    ],
)
def test_no_credit_a_failure_and_a_line_that_breaks(office, limits, outcome):
    office.post("faults", **limits)
    assert ask(company(office, "brightwater.example")) == outcome


def test_one_that_is_asked_too_often_says_for_how_long_it_wants_to_be_left_alone(office):
    office.freeze()
    office.post("faults", limits={"enrich_per_min": 1})
    assert isinstance(ask(company(office, "brightwater.example")), Answered)
    late = ask(company(office, "brightwater.example"))
    assert isinstance(late, Later)
    assert late.is_busy
    assert late.wait is not None
    assert 0 < late.wait <= 60


@pytest.mark.parametrize(
    ("said", "outcome"),
    [
        (Said(200, b"<html>"), Later("an answer that is no JSON")),
        (Said(200, [1]), Refused("an answer that is no JSON object")),
        (Said(200, b'"' + b"x" * LONGEST_ANSWER + b'"'), Refused("an answer of more than 1,048,576 bytes")),
        (Said(302, None, {"Location": "http://127.0.0.1:9/"}), Refused("HTTP 302")),  # never followed
        (Said(408), Later("HTTP 408")),
        (
            Said(400, {"error": {"code": "bad", "message": "ada@example.com is none"}}),
            Refused("HTTP 400 bad"),
        ),
        (
            Said(400, {"error": {"type": "ada@example.com", "code": "no +49 170 1234567"}}),
            Refused("HTTP 400 [e-mail] no [phone]"),
        ),
        (Said(200, b'{"a":' + b"[" * 90_000), Refused("an answer that is nested too deep")),
        (Said(503, b"[" * 90_000), Later("HTTP 503")),
    ],
)
def test_what_else_it_may_say(stub: Stub, said, outcome):
    stub.will_say(said)
    assert ask(Request("POST", stub.url, {}, {}, {"mail": "ada@example.com"})) == outcome
    [asked] = stub.asked
    assert (asked.method, asked.body) == ("POST", {"mail": "ada@example.com"})


def test_one_that_hangs_is_left_after_its_time(stub: Stub):
    stub.will_say(Said(200, {}, after=1.0))
    assert ask(Request("GET", stub.url, timeout=0.1)) == Later("no answer: ReadTimeout")


def test_what_cannot_be_sent_is_refused():
    for request in (Request("GET", "http://127.0.0.1:1/", {"X": "a\nb"}), Request("GET", "http://:x/")):
        assert isinstance(ask(request), Refused)
