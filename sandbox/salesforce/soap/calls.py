"""The SOAP calls that are built, by their names."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any
from xml.etree.ElementTree import Element

from sandbox.records import Record
from sandbox.salesforce import ids
from sandbox.salesforce.conversion import LeadConvert, convert
from sandbox.salesforce.errors import SalesforceError
from sandbox.salesforce.founding import ORG_ID
from sandbox.salesforce.merging import merge
from sandbox.salesforce.moments import stamp
from sandbox.salesforce.schema import ObjectType
from sandbox.salesforce.soap.envelope import Message, errors_of, parts, record_of, texts
from sandbox.salesforce.writes import Writer

MAX_CONVERTS, MAX_IDS = 100, 200

Result = Mapping[str, Any]
Results = Iterable[Result] | Result


def convert_lead(message: Message, write: Writer) -> Results:
    """Up to 100 leads, each converted or not for itself."""
    wanted = parts(message.operation, "leadConverts")
    if len(wanted) > MAX_CONVERTS:
        text = f"convertLead takes at most {MAX_CONVERTS} leads"
        raise SalesforceError("EXCEEDED_LEAD_CONVERT_LIMIT", text)
    return [_each(write, element, _convert_one, _CONVERT_FAILED) for element in wanted]


def merge_records(message: Message, write: Writer) -> Results:
    """Each request merges one or two records into a master.

    The WSDL calls it ``request``; clients that work with real orgs also say
    ``mergeRequest`` and ``mergeRequests``, so what it holds tells it.
    """
    requests = [element for element in message.operation if parts(element, "masterRecord")]
    return [_each(write, element, _merge_one, _MERGE_FAILED) for element in requests]


def undelete(message: Message, write: Writer) -> Results:
    """Take records out of the recycle bin."""
    return [_each(write, one, _undelete_one, _BY_ID_FAILED) for one in _ids(message)]


def delete(message: Message, write: Writer) -> Results:
    """Put records into the recycle bin."""
    return [_each(write, one, _delete_one, _BY_ID_FAILED) for one in _ids(message)]


def empty_recycle_bin(message: Message, write: Writer) -> Results:
    """Delete records for good."""
    return [_each(write, one, _purge_one, _BY_ID_FAILED) for one in _ids(message)]


def get_server_timestamp(_message: Message, write: Writer) -> Results:
    """The time there."""
    return {"timestamp": stamp(write.org.now()).replace("+0000", "Z")}


def get_user_info(_message: Message, write: Writer) -> Results:
    """Who calls."""
    user = write.org.rows("User").get(write.user_id)
    values: Mapping[str, Any] = user.values if user else {}
    return {
        "organizationId": ORG_ID, "userEmail": values.get("Email"), "userFullName": values.get("Name"),
        "userId": write.user_id, "userName": values.get("Username"),
        "userTimeZone": values.get("TimeZoneSidKey"),
    }  # fmt: skip


CALLS: dict[str, Callable[[Message, Writer], Results]] = {
    "convertLead": convert_lead,
    "merge": merge_records,
    "undelete": undelete,
    "delete": delete,
    "emptyRecycleBin": empty_recycle_bin,
    "getServerTimestamp": get_server_timestamp,
    "getUserInfo": get_user_info,
}

_CONVERT_FAILED = ("accountId", "contactId", "errors", "leadId", "opportunityId")
_MERGE_FAILED = ("errors", "id")
_BY_ID_FAILED = ("errors", "id")


def _each(write: Writer, one: Any, act: Callable[[Writer, Any], Result], names: tuple[str, ...]) -> Result:
    """The result of one of several; an error takes back what it left half done."""
    mark = write.journal.mark()
    try:
        return act(write, one)
    except SalesforceError as error:
        write.journal.roll_back(mark)
        return {name: errors_of(error) if name == "errors" else None for name in names} | {"success": False}


def _convert_one(write: Writer, element: Element) -> Result:
    done = convert(write, LeadConvert.of(texts(element)))
    opportunity = done.opportunity.id if done.opportunity else None
    return {
        "accountId": done.account.id, "contactId": done.contact.id, "leadId": done.lead.id,
        "opportunityId": opportunity, "success": True,
    }  # fmt: skip


def _merge_one(write: Writer, element: Element) -> Result:
    [given] = parts(element, "masterRecord")
    _, fields = record_of(given)
    master, kind = _named(write, fields.pop("Id", None))
    others = [_named(write, (one.text or "").strip()) for one in parts(element, "recordToMergeIds")]
    if any(other is not kind for _, other in others):
        raise SalesforceError("MERGE_FAILED", "records of different types cannot be merged", [])
    done = merge(write, kind, master, [record for record, _ in others], fields)
    return {
        "id": master.id, "mergedRecordIds": list(done.merged_ids), "success": True,
        "updatedRelatedIds": list(done.updated_ids),
    }  # fmt: skip


def _undelete_one(write: Writer, text: str) -> Result:
    record, kind = _named(write, text, also_deleted=True)
    write.undelete(kind, record)
    return {"id": record.id, "success": True}


def _delete_one(write: Writer, text: str) -> Result:
    record, kind = _named(write, text)
    write.delete(kind, record)
    return {"id": record.id, "success": True}


def _purge_one(write: Writer, text: str) -> Result:
    record, kind = _named(write, text, also_deleted=True)
    if record.archived_at is None:
        raise SalesforceError("INVALID_ID_FIELD", "the record is not in the recycle bin", [])
    write.purge(kind, record)
    return {"id": record.id, "success": True}


def _ids(message: Message) -> list[str]:
    found = [(one.text or "").strip() for one in parts(message.operation, "ids")]
    if len(found) > MAX_IDS:
        raise SalesforceError("EXCEEDED_ID_LIMIT", f"at most {MAX_IDS} ids are allowed")
    return found


def _named(write: Writer, text: object, *, also_deleted: bool = False) -> tuple[Record, ObjectType]:
    record_id = ids.parse(text)
    kind = write.org.schema.of_id(record_id) if record_id else None
    record = write.org.rows(kind.name).get(record_id) if kind and record_id else None
    if record is None or kind is None:
        raise SalesforceError("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", [])
    if record.archived_at is not None and not also_deleted:
        raise SalesforceError("ENTITY_IS_DELETED", "entity is deleted", [])
    return record, kind
