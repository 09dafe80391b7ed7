"""What is wrong with a playbook is said with its place, in words that teach, and all at once."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from mappings.compile import check, load
from mappings.playbook import Expiry, HalfLife, Linear
from mappings.problems import PlaybookError
from mappings.schema import LONGEST_NAME
from tests.mappings.folders import playbook_folder

CRM, WEB = "crm/hubspot.yaml", "sources/web.yaml"
LIFECYCLE, PIPELINE, ROUTING = "lifecycle.yaml", "pipeline.yaml", "routing.yaml"
SCORING = "scoring.yaml"
ONE_FIELD = "auth: {kind: none}\nfields: {email: email}\n"
ONE_OBJECT = "create: c\nobjects: {c: {fields: {e: {field: email, authority: crm}}}}\n"


def faults() -> list[tuple[str, str, str, str]]:
    """Read the table of faults: file, old text, new text, what is printed."""
    _, *blocks = Path(__file__).with_name("faults.txt").read_text(encoding="utf-8").rstrip("\n").split("\n\n")
    found = []
    for block in blocks:
        head, _, lines = block.partition("\n")
        file, _, change = head.replace("⏎", "\n").replace("⇥", "\t").replace("∅", "").partition("  ·  ")
        old, _, new = change.partition("  →  ")
        found.append((file, old, new, lines))
    return found


@pytest.mark.parametrize(("file", "old", "new", "lines"), faults())
def test_a_fault_is_printed_with_its_place_and_a_suggestion(tmp_path, file, old, new, lines):
    assert "\n".join(map(str, check(playbook_folder(tmp_path, (file, old, new))))) == lines


@pytest.mark.parametrize(
    ("files", "lines"),
    [
        (
            {"scorring.yaml": "groups: {}", "scoring.yaml": ""},
            [
                "scoring.yaml:1:1: this file is missing",
                "    The scoring model; the caps of the groups add up to 100.",
                'scorring.yaml:1:1: there is no playbook file "scorring"',
                '    Did you mean "scoring"?',
            ],
        ),
        (
            {"source/x.yaml": "a: 1"},
            [
                'source/x.yaml:1:1: there is no playbook folder "source"',
                '    Did you mean "sources"?',
            ],
        ),
        (
            {"crm/x.yml": "a: 1"},
            ["crm/x.yml:1:1: playbook files end in .yaml", "    Rename it to x.yaml."],
        ),
        ({"crm/x.yaml": "\n"}, ["crm/x.yaml:1:1: this file is empty"]),
        (
            {"lifecycle.yaml": ""},  # the stages that other files name are not called unknown, too
            [
                "lifecycle.yaml:1:1: this file is missing",
                "    The stages in their order in life, and what moves a lead forward.",
            ],
        ),
        (
            {"sources/second.yaml": "name: web\nauth: {kind: none}\nfields: {email: email}\n"},
            [
                'sources/web.yaml:1:1: there are two sources called "web"',
                "    The first is in sources/second.yaml.",
            ],
        ),
        (  # who said a value is known by these names
            {"sources/hubspot.yaml": ONE_FIELD, "sources/x.yaml": f"name: hubspot\n{ONE_FIELD}"},
            [
                'sources/hubspot.yaml:1:1: a connection is called "hubspot", too',
                "    Values remember who said them by this name: give one of the two another.",
                'sources/x.yaml:1:7: there are two sources called "hubspot"',
                "    The first is in sources/hubspot.yaml.",
            ],
        ),
        (
            {"sources/rule.yaml": ONE_FIELD, "crm/b.yaml": f"connection: rule\nkind: hubspot\n{ONE_OBJECT}"},
            [
                'crm/b.yaml:1:13: nobody else can be called "rule"',
                "    Values that rules decided carry this name: choose another.",
                'sources/rule.yaml:1:1: a connection is called "rule", too',
                "    Values remember who said them by this name: give one of the two another.",
                'sources/rule.yaml:1:1: nobody else can be called "rule"',
                "    Values that rules decided carry this name: choose another.",
            ],
        ),
        (
            {
                "crm/a.yaml": f"kind: hubspot\nneeds: b\n{ONE_OBJECT}",
                "crm/b.yaml": f"kind: hubspot\nneeds: a\n{ONE_OBJECT}",
            },
            [
                "crm/a.yaml:2:1: these connections wait for each other: a → b → a",
                "    Take one of them out of needs:.",
            ],
        ),
        (
            {"crm/a.yaml": f"kind: hubspot\nmatch: [Contact]\n{ONE_OBJECT}"},
            [
                'crm/a.yaml:2:9: there is no object of people "Contact"',
                '    Did you mean "contacts"?',
            ],
        ),
        (
            {
                "crm/a.yaml": "kind: salesforce\nmatch: [Contact]\ncreate: Lead\nobjects:\n"
                "  Lead: {fields: {Email: {field: email, authority: crm}}}\n"
            },
            [
                "crm/a.yaml:2:1: a person who was created as Lead would not be found again",
                "    Add Lead to match:.",
            ],
        ),
    ],
)
def test_files_that_are_missing_misnamed_or_at_odds(tmp_path, files, lines):
    assert "\n".join(map(str, check(playbook_folder(tmp_path, files=files)))) == "\n".join(lines)


LONG = "n" * (LONGEST_NAME + 1)


@pytest.mark.parametrize(
    ("edits", "place"),
    [
        ([(WEB, "auth:", "name: NAME\nauth:")], "sources/web.yaml:1:7"),
        ([(WEB, "auth:", "unit: NAME\nauth:")], "sources/web.yaml:1:7"),
        (
            [
                (WEB, "kind: demo", "kind: NAME"),
                (SCORING, "activity: demo", "activity: NAME"),
                (LIFECYCLE, "activity: demo", "activity: NAME"),
            ],
            "sources/web.yaml:9:11",
        ),
        ([(CRM, "kind:", "connection: NAME\nkind:")], "crm/hubspot.yaml:1:13"),
        ([(CRM, "contacts", "NAME"), (CRM, "  contacts", "  NAME")], "crm/hubspot.yaml:5:5"),
        ([(LIFECYCLE, "name: nurture", "name: NAME")], "lifecycle.yaml:6:12"),
        (
            [
                (ROUTING, "  all:", "  NAME:"),
                (ROUTING, "pool: all", "pool: NAME"),
                (ROUTING, "pool: all", "pool: NAME"),
            ],
            "routing.yaml:11:5",
        ),
    ],
)
def test_a_name_is_as_long_as_the_store_can_hold(tmp_path, edits, place):
    def called(name: str, folder: str) -> list[str]:
        changed = [(file, old, new.replace("NAME", name)) for file, old, new in edits]
        return [str(problem) for problem in check(playbook_folder(tmp_path / folder, *changed))]

    assert called("n" * LONGEST_NAME, "just") == []
    found = called(LONG, "over")
    assert f'{place}: "{LONG}" has more than 64 characters\n    Choose a shorter name.' in found
    assert all(LONG in problem and "more than 64" in problem for problem in found)


def test_a_files_name_is_as_long_as_the_store_can_hold(tmp_path):
    files = {f"sources/{LONG}.yaml": ONE_FIELD, f"crm/{LONG}2.yaml": f"kind: hubspot\n{ONE_OBJECT}"}
    assert [str(problem) for problem in check(playbook_folder(tmp_path, files=files))] == [
        f'{file}:1:1: "{Path(file).stem}" has more than 64 characters\n'
        "    Rename the file, or give the name in it."
        for file in sorted(files)
    ]
    short = {f"sources/{LONG[1:]}.yaml": ONE_FIELD}
    assert check(playbook_folder(tmp_path / "short", files=short)) == []


def test_every_problem_of_every_file_is_told_at_once_and_in_order(tmp_path):
    folder = playbook_folder(
        tmp_path,
        (CRM, "field: email", "field: emial"),
        (WEB, "city: [city, town]", "citty: [city]"),
        (WEB, "required: [email]", "honeypott: fax"),
        (SCORING, "cap: 60", "cap: sixty"),
        (SCORING, "at_least: 50", "at_lest: 50"),
        (ROUTING, "pool: all\n  -", "pool: alle\n  -"),
    )
    with pytest.raises(PlaybookError) as raised:
        load(folder)
    assert [str(problem.at) for problem in raised.value.problems] == [
        "crm/hubspot.yaml:6:22",
        "routing.yaml:5:11",
        "scoring.yaml:2:14",
        "scoring.yaml:8:24",
        "sources/web.yaml:4:3",
        "sources/web.yaml:7:1",
    ]
    assert str(raised.value).endswith("\n6 problems found.")


def test_a_list_entry_that_cannot_be_used_does_not_move_the_places_of_the_others(tmp_path):
    folder = playbook_folder(
        tmp_path,
        (SCORING, "name: Big", "nam: Big"),
        (SCORING, "activity: demo", "activity: dmo"),
    )
    assert [str(problem.at) for problem in check(folder)] == [
        "scoring.yaml:5:5",  # "name" is missing
        "scoring.yaml:5:5",  # "nam" is no setting
        "scoring.yaml:12:15",
    ]


def test_a_folder_that_does_not_exist_is_one_problem(tmp_path):
    [problem] = check(tmp_path / "nowhere")
    assert problem.message == "there is no such playbook folder"


def test_the_compiled_playbook_knows_where_every_rule_stands(tmp_path):
    playbook = load(playbook_folder(tmp_path))
    places = {
        str(playbook.sources["web"].fields[1].place): "sources/web.yaml:4:3",
        str(playbook.sources["web"].required[0].place): "sources/web.yaml:7:12",
        str(playbook.crms["hubspot"].objects["contacts"].fields[1].place): "crm/hubspot.yaml:7:7",
        str(playbook.scoring.rules[1].place): "scoring.yaml:9:5",
        str(playbook.lifecycle.rules[0].place): "lifecycle.yaml:8:5",
        str(playbook.routing.territories[0].when.place): "routing.yaml:4:5",
        str(playbook.routing.pools["all"].members[1].place): "routing.yaml:13:9",
        str(playbook.routing.fallback_place): "routing.yaml:1:1",
    }
    assert list(places) == list(places.values())


def test_short_forms_mean_the_long_ones(tmp_path):
    playbook = load(playbook_folder(tmp_path))
    source = playbook.sources["web"]
    assert [
        (rule.field, rule.paths, tuple(step.name for step in rule.convert), rule.constant)
        for rule in source.fields
    ] == [
        ("email", ("email",), ("email",), None),
        ("city", ("city", "town"), ("text",), None),
        ("employees", ("size",), ("integer",), None),
        ("lead_source", (), ("text",), "Web"),
    ]
    assert source.required[0].any_of == ("email",)
    assert [(one.email, one.weight) for one in playbook.routing.pools["all"].members] == [
        ("ann@northlight.example", 1.0),
        ("bob@northlight.example", 2.0),
    ]
    assert playbook.fields["budget"] is float


def test_activities_of_a_crm_are_followed_each_at_its_own_pace_and_counted_by_rules(tmp_path):
    following = (CRM, "create:", "poll: {activities: {calls: 1m, meetings: 5m}}\ncreate:")
    counting = (SCORING, "activity: demo", "activity: meeting")
    playbook = load(playbook_folder(tmp_path, following, counting))
    polling = playbook.crms["hubspot"].polling
    assert polling.activities == {"calls": timedelta(minutes=1), "meetings": timedelta(minutes=5)}
    assert playbook.counted == {"meeting"}


def test_what_is_done_in_a_crm_counts_only_where_it_is_followed(tmp_path):
    [fault] = check(playbook_folder(tmp_path, (SCORING, "activity: demo", "activity: meeting")))
    assert "scoring.yaml:12:15: " in str(fault)


def test_several_activities_of_a_stage_rule_become_a_rule_each(tmp_path):
    folder = playbook_folder(
        tmp_path,
        (LIFECYCLE, "activity: demo", "activity: [demo, call]"),
        (WEB, "activities:", "activities:\n  - {kind: call, when: {form: call}}"),
    )
    rules = load(folder).lifecycle.rules
    assert [(rule.name, rule.activity) for rule in rules] == [
        ("Score", ""),
        ("Asked", "demo"),
        ("Asked", "call"),
    ]


def test_the_version_changes_with_any_file_and_only_then(tmp_path):
    first = load(playbook_folder(tmp_path / "a"))
    again = load(playbook_folder(tmp_path / "b"))
    other = load(playbook_folder(tmp_path / "c", (ROUTING, "weight: 2", "weight: 3")))
    assert first.version == again.version != other.version
    assert len(first.version) == 12


def test_hubspot_takes_text_and_salesforce_types(tmp_path):
    salesforce = {
        "crm/salesforce.yaml": "kind: salesforce\ncreate: Lead\nobjects:\n"
        "  Lead:\n    id_field: Our_Id__c\n    fields: {Email: {field: email, authority: crm}}\n"
    }
    crms = load(playbook_folder(tmp_path, files=salesforce)).crms
    assert crms["hubspot"].objects["contacts"].as_text
    lead = crms["salesforce"].objects["Lead"]
    assert not lead.as_text
    assert [(rule.field, rule.remote) for rule in lead.fields] == [("id", "Our_Id__c"), ("email", "Email")]
    assert lead.id_field == "Our_Id__c"


def test_only_lines_of_people_have_a_condition(tmp_path):
    hubspot = """\
kind: hubspot
create: contacts
account: companies
objects:
  contacts: {fields: {email: {field: email, authority: crm}}}
  companies:
    id_field: our_id
    fields: {city: {field: city, authority: crm, direction: to_crm, when: {country: DE}}}
"""
    [fault] = check(playbook_folder(tmp_path, files={CRM: hubspot}))
    assert str(fault) == ("crm/hubspot.yaml:8:69: only lines of people have a condition\n    Take when: out.")


def test_handlers_of_the_caller_are_the_known_ones(tmp_path):
    folder = playbook_folder(tmp_path, (PIPELINE, "score]", "shout]"))
    assert check(folder, handlers={"screen", "identify", "shout"}) == []


def test_files_beside_the_playbook_are_left_alone(tmp_path):
    files = {"tests/one.yaml": "x: [", "README.md": "hello", ".schemas/x.yaml": "x: ["}
    assert check(playbook_folder(tmp_path, files=files)) == []


@pytest.mark.parametrize(
    ("written", "decay"),
    [
        ("{linear: {percent: 50, every: 30d}}", Linear(50, timedelta(days=30))),
        ("{half_life: 14d}", HalfLife(timedelta(days=14))),
        ("{expires_after: 36h}", Expiry(timedelta(hours=36))),
    ],
)
def test_an_activity_may_decay_and_count_once_a_form_and_so_often_per_window(tmp_path, written, decay):
    more = f"activity: demo\n    max_times: 2\n    per: 7d\n    unique_by: detail\n    decay: {written}"
    [fact, rule] = load(playbook_folder(tmp_path, (SCORING, "activity: demo", more))).scoring.rules
    assert (rule.max_times, rule.per, rule.unique_by_detail) == (2, timedelta(days=7), True)
    assert rule.decay == decay
    assert (fact.per, fact.unique_by_detail, fact.decay) == (None, False, None)


BROKEN = "a: [1\n"
OWN = ("lifecycle.yaml", "    activity: demo\n", "    activity: demo\n    when: {budget: {at_least: 5}}\n")


@pytest.mark.parametrize(
    "file",
    ["sources/web.yaml", "crm/hubspot.yaml", "fields.yaml", "lifecycle.yaml", "routing.yaml", "scoring.yaml"],
)
def test_a_file_that_cannot_be_read_makes_no_problems_in_others(tmp_path, file):
    web = "fields: {email: email, record.hubspot.contacts: id, budget: {from: x, convert: number}}\n"
    files = {"sources/other.yaml": "auth: {kind: none}\n" + web, file: BROKEN}
    told = check(playbook_folder(tmp_path, *([] if file == OWN[0] else [OWN]), files=files))
    assert [problem.at.file for problem in told] == [file]
