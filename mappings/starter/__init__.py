"""The playbook that ships: a complete worked example for the fictitious company Northlight (B2B)."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

from mappings import scorings
from mappings.schema import json_schemas

FOLDER = Path(__file__).parent
SCHEMAS = ".schemas"


def write_starter(folder: Path, scoring: str = "") -> list[Path]:
    """Copy the starter into a new or empty folder, with the JSON Schemas that editors use.

    ``scoring`` names a model of ``mappings.scorings``, whose files take the place of the starter's. Returns
    what was written; raises ``FileExistsError`` with a sentence where something is already.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise FileExistsError(f"{folder} is not empty; name a new folder, so that nothing is overwritten.")
    files = {path.relative_to(FOLDER).as_posix(): path for path in sorted(FOLDER.rglob("*.yaml"))}
    files |= scorings.files_of(scoring)
    written = [_write(folder / name, path.read_text(encoding="utf-8")) for name, path in files.items()]
    return [*written, *write_schemas(folder)]


EXAMPLE = "#| "
"""How the lines of an example begin that is not in use."""


def use_example(file: Path) -> None:
    """Let the example in a file of the starter take the place of the setting that it stands for."""
    lines = file.read_text(encoding="utf-8").splitlines()
    named = {line.removeprefix(EXAMPLE).partition(":")[0] for line in lines if line.startswith(EXAMPLE)}
    kept = [line for line in lines if line.startswith("#") or line.partition(":")[0] not in named]
    text = "\n".join(line.removeprefix(EXAMPLE) for line in kept)
    file.write_text(f"{text}\n", encoding="utf-8")


def write_schemas(folder: Path) -> list[Path]:
    """Write (or renew) the JSON Schemas of a playbook folder, one a file kind."""
    return [_write(folder / SCHEMAS / f"{kind}.json", text) for kind, text in _schemas().items()]


@cache
def _schemas() -> dict[str, str]:
    """Return the JSON Schema of each file kind, as text."""
    schemas = json_schemas().items()
    return {kind: json.dumps(schema, indent=2, ensure_ascii=False) + "\n" for kind, schema in schemas}


def _write(path: Path, content: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")
    return path
