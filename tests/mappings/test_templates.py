"""Lines with placeholders: parsed with the place of each fault, filled in with words only."""

from __future__ import annotations

import pytest

from mappings import templates
from mappings.templates import BadTemplate
from model.message import Part
from tests.builders import place

KNOWN = ("name", "company", "score", "because", "links", "first_touch.source")


def parsed(text: str) -> templates.Template:
    return templates.parse(text, place(3), KNOWN)


def words(*texts: str, **facts) -> list[str]:
    filled = templates.lines([parsed(text) for text in texts], facts)
    return ["".join(part.text for part in line) for line in filled]


def test_placeholders_stand_for_values_and_fallbacks_for_blanks():
    assert words("Call {name} ({company|no company})", name="Ada") == ["Call Ada (no company)"]
    assert words("{name}, {score} points", name="Ada", score=42.0) == ["Ada, 42 points"]
    assert words("{{not}} {name}", name="Ada") == ["{not} Ada"]


def test_a_line_whose_placeholders_are_all_blank_is_left_out():
    assert words("They wrote: {company}", "Hello", "{name} of {company}", name="Ada") == ["Hello", "Ada of "]


def test_because_becomes_several_lines_and_links_lead_somewhere():
    assert words("{because}", because=["one", "two"]) == ["• one", "• two"]
    line = templates.lines([parsed("See {links}")], {"links": [("A", "https://a"), ("B", "https://b")]})[0]
    assert line == (Part("See "), Part("A", "https://a"), Part(" · "), Part("B", "https://b"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Hi {nmae}", "there is no placeholder {nmae}"),
        ("Hi {name", '"{" stands alone'),
        ("Hi name}", '"}" stands alone'),
        ("Why: {because}", "several lines"),
    ],
)
def test_a_line_that_is_no_template_says_what_is_wrong(text, message):
    with pytest.raises(BadTemplate, match=message.replace("{", r"\{").replace("}", r"\}")):
        parsed(text)


def test_a_value_is_one_bounded_line_of_visible_characters():
    evil = "a\r\nb\u202ec\x00" + "x" * 10_000
    [line] = words("{name}", name=evil)
    assert line.startswith("a b c x")
    assert len(line) <= templates.LONGEST_VALUE
    assert templates.one_line(parsed("{name}{name}"), {"name": "y" * 500}).endswith("…")
