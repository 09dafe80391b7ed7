"""What a sender posts becomes canonical words; what cannot be read becomes problems, never an error."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mappings.compile import load
from mappings.inward import look_up, read
from mappings.reading import Reading
from mappings.starter import FOLDER
from model.event import Event, EventKind, StoredEvent
from model.lead import LEAD_FIELDS, Activity, Identity

FIXTURES = Path(__file__).parents[1] / "fixtures" / "website"
WHEN = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
PLAYBOOK = load(FOLDER)


def stored(payload: Any, source: str = "website", overrides: dict[str, Any] | None = None) -> StoredEvent:
    event = Event(source, "e1", EventKind.INTAKE, payload, occurred_at=WHEN, received_at=WHEN)
    return StoredEvent(1, event, 0, WHEN, 1, overrides=overrides or {})


def reading(name: str, **overrides: Any) -> Reading:
    payload = json.loads((FIXTURES / f"{name}.json").read_text(encoding="utf-8"))
    return read(stored(payload, overrides=overrides), PLAYBOOK)


def post(source: str = "website", overrides: dict[str, Any] | None = None, **body: Any) -> Reading:
    return read(stored({"body": body}, source, overrides), PLAYBOOK)


def test_a_demo_request_in_canonical_words():
    found = reading("demo_request")
    assert found.fields == {
        "email": "priya.narayanan@acme-logistics.example",
        "first_name": "Priya",
        "last_name": "Narayanan",
        "phone": "+14155552671",
        "title": "VP Operations",
        "company": "Acme Logistics Inc.",
        "website": "https://acme-logistics.example",
        "industry": "Logistics",
        "employees": 51,
        "annual_revenue": 12_000_000.0,
        "country": "US",
        "state": "CA",
        "message": "We want to see how routing works.\nBudget is approved.",
        "consent_email": True,
        "lead_source": "Website",
    }
    assert found.identities == (
        Identity("email", "priya.narayanan@acme-logistics.example"),
        Identity("phone", "+14155552671"),
    )
    assert found.activities == (Activity("demo_request", WHEN, "Book a demo"),)
    assert found.touch is not None
    assert found.touch.at == WHEN
    assert found.touch.fields == {
        "channel": "paid_search",
        "source": "google",
        "medium": "cpc",
        "campaign": "brand_us",
        "term": "lead routing",
        "click_id": "Cj0KCQiA-demo",
        "click_id_kind": "gclid",
        "landing_page": "https://www.northlight.example/demo",
        "referrer": "https://www.google.com/",
    }
    assert (found.problems, found.honeypot, found.is_test) == ((), (), False)


@pytest.mark.parametrize(
    ("name", "activity", "channel", "fields"),
    [
        (
            "contact_sales_form_encoded",
            "contact_sales",
            "paid_social",
            {
                "first_name": "Jürgen",
                "phone": "+4930901820",
                "employees": 250,
                "buying_timeframe": "1-3 months",
            },
        ),
        ("content_download", "content_download", "organic_social", {"country": "BR"}),
        ("webinar_registration", "webinar_registration", "email", {"country": "JP"}),
        ("newsletter", "newsletter", "direct", {"email": "reader@northpost.example"}),
        ("pricing_inquiry", "pricing_inquiry", "ai_assistant", {"phone": "+4722150000", "employees": 1000}),
    ],
)
def test_each_form_of_the_website(name, activity, channel, fields):
    found = reading(name)
    assert [done.kind for done in found.activities] == [activity]
    assert found.touch is not None
    assert found.touch.fields["channel"] == channel
    assert {key: found.fields[key] for key in fields} == fields
    assert found.problems == ()


def test_a_robot_is_given_away_by_the_field_that_people_leave_blank():
    assert reading("robot").honeypot == ("fax_number",)


def test_a_marked_test_lead_is_told_apart():
    assert reading("source_test").is_test
    assert not post(email="a@b.example", _leadrelay_test="no").is_test
    assert not post(email="a@b.example", _leadrelay_test={"a": 1}).is_test


def test_what_cannot_be_used_is_told_field_by_field_with_its_rule():
    found = reading("nothing_usable")
    assert [(str(problem), problem.fatal) for problem in found.problems] == [
        ("email is not an e-mail address", True),
        ('employees "many" is not a number', False),
        ("country is an object, not a value", False),
        ("phone is not a telephone number", False),
        ("email or phone is required", True),
        ("touch.source is an object, not a value", False),
    ]
    assert all(problem.place and problem.place.file == "sources/website.yaml" for problem in found.problems)


def test_an_optional_value_that_cannot_be_used_costs_only_itself():
    found = post(email="a@b.example", phone="12", company="Acme")
    assert [problem.fatal for problem in found.problems] == [False]
    assert found.fields == {"email": "a@b.example", "company": "Acme", "lead_source": "Website"}


def test_what_a_person_sets_on_replay_wins():
    found = reading(
        "nothing_usable", email="Ada@Example.com", country="Germany", company="Acme", phone="030 901820"
    )
    assert found.fields["email"] == "ada@example.com"
    assert found.fields["phone"] == "+4930901820"
    assert found.fields["country"] == "DE"
    assert not any(problem.fatal for problem in found.problems)
    assert found.identities[0] == Identity("email", "ada@example.com")


def test_a_blank_from_a_person_takes_the_value_away():
    assert "company" not in reading("demo_request", company=None).fields


def test_a_person_cannot_set_what_is_decided_but_may_say_whose_it_is():
    found = reading("demo_request", score=99, lead="L1", nonsense="x")
    assert "score" not in found.fields
    assert [(problem.field, problem.fatal) for problem in found.problems] == [
        ("score", False),
        ("nonsense", False),
    ]


def test_nested_fields_and_constants_of_a_partner():
    body = {
        "contact": {"email": "jo@x.example", "name": {"first": "Jo", "last": "Ng"}, "phone": "020 7946 0958"},
        "company": {"name": "X", "headcount": 80, "country": "GB"},
        "program": "Gold",
        "notes": "warm",
    }
    found = post("partner", **body)
    assert found.problems == ()
    assert found.fields["phone"] == "+442079460958"
    assert found.fields["employees"] == 80
    assert found.touch is not None
    assert found.touch.fields == {
        "channel": "referral",
        "source": "brightbridge",
        "medium": "partner",
        "campaign": "Gold",
    }
    assert found.activities == (Activity("partner_referral", WHEN, "Gold"),)


def test_a_record_id_is_the_strongest_key(tmp_path):
    text = (FOLDER / "sources" / "events.yaml").read_text(encoding="utf-8")
    for path in FOLDER.rglob("*.yaml"):
        target = tmp_path / path.relative_to(FOLDER)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
    named = text.replace("fields:\n", "fields:\n  record.hubspot.contacts: hubspot_id\n", 1)
    (tmp_path / "sources" / "events.yaml").write_text(named, encoding="utf-8")
    found = read(
        stored({"body": {"attendee_email": "a@b.example", "hubspot_id": 512}}, "events"), load(tmp_path)
    )
    assert found.identities == (Identity("record", "hubspot/contacts/512"), Identity("email", "a@b.example"))
    assert set(found.fields) == {"email", "lead_source"}


def test_an_event_of_a_source_that_is_gone_is_one_problem():
    found = post("formerly", email="a@b.example")
    assert [str(problem) for problem in found.problems] == ['source "formerly" is no longer in the playbook']


@pytest.mark.parametrize("body", [None, [], [{"email": "a@b.example"}], "email=a@b.example", 5, {}])
def test_a_body_without_named_fields_is_a_problem(body):
    found = read(stored({"body": body}), PLAYBOOK)
    assert found.problems[0].field == "body"
    assert found.problems[0].fatal


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("a.b", "exact"),  # a field of that very name comes first
        ("c.d", 1),
        ("e.1.f", 2),
        ("e.7.f", None),
        ("c.d.x", None),
        ("nothing", None),
    ],
)
def test_dotted_paths(path, value):
    data = {"a.b": "exact", "a": {"b": "nested"}, "c": {"d": 1}, "e": [{}, {"f": 2}]}
    assert look_up(data, path) == value


NAMES = [path for rule in PLAYBOOK.sources["website"].fields for path in rule.paths]
NAMES += [
    "form_type",
    "page_url",
    "referrer",
    "utm_source",
    "gclid",
    "fax_number",
    "_leadrelay_test",
    "contact",
]
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.text(alphabet="\x00\ud800\u202e@.<>+0123456789 a", max_size=20)
    | st.sampled_from(["x" * 2**20, "https://[::1", "https://a/?utm_source=%ff&gclid=%00", "a@b.example"]),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from([*NAMES, "0", ""]), inner, max_size=5)
    ),
    max_leaves=12,
)
BODIES = st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=12) | VALUES
PAYLOADS = st.fixed_dictionaries({"body": BODIES}, optional={"query": VALUES, "headers": VALUES}) | VALUES


@settings(max_examples=300, deadline=None)
@given(payload=PAYLOADS, source=st.sampled_from(sorted(PLAYBOOK.sources)), overrides=st.none() | BODIES)
def test_no_payload_makes_reading_fail(payload, source, overrides):
    event = stored(payload, source, overrides if isinstance(overrides, dict) else None)
    found = read(event, PLAYBOOK)
    for name, value in found.fields.items():
        kind = PLAYBOOK.fields[name]
        assert isinstance(value, kind | int if kind is float else kind)
    assert set(found.fields) <= set(LEAD_FIELDS) | {"buying_timeframe"}
    assert found.touch is not None
    told = [dict(found.fields), dict(found.touch.fields), [str(problem) for problem in found.problems]]
    json.dumps(told, ensure_ascii=False).encode()  # no lone surrogate reaches the store


@pytest.mark.parametrize(
    ("said", "took"),
    [
        ("1250", 1250.0),
        (99.5, 99.5),
        (0, 0.0),
        ("", None),
        ("soon", None),
        (True, None),
        (-1, None),
        ("inf", None),
    ],
)
def test_how_long_a_form_was_open_is_read_in_milliseconds(said, took):
    website = replace(PLAYBOOK.sources["website"], fill_time_path="open_ms")
    playbook = replace(PLAYBOOK, sources={"website": website})
    body = {"email": "ada@acme.com", "open_ms": said}
    assert read(stored({"body": body}, "website", None), playbook).filled_in_ms == took
