"""The playbook in force in this process: that of the store's register, and the folder where it is edited.

Which version decides is said by events in the one order (``sync.deciding.turning``). Each process looks what
the register says by now; one of them watches the folder, and hands in what changed there and is sound.
A folder counts when it has changed since it last counted: so it never undoes what was made current by
``leadrelay apply`` or ``rollback`` (docs/decisions/0023-versions-of-the-playbook.md).
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import structlog

from handlers import registry
from leadrelay.connections import id_fields
from mappings.compile import load, texts_of, version_of
from mappings.playbook import CrmMap, Playbook
from mappings.problems import PlaybookError, Problem
from mappings.signing import refuse_unsigned
from model.errors import LeadRelayError
from model.times import Clock
from sync import register
from sync.database import Store
from sync.deciding.pipeline import Pipeline
from sync.deciding.turning import pipeline_of
from sync.register import FOLDER, Version, Wish

log = structlog.get_logger("leadrelay.playbook")

AFTER_RESTART = "This takes effect after a restart; until then the playbook stays in force as it was."

LACK_LASTS = timedelta(seconds=30)  # until the accounts are asked again for fields that they did not have

Lacks = Callable[[Playbook, Playbook], list[Problem]]
"""Says what the accounts lack of a playbook that is to come into force after another."""


@dataclass(frozen=True, slots=True)
class _Register:
    """The store's side of it."""

    store: Store
    clock: Clock
    space: str
    watches: Callable[[], bool]
    edits_count: bool


class PlaybookHolder:
    """Hands out the present pipeline; a batch keeps the one it began with.

    Connectors, budgets and workers are built once, at the start, from the connections there
    are then. So every playbook that is ever in force here has those connections, and no other.
    """

    def __init__(self, folder: Path) -> None:
        """Load the folder. With something in ``problem`` nothing is in force until ``join``."""
        self.folder = folder
        self.problem: PlaybookError | None = None  # of the files on disk
        self._lock = threading.Lock()
        self._register: _Register | None = None
        self._seen: tuple[object, ...] = ()
        self._tried = 0  # the newest version that was looked at
        self._behind = ""  # why this process cannot follow the version in force
        self._handed_in = ""  # the folder's version that is on its way
        self._aside = ""  # what the folder holds that is not in force, and need not be
        self._pipeline: Pipeline | None = None
        self.lacks: Lacks = lambda _found, _running: []  # what the accounts lack of it; may ask them
        self._again_at: datetime | None = None  # when a folder that lacks something there is looked at again
        try:
            self._pipeline = _build(folder)
        except PlaybookError as error:
            self.problem = error

    def join(
        self,
        store: Store,
        clock: Clock,
        space: str,
        watches: Callable[[], bool],
        *,
        edits_count: bool = True,
    ) -> None:
        """Begin with what the register of the store says; raises ``PlaybookError`` where nothing is sound.

        ``watches`` says whether this process is the one that watches the folder. A folder that has
        changed since it last counted is begun with: it is handed in by the next look. Unless ``edits_count``
        it is handed in for the first version of a store alone.
        """
        self._register = _Register(store, clock, space, watches, edits_count)
        with store.snapshot() as snapshot:
            version = register.current(snapshot, space)
            if version is not None:
                counts = edits_count and watches()
                try:
                    kept = pipeline_of(register.texts_of(snapshot, version), version.number)
                except PlaybookError as error:  # it was read by another leadrelay than this one
                    log.error("playbook.version_unusable", version=version.number, problems=str(error))
                else:
                    self._begin_with(kept, version, counts=counts)
        if self.problem is not None:
            if self._pipeline is None:
                raise self.problem
            self._keep_old(self.problem)

    def _begin_with(self, kept: Pipeline, version: Version, *, counts: bool) -> None:
        """Begin with the version in force, unless the folder has changed, counts, and may follow it."""
        found = self._pipeline.playbook if self._pipeline is not None else None
        if found is None or found.version == version.folder or not counts:
            self._pipeline = kept
            return
        try:
            refuse_unsigned(kept.playbook, found, ())
        except PlaybookError as error:
            self._pipeline, self.problem = kept, error

    def playbook(self) -> Playbook:
        """Return the playbook in force."""
        return self.pipeline().playbook

    def pipeline(self) -> Pipeline:
        """Return the handlers of the playbook in force."""
        if self._pipeline is None:
            raise self.problem or AssertionError("nothing was loaded")
        return self._pipeline

    def follow(self, pipeline: Pipeline) -> None:
        """Take in the version that is in force now, unless what is already built cannot follow it."""
        found = pipeline.playbook
        if found.number <= self.playbook().number:
            return
        if problems := list(for_a_restart(self.playbook().crms, found.crms)):
            first = str(problems[0])
            self._behind = f"version {found.number} ({found.version}) is in force, but not here: {first}"
            log.error("playbook.behind", version=found.number, problems=[str(one) for one in problems])
            return
        self._pipeline, self._behind = pipeline, ""
        if found.version == self._handed_in:
            self.problem = None
        log.info("playbook.in_force", version=found.version, number=found.number)

    def look(self) -> bool:
        """Follow the register, then look at the files; ``True`` where they were handed in."""
        if self._register is None:
            return False
        with self._lock:
            ours = self._register
            with ours.store.snapshot() as snapshot:
                version = register.current(snapshot, ours.space)
                if version is not None and version.number > max(self.playbook().number, self._tried):
                    self._tried = version.number
                    try:
                        self.follow(pipeline_of(register.texts_of(snapshot, version), version.number))
                    except PlaybookError as error:
                        self._behind = f"version {version} is in force, but cannot be read here: {error}"
                        log.error("playbook.behind", version=version.number, problems=[str(error)])
            return ours.watches() and self._watch(ours, version)

    def hand_in(self, texts: Mapping[str, bytes], wish: Wish) -> None:
        """Hand in what a command brings; raises ``LeadRelayError`` where it cannot come into force here."""
        if self._register is None:
            raise LeadRelayError("there is no store yet")
        try:
            found = pipeline_of(texts, 0).playbook
            if problems := list(for_a_restart(self.playbook().crms, found.crms)):
                raise PlaybookError(problems)
        except PlaybookError as error:
            raise LeadRelayError(str(error)) from error
        ours = self._register
        register.hand_in(ours.store, ours.space, texts, wish, ours.clock.now())

    def _watch(self, ours: _Register, version: Version | None) -> bool:
        """Hand in what the folder holds, if it has changed since it last counted and is sound."""
        seen, now = (_fingerprint(self.folder), version), ours.clock.now()
        if seen == self._seen and (self._again_at is None or now < self._again_at):
            return False
        self._seen, self._again_at = seen, None
        try:
            texts = texts_of(self.folder)
            found = load(self.folder)
            if found.version != version_of(texts):  # it is being written this moment
                self._seen = ()
                return False
            if version is not None and (found.version == version.folder or not ours.edits_count):
                self.problem, self._aside = None, _aside(found.version, version, ours.edits_count)
                return False
            if problems := list(for_a_restart(self.playbook().crms, found.crms)):
                raise PlaybookError(problems)
            refuse_unsigned(self.playbook(), found, ())
            if problems := self.lacks(found, self.playbook()):
                self._again_at = now + LACK_LASTS
                raise PlaybookError(problems)
        except PlaybookError as error:
            self._keep_old(error)
            return False
        self._handed_in, self._aside = found.version, ""
        once = f"{version.number}:{version.folder}" if version else ""
        wish = Wish(FOLDER, f"the folder {self.folder.name} on {socket.gethostname()}", once=once)
        return register.hand_in(ours.store, ours.space, texts, wish, now)

    def _keep_old(self, error: PlaybookError) -> None:
        self.problem = error
        log.error(
            "playbook.kept_old",
            running=self.playbook().version,
            problems=[str(problem) for problem in error.problems],
        )

    def problems(self) -> tuple[Problem, ...]:
        """Return every fault of the files on disk, where they are not what is in force."""
        return self.problem.problems if self.problem else ()

    def files(self) -> list[tuple[str, str]]:
        """Return name and text of each file on disk, in order."""
        return [
            (path.relative_to(self.folder).as_posix(), path.read_text(encoding="utf-8", errors="replace"))
            for path in sorted(self.folder.rglob("*.yaml"))
        ]

    def aside(self) -> str:
        """Say that the folder holds something else than what is in force, where that was somebody's will."""
        return self._aside

    def complaint(self) -> str | None:
        """Return what is wrong with the files on disk, or why this process cannot follow, if anything."""
        if self._behind:
            return self._behind
        if self.problem is None:
            return None
        first, *others = self.problem.problems
        count = f"{len(others) + 1} problems, first" if others else "1 problem"
        return f"version {self.playbook().version} keeps running; the files on disk have {count}: {first}"


def _aside(found: str, version: Version, edits_count: bool) -> str:
    if found == version.hash:
        return ""
    edited = not edits_count and found != version.folder
    why = (
        "`leadrelay apply` alone changes what is (LEADRELAY_WATCH_PLAYBOOK=false)"
        if edited
        else f"{version} was made current by {version.by}"
    )
    return f"the folder holds {found}, which is not in force: {why}; `leadrelay diff` shows what differs"


def _build(folder: Path) -> Pipeline:
    playbook = load(folder)
    return Pipeline(playbook, registry.build(playbook))


def for_a_restart(running: Mapping[str, CrmMap], found: Mapping[str, CrmMap]) -> Iterator[Problem]:
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
