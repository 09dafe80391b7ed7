"""`leadrelay lifecycle`: written by answers, printed as the table that people agree on, timed."""

from __future__ import annotations

import csv
import io
import json
from datetime import timedelta

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from leadrelay.cli import app
from leadrelay.clock import SystemClock
from mappings.compile import load
from sync import tables
from sync.database import open_store

HEAD = ["Lead Stage", "Definition", "Team", "Activities to be Conducted by Team", "Exit Criteria"]


def answers(*of_first: str, **others: str) -> str:
    """Return a line for each question; blank ones take the template's."""
    lines = [*of_first] + [""] * (6 * 8 - len(of_first))
    for place, text in others.items():
        lines[int(place.removeprefix("q"))] = text
    return "\n".join(lines) + "\n"


def typed(playbook, text, *words):
    return CliRunner().invoke(app, ["lifecycle", "init", "--playbook", str(playbook), *words], input=text)


def test_the_starter_prints_the_table_with_the_columns_people_agree_on(leadrelay, playbook):
    told = leadrelay("lifecycle", "export", "--playbook", str(playbook)).out.splitlines()
    assert told[0] == f"| {' | '.join(HEAD)} |"
    assert len(told) == 2 + 8
    assert all(line.replace("\\|", "").count("|") == 6 for line in told)
    assert "• Meets BANT" in told[4]
    rows = list(
        csv.reader(io.StringIO(leadrelay("lifecycle", "export", "--csv", "--playbook", str(playbook)).out))
    )
    assert rows[0] == HEAD
    assert [row[0] for row in rows[1:7]] == [
        "Suspect",
        "Prospect",
        "Marketing Qualified Lead",
        "Sales Accepted Lead",
        "Sales Qualified Lead (Opportunity)",
        "Customer",
    ]
    assert "To Marketing Qualified Lead: Score of 60 or more (score 60)" in rows[2][4].splitlines()
    assert rows[6][4] == "N/A"
    [first, *_] = json.loads(leadrelay("lifecycle", "export", "--json", "--playbook", str(playbook)).out)
    assert first["Team"] == "Marketing"


def test_a_file_that_is_there_stays_unless_it_may_be_replaced(leadrelay, playbook):
    before = (playbook / "lifecycle.yaml").read_text()
    refused = leadrelay("lifecycle", "init", "--defaults", "--playbook", str(playbook))
    assert refused.code == 2
    assert (playbook / "lifecycle.yaml").read_text() == before
    done = leadrelay("lifecycle", "init", "--defaults", "--replace", "--playbook", str(playbook))
    assert done.code == 0
    assert (playbook / "lifecycle.yaml.old").read_text() == before
    assert leadrelay("check", str(playbook)).code == 0


def test_the_defaults_are_the_starters(leadrelay, playbook):
    before = leadrelay("lifecycle", "export", "--playbook", str(playbook)).out.splitlines()
    leadrelay("lifecycle", "init", "--defaults", "--replace", "--playbook", str(playbook))
    after = leadrelay("lifecycle", "export", "--playbook", str(playbook)).out.splitlines()
    assert after[:8] == before[:8]


def test_answers_are_written_and_what_is_tested_leads_to_the_next_stage(leadrelay, playbook):
    own = {
        "q6": "Knows us.",
        "q8": "Write; Call",
        "q10": "score 50; did demo_request; Has time",
        "q11": "phone, title",
    }
    done = typed(playbook, answers(**own), "--replace")
    assert done.exit_code == 0, done.output
    assert leadrelay("check", str(playbook)).code == 0
    lifecycle = load(playbook).lifecycle
    prospect = lifecycle.stage("prospect")
    assert prospect is not None
    assert (prospect.definition, prospect.activities) == ("Knows us.", ("Write", "Call"))
    assert prospect.exit.mandatory == ("phone", "title")
    assert [(one.name, one.is_for_people) for one in prospect.exit.criteria] == [
        ("Score of 50", False),
        ("Did demo_request", False),
        ("Has time", True),
    ]
    [rule] = [one for one in lifecycle.rules if one.to == "mql"]
    assert (rule.min_score, rule.activity) == (50, "demo_request")


@pytest.mark.parametrize(
    ("own", "words"),
    [
        ({"q11": "phon"}, 'there is no lead field "phon". Did you mean "phone"?'),
        ({"q10": "did demo_reqest"}, 'no source brings the activity "demo_reqest"'),
        ({"q3": "score 1"}, "every lead begins here, whatever is known of it"),
        ({"q34": "score 1"}, "no lead moves on from here"),
        ({"q6": "-"}, "something must stand here"),
    ],
)
def test_an_answer_that_cannot_be_meant_is_said_and_nothing_is_written(playbook, own, words):
    before = (playbook / "lifecycle.yaml").read_text()
    done = typed(playbook, answers(**own), "--replace")
    assert done.exit_code == 2
    assert words in " ".join(done.output.split())
    assert (playbook / "lifecycle.yaml").read_text() == before


def test_times_are_reported_stage_by_stage_and_pass_by_pass(empty_store, leadrelay, playbook):
    store, now = open_store(empty_store), SystemClock().now()
    steps = [
        (None, "suspect", 1, 9),
        ("suspect", "mql", 1, 8),
        ("mql", "prospect", 2, 4),
        ("prospect", "mql", 2, 1),
    ]
    moved = [
        {
            "space": "main",
            "lead_id": "ld_1",
            "event": n,
            "at": now - timedelta(days=days),
            "stage": stage,
            "previous": previous,
            "by": "rules",
            "pass_number": number,
        }
        for n, (previous, stage, number, days) in enumerate(steps)
    ]
    lead = {"id": "ld_1", "space": "main", "stage": "mql"}
    store.write(lambda on: on.execute(sa.insert(tables.leads), [row_of_lead(lead, now)]))
    store.write(lambda on: on.execute(sa.insert(tables.stage_history), moved))
    store.close()
    environ = {"LEADRELAY_DATABASE_URL": empty_store, "LEADRELAY_PLAYBOOK": str(playbook)}
    told = json.loads(leadrelay("lifecycle", "times", "--json", **environ).out)
    assert [(one["stage"], one["pass"], one["entered"], one["left"]) for one in told] == [
        ("suspect", 1, 1, 1),
        ("prospect", 2, 1, 1),
        ("mql", 1, 1, 1),
        ("mql", 2, 1, 0),
    ]
    assert [one["median_seconds"] for one in told] == [86_400, 3 * 86_400, 4 * 86_400, None]
    assert [one["median_business_seconds"] for one in told] == [None] * 4
    assert "4 d" in leadrelay("lifecycle", "times", **environ).out
    assert leadrelay("lifecycle", "times", "--since", "soon", **environ).code == 2


def row_of_lead(given, now):
    """Make up what a lead's row needs beside what matters."""
    row = {}
    for column in tables.leads.columns:
        if column.nullable or column.server_default is not None:
            continue
        kind = column.type
        row[column.name] = (
            now if isinstance(kind, tables.Moment) else {} if isinstance(kind, tables.Json)
            else False if isinstance(kind, sa.Boolean) else "x" if isinstance(kind, sa.String) else 0
        )  # fmt: skip
    return row | given
