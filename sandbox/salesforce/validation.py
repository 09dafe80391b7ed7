"""Checks what a write gives against the fields of its object, and brings values into the kept form."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from math import isfinite
from typing import Any

from sandbox.salesforce import ids
from sandbox.salesforce.errors import SalesforceError
from sandbox.salesforce.moments import parse_date, parse_moment
from sandbox.salesforce.schema import NUMBERS, TEXT, Field, ObjectType

MAX_INT = 99_999_999  # the describe says 8 digits

_EMAIL = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*@"
    r"[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)+"
)


def checked(
    kind: ObjectType, given: Mapping[str, Any], *, creating: bool, also_writable: frozenset[str] = frozenset()
) -> dict[str, Any]:
    """The given values under the fields' own names; raises for the first that cannot be written.

    References are checked for their form only: whether the record exists is asked where it is kept.
    """
    values = dict(_parsed(kind, given, creating=creating, also_writable=also_writable))
    _check_required(kind, values, creating=creating)
    for name, value in values.items():
        if value is not None:
            _check_value(kind.by_exact_name[name], value)
    return values


def is_email(text: str) -> bool:
    """Whether Salesforce takes it for an e-mail address."""
    return _EMAIL.fullmatch(text) is not None


def no_such_field(name: str, kind: ObjectType) -> SalesforceError:
    """A write names a field that does not exist, or that is hidden from the API user."""
    return SalesforceError("INVALID_FIELD", f"No such column '{name}' on sobject of type {kind.name}")


def malformed_id(label: str, value: object, field: str) -> SalesforceError:
    """An id that is none, or of a wrong type."""
    return SalesforceError("MALFORMED_ID", f"{label}: id value of incorrect type: {value}", [field])


def _parsed(
    kind: ObjectType, given: Mapping[str, Any], *, creating: bool, also_writable: frozenset[str]
) -> list[tuple[str, Any]]:
    found, read_only = [], []
    for name, raw in given.items():
        if name == "attributes":
            continue
        field = kind.by_exact_name.get(name) or kind.field(name)
        if field is None:
            raise no_such_field(name, kind)
        value = None if raw is None else _PARSERS[field.type](field, raw)
        if raw is None and field.type == "boolean":
            message = f"{field.label}: value not of required type: "
            raise SalesforceError("INVALID_TYPE_ON_FIELD_IN_RECORD", message, [field.name])
        if not (field.createable if creating else field.updateable) and field.name not in also_writable:
            read_only.append(field.name)
        found.append((field.name, value))
    if read_only:
        message = (
            f"Unable to create/update fields: {', '.join(read_only)}. Please check the security settings "
            "of this field and verify that it is read/write for your profile or permission set."
        )
        raise SalesforceError("INVALID_FIELD_FOR_INSERT_UPDATE", message, read_only)
    return found


def _check_required(kind: ObjectType, values: Mapping[str, Any], *, creating: bool) -> None:
    if creating:
        missing = [name for name in kind.required_names if values.get(name) is None]
    else:
        fields = kind.by_exact_name
        missing = [name for name, value in values.items() if value is None and not fields[name].nillable]
    if missing:
        message = f"Required fields are missing: [{', '.join(missing)}]"
        raise SalesforceError("REQUIRED_FIELD_MISSING", message, missing)


def _check_value(field: Field, value: Any) -> None:
    if field.type in TEXT:
        if field.length and len(value) > field.length:
            message = f"{field.label}: data value too large: {value} (max length={field.length})"
            raise SalesforceError("STRING_TOO_LONG", message, [field.name])
        if field.type == "email" and not is_email(value):
            message = f"{field.label}: invalid email address: {value}"
            raise SalesforceError("INVALID_EMAIL_ADDRESS", message, [field.name])
        if field.restricted and value not in field.picklist:
            message = f"{field.label}: bad value for restricted picklist field: {value}"
            raise SalesforceError("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", message, [field.name])
        return
    largest = MAX_INT if field.type == "int" else 10 ** (field.precision - field.scale) - 1
    if field.type in NUMBERS and abs(value) > largest:
        message = f"{field.label}: value outside of valid range on numeric field: {value}"
        raise SalesforceError("NUMBER_OUTSIDE_VALID_RANGE", message, [field.name])


def _text(_field: Field, raw: Any) -> str | None:
    if isinstance(raw, str):
        return raw.strip() or None  # Salesforce trims text, and keeps no empty text
    if isinstance(raw, bool):
        return "true" if raw else "false"
    if isinstance(raw, int | float):
        return str(raw)
    raise _not_a("string", raw)


def _number(field: Field, raw: Any) -> int | float:
    if isinstance(raw, str):
        try:
            raw = float(raw)
        except ValueError:
            raise _not_a(_json_name(field), raw) from None
    if isinstance(raw, bool) or not isinstance(raw, int | float) or not isfinite(raw):
        raise _not_a(_json_name(field), raw)
    if field.type == "int":
        if raw != int(raw):
            raise _not_a("int", raw)
        return int(raw)
    return float(round(raw, field.scale))


def _boolean(_field: Field, raw: Any) -> bool:
    if isinstance(raw, bool):
        return raw
    if isinstance(raw, str) and raw.lower() in ("true", "false"):
        return raw.lower() == "true"
    raise _not_a("boolean", raw)


def _date(_field: Field, raw: Any) -> str:
    value = parse_date(raw) if isinstance(raw, str) else None
    if value is None:
        raise _not_a("date", raw)
    return value


def _moment(_field: Field, raw: Any) -> str:
    value = parse_moment(raw) if isinstance(raw, str) else None
    if value is None:
        raise _not_a("datetime", raw)
    return value


def _id(field: Field, raw: Any) -> str | None:
    if raw == "":
        return None
    value = ids.parse(raw)
    if value is None:
        raise malformed_id(field.label, raw, field.name)
    return value


def _address(_field: Field, raw: Any) -> Any:
    return raw  # never writable; the caller refuses it by name


_PARSERS: dict[str, Callable[[Field, Any], Any]] = {
    **dict.fromkeys(TEXT, _text),
    **dict.fromkeys(NUMBERS, _number),
    "boolean": _boolean,
    "date": _date,
    "datetime": _moment,
    "id": _id,
    "reference": _id,
    "address": _address,
}


def _json_name(field: Field) -> str:
    return "int" if field.type == "int" else "double"


def _not_a(wanted: str, raw: Any) -> SalesforceError:
    match raw:
        case bool():
            token = f"VALUE_{str(raw).upper()} value {str(raw).lower()}"
        case str():
            token = f"VALUE_STRING value {raw}"
        case int():
            token = f"VALUE_NUMBER_INT value {raw}"
        case float():
            token = f"VALUE_NUMBER_FLOAT value {raw}"
        case dict():
            token = "START_OBJECT value {"
        case _:
            token = "START_ARRAY value ["
    # Salesforce goes on with the place, "at [line:1, column:40]", which is not kept so far.
    told = f"Cannot deserialize instance of {wanted} from {token} or request may be missing a required field"
    return SalesforceError("JSON_PARSER_ERROR", told)
