"""Models of points to begin with (`leadrelay init --scoring NAME`): files in place of the starter's."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parent


def names() -> list[str]:
    """Return the names of the models."""
    return sorted(path.parent.name for path in FOLDER.glob("*/scoring.yaml"))


def files_of(name: str) -> dict[str, Path]:
    """Return a model's files by their path in the playbook; none for a name that no model has."""
    if name not in names():
        return {}
    folder = FOLDER / name
    return {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*.yaml"))}
