"""The collections: up to 200 records in one call, each with its own result."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import groupby
from typing import Any

from sandbox.records import Record
from sandbox.salesforce import ids
from sandbox.salesforce.answers import Ask, Reply
from sandbox.salesforce.errors import SalesforceError
from sandbox.salesforce.schema import Field, ObjectType
from sandbox.salesforce.single import find_by_key, no_such_key, row, selected, writer
from sandbox.salesforce.validation import malformed_id
from sandbox.salesforce.writes import missing_record

MAX_RECORDS = 200
MAX_CHUNKS = 10  # runs of one type in the order given

_ROLLED_BACK = SalesforceError(
    "ALL_OR_NONE_OPERATION_ROLLED_BACK",
    "Record rolled back because not all records were valid and the request was using AllOrNone header",
)
_WHOLE_CALL = frozenset({"JSON_PARSER_ERROR", "INVALID_FIELD"})

Result = dict[str, Any]


def create(ask: Ask) -> Reply:
    """``POST composite/sobjects``."""
    records, all_or_none = _records(ask)
    write = writer(ask)

    def one(given: Mapping[str, Any]) -> Result:
        kind = _kind(ask, given)
        _maybe_locked(ask)
        return {"id": write.create(kind, given).id, "success": True, "errors": []}

    return _each(ask, records, one, all_or_none=all_or_none)


def update(ask: Ask) -> Reply:
    """``PATCH composite/sobjects``: the ids are among the fields."""
    records, all_or_none = _records(ask)
    write = writer(ask)

    def one(given: Mapping[str, Any]) -> Result:
        kind = _kind(ask, given)
        fields = {name: value for name, value in given.items() if name.lower() != "id"}
        given_id = next((value for name, value in given.items() if name.lower() == "id"), None)
        if given_id is None:
            raise SalesforceError("MISSING_ARGUMENT", "Id not specified in an update call", [])
        record = _record(ask, kind, given_id)
        _maybe_locked(ask, record)
        write.update(kind, record, fields)
        return {"id": record.id, "success": True, "errors": []}

    return _each(ask, records, one, all_or_none=all_or_none)


def delete(ask: Ask) -> Reply:
    """``DELETE composite/sobjects?ids=``."""
    wanted = [part.strip() for part in ask.params.get("ids", "").split(",") if part.strip()]
    _check_number(wanted)
    write = writer(ask)

    def one(text: str) -> Result:
        record_id = ids.parse(text)
        kind = ask.org.schema.of_id(record_id) if record_id else None
        if record_id is None or kind is None:
            raise SalesforceError("MALFORMED_ID", f"malformed id {text}", [])
        record = _record(ask, kind, record_id)
        _maybe_locked(ask, record)
        write.delete(kind, record)
        return {"id": record.id, "success": True, "errors": []}

    return _each(ask, wanted, one, all_or_none=ask.params.get("allOrNone", "").lower() == "true")


def upsert(ask: Ask) -> Reply:
    """``PATCH composite/sobjects/X/field``: one type, the key among the fields."""
    kind = ask.org.kind(ask.arguments["sobject"])
    field = kind.field(ask.arguments["field"])
    if field is None or not field.keyed:
        raise no_such_key(ask.arguments["field"])
    records, all_or_none = _records(ask)
    write, seen = writer(ask), set[str]()

    def one(given: Mapping[str, Any]) -> Result:
        if _kind(ask, given) is not kind:
            raise SalesforceError("INVALID_TYPE", f"the record is not of type {kind.name}", [])
        key, fields = _key_of(given, field)
        if key.lower() in seen:
            raise SalesforceError("DUPLICATE_VALUE", f"Duplicate external id specified: {key}", [field.name])
        seen.add(key.lower())
        matches = find_by_key(ask, kind, field, key)
        if len(matches) > 1:
            found = ", ".join(match.id for match in matches)
            message = f"{field.name}: more than one record found for external id field: [{found}]"
            raise SalesforceError("DUPLICATE_EXTERNAL_ID", message, [field.name])
        _maybe_locked(ask, matches[0] if matches else None)
        if matches:
            write.update(kind, matches[0], fields)
            return {"id": matches[0].id, "success": True, "errors": [], "created": False}
        if field.type == "id":
            raise missing_record(kind, key)
        made = write.create(kind, {**fields, field.name: key})
        return {"id": made.id, "success": True, "errors": [], "created": True}

    return _each(ask, records, one, all_or_none=all_or_none)


def retrieve(ask: Ask) -> Reply:
    """``GET composite/sobjects/X?ids=&fields=``, or POST with both in the body; null where there is none."""
    kind = ask.org.kind(ask.arguments["sobject"])
    if ask.method == "GET":
        wanted = [part.strip() for part in ask.params.get("ids", "").split(",") if part.strip()]
        names = ask.params.get("fields", "")
    else:
        body = ask.fields()
        wanted, names = list(body.get("ids") or ()), ",".join(body.get("fields") or ())
    _check_number(wanted)
    if not names:
        raise SalesforceError("MISSING_ARGUMENT", "The fields parameter is required")
    selected(kind, names)
    return Reply(200, [_retrieved(ask, kind, text, names) for text in wanted])


def _retrieved(ask: Ask, kind: ObjectType, text: object, names: str) -> dict[str, Any] | None:
    record_id = ids.parse(text)
    if record_id is None or not record_id.startswith(kind.key_prefix):
        raise malformed_id(f"{kind.label} ID", text, "Id")
    record = ask.org.rows(kind.name).get(record_id)
    return row(ask, kind, record, names) if record is not None and record.archived_at is None else None


def _each(ask: Ask, items: Iterable[Any], one: Callable[[Any], Result], *, all_or_none: bool) -> Reply:
    """The result of every item in order; all or none takes back what an error leaves half done."""
    start, results, failed = ask.journal.mark(), [], False
    for item in items:
        mark = ask.journal.mark()
        try:
            results.append(one(item))
        except SalesforceError as error:
            ask.journal.roll_back(mark)
            if error.code in _WHOLE_CALL and ask.org.faults.setting["bad_field_fails"] == "call":
                ask.journal.roll_back(start)
                raise
            failed = True
            results.append({"success": False, "errors": [error.item()]})
    if failed and all_or_none:
        ask.journal.roll_back(start)
        results = [rolled_back(result) for result in results]
    return Reply(200, results)


def rolled_back(result: Result) -> Result:
    """The result of a record that another one's error took back."""
    if not result["success"]:
        return result
    return {"id": result["id"], "success": False, "errors": [_ROLLED_BACK.item()]}


def _records(ask: Ask) -> tuple[list[Mapping[str, Any]], bool]:
    body = ask.fields()
    records = body.get("records")
    if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
        raise SalesforceError("JSON_PARSER_ERROR", "The records are not a JSON array of objects")
    _check_number(records)
    types = [str(attributes_of(record).get("type", "")).lower() for record in records]
    if sum(1 for _ in groupby(types)) > MAX_CHUNKS:
        message = (
            f"Cannot have more than {MAX_CHUNKS} chunks in a single operation. Please rearrange the data."
        )
        raise SalesforceError("INVALID_INPUT", message)
    return records, bool(body.get("allOrNone", False))


def attributes_of(record: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a record tells of itself; nothing where that is no object."""
    attributes = record.get("attributes")
    return attributes if isinstance(attributes, dict) else {}


def _check_number(items: list[Any]) -> None:
    if len(items) > MAX_RECORDS:
        message = f"record limit reached. cannot submit more than {MAX_RECORDS} records into this call"
        raise SalesforceError("EXCEEDED_ID_LIMIT", message)


def _kind(ask: Ask, given: Mapping[str, Any]) -> ObjectType:
    attributes = given.get("attributes")
    name = attributes.get("type") if isinstance(attributes, dict) else None
    if not isinstance(name, str):
        raise SalesforceError("INVALID_TYPE", "the record has no attributes.type", [])
    try:
        return ask.org.kind(name)
    except SalesforceError as error:
        if error.code != "NOT_FOUND":
            raise
        raise SalesforceError("INVALID_TYPE", f"sObject type '{name}' is not supported.", []) from None


def _record(ask: Ask, kind: ObjectType, given_id: object) -> Record:
    record = ask.org.rows(kind.name).get(ids.parse(given_id) or "")
    if record is None:
        raise missing_record(kind, given_id)
    return record


def _key_of(given: Mapping[str, Any], field: Field) -> tuple[str, dict[str, Any]]:
    fields = {name: value for name, value in given.items() if name.lower() != field.name.lower()}
    key = next((value for name, value in given.items() if name.lower() == field.name.lower()), None)
    if key is None or key == "":
        message = f"{field.name} not specified"
        raise SalesforceError("MISSING_ARGUMENT", message, [field.name])
    return str(key), fields


def _maybe_locked(ask: Ask, record: Record | None = None) -> None:
    """Fail the item as a row does that another transaction holds, where a fault asks for it."""
    if ask.org.plan.item_fails():
        which = f" or 1 records: {record.id}" if record else ""
        message = f"unable to obtain exclusive access to this record{which}"
        raise SalesforceError("UNABLE_TO_LOCK_ROW", message, [])
