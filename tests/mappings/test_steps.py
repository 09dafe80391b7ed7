"""Converters with options, picklists, and the examples of the playbook's page."""

from __future__ import annotations

import re
import time
from contextlib import suppress
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from mappings.playbook import Step, Table
from mappings.schema import NEEDED, OPTIONS
from mappings.steps import KNOWN, VALUES, convert, converters_of, joined
from mappings.values.converters import CONVERTERS
from mappings.values.texts import MOST_MARKS, Unusable
from tests.mappings.test_converters import ANYTHING

PAGE = (Path(__file__).parents[2] / "docs" / "playbook.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| `(.+?)` \| .* \| `(.+?)`(?: \(([A-Z]{2})\))? → `(.+?)` \|$", re.MULTILINE)
TABLE = PAGE.split("### Converters")[1].split("### Touches")[0]
EXAMPLES = ROW.findall(TABLE)


def step(written: str) -> Step:
    """Read a converter as a playbook writes it."""
    data = yaml.safe_load(re.sub(r"\bon:", '"on":', written))
    if isinstance(data, str):
        return Step(data)
    [(name, options)] = data.items()
    return Step(name, OPTIONS[name].model_validate(options).model_dump(exclude_none=True))


def run(written: str, value, country="US", table=None):
    return convert(value, converters_of([step(written)], table), country)


@pytest.mark.parametrize(("written", "value", "country", "expected"), EXAMPLES)
def test_the_example_of_the_page_is_true(written, value, country, expected):
    assert str(run(written, value, country or "ZZ")) == expected


def test_every_converter_has_an_example_and_every_option_is_in_one():
    steps = [step(written) for written, *_ in EXAMPLES]
    assert {one.name for one in steps} == set(KNOWN) - {VALUES}
    assert len(EXAMPLES) == TABLE.count("\n| `")
    for name, model in OPTIONS.items():
        used = {option for one in steps if one.name == name for option in one.options}
        assert set(model.model_fields) == used, name
        assert all(field.description for field in model.model_fields.values())


@pytest.mark.parametrize(
    ("written", "value", "expected"),
    [
        ("{split: {on: ',', part: 1}}", "a, b", "a"),
        ("{split: {on: ',', part: -1}}", "a, b", "b"),
        ("{split: {on: ',', part: -2}}", "a, b", "a"),
        ("{split: {on: ',', part: 3}}", "a, b", None),
        ("{split: {on: ',', part: -3}}", "a, b", None),
        ("{split: {on: ',', part: 2}}", "a,,c", None),
        ("{split: {on: ' ', part: 2}}", "a  b", "b"),
        ("multi_select", ["CRM", "Sync; CRM", ""], "CRM;Sync"),
        ("multi_select", "one, two;three", "one, two;three"),
        ("multi_select", ["VP, Sales", "CEO"], "VP, Sales;CEO"),
        ("multi_select", " ; ,", ","),
        ("{multi_select: {on: '|'}}", "a|b;c|a", "a;b;c"),
        ("{multi_select: {to: ', '}}", "a;b", "a, b"),
    ],
)
def test_parts_and_several_values(written, value, expected):
    assert run(written, value) == expected


HEADS = {"Head of X": "head", "VP,  Sales": "vp", "Nobody": ""}


@pytest.mark.parametrize(
    ("otherwise", "value", "expected"),
    [
        ("keep", " head OF x ", "head"),
        ("keep", "VP, Sales", "vp"),
        ("keep", "Clerk  of  all", "Clerk of all"),
        ("blank", "Clerk", None),
        ("blank", "HEAD OF X", "head"),
        ("value", "Clerk", "other"),
        ("value", "nobody", None),
    ],
)
def test_a_picklist_says_what_becomes_of_each_value_and_of_the_others(otherwise, value, expected):
    table = Table(HEADS, otherwise, "other")
    assert convert(value, converters_of([Step("text")], table), "US") == expected


def test_a_picklist_is_looked_up_first_or_where_it_is_said():
    table = Table({"Small": "10", "b": "1,000+"}, "keep")
    assert convert("small", converters_of([Step("integer")], table), "US") == 10
    parts = (Step("split", {"on": "-", "part": 2}), Step(VALUES), Step("integer"))
    assert convert("a - b", converters_of(parts, table), "US") == 1000


def test_each_of_several_values_is_looked_up_and_kept_once():
    table = Table({"Sync": "data", "ETL": "data", "CRM": "crm"}, "blank")
    steps = [Step("multi_select")]
    assert convert("CRM, Sync, ETL, Fax", converters_of(steps, table), "US") == "crm;data"
    assert convert(["Fax", "Mail"], converters_of(steps, table), "US") is None


def test_fields_put_together_leave_blank_ones_out():
    assert joined(["Ada", None, " ", "King", 7], " ") == "Ada King 7"
    assert joined([None, ""], ", ") == ""
    with pytest.raises(Unusable):
        joined(["Ada", {"a": 1}], " ")


STEPS = [
    *[Step(name) for name in CONVERTERS if name not in NEEDED],
    Step("multi_select"),
    *[step(written) for written, *_ in EXAMPLES if written.startswith("{")],
]
CHAINS = st.lists(st.sampled_from(STEPS), min_size=1, max_size=3)
TABLES = st.none() | st.builds(
    Table,
    st.dictionaries(st.text(max_size=4), st.text(max_size=4) | st.integers() | st.booleans(), max_size=3),
    st.sampled_from(["keep", "blank", "value"]),
    st.text(max_size=4) | st.integers(),
)


@settings(deadline=None, max_examples=300)
@given(
    ANYTHING,
    st.lists(st.sampled_from(STEPS), min_size=1, max_size=3),
    TABLES,
    st.sampled_from(["US", "DE", "ZZ", ""]),
)
def test_converters_in_any_order_answer_or_say_unusable(value, steps, table, country):
    try:
        made = convert(value, converters_of(steps, table), country)
    except Unusable as error:
        error.reason.encode()
        return
    assert made is None or isinstance(made, str | int | float | bool)
    if isinstance(made, str):
        made.encode()


WORDS = (
    st.text(alphabet="abeéß0123456789 .,;:/-+'$€£krCADUSEURMrsvan")
    | st.text()
    | st.sampled_from([value for _, value, _, _ in EXAMPLES] + [expected for *_, expected in EXAMPLES])
)
STEADY = [
    one
    for one in STEPS
    if one.name not in ("first_of_name", "last_of_name", "split", "negated", "state", "currency", "amount")
    and one.name != "multi_select"  # "a,b;a,b" is the one value "a,b" first
    and "form" not in one.options
    and one.name != "expression"
] + [Step("multi_select", {"on": ";", "to": ";"})]


@pytest.mark.parametrize("one", STEADY, ids=lambda one: one.name)
@settings(deadline=None, max_examples=150)
@given(value=WORDS, country=st.sampled_from(["US", "DE", "CA"]))
def test_reading_what_was_read_changes_nothing(one, value, country):
    try:
        once = convert(value, converters_of([one]), country)
    except Unusable:
        return
    if once is not None:
        assert convert(once, converters_of([one]), country) == once


@pytest.mark.parametrize(
    ("name", "country"), [("state", "US"), ("state", "IN"), ("state", "MX"), ("currency", "CA")]
)
@settings(deadline=None)
@given(
    value=st.sampled_from(
        ["ca", "California", "Uttarakhand", "OR", "Ontario", "México", "€", "$", "Euro", "5 kr"]
    )
)
def test_a_code_is_its_own_code(name, country, value):
    try:
        once = CONVERTERS[name](value, country)
    except Unusable:
        return
    assert CONVERTERS[name](once, country) == once


NAMES = st.lists(
    st.sampled_from(["Ada", "van", "de", "King", "Dr.", "Jr.", ",", "Mrs", "bin", "O'Brien", "III", "山田"]),
    max_size=7,
)


@given(NAMES)
def test_the_two_parts_of_a_name_are_made_of_its_words_and_no_word_is_in_both(words):
    name = " ".join(words).replace(" ,", ",")
    first, last = (str(CONVERTERS[one](name, "")) for one in ("first_of_name", "last_of_name"))
    left = name.replace(",", " ").casefold().split()
    for word in (*first.split(), *last.split()):
        left.remove(word.casefold())  # raises where a word was made up, or used twice


HOSTILE = [
    "a" * 100_000,
    " " * 100_000 + "x",
    "\u0301\u0327" * 50_000,
    "a" + "\u0327\u0301" * 50_000,
    "1." * 50_000,
    "1 " * 50_000,
    ",;" * 50_000,
    "a@" * 50_000,
    "-" * 100_000,
    "\u200b" * 100_000,
    "van " * 25_000,
    "ﷺ" * 50_000,  # one character, eighteen once it is taken apart
]


@pytest.mark.parametrize("n", range(len(HOSTILE)))
@pytest.mark.parametrize("one", STEPS, ids=lambda one: one.name)
def test_a_hundred_kilobytes_of_anything_take_no_time(one, n):
    for part in (HOSTILE[n], HOSTILE[n][:4_000], HOSTILE[n][:1_000], HOSTILE[n][:100]):
        began = time.process_time()
        with suppress(Unusable):
            convert(part, converters_of([one], Table({"x": "y"})), "US")
        assert time.process_time() - began < 0.5


def test_marks_that_no_language_writes_are_left_out_of_long_texts_only():
    few = "e" + "\u0327\u0301" * 10
    assert len(CONVERTERS["long_text"](few * 200, "")) > 200 * 10  # type: ignore[arg-type]
    many = "e" + "\u0301" * 5_000
    assert len(CONVERTERS["long_text"](many, "")) <= MOST_MARKS + 1  # type: ignore[arg-type]
