"""Fields that hold one of a list of values: checked wherever a file names one, and when a post is read."""

from __future__ import annotations

import pytest

from mappings.compile import check, load
from mappings.inward import read
from model.event import Event, EventKind, StoredEvent
from tests.builders import NOON
from tests.mappings.folders import playbook_folder

FIELDS = "fields:\n  plan: {options: [Basic, Pro, Enterprise]}\n"
LINE = '  plan: {from: plan, values: {"0": basic, "1": Pro}}\n'


def folder_of(tmp_path, *edits, fields=FIELDS):
    source = ("sources/web.yaml", "required: [email]", f"{LINE}required: [email]")
    crm = (
        "crm/hubspot.yaml",
        "      stage:",
        '      plan: {field: plan, authority: newest, values: {Pro: "p"}}\n      stage:',
    )
    return playbook_folder(tmp_path, source, crm, *edits, files={"fields.yaml": fields})


def reading(folder, **body):
    payload = {"body": {"mail": "ada@example.com"} | body, "query": {}, "headers": {}}
    event = Event("web", "1", EventKind.INTAKE, payload, NOON, NOON)
    return read(StoredEvent(1, event, 0, NOON, 1), load(folder))


@pytest.mark.parametrize(
    ("posted", "held"),
    [("1", "Pro"), ("0", "Basic"), ("  ENTERPRISE ", "Enterprise"), ("", None), ("profi", None)],
)
def test_a_post_is_read_as_one_of_them_or_left_blank_with_the_reason(tmp_path, posted, held):
    found = reading(folder_of(tmp_path), plan=posted)
    assert found.fields.get("plan") == held
    told = [str(one) for one in found.problems if one.field == "plan"]
    assert told == (['plan is none of its options: "profi"'] if posted == "profi" else [])
    assert not any(one.fatal for one in found.problems if one.field == "plan")


def test_of_several_values_each_is_one_of_them(tmp_path):
    many = ("sources/web.yaml", LINE, "  plan: {from: plan, convert: multi_select}\n")
    folder = folder_of(tmp_path, many)
    assert reading(folder, plan="pro, basic").fields["plan"] == "Pro;Basic"
    assert "plan" not in reading(folder, plan="pro; gold").fields


@pytest.mark.parametrize(
    ("edit", "told"),
    [
        (("sources/web.yaml", '"0": basic', '"0": basik'), '7:36: "plan" has no option "basik"'),
        (("sources/web.yaml", "Pro}", "Pro}, else: none"), '7:60: "plan" has no option "none"'),
        (("sources/web.yaml", "plan, ", "plan, default: Gold, "), "the value is none of its options"),
        (("crm/hubspot.yaml", "{Pro:", "{Prof:"), '"plan" has no option "Prof"'),
        (("scoring.yaml", "{employees: {at_least: 50}}", "{plan: [pro, profi]}"), 'no option "profi"'),
    ],
)
def test_a_value_that_is_none_of_them_is_a_fault(tmp_path, edit, told):
    [problem] = check(folder_of(tmp_path, edit))
    assert told in str(problem)


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ("fields:\n  plan: {type: integer, options: [a]}\n", "integer has no options"),
        ("fields:\n  plan: {options: [Basic, Pro, basic]}\n", '"basic" is there twice, as "Basic"'),
    ],
)
def test_options_that_cannot_be_are_faults(tmp_path, fields, told):
    assert any(told in str(one) for one in check(folder_of(tmp_path, fields=fields)))


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ("  seats: {type: int}\n", '2:17: "int" is not possible here'),
        ("  Seats: {type: integer}\n", '2:10: "Seats" cannot be used here'),
    ],
)
def test_a_field_that_cannot_be_is_told_once_and_not_wherever_it_is_named(tmp_path, entry, told):
    edits = (
        (
            "sources/web.yaml",
            "required: [email]",
            "  seats: {from: seats, convert: integer}\nrequired: [email]",
        ),
        ("crm/hubspot.yaml", "      stage:", "      seats: {field: seats, authority: newest}\n      stage:"),
        ("scoring.yaml", "{employees: {at_least: 50}}", "{seats: {at_least: 50}}"),
    )
    [problem] = check(playbook_folder(tmp_path, *edits, files={"fields.yaml": f"fields:\n{entry}"}))
    assert str(problem).startswith(f"fields.yaml:{told}")
