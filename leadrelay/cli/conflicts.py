"""The hold queue and the conflict log as a command."""

from __future__ import annotations

import getpass
from typing import Annotated, Any

import typer

from leadrelay.cli import answering
from leadrelay.cli.common import (
    WRONG_USAGE,
    console,
    fail,
    load_settings,
    print_json,
    reading,
    say,
    table,
)
from leadrelay.cli.in_force import playbook_in_force
from leadrelay.cli.masked import Masked, sight_of
from leadrelay.clock import SystemClock
from leadrelay.settings import SPACE
from mappings.values.identity import keys_of
from sync import holds
from sync.explain import find_lead

MOST = 1_000


def conflicts(
    number: Annotated[int | None, typer.Argument(help="What waits, by its number.")] = None,
    choice: Annotated[
        str, typer.Argument(help="theirs: the CRM's value. ours: leadrelay's. value: another one.")
    ] = "",
    value: Annotated[str | None, typer.Option("--to", help="The other value, with `value`.")] = None,
    field: Annotated[str, typer.Option(help="Only this field of the log.")] = "",
    connection: Annotated[str, typer.Option(help="Only this connection of the log.")] = "",
    lead: Annotated[str, typer.Option(help="Only this lead: an id or an e-mail.")] = "",
    before: Annotated[int | None, typer.Option(help="Only what lost before this number of the log.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=MOST, help="How many of each at most.")] = 50,
    by: Annotated[str, typer.Option(help="Who chooses; kept in the audit.")] = "",
    masked: Masked = False,
    as_json: Annotated[bool, typer.Option("--json", help="Machine-readable output.")] = False,
) -> None:
    """Show what waits for a person and which values lost, or choose: leadrelay conflicts 7 theirs."""
    settings = load_settings()
    if number is not None:
        _choose(settings, number, choice, value, by or getpass.getuser(), as_json=as_json)
        return
    sight = sight_of(settings, masked=masked)
    with reading(settings) as snapshot:
        whose = None
        if lead:
            whose = find_lead(snapshot, SPACE, lead, keys_of(lead)) or lead
        waiting = holds.open_holds(snapshot, SPACE, limit=limit, entity_id=whose)
        lost = holds.log(
            snapshot,
            SPACE,
            limit=limit,
            before=before,
            connection=connection,
            field=field,
            entity_id=whose or "",
        )
        if sight:
            waiting, lost = sight.disputed(snapshot, waiting, lost)
    if as_json:
        print_json({"waiting": [one.as_json() for one in waiting], "lost": [one.as_json() for one in lost]})
        return
    if waiting:
        rows = [
            (one.id, one.name, one.connection, one.field, one.ours, one.theirs, one.why) for one in waiting
        ]
        columns = ("number", "whose", "connection", "field", "leadrelay's", "the CRM's", "why")
        table(
            "Waiting for a person (leadrelay conflicts NUMBER theirs, ours, or value --to …)", columns, rows
        )
    else:
        console.print("Nothing waits for a person.")
    if lost:
        told = [(one.id, one.name, one.connection, one.field, one.kept, one.lost, one.why) for one in lost]
        columns = ("log", "whose", "connection", "field", "kept", "lost", "why")
        table("Values that lost, newest first", columns, told)
        if len(lost) == limit:
            say(f"More: leadrelay conflicts --before {lost[-1].id}")


def _choose(settings: Any, number: int, choice: str, value: str | None, by: str, *, as_json: bool) -> None:
    if choice not in holds.CHOICES or (choice == "value") != (value is not None):
        fail("Say theirs, ours, or value with --to.", WRONG_USAGE)
    playbook = playbook_in_force(settings, "The choice cannot be checked. Nothing was chosen.")
    with reading(settings) as snapshot:
        hold = holds.one(snapshot, SPACE, number)
    if hold is None:
        fail(f"Nothing waits under number {number}.")
    if wrong := holds.why_not(hold, choice, value, playbook):
        fail(f"{hold.field}: {wrong}")
    event = holds.choice_event(hold, SPACE, choice, by=by, now=SystemClock().now(), value=value)
    told, text = (
        {"chosen": choice, "number": number},
        f"{hold.field} of {hold.name}: your choice is on its way.",
    )
    answering.send(settings, event, said=told, text=text, as_json=as_json)
