"""Directions and authorities: what two maps cannot both say of a field, and what each direction leaves."""

from __future__ import annotations

import pytest

from mappings.compile import check, load
from mappings.outward import draft, inward_record
from tests.builders import a_lead, facts
from tests.mappings.folders import playbook_folder

SALESFORCE = """\
kind: salesforce
create: Lead
objects:
  Lead:
    fields:
      Email: {field: email, authority: crm}
      Size: {field: employees, authority: %s}
"""
SIZE = "      size: {field: employees, authority: %s}\n"


def problems(folder, hubspot: str, salesforce: str) -> list[str]:
    line = ("crm/hubspot.yaml", "      stage:", SIZE % hubspot + "      stage:")
    return [
        str(one)
        for one in check(playbook_folder(folder, line, files={"crm/sf.yaml": SALESFORCE % salesforce}))
    ]


@pytest.mark.parametrize(
    ("hubspot", "salesforce", "why"),
    [
        ("crm_unless_blank", "crm_unless_blank", "Of two values only one can count wherever there is one"),
        ("crm_unless_blank", "crm", "What people type stands in one, and is overwritten by the other"),
        ("max", "min", "The two would make different values of the same changes"),
        ("union", "max", "The two would make"),
    ],
)
def test_two_authorities_that_cannot_both_hold_are_told_with_both_places(tmp_path, hubspot, salesforce, why):
    kind = "union" in (hubspot, salesforce)
    [problem] = [
        one for one in problems(tmp_path, hubspot, salesforce) if kind is False or "cannot both" in one
    ]
    first, *fix = problem.splitlines()
    told = f'"employees": {salesforce} in sf, and {hubspot} in hubspot, cannot both hold'
    assert first == f"crm/sf.yaml:7:7: {told}"
    assert fix[0].strip().startswith(why)
    assert fix[0].endswith("(crm/hubspot.yaml:7).")


@pytest.mark.parametrize(
    ("hubspot", "salesforce"),
    [
        ("crm", "crm"),
        ("crm", "leadrelay"),
        ("newest", "crm"),
        ("newest", "crm_unless_blank"),
        ("leadrelay", "crm_unless_blank"),
        ("crm_unless_blank, direction: to_crm", "crm_unless_blank"),
        ("crm_unless_blank, direction: off", "crm_unless_blank"),
        ("max", "max"),
        ("hold", "max"),
    ],
)
def test_two_authorities_that_can_both_hold_are_no_problem(tmp_path, hubspot, salesforce):
    assert problems(tmp_path, hubspot, salesforce) == []


@pytest.mark.parametrize(
    ("direction", "is_written", "is_read"),
    [("both", True, True), ("to_crm", True, False), ("from_crm", False, True), ("off", False, False)],
)
def test_a_direction_says_what_is_written_and_what_is_read(tmp_path, direction, is_written, is_read):
    line = SIZE % f"crm, direction: {direction}"
    folder = playbook_folder(tmp_path, ("crm/hubspot.yaml", "      stage:", line + "      stage:"))
    contacts = load(folder).crms["hubspot"].objects["contacts"]
    assert ("size" in draft(a_lead(employees=5), contacts, "hubspot", facts())) is is_written
    assert ("employees" in inward_record({"size": "5"}, contacts, "hubspot", facts())) is is_read


def test_a_map_without_a_breaker_has_the_usual_one(tmp_path):
    crm = load(playbook_folder(tmp_path)).crms["hubspot"]
    assert (crm.breaker.flips, crm.breaker.per.total_seconds()) == (6, 3600)


def test_nobody_else_is_called_like_the_people_who_decide(tmp_path):
    [problem] = check(playbook_folder(tmp_path, ("crm/hubspot.yaml", "kind:", "connection: person\nkind:")))
    assert 'nobody else can be called "person"' in str(problem)
