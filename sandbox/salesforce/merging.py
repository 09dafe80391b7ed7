"""Merges up to three records into one: the others go to the recycle bin, their children to the one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sandbox.records import Record
from sandbox.salesforce.errors import SalesforceError
from sandbox.salesforce.rules.base import live
from sandbox.salesforce.rules.campaigns import count_members, person_shown
from sandbox.salesforce.schema import ObjectType
from sandbox.salesforce.writes import Writer

if TYPE_CHECKING:
    from sandbox.salesforce.org import Org

MAX_OTHERS = 2

# What refers to a record of each mergeable type, and moves along with a merge.
_CHILDREN: dict[str, tuple[tuple[str, str], ...]] = {
    "Lead": (("Task", "WhoId"), ("Event", "WhoId"), ("CampaignMember", "LeadId")),
    "Contact": (
        ("Task", "WhoId"), ("Event", "WhoId"), ("CampaignMember", "ContactId"), ("Case", "ContactId"),
        ("Opportunity", "ContactId"), ("OpportunityContactRole", "ContactId"),
    ),
    "Account": (
        ("Contact", "AccountId"), ("Opportunity", "AccountId"), ("Case", "AccountId"),
        ("Task", "WhatId"), ("Event", "WhatId"), ("Account", "ParentId"),
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Merged:
    """What a merge left."""

    master: Record
    merged_ids: Sequence[str]
    updated_ids: Sequence[str]  # the children that changed hands


def merge(
    write: Writer, kind: ObjectType, master: Record, others: Sequence[Record], fields: Mapping[str, Any]
) -> Merged:
    """Merge records of one type; ``fields`` are what the master shall have besides what it has."""
    if kind.name not in _CHILDREN or "merge" not in kind.allows:
        raise SalesforceError("INVALID_TYPE_FOR_OPERATION", f"entity type cannot be merged: {kind.name}", [])
    if not 1 <= len(others) <= MAX_OTHERS or master in others:
        message = f"a merge takes a master and one or two other records, not {len(others)}"
        raise SalesforceError("MERGE_FAILED", message, [])
    updated = [child for other in others for child in _move_children(write, kind, other, master)]
    for other in others:
        write.discard(kind, other, MasterRecordId=master.id)
    write.update(kind, master, fields)
    if kind.name in ("Lead", "Contact"):
        _settle_members(write, kind, master)
    return Merged(master, [other.id for other in others], updated)


def _move_children(write: Writer, kind: ObjectType, other: Record, master: Record) -> list[str]:
    moved = []
    for name, field in _CHILDREN[kind.name]:
        for child in live(write.org, name, field, other.id):
            if name == "CampaignMember" and _is_member(write.org, field, master, child):
                write.discard(write.org.kind(name), child)
                continue
            write.derive(name, child, {field: master.id})
            moved.append(child.id)
    if kind.name == "Account":
        for name in ("Task", "Event"):
            for activity in _activities(write.org, name, other.id):
                write.derive(name, activity, {"AccountId": master.id})
    return moved


def _is_member(org: Org, field: str, person: Record, member: Record) -> bool:
    campaign_id = member.values["CampaignId"]
    members = live(org, "CampaignMember", field, person.id)
    return any(one.values["CampaignId"] == campaign_id for one in members)


def _settle_members(write: Writer, kind: ObjectType, master: Record) -> None:
    for member in live(write.org, "CampaignMember", f"{kind.name}Id", master.id):
        write.derive("CampaignMember", member, person_shown(write.org, master))
        count_members(write, member.values["CampaignId"])


def _activities(org: Org, name: str, account_id: str) -> list[Record]:
    rows = org.rows(name).every()
    return [row for row in rows if row.archived_at is None and row.values.get("AccountId") == account_id]
