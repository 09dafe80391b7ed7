"""`leadrelay source add`: a ready-made source in the playbook, and what to do next."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from leadrelay.cli import sources
from mappings import presets
from mappings.compile import check, load
from mappings.inward import read
from model.event import Event, EventKind, StoredEvent
from tests.webhooks.house import NOON, a_house


def test_without_a_name_every_preset_is_listed(leadrelay):
    lines = leadrelay("source", "add").out.splitlines()
    assert [line.split()[0] for line in lines] == presets.names()
    assert "typeform           Typeform: each submission as its webhook posts it, signed" in lines


@pytest.mark.parametrize("name", presets.names())
def test_each_preset_is_sound_in_the_starter(leadrelay, playbook, name):
    answer = leadrelay("source", "add", name, "--playbook", str(playbook))
    assert answer.code == 0
    assert check(playbook) == []
    assert load(playbook).sources[name].auth.secret_env in answer.out
    assert f"Wrote {playbook}/sources/{name}.yaml." in answer.out
    assert f"/in/{name}" in answer.out
    assert answer.out.endswith(f"Next: leadrelay check {playbook}\n")


@pytest.mark.parametrize("name", presets.names())
def test_each_preset_says_what_it_follows(name):
    text = presets.read(name).text
    assert text.startswith("# yaml-language-server: $schema=../.schemas/source.json\n#\n# ")
    assert "https://" in text or "docs/sources.md" in text


def test_a_source_of_another_name_has_a_secret_of_its_own(leadrelay, playbook, monkeypatch):
    monkeypatch.setenv("LEADRELAY_PUBLIC_URL", "https://leads.northlight.example/")
    answer = leadrelay("source", "add", "jotform", "partner-form", "--playbook", str(playbook))
    assert answer.out == (
        f"Wrote {playbook}/sources/partner-form.yaml. "
        "What it follows, and what to write in the tool, is at its top.\n"
        "Set LEADRELAY_SOURCE_PARTNER_FORM_TOKEN to a token, long and random, and start leadrelay again.\n"
        "Give the tool the address https://leads.northlight.example/in/partner-form?key=THE-TOKEN\n"
        f"Next: leadrelay check {playbook}\n"
    )
    source = load(playbook).sources["partner-form"]
    assert source.auth.secret_env == "LEADRELAY_SOURCE_PARTNER_FORM_TOKEN"


def test_nothing_is_overwritten(leadrelay, playbook):
    path = playbook / "sources" / "website.yaml"
    before = path.read_text()
    answer = leadrelay("source", "add", "form", "website", "--playbook", str(playbook))
    assert (answer.code, answer.out) == (1, "")
    assert answer.err == f"{path} is there already; name another source, so that nothing is overwritten.\n"
    assert path.read_text() == before


@pytest.mark.parametrize("name", ["../crm/evil", "a/b", "-x", " ", "x\n", "x" * 65])
def test_a_name_that_is_none_writes_nothing(leadrelay, playbook, name):
    before = sorted(playbook.rglob("*"))
    answer = leadrelay("source", "add", "--playbook", str(playbook), "--", "form", name)
    assert (answer.code, answer.out) == (2, "")
    assert "cannot be the name of a source" in answer.err
    assert sorted(playbook.rglob("*")) == before


def test_an_unknown_preset_and_a_folder_that_is_no_playbook_are_told(leadrelay, tmp_path):
    unknown = leadrelay("source", "add", "typefrom", "--playbook", str(tmp_path))
    assert unknown.code == 2
    assert unknown.err.startswith("There is no preset typefrom; there are calendly, ")
    nowhere = leadrelay("source", "add", "typeform", "--playbook", str(tmp_path))
    assert nowhere.code == 1
    assert nowhere.err == f"{tmp_path} is no playbook. Write one with `leadrelay init {tmp_path}`.\n"
    assert list(tmp_path.iterdir()) == []


class Secrets:
    """Settings that know one secret for every source."""

    def secret(self, name: str) -> str:
        return "a secret of the tool's"


def test_of_a_source_whose_leads_are_read_no_test_lead_is_made_up(leadrelay, playbook, empty_store):
    name = "facebook_lead_ads"
    added = leadrelay("source", "add", name, "--playbook", str(playbook))
    source = load(playbook).sources[name]
    for variable in (source.auth.secret_env, source.auth.verify_env, source.lead_ads.secret_env):
        assert variable in added.out
    environ = {"LEADRELAY_DATABASE_URL": empty_store, "LEADRELAY_PLAYBOOK": str(playbook)}
    answer = leadrelay("source", "test", name, **environ)
    assert answer.code == 2
    assert "Let facebook send a test lead" in answer.err


WITH_LEADS = [name for name in presets.names() if not presets.read(name).lead_ads]


@pytest.mark.parametrize("name", WITH_LEADS)
def test_source_test_speaks_every_senders_language(leadrelay, playbook, name):
    """What `leadrelay source test` posts is taken, with its proof, and read as the test lead."""
    leadrelay("source", "add", name, "--playbook", str(playbook))
    made = load(playbook)
    source = made.sources[name]
    body: dict[str, Any] = sources.test_body(source, "leadrelay-test-1@example.com")
    if source.auth.field:
        body[source.auth.field] = Secrets().secret("")
    house = a_house()
    house.playbook = made
    house.clock.at = datetime.now(UTC)
    house.secrets[source.auth.secret_env] = Secrets().secret("")
    query: Mapping[str, str] = {source.auth.query: Secrets().secret("")} if source.auth.query else {}
    raw = json.dumps(body).encode()
    answer = house.client.post(
        f"/in/{name}", data=raw, headers=sources.signed(source, raw, Secrets()), query_string=query
    )
    assert answer.status_code == source.success_status
    [event] = house.inbox.events
    assert isinstance(event, Event)
    assert event.kind is EventKind.INTAKE
    found = read(StoredEvent(1, event, 0, NOON, 1), made)
    assert found.is_test
    assert found.fields["email"] == "leadrelay-test-1@example.com"
    assert found.fields["first_name"] == "Test"
