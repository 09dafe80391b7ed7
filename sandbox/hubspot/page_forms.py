"""What a record's page lets a person do: edit it, give it to someone, log something, win a deal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from sandbox.hubspot.kinds import KINDS, Kind
from sandbox.records import Record
from sandbox.vendor import Blank, Form

if TYPE_CHECKING:
    from sandbox.hubspot.account import HubSpot

NOTHING = {"": "–"}
CALL = (
    Blank("fields.hs_call_title", "What it was about"),
    Blank(
        "fields.hs_call_direction", "Direction", "OUTBOUND", {"OUTBOUND": "Outbound", "INBOUND": "Inbound"}
    ),
    Blank("fields.hs_call_body", "Notes", is_long=True),
)
TASK = (Blank("fields.hs_task_subject", "What to do"), Blank("fields.hs_task_body", "Notes", is_long=True))
NOTE = (Blank("fields.hs_note_body", "Note", is_long=True),)


def of(account: HubSpot, name: str, record: Record) -> Sequence[Form]:
    """The forms of a record; none for owners and for what is gone for good."""
    kind = KINDS.get(name)
    if kind is None or account.tables[name].is_gone(record):
        return ()
    if record.archived_at is not None:
        return (Form("restore", "Restore", "Restore"),)
    return tuple(_forms(account, kind, record))


def _forms(account: HubSpot, kind: Kind, record: Record) -> Iterator[Form]:
    owners = _owners(account)
    present = str(record.values.get("hubspot_owner_id") or "")
    yield Form("edit", "Edit", "Save", tuple(_blanks(account, kind, record)))
    yield Form("change_owner", "Change owner", "Give", (Blank("owner", "Owner", present, owners),))
    if not kind.is_activity:
        yield Form("log_call", "Log a call", "Log call", CALL)
        yield Form("log_task", "Make a task", "Make task", TASK)
        yield Form("log_note", "Write a note", "Save note", NOTE)
    if kind.name == "deals" and record.values.get("hs_is_closed") != "true":
        yield Form("win_deal", "Win the deal", "Won!")
        yield Form("lose_deal", "Lose the deal", "Lost")
    if kind.merges:
        yield Form(
            "merge", "Merge", "Merge", (Blank("other", f"Id of the {kind.singular} to merge into this one"),)
        )
    yield Form("delete", "Delete", "Delete")


def _blanks(account: HubSpot, kind: Kind, record: Record) -> Iterator[Blank]:
    """The properties that matter most and can be written."""
    definitions = account.objects[kind.name].definitions
    for name in dict.fromkeys((*kind.view.title, *kind.shown, *kind.view.columns, *_pipeline(kind))):
        told = definitions.get(name)
        if told is None or told["modificationMetadata"]["readOnlyValue"] or name == "hubspot_owner_id":
            continue
        value = str(record.values.get(name) or "")
        choices = _choices(account, kind, told, record)
        yield Blank(
            f"fields.{name}", told["label"], value, choices, told["fieldType"] in ("textarea", "html")
        )


def _pipeline(kind: Kind) -> Sequence[str]:
    return kind.pipeline or ()


def _choices(account: HubSpot, kind: Kind, told: dict[str, Any], record: Record) -> dict[str, str] | None:
    if kind.pipeline and told["name"] in kind.pipeline:
        pipelines = account.objects[kind.name].pipelines
        assert pipelines is not None
        if told["name"] == kind.pipeline[0]:
            return {pipeline_id: pipeline["label"] for pipeline_id, pipeline in pipelines.by_id.items()}
        pipeline = pipelines.by_id.get(str(record.values.get(kind.pipeline[0])), pipelines.first)
        return {stage["id"]: stage["label"] for stage in pipeline["stages"]}
    options = {option["value"]: option["label"] for option in told["options"]}
    return NOTHING | options if options and told["fieldType"] != "checkbox" else None


def _owners(account: HubSpot) -> dict[str, str]:
    owners = account.tables["owners"].after()
    return NOTHING | {row.id: f"{row.values['firstName']} {row.values['lastName']}" for row in owners}
