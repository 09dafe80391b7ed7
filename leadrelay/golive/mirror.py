"""How far the mirror of a connection has come, as a plan must know it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy.engine import Connection

from mappings.playbook import CrmMap
from sync import cursors, matching
from sync.cursors import BACKFILL, MATCH


@dataclass(frozen=True, slots=True)
class MirrorState:
    """Whether everybody whom the account has is known here."""

    is_whole: bool  # every object in which people are looked for was read to its end
    is_matched: bool  # and the leads from before were looked up in it
    objects: tuple[dict[str, Any], ...]  # object, records read, total where the account tells it, problem

    @classmethod
    def read(cls, snapshot: Connection, space: str, crm: CrmMap) -> MirrorState:
        """Look at the walks of a connection."""
        stored = cursors.load(snapshot, space, crm.connection)
        is_whole = matching.is_whole(stored, crm)
        walks = [one for one in stored if one.job == BACKFILL]
        match = next((one for one in stored if one.job == MATCH), None)
        is_matched = is_whole and match is not None and not match.is_walking
        objects = tuple(
            {
                "object": one.object,
                "read": one.seen,
                "total": one.total,
                "is_whole": one.finished_at is not None,
                "problem": one.problem,
            }
            for one in walks
        )
        return cls(is_whole, is_matched, objects)

    def sentence(self, connection: str) -> str:
        """Say what it means for a plan; blank where all is known."""
        if not self.is_whole:
            read = ", ".join(f"{one['object']} {one['read']:,}" for one in self.objects) or "nothing yet"
            return (
                f"THE MIRROR OF {connection} IS NOT COMPLETE (read: {read}). People who are there already "
                f"may be counted as new: take `create` as an upper bound, and plan again when it is "
                f"complete. See: leadrelay backfill {connection}"
            )
        if not self.is_matched:
            return (
                f"The leads that came in before the mirror of {connection} are still being looked up in it: "
                f"some of `create` will become `update`. Plan again in a while."
            )
        return ""
