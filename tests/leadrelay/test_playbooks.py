"""A reload takes in everything but what the parts built at the start cannot follow."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from leadrelay.playbooks import PlaybookHolder

AFTER = "This takes effect after a restart; until then the playbook stays in force as it was."


def change(folder: Path, file: str, old: str, new: str) -> None:
    path = folder / file
    text = path.read_text(encoding="utf-8")
    assert old in text, f"{file} does not say {old!r}"
    path.write_text(text.replace(old, new), encoding="utf-8")


def of_other_kind(folder: Path) -> None:
    change(folder, "crm/hubspot.yaml", "kind: hubspot", "kind: salesforce")
    change(folder, "crm/hubspot.yaml", "account: companies", "account: Account")
    change(folder, "crm/hubspot.yaml", "\n  companies:", "\n  Account:")
    change(folder, "crm/hubspot.yaml", "  activities: {calls: 1m", "  # activities: {calls: 1m")
    change(folder, "crm/hubspot.yaml", "deal: deals", "deal: Opportunity")
    change(folder, "crm/hubspot.yaml", "\n  deals:", "\n  Opportunity:")


def copied(folder: Path, file: str, name: str) -> None:
    shutil.copy(folder / file, folder / name)
    change(folder, name, "connection: hubspot", "connection: second")


@pytest.fixture
def holder(playbook: Path) -> PlaybookHolder:
    return PlaybookHolder(playbook)


@pytest.mark.parametrize(
    ("edit", "complaint"),
    [
        (
            lambda folder: (folder / "crm/salesforce.yaml").unlink(),
            'crm/salesforce.yaml:8:1: the connection "salesforce" is gone',
        ),
        (
            lambda folder: copied(folder, "crm/hubspot.yaml", "crm/second.yaml"),
            'crm/second.yaml:10:1: the connection "second" is new',
        ),
        (
            of_other_kind,
            'crm/hubspot.yaml:10:1: the connection "hubspot" has changed in kind and limits',
        ),
        (
            lambda folder: change(folder, "crm/hubspot.yaml", "burst_calls:", "burst_calls: 1 #"),
            'crm/hubspot.yaml:10:1: the connection "hubspot" has changed in limits',
        ),
        (
            lambda folder: change(folder, "crm/salesforce.yaml", "LeadRelay_Id__c", "Other_Id__c"),
            'crm/salesforce.yaml:8:1: the connection "salesforce" has changed in id_field',
        ),
    ],
)
def test_a_change_of_the_connections_waits_for_a_restart(holder, edit, complaint):
    before = holder.pipeline()
    change(holder.folder, "scoring.yaml", "points: 30", "points: 29")
    edit(holder.folder)
    with capture_logs() as lines:
        assert [holder.reload_if_changed() for _ in range(3)] == [False] * 3
    assert holder.pipeline() is before  # what else was changed waits, too
    assert [(line["event"], line["log_level"]) for line in lines] == [("playbook.kept_old", "error")]
    said = f"the files on disk have 1 problem: {complaint}\n    {AFTER}"
    assert holder.complaint() == f"version {before.playbook.version} keeps running; {said}"


def test_any_other_change_of_a_map_is_taken_in(holder):
    change(holder.folder, "crm/hubspot.yaml", "authority: newest", "authority: crm")
    assert holder.reload_if_changed()
    assert holder.complaint() is None


def test_a_change_taken_back_ends_the_complaint_and_the_rest_is_taken_in(holder):
    kept = (holder.folder / "crm/salesforce.yaml").read_bytes()
    (holder.folder / "crm/salesforce.yaml").unlink()
    assert not holder.reload_if_changed()
    change(holder.folder, "scoring.yaml", "points: 30", "points: 29")
    (holder.folder / "crm/salesforce.yaml").write_bytes(kept)
    assert holder.reload_if_changed()
    assert holder.complaint() is None


def test_several_problems_are_counted(holder):
    change(holder.folder, "scoring.yaml", "points: 30", "points: thirty")
    change(holder.folder, "screening.yaml", "disposable: spam", "disposable: ham")
    assert not holder.reload_if_changed()
    problems = len(holder.problem.problems)
    assert problems > 1
    assert f"the files on disk have {problems} problems, first: scoring.yaml:" in holder.complaint()
