"""Deletions that were too many at once and wait for a person, as a command."""

from __future__ import annotations

import getpass
from typing import Annotated

import typer

from leadrelay.cli.common import (
    FOUND_PROBLEMS,
    WRONG_USAGE,
    console,
    fail,
    load_settings,
    print_json,
    reading,
    table,
)
from leadrelay.cli.masked import Masked, sight_of
from leadrelay.clock import SystemClock
from leadrelay.control import hand_in
from leadrelay.settings import SPACE, Settings
from model.errors import LeadRelayError
from sync import deletions as held
from sync.deletions import HeldBack

ANSWERS = {"release": True, "dismiss": False}


def deletions(
    connection: Annotated[str, typer.Argument(help="Whose deletions the answer is about.")] = "",
    answer: Annotated[
        str, typer.Argument(help="release: what on_delete says follows. dismiss: nothing does.")
    ] = "",
    by: Annotated[str, typer.Option(help="Who answers; kept in the audit.")] = "",
    masked: Masked = False,
    as_json: Annotated[bool, typer.Option("--json", help="Machine-readable output.")] = False,
) -> None:
    """Show deletions that are held because they are many, or answer: leadrelay deletions hubspot release."""
    settings = load_settings()
    sight = sight_of(settings, masked=masked)
    with reading(settings) as snapshot:
        found = held.held_back(snapshot, SPACE, people=held.SAMPLE)
        if sight:
            sight.meet(snapshot, (lead_id for one in found for lead_id, _ in one.people))
            found = [sight.held(one) for one in found]
    if connection:
        _answer(settings, found, connection, answer, by or getpass.getuser(), as_json=as_json)
    elif as_json:
        print_json([one.as_json() for one in found])
    elif found:
        rows = [
            (
                one.connection,
                one.records,
                f"{one.since:%Y-%m-%d %H:%M}",
                ", ".join(email or who for who, email in one.people),
            )
            for one in found
        ]
        title = "Held until a person looks (leadrelay deletions CONNECTION release, or dismiss)"
        table(title, ("connection", "people", "since", "among them"), rows)
    else:
        console.print("No deletions are held.")


def _answer(
    settings: Settings, found: list[HeldBack], name: str, answer: str, by: str, *, as_json: bool
) -> None:
    if answer not in ANSWERS:
        fail("Say release or dismiss.", WRONG_USAGE)
    one = next((each for each in found if each.connection == name), None)
    if one is None:
        fail(f"No deletions of {name} are held.")
    with reading(settings) as snapshot:
        events = held.answer_events(
            snapshot, SPACE, name, one.last, accepts=ANSWERS[answer], by=by, now=SystemClock().now()
        )
    try:
        taken = sum(hand_in(settings.database_url, part) for part in held.pieces(events))
    except LeadRelayError as error:
        fail(str(error), FOUND_PROBLEMS)
    if as_json:
        print_json({"connection": name, "answered": answer, "records": taken})
    else:
        console.print(f"{name}: your word on {taken} deletions is on its way.", markup=False)
