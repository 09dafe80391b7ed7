"""The same runs with merges and deletions carried to the other CRM: what can be done is done, once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from mappings.playbook import DeleteBrake
from sync import proposals, tables
from sync.deciding import carrying
from sync.proposals import Proposal
from tests.agreement import checks, running
from tests.agreement.world import World

NEVER = DeleteBrake(count=10_000, share=1.0)


def left_over(world: World) -> list[Proposal]:
    """Return what is still asked though leadrelay could have done it."""
    with world.store.snapshot() as snapshot:
        ids = snapshot.execute(sa.select(tables.proposals.c.id)).scalars().all()
        found = proposals.load(snapshot, "main", ids).values()
    return [
        one
        for one in found
        if one.state in (proposals.OPEN, proposals.ACCEPTED)
        and not (one.kind == proposals.MERGE and carrying.by_hand(one.kept or one.ref, one.ref))
    ]


def problems(world: World) -> list[str]:
    """Return what is wrong with how a run ended."""
    return [*checks.problems(world), *(f"{one.what} is {one.state} still" for one in left_over(world))]


def test_in_the_end_all_three_agree_and_nothing_waits_that_could_be_done(
    migrated_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(running, "problems", problems)
    playbook = running.playbook_in(tmp_path / "starter")
    crms = {
        name: replace(crm, merges="do", on_delete="delete", delete_brake=NEVER)
        for name, crm in playbook.crms.items()
    }
    with running.both_crms() as vendors:
        runs = running.Runs(vendors, replace(playbook, crms=crms), Path(migrated_file), tmp_path)
        failed = runs.fail(running.seeds("1:12"), webhooks=True)
    assert not failed, "\n\n".join(failed)
