"""What a source's file says of its fields, applied to posts: cases, picklists, joins, defaults."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mappings.compile import load
from mappings.inward import read
from mappings.playbook import Playbook
from mappings.reading import Reading
from model.event import Event, EventKind, StoredEvent
from tests.mappings.folders import playbook_folder

WHEN = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


def with_field(folder: Any, *lines: str) -> Playbook:
    """Return the small playbook whose city is mapped otherwise; each line is one lead field."""
    return load(playbook_folder(folder, ("sources/web.yaml", "city: [city, town]", "\n  ".join(lines))))


def post(playbook: Playbook, overrides: dict[str, Any] | None = None, **body: Any) -> Reading:
    event = Event("web", "e1", EventKind.INTAKE, {"body": body}, occurred_at=WHEN, received_at=WHEN)
    return read(StoredEvent(1, event, 0, WHEN, 1, overrides=overrides or {}), playbook)


def reasons(reading: Reading) -> list[str]:
    return [str(problem) for problem in reading.problems if problem.field not in ("email", "body")]


CASES = """\
title:
    - {when: {form: [demo, Trial], lang: en}, from: role, values: {Head of X: head}, else: blank}
    - {when: {form: partner}, value: Partner}
    - job_title"""


@pytest.mark.parametrize(
    ("body", "title"),
    [
        ({"form": "demo", "lang": "en", "role": "head of x"}, "head"),
        ({"form": "TRIAL", "lang": "EN", "role": "clerk"}, None),  # the first that holds counts, blank or not
        ({"form": "trial", "lang": "en", "job_title": "CEO"}, None),
        ({"form": "trial", "lang": "de", "job_title": "CEO", "role": "head of x"}, "CEO"),
        ({"form": "partner", "job_title": "CEO"}, "Partner"),
        ({"form": ["partner"], "job_title": "CEO"}, "Partner"),
        ({"form": {"a": 1}, "job_title": "CEO"}, "CEO"),
        ({"job_title": "CEO"}, "CEO"),
        ({}, None),
    ],
)
def test_the_first_case_that_holds_says_what_a_field_is(tmp_path, body, title):
    reading = post(with_field(tmp_path, CASES), **body)
    assert reading.fields.get("title") == title
    assert reasons(reading) == []


def test_a_constant_waits_for_its_turn_among_the_cases(tmp_path):
    playbook = with_field(tmp_path, "title: [{when: {form: demo}, from: role}, {value: Somebody}]")
    assert post(playbook, form="demo", role="CEO").fields["title"] == "CEO"
    assert "title" not in post(playbook, form="demo").fields
    assert post(playbook, form="x", role="CEO").fields["title"] == "Somebody"


def test_the_long_form_of_cases_and_a_single_condition_mean_the_same(tmp_path):
    long = with_field(tmp_path / "a", "title: {cases: [{when: {form: demo}, from: role}, job_title]}")
    assert post(long, form="demo", role="a", job_title="b").fields["title"] == "a"
    assert post(long, form="x", role="a", job_title="b").fields["title"] == "b"
    single = with_field(tmp_path / "b", "title: {when: {form: demo}, from: role}")
    assert post(single, form="demo", role="a").fields["title"] == "a"
    assert "title" not in post(single, form="x", role="a").fields


def test_several_fields_in_one_and_one_in_several(tmp_path):
    playbook = with_field(
        tmp_path,
        "city: {join: [zip, town], separator: ', ', convert: text}",
        "first_name: {from: name, convert: first_of_name}",
        "last_name: {from: name, convert: last_of_name}",
        "company: {from: account, convert: [{split: {on: '/', part: -1}}, trim]}",
    )
    fields = post(playbook, zip=53111, town="Bonn", name="Dr. Ada van Berg", account="x / Acme").fields
    assert (fields["city"], fields["company"]) == ("53111, Bonn", "Acme")
    assert (fields["first_name"], fields["last_name"]) == ("Ada", "van Berg")
    assert post(playbook, town="Bonn").fields["city"] == "Bonn"
    assert "city" not in post(playbook, town=" ").fields
    assert reasons(post(playbook, town={"a": 1}, zip="1")) == ["city is an object, not a value"]


def test_a_default_stands_in_only_where_nothing_was_said(tmp_path):
    playbook = with_field(tmp_path, "country: {from: [land, country], default: Germany}")
    assert post(playbook).fields["country"] == "DE"
    assert post(playbook, land=" ", country="us").fields["country"] == "US"
    refused = post(playbook, land="Atlantis")
    assert "country" not in refused.fields  # what was said and cannot be read is no silence
    assert reasons(refused) == ['country "Atlantis" is not a country']
    assert post(playbook, {"country": "FR"}).fields["country"] == "FR"
    assert "country" not in post(playbook, {"country": ""}).fields  # a person took it away


def test_a_picklist_before_the_usual_converter_of_a_number(tmp_path):
    playbook = load(
        playbook_folder(
            tmp_path,
            (
                "sources/web.yaml",
                "{from: size, convert: integer}",
                "{from: size, values: {Small: 10, Mid-size: 50}, else: blank}",
            ),
        )
    )
    assert post(playbook, size="SMALL").fields["employees"] == 10
    assert "employees" not in post(playbook, size="7").fields


def test_the_persons_country_says_what_state_and_currency_are_meant_wherever_it_stands(tmp_path):
    playbook = with_field(
        tmp_path,
        "state: {from: state, convert: state}",
        "industry: {from: price, convert: currency}",
        "country: {from: land}",
    )
    fields = post(playbook, state="western australia", price="$5", land="Australia").fields
    assert (fields["state"], fields["industry"]) == ("WA", "AUD")
    assert post(playbook, state="WA").fields["state"] == "WA"  # without a country the source's region: US
    refused = post(playbook, state="CA", land="Germany")  # not California, though the region is the US
    assert "state" not in refused.fields
    assert reasons(refused) == ['state "CA" is not a state of DE']
    replayed = post(playbook, {"country": "US"}, state="CA", land="Germany")
    assert replayed.fields["state"] == "CA"


def test_a_records_id_may_depend_on_the_form_too(tmp_path):
    playbook = with_field(tmp_path, "record.hubspot.contacts: [{when: {form: crm}, from: hs_id}]")
    assert [key.kind for key in post(playbook, form="crm", hs_id=7).identities] == ["record"]
    assert post(playbook, form="web", hs_id=7).identities == ()


EVERYTHING = """\
title:
    - {when: {a: [x, "1"]}, join: [a, b.c, b], separator: ";"}
    - {from: a, values: {x: y}, else: blank, default: z}
  first_name: {from: [a, b], convert: first_of_name}
  company: {from: a, convert: [{split: {on: " ", part: -2}}, values], values: {x: y}}
  industry: {from: [b, a], convert: multi_select, values: {x: y, y: ""}, else: other}
  message: {from: a, convert: {date: {order: month_first, zone: America/New_York}}}
  website: {from: a, convert: {date: {form: "D.M.YY h:mm A"}}}
  state: {from: b, convert: {state: {to: name}}}
  postal_code: {from: a, convert: currency}
  annual_revenue: {from: a, convert: amount, values: {x: 5}}
  country: {from: land, default: DE}"""

PIECES = st.text(max_size=8) | st.sampled_from(["x", "1", "X ", "CA", "$5", "1.2.26 3:04 pm", "Ada van Berg"])
POSTED = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | PIECES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=6,
)


@pytest.fixture(scope="module")
def everything(tmp_path_factory):
    return with_field(tmp_path_factory.mktemp("all"), EVERYTHING)


@settings(deadline=None, max_examples=300)
@given(a=POSTED, b=POSTED, land=st.sampled_from(["CA", "US", "IN", "FR", "", None, "x"]))
def test_whatever_is_posted_becomes_fields_and_reasons_and_never_an_error(everything, a, b, land):
    reading = post(everything, a=a, b=b, land=land)
    for name, value in reading.fields.items():
        assert isinstance(value, {"annual_revenue": float | int}.get(name, str))
        assert value != ""
    for problem in reading.problems:
        assert problem.field not in reading.fields
        assert str(problem)


def test_a_long_post_is_read_in_no_time(everything):
    for hostile in ("\u0301\u0327" * 50_000, "van " * 25_000, "1 " * 50_000, ["x;" * 900] * 200):
        began = time.process_time()
        post(everything, a=hostile, b=hostile)
        assert time.process_time() - began < 1


def test_a_consent_that_was_refused_is_an_opt_out(tmp_path):
    playbook = with_field(tmp_path, "opted_out: {from: consent, convert: negated}")
    assert post(playbook, consent="no").fields["opted_out"] is True
    assert post(playbook, consent="yes").fields["opted_out"] is False
