"""A date field of one's own: from the sender's words into both CRMs, and back."""

from __future__ import annotations

import pytest

from mappings.compile import check, load
from mappings.inward import read
from mappings.outward import draft
from mappings.playbook import Playbook
from mappings.recorded import inward_record
from model.event import Event, EventKind, StoredEvent
from model.lead import Lead
from model.times import EPOCH
from sync.people import People
from tests.mappings.folders import playbook_folder

OWN = ("fields.yaml", "budget: {type: number}", "budget: {type: number}\n  contract_end: {type: date}")
SALESFORCE = """\
kind: salesforce
create: Lead
objects:
  Lead:
    fields:
      Email: {field: email, authority: crm}
      Contract_End__c: {field: contract_end, authority: newest}
"""
LINE = "      email: {field: email, authority: crm}\n"
MAPPED = ("crm/hubspot.yaml", LINE, LINE + "      contract_end: {field: contract_end, authority: newest}\n")
NOBODY = People({}, frozenset(), {})


def folder(tmp_path, how="contract_until", *edits):
    source = ("sources/web.yaml", "  lead_source:", f"  contract_end: {how}\n  lead_source:")
    return playbook_folder(tmp_path, OWN, MAPPED, source, *edits, files={"crm/salesforce.yaml": SALESFORCE})


def reading(playbook: Playbook, written):
    body = {"body": {"email": "ada@x.example", "contract_until": written}}
    event = Event("web", "1", EventKind.INTAKE, body, EPOCH, EPOCH)
    return read(StoredEvent(0, event, 0, EPOCH, 1), playbook)


@pytest.mark.parametrize(
    ("how", "written", "day"),
    [
        ("contract_until", "2026-11-30", "2026-11-30"),
        ("contract_until", "30 November 2026", "2026-11-30"),
        ("contract_until", "2026-11-30T23:30:00-08:00", "2026-11-30"),  # as it stands there, in no other zone
        ("{from: contract_until, convert: {date: {order: day_first}}}", "01.12.2026 00:15", "2026-12-01"),
        ("{from: contract_until, convert: {day: {order: month_first}}}", "01/12/2026", "2026-01-12"),
        ("{from: contract_until, convert: {day: {zone: Asia/Tokyo}}}", "1772377200", "2026-03-02"),
    ],
)
def test_a_day_goes_into_both_crms_and_comes_back(tmp_path, how, written, day):
    playbook = load(folder(tmp_path, how))
    fields = dict(reading(playbook, written).fields)
    assert fields["contract_end"] == day
    for connection, remote in (("hubspot", "contract_end"), ("salesforce", "Contract_End__c")):
        crm = playbook.crms[connection]
        mapped = crm.objects[crm.create_object]
        assert draft(Lead("x", fields=fields), mapped, connection, NOBODY)[remote] == day
        assert inward_record({remote: day}, mapped, connection, NOBODY) == {"contract_end": day}


def test_what_is_no_day_is_refused_and_costs_only_that_field(tmp_path):
    found = reading(load(folder(tmp_path)), "03/04/2026")
    assert "contract_end" not in found.fields
    assert found.fields["email"] == "ada@x.example"
    [problem] = found.problems
    assert "say which as order: day_first or month_first" in problem.reason


@pytest.mark.parametrize(
    ("when", "days"),
    [
        ("{contract_end: {at_least: 2026-12-01}}", ["2026-12-01", "2027-01-01"]),
        ("{contract_end: {less_than: 2026-12-01}}", ["2026-11-30"]),
        ("{contract_end: 2026-12-01}", ["2026-12-01"]),
        ("{contract_end: {is_blank: true}}", [None]),
        ("contract_end > '2026-12-01'", ["2027-01-01"]),
    ],
)
def test_conditions_compare_days(tmp_path, when, days):
    playbook = load(folder(tmp_path, "until", ("scoring.yaml", "{employees: {at_least: 50}}", when)))
    condition = playbook.scoring.rules[0].when
    assert condition is not None
    held = [None, "2026-11-30", "2026-12-01", "2027-01-01"]
    assert [day for day in held if condition.matches(Lead("", fields={"contract_end": day}))] == days


@pytest.mark.parametrize(
    ("edit", "line"),
    [
        (
            ("scoring.yaml", "{employees: {at_least: 50}}", "{contract_end: {at_least: 1.12.2026}}"),
            'scoring.yaml:8:37: "contract_end" is a day, not 1.12.2026\n    Write it as 2026-12-24.',
        ),
        (
            ("scoring.yaml", "{employees: {at_least: 50}}", "{contract_end: {contains: 2026}}"),
            'scoring.yaml:8:37: "contains" cannot be asked of "contract_end"\n'
            "    Possible: is, is_not, in, not_in, at_least, at_most, more_than, less_than, is_blank.",
        ),
        (
            ("crm/hubspot.yaml", LINE, LINE + "      x: {field: city, authority: newest, kind: date}\n"),
            "crm/hubspot.yaml:7:49: only deals have fields of kind date",
        ),
        (
            ("fields.yaml", "{type: date}", "{type: text}"),
            "",
        ),
    ],
)
def test_a_slip_has_its_place(tmp_path, edit, line):
    assert "\n".join(map(str, check(folder(tmp_path, "until", edit)))) == line


def test_a_text_that_is_mapped_as_a_date_is_told_how_to_be_one(tmp_path):
    line = LINE + "      b: {field: budget, authority: newest, kind: date}\n"
    [problem] = check(playbook_folder(tmp_path, ("crm/hubspot.yaml", LINE, line)))
    assert problem.fix == 'Say "type: date" of "budget" in fields.yaml.'
