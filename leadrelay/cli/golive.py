"""The commands that open an account for writing, and close it again."""

from __future__ import annotations

import getpass
import json
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote

import typer
from sqlalchemy.exc import SQLAlchemyError

from leadrelay.cli.common import console, counted, errors, fail, print_json, say, unusable
from leadrelay.cli.plan import Desk, Json, Name, desk, print_summary
from leadrelay.clock import SystemClock
from leadrelay.control import alone, ask_daemon
from leadrelay.settings import SPACE, Settings
from model.errors import ConnectorError, LeadRelayError
from sync import releases
from sync.releases import PREPARING, Order

if TYPE_CHECKING:
    from dashboard.openings import Unmade
    from leadrelay.golive.plan import Plan, Survey


def go_live(
    name: Name,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    at_most: Annotated[
        int | None,
        typer.Option(
            "--at-most", min=0, help="Records to write before it waits; default: the plan and a margin."
        ),
    ] = None,
    observe: Annotated[bool, typer.Option("--observe", help="The way back: write no more to it.")] = False,
    as_json: Json = False,
) -> None:
    """Show the plan, make the fields that are missing, and open an observed account for writing."""
    with desk(name) as at:
        if observe:
            _observe(at, as_json=as_json)
            return
        found = at.survey()
        plan = at.plan(found, samples=0)
        if not as_json:
            print_summary(plan.as_dict())
        order = at.opener.order(plan, at_most, getpass.getuser())
        if not yes:
            _ask(plan, order)
        found = _make_missing(at, found, as_json=as_json)
        _refuse_unfit(found)
        if at.opener.is_sandbox:
            _tell_sandbox(name, plan, as_json=as_json)
            return
        release = _hand_in(at.settings, order)
    if as_json:
        made = [str(one) for one in plan.survey.missing]
        print_json({"connection": name, "made": made, "release": release, "plan": plan.as_dict()["counts"]})
        return
    say(
        f"\n{name} is being opened for writing. New leads are written at once; "
        f"{counted(order.expected, 'record')} that had gathered follow in pieces, at most {order.at_most:,}. "
        f"See: leadrelay status"
    )


def _tell_sandbox(name: str, plan: Plan, *, as_json: bool) -> None:
    """Say that a sandbox needs no opening; what was missing there has been made."""
    if as_json:
        made = [str(one) for one in plan.survey.missing]
        print_json({"connection": name, "made": made, "release": None, "plan": plan.as_dict()["counts"]})
    else:
        say(f"{name} is a sandbox on this machine, written to already because LEADRELAY_SANDBOX is true.")


def _ask(plan: Plan, order: Order) -> None:
    fields = (
        f" {counted(len(plan.survey.missing), 'field')} are made there first." if plan.survey.missing else ""
    )
    question = (
        f"\nWrite to account {order.account}?{fields} {counted(order.expected, 'record')} follow, "
        f"and it stops after {order.at_most:,}."
    )
    if not typer.confirm(question, err=True):
        fail(f"Nothing was changed; {order.connection} is as it was.")


def _make_missing(at: Desk, found: Survey, *, as_json: bool) -> Survey:
    """Make what is missing and read it back; ends the command with the steps for what could not be made."""
    if not found.missing:
        return found
    try:
        done = at.opener.make(found.missing)
    except ConnectorError as error:
        fail(f"{at.opener.crm.connection} cannot be asked: {error}")
    if not as_json:
        for one in done.made:
            say(f"made: {one}")
    if done.problem:
        errors.print(done.problem, style="red", markup=False)
    if done.unmade:
        show_steps(done.unmade)
        name = at.opener.crm.connection
        fail(
            f"\n{counted(len(done.unmade), 'field')} could not be made. Make them as said above, or give "
            f"leadrelay the right to, then run go-live again; {name} is as it was."
        )
    return done.after


def show_steps(unmade: Sequence[Unmade]) -> None:
    """Print why fields were not made, and what a person does in the vendor's pages to make each."""
    for one in unmade:
        errors.print(f"\n{one.field}: {one.reason}", style="bold", markup=False)
        for line in one.steps:
            errors.print(f"  {line}", markup=False)


def _refuse_unfit(found: Survey) -> None:
    for one in found.problems:
        errors.print(f"{one.fact}\n  {one.fix}", style="red", markup=False)
    if found.problems:
        told = counted(len(found.problems), "problem")
        fail(f"{told} between map and account; mend them, then run go-live again.")


def _hand_in(settings: Settings, order: Order) -> dict[str, Any]:
    """Have the daemon begin, or begin it here where none runs."""
    try:
        told = ask_daemon(settings.database_url, "POST", "releases", json.dumps(asdict(order)))
        return told if told is not None else _begin_here(settings, order)
    except SQLAlchemyError as error:
        fail(unusable(settings, error))
    except LeadRelayError as error:
        fail(f"{order.connection} was not opened: {error}")


def _begin_here(settings: Settings, order: Order) -> dict[str, Any]:
    from scheduler.release import PIECE

    clock = SystemClock()
    with alone(settings.database_url) as store:
        release = store.write(partial(releases.begin, space=SPACE, order=order, now=clock.now()))
        step = partial(releases.prepare, space=SPACE, release=release, limit=PIECE)
        while release.state == PREPARING and not store.write(partial(step, now=clock.now())):
            pass
        with store.snapshot() as snapshot:
            return releases.load(snapshot, SPACE)[order.connection].as_dict()


def _observe(at: Desk, *, as_json: bool) -> None:
    crm, by = at.opener.crm, getpass.getuser()
    name = crm.connection
    if at.opener.is_sandbox:
        fail(f"{name} is a sandbox on this machine, written to because LEADRELAY_SANDBOX is true.")
    if at.known.agreed(name, crm.kind) is None:
        console.print(f"{name} is observed already.", markup=False)
        return
    try:
        path = f"releases/{quote(name, safe='')}?by={quote(by, safe='')}"
        if ask_daemon(at.settings.database_url, "DELETE", path) is None:
            with alone(at.settings.database_url) as store:
                now = SystemClock().now()
                store.write(partial(releases.observe, space=SPACE, name=name, by=by, now=now))
    except LeadRelayError as error:
        fail(f"{name} is as it was: {error}")
    if as_json:
        print_json({"connection": name, "mode": "observe"})
        return
    console.print(f"{name} is observed: leadrelay writes nothing more to it.", markup=False)
