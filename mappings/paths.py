"""Paths that choose an entry of a list: ``answers[field.ref=email].email``.

Many senders post lists of ``{key, value}`` pairs instead of named fields, in an order of their own. A
step ``[name=value]`` takes the first entry of a list whose ``name`` (dots lead into objects) holds
``value``; capitals and white space at the ends do not matter. Pure; a path that leads nowhere finds ``None``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from model.event import JsonValue

_STEP = re.compile(r"(?P<name>[^.\[\]]+)(?:\[(?P<key>[^\[\]=]+)=(?P<value>[^\[\]]+)\])?(?:\.(?=.)|$)")
CHOICE = re.compile(r"\[[^\]]*=|\[(?!\d*\])[^\]=]*\]\.")
"""What looks like a choice; ``colors[]``, ``name[first]`` and ``items[0].name`` are names of form fields."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step into what was posted: a name, and the entry to choose where it is a list."""

    name: str
    key: tuple[str, ...] = ()  # names that lead to what is compared; empty: no choice
    value: str = ""  # in small letters


@lru_cache(maxsize=4096)
def steps_of(path: str) -> tuple[Step, ...]:
    """Return the steps of a path, none at all where it is not written as one."""
    steps, at = [], 0
    while at < len(path):
        found = _STEP.match(path, at)
        if found is None:
            return ()
        key = found["key"]
        steps.append(
            Step(found["name"], tuple(key.strip().split(".")) if key else (), _plain(found["value"] or ""))
        )
        at = found.end()
    return tuple(steps)


def fault_of(path: str) -> str:
    """Say what is wrong with a path that wants to choose an entry; blank for every other path."""
    if not CHOICE.search(path):
        return ""
    steps = steps_of(path)
    if not steps:
        return "is no path"
    return "says which entry, but not what of it" if steps[-1].key else ""


def choose(data: Mapping[str, Any], path: str) -> JsonValue:
    """Return what a path with choices leads to, or ``None``."""
    inside: Any = data
    steps = steps_of(path)
    for step in steps:
        inside = _into(inside, step.name)
        if step.key:
            inside = _entry(inside, step)
        if inside is None:
            return None
    return inside if steps else None


def _into(inside: Any, name: str) -> Any:
    if isinstance(inside, Mapping):
        return inside.get(name)
    if isinstance(inside, list) and name.isdecimal() and len(name) < 6:
        return inside[int(name)] if int(name) < len(inside) else None
    return None


def _entry(entries: Any, step: Step) -> Any:
    for entry in entries if isinstance(entries, list) else ():
        found = entry
        for name in step.key:
            found = _into(found, name)
        if isinstance(found, str | int) and _plain(str(found)) == step.value:
            return entry
    return None


def _plain(text: str) -> str:
    return text.strip().casefold()
