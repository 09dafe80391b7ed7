"""`leadrelay test`: the examples of a playbook are tried, and what is not so is told where it stands."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from structlog.testing import capture_logs
from typer.testing import CliRunner

from leadrelay.cli import app
from mappings import loader
from mappings.compile import texts_of, version_of
from mappings.starter import write_starter


@pytest.fixture(autouse=True)
def _no_log() -> Iterator[None]:
    with capture_logs():
        yield


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_starter(tmp_path / "playbook")
    return tmp_path / "playbook"


def run(*given: object):
    return CliRunner().invoke(app, ["test", *map(str, given)])


def write(folder: Path, expect: str, *, name: str = "A demo") -> None:
    text = f"""\
        examples:
          - name: {name}
            posts:
              - source: website
                body: {{email: ada@acme.example, country: DE, form_type: demo, company_size: 50-200}}
            expect:
              {expect}
        """
    (folder / "tests" / "examples.yaml").write_text(dedent(text), encoding="utf-8")


def test_an_example_may_begin_on_a_day_of_its_own(folder):
    write(folder, "lead: {first_touch.at: 2026-12-25T10:00:00.000000Z}")
    path = folder / "tests" / "examples.yaml"
    text = path.read_text(encoding="utf-8")
    assert run(folder).exit_code == 1
    path.write_text(
        text.replace("    posts:", "    begins: 2026-12-25T11:00+01:00\n    posts:"), encoding="utf-8"
    )
    assert run(folder).exit_code == 0, run(folder).output
    path.write_text(text.replace("    posts:", "    begins: Christmas\n    posts:"), encoding="utf-8")
    told = run(folder)
    assert told.exit_code == 1
    assert 'tests/examples.yaml:3:13: "Christmas" is no moment' in told.output


def test_the_examples_of_the_starter_are_as_expected(folder):
    told = run(folder)
    assert told.exit_code == 0, told.output
    assert "13 examples: 13 as expected, 0 not." in told.output


@pytest.mark.parametrize(
    ("expect", "text"),
    [
        ("outcome: spam", 'outcome is "new", not "spam"'),
        ("lead: {stage: sql}", 'lead stage is "mql", not "sql"'),
        ("lead: {score: 49}", "lead score is 50, not 49"),
        ("lead: {country: null}", 'lead country is "DE", not blank'),
        ("lead: {opted_out: true}", "lead opted_out is blank, not true"),
        ("pool: apac", 'pool is "emea", not "apac"'),
        (
            "crm: {hubspot: {lifecyclestage: lead}}",
            'crm hubspot lifecyclestage is "marketingqualifiedlead", not "lead"',
        ),
        ("lead: {employees: 60}", "lead employees is 50, not 60"),
        ("because: territory Americas", 'no reason says "territory Americas"'),
        ("because_not: +30 Demo requested", 'a reason says "+30 Demo requested"'),
        ("asks: no_owner", "asks is nothing, not no_owner"),
        ("tasks: []", "tasks is Call who asked for us, not nothing"),
        ("messages: []", "messages is New lead for a person, not nothing"),
    ],
)
def test_what_is_not_so_is_told_with_its_place_and_the_reasons(folder, expect, text):
    write(folder, expect)
    told = run(folder)
    assert told.exit_code == 1
    assert "not as expected  A demo" in told.output
    assert "tests/examples.yaml:7:" in told.output
    assert text in told.output
    assert "because +30 Demo requested (intent)" in told.output
    assert "1 example: 0 as expected, 1 not." in told.output


def test_a_number_may_be_expected_of_a_crm_that_keeps_texts(folder):
    write(folder, "crm: {hubspot: {leadrelay_score: 50}}")
    assert run(folder).exit_code == 0, run(folder).output
    write(folder, "crm: {hubspot: {leadrelay_score: 51}}")
    assert 'crm hubspot leadrelay_score is "50", not 51' in run(folder).output


@pytest.mark.parametrize(
    ("expect", "lines"),
    [
        (
            "pool: apac",
            [
                "took: territory Europe, Middle East and Africa  [routing.yaml:",
                "not: territory Asia and Pacific: country in ",
                ": was DE",
            ],
        ),
        ("lead: {owner: x@y.example}", ["took: territory Europe, Middle East and Africa"]),
        ("lead: {stage: nurture}", ["took: Asked for a demo → mql"]),
        ("lead: {score: 49}", ["took: Demo requested", "not: "]),
        (
            "outcome: spam",
            [
                "not: honeypot: a field that people leave blank is filled in",
                "not: blocked_domains: e-mail domain is in blocked_domains: was …@acme.example",
            ],
        ),
        (
            "tasks: Get in touch",
            [
                "took: Call who asked for us  [follow_up.yaml:",
                "not asked: Get in touch, for an earlier one took",
            ],
        ),
        ("lead: {stage: sql}", ["took: Asked for a demo → mql"]),
        ("messages: []", ["took: New lead for a person (slack)  [notifications.yaml:"]),
    ],
)
def test_which_rule_took_and_what_the_expected_one_lacked_is_told(folder, expect, lines):
    write(folder, expect)
    told = run(folder).output
    for line in lines:
        assert line in told


def test_a_rule_that_held_and_that_the_stage_did_not_let_through_did_not_take(folder):
    path = folder / "lifecycle.yaml"
    text = path.read_text(encoding="utf-8")
    at = text.index("    team:", text.index("  - name: mql\n"))
    path.write_text(text[:at] + "    entry: {mandatory: [phone]}\n" + text[at:], encoding="utf-8")
    write(folder, "lead: {stage: mql}")
    told = run(folder).output
    assert "held, and did not take: Asked for a demo → mql" in told
    assert "took: Asked for a demo → mql" not in told
    assert "phone is filled in" in told
    assert "not: Took an offer" not in told


def test_a_changed_rule_shows_whom_it_concerns(folder):
    path = folder / "routing.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("pool: emea", "pool: apac"), encoding="utf-8")
    told = run(folder, "--json")
    failed = {one["name"]: one["failures"] for one in json.loads(told.output) if not one["ok"]}
    assert sorted(failed) == [
        "A colleague joins the company that is known, and has an owner of their own",
        "A demo request from Germany is qualified at once and goes to Europe",
        "Who asks again keeps their owner",
    ]
    assert [one["text"] for one in failed["Who asks again keeps their owner"]] == [
        'pool is "apac", not "emea"'
    ]


def test_some_can_be_chosen_and_each_can_be_asked_why(folder):
    told = run(folder, "-k", "robot", "--why")
    assert told.exit_code == 0
    assert told.output.count("ok  ") == 1
    assert "because" in told.output
    assert run(folder, "-k", "nothing like it").exit_code == 2


def test_a_playbook_with_a_problem_is_told_and_nothing_is_tried(folder):
    write(folder, "pool: nowhere")
    told = run(folder)
    assert told.exit_code == 1
    assert "tests/examples.yaml:7:" in told.output
    assert 'there is no pool "nowhere"' in told.output
    assert run(folder / "elsewhere").exit_code == 2


def test_nothing_is_left_behind_and_no_store_is_touched(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TMPDIR", str(tmp_path / "scratch"))
    (tmp_path / "scratch").mkdir()
    monkeypatch.setattr("tempfile.tempdir", None)
    before = sorted(tmp_path.rglob("*"))
    assert run(folder, "-k", "robot").exit_code == 0
    assert sorted(tmp_path.rglob("*")) == before


def test_check_tells_what_is_wrong_with_examples_too(folder):
    write(folder, "pool: nowhere")
    told = CliRunner().invoke(app, ["check", str(folder)])
    assert told.exit_code == 1
    assert "tests/examples.yaml:7:" in told.output


def test_the_pool_is_that_of_the_last_posts_own_lead(folder):
    text = """\
        examples:
          - name: A robot after a lead
            posts:
              - {source: website, body: {email: ada@acme.example, country: DE, form_type: demo}}
              - {source: website, body: {email: bot@robots.example, fax_number: "1"}}
            expect: {pool: emea}
        """
    (folder / "tests" / "examples.yaml").write_text(dedent(text), encoding="utf-8")
    told = run(folder)
    assert told.exit_code == 1
    assert 'pool is blank, not "emea"' in told.output


def test_headers_are_known_in_any_case(folder):
    text = """\
        examples:
          - name: From a page with a source
            posts:
              - source: website
                headers: {Referer: "https://www.northlight.example/?utm_source=google"}
                body: {email: ada@acme.example}
            expect: {lead: {first_touch.source: google}}
        """
    (folder / "tests" / "examples.yaml").write_text(dedent(text), encoding="utf-8")
    assert run(folder).exit_code == 0


def shuffled(value: Any, chance: random.Random) -> Any:
    """Return it with the keys of each mapping in another order; what is a list has an order that counts."""
    if isinstance(value, dict):
        names = chance.sample(list(value), len(value))
        return {name: shuffled(value[name], chance) for name in names}
    return [shuffled(one, chance) for one in value] if isinstance(value, list) else value


@pytest.mark.parametrize("seed", range(3))
def test_no_order_of_files_or_of_keys_changes_what_is_decided(folder, seed):
    chance = random.Random(seed)
    files = sorted(folder.rglob("*.yaml"))
    texts = {path: loader.read(path, path.name).data for path in files}
    for path in files:
        path.unlink()
    for path in chance.sample(files, len(files)):  # a directory lists its files as they were made, or not
        path.write_text(json.dumps(shuffled(texts[path], chance), indent=1), encoding="utf-8")
    told = run(folder)
    assert told.exit_code == 0, told.output
    assert ", 0 not." in told.output
    raw = texts_of(folder)
    assert version_of(dict(reversed(raw.items()))) == version_of(raw)
