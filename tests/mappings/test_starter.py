"""The starter playbook is sound, complete, and means what its comments say."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from handlers.points import points
from mappings.compile import DEFAULT_HANDLERS, check, load
from mappings.schema import KINDS, json_schemas
from mappings.starter import FOLDER, write_starter
from model.lead import TOUCH_FIELDS, Activity, Lead

PLAYBOOK = load(FOLDER)
FILES = sorted(FOLDER.rglob("*.yaml"))
NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
TEAM = {
    f"{name}@northlight.example"
    for name in (
        "anna.keller",
        "ben.carter",
        "chloe.martin",
        "david.nguyen",
        "elena.rossi",
        "farid.haddad",
        "mei.tanaka",
        "grace.obrien",
    )
}


def a_lead(*activities: str, **fields: Any) -> Lead:
    return Lead("L1", fields=fields, activities=[Activity(kind, NOON) for kind in activities])


def score(lead: Lead) -> int:
    return points(lead, PLAYBOOK.scoring, NOON).total


def test_the_starter_has_no_problem():
    assert check(FOLDER) == []


@pytest.mark.parametrize(
    ("lead", "expected"),
    [
        (a_lead(), 0),
        (a_lead("newsletter", email="reader@northpost.example"), 5),
        (a_lead("content_download"), 15),
        (a_lead("content_download", "content_download", "content_download"), 30),
        (a_lead("demo_request"), 30),
        (a_lead("demo_request", employees=120, title="VP Sales"), 60),
        (
            a_lead("demo_request", employees=120, annual_revenue=5e6, title="VP Sales", industry="Software"),
            70,
        ),
        (a_lead("demo_request", "pricing_inquiry", "contact_sales"), 40),
        (a_lead("webinar_attended", employees=900, title="Director of IT"), 40),
        (a_lead("contact_sales", buying_timeframe="1-3 months"), 35),
        (a_lead("email_open", "email_open", "email_open", "email_open", "email_open", "email_click"), 17),
        (a_lead("newsletter", last_touch={"source": "linkedin", "channel": "paid_social"}), 15),
        (a_lead("content_download", title="Student"), 15),  # fit never falls below 0
        (a_lead(title="Intern to the director"), 0),
    ],
)
def test_worked_examples_of_the_score(lead, expected):
    assert score(lead) == expected


def test_the_groups_are_shared_out_40_40_20():
    assert [(group.name, group.cap) for group in PLAYBOOK.scoring.groups] == [
        ("fit", 40),
        ("intent", 40),
        ("engagement", 20),
    ]


def test_the_stages_in_their_order_in_life():
    names = [stage.name for stage in PLAYBOOK.lifecycle.stages]
    assert names == ["suspect", "prospect", "mql", "sal", "sql", "customer", "nurture", "disqualified"]
    assert [name for name in names if PLAYBOOK.lifecycle.is_beside(name)] == ["nurture", "disqualified"]


@pytest.mark.parametrize(
    ("lead", "stages"),
    [
        (a_lead("newsletter"), set()),
        (a_lead("content_download"), {"prospect"}),
        (a_lead("demo_request"), {"mql"}),
        (a_lead("contact_sales", message="How much is it? Please send a quote."), {"prospect", "mql"}),
        (a_lead("contact_sales", buying_timeframe="1-3 months"), {"prospect", "mql"}),
        (a_lead("contact_sales", message="Where is your office?"), {"prospect"}),
        (a_lead(score=60), {"mql"}),
        (a_lead(score=59), set()),
    ],
)
def test_what_moves_a_lead_forward(lead, stages):
    found = {
        rule.to
        for rule in PLAYBOOK.lifecycle.rules
        if (rule.min_score is None or lead.score >= rule.min_score)
        and (rule.when is None or rule.when.matches(lead))
        and (not rule.activity or rule.activity in {activity.kind for activity in lead.activities})
    }
    assert found == stages


@pytest.mark.parametrize(
    ("country", "pool"),
    [
        ("DE", "emea"),
        ("GB", "emea"),
        ("US", "americas"),
        ("BR", "americas"),
        ("JP", "apac"),
        (None, "americas"),
    ],
)
def test_territories(country, pool):
    lead = a_lead(country=country)
    found = next((one.pool for one in PLAYBOOK.routing.territories if one.when.matches(lead)), None)
    assert (found or PLAYBOOK.routing.fallback_pool) == pool


def test_the_pools_hold_the_team_and_nobody_else():
    assert {member.email for pool in PLAYBOOK.routing.pools.values() for member in pool.members} == TEAM


def test_both_crms_get_every_part_of_both_touches():
    for connection, names in (("hubspot", ["contacts"]), ("salesforce", ["Lead", "Contact"])):
        for name in names:
            mapped = {rule.field for rule in PLAYBOOK.crms[connection].objects[name].fields}
            parts = set(TOUCH_FIELDS) - {"click_id_kind"}
            assert {f"{touch}.{part}" for touch in ("first_touch", "last_touch") for part in parts} <= mapped
            assert {"id", "email", "owner", "stage", "score"} <= mapped


def test_the_limits_are_those_of_the_vendors():
    hubspot, salesforce = PLAYBOOK.crms["hubspot"].limits, PLAYBOOK.crms["salesforce"].limits
    assert (hubspot.burst_calls, hubspot.burst_seconds, hubspot.reserve) == (110, 10, 0.2)
    assert (salesforce.daily_calls, salesforce.reserve) == (100_000, 0.2)


def test_the_pipeline_has_the_known_handlers_in_order():
    assert PLAYBOOK.pipeline == DEFAULT_HANDLERS


@pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])
def test_every_file_names_its_schema_and_teaches(path: Path):
    kind = {"sources": "source", "crm": "crm", "tests": "test"}.get(path.parent.name, path.stem)
    up = "../" if path.parent != FOLDER else ""
    lines = path.read_text(encoding="utf-8").splitlines()
    assert lines[0] == f"# yaml-language-server: $schema={up}.schemas/{kind}.json"
    assert lines[1] == "#"
    assert lines[2].startswith("# ")


def test_writing_the_starter_gives_a_sound_playbook_with_its_schemas(tmp_path):
    written = write_starter(tmp_path / "playbook")
    assert check(tmp_path / "playbook") == []
    assert load(tmp_path / "playbook").version == PLAYBOOK.version
    schemas = {path.stem for path in (tmp_path / "playbook" / ".schemas").iterdir()}
    assert schemas == set(KINDS)
    assert len(written) == len(FILES) + len(KINDS)


def test_a_folder_that_holds_something_is_not_overwritten(tmp_path):
    (tmp_path / "scoring.yaml").write_text("mine", encoding="utf-8")
    with pytest.raises(FileExistsError, match="is not empty"):
        write_starter(tmp_path)
    assert (tmp_path / "scoring.yaml").read_text(encoding="utf-8") == "mine"


def test_the_schemas_describe_settings_and_know_short_forms():
    source = json_schemas()["source"]
    assert source["additionalProperties"] is False
    assert source["properties"]["dedupe_window"]["description"]
    forms = source["properties"]["fields"]["additionalProperties"]["anyOf"]
    assert {form.get("type") for form in forms} >= {"string", "array"}
    json.dumps(json_schemas())
