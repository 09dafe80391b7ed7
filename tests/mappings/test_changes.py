"""What differs is said in the playbook's words."""

from __future__ import annotations

import pytest

from mappings.changes import as_files, changes, consequences


def said(old: str, new: str, file: str = "routing.yaml") -> list[str]:
    return [str(one) for one in changes({file: old.encode()}, {file: new.encode()})]


TERRITORIES = """
territories:
  - {name: A, when: {country: DE}, pool: dach}
  - {name: B, when: {country: [AT, CH]}, pool: dach}
  - {name: C, when: {country: FR}, pool: south}
"""


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("country: FR", "country: [FR, ES]", ["routing: territory C: when: country: FR → [FR, ES]"]),
        ("pool: south", "owner: eva@x.example", [
            "routing: territory C: pool: removed south", "routing: territory C: owner: added eva@x.example",
        ]),
        (
            "  - {name: B, when: {country: [AT, CH]}, pool: dach}\n",
            "",
            ["routing: territory B: removed {when: {country: [AT, CH]}, pool: dach}"],
        ),
        (
            "territories:\n",
            "territories:\n  - {name: Z, when: {state: CA}, pool: west}\n",
            ["routing: territory Z: added {when: {state: CA}, pool: west}"],
        ),
        ("# nothing", "", []),
    ],
)  # fmt: skip
def test_entries_are_told_by_their_names(old, new, expected):
    if old in TERRITORIES:
        assert said(TERRITORIES, TERRITORIES.replace(old, new)) == expected
    else:
        assert said(TERRITORIES, TERRITORIES) == expected


def test_an_entry_that_stands_elsewhere_has_moved():
    lines = TERRITORIES.strip().splitlines()
    moved = "\n".join([lines[0], lines[3], lines[1], lines[2]])
    assert said(TERRITORIES, moved) == ["routing: territory C: moved from place 3 to 1"]


def test_members_have_no_order_and_two_spellings():
    old = "pools: {dach: {members: [ann@x.example, {email: bo@x.example, weight: 2}]}}"
    new = "pools: {dach: {members: [{email: bo@x.example, weight: 3}, {email: ann@x.example}]}}"
    assert said(old, new) == ["routing: pool dach: member bo@x.example: weight: 2 → 3"]


def test_a_source_and_a_connection_are_called_by_their_files():
    files = {"sources/shop.yaml": b"fields: {email: mail}\n", "crm/hubspot.yaml": b"kind: hubspot\n"}
    changed = files | {"sources/shop.yaml": b"fields: {email: [mail, e_mail]}\n"}
    assert [str(one) for one in changes(files, changed)] == [
        "source shop: field email: mail → [mail, e_mail]"
    ]
    del changed["crm/hubspot.yaml"]
    assert "connection hubspot: removed" in [str(one) for one in changes(files, changed)]


def test_a_comment_is_no_rule():
    assert said("a: 1", "a: 1  # one") == ["routing: only comments or layout"]


def test_true_one_and_text_are_three():
    assert said("a: 1", "a: true") == ["routing: a: 1 → true"]
    assert said("a: 1", "a: '1'") == ["routing: a: 1 → 1"]


def test_entries_without_names_are_told_whole():
    assert said("rules: [{to: a}, {to: b}]", "rules: [{to: a}, {to: c}]") == [
        "routing: rules: [{to: a}, {to: b}] → [{to: a}, {to: c}]"
    ]


def test_files_differ_line_by_line():
    lines = as_files({"a.yaml": b"x: 1\ny: 2\n"}, {"a.yaml": b"x: 1\ny: 3\n"}, "version-1", "here")
    assert lines[:2] == ["--- version-1/a.yaml", "+++ here/a.yaml"]
    assert lines[-2:] == ["-y: 2", "+y: 3"]


def test_what_follows_and_is_easily_overlooked_is_said():
    text = "purposes:\n  email:\n    texts:\n      - {{version: '1', text: {}}}\n{}"
    more = "      - {version: '2', since: 2026-01-01, text: Yes!}\n"
    old = {"consent.yaml": text.format("Yes", "").encode(), "sources/fair.yaml": b"a: 1\n"}
    assert consequences(old, old | {"consent.yaml": text.format("Yes", more).encode()}) == []
    posts, words = consequences(old, {"consent.yaml": text.format("Maybe", more).encode()})
    assert posts == "Posts to the source fair are answered 404 from then on."
    assert words.startswith("The text of email, version 1, has changed")
    assert consequences({"consent.yaml": b"- 1"}, {"consent.yaml": b"purposes: 7"}) == []
