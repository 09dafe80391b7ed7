"""The endpoints for one record: by its id, or by a key field and its value."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from zlib import crc32

from sandbox.records import Record
from sandbox.salesforce import ids
from sandbox.salesforce.answers import Ask, Reply
from sandbox.salesforce.errors import SalesforceError, not_found
from sandbox.salesforce.schema import Field, ObjectType
from sandbox.salesforce.soql.binding import getter, no_such_column
from sandbox.salesforce.validation import malformed_id
from sandbox.salesforce.writes import Writer

CREATED_IN_BODY = 46  # older versions answer an upsert that updated with 204 and no body


def create(ask: Ask) -> Reply:
    """``POST sobjects/X``."""
    return _created(ask, ask.org.kind(ask.arguments["sobject"]), ask.fields(), told=False)


def create_by_id_field(ask: Ask) -> Reply:
    """``POST sobjects/X/Id`` creates as well; no other field can stand there."""
    if ask.arguments["field"].lower() != "id":
        raise SalesforceError(
            "METHOD_NOT_ALLOWED", "HTTP Method 'POST' not allowed. Allowed are DELETE,GET,HEAD,PATCH"
        )
    return create(ask)


def read(ask: Ask) -> Reply:
    """``GET sobjects/X/id?fields=A,B``."""
    kind = ask.org.kind(ask.arguments["sobject"])
    record = _named(ask, kind)
    return _told(ask, kind, record)


def update(ask: Ask) -> Reply:
    """``PATCH sobjects/X/id``."""
    kind = ask.org.kind(ask.arguments["sobject"])
    given = ask.fields()
    record = _named(ask, kind, writing=True)
    _refuse_key(given, "Id")
    _check_unmodified(ask, kind, record)
    writer(ask).update(kind, record, given)
    return Reply(204)


def delete(ask: Ask) -> Reply:
    """``DELETE sobjects/X/id``."""
    kind = ask.org.kind(ask.arguments["sobject"])
    writer(ask).delete(kind, _named(ask, kind, writing=True))
    return Reply(204)


def read_by_key(ask: Ask) -> Reply:
    """``GET sobjects/X/field/value``."""
    kind, field = _keyed(ask)
    matches = find_by_key(ask, kind, field, ask.arguments["value"])
    if len(matches) > 1:
        return _several(ask, kind, matches)
    if not matches:
        raise not_found()
    return _told(ask, kind, matches[0])


def upsert(ask: Ask) -> Reply:
    """``PATCH sobjects/X/field/value``: creates, or changes the one record that matches."""
    kind, field = _keyed(ask)
    given, value = ask.fields(), ask.arguments["value"]
    _refuse_key(given, field.name)
    matches = find_by_key(ask, kind, field, value)
    if len(matches) > 1:
        return _several(ask, kind, matches)
    if matches:
        _check_unmodified(ask, kind, matches[0])
        writer(ask).update(kind, matches[0], given)
        if ask.api < CREATED_IN_BODY:
            return Reply(204)
        return Reply(200, {"id": matches[0].id, "success": True, "errors": [], "created": False})
    if ask.params.get("updateOnly", "").lower() == "true" or field.type == "id":
        raise not_found()
    return _created(ask, kind, {**given, field.name: value}, told=ask.api >= CREATED_IN_BODY)


def delete_by_key(ask: Ask) -> Reply:
    """``DELETE sobjects/X/field/value``."""
    kind, field = _keyed(ask)
    matches = find_by_key(ask, kind, field, ask.arguments["value"])
    if len(matches) > 1:
        return _several(ask, kind, matches)
    if not matches:
        raise not_found()
    writer(ask).delete(kind, matches[0])
    return Reply(204)


def writer(ask: Ask) -> Writer:
    """Writes as the API user, into the journal of the call."""
    return Writer(
        ask.org, ask.journal, ask.user_id, ask.assign,
        save_duplicates=ask.duplicate_rule("allowSave"),
        tell_duplicates=ask.duplicate_rule("includeRecordDetails"),
    )  # fmt: skip


def find_by_key(ask: Ask, kind: ObjectType, field: Field, value: str) -> list[Record]:
    """The live records whose key field has this value."""
    rows = ask.org.rows(kind.name)
    if field.type == "id":
        record = rows.get(ids.parse(value) or "")
        return [record] if record is not None and record.archived_at is None else []
    return [record for record in rows.with_key(field.name, value) if record.archived_at is None]


def no_such_key(name: str) -> SalesforceError:
    """A path or an upsert names records by a field that cannot name any."""
    return not_found(f"Provided external ID field does not exist or is not accessible: {name}")


def row(ask: Ask, kind: ObjectType, record: Record, names: str | None) -> dict[str, Any]:
    """A record with the fields asked for, or with all."""
    fields = kind.fields if names is None else selected(kind, names)
    told: dict[str, Any] = {"attributes": {"type": kind.name, "url": url_of(ask, kind, record.id)}}
    for field in fields:
        told[field.name] = getter(field)(record.values)
    return told


def selected(kind: ObjectType, names: str) -> list[Field]:
    """The fields of a comma-separated list; raises for one that is not there."""
    found = []
    for name in (part.strip() for part in names.split(",")):
        field = kind.field(name)
        if field is None:
            raise SalesforceError("INVALID_FIELD", no_such_column(name, kind.name))
        found.append(field)
    return found


def url_of(ask: Ask, kind: ObjectType, record_id: str) -> str:
    """The address of a record."""
    return f"{ask.base}/sobjects/{kind.name}/{record_id}"


def not_modified_since(ask: Ask, changed_at: datetime) -> bool:
    """Whether If-Modified-Since says that the caller has it already."""
    since = _http_date(ask, "If-Modified-Since")
    return since is not None and changed_at.replace(microsecond=0) <= since


def _created(ask: Ask, kind: ObjectType, given: Mapping[str, Any], *, told: bool) -> Reply:
    record = writer(ask).create(kind, given)
    body: dict[str, Any] = {"id": record.id, "success": True, "errors": []}
    if told:
        body["created"] = True
    return Reply(201, body, {"Location": url_of(ask, kind, record.id)})


def _told(ask: Ask, kind: ObjectType, record: Record) -> Reply:
    tag = etag(kind, record)
    if not_modified_since(ask, record.updated_at) or (tag and ask.headers.get("If-None-Match") == tag):
        return Reply(304)
    return Reply(200, row(ask, kind, record, ask.params.get("fields")), {"ETag": tag} if tag else {})


def _named(ask: Ask, kind: ObjectType, *, writing: bool = False) -> Record:
    """The live record of the id in the path; a part that is no id is taken for the name of a key field."""
    text = ask.arguments["record_id"]
    record_id = ids.parse(text)
    if record_id is None:
        raise no_such_key(text)
    record = ask.org.rows(kind.name).get(record_id)
    if record is None:
        if writing and not record_id.startswith(kind.key_prefix):
            raise malformed_id(f"{kind.label} ID", text, "Id")
        raise not_found()
    if record.archived_at is not None:
        raise SalesforceError("ENTITY_IS_DELETED", "entity is deleted", [])
    return record


def _keyed(ask: Ask) -> tuple[ObjectType, Field]:
    kind = ask.org.kind(ask.arguments["sobject"])
    field = kind.field(ask.arguments["field"])
    if field is None or not field.keyed:
        raise no_such_key(ask.arguments["field"])
    return kind, field


def _several(ask: Ask, kind: ObjectType, matches: list[Record]) -> Reply:
    return Reply(300, [url_of(ask, kind, record.id) for record in matches])


def _refuse_key(given: Mapping[str, Any], name: str) -> None:
    if any(key.lower() == name.lower() for key in given):
        message = f"The {name} field should not be specified in the sobject data."
        raise SalesforceError("INVALID_FIELD", message)


def etag(kind: ObjectType, record: Record) -> str | None:
    """What names the present state of a record: only accounts have it."""
    return f'"{crc32(repr(record.values).encode()):08x}"' if kind.name == "Account" else None


def _check_unmodified(ask: Ask, kind: ObjectType, record: Record) -> None:
    wanted = ask.headers.get("If-Match")
    if wanted and kind.name == "Account" and wanted != etag(kind, record):
        raise SalesforceError("PRECONDITION_FAILED", "The record is not in the state that If-Match names")
    since = _http_date(ask, "If-Unmodified-Since")
    if since is not None and record.updated_at.replace(microsecond=0) > since:
        raise SalesforceError("PRECONDITION_FAILED", "The record was modified after the given time")


def _http_date(ask: Ask, header: str) -> datetime | None:
    text = ask.headers.get(header)
    if text is None:
        return None
    try:
        return parsedate_to_datetime(text).astimezone(UTC)
    except ValueError:
        raise SalesforceError("BAD_REQUEST", f"{header} is not an HTTP date: {text}") from None
