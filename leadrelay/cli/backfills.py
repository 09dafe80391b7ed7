"""The command that fills the mirror of a connection, or follows the daemon that does."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from leadrelay import logs
from leadrelay.cli.common import (
    WRONG_USAGE,
    counted,
    errors,
    fail,
    load_settings,
    opened,
    print_json,
    reading,
    say,
)
from leadrelay.cli.in_force import playbook_in_force
from leadrelay.clock import SystemClock
from leadrelay.connections import Known
from leadrelay.control import alone, ask_daemon, daemon_facts
from leadrelay.grants import GrantsOfStore
from leadrelay.settings import SPACE, Settings
from mappings.playbook import CrmMap, Playbook
from model.errors import LeadRelayError
from sync import status as counts
from sync.database import Store
from sync.status import MirrorCount

if TYPE_CHECKING:
    from leadrelay.connected import Connected
    from sync.reading.backfill import Backfill

LOOK = 0.3  # seconds between two looks at a daemon's progress
PATIENCE = 30.0  # seconds of a pause that the command waits out; for a longer one it ends

Name = Annotated[str, typer.Argument(help="The connection, as crm/*.yaml calls it: hubspot.")]
Again = Annotated[bool, typer.Option("--again", help="Read everything once more, from the beginning.")]
Json = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]


def backfill(name: Name, again: Again = False, as_json: Json = False) -> None:
    """Read all records of a CRM into the mirror. The daemon does it by itself; this shows how far it is."""
    settings = load_settings()
    playbook, crm = map_of(settings, name)
    try:
        if daemon_facts(settings.database_url) is not None:
            if again:
                ask_daemon(settings.database_url, "POST", f"backfills/{name}")
            found = _follow(settings, name, crm, quiet=as_json)
        else:
            with alone(settings.database_url) as store:
                found = _run(settings, store, playbook, crm, again=again, quiet=as_json)
    except LeadRelayError as error:
        fail(str(error))
    except KeyboardInterrupt:
        say("\nStopped here; what has been read stays, and the same command goes on behind it.")
        raise typer.Exit(130) from None
    if as_json:
        print_json({object_type: asdict(one) for object_type, one in found.items()})
        return
    for object_type, one in found.items():
        skipped = f", {one.skipped} could not be read" if one.skipped else ""
        say(f"{name} {object_type}: {counted(one.seen, 'record')} mirrored{skipped}")


def map_of(settings: Settings, name: str) -> tuple[Playbook, CrmMap]:
    """Return the playbook and the connection's map, or end the command."""
    playbook = playbook_in_force(settings)
    crm = playbook.crms.get(name)
    if crm is None:
        fail(f"The playbook has no connection {name}; it has {', '.join(playbook.crms)}.", WRONG_USAGE)
    with reading(settings) as snapshot:
        known = Known.read(settings, snapshot, SPACE)
    try:
        is_set_up = known.reach(crm.connection, crm.kind).is_set_up
    except LeadRelayError as error:
        fail(str(error))
    if not is_set_up:
        fail(f"{name} is not connected yet: leadrelay connect {name}")
    return playbook, crm


def _follow(settings: Settings, name: str, crm: CrmMap, *, quiet: bool) -> dict[str, MirrorCount]:
    """Show what the daemon does until all is mirrored."""
    with opened(settings) as store, _bars(quiet=quiet) as bars:
        while True:
            found = _look(store, name)
            bars.show(found)
            if found.keys() >= set(crm.match) and not any(one.is_walking for one in found.values()):
                return found
            if daemon_facts(settings.database_url) is None:
                raise LeadRelayError("The daemon has stopped; run the command again to go on without it.")
            time.sleep(LOOK)


def _run(
    settings: Settings, store: Store, playbook: Playbook, crm: CrmMap, *, again: bool, quiet: bool
) -> dict[str, MirrorCount]:
    """Read page after page in this process, until all is mirrored or the CRM wants a long pause."""
    logs.configure("error", for_people=True)  # what stops a page is shown beside its bar
    job = _job(settings, store, playbook, crm)
    if again:
        from sync.reading.backfill import begin_again

        now = job.clock.now()
        store.write(lambda connection: begin_again(connection, SPACE, crm.connection, now))
    with _bars(quiet=quiet) as bars:
        while (step := job.step()) is not None:
            bars.show(_look(store, crm.connection))
            if step.wait > PATIENCE:
                why = step.problem or "another process is at it"
                raise LeadRelayError(
                    f"{crm.connection} {step.object}: {why}. The same command goes on later."
                )
            time.sleep(step.wait)
        found = _look(store, crm.connection)
        bars.show(found)
    return found


def _job(settings: Settings, store: Store, playbook: Playbook, crm: CrmMap) -> Backfill:
    from sync.reading.backfill import Backfill

    one = reached(settings, store, crm)
    return Backfill(one.connector, store, SystemClock(), lambda: playbook, SPACE)


def reached(settings: Settings, store: Store, crm: CrmMap) -> Connected:
    """Build the connector of a connected account. Raises ``LeadRelayError``."""
    from leadrelay.connected import connect  # the vendors' clients load slowly

    with store.snapshot() as snapshot:
        known = Known.read(settings, snapshot, SPACE, GrantsOfStore(settings, store, SystemClock()))
    one = connect(known, crm)
    if one is None:
        raise LeadRelayError(f"{crm.connection} is not connected yet: leadrelay connect {crm.connection}")
    return one


def _look(store: Store, name: str) -> dict[str, MirrorCount]:
    with store.snapshot() as snapshot:
        return counts.mirrored(snapshot, SPACE).get(name, {})


class _Rate(ProgressColumn):
    """Records a second."""

    def render(self, task: Task) -> Text:
        """Return the rate of late; blank before it is known."""
        speed = task.finished_speed or task.speed
        return Text(f"{speed:,.0f}/s" if speed else "")


class _Bars:
    """A bar an object: how many of how many, records a second, time left; and what stops it."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._tasks: dict[str, TaskID] = {}

    def show(self, found: dict[str, MirrorCount]) -> None:
        """Bring the bars up to what is mirrored by now."""
        for name, one in found.items():
            if name not in self._tasks:
                self._tasks[name] = self._progress.add_task(name, total=one.total, completed=one.seen)
            total = one.total if one.is_walking else one.seen
            self._progress.update(
                self._tasks[name],
                completed=one.seen,
                total=total,
                description=f"{name} · {one.problem}" if one.problem else name,
            )


@contextmanager
def _bars(*, quiet: bool) -> Iterator[_Bars]:
    """Show bars on standard error while it lasts."""
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        _Rate(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=errors, disable=quiet) as progress:
        yield _Bars(progress)
