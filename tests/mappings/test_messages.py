"""follow_up.yaml and notifications.yaml: what is wrong is told with its place; opt-outs in maps."""

from __future__ import annotations

import pytest

from mappings import outward
from mappings.compile import check, load
from mappings.starter import write_starter
from model.lead import OPT_OUT, Link, Provenance
from tests.builders import NOON, a_lead, facts


@pytest.fixture
def folder(tmp_path):
    write_starter(tmp_path / "playbook")
    return tmp_path / "playbook"


def edited(folder, file, old, new):
    path = folder / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    return [str(problem) for problem in check(folder)]


@pytest.mark.parametrize(
    ("file", "old", "new", "at", "message"),
    [
        ("follow_up.yaml", "Call {name}", "Call {nmae}", "13:14", 'there is no placeholder {nmae}'),
        ("follow_up.yaml", "Call {name}", "Call {nmae}", "13:14", 'Did you mean "name"?'),
        ("follow_up.yaml", '"{because}"', '"Why: {because}"', "15:9", "let it stand alone"),
        ("follow_up.yaml", "due_in: 4h", "due_in: soon", "20:13", "is no duration"),
        ("notifications.yaml", "channel: slack", "channel: slcak", "19:14", 'there is no channel "slcak"'),
        ("notifications.yaml", "on: assignment", "on: assigment", "18:9", 'Did you mean "assignment"?'),
        ("notifications.yaml", "kind: slack", "kind: slack\n    to: [a@b.example]", "12:5", "to means"),
        ("notifications.yaml", "  slack:\n", "  hubspot:\n", "10:3", 'a connection is called "hubspot", too'),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_place(folder, file, old, new, at, message):
    problems = edited(folder, file, old, new)
    told = [problem for problem in problems if message in problem]
    assert told, problems
    assert told[0].startswith(f"{file}:{at}: "), told[0]


def test_the_files_may_be_left_out(folder):
    for name in ("follow_up.yaml", "notifications.yaml"):
        (folder / name).unlink()
    playbook = load(folder)
    assert playbook.follow_up.rules == playbook.notifications.rules == ()


def test_a_task_for_a_crm_whose_map_has_none_is_a_problem(folder):
    edited(folder, "crm/hubspot.yaml", "tasks: {key_field: leadrelay_key}", "")
    [problem] = edited(folder, "follow_up.yaml", "due_in: 4h", "due_in: 4h\n    connections: [hubspot]")
    assert 'the map of "hubspot" says nothing of tasks' in problem


# Opt-outs in maps ------------------------------------------------------------------------------------------


def drafted(folder, connection, object_name, said_by="website", **fields):
    lead = a_lead(**fields)
    lead.provenance[OPT_OUT] = Provenance(said_by, NOON, 1)
    object_map = load(folder).crms[connection].objects[object_name]
    return outward.draft(lead, object_map, connection, facts(), creating=False)


def test_only_a_yes_is_written_and_never_to_what_is_read_only(folder):
    assert drafted(folder, "salesforce", "Lead", opted_out=True)["HasOptedOutOfEmail"] is True
    assert "DoNotCall" not in drafted(folder, "salesforce", "Lead", opted_out=True)
    assert "hs_email_optout" not in drafted(folder, "hubspot", "contacts", opted_out=True)
    assert "HasOptedOutOfEmail" not in drafted(folder, "salesforce", "Lead", opted_out=False)
    assert "HasOptedOutOfEmail" not in drafted(folder, "salesforce", "Lead", "salesforce", opted_out=True)


@pytest.mark.parametrize(
    ("held", "written", "is_written"),
    [(False, None, True), (None, None, True), (True, None, False), (False, True, False)],
)
def test_a_yes_is_written_once_and_not_over_a_person_s_no(folder, held, written, is_written):
    playbook = load(folder)
    object_map = playbook.crms["salesforce"].objects["Lead"]
    name = "HasOptedOutOfEmail"
    link = Link("salesforce", "Lead", "00Q", {name: held}, {name: written})
    changed = outward.difference({name: True}, link, object_map, playbook.lifecycle)
    assert (name in changed) is is_written


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"HasOptedOutOfEmail": True, "DoNotCall": False}, True),
        ({"HasOptedOutOfEmail": False, "DoNotCall": True}, True),
        ({"HasOptedOutOfEmail": False, "DoNotCall": False}, False),
    ],
)
def test_of_several_fields_one_yes_is_enough(folder, fields, said):
    object_map = load(folder).crms["salesforce"].objects["Lead"]
    assert outward.inward_record(fields, object_map, "salesforce", facts())[OPT_OUT] is said
