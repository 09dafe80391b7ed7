"""Ready-made files for ``sources/``: one a sender, in the shape that the sender's own documents describe."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mappings import loader
from mappings.schema.words import LONGEST_NAME, NAME

FOLDER = Path(__file__).parent
_HEAD = 2  # lines before the comment: the schema's, and an empty one


@dataclass(frozen=True, slots=True)
class Preset:
    """One ready-made file."""

    name: str
    title: str  # the first sentence of its comment
    text: str

    @property
    def auth(self) -> dict[str, str]:
        """How its sender proves itself, as the file says it."""
        return dict(self._data["auth"])

    @property
    def lead_ads(self) -> dict[str, str]:
        """How its leads are read; nothing where its posts have them."""
        return dict(self._data.get("lead_ads", {}))

    @property
    def _data(self) -> dict[str, Any]:
        found: dict[str, Any] = loader.parse(self.text.encode(), f"{self.name}.yaml").data
        return found


def names() -> list[str]:
    """Return the name of every preset."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def read(name: str) -> Preset:
    """Return a preset. Raises ``KeyError`` where there is none of this name."""
    if name not in names():
        raise KeyError(name)
    text = (FOLDER / f"{name}.yaml").read_text(encoding="utf-8")
    comment = text.splitlines()[_HEAD].removeprefix("# ")
    return Preset(name, comment.partition(".")[0], text)


def named(preset: Preset, name: str) -> Preset:
    """Return the preset for a source of another name: its secret has a variable of its own.

    Raises ``ValueError`` for what cannot be the name of a source.
    """
    if not re.fullmatch(NAME.removesuffix("$"), name) or len(name) > LONGEST_NAME:
        raise ValueError(
            f'"{name}" cannot be the name of a source: write letters, digits, and . _ - between them.'
        )
    ours, theirs = variable(preset.name), variable(name)
    return Preset(name, preset.title, preset.text.replace(ours, theirs))


def variable(name: str) -> str:
    """Return how the variable of a source's secret begins."""
    return f"LEADRELAY_SOURCE_{re.sub(r'[^A-Z0-9]', '_', name.upper())}_"


def write(preset: Preset, playbook: Path) -> Path:
    """Write the preset into a playbook's ``sources/`` and return where.

    Raises ``FileNotFoundError`` where the folder is no playbook, ``FileExistsError`` where the file is there.
    """
    if not (playbook / "pipeline.yaml").is_file():
        raise FileNotFoundError(f"{playbook} is no playbook. Write one with `leadrelay init {playbook}`.")
    path = playbook / "sources" / f"{preset.name}.yaml"
    path.parent.mkdir(exist_ok=True)
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(preset.text)
    except FileExistsError:
        raise FileExistsError(
            f"{path} is there already; name another source, so that nothing is overwritten."
        ) from None
    return path
