"""Each ready-made source: what its sender really posts goes through the receiver and becomes the right lead.

The proofs are computed here by hand, from what the vendors' pages say, not by the code that checks them.
"""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import hmac
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mappings import lead_ads, presets
from mappings.compile import load
from mappings.inward import read
from mappings.playbook import Playbook
from mappings.reading import Reading
from mappings.starter import write_starter
from model.event import LEAD_READ, StoredEvent
from tests.webhooks.house import NOON, House, a_house

FIXTURES = Path(__file__).parents[1] / "fixtures" / "presets"
SECRET = "a secret of the tool's"
NOW = int(NOON.timestamp())
Headers = dict[str, str]


def posted(preset: str, fixture: str) -> dict[str, Any]:
    return json.loads((FIXTURES / preset / f"{fixture}.json").read_text(encoding="utf-8"))


def mac(message: bytes, algorithm: Any = hashlib.sha256, secret: str = SECRET) -> bytes:
    return hmac.new(secret.encode(), message, algorithm).digest()


def typeform(body: bytes, at: int, secret: str) -> Headers:
    return {"Typeform-Signature": "sha256=" + base64.b64encode(mac(body, secret=secret)).decode()}


def webflow(body: bytes, at: int, secret: str) -> Headers:
    stamp = str(at * 1000 + 250)
    signature = mac(stamp.encode() + b":" + body, secret=secret).hex()
    return {"x-webflow-timestamp": stamp, "x-webflow-signature": signature}


def zoom(body: bytes, at: int, secret: str) -> Headers:
    signature = mac(b"v0:" + str(at).encode() + b":" + body, secret=secret).hex()
    return {"x-zm-request-timestamp": str(at), "x-zm-signature": f"v0={signature}"}


def calendly(body: bytes, at: int, secret: str) -> Headers:
    signature = mac(str(at).encode() + b"." + body, secret=secret).hex()
    return {"Calendly-Webhook-Signature": f"t={at},v1={signature}"}


def segment(body: bytes, at: int, secret: str) -> Headers:
    return {"X-Signature": mac(body, hashlib.sha1, secret).hex()}


def facebook(body: bytes, at: int, secret: str) -> Headers:
    return {"X-Hub-Signature-256": f"sha256={mac(body, secret=secret).hex()}"}


def linkedin(body: bytes, at: int, secret: str) -> Headers:
    return {"X-LI-Signature": mac(b"hmacsha256=" + body, secret=secret).hex()}


def bearer(body: bytes, at: int, secret: str) -> Headers:
    return {"Authorization": f"Bearer {secret}"}


def api_key(body: bytes, at: int, secret: str) -> Headers:
    return {"X-Api-Key": secret}


PROOFS: dict[str, Callable[[bytes, int, str], Headers]] = {
    "calendly": calendly,
    "facebook_lead_ads": facebook,
    "gravity_forms": api_key,
    "json": bearer,
    "linkedin_lead_gen": linkedin,
    "segment": segment,
    "typeform": typeform,
    "unbounce": api_key,
    "webflow": webflow,
    "zapier": api_key,
    "zoom_webinar": zoom,
}
IN_THE_ADDRESS = ("form", "jotform")
TIMED = {"calendly": 180, "webflow": 300, "zoom_webinar": 300}  # seconds of tolerance
AS_FORM = {"form": "application/x-www-form-urlencoded", "unbounce": "application/x-www-form-urlencoded"}
AS_FORM["jotform"] = "multipart/form-data"


@pytest.fixture(scope="module")
def playbook(tmp_path_factory: pytest.TempPathFactory) -> Playbook:
    """The starter with every preset in it; ``load`` raises where `leadrelay check` would complain."""
    folder = tmp_path_factory.mktemp("presets") / "playbook"
    write_starter(folder)
    for name in presets.names():
        presets.write(presets.read(name), folder)
    return load(folder)


def house_of(playbook: Playbook) -> House:
    house = a_house()
    house.playbook = playbook
    house.secrets.update({source.auth.secret_env: SECRET for source in playbook.sources.values()})
    return house


def send(house: House, preset: str, body: dict[str, Any], *, secret: str = SECRET, at: int = NOW) -> Any:
    """Post as the sender does: its encoding, its proof."""
    address = f"/in/{preset}" + (f"?key={secret}" if preset in IN_THE_ADDRESS else "")
    if preset in AS_FORM:
        headers = PROOFS[preset](b"", at, secret) if preset in PROOFS else {}
        return house.client.post(address, data=body, content_type=AS_FORM[preset], headers=headers)
    if preset == "google_ads":
        body = body | {"google_key": secret}
    raw = json.dumps(body, ensure_ascii=False).encode()
    headers = PROOFS[preset](raw, at, secret) if preset in PROOFS else {}
    return house.client.post(address, data=raw, content_type="application/json", headers=headers)


def reading(playbook: Playbook, house: House) -> Reading:
    [event] = house.inbox.events
    return read(StoredEvent(1, event, 0, NOON, 1), playbook)


LEADS: list[tuple[str, str, dict[str, Any], dict[str, str], tuple[str, str] | None, str, str]] = [
    # preset, fixture, fields, touch, activity and its detail, sender's id, when it happened
    (
        "json",
        "demo",
        {
            "email": "nadia.brandt@kelpworks.example",
            "first_name": "Nadia",
            "last_name": "Brandt",
            "phone": "+4930901820",
            "title": "Head of Operations",
            "company": "Kelpworks GmbH",
            "country": "DE",
            "message": "How do you count seats?",
        },
        {"source": "newsletter", "medium": "email", "campaign": "autumn", "channel": "email"},
        ("demo_request", "Book a tour"),
        "post-81",
        "11:40:00",
    ),
    (
        "form",
        "contact",
        {
            "email": "nadia.brandt@kelpworks.example",
            "first_name": "Nadia",
            "last_name": "Brandt",
            "phone": "+4930901820",
            "title": "Head of Operations",
            "company": "Kelpworks GmbH",
            "country": "DE",
            "message": "How do you count seats?",
            "consent_email": True,
        },
        {
            "source": "bing",
            "medium": "cpc",
            "landing_page": "https://www.northlight.example/contact",
            "channel": "paid_search",
        },
        ("contact_sales", "Book a tour"),
        "",
        "12:00:00",
    ),
    (
        "zapier",
        "row",
        {
            "email": "tomas.rehak@orbitfoods.example",
            "first_name": "Tomáš",
            "last_name": "Řehák",
            "company": "Orbit Foods",
            "phone": "+420224221111",
            "lead_source": "Trade show",
        },
        {"source": "trade-show", "campaign": "Food Expo", "channel": "other"},
        ("demo_request", "Stand 14"),
        "zap-7781",
        "12:00:00",
    ),
    (
        "typeform",
        "submission",
        {
            "email": "ingrid.solheim@fjordbyte.example",
            "first_name": "Ingrid",
            "last_name": "Solheim",
            "phone": "+4722334455",
            "employees": 51,
        },
        {"source": "linkedin", "medium": "paid-social", "campaign": "q4-launch", "channel": "paid_social"},
        ("contact_sales", "Tell us about your team"),
        "m4w8v2zq0c7r",
        "11:52:41",
    ),
    (
        "typeform",
        "by_kind",
        {"email": "olu.adeyemi@brightcrop.example"},
        {"channel": "direct"},
        ("contact_sales", "Short form"),
        "t2",
        "11:53:00",
    ),
    (
        "webflow",
        "submission",
        {
            "email": "lucia.ferrer@solvento.example",
            "first_name": "Lucía",
            "last_name": "Ferrer",
            "phone": "+34911234567",
            "company": "Solvento",
            "message": "Two hundred seats.",
        },
        {"channel": "direct"},
        ("contact_sales", "Ask for a quote"),
        "66bb7201",
        "11:30:05.250000",
    ),
    (
        "jotform",
        "submission",
        {
            "email": "amara.okoye@lagoontech.example",
            "first_name": "Amara",
            "last_name": "Okoye",
            "phone": "+2348031234567",
            "company": "Lagoon Tech",
            "message": "We resell.",
        },
        {"channel": "direct"},
        ("contact_sales", "Partner enquiry"),
        "6101234567890123456",
        "12:00:00",
    ),
    (
        "unbounce",
        "submission",
        {
            "email": "mateo.rios@andesfreight.example",
            "first_name": "Mateo",
            "last_name": "Ríos",
            "company": "Andes Freight",
        },
        {
            "source": "google",
            "medium": "cpc",
            "campaign": "guide",
            "landing_page": "http://go.northlight.example/guide",
            "channel": "paid_search",
        },
        ("content_download", "Guide to lead handling"),
        "",
        "12:00:00",
    ),
    (
        "gravity_forms",
        "entry",
        {
            "email": "hana.sato@kitsuneworks.example",
            "first_name": "Hana",
            "last_name": "Sato",
            "phone": "+81312345678",
            "company": "Kitsune Works",
            "message": "Please call.",
        },
        {
            "source": "facebook",
            "medium": "paid",
            "landing_page": "https://www.northlight.example/contact/",
            "channel": "paid_social",
        },
        ("contact_sales", "6"),
        "4127",
        "11:20:30",
    ),
    (
        "google_ads",
        "lead",
        {
            "email": "egle.k@balticstone.example",
            "first_name": "Eglė",
            "last_name": "Kazlauskaitė",
            "phone": "+37052123456",
            "company": "Baltic Stoneware",
            "country": "LT",
            "lead_source": "Google Ads",
        },
        {
            "source": "google",
            "medium": "cpc",
            "campaign": "21887766554",
            "content": "7001",
            "click_id": "Cj0KCQ_x1",
            "click_id_kind": "gclid",
            "channel": "paid_search",
        },
        ("contact_sales", "90210443"),
        "TeSter-9d1f",
        "11:10:00",
    ),
    (
        "zoom_webinar",
        "registered",
        {
            "email": "piotr.zielinski@visteldata.example",
            "first_name": "Piotr",
            "last_name": "Zieliński",
            "company": "Vistel Data",
            "title": "RevOps Lead",
            "country": "PL",
            "employees": 101,
        },
        {"source": "zoom", "campaign": "Leads without leaks", "channel": "event"},
        ("webinar_registration", "Leads without leaks"),
        "",
        "11:00:00",
    ),
    (
        "zoom_webinar",
        "joined",
        {"email": "piotr.zielinski@visteldata.example"},
        {"source": "zoom", "campaign": "Leads without leaks", "channel": "event"},
        ("webinar_attended", "Leads without leaks"),
        "",
        "11:05:00",
    ),
    *[
        (
            "calendly",
            fixture,
            {
                "email": "samira.haddad@cedarpay.example",
                "first_name": "Samira",
                "last_name": "Haddad",
                "phone": "+9611234567",
                "company": "Cedar Pay",
            },
            {"source": "partner-mail", "medium": "email", "campaign": "autumn", "channel": "email"},
            (kind, "30 minutes with sales"),
            "",
            at,
        )
        for fixture, kind, at in (
            ("created", "meeting_booked", "11:58:00"),
            ("canceled", "meeting_canceled", "11:59:00"),
            ("moved", "meeting_moved", "11:59:30"),
        )
    ],
    *[
        (
            "segment",
            fixture,
            fields | {"email": "jonas.weiss@alpenlog.example"},
            {
                "source": "google",
                "medium": "cpc",
                "campaign": "winter",
                "term": "lead router",
                "content": "blue",
                "landing_page": "https://www.northlight.example/pricing",
                "referrer": "https://www.google.com/",
                "channel": "paid_search",
            },
            activity,
            event_id,
            at,
        )
        for fixture, fields, activity, event_id, at in (
            (
                "identify",
                {
                    "first_name": "Jonas",
                    "last_name": "Weiss",
                    "title": "CTO",
                    "company": "Alpenlog AG",
                    "employees": 320,
                    "country": "CH",
                    "city": "Zürich",
                },
                None,
                "ajs-0a1",
                "11:00:10",
            ),
            ("track", {}, ("demo_request", "Pricing"), "ajs-0a2", "11:01:10"),
        )
    ],
]


@pytest.mark.parametrize(
    ("preset", "fixture", "fields", "touch", "activity", "event_id", "at"),
    LEADS,
    ids=[f"{row[0]}-{row[1]}" for row in LEADS],
)
def test_a_senders_post_becomes_the_lead(playbook, preset, fixture, fields, touch, activity, event_id, at):
    house = house_of(playbook)
    answer = send(house, preset, posted(preset, fixture))
    assert answer.status_code == playbook.sources[preset].success_status
    found = reading(playbook, house)
    assert dict(found.fields) == fields
    assert {name: text for name, text in dict(found.touch.fields).items() if text} == touch
    assert [(one.kind, one.detail) for one in found.activities] == ([activity] if activity else [])
    assert found.problems == ()
    event = found.stored.event
    assert f"{event.occurred_at:%H:%M:%S}" + (f".{event.occurred_at:%f}" if "." in at else "") == at
    assert (event.event_id == event_id) if event_id else (event.body_hash is not None)
    assert SECRET not in json.dumps([dict(event.payload), answer.json], ensure_ascii=False)
    assert send(house, preset, posted(preset, fixture)).json["duplicate"] is True
    assert len(house.inbox.events) == 1


NAMED = {  # presets whose posts only name a lead: its number, fields, touch, and the detail of its activity
    "facebook_lead_ads": (
        "560000000000077",
        {
            "email": "amara.nwosu@palmworks.example",
            "first_name": "Amara",
            "last_name": "Nwosu",
            "phone": "+442071838750",
            "company": "Palmworks Ltd",
        },
        {"source": "facebook", "medium": "paid-social", "channel": "paid_social"},
        "770000000000003",
    ),
    "linkedin_lead_gen": (
        "7c0f3d11-5a40-4f77-9d6e-2b1a6c9e0b42-4",
        {"email": "joao.reis@serralta.example", "first_name": "João", "last_name": "Reis"},
        {"source": "linkedin", "medium": "paid-social", "campaign": "Autumn demo", "channel": "paid_social"},
        "Autumn demo",
    ),
}


@pytest.mark.parametrize("preset", NAMED)
def test_a_notice_is_known_by_its_number_and_its_lead_is_read_like_a_post(playbook, preset):
    number, fields, touch, detail = NAMED[preset]
    house = house_of(playbook)
    assert send(house, preset, posted(preset, "notice")).json == {
        "events": [{"event": number, "duplicate": False}]
    }
    assert send(house, preset, posted(preset, "notice")).json["events"][0]["duplicate"] is True
    [event] = house.inbox.events
    assert f"{event.occurred_at:%Y-%m-%d %H:%M:%S}" == "2026-11-21 11:42:20"
    told = event.payload["body"]
    body = lead_ads.body_of(playbook.sources[preset].lead_ads.kind, told, posted(preset, "lead"))
    whole = dataclasses.replace(event, payload={**event.payload, "body": body, LEAD_READ: "x"})
    found = read(StoredEvent(1, whole, 0, NOON, 1), playbook)
    assert (dict(found.fields), found.problems, found.notice) == (fields, (), "")
    assert {name: text for name, text in dict(found.touch.fields).items() if text} == touch
    assert [one.detail for one in found.activities] == [detail]


def test_several_leads_in_one_post_are_as_many_events_and_other_news_are_none(playbook):
    house = house_of(playbook)
    body = posted("facebook_lead_ads", "notice")
    [entry] = body["entry"]
    [change] = entry["changes"]
    other = {**change, "value": {**change["value"], "leadgen_id": "2"}}
    news = {"field": "feed", "value": {"item": "post"}}
    body["entry"] = [{**entry, "changes": [change, news]}, {**entry, "changes": [other]}]
    answer = send(house, "facebook_lead_ads", body)
    assert [one["event"] for one in answer.json["events"]] == ["560000000000077", "2"]
    assert len(house.inbox.events) == 2
    gone = posted("linkedin_lead_gen", "notice") | {"leadAction": "DELETED"}
    assert send(house, "linkedin_lead_gen", gone).json == {"events": []}


@pytest.mark.parametrize("number", [None, "", "../me", "1?fields=x", ["1"]])
def test_a_notice_that_names_no_lead_is_refused(playbook, number):
    house = house_of(playbook)
    body = posted("facebook_lead_ads", "notice")
    body["entry"][0]["changes"][0]["value"]["leadgen_id"] = number
    answer = send(house, "facebook_lead_ads", body)
    assert (answer.status_code, answer.json["code"]) == (422, "notice_malformed")
    assert house.inbox.events == []


def test_facebook_and_linkedin_make_sure_of_the_address(playbook):
    house = house_of(playbook)
    auth = playbook.sources["facebook_lead_ads"].auth
    house.secrets[auth.verify_env] = "our word"
    asked = {"hub.mode": "subscribe", "hub.verify_token": "our word", "hub.challenge": "1158201444"}
    answer = house.client.get("/in/facebook_lead_ads", query_string=asked)
    assert (answer.status_code, answer.text, answer.mimetype) == (200, "1158201444", "text/plain")
    wrong = house.client.get("/in/facebook_lead_ads", query_string=asked | {"hub.verify_token": "guess"})
    assert (wrong.status_code, wrong.json["code"]) == (403, "verify_token_wrong")
    markup = house.client.get("/in/facebook_lead_ads", query_string=asked | {"hub.challenge": "<b>"})
    assert (markup.status_code, markup.json["code"]) == (422, "challenge_malformed")
    code = "890e4665-4dfe-4ab1-b689-ed553bceeed0"
    answer = house.client.get("/in/linkedin_lead_gen", query_string={"challengeCode": code})
    assert answer.json == {"challengeCode": code, "challengeResponse": mac(code.encode()).hex()}
    signed = house.client.get("/in/linkedin_lead_gen", query_string={"challengeCode": "hmacsha256={}"})
    assert signed.status_code == 422
    for path in ("/in/facebook_lead_ads", "/in/linkedin_lead_gen", "/in/typeform"):
        bare = house.client.get(path)
        assert (bare.status_code, bare.json["code"]) == (405, "method_not_allowed")
        assert set(bare.headers["Allow"].split(", ")) == {"OPTIONS", "POST"}
    assert house.inbox.events == []


def test_every_preset_has_a_post():
    assert {row[0] for row in LEADS} | set(NAMED) == set(presets.names())
    assert {path.name for path in FIXTURES.iterdir()} == set(presets.names())


FIRST = {row[0]: row[1] for row in reversed(LEADS)} | dict.fromkeys(NAMED, "notice")


@pytest.mark.parametrize("preset", sorted(FIRST))
def test_a_stranger_is_refused(playbook, preset):
    house = house_of(playbook)
    body = posted(preset, FIRST[preset])
    answer = send(house, preset, body, secret="another secret")
    assert answer.status_code == 401
    assert answer.json["code"] in ("token_wrong", "signature_wrong")
    bare = house.client.post(
        f"/in/{preset}", json={name: body[name] for name in body if name != "google_key"}
    )
    assert bare.status_code == 401
    assert bare.json["code"] in ("token_missing", "signature_missing")
    assert SECRET not in answer.text + bare.text
    assert house.inbox.events == []


@pytest.mark.parametrize("preset", ["calendly", "segment", "typeform", "webflow", "zoom_webinar"])
def test_what_was_changed_on_the_way_is_refused(playbook, preset):
    house = house_of(playbook)
    raw = json.dumps(posted(preset, FIRST[preset])).encode()
    headers = PROOFS[preset](raw, NOW, SECRET)
    answer = house.client.post(
        f"/in/{preset}", data=raw + b" ", content_type="application/json", headers=headers
    )
    assert (answer.status_code, answer.json["code"]) == (401, "signature_wrong")
    assert house.inbox.events == []


@pytest.mark.parametrize("preset", sorted(TIMED))
@pytest.mark.parametrize("side", [-1, 1])
def test_an_old_post_and_one_of_the_future_are_refused(playbook, preset, side):
    house = house_of(playbook)
    body = posted(preset, FIRST[preset])
    answer = send(house, preset, body, at=NOW + side * (TIMED[preset] + 2))
    assert (answer.status_code, answer.json["code"]) == (401, "timestamp_outside_tolerance")
    assert send(house, preset, body, at=NOW + side * (TIMED[preset] - 2)).status_code in (200, 202)
    assert len(house.inbox.events) == 1


@pytest.mark.parametrize("preset", sorted(TIMED))
def test_the_time_is_signed_too(playbook, preset):
    house = house_of(playbook)
    raw = json.dumps(posted(preset, FIRST[preset])).encode()
    headers = {
        name: text.replace(str(NOW), str(NOW + 1)) for name, text in PROOFS[preset](raw, NOW, SECRET).items()
    }
    answer = house.client.post(f"/in/{preset}", data=raw, content_type="application/json", headers=headers)
    assert (answer.status_code, answer.json["code"]) == (401, "signature_wrong")


def test_a_post_whose_json_inside_is_broken_is_kept_with_both_reasons(playbook):
    house = house_of(playbook)
    body = posted("unbounce", "submission") | {"data.json": '{"email": ["mateo'}
    assert send(house, "unbounce", body).status_code == 200
    found = reading(playbook, house)
    assert [(one.field, one.reason, one.fatal) for one in found.problems] == [
        ("data.json", "is not an object in JSON", False),
        ("email", "is required", True),
    ]
    assert house.inbox.events[0].payload["body"] == body


def test_zooms_challenge_is_answered_and_not_stored(playbook):
    house = house_of(playbook)
    answer = send(house, "zoom_webinar", posted("zoom_webinar", "challenge"))
    expected = hmac.new(SECRET.encode(), b"kz81Lq_-Yw", hashlib.sha256).hexdigest()
    assert answer.status_code == 200
    assert answer.json == {"plainToken": "kz81Lq_-Yw", "encryptedToken": expected}
    assert house.inbox.events == []


def test_a_challenge_of_a_stranger_gets_no_answer(playbook):
    house = house_of(playbook)
    answer = send(house, "zoom_webinar", posted("zoom_webinar", "challenge"), secret="guessed")
    assert (answer.status_code, answer.json["code"]) == (401, "signature_wrong")
    assert "encryptedToken" not in answer.text


@pytest.mark.parametrize("token", [None, 7, "", "v0:1795258800:{}", "x" * 201, ["a"]])
def test_a_challenge_gives_no_signature_of_anything_that_zoom_signs(playbook, token):
    house = house_of(playbook)
    body = {"event": "endpoint.url_validation", "payload": {"plainToken": token}}
    answer = send(house, "zoom_webinar", body)
    assert (answer.status_code, answer.json["code"]) == (422, "challenge_malformed")
    assert house.inbox.events == []


def test_where_the_source_answers_no_challenge_one_is_a_post_like_any_other(playbook):
    house = house_of(playbook)
    source = playbook.sources["zoom_webinar"]
    plain = dataclasses.replace(source, auth=dataclasses.replace(source.auth, challenge="none"))
    house.playbook = dataclasses.replace(playbook, sources={"zoom_webinar": plain})
    answer = send(house, "zoom_webinar", posted("zoom_webinar", "challenge"))
    assert "encryptedToken" not in answer.text
    assert len(house.inbox.events) == 1
