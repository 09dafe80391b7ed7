"""What a record's page lets a person do: edit it, give it to someone, log something, win a deal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sandbox.hubspot.kinds import KINDS, Kind
from sandbox.records import Record
from sandbox.vendor import Blank, Form

if TYPE_CHECKING:
    from sandbox.hubspot.account import HubSpot

NOTHING = {"": "–"}
INPUTS = {"date": "date", "number": "number", "phonenumber": "tel"}  # HubSpot's field type -> HTML's
MORE = ("phone", "jobtitle", "city", "country", "description", "industry")  # where a type has them
CALL = (
    Blank("fields.hs_call_title", "What it was about", required=True),
    Blank(
        "fields.hs_call_direction", "Direction", "OUTBOUND", {"OUTBOUND": "Outbound", "INBOUND": "Inbound"}
    ),
    Blank("fields.hs_call_body", "Notes", kind="area"),
)
TASK = (
    Blank("fields.hs_task_subject", "What to do", required=True),
    Blank("fields.hs_task_body", "Notes", kind="area"),
)
NOTE = (Blank("fields.hs_note_body", "Note", kind="area"),)


def of(account: HubSpot, name: str, record: Record | None) -> Sequence[Form]:
    """The forms of a record or of a list; none for owners and for what is gone for good."""
    kind = KINDS.get(name)
    if kind is None or (record is not None and account.tables[name].is_gone(record)):
        return ()
    if record is None:  # activities are logged on a record, and a lead is one of a contact
        makes = not kind.is_activity and kind.name != "leads"
        new = Form("create", f"New {kind.singular}", "Save", tuple(_blanks(account, kind, None)))
        return (new,) if makes else ()
    if record.archived_at is not None:
        return (Form("restore", "Restore", "Take out of the recycle bin"),)
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


def _blanks(account: HubSpot, kind: Kind, record: Record | None) -> Iterator[Blank]:
    """The properties that matter most and can be written."""
    definitions = account.objects[kind.name].definitions
    values = record.values if record else {}
    for name in dict.fromkeys((*kind.view.title, *kind.shown, *kind.view.columns, *_pipeline(kind), *MORE)):
        told = definitions.get(name)
        if told is None or told["modificationMetadata"]["readOnlyValue"] or name == "hubspot_owner_id":
            continue
        choices = _choices(account, kind, told, values)
        look = "area" if told["fieldType"] in ("textarea", "html") else INPUTS.get(told["fieldType"], "text")
        value = str(values.get(name) or "")
        yield Blank(f"fields.{name}", told["label"], value, choices, look, required=(name,) in kind.required)


def _pipeline(kind: Kind) -> Sequence[str]:
    return kind.pipeline or ()


def _choices(
    account: HubSpot, kind: Kind, told: dict[str, Any], values: Mapping[str, Any]
) -> dict[str, str] | None:
    if kind.pipeline and told["name"] in kind.pipeline:
        pipelines = account.objects[kind.name].pipelines
        assert pipelines is not None
        if told["name"] == kind.pipeline[0]:
            return {pipeline_id: pipeline["label"] for pipeline_id, pipeline in pipelines.by_id.items()}
        pipeline = pipelines.by_id.get(str(values.get(kind.pipeline[0])), pipelines.first)
        return {stage["id"]: stage["label"] for stage in pipeline["stages"]}
    options = {option["value"]: option["label"] for option in told["options"]}
    return NOTHING | options if options and told["fieldType"] != "checkbox" else None


def _owners(account: HubSpot) -> dict[str, str]:
    owners = account.tables["owners"].after()
    return NOTHING | {row.id: f"{row.values['firstName']} {row.values['lastName']}" for row in owners}
