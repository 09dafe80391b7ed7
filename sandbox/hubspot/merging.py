"""Merging two records, and erasing a contact for privacy; neither can be taken back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, Response

from sandbox.app import answer
from sandbox.hubspot import render
from sandbox.hubspot.errors import ApiError, bad_request, fields_missing, not_found
from sandbox.hubspot.objects import Objects, Values
from sandbox.hubspot.singles import OBJECTS
from sandbox.hubspot.values import EMAIL, as_text
from sandbox.records import Record

if TYPE_CHECKING:
    from sandbox.hubspot.account import HubSpot

MOST_MERGES = 250


def add_to(api: Blueprint, account: HubSpot) -> None:
    """Register the endpoints under every path scheme."""

    def merge_call(object_type: str) -> Response:
        objects, sent = account.of(object_type), render.body()
        missing = [name for name in ("primaryObjectId", "objectIdToMerge") if not sent.get(name)]
        if missing:
            raise fields_missing(missing)
        with account.lock:
            primary = _existing(objects, as_text(sent["primaryObjectId"]))
            other = _existing(objects, as_text(sent["objectIdToMerge"]))
            return answer(render.created(objects, merge(objects, primary, other)))

    def gdpr_delete(object_type: str) -> Response:
        objects, sent = account.of(object_type), render.body()
        if objects.kind.name != "contacts":
            raise bad_request("Only contacts can be deleted for privacy.")
        if not sent.get("objectId"):
            raise fields_missing(["objectId"])
        identifier, id_property = as_text(sent["objectId"]), sent.get("idProperty")
        if id_property not in (None, "", "hs_object_id", "email"):
            raise bad_request(f"Unable to find objects by non-unique 0-1 property {id_property}")
        with account.lock:
            record = objects.find(identifier, id_property) or objects.find_archived(identifier)
            if record is not None:
                erase(objects, record)
            elif id_property == "email" and EMAIL.fullmatch(identifier.strip()):
                account.blocked.add(objects.key(identifier, "email"))
            else:
                raise not_found()
        return Response(status=204)

    for base in OBJECTS:
        kind = f"{base}/<object_type>"
        api.add_url_rule(f"{kind}/merge", f"merge {base}", merge_call, methods=["POST"])
        api.add_url_rule(f"{kind}/gdpr-delete", f"gdpr-delete {base}", gdpr_delete, methods=["POST"])


def merge(objects: Objects, primary: Record, other: Record) -> Record:
    """Make one new record of two; both old ids lead to it from now on."""
    if not objects.kind.merges:
        raise bad_request(f"Objects of type {objects.kind.code} cannot be merged.")
    if primary is other:
        raise bad_request("A record cannot be merged with itself.")
    account, name = objects.account, objects.kind.name
    merged = [*_merged_ids(primary), primary.id, *_merged_ids(other), other.id]
    if len(merged) > MOST_MERGES:
        raise ApiError(414, "Cannot have more than 250 identities on a profile", "VALIDATION_ERROR")
    values = _united(objects, primary, other) | {"hs_merged_object_ids": ";".join(merged)}
    at = account.now()
    if name == "contacts":
        stamp = int(at.timestamp() * 1000)
        values["hs_calculated_merged_vids"] = ";".join(f"{old}:{stamp}" for old in merged)
    for old in (primary, other):
        objects.table.discard(old, at=at)
    record = objects.place(values)
    for old in (primary, other):
        objects.moved[old.id] = record.id
        account.links.move((name, old.id), (name, record.id))
        account.lists.replace(objects.kind.type_id, old.id, record.id)
    # Not told as a creation: subscribers hear of the merge.
    super(type(account), account).wrote("create", name, record.id, {}, record.values)
    for old in (primary, other):
        account.wrote("merge", name, old.id, {}, {"merged_into": record.id})
    account.desk.merged(account.history.writes[-2], _told(primary, other, record))
    return record


def erase(objects: Objects, record: Record) -> None:
    """Delete a contact for good and block its addresses."""
    account = objects.account
    account.blocked.update(value for field, value in objects.keys_of(record.values) if field == "email")
    objects.table.discard(record, at=account.now())
    account.lists.replace(objects.kind.type_id, record.id, None)
    record.values = {"hs_object_id": record.id}
    account.wrote("erase", objects.kind.name, record.id, {}, {})


def _told(primary: Record, other: Record, record: Record) -> dict[str, object]:
    """What webhooks say of a merge."""
    return {
        "primaryObjectId": int(primary.id),
        "mergedObjectIds": [int(other.id)],
        "newObjectId": int(record.id),
        "numberOfPropertiesMoved": sum(name not in primary.values for name in other.values),
    }


def _existing(objects: Objects, record_id: str) -> Record:
    record = objects.find(record_id)
    if record is None:
        raise not_found()
    return record


def _merged_ids(record: Record) -> list[str]:
    return [old for old in (record.values.get("hs_merged_object_ids") or "").split(";") if old]


def _united(objects: Objects, primary: Record, other: Record) -> Values:
    """The primary's values, the other's where the primary has none, and the addresses of both."""
    values = {**other.values, **primary.values}
    for field in (*objects.kind.always, "hs_calculated_merged_vids"):
        values.pop(field, None)
    values[objects.kind.created] = min(record.values[objects.kind.created] for record in (primary, other))
    stages = [record.values.get("lifecyclestage") for record in (primary, other)]
    furthest = max((stage for stage in stages if stage), key=objects.stage_place, default=None)
    if furthest:
        values["lifecyclestage"] = furthest
    if objects.kind.name == "contacts":
        addresses = [
            value
            for record in (primary, other)
            for field, value in objects.keys_of(record.values)
            if field == "email"
        ]
        rest = [address for address in dict.fromkeys(addresses) if address != values.get("email")]
        values |= {"hs_additional_emails": ";".join(rest)} if rest else {}
    return values
