"""The same runs with merges and deletions carried to the other CRM: what can be done is done, once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask

from mappings.playbook import DeleteBrake, Playbook
from sync import carrying, errands, proposals, tables, telling
from sync.errands import Outlet
from sync.proposals import Proposal
from tests.agreement import test_agreement
from tests.agreement.test_agreement import playbook, seeds, url, vendors
from tests.agreement.world import World

__all__ = ["playbook", "url", "vendors"]

NEVER = DeleteBrake(count=10_000, share=1.0)


@dataclass
class CarryingWorld(World):
    """A world in which leadrelay does to the other CRM's records what people did to one's."""

    def start(self) -> None:
        super().start()
        self.outlets = {
            name: Outlet(
                name=name,
                store=self.store,
                clock=self.now,
                playbook=lambda: self.playbook,
                writing=lambda: list(self.targets),
                readers=lambda: {one: target.connector for one, target in self.targets.items()},
                address=lambda _ref: None,
            )
            for name in self.targets
        }
        for name, outlet in self.outlets.items():
            outlet.connector = self.targets[name].connector

    def deliver(self, name: str) -> int:
        return super().deliver(name) + self.tell(name)

    def tell(self, name: str) -> int:
        """Do the deeds that are due."""
        claimed = errands.claim(self.outlets[name])
        if claimed is None:
            return 0
        telling.finish(self.outlets[name], claimed)
        return len(claimed.errands)


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


@pytest.mark.parametrize("seed", seeds("1:6"))
def test_in_the_end_all_three_agree_and_nothing_waits_that_could_be_done(
    vendors: Mapping[str, tuple[Flask, str]],
    playbook: Playbook,
    url: Path,
    seed: int,
    monkeypatch: pytest.MonkeyPatch,
):
    crms = {
        name: replace(crm, merges="do", on_delete="delete", delete_brake=NEVER)
        for name, crm in playbook.crms.items()
    }
    left: list[Proposal] = []

    def problems(world: World) -> list[str]:
        left.extend(left_over(world))
        return found(world)

    found = test_agreement.problems
    monkeypatch.setattr(test_agreement, "World", CarryingWorld)
    monkeypatch.setattr(test_agreement, "problems", problems)
    test_agreement.run(url, vendors, replace(playbook, crms=crms), seed)
    assert left == []
