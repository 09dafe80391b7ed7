"""The property definitions of the account, and what a value must be to pass as one of them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sandbox.hubspot.errors import Problem

HERE = Path(__file__).parent
# Which properties HubSpot has by itself, and which an account that uses leadrelay has added.
FILES = {"default_properties.json": True, "leadrelay_properties.json": False}
MADE_AT = "2026-01-05T08:00:00.000Z"
LONGEST_STRING = 65_536

EMAIL = re.compile(r"[^@\s,;<>()]+@[^@\s,;<>()]+\.[^@\s.,;<>()]{2,}")
NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?")


def iso(at: datetime) -> str:
    """A time as HubSpot writes it."""
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def load() -> dict[str, dict[str, Any]]:
    """Read the definitions, by name, in HubSpot's shape."""
    rows = [
        (row, ours) for name, ours in FILES.items() for row in json.loads((HERE / name).read_text("utf-8"))
    ]
    return {
        row["name"]: _definition(row, hubspot_defined, order)
        for order, (row, hubspot_defined) in enumerate(rows)
    }


def _definition(row: Mapping[str, Any], hubspot_defined: bool, order: int) -> dict[str, Any]:
    options = [
        {**option, "displayOrder": place, "hidden": False}
        for place, option in enumerate(row.get("options", ()))
    ]
    told = {
        "updatedAt": MADE_AT,
        "createdAt": MADE_AT,
        "name": row["name"],
        "label": row["label"],
        "type": row["type"],
        "fieldType": row["fieldType"],
        "description": "",
        "groupName": row["groupName"],
        "options": options,
        "displayOrder": order if hubspot_defined else -1,
        "calculated": False,
        "externalOptions": row.get("externalOptions", False),
        "hasUniqueValue": row.get("hasUniqueValue", False),
        "hidden": False,
        "modificationMetadata": {
            "archivable": True,
            "readOnlyDefinition": hubspot_defined,
            "readOnlyValue": row.get("readOnly", False),
        },
        "formField": not row.get("readOnly", False),
        "dataSensitivity": "non_sensitive",
    }
    if "referencedObjectType" in row:
        told["referencedObjectType"] = row["referencedObjectType"]
    return told | ({"hubspotDefined": True} if hubspot_defined else {"archived": False})


def read_value(definition: Mapping[str, Any], value: Any) -> str | Problem:
    """The text HubSpot keeps for a value that is sent, or what is wrong with it; "" clears."""
    name = definition["name"]
    if definition["modificationMetadata"]["readOnlyValue"]:
        return Problem("READ_ONLY_VALUE", name, f'"{name}" is a read only property; its value cannot be set.')
    text = _as_text(value)
    if text == "":
        return text
    match definition["type"]:
        case "string":
            return _read_string(name, text)
        case "number":
            wrong = Problem("INVALID_INTEGER", name, f"{text} was not a valid integer.")
            return text.strip() if NUMBER.fullmatch(text.strip()) else wrong
        case "datetime":
            at = _read_time(text)
            return iso(at) if at else Problem("INVALID_LONG", name, f"{text} was not a valid long.")
        case "enumeration" if not definition["externalOptions"]:
            return _read_option(definition, text)
    return text


def _as_text(value: Any) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


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


def _read_option(definition: Mapping[str, Any], text: str) -> str | Problem:
    allowed = [option["value"] for option in definition["options"]]
    chosen = [part for part in text.split(";") if part] if definition["fieldType"] == "checkbox" else [text]
    if all(part in allowed for part in chosen):
        return ";".join(chosen)
    message = f"{text} was not one of the allowed options: [{', '.join(allowed)}]"
    return Problem("INVALID_OPTION", definition["name"], message)


def _read_time(text: str) -> datetime | None:
    """A time from epoch milliseconds or ISO 8601; without a zone it counts as UTC."""
    try:
        if re.fullmatch(r"-?\d{6,}", text):
            return datetime.fromtimestamp(int(text) / 1000, UTC)
        at = datetime.fromisoformat(text)
        return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    except (ValueError, OverflowError, OSError):
        return None
