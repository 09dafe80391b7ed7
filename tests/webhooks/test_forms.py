"""The receiver: which event a post becomes, what its sender hears, and what browsers may do."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

import pytest

from mappings.playbook import Captcha, SourceAuth
from model.event import CAPTCHA_TOKEN
from tests.builders import a_source
from tests.webhooks.house import HERE, NOON, a_house, sources_of

ADA = {"email": "ada@example.com"}
BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}


def test_a_post_is_answered_202_with_its_event_once_it_is_stored():
    house = a_house()
    answer = house.client.post("/in/website", json=ADA)
    [event] = house.inbox.events
    assert (answer.status_code, answer.json) == (202, {"event": event.event_id, "duplicate": False})
    assert (event.source, event.kind, event.space, event.received_at) == ("website", "intake", "main", NOON)
    assert event.event_id.startswith("evt_")


def test_a_post_is_not_answered_before_it_is_stored():
    house = a_house()
    house.inbox.is_busy = True
    answer = house.client.post("/in/website", json=ADA)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert answer.json["code"] == "store_busy"
    assert "nothing was taken" in answer.json["message"]
    assert "payloads" not in answer.text


def test_the_same_body_within_the_window_is_the_same_event():
    house = a_house(a_source(dedupe_window=timedelta(minutes=10)))
    first = house.client.post("/in/website", data='{"a":1,"b":2}', content_type="application/json").json
    again = house.client.post("/in/website", data='{"b": 2, "a": 1}', content_type="application/json").json
    assert again == {"event": first["event"], "duplicate": True}
    other = house.client.post("/in/website?utm_source=x", json={"a": 1, "b": 2}).json
    assert other["duplicate"] is False
    house.clock.at += timedelta(minutes=10)
    later = house.client.post("/in/website", json={"a": 1, "b": 2}).json
    assert later["duplicate"] is False


def test_the_hash_is_over_body_and_query_in_canonical_form():
    house = a_house()
    house.client.post("/in/website?q=1", json={"b": "ü", "a": [1]})
    [event] = house.inbox.events
    assert event.body_hash == hashlib.sha256(b'[{"a":[1],"b":"\\u00fc"},{"q":"1"}]').hexdigest()
    assert event.hash_expires_at == NOON + timedelta(minutes=10)


def test_the_token_of_a_captcha_is_no_part_of_the_post_and_another_one_is_another_try():
    captcha = Captcha("website", "turnstile", HERE, "X", "cf-turnstile-response")
    house = a_house(a_source(captcha=captcha))
    told = []
    for token in ("t1", "t1", ["", "t2"], None):
        body = ADA | ({"cf-turnstile-response": token} if token else {})
        told.append(house.client.post("/in/website", json=body).json["duplicate"])
    assert told == [False, True, False, False]
    found = [(event.payload["body"], event.payload[CAPTCHA_TOKEN]) for event in house.inbox.events]
    assert found == [(ADA, "t1"), (ADA, "t2"), (ADA, "")]


@pytest.mark.parametrize(
    ("source", "headers", "body", "event_id"),
    [
        (a_source(id_header="X-Id"), {"X-Id": " abc "}, {}, "abc"),
        (a_source(id_path="meta.id"), {}, {"meta": {"id": "abc"}}, "abc"),
        (a_source(id_path="meta.id"), {}, {"meta": {"id": 42}}, "42"),
        (a_source(id_path="id"), {}, {"id": "x\0y"}, "x\ufffdy"),
        (a_source(id_header="X-Id", id_path="id"), {"X-Id": "head"}, {"id": "body"}, "head"),
        (a_source(id_header="X-Id", id_path="id"), {}, {"id": "body"}, "body"),
        (a_source(id_path="id"), {}, {"id": "x" * 200}, "x" * 200),
        (a_source(id_path="id"), {}, {"id": "x" * 201}, f"sha256:{hashlib.sha256(b'x' * 201).hexdigest()}"),
    ],
)
def test_the_senders_id_names_the_event(source, headers, body, event_id):
    house = a_house(source)
    assert house.client.post("/in/website", json=body, headers=headers).json["event"] == event_id
    [event] = house.inbox.events
    assert (event.body_hash, event.hash_expires_at) == (None, None)
    assert house.client.post("/in/website", json={**body, "n": 2}, headers=headers).json["duplicate"] is True


@pytest.mark.parametrize("value", [None, "", "  ", True, 1.5, [], ["a"], {"id": "a"}])
def test_what_is_no_id_is_as_good_as_none(value):
    house = a_house(a_source(id_path="id"))
    assert house.client.post("/in/website", json={"id": value}).json["event"].startswith("evt_")
    assert house.inbox.events[0].body_hash


@pytest.mark.parametrize(
    ("value", "moment"),
    [
        ("2026-11-21T10:00:00Z", datetime(2026, 11, 21, 10, tzinfo=UTC)),
        ("2026-11-21T10:00:00+02:00", datetime(2026, 11, 21, 8, tzinfo=UTC)),
        ("2026-11-21 10:00", datetime(2026, 11, 21, 10, tzinfo=UTC)),
        ("20261120", datetime(2026, 11, 20, tzinfo=UTC)),
        (1_700_000_000, datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)),
        (1_700_000_000_500, datetime(2023, 11, 14, 22, 13, 20, 500_000, tzinfo=UTC)),
        ("1700000000", datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)),
        ("1700000000.5", datetime(2023, 11, 14, 22, 13, 20, 500_000, tzinfo=UTC)),
        ("2030-01-01T00:00:00Z", NOON),
        (9_999_999_999_999, NOON),
        (-1, NOON),
        ("0001-01-01T00:00:00+14:00", NOON),
        ("yesterday", NOON),
        ("9" * 400, NOON),
        (10**250, NOON),
        (True, NOON),
        (None, NOON),
        ([], NOON),
    ],
)
def test_the_senders_moment_is_taken_where_it_can_be_read_and_is_not_to_come(value, moment):
    house = a_house(a_source(occurred_at_path="meta.at"))
    assert house.client.post("/in/website", json={"meta": {"at": value}}).status_code == 202
    assert house.inbox.events[0].occurred_at == moment


def test_an_unknown_source_is_not_found_and_the_known_ones_are_not_told():
    answer = a_house(a_source("secret-fair")).client.post("/in/website", json=ADA)
    assert (answer.status_code, answer.json["code"]) == (404, "unknown_source")
    assert "secret-fair" not in answer.text


def test_a_reloaded_playbook_is_in_force_at_once():
    house = a_house()
    assert house.client.post("/in/fair", json=ADA).status_code == 404
    house.playbook = sources_of(a_source("fair"))
    assert house.client.post("/in/fair", json=ADA).status_code == 202


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
def test_other_methods_are_refused_as_json(method):
    answer = a_house().client.open("/in/website", method=method)
    assert (answer.status_code, answer.json["code"]) == (405, "method_not_allowed")
    assert "POST" in answer.headers["Allow"]


def test_head_is_refused():
    assert a_house().client.head("/in/website").status_code == 405


def test_a_plain_form_in_a_browser_is_sent_to_the_sources_page():
    house = a_house(a_source(redirect="https://example.com/thanks?from=form"))
    answer = house.client.post("/in/website", data=ADA, headers=BROWSER)
    assert (answer.status_code, answer.headers["Location"]) == (303, "https://example.com/thanks?from=form")
    assert answer.mimetype == "application/json"
    assert len(house.inbox.events) == 1


@pytest.mark.parametrize(
    ("redirect", "accept"),
    [("https://example.com/", {"Accept": "*/*"}), ("https://example.com/", {}), (None, BROWSER)],
)
def test_a_script_gets_json_even_where_a_page_is_set(redirect, accept):
    assert (
        a_house(a_source(redirect=redirect)).client.post("/in/website", json=ADA, headers=accept).status_code
        == 202
    )


def test_a_browser_is_told_of_a_refusal_as_json():
    answer = a_house(a_source(redirect="https://example.com/")).client.post(
        "/in/website", data="[]", content_type="application/json", headers=BROWSER
    )
    assert (answer.status_code, answer.mimetype) == (422, "application/json")


LISTED = a_source(cors=("https://example.com",), id_header="X-Id")


def test_a_page_of_a_listed_origin_may_post():
    house = a_house(LISTED)
    answer = house.client.options("/in/website", headers={"Origin": "https://example.com"})
    assert answer.status_code == 204
    assert answer.headers["Access-Control-Allow-Origin"] == "https://example.com"
    assert answer.headers["Access-Control-Allow-Methods"] == "POST"
    assert answer.headers["Access-Control-Allow-Headers"] == "Content-Type, X-Id"
    assert answer.headers["Vary"] == "Origin"
    posted = house.client.post("/in/website", json=ADA, headers={"Origin": "https://example.com"})
    assert posted.headers["Access-Control-Allow-Origin"] == "https://example.com"
    refused = house.client.post("/in/website", json=[], headers={"Origin": "https://example.com"})
    assert refused.headers["Access-Control-Allow-Origin"] == "https://example.com"
    assert "Access-Control-Allow-Credentials" not in posted.headers


@pytest.mark.parametrize("origin", ["https://evil.example", "https://example.com.evil.example", "null", ""])
def test_a_page_of_another_origin_may_not(origin):
    house = a_house(LISTED)
    for answer in (
        house.client.options("/in/website", headers={"Origin": origin}),
        house.client.post("/in/website", json=ADA, headers={"Origin": origin}),
    ):
        assert not [name for name, _ in answer.headers if name.startswith("Access-Control")]
        assert answer.headers["Vary"] == "Origin"


def test_any_origin_may_where_the_source_says_so():
    answer = a_house(a_source(cors=("*",))).client.options("/in/website", headers={"Origin": "null"})
    assert answer.headers["Access-Control-Allow-Origin"] == "*"


def test_a_source_without_origins_says_nothing_to_browsers():
    answer = a_house().client.post("/in/website", json=ADA, headers={"Origin": "https://example.com"})
    assert "Vary" not in answer.headers
    assert "Access-Control-Allow-Origin" not in answer.headers


def test_a_bearer_token_may_be_sent_by_a_listed_page():
    auth = SourceAuth("token", HERE, secret_env="IN_SECRET", header="Authorization")
    answer = a_house(a_source(auth=auth, cors=("*",))).client.options("/in/website")
    assert answer.headers["Access-Control-Allow-Headers"] == "Content-Type, Authorization"


def test_an_unexpected_error_is_json_and_logged_without_the_body(capsys):
    house = a_house()

    def broken(events):
        raise RuntimeError("disk on fire")

    house.inbox.append = broken
    answer = house.client.post("/in/website", json=ADA)
    assert (answer.status_code, answer.json["code"]) == (500, "internal")
    assert "disk on fire" not in answer.text
    logged = "".join(capsys.readouterr())  # whichever stream the log goes to
    assert "http.failed" in logged
    assert "disk on fire" in logged
    assert "Traceback" in logged
    assert "ada@example.com" not in logged
