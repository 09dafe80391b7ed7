"""Who may import whom: each room's imports, read from the source, against the table of the house."""

from __future__ import annotations

import ast
import importlib.util
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

HOUSE = Path(__file__).resolve().parent.parent

MAY_IMPORT = {
    "model": (),
    "mappings": ("model",),
    "connectors": ("model",),
    "handlers": ("model", "mappings"),
    "sync": ("model", "mappings", "handlers", "connectors.base", "connectors.channels"),
    "webhooks": ("model", "mappings", "sync", "connectors.base"),
    "scheduler": ("model", "mappings", "sync", "connectors.base", "connectors.channels"),
    "dashboard": ("model", "mappings", "sync"),
    "sandbox": (),  # a fake cannot share a mistake with the code it tests
}
MAY_IMPORT["leadrelay"] = tuple(MAY_IMPORT)  # puts the parts together; nobody imports it

ONLY_IN = {
    "sqlalchemy": ("sync", "leadrelay"),
    "alembic": ("sync",),
    "psycopg": ("sync",),
    "sqlite3": ("sync",),
    "pysqlite3": ("sync",),
    "flask": ("webhooks", "dashboard", "sandbox"),
    "waitress": ("webhooks", "sandbox"),
    "aiosmtpd": ("sandbox",),
    "apscheduler": ("scheduler",),
    "celery": ("leadrelay",),
    "kombu": ("leadrelay",),
    "yaml": ("mappings",),
    "cel": ("mappings",),
    "openpyxl": ("mappings",),
    "pydantic": ("mappings",),
    "typer": ("leadrelay",),
    "rich": ("leadrelay",),
    "hubspot": ("connectors.hubspot",),
    "simple_salesforce": ("connectors.salesforce",),
    "slack_sdk": ("connectors.slack",),
}
"""What stays in one room; whoever else needs it asks that room."""

ROOMS = [name for name in MAY_IMPORT if (HOUSE / name).is_dir()]
FILES = [path.relative_to(HOUSE) for room in ROOMS for path in sorted((HOUSE / room).rglob("*.py"))]


def is_in(module: str, package: str) -> bool:
    return module == package or module.startswith(f"{package}.")


def imports_of(file: Path) -> Iterator[tuple[int, str]]:
    """Yield the line and the full name of each imported module, those inside functions included."""
    package = file.with_suffix("").parts[:-1]
    for node in ast.walk(ast.parse((HOUSE / file).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            module = ".".join(filter(None, (above, node.module)))
            yield from ((node.lineno, f"{module}.{alias.name}") for alias in node.names)


@pytest.mark.parametrize("file", FILES, ids=str)
def test_a_file_imports_only_the_rooms_it_may(file):
    room = file.parts[0]
    for line, module in imports_of(file):
        if module.split(".")[0] not in (set(MAY_IMPORT) | {"tests", "benchmarks"}) - {room}:
            continue
        allowed = any(is_in(module, name) for name in MAY_IMPORT[room])
        assert allowed, f"{file}:{line}: {room} may not import {module}"


@pytest.mark.parametrize("file", FILES, ids=str)
def test_a_library_stays_in_its_room(file):
    own = ".".join(file.with_suffix("").parts)
    for line, module in imports_of(file):
        for library, rooms in ONLY_IN.items():
            if is_in(module, library):
                allowed = any(is_in(own, room) for room in rooms)
                assert allowed, f"{file}:{line}: {library} stays in {', '.join(rooms)}"


@pytest.mark.parametrize("file", [file for file in FILES if file.parts[0] == "model"], ids=str)
def test_the_model_uses_the_standard_library_only(file):
    for line, module in imports_of(file):
        top = module.split(".")[0]
        assert top == "model" or top in sys.stdlib_module_names, f"{file}:{line}: {module}"


def parts_of(room: str) -> dict[str, set[str]]:
    """Return which parts of a room, files or folders, each of its parts imports."""
    graph: dict[str, set[str]] = {}
    for file in FILES:
        if file.parts[0] != room or len(file.parts) < 2 or "migrations" in file.parts:
            continue
        part = file.with_suffix("").parts[1]
        names = {module.split(".")[1] for _, module in imports_of(file) if is_in(module, room)}
        graph.setdefault(part, set()).update(names - {part})
    return graph


def test_the_parts_of_sync_import_each_other_one_way():
    graph = parts_of("sync")
    while ends := [part for part, names in graph.items() if not names & graph.keys()]:
        for part in ends:
            del graph[part]
    assert not graph, f"these import each other in a circle: {sorted(graph)}"


def test_values_know_nothing_of_playbooks():
    for file in FILES:
        if file.parts[:2] == ("mappings", "values"):
            outside = [name for _, name in imports_of(file) if is_in(name, "mappings")]
            assert all(is_in(name, "mappings.values") for name in outside), f"{file} imports {outside}"


def test_every_package_of_the_wheel_is_a_room_of_the_table():
    project = tomllib.loads((HOUSE / "pyproject.toml").read_text(encoding="utf-8"))
    packages = {
        pattern.rstrip("*") for pattern in project["tool"]["setuptools"]["packages"]["find"]["include"]
    }
    assert packages == set(ROOMS)
    assert packages == set(project["tool"]["mypy"]["packages"])
    folders = {path.parent.name for path in HOUSE.glob("*/__init__.py")} - {"tests", "benchmarks"}
    assert folders == set(ROOMS)


@pytest.mark.parametrize("room", [*ROOMS, "tests"])
def test_a_room_is_found_in_the_checkout_and_not_in_a_library(room):
    spec = importlib.util.find_spec(room)
    assert spec is not None
    assert spec.origin is not None
    assert Path(spec.origin).is_relative_to(HOUSE)
    assert not Path(spec.origin).is_relative_to(HOUSE / ".venv")


def test_the_walk_sees_every_form_of_import(tmp_path, monkeypatch):
    monkeypatch.setattr(f"{__name__}.HOUSE", tmp_path)
    (tmp_path / "sync").mkdir()
    (tmp_path / "sync" / "x.py").write_text(
        "import a, b.c as d\nfrom e import f\nfrom . import g\nfrom .h import i\n"
        "def j():\n    from k.l import m\n"
    )
    found = {module for _, module in imports_of(Path("sync/x.py"))}
    assert found == {"a", "b.c", "e.f", "sync.g", "sync.h.i", "k.l.m"}
