"""Which playbook counts for a command: the version in force where a store knows one, else the folder."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.engine import Connection, make_url
from sqlalchemy.exc import SQLAlchemyError

from handlers.registry import HANDLERS
from leadrelay.settings import SPACE, Settings
from mappings.compile import load, texts_of
from mappings.playbook import Playbook
from mappings.problems import PlaybookError
from model.errors import LeadRelayError
from sync import migrate, register
from sync.database import open_store
from sync.register import Version


@dataclass(frozen=True, slots=True)
class Held:
    """The version in force with its files, as a store holds it."""

    version: Version
    texts: Mapping[str, bytes]

    def differing(self, folder: Path) -> list[str]:
        """Return the names of files that a folder has not, or has otherwise; raises ``PlaybookError``."""
        theirs = texts_of(folder) if folder.is_dir() else {}
        names = sorted(self.texts.keys() | theirs.keys())
        return [name for name in names if self.texts.get(name) != theirs.get(name)]


@dataclass(frozen=True, slots=True)
class Standing:
    """The playbook that counts, and what somebody who edits the folder should know of it."""

    playbook: Playbook
    note: str = ""  # blank: folder and version say the same, or there is no version yet


def held(snapshot: Connection) -> Held | None:
    """Return the version in force; ``None`` in a store that has decided by none yet."""
    version = register.current(snapshot, SPACE)
    return Held(version, register.texts_of(snapshot, version)) if version else None


def held_by_store(settings: Settings) -> Held | None:
    """Return the version in force; ``None`` also where there is no store, or one of another leadrelay."""
    if not has_store(settings):
        return None
    try:
        with contextlib.closing(open_store(settings.database_url)) as store, store.snapshot() as snapshot:
            if migrate.current(snapshot) != migrate.head():
                return None
            return held(snapshot)
    except (SQLAlchemyError, LeadRelayError, PlaybookError):
        return None  # for those who ask, files are enough; `doctor` says what the store lacks


def has_store(settings: Settings) -> bool:
    """Say whether there may be a store: a file of SQLite that is there, or any server."""
    url = make_url(settings.database_url)
    return url.get_backend_name() != "sqlite" or Path(url.database or "").is_file()


def standing(found: Held | None, folder: Path) -> Standing:
    """Return the playbook that counts beside a folder; raises ``PlaybookError`` where that cannot be read.

    A version that this leadrelay cannot read gives way to the folder, which is said.
    """
    if found is None:
        return Standing(load(folder, handlers=HANDLERS))
    try:
        playbook = register.playbook_of(found.texts, found.version.number)
    except PlaybookError as error:
        first = error.problems[0]
        note = f"Version {found.version} is in force, but cannot be read here ({first}); {folder} is used."
        return Standing(load(folder, handlers=HANDLERS), note)
    return Standing(playbook, _note(found, folder))


def beside(found: Held | None, folder: Path) -> str:
    """Say that what is read from a folder is not in force; blank where it is, or nothing is."""
    try:
        names = found.differing(folder) if found else []
    except PlaybookError:
        return ""  # who reads the folder tells what is wrong with it
    if found is None or not names:
        return ""
    return f"Read from {folder}, which is not in force: {_files(names)} from version {found.version}."


def _note(found: Held, folder: Path) -> str:
    used = f"By version {found.version}, which is in force"
    if not folder.is_dir():
        return f"{used}; there is no folder {folder}."
    try:
        names = found.differing(folder)
    except PlaybookError as error:
        return f"{used}; the folder {folder} cannot be read: {error.problems[0]}."
    if not names:
        return ""
    return f"{used}; the folder {folder} is not: {_files(names)} (`leadrelay diff`)."


def _files(names: list[str]) -> str:
    return f"{len(names)} files differ" if len(names) > 1 else f"{names[0]} differs"
