"""The pipelines of deals, tickets and leads, and the stages a record may be in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.hubspot.errors import Problem
from sandbox.hubspot.kinds import Kind
from sandbox.hubspot.properties import MADE_AT

_OPEN, _CLOSED = {"isClosed": "false"}, {"isClosed": "true"}
_DEALS = (
    ("appointmentscheduled", "Appointment Scheduled", "0.2"),
    ("qualifiedtobuy", "Qualified To Buy", "0.4"),
    ("presentationscheduled", "Presentation Scheduled", "0.6"),
    ("decisionmakerboughtin", "Decision Maker Bought-In", "0.8"),
    ("contractsent", "Contract Sent", "0.9"),
    ("closedwon", "Closed Won", "1.0"),
    ("closedlost", "Closed Lost", "0.0"),
)
_FIRST: Mapping[str, tuple[str, str, list[tuple[str, str, dict[str, str]]]]] = {
    "deals": (
        "default",
        "Sales Pipeline",
        [
            (name, label, (_CLOSED if name.startswith("closed") else _OPEN) | {"probability": chance})
            for name, label, chance in _DEALS
        ],
    ),
    "tickets": (
        "0",
        "Support Pipeline",
        [
            ("1", "New", _OPEN | {"ticketState": "OPEN"}),
            ("2", "Waiting on contact", _OPEN | {"ticketState": "OPEN"}),
            ("3", "Waiting on us", _OPEN | {"ticketState": "OPEN"}),
            ("4", "Closed", _CLOSED | {"ticketState": "CLOSED"}),
        ],
    ),
    "leads": (
        "lead-pipeline-id",
        "Lead pipeline",
        [
            ("new-stage-id", "New", _OPEN),
            ("attempting-stage-id", "Attempting", _OPEN),
            ("connected-stage-id", "Connected", _OPEN),
            ("qualified-stage-id", "Qualified", _CLOSED),
            ("unqualified-stage-id", "Disqualified", _CLOSED),
        ],
    ),
}


class Pipelines:
    """The pipelines of one object type, in HubSpot's shape, by id."""

    def __init__(self, kind: Kind) -> None:
        self.kind = kind
        pipeline_id, label, stages = _FIRST[kind.name]
        self.by_id: dict[str, dict[str, Any]] = {pipeline_id: a_pipeline(pipeline_id, label, 0, at=MADE_AT)}
        self.by_id[pipeline_id]["stages"] = [
            a_stage(stage_id, label, place, metadata, at=MADE_AT)
            for place, (stage_id, label, metadata) in enumerate(stages)
        ]

    @property
    def first(self) -> dict[str, Any]:
        """The pipeline a record is in that names none."""
        return min(self.by_id.values(), key=lambda told: int(told["displayOrder"]))

    def stage(self, pipeline_id: str, stage_id: str) -> dict[str, Any] | None:
        """A stage of a pipeline."""
        stages = self.by_id.get(pipeline_id, {}).get("stages", ())
        return next((stage for stage in stages if stage["id"] == stage_id), None)

    def check(self, values: dict[str, str], present: Mapping[str, str]) -> list[Problem]:
        """Fill in the pipeline where none is named; say what is wrong with pipeline and stage."""
        assert self.kind.pipeline is not None
        pipeline_name, stage_name = self.kind.pipeline
        if not values.get(pipeline_name) and not values.get(stage_name) and present:
            return []
        pipeline_id = values.get(pipeline_name) or present.get(pipeline_name) or self.first["id"]
        if pipeline_id not in self.by_id:
            return [_not_allowed(pipeline_name, pipeline_id, self.by_id)]
        stages = [stage["id"] for stage in self.by_id[pipeline_id]["stages"]]
        stage_id = values.get(stage_name) or present.get(stage_name)
        if stage_id and stage_id not in stages:
            return [_not_allowed(stage_name, stage_id, stages)]
        if not present:
            values[pipeline_name] = pipeline_id
            if self.kind.name == "leads":
                values.setdefault(stage_name, stages[0])
        return []

    def outcome(self, values: Mapping[str, str]) -> dict[str, str]:
        """What HubSpot derives from the stage of a deal."""
        if self.kind.name != "deals":
            return {}
        stage = self.stage(values.get("pipeline", ""), values.get("dealstage", ""))
        told = stage["metadata"] if stage else {}
        won = told.get("isClosed") == "true" and float(told.get("probability") or 0) == 1
        return {"hs_is_closed": told.get("isClosed", "false"), "hs_is_closed_won": str(won).lower()}


def a_pipeline(pipeline_id: str, label: str, order: int, *, at: str) -> dict[str, Any]:
    """A pipeline without stages."""
    return {
        "label": label, "displayOrder": order, "id": pipeline_id, "stages": [],
        "createdAt": at, "updatedAt": at, "archived": False,
    }  # fmt: skip


def a_stage(stage_id: str, label: str, order: int, metadata: Mapping[str, str], *, at: str) -> dict[str, Any]:
    """A stage."""
    return {
        "label": label, "displayOrder": order, "metadata": dict(metadata), "id": stage_id,
        "createdAt": at, "updatedAt": at, "archived": False,
        "writePermissions": "CRM_PERMISSIONS_ENFORCEMENT",
    }  # fmt: skip


def _not_allowed(name: str, value: str, allowed: Any) -> Problem:
    message = f"{value} was not one of the allowed options: [{', '.join(allowed)}]"
    return Problem("INVALID_OPTION", name, message)
