"""The whole command against both sandboxes: all well, then broken in one place after the other."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import requests

from mappings.starter import write_starter
from sync import migrate
from tests.journeys.crms import TOKENS, Crm, running_crms
from tests.journeys.house import environment
from tests.leadrelay.conftest import run

SECRETS = {  # what the starter asks of the environment
    "LEADRELAY_SOURCE_AUTOMATION_SECRET": "whsec_c2VjcmV0LW9mLWEtdGVzdA==",
    "LEADRELAY_SOURCE_EVENTS_TOKEN": "events",
    "LEADRELAY_SOURCE_PARTNER_SECRET": "partner",
    "LEADRELAY_SLACK_WEBHOOK_URL": "http://127.0.0.1:9/hook",
}


@pytest.fixture(scope="module")
def shared() -> Iterator[Mapping[str, Crm]]:
    with running_crms() as found:
        yield found


@pytest.fixture
def crms(shared: Mapping[str, Crm]) -> Mapping[str, Crm]:
    for crm in shared.values():
        crm.reset()
    return shared


@pytest.fixture
def environ(tmp_path: Path, crms: Mapping[str, Crm]) -> dict[str, str]:
    url = f"sqlite:///{tmp_path / 'store.db'}"
    migrate.upgrade(url)
    write_starter(tmp_path / "playbook")
    return environment(url, tmp_path / "playbook", crms) | SECRETS


def examined(environ: Mapping[str, str], *words: str) -> tuple[int, list[dict[str, str]]]:
    answer = run("doctor", "--json", *words, **environ)
    assert not any(secret in answer.out + answer.err for secret in TOKENS.values())
    found: list[dict[str, Any]] = json.loads(answer.out)["findings"]
    return answer.code, found


def bad(environ: Mapping[str, str], *words: str) -> tuple[int, list[str]]:
    code, found = examined(environ, *words)
    return code, [f"{one['level']} {one['area']}: {one['fact']}" for one in found if one["level"] != "ok"]


def test_the_starter_on_both_sandboxes_is_well(environ):
    assert bad(environ) == (0, [])
    areas = [one["area"] for one in examined(environ)[1]]
    assert list(dict.fromkeys(areas)) == [
        "store", "secrets", "playbook", "door", "alerts", "environment", "hubspot", "salesforce", "people",
    ]  # fmt: skip


def test_what_the_playbook_asks_of_the_environment_is_told_with_its_variables(environ):
    without = {name: value for name, value in environ.items() if name not in SECRETS}
    assert bad(without) == (
        0,
        [
            "warn environment: the source automation has no secret: its posts are answered 401",
            "warn environment: the source events has no secret: its posts are answered 401",
            "warn environment: the source partner has no secret: its posts are answered 401",
            "warn environment: the channel slack is not set up: its messages are withheld",
        ],
    )
    fixes = [one["fix"] for one in examined(without)[1] if one["area"] == "environment"]
    for name, fix in zip(SECRETS, fixes, strict=True):
        assert f"Set {name} or {name}_FILE" in fix


def test_it_reads_like_a_list_with_what_to_do_below(environ):
    answer = run("doctor", "hubspot", **environ | {"LEADRELAY_HUBSPOT_TOKEN": "pat-wrong"})
    assert answer.code == 1
    assert answer.out.startswith("problem  hubspot     not reachable as it is set up: HubSpot 401: ")
    assert "\n                     Do what it says, or connect it anew.\n" in answer.out
    assert answer.out.endswith("1 problem and 0 warnings in 2 findings.\n")
    assert "pat-wrong" not in answer.out


def test_a_property_that_was_archived_is_missed(environ, crms):
    headers = {"Authorization": f"Bearer {TOKENS['hubspot']}"}
    url = f"{crms['hubspot'].url}/crm/properties/2026-09/contacts/lead_source"
    assert requests.delete(url, headers=headers, timeout=60).status_code == 204
    assert bad(environ, "hubspot") == (1, ["problem hubspot: contacts: not there, or hidden: lead_source"])


def test_a_map_that_does_not_fit_is_told_with_its_line(environ):
    file = Path(environ["LEADRELAY_PLAYBOOK"]) / "crm" / "salesforce.yaml"
    text = file.read_text()
    file.write_text(text.replace("Title:    {field: title, authority: crm, max_length: 128}",
                                 "Title:    {field: title, authority: crm, max_length: 200}", 1))  # fmt: skip
    assert bad(environ, "salesforce") == (
        1, ["problem salesforce: Lead.Title: takes 128 characters, and the map sends up to 200"],
    )  # fmt: skip


def test_an_api_version_that_is_gone_is_told(environ):
    code, found = bad(environ | {"LEADRELAY_SALESFORCE_API_VERSION": "20.0"}, "salesforce")
    assert (code, found[-1]) == (1, "problem salesforce: API version 20.0 is not supported")


def test_a_map_that_counts_on_more_calls_than_there_are_is_told(environ, crms):
    crms["salesforce"].faults(limits={"daily": 5000})
    assert bad(environ, "salesforce") == (
        0, ["warn salesforce: the map counts on 100,000 calls a day, and the account has 5,000"],
    )  # fmt: skip


def test_a_crm_that_is_away_is_a_problem_and_the_other_is_looked_at(environ):
    code, found = bad(environ | {"LEADRELAY_HUBSPOT_BASE_URL": "http://127.0.0.1:9"})
    assert (code, len(found)) == (1, 1)
    assert found[0].startswith("problem hubspot: not reachable as it is set up: HubSpot could not be reached")


def test_a_broken_playbook_is_told_line_by_line(environ):
    (Path(environ["LEADRELAY_PLAYBOOK"]) / "routing.yaml").write_text("pools: 7\n")
    code, found = bad(environ)
    assert code == 1
    assert found[0].startswith("problem playbook: routing.yaml:1:")


def test_a_connection_that_nobody_set_up_or_mapped_is_told(environ):
    del environ["LEADRELAY_HUBSPOT_TOKEN"]
    assert bad(environ, "hubspot") == (
        0, ["warn hubspot: not set up; the map of the playbook does nothing"],
    )  # fmt: skip
    assert bad(environ, "crm2")[1] == [
        "warn crm2: no crm/*.yaml says `connection: crm2`, so nothing is done with it"
    ]
