"""Which part of the work a process does: all of it, or one role of several when scaled out."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Work(StrEnum):
    """A part of the work."""

    RECEIVE = "receive"  # HTTP: intake, webhooks, pages, the read API
    DECIDE = "decide"  # stand by for the decider's lease, and decide with it
    DELIVER = "deliver"  # write to the CRMs, send tasks and messages
    FOLLOW = "follow"  # read what changes in the CRMs, and fill the mirror
    SCHEDULE = "schedule"  # what the clock starts, once for all processes


@dataclass(frozen=True, slots=True)
class Role:
    """A name and its works."""

    name: str
    works: frozenset[Work]

    def does(self, work: Work) -> bool:
        """Say whether it does this part."""
        return work in self.works


SERVE = Role("serve", frozenset(Work))
WEB = Role("web", frozenset({Work.RECEIVE}))
WORKER = Role("worker", frozenset({Work.DECIDE, Work.DELIVER, Work.FOLLOW}))
SCHEDULER = Role("scheduler", frozenset({Work.SCHEDULE}))
