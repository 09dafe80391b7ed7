"""Turns a write into the events that a subscription hears of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from sandbox.history import Write
from sandbox.hubspot.errors import PORTAL_ID
from sandbox.hubspot.kinds import KINDS
from sandbox.hubspot.link_types import PRIMARY, LinkType
from sandbox.hubspot.links import End
from sandbox.hubspot.webhooks.subscriptions import Subscription

if TYPE_CHECKING:
    from sandbox.hubspot.account import HubSpot

Event = dict[str, Any]
# kind of a write: (change it is told as, changeFlag)
FLAGS = {
    "create": ("creation", "CREATED"),
    "delete": ("deletion", "DELETED"),
    "restore": ("restore", "RESTORED"),
}
ERASED = ("privacyDeletion", "deletion")  # a privacy deletion is told as both


def of_write(account: HubSpot, write: Write, one: Subscription) -> Iterator[Event]:
    """Yield what a subscription hears of a write; nothing where it is about something else."""
    if write.object_name != one.kind:
        return
    change, flag = FLAGS.get(write.kind, ("", ""))
    if one.change == change:
        yield _event(account, write, one) | {"changeFlag": flag}
    elif (
        one.change == "propertyChange"
        and write.kind in ("create", "update")
        and one.property_name in write.after
    ):
        yield _event(account, write, one) | {
            "propertyName": one.property_name,
            "propertyValue": _value(account, write, str(one.property_name)),
            "isSensitive": _is_sensitive(account, write, str(one.property_name)),
        }
    elif write.kind == "erase" and one.change in ERASED:
        yield _event(account, write, one) | ({"changeFlag": "DELETED"} if one.change == "deletion" else {})


def of_link(
    account: HubSpot, write: Write, one: Subscription, other: End, made: LinkType, removed: bool
) -> Iterator[Event]:
    """Yield what a subscription hears of an association that was set or removed."""
    if one.change != "associationChange" or write.object_name != one.kind:
        return
    event = _event(account, write, one)
    object_id = event.pop("objectId")
    yield event | {
        "associationType": f"{KINDS[made.source].code}_TO_{KINDS[made.target].code}",
        "fromObjectId": object_id,
        "toObjectId": int(other[1]),
        "associationRemoved": removed,
        "isPrimaryAssociation": made.label == PRIMARY,
    }


def of_merge(account: HubSpot, write: Write, one: Subscription, told: Mapping[str, Any]) -> Iterator[Event]:
    """Yield what a subscription hears of a merge."""
    if one.change == "merge" and write.object_name == one.kind:
        yield _event(account, write, one) | dict(told)


def _event(account: HubSpot, write: Write, one: Subscription) -> Event:
    source, source_id = account.source_of(write)
    told: Event = {
        "eventId": account.next_event_id(),
        "subscriptionId": one.number,
        "portalId": PORTAL_ID,
        "appId": 0,  # the app's own, once it is known
        "occurredAt": int(write.at.timestamp() * 1000),
        "subscriptionType": one.event_type,
        "attemptNumber": 0,
        "objectId": int(write.record_id),
        "changeSource": source,
        "sourceId": source_id,
    }
    return told | ({"objectTypeId": KINDS[one.kind].type_id} if one.is_generic else {})


def _value(account: HubSpot, write: Write, name: str) -> str:
    return "REDACTED" if _is_sensitive(account, write, name) else write.after[name] or ""


def _is_sensitive(account: HubSpot, write: Write, name: str) -> bool:
    definition = account.objects[write.object_name].definitions.get(name)
    return definition is not None and definition["dataSensitivity"] != "non_sensitive"
