"""The property definitions of each object type, and their groups."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from sandbox.hubspot.kinds import Kind
from sandbox.hubspot.values import as_text

HERE = Path(__file__).parent / "definitions"
MADE_AT = "2026-01-05T08:00:00.000Z"

Definition = dict[str, Any]


class Definitions:
    """The properties of one object type, those HubSpot has by itself and the account's own."""

    def __init__(self, kind: Kind) -> None:
        rows = [*_rows(kind.name), *_ours(kind.name)]
        own = {row["name"] for row in _ours(kind.name)}
        self.live: dict[str, Definition] = {
            row["name"]: _definition(row, row["name"] not in own, order) for order, row in enumerate(rows)
        }
        self.archived: dict[str, Definition] = {}
        self.groups: dict[str, dict[str, Any]] = {}
        for told in self.live.values():
            self.groups.setdefault(told["groupName"], _group(told["groupName"], len(self.groups)))
        self._find_unique()

    def __contains__(self, name: object) -> bool:
        return name in self.live

    def __iter__(self) -> Iterator[Definition]:
        return iter(self.live.values())

    def get(self, name: str) -> Definition | None:
        """The live definition of that name."""
        return self.live.get(name)

    def add(self, row: Mapping[str, Any], *, at: str) -> Definition:
        """Take in a property of the account's own."""
        told = _definition(row, False, row.get("displayOrder", -1)) | {"createdAt": at, "updatedAt": at}
        told |= {name: row[name] for name in ("description", "hidden", "formField") if name in row}
        self.archived.pop(told["name"], None)
        self.live[told["name"]] = told
        self._find_unique()
        return told

    def change(self, name: str, changes: Mapping[str, Any], *, at: str) -> Definition:
        """Change a definition."""
        told: Definition = {**self.live[name], **changes, "updatedAt": at}
        if "options" in changes:
            told["options"] = options_of(changes["options"] or [])
        self.live[name] = told
        return told

    def archive(self, name: str, *, at: str) -> None:
        """Put a property into the bin; its values stay on the records, unseen."""
        self.archived[name] = self.live.pop(name) | {"archived": True, "archivedAt": at}
        self._find_unique()

    def _find_unique(self) -> None:
        self.unique = [name for name, told in self.live.items() if told["hasUniqueValue"]]


@cache
def _rows(kind_name: str) -> list[Mapping[str, Any]]:
    rows: list[Mapping[str, Any]] = json.loads((HERE / f"{kind_name}.json").read_text("utf-8"))
    return rows


@cache
def _ours(kind_name: str) -> list[Mapping[str, Any]]:
    """What an account has that uses leadrelay."""
    rows: list[Mapping[str, Any]] = json.loads((HERE / "leadrelay.json").read_text("utf-8")).get(
        kind_name, []
    )
    return rows


def options_of(sent: list[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The choices of an enumeration in HubSpot's shape, in their order."""
    return [
        {
            "displayOrder": place,
            "hidden": False,
            **option,
            "label": as_text(option["label"]),
            "value": as_text(option["value"]),
        }
        for place, option in enumerate(sent)
    ]


def _group(name: str, order: int) -> dict[str, Any]:
    return {"name": name, "label": name.capitalize(), "displayOrder": order, "archived": False}


def _definition(row: Mapping[str, Any], hubspot_defined: bool, order: int) -> Definition:
    told = {
        "updatedAt": MADE_AT,
        "createdAt": MADE_AT,
        "name": row["name"],
        "label": row["label"],
        "type": row["type"],
        "fieldType": row["fieldType"],
        "description": "",
        "groupName": row["groupName"],
        "options": options_of(row.get("options") or []),
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
        "dataSensitivity": row.get("dataSensitivity", "non_sensitive"),
    }
    if "referencedObjectType" in row:
        told["referencedObjectType"] = row["referencedObjectType"]
    return told | ({"hubspotDefined": True} if hubspot_defined else {"archived": False})
