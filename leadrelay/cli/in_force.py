"""The playbook for a command: the one place where commands come by it, and where it is said which one it is.

What acts on the store, or tells of it, goes by the version in force. What prepares a folder (`check`, `test`,
`map`, `lifecycle`, `match learn`) reads that folder, and says so where it is not in force. Both are said on
standard error, so that `--json` stays whole.
"""

from __future__ import annotations

from pathlib import Path

from handlers.registry import HANDLERS
from leadrelay import settings as settings_module
from leadrelay.cli.common import errors, fail, opened
from leadrelay.in_force import Standing, beside, has_store, held, held_by_store, standing
from leadrelay.settings import Settings, SettingsError
from mappings.compile import load
from mappings.playbook import Playbook
from mappings.problems import PlaybookError


def playbook_in_force(settings: Settings, cannot: str = "") -> Playbook:
    """Return the playbook that counts, or end the command with its problems and what ``cannot`` be done."""
    try:
        found = _standing(settings)
    except PlaybookError as error:
        fail("\n".join(filter(None, (str(error), cannot))))
    _say(found.note)
    return found.playbook


def playbook_if_any(settings: Settings, *, quiet: bool = False) -> Playbook | None:
    """Return the playbook that counts; ``None`` where it cannot be read, which `check` and `doctor` tell."""
    try:
        found = _standing(settings)
    except PlaybookError:
        return None
    _say("" if quiet else found.note)
    return found.playbook


def playbook_of(settings: Settings, folder: Path | None, cannot: str = "") -> Playbook:
    """Return a folder's playbook where one was named, else the one that counts; or end the command."""
    if folder is None:
        return playbook_in_force(settings, cannot)
    try:
        return load(folder, handlers=HANDLERS)
    except PlaybookError as error:
        fail("\n".join(filter(None, (str(error), cannot))))


def say_beside(folder: Path) -> None:
    """Say that a folder is not in force, where a store that knows better is at hand."""
    try:
        settings = settings_module.load()
    except SettingsError:
        return  # files can be read anywhere; `serve` and `doctor` tell what the environment lacks
    _say(beside(held_by_store(settings), folder))


def _standing(settings: Settings) -> Standing:
    if not has_store(settings):
        return standing(None, settings.playbook)
    with opened(settings) as store, store.snapshot() as snapshot:
        found = held(snapshot)
    return standing(found, settings.playbook)


def _say(note: str) -> None:
    if note:
        errors.print(note, style="yellow", markup=False)
