"""What leadrelay could do to records once a person agrees, as a command."""

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
    table,
)
from leadrelay.cli.in_force import playbook_in_force
from leadrelay.cli.masked import Masked, sight_of
from leadrelay.clock import SystemClock
from leadrelay.settings import SPACE
from sync import proposals
from sync.deciding import carrying

MOST = 1_000
ANSWERS = {"agree": True, "refuse": False}


def reviews(
    number: Annotated[int | None, typer.Argument(help="What waits, by its number.")] = None,
    answer: Annotated[str, typer.Argument(help="agree: do it. refuse: leave the records as they are.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=MOST, help="How many of each at most.")] = 50,
    by: Annotated[str, typer.Option(help="Who answers; kept in the audit.")] = "",
    masked: Masked = False,
    as_json: Annotated[bool, typer.Option("--json", help="Machine-readable output.")] = False,
) -> None:
    """Show what could be done to records once a person agrees, or answer: leadrelay reviews 7 agree."""
    settings = load_settings()
    if number is not None:
        _answer(settings, number, answer, by or getpass.getuser(), as_json=as_json)
        return
    sight = sight_of(settings, masked=masked)
    with reading(settings) as snapshot:
        waiting = proposals.open_ones(snapshot, SPACE, limit=limit)
        told = proposals.answered(snapshot, SPACE, limit=limit)
        if sight:
            sight.meet(snapshot, (one.lead_id for one in (*waiting, *told)))
            waiting, told = ([sight.proposal(one) for one in found] for found in (waiting, told))
    if as_json:
        print_json(
            {"waiting": [one.as_json() for one in waiting], "answered": [one.as_json() for one in told]}
        )
        return
    if waiting:
        rows = [(one.id, one.name or one.lead_id, one.what, one.why) for one in waiting]
        table(
            "Waiting for a person (leadrelay reviews NUMBER agree, or refuse)",
            ("number", "whose", "what", "why"),
            rows,
        )
    else:
        console.print("Nothing waits for a person.")
    if told:
        ended = [
            (one.id, one.name or one.lead_id, one.what, one.by, one.state, one.trouble or one.outcome)
            for one in told
        ]
        columns = ("number", "whose", "what", "answered by", "state", "what became of it")
        table("Answered, newest first", columns, ended)


def _answer(settings: Any, number: int, answer: str, by: str, *, as_json: bool) -> None:
    if answer not in ANSWERS:
        fail("Say agree or refuse.", WRONG_USAGE)
    playbook = playbook_in_force(settings, "The answer cannot be checked. Nothing was answered.")
    with reading(settings) as snapshot:
        one = proposals.load(snapshot, SPACE, [number]).get(number)
    if one is None:
        fail(f"Nothing waits under number {number}.")
    if not one.is_open:
        fail(f"{one.what}: it is settled already ({one.outcome or one.state}).")
    if ANSWERS[answer] and (why := carrying.why_not(one, playbook.crms)):
        fail(f"{one.what}: {why}.")
    event = proposals.answer_event(one, SPACE, accepts=ANSWERS[answer], by=by, now=SystemClock().now())
    told, text = {"answered": answer, "number": number}, f"{one.what}: your word is on its way."
    answering.send(settings, event, said=told, text=text, as_json=as_json)
