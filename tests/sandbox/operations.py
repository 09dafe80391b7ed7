"""The written list of what the vendors' own clients are run through; ``python -m`` writes its page anew."""

from __future__ import annotations

import importlib
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, TypeVar

HERE = Path(__file__).resolve().parent
NODE = HERE / "node"
PAGE = HERE.parent.parent / "docs" / "sandbox-clients.md"

# Where the operations of each client are: Python test modules, or one Node script and what it imports.
PYTHON = {"hubspot-api-client": "hubspot", "simple-salesforce": "salesforce"}
SCRIPTS = {"@hubspot/api-client": "hubspot", "jsforce": "jsforce"}

_IN_SCRIPT = re.compile(
    r'^operation\(\s*("[^"]*"),\s*("(?:[^"\\]|\\.)*"),\s*("(?:[^"\\]|\\.)*"),', re.MULTILINE
)

Test = TypeVar("Test", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Operation:
    """One call of a client, and the result its vendor documents."""

    group: str
    call: str
    result: str
    place: str  # the file that proves it, and the test in it where that is Python

    def __str__(self) -> str:
        return f"{self.call}: {self.result}"


def operation(group: str, call: str, result: str) -> Callable[[Test], Test]:
    """Put a test on the list."""

    def mark(test: Test) -> Test:
        test.operation = (group, call, result)  # type: ignore[attr-defined]
        return test

    return mark


def listed(client: str) -> list[Operation]:
    """A client's operations, in the order of the files."""
    found = _of_modules(PYTHON[client]) if client in PYTHON else _of_script(SCRIPTS[client])
    return list(found)


def _of_modules(folder: str) -> Iterator[Operation]:
    for path in sorted((HERE / folder).glob("test_client*.py")):
        module = importlib.import_module(f"tests.sandbox.{folder}.{path.stem}")
        for name, test in vars(module).items():
            if name.startswith("test_") and hasattr(test, "operation"):
                yield Operation(*test.operation, place=f"{_named(path)}::{name}")


def _of_script(name: str) -> Iterator[Operation]:
    main = (NODE / f"{name}.mjs").read_text(encoding="utf-8")
    for part in re.findall(r'^import "\./([\w-]+\.mjs)";$', main, re.MULTILINE):
        for texts in _IN_SCRIPT.findall((NODE / part).read_text(encoding="utf-8")):
            group, call, result = map(json.loads, texts)
            yield Operation(group, call, result, place=_named(NODE / part))


def _named(path: Path) -> str:
    return path.relative_to(HERE.parent.parent).as_posix()


def page() -> str:
    """The page that lists them all."""
    told = {client: listed(client) for client in (*PYTHON, *SCRIPTS)}
    counts = "\n".join(f"| {client} | {len(rows)} |" for client, rows in told.items())
    tables = "\n".join(f"## {client}\n\n{_tables(rows)}" for client, rows in told.items())
    return f"{_HEAD.format(counts=counts)}\n{tables}"


def _tables(rows: list[Operation]) -> str:
    return "\n".join(
        f"### {group[0].upper()}{group[1:]}\n\n{_TABLE}{''.join(map(_line, several))}"
        for group, several in groupby(rows, key=lambda row: row.group)
    )


def _line(row: Operation) -> str:
    file, _, test = row.place.partition("::")
    call, result = (text.replace("|", "\\|") for text in (row.call, row.result))
    return (
        f"| `{call}` | {result} | `{file.removeprefix('tests/sandbox/')}`{f' `{test}`' if test else ''} |\n"
    )


_TABLE = "| call | documented result | test |\n|---|---|---|\n"
_HEAD = """\
# The sandbox, proved by the vendors' own clients

Each row is one operation that a test runs: a call of the vendor's own client against the
[sandbox](sandbox.md), and the result that the vendor documents for it. The page is written by
`python -m tests.sandbox.operations` from the tests themselves, and a test compares the two. Files are
those under `tests/sandbox/`; the scripts of Node are run by `tests/sandbox/test_node.py`.

| client | operations |
|---|---|
{counts}
"""


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
