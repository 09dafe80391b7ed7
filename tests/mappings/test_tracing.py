"""Which lines of a source find nothing in posts, and what of them no line reads."""

from __future__ import annotations

import pytest

from mappings.compile import load
from mappings.tracing import trace_columns, trace_posts
from tests.mappings.folders import playbook_folder

SOURCE = """\
auth: {kind: none}
json_fields: {raw: rawRequest}
fields:
  email: "answers[field.ref=email].email"
  city: raw.q3.city
  company: [firm.name, company]
  first_name: {join: [first, last]}
  title: headers.x-title
  state: {from: query.st, when: {kind: demo}}
touch: {source: origin}
activities: [{kind: demo, when: {kind: demo}}]
honeypot: website2
"""
BODY = {
    "answers": [{"field": {"ref": "email"}, "email": "a@x.example"}],
    "rawRequest": '{"q3": {"city": "Bonn"}}',
    "firm": {"nam": "ACME", "size": 3},
    "last": "L",
    "utm_source": "x",
    "website2": "",
    "orgin": "fair",
}


@pytest.fixture
def source(tmp_path):
    return load(playbook_folder(tmp_path, files={"sources/web.yaml": SOURCE})).sources["web"]


def test_lists_json_queries_and_headers_are_looked_into(source):
    trace = trace_posts(source, [{"body": BODY, "query": {"st": "BY"}, "headers": {"x-title": "CTO"}}])
    assert {(one.line.what, one.near) for one in trace.silent} == {
        ("company", "firm.nam"),
        ("state (when)", ""),
        ("touch.source", "orgin"),
        ("activities", ""),
    }
    assert trace.unread == ("firm.nam", "firm.size", "orgin")
    assert [str(one.line.place) for one in trace.silent if one.line.what == "touch.source"] == [
        "sources/web.yaml:10:9"
    ]


def test_what_one_of_several_posts_has_is_there(source):
    posts = [{"body": BODY}, {"body": {"kind": "demo", "company": "ACME", "origin": "x"}}]
    assert {one.line.what for one in trace_posts(source, posts).silent} == {"title", "state"}


def test_a_table_has_columns_and_neither_query_nor_headers(source):
    trace = trace_columns(source, ["rawRequest", "firm.name", "Last", "Kind"])
    assert {one.line.what: one.near for one in trace.silent} == {
        "email": "",
        "first_name": "Last",
        "state (when)": "Kind",
        "touch.source": "",
        "activities": "Kind",
    }
    assert trace.unread == ("Last", "Kind")
