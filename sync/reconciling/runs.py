"""A comparison of one connection: what was asked for, how far it has come, what it has counted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from model.times import to_text
from sync.reconciling.kinds import Difference

RUNNING, DONE, FAILED = "running", "done", "failed"


@dataclass(frozen=True, slots=True)
class Asked:
    """How much a run looks at."""

    sample: int | None = None  # links; ``None``: all of them, and all records of the CRM
    object: str = ""  # only this one
    nightly: bool = False
    seed: str = ""  # of the sample; blank: the moment it began

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> Asked:
        """Read what a command handed in; ``KeyError`` or ``ValueError`` for anything else."""
        sample, object_type = row["sample"], row.get("object", "")
        is_number = isinstance(sample, int) and sample >= 1
        if not (sample is None or is_number) or not isinstance(object_type, str):
            raise ValueError("sample is a whole number above 0, or nothing for all, and object a text")
        return cls(sample, object_type)

    def as_row(self) -> dict[str, Any]:
        """Return it as it is kept."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Run:
    """One run, and how far it has come."""

    id: int
    connection: str
    asked: Asked
    by: str
    state: str
    steps: int
    place: Mapping[str, Any]
    chosen: Sequence[Sequence[str]]
    counts: Mapping[str, Any]
    tallies: Mapping[str, int]  # "kind object field" -> differences
    looked: int
    moving: int
    found: int
    faults: int
    faulty: int
    problem: str | None
    failing_since: datetime | None
    due_at: datetime
    begun_at: datetime
    moved_at: datetime
    finished_at: datetime | None

    @property
    def unexplained(self) -> int:
        """How many records and people no reason accounts for."""
        return sum(abs(sheet["unexplained"]) for sheets in self.counts.values() for sheet in sheets)

    @property
    def shares(self) -> dict[str, float]:
        """Return which share of each is wrong: of links compared, of people without a record, of counts."""
        missing = uncounted = here = total = 0
        for sheet in self.counts.get("here", ()):
            missing, here = missing + sheet["missing"], here + sheet["total"]
        for sheets in self.counts.values():
            uncounted += sum(abs(sheet["unexplained"]) for sheet in sheets)
            total += sum(sheet["total"] for sheet in sheets)
        parts = {
            "links": (self.faulty, self.looked),
            "missing": (missing, here),
            "counts": (uncounted, total),
        }
        return {name: part / max(1, whole) for name, (part, whole) in parts.items()}

    @property
    def by_kind(self) -> dict[str, int]:
        """How many differences of each kind."""
        found: dict[str, int] = {}
        for key, count in self.tallies.items():
            kind = key.split(" ", 1)[0]
            found[kind] = found.get(kind, 0) + count
        return found

    def as_dict(self) -> dict[str, Any]:
        """Return plain data for JSON, without what only the next step needs."""
        moments = ("begun_at", "moved_at", "finished_at")
        plain = ("id", "connection", "by", "state", "counts", "looked", "moving", "found", "faults")
        groups = [
            {"kind": kind, "object": object_type, "field": name, "differences": count}
            for (kind, object_type, name), count in self.groups()
        ]
        return (
            {name: getattr(self, name) for name in (*plain, "faulty", "shares", "problem")}
            | {name: (at := getattr(self, name)) and to_text(at) for name in moments}
            | {"asked": self.asked.as_row(), "unexplained": self.unexplained}
            | {"kinds": self.by_kind, "groups": groups}
        )

    def groups(self) -> list[tuple[tuple[str, str, str], int]]:
        """Return (kind, object, field) with their counts, the most first."""
        parted = [(key.split(" ", 2), count) for key, count in self.tallies.items()]
        found = [((kind, object_type, name), count) for (kind, object_type, name), count in parted]
        return sorted(found, key=lambda one: (-one[1], one[0]))


@dataclass(frozen=True, slots=True)
class Found:
    """What a step adds to its run."""

    differences: Sequence[Difference] = ()
    looked: int = 0
    moving: int = 0

    @property
    def faulty(self) -> int:
        """How many of the links looked at have something wrong with them."""
        return (
            len({(one.object, one.record_id) for one in self.differences if one.is_fault})
            if self.looked
            else 0
        )
