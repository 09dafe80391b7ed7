"""`leadrelay init` and `check`: a first playbook, and every mistake in it with its place."""

from __future__ import annotations

import json

import pytest


def test_init_writes_a_playbook_that_check_likes(leadrelay, tmp_path):
    folder = tmp_path / "playbook"
    written = leadrelay("init", str(folder))
    count = sum(path.is_file() for path in folder.rglob("*"))
    assert written.code == 0
    assert written.out == f"Wrote {count} files to {folder}. Next: leadrelay check {folder}\n"
    checked = leadrelay("check", str(folder))
    assert (checked.code, checked.out) == (0, f"{folder}: no problem found.\n")


def test_init_overwrites_nothing(leadrelay, tmp_path):
    (tmp_path / "mine.yaml").write_text("mine")
    answer = leadrelay("init", str(tmp_path))
    assert (answer.code, answer.out) == (1, "")
    assert answer.err == f"{tmp_path} is not empty; name a new folder, so that nothing is overwritten.\n"
    assert [path.name for path in tmp_path.iterdir()] == ["mine.yaml"]


def test_check_prints_every_problem_with_its_place(leadrelay, playbook):
    mistake(playbook, "sources/website.yaml", "  email: [email,", "  emial: [email,")
    mistake(playbook, "sources/website.yaml", "region: US", "region: USA")
    answer = leadrelay("check", str(playbook))
    assert answer.code == 1
    assert answer.out == (
        "sources/website.yaml:14:3: there is no lead field \"emial\"\n"
        "    Did you mean \"email\"?\n"
        f"sources/website.yaml:{line_of(playbook, 'sources/website.yaml', 'region: USA')}:9: "
        "\"USA\" cannot be used here\n"
        "    Write the country's two letters, for example DE.\n"
        "2 problems found.\n"
    )  # fmt: skip


def test_one_problem_is_one_problem(leadrelay, playbook):
    mistake(playbook, "sources/website.yaml", "  title: [", "  titel: [")
    assert leadrelay("check", str(playbook)).out.endswith("\n1 problem found.\n")


def test_check_tells_a_program_the_same(leadrelay, playbook):
    mistake(playbook, "sources/website.yaml", "  title: [", "  titel: [")
    answer = leadrelay("check", str(playbook), "--json")
    assert answer.code == 1
    assert json.loads(answer.out) == [
        {
            "file": "sources/website.yaml",
            "line": 18,
            "column": 3,
            "message": 'there is no lead field "titel"',
            "fix": 'Did you mean "title"?',
        }
    ]
    mistake(playbook, "sources/website.yaml", "  titel: [", "  title: [")
    assert json.loads(leadrelay("check", str(playbook), "--json").out) == []


def test_check_looks_where_the_settings_say(leadrelay, playbook):
    answer = leadrelay("check", LEADRELAY_PLAYBOOK=str(playbook))
    assert (answer.code, answer.out) == (0, f"{playbook}: no problem found.\n")


def test_check_without_a_playbook_says_how_to_get_one(leadrelay, tmp_path):
    folder = tmp_path / "none"
    answer = leadrelay("check", str(folder))
    assert (answer.code, answer.out) == (2, "")
    assert answer.err == (
        f"There is no playbook folder {folder}. Write one with `leadrelay init {folder}`.\n"
    )  # fmt: skip


@pytest.mark.parametrize(
    "words", [["nosuch"], ["check", "--loud"], ["init"], ["explain"], ["source", "test"]]
)
def test_wrong_usage_ends_with_2(leadrelay, words):
    answer = leadrelay(*words)
    assert (answer.code, answer.out) == (2, "")
    assert "Usage: " in answer.err


def mistake(playbook, file, old, new):
    path = playbook / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def line_of(playbook, file, text):
    lines = (playbook / file).read_text(encoding="utf-8").splitlines()
    return next(number for number, line in enumerate(lines, 1) if text in line)


def test_a_line_whose_field_the_examples_write_nearly_so_is_a_warning(leadrelay, playbook):
    mistake(playbook, "sources/website.yaml", "[country, country_code]", "[contry, country_code]")
    answer = leadrelay("check", str(playbook))
    assert answer.code == 0
    assert 'country is read from "contry" or "country_code", which no example has' in answer.out
    assert 'The examples have "country", which no line reads: is that meant?' in answer.out
    [told] = json.loads(leadrelay("check", str(playbook), "--json").out)
    assert (told["file"], told["level"]) == ("sources/website.yaml", "warning")


def test_check_warns_of_a_field_that_one_example_misspells(leadrelay, playbook):
    path = sorted((playbook / "tests").glob("*.yaml"))[0]
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("country:", "contry:", 1), encoding="utf-8")
    answer = leadrelay("check", str(playbook))
    assert answer.code == 0
    assert 'a post of this example has "contry", which no line of website reads' in " ".join(
        answer.out.split()
    )
    assert 'Is "country" meant?' in answer.out


def test_leads_that_wait_and_are_owned_by_whoever_makes_their_record_are_warned_of(leadrelay, playbook):
    hours = "calendars: {all: {time_zone: UTC, hours: {mon-fri: 09:00-17:00}}}\n"
    queue = "    shifts: all\n    if_nobody: queue_until_shift\n"
    mistake(playbook, "routing.yaml", "pools:\n  emea:\n", f"{hours}pools:\n  emea:\n{queue}")
    answer = leadrelay("check", str(playbook))
    line = line_of(playbook, "crm/salesforce.yaml", "OwnerId: {field: owner, authority: crm, blank")
    assert answer.code == 0
    assert f"warning: crm/salesforce.yaml:{line}:" in answer.out
    mistake(
        playbook, "crm/salesforce.yaml", 'blank_values: ["00G*"]', 'blank_values: ["00G*", 0055g00000AbCdE]'
    )
    assert "warning" not in leadrelay("check", str(playbook)).out
