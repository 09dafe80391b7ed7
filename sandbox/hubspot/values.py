"""What a value must be to pass as one of a property, and the text HubSpot keeps for it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sandbox.hubspot.errors import Problem

LONGEST_STRING = 65_536
EMAIL = re.compile(r"[^@\s,;<>()]+@[^@\s,;<>()]+\.[^@\s.,;<>()]{2,}")
NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?")


def iso(at: datetime) -> str:
    """A time as HubSpot writes it."""
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def read_value(definition: Mapping[str, Any], value: Any) -> str | Problem:
    """The text HubSpot keeps for a value that is sent, or what is wrong with it; "" clears."""
    name = definition["name"]
    if definition["modificationMetadata"]["readOnlyValue"]:
        return Problem("READ_ONLY_VALUE", name, f'"{name}" is a read only property; its value cannot be set.')
    text = as_text(value)
    if text == "":
        return text
    match definition["type"]:
        case "string":
            return _read_string(name, text)
        case "number":
            wrong = Problem("INVALID_INTEGER", name, f"{text} was not a valid integer.")
            return text.strip() if NUMBER.fullmatch(text.strip()) else wrong
        case "datetime":
            at = read_time(text)
            return iso(at) if at else Problem("INVALID_LONG", name, f"{text} was not a valid long.")
        case "date":
            return _read_date(name, text)
        case "enumeration" | "bool" if not definition["externalOptions"]:
            return _read_option(definition, text)
    return text


def as_text(value: Any) -> str:
    """A JSON value as HubSpot reads it."""
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def read_time(text: str) -> datetime | None:
    """A time from epoch milliseconds or ISO 8601; without a zone it counts as UTC."""
    try:
        if re.fullmatch(r"-?[0-9]+", text):
            return datetime.fromtimestamp(int(text) / 1000, UTC)
        at = datetime.fromisoformat(text)
        return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    except (ValueError, OverflowError, OSError):
        return None


def addresses_in(name: str, text: str) -> str | Problem:
    """A list of e-mail addresses, in lower case."""
    addresses = [part.strip().lower() for part in text.split(";") if part.strip()]
    wrong = [address for address in addresses if not EMAIL.fullmatch(address)]
    return (
        Problem("INVALID_EMAIL", name, f"Email address {wrong[0]} is invalid")
        if wrong
        else ";".join(addresses)
    )


def _read_string(name: str, text: str) -> str | Problem:
    if name == "email":
        address = text.strip().lower()  # HubSpot keeps addresses in lower case
        wrong = Problem("INVALID_EMAIL", name, f"Email address {text} is invalid")
        return address if EMAIL.fullmatch(address) else wrong
    if len(text) > LONGEST_STRING:
        return Problem(
            "PROPERTY_VALUE_TOO_LONG", name, f"The value is longer than {LONGEST_STRING} characters."
        )
    return text


def _read_date(name: str, text: str) -> str | Problem:
    """A day: as such, or as milliseconds at midnight UTC."""
    at = read_time(text)
    if at is None:
        return Problem("INVALID_DATE", name, f"{text} was not a valid date.")
    if at.hour or at.minute or at.second or at.microsecond:
        return Problem("INVALID_DATE", name, f"{text} was not at midnight UTC.")
    return at.date().isoformat()


def _read_option(definition: Mapping[str, Any], text: str) -> str | Problem:
    allowed = [option["value"] for option in definition["options"]]
    takes_several = definition["fieldType"] == "checkbox"
    chosen = [part for part in text.split(";") if part] if takes_several else [text]
    if all(part in allowed for part in chosen):
        appends = ";" if takes_several and text.startswith(";") else ""  # to what the record has
        return appends + ";".join(chosen)
    message = f"{text} was not one of the allowed options: [{', '.join(allowed)}]"
    return Problem("INVALID_OPTION", definition["name"], message)
