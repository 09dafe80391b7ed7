"""The playbooks that are measured: the starter as it ships, or without a part of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from mappings.starter import write_starter

# What the full job is beyond the person's own record: its handlers, its files, its parts of the CRM maps.
HANDLERS = frozenset({"account", "follow_up", "notify"})
FILES = ("accounts.yaml", "follow_up.yaml", "notifications.yaml")
OF_A_MAP = ("account", "associate", "tasks")
COMPANIES = ("companies", "Account")


def write(folder: Path, *, limited: bool, full: bool, poll: str = "") -> Path:
    """Write the starter, without the CRMs' limits and without the full job if so wanted.

    ``poll`` is the time between two looks at a CRM, if not the starter's.
    """
    if not folder.exists():
        write_starter(folder)
        for path in (folder / "crm").glob("*.yaml"):
            _rewrite(path, limited=limited, full=full, poll=poll)
        if not full:
            _leave_out(folder)
    return folder


def _rewrite(path: Path, *, limited: bool, full: bool, poll: str) -> None:
    told: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    if not limited:
        told.pop("limits", None)
    if poll:
        told["poll"] = {"every": poll}
    if not full:
        for name in OF_A_MAP:
            told.pop(name, None)
        for name in COMPANIES:
            told["objects"].pop(name, None)
        for part in told["objects"].values():  # the second CRM's id on the first is a write of its own
            part["fields"] = {k: v for k, v in part["fields"].items() if not _is_link(v)}
    path.write_text(yaml.safe_dump(told, sort_keys=False, allow_unicode=True), encoding="utf-8")


def _is_link(field: Any) -> bool:
    return isinstance(field, dict) and str(field.get("field", "")).startswith("links.")


def _leave_out(folder: Path) -> None:
    for name in FILES:
        (folder / name).unlink(missing_ok=True)
    path = folder / "pipeline.yaml"
    told = yaml.safe_load(path.read_text(encoding="utf-8"))
    told["handlers"] = [name for name in told["handlers"] if name not in HANDLERS]
    path.write_text(yaml.safe_dump(told, sort_keys=False, allow_unicode=True), encoding="utf-8")
