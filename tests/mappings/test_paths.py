"""Paths that choose an entry of a list, and JSON inside a field."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.inward import look_up
from mappings.paths import fault_of, steps_of
from mappings.unfolding import unfold

ANSWERS = {
    "answers": [
        {"type": "text", "text": "Ada", "field": {"ref": "first_name"}},
        {"type": "email", "email": "ada@example.com", "field": {"ref": "Email "}},
        {"type": "email", "email": "charles@example.com", "field": {"ref": "friend"}},
        "no object",
        {"n": 7, "list": [{"k": "a.b", "v": 1}]},
    ],
    "object": {"a": {"k": "x"}},
    "colors[]": "red",
    "q3[first]": "Ada",
    "items[0].name": "pen",
    "answers[type=email].email": "",
}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("answers[field.ref=email].email", "ada@example.com"),
        ("answers[type=email].email.x", None),
        ("answers[type=EMAIL].field.ref", "Email "),
        ("answers[field.ref=friend].email", "charles@example.com"),
        ("answers[field.ref=nobody].email", None),
        ("answers[n=7].n", 7),
        ("answers[n=7].list[k=a.b].v", 1),
        ("answers[n=7].list.0.v", 1),
        ("object[k=x].k", None),
        ("nothing[k=x].k", None),
        ("answers[field=x].text", None),
        ("colors[]", "red"),
        ("q3[first]", "Ada"),
        ("items[0].name", "pen"),
        ("answers[type=email].email", ""),  # a field of that very name comes first
    ],
)
def test_a_path_finds_the_entry_that_it_names(path, found):
    assert look_up(ANSWERS, path) == found


@pytest.mark.parametrize(
    ("path", "fault"),
    [
        ("answers[ref=email].email", ""),
        ("a.b[c.d=e f?].g[h=i].j", ""),
        ("colors[]", ""),
        ("q3[first]", ""),
        ("items[0].name", ""),
        ("plain.path", ""),
        ("answers[ref=email]", "says which entry, but not what of it"),
        ("answers[ref=].email", "is no path"),
        ("answers[=x].email", "is no path"),
        ("answers[ref].email", "is no path"),
        ("answers[ref=email.email", "is no path"),
        ("answers[ref=email]email", "is no path"),
        ("[ref=email].email", "is no path"),
        ("answers[ref=a=b].email", ""),
        ("answers[ref=email].", "is no path"),
    ],
)
def test_a_path_that_is_none_is_told(path, fault):
    assert fault_of(path) == fault


NAMES = st.text(st.characters(exclude_characters=".[]="), min_size=1, max_size=8).filter(
    lambda name: name == name.strip() and name.casefold() == name.casefold().strip()
)
VALUES = st.text(st.characters(exclude_characters="[]"), min_size=1, max_size=12)


@given(NAMES, NAMES, NAMES, VALUES, st.lists(VALUES, max_size=5))
def test_the_first_entry_with_that_value_is_found_wherever_it_stands(outer, key, inner, value, others):
    same = value.strip().casefold()
    entries = [{key: other, f"{inner}!": n} for n, other in enumerate([*others, value])]
    expected = next(n for n, e in enumerate(entries) if e[key].strip().casefold() == same)
    assert look_up({outer: entries}, f"{outer}[{key}={value}].{inner}!") == expected


@given(st.text(max_size=40), st.recursive(st.none() | st.text(), lambda inner: st.lists(inner), max_leaves=5))
def test_no_path_and_no_post_raises(path, posted):
    fault_of(path)
    steps_of(path)
    look_up({"a": posted, path[:3]: [posted, {"b": posted}]}, path)


def told(body, fields):
    problems: list[tuple[str, str]] = []
    return unfold(body, fields, lambda *problem: problems.append(problem)), problems


def test_json_inside_a_field_is_read_under_a_name_of_its_own():
    body = {"data.json": json.dumps({"email": ["ada@example.com"]}), "page": "x"}
    unfolded, problems = told(body, {"lead": "data.json"})
    assert unfolded == body | {"lead": {"email": ["ada@example.com"]}}
    assert (look_up(unfolded, "lead.email"), problems) == (["ada@example.com"], [])


@pytest.mark.parametrize("text", ["", "{", "[1]", "7", '"x"', "null", "[" * 100_000, 7, ["{}"]])
def test_what_is_no_json_object_is_told_and_left_out(text):
    body = {"raw": text, "page": "x"}
    assert told(body, {"lead": "raw"}) == (body, [("raw", "is not an object in JSON")])


def test_a_field_that_is_not_there_is_no_problem():
    assert told({"page": "x"}, {"lead": "raw"}) == ({"page": "x"}, [])


def test_numbers_that_no_store_holds_stay_text():
    unfolded, _ = told({"raw": '{"a": 1e999, "b": NaN, "c": 1.5}'}, {"lead": "raw"})
    assert unfolded["lead"] == {"a": "1e999", "b": "NaN", "c": 1.5}
