"""What differs between two playbooks, in its own words: by rule, source, field, territory. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from mappings.loader import parse

CONSENT = "consent.yaml"
ADDED, REMOVED, CHANGED, MOVED = "added", "removed", "changed", "moved"
LAYOUT = "only comments or layout"

ONE_OF = {  # what one entry of a list or mapping is called
    "activities": "activity",
    "calendars": "calendar",
    "channels": "channel",
    "fields": "field",
    "groups": "group",
    "holidays": "holidays of",
    "members": "member",
    "objects": "object",
    "people": "person",
    "pools": "pool",
    "rules": "rule",
    "shares": "share",
    "stages": "stage",
    "tasks": "task",
    "territories": "territory",
}
IDENTITY = ("name", "email", "id")  # by which an entry of a list is the same one in both
UNORDERED = {"members", "groups"}  # lists whose order decides nothing
FOLDERS = {"sources": "source", "crm": "connection"}


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that differs; ``old`` and ``new`` are values as YAML, positions from 1 of what was moved."""

    file: str
    what: str  # "scoring: rule Demo requested: points"
    how: str  # "added" | "removed" | "changed" | "moved"
    old: str = ""
    new: str = ""

    def __str__(self) -> str:
        match self.how:
            case "changed":
                return f"{self.what}: {self.old} → {self.new}" if self.old or self.new else self.what
            case "moved":
                return f"{self.what}: moved from place {self.old} to {self.new}"
            case _:
                value = self.new or self.old
                return f"{self.what}: {self.how}{f' {value}' if value else ''}"


def changes(old: Mapping[str, bytes], new: Mapping[str, bytes]) -> list[Change]:
    """Return what differs between the files of two playbooks, file by file."""
    found: list[Change] = []
    for name in sorted(old.keys() | new.keys()):
        if old.get(name) == new.get(name):
            continue
        subject = _subject(name)
        if name not in old or name not in new:
            found.append(Change(name, subject, ADDED if name in new else REMOVED))
            continue
        here = list(_differing(name, subject, "", parse(old[name], name).data, parse(new[name], name).data))
        found += here or [Change(name, f"{subject}: {LAYOUT}", CHANGED)]
    return found


def consequences(old: Mapping[str, bytes], new: Mapping[str, bytes]) -> list[str]:
    """Return what follows from the differences and is easily overlooked, a sentence each."""
    names = (PurePosixPath(name) for name in sorted(old.keys() - new.keys()))
    told = [
        f"Posts to the source {one.stem} are answered 404 from then on."
        for one in names
        if one.parent.as_posix() == "sources"
    ]
    was, is_ = (_texts_of(files) for files in (old, new))
    return told + [
        f"The text of {purpose}, version {version}, has changed: whoever agreed to it agreed to other words. "
        "Give the new words a version of their own."
        for (purpose, version), text in was.items()
        if is_.get((purpose, version), text) != text
    ]


def _texts_of(files: Mapping[str, bytes]) -> dict[tuple[str, str], str]:
    """Return the texts of consent.yaml by purpose and version."""
    data = parse(files[CONSENT], CONSENT).data if CONSENT in files else None
    purposes = _under(data, "purposes", dict)
    return {
        (str(name), str(one.get("version"))): str(one.get("text"))
        for name, entry in purposes.items()
        for one in _under(entry, "texts", list)
        if isinstance(one, dict)
    }


def _under(data: Any, name: str, kind: type) -> Any:
    found = data.get(name) if isinstance(data, dict) else None
    return found if isinstance(found, kind) else kind()


def as_files(old: Mapping[str, bytes], new: Mapping[str, bytes], before: str, after: str) -> list[str]:
    """Return the same as lines of a unified diff."""
    lines: list[str] = []
    for name in sorted(old.keys() | new.keys()):
        was, is_ = (one.get(name, b"").decode("utf-8", "replace").splitlines() for one in (old, new))
        lines += difflib.unified_diff(was, is_, f"{before}/{name}", f"{after}/{name}", lineterm="")
    return lines


def _subject(name: str) -> str:
    path = PurePosixPath(name)
    folder = FOLDERS.get(path.parent.as_posix())
    return f"{folder} {path.stem}" if folder else path.stem


def _differing(file: str, what: str, key: str, old: Any, new: Any) -> Iterator[Change]:
    """Yield what differs between two values that stand under ``key``."""
    if _same(old, new):
        return
    if isinstance(old, dict) and isinstance(new, dict):
        yield from _of_mappings(file, what, key, old, new)
    elif (named := _named(old)) is not None and (others := _named(new)) is not None:
        yield from _of_entries(file, what, key, named, others)
    else:
        yield Change(file, what, CHANGED, shown(old), shown(new))


def _of_mappings(
    file: str, what: str, key: str, old: Mapping[str, Any], new: Mapping[str, Any]
) -> Iterator[Change]:
    for name in [*old, *(name for name in new if name not in old)]:
        label = f"{what.removesuffix(key)}{_entry(key, name)}" if key in ONE_OF else f"{what}: {name}"
        if name not in new:
            yield Change(file, label, REMOVED, shown(old[name]))
        elif name not in old:
            yield Change(file, label, ADDED, new=shown(new[name]))
        else:
            yield from _differing(file, label, name if key not in ONE_OF else "", old[name], new[name])


def _of_entries(
    file: str, what: str, key: str, old: Mapping[str, Any], new: Mapping[str, Any]
) -> Iterator[Change]:
    for name in [*old, *(name for name in new if name not in old)]:
        label = f"{what.removesuffix(key)}{_entry(key, name)}" if key in ONE_OF else f"{what} {name}"
        if name not in new:
            yield Change(file, label, REMOVED, shown(_rest(old[name])))
        elif name not in old:
            yield Change(file, label, ADDED, new=shown(_rest(new[name])))
        else:
            yield from _differing(file, label, "", _entry_of(old[name]), _entry_of(new[name]))
    if key not in UNORDERED:
        yield from _moves(file, what, key, list(old), list(new))


def _moves(file: str, what: str, key: str, old: list[str], new: list[str]) -> Iterator[Change]:
    """Yield what stands elsewhere among those that are in both: the fewest that explain the new order."""
    before, after = [one for one in old if one in new], [one for one in new if one in old]
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
    kept = {
        before[n] for block in matcher.get_matching_blocks() for n in range(block.a, block.a + block.size)
    }
    for name in after:
        if name not in kept:
            label = f"{what.removesuffix(key)}{_entry(key, name)}" if key in ONE_OF else f"{what} {name}"
            yield Change(file, label, MOVED, str(old.index(name) + 1), str(new.index(name) + 1))


def _entry(key: str, name: str) -> str:
    return f"{ONE_OF[key]} {name}" if key in ONE_OF else name


def _named(value: Any) -> dict[str, Any] | None:
    """Return the entries of a list by what they are called; ``None`` where they have none."""
    if not isinstance(value, list) or not any(isinstance(one, dict) for one in value):
        return None
    names = [_name(one) for one in value]
    if None in names or len(set(names)) < len(names):
        return None
    return dict(zip(map(str, names), value, strict=True))


def _name(entry: Any) -> str | None:
    if isinstance(entry, str):
        return entry
    if isinstance(entry, dict):
        return next((entry[key] for key in IDENTITY if isinstance(entry.get(key), str)), None)
    return None


def _entry_of(entry: Any) -> Any:
    return {"email": entry} if isinstance(entry, str) else entry


def _rest(entry: Any) -> Any:
    if not isinstance(entry, dict):
        return None
    name = _name(entry)
    return {key: value for key, value in entry.items() if not (key in IDENTITY and value == name)}


def _same(a: Any, b: Any) -> bool:
    """Compare values as the playbook reads them: 1, 1.0 and true are three."""
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(_same(a[key], b[key]) for key in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(_same, a, b))
    return type(a) is type(b) and bool(a == b)


def shown(value: Any) -> str:
    """Write a value on one line, as YAML does."""
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case dict():
            return (
                "{" + ", ".join(f"{key}: {shown(one)}" for key, one in value.items()) + "}" if value else ""
            )
        case list():
            return f"[{', '.join(map(shown, value))}]"
        case _:
            return str(value)


def told(found: Sequence[Change]) -> list[dict[str, str]]:
    """Return changes as plain data for JSON."""
    return [
        {"file": one.file, "what": one.what, "how": one.how, "old": one.old, "new": one.new} for one in found
    ]
