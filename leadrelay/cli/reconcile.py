"""`leadrelay reconcile`: what each CRM holds beside what is here, why they differ, and mending on request."""

from __future__ import annotations

import getpass
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Annotated, Any

import typer

from leadrelay import logs
from leadrelay.cli.backfills import map_of, reached
from leadrelay.cli.common import (
    FOUND_PROBLEMS,
    WRONG_USAGE,
    Json,
    console,
    counted,
    errors,
    fail,
    load_settings,
    opened,
    print_json,
    say,
    table,
)
from leadrelay.cli.in_force import playbook_in_force
from leadrelay.cli.masked import Masked, sight_of
from leadrelay.clock import SystemClock
from leadrelay.connections import Known
from leadrelay.control import alone, ask_daemon, daemon_facts
from leadrelay.settings import SPACE, Settings
from mappings.playbook import ACCOUNT_OBJECTS, CrmMap, Playbook
from model.errors import LeadRelayError
from model.priority import Priority
from sync.database import Store
from sync.reconciling import books, finds
from sync.reconciling.comparisons import Comparisons
from sync.reconciling.finds import Filter, Kept
from sync.reconciling.kinds import KINDS
from sync.reconciling.mends import Order
from sync.reconciling.runs import FAILED, RUNNING, Asked, Run
from sync.sight import Sight

LOOK = 0.3  # seconds between two looks at a daemon's progress
PATIENCE = timedelta(minutes=2)  # that the command waits for a step which a CRM puts off
ALL = "all"
AT_WORK = {  # by phase of a run (``sync.reconciling.running``)
    "count": "counting",
    "people": "looking for people without a record",
    "read": "reading records and comparing them",
    "list": "listing all records",
    "recount": "counting once more what is left over, as what was just made is seen late",
}


def reconcile(
    connection: Annotated[str, typer.Option(help="Only this connection.")] = "",
    object_name: Annotated[str, typer.Option("--object", help="Only this object: contacts.")] = "",
    sample: Annotated[
        str, typer.Option(help="How many records are compared, or all; else as the map says for the night.")
    ] = "",
    last: Annotated[bool, typer.Option("--last", help="Compare nothing: show the last run.")] = False,
    kind: Annotated[str, typer.Option(help="List or mend only this kind of difference: unread.")] = "",
    field: Annotated[str, typer.Option(help="List or mend only this field of the lead or account.")] = "",
    limit: Annotated[int, typer.Option(min=0, help="How many differences are listed.")] = 20,
    mend: Annotated[bool, typer.Option("--mend", help="Mend what was found and can be mended.")] = False,
    at_most: Annotated[
        int | None, typer.Option(min=1, help="Mend so many; else a tenth of what was compared, or 100.")
    ] = None,
    by: Annotated[str, typer.Option(help="Who asks; kept in the audit.")] = "",
    masked: Masked = False,
    as_json: Json = False,
) -> None:
    """Compare what each CRM holds with what is here, and say why they differ; 1 where nothing explains it."""
    settings = load_settings()
    if kind and kind not in KINDS:
        fail(f"There is no kind {kind}; there are {', '.join(KINDS)}.", WRONG_USAGE)
    if sample not in ("", ALL) and not (sample.isascii() and sample.isdigit() and int(sample)):
        fail(f"--sample {sample}: a number above 0, or all.", WRONG_USAGE)
    playbook, maps = _maps(settings, connection)
    if object_name and not (maps := [crm for crm in maps if object_name in _objects(crm)]):
        fail(f"No map that is compared names an object {object_name}.", WRONG_USAGE)
    wanted = Filter(kind, object_name, field)
    sight = sight_of(settings, masked=masked)
    who = by or getpass.getuser()
    runs: list[Run] = []
    try:
        for crm in maps:
            asked = Asked(_size(crm, sample), object_name)
            tell = _Progress(crm.connection, quiet=as_json)
            run = _last(settings, crm) if last else _compared(settings, playbook, crm, asked, who, tell)
            runs.append(run)
            if not as_json:
                _show(settings, run, wanted, limit, sight)
        orders = [Order(run.id, wanted, who, at_most) for run in runs] if mend else []
        mended = [_mend(settings, order) for order in orders]
    except LeadRelayError as error:
        fail(str(error))
    except KeyboardInterrupt:
        say("\nStopped here; what was compared stays, and the same command goes on behind it.")
        raise typer.Exit(130) from None
    if as_json:
        told = {"runs": [_told(settings, run, wanted, limit, sight) for run in runs]}
        print_json(told | ({"mended": sum(mended)} if mend else {}))
    elif mend:
        _say_mended(settings, sum(mended))
    if any(run.faults or run.unexplained or run.state == FAILED for run in runs):
        raise typer.Exit(FOUND_PROBLEMS)


def _maps(settings: Settings, connection: str) -> tuple[Playbook, list[CrmMap]]:
    """Return the playbook and the maps of the named connection, or of all that are connected."""
    if connection:
        playbook, crm = map_of(settings, connection)
        return playbook, [crm]
    playbook = playbook_in_force(settings)
    with opened(settings) as store, store.snapshot() as snapshot:
        known = Known.read(settings, snapshot, SPACE)
    try:
        found = [crm for crm in playbook.crms.values() if known.reach(crm.connection, crm.kind).is_set_up]
    except LeadRelayError as error:
        fail(str(error))
    if not found:
        fail("No CRM is connected yet: leadrelay connect")
    return playbook, found


def _objects(crm: CrmMap) -> set[str]:
    """Return the objects that are mirrored, so that they can be compared: companies, too, mapped or not."""
    return {*crm.match, *crm.all_objects, ACCOUNT_OBJECTS[crm.kind]}


def _size(crm: CrmMap, sample: str) -> int | None:
    if sample == ALL:
        return None
    return int(sample) if sample else crm.reconcile.sample or 200


def _last(settings: Settings, crm: CrmMap) -> Run:
    with opened(settings) as store, store.snapshot() as snapshot:
        runs = books.recent(snapshot, SPACE, crm.connection)
    if not runs:
        raise LeadRelayError(f"{crm.connection} was never compared: leadrelay reconcile")
    return runs[0]


class _Progress:
    """Says on standard error what a run is at, once each time that changes."""

    def __init__(self, name: str, *, quiet: bool) -> None:
        self._name, self._is_quiet, self._last = name, quiet, ""

    def show(self, run: Run) -> None:
        """Say it. Raises ``LeadRelayError`` where the next step is far away, because a CRM puts it off."""
        wait = run.due_at - SystemClock().now()
        if run.state == RUNNING and run.problem and wait > PATIENCE:
            raise LeadRelayError(f"{self._name}: {run.problem}. The same command goes on later.")
        text = run.problem or AT_WORK.get(str(run.place["phase"]), "")
        if run.state == RUNNING and text != self._last and not self._is_quiet:
            errors.print(f"{self._name}: {text}", markup=False)
        self._last = text


def _compared(
    settings: Settings, playbook: Playbook, crm: CrmMap, asked: Asked, by: str, tell: _Progress
) -> Run:
    """Have the daemon compare, or do it here where none runs."""
    name = crm.connection
    body = json.dumps({"sample": asked.sample, "object": asked.object, "by": by})
    if (told := ask_daemon(settings.database_url, "POST", f"reconciles/{name}", body)) is not None:
        return _followed(settings, int(told["run"]), tell)
    with alone(settings.database_url) as store:
        number = Comparisons(store, SystemClock(), SPACE).begin(name, asked, by)
        return _run(settings, store, playbook, crm, number, tell)


def _followed(settings: Settings, number: int, tell: _Progress) -> Run:
    """Wait for the daemon's run to end."""
    with opened(settings) as store:
        while (run := _read(store, number)).state == RUNNING:
            tell.show(run)
            if daemon_facts(settings.database_url) is None:
                raise LeadRelayError("The daemon has stopped; run the command again to go on without it.")
            time.sleep(LOOK)
    return run


def _run(
    settings: Settings, store: Store, playbook: Playbook, crm: CrmMap, number: int, tell: _Progress
) -> Run:
    """Take the steps in this process."""
    from sync.reconciling.running import Reconciler
    from sync.reconciling.side import Side

    logs.configure("error", for_people=True)
    one = reached(settings, store, crm)
    calls = one.at(Priority.BACKFILL)
    job = Reconciler(Side(calls, store, SystemClock(), lambda: playbook, lambda: one.writes, SPACE))
    while (step := job.step()) is not None:
        tell.show(_read(store, number))
        time.sleep(step.wait)
    return _read(store, number)


def _read(store: Store, number: int) -> Run:
    with store.snapshot() as snapshot:
        run = books.one(snapshot, SPACE, number)
    if run is None:
        raise LeadRelayError(f"Run {number} is not there any more: its connection was disconnected.")
    return run


def _mend(settings: Settings, order: Order) -> int:
    told = ask_daemon(settings.database_url, "POST", "mends", json.dumps(order.as_row()))
    if told is not None:
        return int(told["differences"])
    with alone(settings.database_url) as store:
        return Comparisons(store, SystemClock(), SPACE).mend(order)


def _listed(settings: Settings, run: Run, wanted: Filter, limit: int, sight: Sight | None) -> Sequence[Kept]:
    with opened(settings) as store, store.snapshot() as snapshot:
        found = finds.rows(snapshot, SPACE, run.id, wanted, limit=limit)
        if sight is None:
            return found
        sight.meet(snapshot, (one.difference.entity_id for one in found))
    return [replace(one, difference=sight.difference(one.difference)) for one in found]


def _names(settings: Settings, listed: Sequence[Kept]) -> Mapping[str, str]:
    with opened(settings) as store, store.snapshot() as snapshot:
        return finds.names(snapshot, listed)


def _told(settings: Settings, run: Run, wanted: Filter, limit: int, sight: Sight | None) -> Mapping[str, Any]:
    rows = [one.as_dict() for one in _listed(settings, run, wanted, limit, sight)]
    return run.as_dict() | {"differences": rows}


# What a person sees ----------------------------------------------------------------------


def _show(settings: Settings, run: Run, wanted: Filter, limit: int, sight: Sight | None) -> None:
    much = "all records" if run.asked.sample is None else f"a sample of {run.asked.sample}"
    say(f"\n{run.connection}, run {run.id}: {much}, asked for by {run.by}; {run.looked} records compared")
    if run.state == FAILED:
        errors.print(f"It failed: {run.problem}", style="red", markup=False)
    lines = [
        (
            f"{sheet['of']} in {sheet['side']}",
            sheet["total"],
            sheet["unexplained"],
            "; ".join(f"{number} {words}" for words, number in sheet["lines"]),
        )
        for sheets in run.counts.values()
        for sheet in sheets
    ]
    if lines:
        table("Counts", ("what", "number", "unexplained", "made of"), lines)
    groups = [one for one in run.groups() if _fits(wanted, *one[0])]
    if not groups:
        if run.state != FAILED:
            console.print("Nothing differs.")
        return
    rows = [(kind, object_type, name, count) for (kind, object_type, name), count in groups]
    table("What differs", ("kind", "object", "field", "number"), rows)
    for kind in dict.fromkeys(kind for (kind, _, _), _ in groups):
        say(f"- {kind}: {KINDS[kind].means}", hang=2)
    if listed := _listed(settings, run, wanted, limit, sight):
        total = sum(count for _, count in groups)
        console.print(
            f"\nThe first {len(listed)} of {total}" if total > len(listed) else "\nOne by one", style="bold"
        )
        names = _names(settings, listed)
        names = sight.named(names) if sight else names
        for kept in listed:
            say(_line(kept, names), hang=2)


def _fits(wanted: Filter, kind: str, object_type: str, name: str) -> bool:
    pairs = ((wanted.kind, kind), (wanted.object, object_type), (wanted.field, name))
    return all(asked in ("", held) for asked, held in pairs)


def _line(kept: Kept, names: Mapping[str, str]) -> str:
    """Return a difference in a line: whose, which record and field, both values, and why."""
    one = kept.difference
    whom = names.get(one.entity_id, one.entity_id)
    whose = " ".join(filter(None, (whom, one.object, one.record_id)))
    values = f"; {one.field}: {_value(one.ours)} here, {_value(one.theirs)} there" if one.field else ""
    where = f" ({one.place})" if one.place else ""
    return f"{kept.id} {one.kind}: {whose}{values}; {one.why}{where}"


def _value(value: Any) -> str:
    return "nothing" if value in (None, "") else json.dumps(value, ensure_ascii=False)


def _say_mended(settings: Settings, total: int) -> None:
    if not total:
        say("Nothing of it can be mended from here.")
        return
    runs = settings.database_url.startswith("postgresql") or daemon_facts(settings.database_url)
    when = "in pieces, behind new leads" if runs else "as soon as the daemon runs"
    say(f"{counted(total, 'difference')} will be mended {when}; compare once more to see what is left.")
