"""The playbook in force: loaded once, swapped whole on a good reload, kept on a broken one."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

import structlog

from handlers import registry
from leadrelay.connections import id_fields
from mappings.compile import load
from mappings.playbook import CrmMap, Playbook
from mappings.problems import PlaybookError, Problem
from sync.deciding.pipeline import Pipeline

log = structlog.get_logger("leadrelay.playbook")

AFTER_RESTART = "This takes effect after a restart; until then the playbook stays in force as it was."


class PlaybookHolder:
    """Hands out the present pipeline; a batch keeps the one it began with.

    Connectors, budgets and workers are built once, at the start, from the connections there
    are then. So every playbook that is ever in force has those connections, and no other.
    """

    def __init__(self, folder: Path) -> None:
        """Load the folder; raises ``PlaybookError`` with every problem."""
        self.folder = folder
        self._lock = threading.Lock()
        self._seen = _fingerprint(folder)
        self._pipeline = _build(folder)
        self.problem: PlaybookError | None = None

    def playbook(self) -> Playbook:
        """Return the playbook in force."""
        return self._pipeline.playbook

    def pipeline(self) -> Pipeline:
        """Return the handlers of the playbook in force."""
        return self._pipeline

    def reload_if_changed(self) -> bool:
        """Look at the files; take a sound change in, keep the old one running on a broken change."""
        with self._lock:
            seen = _fingerprint(self.folder)
            if seen == self._seen:
                return False
            self._seen = seen
            try:
                pipeline = _build(self.folder)
                if problems := list(_for_a_restart(self.playbook().crms, pipeline.playbook.crms)):
                    raise PlaybookError(problems)
            except PlaybookError as error:
                self.problem = error
                log.error(
                    "playbook.kept_old",
                    running=self._pipeline.playbook.version,
                    problems=[str(problem) for problem in error.problems],
                )
                return False
            changed = pipeline.playbook.version != self._pipeline.playbook.version
            self._pipeline, self.problem = pipeline, None
            log.info("playbook.in_force", version=pipeline.playbook.version, changed=changed)
            return changed

    def problems(self) -> tuple[Problem, ...]:
        """Return every fault of the files on disk, where they are not what is in force."""
        return self.problem.problems if self.problem else ()

    def files(self) -> list[tuple[str, str]]:
        """Return name and text of each file on disk, in order."""
        return [
            (path.relative_to(self.folder).as_posix(), path.read_text(encoding="utf-8", errors="replace"))
            for path in sorted(self.folder.rglob("*.yaml"))
        ]

    def complaint(self) -> str | None:
        """Return what is wrong with the files on disk, if anything."""
        if self.problem is None:
            return None
        first, *others = self.problem.problems
        count = f"{len(others) + 1} problems, first" if others else "1 problem"
        return (
            f"version {self._pipeline.playbook.version} keeps running; "
            f"the files on disk have {count}: {first}"
        )


def _build(folder: Path) -> Pipeline:
    playbook = load(folder)
    return Pipeline(playbook, registry.build(playbook))


def _for_a_restart(running: Mapping[str, CrmMap], found: Mapping[str, CrmMap]) -> Iterator[Problem]:
    """Yield the changes that what is already built cannot follow."""
    for name in sorted(running.keys() | found.keys()):
        old, new = running.get(name), found.get(name)
        if old is None or new is None:
            what = "new" if old is None else "gone"
            place = (new or running[name]).place
            yield Problem(place, f'the connection "{name}" is {what}', AFTER_RESTART)
            continue
        changed = [
            setting
            for setting, is_same in (
                ("kind", old.kind == new.kind),
                ("limits", old.limits == new.limits),
                ("id_field", id_fields(old) == id_fields(new)),
                ("match", old.kind != new.kind or old.match == new.match),
            )
            if not is_same
        ]
        if changed:
            text = f'the connection "{name}" has changed in {" and ".join(changed)}'
            yield Problem(new.place, text, AFTER_RESTART)


def _fingerprint(folder: Path) -> tuple[tuple[str, int, int], ...]:
    files = sorted(folder.rglob("*.yaml")) if folder.is_dir() else []
    found = []
    for path in files:
        try:
            facts = path.stat()
        except FileNotFoundError:  # an editor that saves by renaming
            continue
        found.append((str(path), facts.st_mtime_ns, facts.st_size))
    return tuple(found)
