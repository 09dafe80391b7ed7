"""Expressions: typed by the lead's fields, false where something is blank, bounded, told at their place."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings import evaluating
from mappings.compile import check, load
from mappings.conditions import ConditionCompiler
from mappings.drafting import draft
from mappings.expressions import MAX_LENGTH, NUMBER, TEXT, ExpressionFault, check_value
from mappings.expressions import check as check_expression
from mappings.loader import parse
from mappings.prepared import read_rules
from mappings.steps import convert, converters_of
from mappings.ways import ways_of
from model.decision import Place
from model.lead import LEAD_FIELDS, Lead
from sync.people import People
from tests.mappings.folders import playbook_folder

FIELDS = {**LEAD_FIELDS, "budget": float}
ADA = Lead(
    "",
    fields={
        "employees": 80,
        "budget": 12.5,
        "country": "DE",
        "title": "VP Sales",
        "opted_out": False,
        "email": "ada@acme.example",
        "first_touch": {"source": "google", "at": "2026-01-07T12:00:00.000000Z"},
        "city": " ",
        "score": 40,
    },
)


def holds(source: str, lead: Lead = ADA) -> bool:
    condition = ConditionCompiler(parse(b"", "x.yaml"), FIELDS, ()).compile({"expression": source})
    assert condition is not None
    return condition.matches(lead)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("employees >= 50 && country in ['DE', 'AT']", True),
        ("employees * 2 > budget + 100.5", True),
        ("budget / employees < 0.2", True),
        ("score == 40 && -score < 0", True),
        ("lower(title).contains('vp') || false", True),
        ("title.startsWith('vp')", False),
        ("title.lower().startsWith('vp') ? employees > 50 : employees > 500", True),
        ("title.matches('^VP\\\\b')", True),
        ("size(title) > 7", True),
        ("!opted_out", True),
        ("opted_out == false", True),
        ("first_touch.source == 'google' && first_touch.at < '2026-02'", True),
        ("first_touch.source + '/' + country == \"google/DE\"", True),
        ("employees in [79, 80]", True),
        # What is blank: no comparison with it holds, and so it is with "not" in front.
        ("industry == 'Software'", False),
        ("industry != 'Software'", False),
        ("!(industry == 'Software')", True),
        ("annual_revenue > 5 || country == 'DE'", True),
        ("annual_revenue > 5 && country == 'DE'", False),
        ("annual_revenue + employees > 5", False),
        ("city == null && industry == null", True),
        ("city != null", False),
        ("consent_email || employees > 5", True),
        ("first_touch.medium == 'cpc'", False),
        ("last_touch.source.contains('x')", False),
        ("(consent_email ? 'a' : 'b') == 'b'", True),
        ("employees / 0 > 5", True),  # without an end
    ],
)
def test_an_expression_holds_or_not_and_a_blank_field_makes_a_comparison_false(source, expected):
    assert holds(source) is expected


@pytest.mark.parametrize(
    ("source", "at", "message", "fix"),
    [
        ("emploees > 5", 0, 'there is no lead field "emploees"', 'Did you mean "employees"?'),
        ("country == 'DE' && emploees > 5", 19, 'there is no lead field "emploees"', 'Did you mean "employees"?'),  # noqa: E501
        ("first_touch.sorce == 'x'", 12, 'there is no touch field "sorce"', 'Did you mean "source"?'),
        ("first_touch == 'x'", 12, '"." is expected here, not "=="', ""),
        ("employees > '50'", 10, '">" compares a number with text', ""),
        ("country == 5", 8, '"==" compares text with a number', ""),
        ("country", 0, "this is text, and true or false is needed", "Compare it: … == …"),
        ("employees && true", 0, "true or false is expected here, and this is a number", "Compare it: … == …"),  # noqa: E501
        ("title.contain('x')", 6, 'there is no function "contain"', 'Did you mean "contains"?'),
        ("employees.contains('x')", 0, '"contains" takes text, and this is a number', ""),
        ("title.contains(5)", 15, '"contains" takes text, and this is a number', ""),
        ("title.contains()", 6, '"contains" takes 1 in brackets', ""),
        ("title.matches(country)", 14, "a pattern stands here as it is, in quotation marks", ""),
        ("title.matches('\\b')", 14, '"\\b" means nothing in a text', "Write two backslashes for one, as in a pattern: '\\\\b'."),  # noqa: E501
        ("employees +", 11, "a field or a value is expected here, not the end", ""),
        ("employees = 5", 10, '"=" is not understood here', "Write ==."),
        ("employees > 5 and score > 5", 14, '"and" is not understood here', "Write &&."),
        ("country in 'DE'", 11, 'behind "in" stands a list, not text', "Write for example ['DE', 'AT']."),
        ("country in ['DE', 5]", 18, "a list holds values of one kind, written out", ""),
        ("employees in ['DE']", 0, "this is a number, and the list holds text", ""),
        ("employees > null", 10, 'nothing is ">" null', "Write == null or != null."),
        ("title + 5 == 'x'", 6, '"+" cannot be done with text and a number', ""),
        ("title.x == 'x'", 6, '"x" cannot be asked of text', ""),
        ("'abc", 0, '"\'" is not understood here', "A text needs a quotation mark at its end."),
        ("[1, 2].all(x, x > 0)", 14, '', ""),
        ("title.__class__ == 'x'", 6, '"__class__" cannot be asked of text', ""),
        ("", 0, "a field or a value is expected here, not the end", ""),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_place(source, at, message, fix):
    with pytest.raises(ExpressionFault) as caught:
        check_expression(source, FIELDS)
    if message:
        assert (caught.value.at, caught.value.message, caught.value.fix) == (at, message, fix)


@pytest.mark.parametrize(
    "source",
    [
        "x" * (MAX_LENGTH + 1),
        "(" * 30 + "true" + ")" * 30,
        "!" * 30 + "true",
        " || ".join(["true"] * 150),
    ],
)
def test_its_size_is_bounded(source):
    with pytest.raises(ExpressionFault):
        check_expression(source, FIELDS)


@given(st.text(alphabet="employstitle 'd\\\"()[].&|!<>=+-*/?:,05n", max_size=40))
def test_whatever_is_written_is_sound_or_told(source):
    try:
        checked = check_expression(source, FIELDS)
    except ExpressionFault as fault:
        place = fault.at
    else:
        assert checked.makes == "true or false"
        place = 0
        holds(source)
    assert 0 <= place <= len(source)


ONE_LINE = "    when: \"title == 'x' && emploees > 5\"\n"
LITERAL = "    when: |\n      title == 'x'\n        && emploees > 5\n"
FOLDED = "    when:\n      not:\n        expression: >-\n          title == 'x'\n          && emploees > 5\n"
PLAIN = "    when: title == 'x' &&\n      emploees > 5\n"
SINGLE = "    when: 'title == ''x'' && emploees > 5'\n"


@pytest.mark.parametrize(
    ("text", "place"),
    [(ONE_LINE, "7:28"), (LITERAL, "9:12"), (FOLDED, "11:14"), (PLAIN, "8:7"), (SINGLE, "7:30")],
)
def test_a_fault_has_its_place_within_the_text_of_the_file(tmp_path, text, place):
    folder = playbook_folder(tmp_path, ("scoring.yaml", "    when: {employees: {at_least: 50}}\n", text))
    lines = (folder / "scoring.yaml").read_text(encoding="utf-8").splitlines()
    first = next(n for n, line in enumerate(lines, 1) if "when:" in line)
    assert first == 8, lines
    [problem] = check(folder)
    line, column = map(int, place.split(":"))
    assert str(problem.at) == f"scoring.yaml:{line + 1}:{column}"
    assert lines[line][column - 1 :].startswith("emploees")


def test_it_stands_wherever_a_condition_stands_and_beside_others(tmp_path):
    folder = playbook_folder(
        tmp_path,
        ("scoring.yaml", "{employees: {at_least: 50}}", "employees * 2 > 90"),
        (
            "routing.yaml",
            "{company: {contains: acme}}",
            "{country: US, expression: \"lower(city) == 'bonn'\"}",
        ),
    )
    playbook = load(folder)
    [big] = [rule for rule in playbook.scoring.rules if rule.name == "Big"]
    assert big.when is not None
    assert (big.when.text, big.when.fields) == ("employees * 2 > 90", {"employees"})
    assert [big.when.matches(Lead("", fields={"employees": n})) for n in (45, 46)] == [False, True]
    territory = playbook.routing.territories[1]
    assert territory.when.matches(Lead("", fields={"country": "US", "city": "BONN"}))


def test_what_cannot_be_evaluated_does_not_hold_and_is_counted_by_the_rule(tmp_path, monkeypatch):
    broken = playbook_folder(tmp_path, ("scoring.yaml", "{employees: {at_least: 50}}", "lower(title) == 'x'"))
    [big] = [rule for rule in load(broken).scoring.rules if rule.name == "Big"]
    assert big.when is not None
    monkeypatch.setattr(evaluating, "_plain", lambda *_: 5.0)  # as if a type had slipped by
    assert big.when.matches(ADA) is False
    assert big.when.matches(Lead("")) is False
    assert evaluating.failures()["Big", "scoring.yaml:8:11"] == 2


def test_a_pattern_that_the_evaluator_refuses_is_a_problem(tmp_path):
    folder = playbook_folder(tmp_path, ("scoring.yaml", "{employees: {at_least: 50}}", "title.matches('(')"))
    [problem] = check(folder)
    assert str(problem.at) == "scoring.yaml:8:25"
    assert "unclosed group" in problem.message


def test_a_playbook_without_expressions_does_not_load_the_evaluator(tmp_path):
    folder = playbook_folder(tmp_path)
    code = "import sys; from pathlib import Path; from mappings.compile import load"
    code += f"; load(Path({str(folder)!r}))"
    told = subprocess.run(
        [sys.executable, "-c", f"{code}; print('cel' in sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout.strip() == "False"


def made(source: str, wanted: str | None = None, lead: Lead = ADA) -> object:
    checked = check_value(source, FIELDS, wanted)
    return evaluating.value_of(checked, FIELDS, "a line", Place("crm/x.yaml", 1))(lead.get)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("employees > 50 ? 'large' : 'small'", "large"),
        ("first_touch.source + '/' + country", "google/DE"),
        ("budget * 2", 25.0),
        ("size(title)", 8.0),
        ("employees > 50", True),
        ("annual_revenue > 50", False),
        ("annual_revenue * 2", None),
        ("lower(city)", None),
        ("city == null ? 'somewhere' : city", "somewhere"),
        ("employees > 500 ? 'large' : null", None),
        ("employees > 50 ? title : city", "VP Sales"),
        ("opted_out ? null : employees > 50 ? title : city", "VP Sales"),
        ("employees / 0", None),
    ],
)
def test_a_value_is_made_of_fields_and_is_blank_where_one_of_them_is(source, expected):
    assert made(source) == expected


@pytest.mark.parametrize(
    ("source", "wanted", "at", "message"),
    [
        ("employees * 2", TEXT, 0, "this is a number, and text is needed"),
        ("title", NUMBER, 0, "this is text, and a number is needed"),
        ("['DE']", None, 0, "this is a list, and a value is needed"),
        ("null", None, 0, "this is null, and a value is needed"),
        ("employees > 5 ? 'a' : 1", None, 22, "this is a number, and the other choice is text"),
        ("(employees > 5 ? 'a' : null) + 'b'", None, 29, '"+" cannot be done with text or null and text'),
        (f"employees > {'9' * 309}", None, 12, "this number is too large"),
        (" + ".join(["1"] * 100), NUMBER, 0, "this is nested too deep to be evaluated"),
    ],
)
def test_what_makes_no_such_value_is_told_at_its_place(source, wanted, at, message):
    with pytest.raises(ExpressionFault) as caught:
        made(source, wanted)
    assert (caught.value.at, caught.value.message) == (at, message)


def test_a_panic_of_the_evaluator_is_a_refusal_and_no_value_of_a_lead_is_logged(monkeypatch, caplog):
    class PanicException(BaseException):
        pass

    def panics(*_, **__):
        raise PanicException("ada@acme.example")

    checked = check_value("lower(email)", FIELDS, TEXT)
    value = evaluating.value_of(checked, FIELDS, "a line", Place("crm/panic.yaml", 1))
    monkeypatch.setattr("cel.Context", panics)
    assert value(ADA.get) is None
    assert caplog.messages == ["a line [crm/panic.yaml:1:1] cannot be evaluated: PanicException"]
    monkeypatch.setattr("cel.compile", panics)
    with pytest.raises(ExpressionFault, match="nested too deep"):
        evaluating.value_of(checked, FIELDS, "a line", Place("crm/x.yaml", 1))


SIZE = 'employees: {from: size, convert: [integer, {expression: "value < 1 ? null : value * 10"}]}'


def test_a_sources_line_makes_its_value_by_an_expression(tmp_path):
    folder = playbook_folder(
        tmp_path,
        ("sources/web.yaml", "employees: {from: size, convert: integer}", SIZE),
        ("sources/web.yaml", "city: [city, town]", "city: {from: city, convert: {expression: lower(value)}}"),
    )
    source = load(folder).sources["web"]
    steps = {rule.field: converters_of(rule.convert) for rule in source.fields}
    assert [convert(said, steps["employees"], "US") for said in ("7", "0")] == [70, None]
    assert isinstance(convert("7", steps["employees"], "US"), int)
    assert convert(" BONN ", steps["city"], "US") == "bonn"


LINE = "size: {field: employees, authority: leadrelay, direction: to_crm, expression: "


def test_a_crms_line_is_written_by_an_expression_and_never_read(tmp_path):
    folder = playbook_folder(
        tmp_path,
        (
            "crm/hubspot.yaml",
            "      stage: {",
            f"      {LINE}\"employees > 50 ? 'large' : 'small'\"}}\n      stage: {{",
        ),
    )
    contacts = load(folder).crms["hubspot"].objects["contacts"]
    lookups = People({}, frozenset(), {})
    for employees, expected in ((80, "large"), (5, "small"), (None, "small")):
        lead = Lead("", fields={"employees": employees, "email": "a@b.example"})
        assert draft(lead, contacts, "hubspot", lookups)["size"] == expected
    assert "size" not in [rule.remote for rule in read_rules(contacts)]
    [rule] = [rule for rule in contacts.fields if rule.remote == "size"]
    assert (rule.kind, rule.expression.fields) == ("text", {"employees"})
    [way] = [
        way
        for way in ways_of(load(folder).sources["web"], load(folder)).ways
        if way.rule.field == "employees"
    ]
    assert (
        str(way.stops[0]) == "contacts.size (text, leadrelay, to_crm, = employees > 50 ? 'large' : 'small')"
    )
