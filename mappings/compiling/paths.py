"""The paths of a source: those that choose an entry of a list are checked where they stand."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mappings.compiling.scope import Scope
from mappings.compiling.validation import Checked
from mappings.loader import Document, Path_
from mappings.paths import CHOICE, fault_of
from mappings.schema import SourceFile

_FIX = (
    "Write for example answers[field.ref=email].email: the list, what chooses the entry, what is taken of it."
)
_LISTS = ("from", "join", "cases")


def check_paths(checked: Checked[SourceFile], scope: Scope) -> None:
    """Note every path that chooses an entry of a list and is not written as one, or leads nowhere.

    Id and time are looked up while the sender waits, in the post as it came: by names and dots only.
    """
    document = checked.document
    plain: tuple[tuple[Path_, str], ...] = (
        (("event_id", "path"), checked.model.event_id.path),
        (("occurred_at",), checked.model.occurred_at),
    )
    for at, path in plain:
        if CHOICE.search(path) or path.partition(".")[0] in checked.model.json_fields:
            message = f'"{path}" cannot be looked up while the sender waits'
            scope.fault(
                document.value_place(*at), message, "Name a field of the post; dots lead into objects."
            )
    for at, path in _paths(document):
        if fault := fault_of(path):
            scope.fault(document.value_place(*at), f'"{path}" {fault}', _FIX)


def _paths(document: Document) -> Iterator[tuple[Path_, str]]:
    """Yield every path of the file with its place, as it is written."""
    data = document.data if isinstance(document.data, dict) else {}
    for group in ("fields", "touch"):
        for name, entry in _items(data.get(group)):
            yield from _texts((group, name), entry)
    for n, entry in enumerate(data.get("activities") or ()):
        if isinstance(entry, dict):
            yield from _texts(("activities", n, "detail"), entry.get("detail"))
            for path, _ in _items(entry.get("when")):
                yield ("activities", n, "when", path), path
    yield from _texts(("honeypot",), data.get("honeypot"))


def _texts(at: Path_, entry: Any) -> Iterator[tuple[Path_, str]]:
    if isinstance(entry, str):
        yield at, entry
    elif isinstance(entry, list):
        for n, one in enumerate(entry):
            yield from _texts((*at, n), one)
    else:
        for name, inner in _items(entry):
            if name in _LISTS:
                yield from _texts((*at, name), inner)
            elif name == "when":
                yield from (((*at, name, path), path) for path, _ in _items(inner))


def _items(entry: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(entry, dict):
        yield from ((name, inner) for name, inner in entry.items() if isinstance(name, str))
