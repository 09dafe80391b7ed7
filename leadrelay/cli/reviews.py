"""What leadrelay could do to records once a person agrees, as a command."""

from __future__ import annotations

import getpass
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from leadrelay.cli import answering
from leadrelay.cli.common import (
    WRONG_USAGE,
    console,
    counted,
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
from sync import proposals
from sync.deciding import carrying
from sync.proposals import Alike, Proposal

MOST = 1_000
GONE = "no lead any more"
ANSWERS = {"agree": True, "refuse": False}


def reviews(
    number: Annotated[int | None, typer.Argument(help="What waits, by its number.")] = None,
    answer: Annotated[str, typer.Argument(help="agree: do it. refuse: leave the records as they are.")] = "",
    alike: Annotated[
        bool,
        typer.Option("--alike", help="Answer all deletions in the same CRM that wait for the same reason."),
    ] = False,
    limit: Annotated[int, typer.Option(min=1, max=MOST, help="How many of each at most.")] = 50,
    by: Annotated[str, typer.Option(help="Who answers; kept in the audit.")] = "",
    masked: Masked = False,
    as_json: Annotated[bool, typer.Option("--json", help="Machine-readable output.")] = False,
) -> None:
    """Show what could be done to records once a person agrees, or answer: leadrelay reviews 7 agree."""
    settings = load_settings()
    if number is not None:
        _answer(settings, number, answer, by or getpass.getuser(), alike=alike, as_json=as_json)
        return
    sight = sight_of(settings, masked=masked)
    with reading(settings) as snapshot:
        many = proposals.alike(snapshot, SPACE)
        singles = () if as_json else many
        waiting = proposals.open_ones(snapshot, SPACE, limit=limit, but=singles)
        waiting += [each for one in singles for each in proposals.open_ones(snapshot, SPACE, limit=1, of=one)]
        waiting.sort(key=lambda one: one.id)
        told = proposals.answered(snapshot, SPACE, limit=limit)
        if sight:
            sight.meet(snapshot, (one.lead_id for one in (*waiting, *told)))
            waiting, told = ([sight.proposal(one) for one in found] for found in (waiting, told))
    if as_json:
        print_json(
            {"waiting": [one.as_json() for one in waiting], "answered": [one.as_json() for one in told]}
        )
        return
    _show(waiting, many)
    if told:
        ended = [
            (one.id, one.name or one.lead_id or GONE, one.what, one.by, one.state, one.trouble or one.outcome)
            for one in told
        ]
        columns = ("number", "whose", "what", "answered by", "state", "what became of it")
        table("Answered, newest first", columns, ended)


def _show(waiting: Sequence[Proposal], many: Sequence[Alike]) -> None:
    """Print what waits, of many deletions for one reason one line."""
    rows = []
    for one in waiting:
        of = next((each for each in many if each.has(one)), None)
        if of is None:
            rows.append((one.id, one.name or one.lead_id or GONE, one.what, one.why))
        elif one.id == of.first:
            whose = f"{one.name or one.lead_id or one.record} and {of.records - 1} more"
            rows.append((one.id, whose, f"{of.connection}: delete {of.records} records", of.why))
    if not rows:
        console.print("Nothing waits for a person.")
        return
    title = "Waiting for a person (leadrelay reviews NUMBER agree, or refuse)"
    table(title, ("number", "whose", "what", "why"), rows)
    if many:
        say("Of many for one reason all are answered by: leadrelay reviews NUMBER agree --alike")


def _answer(settings: Any, number: int, answer: str, by: str, *, alike: bool, as_json: bool) -> None:
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
    asked = [one]
    if alike and one.kind == proposals.DELETE:
        with reading(settings) as snapshot:
            [all_of] = [each for each in proposals.alike(snapshot, SPACE, least=1) if each.has(one)]
            asked = proposals.open_ones(snapshot, SPACE, limit=None, of=all_of)
    elif alike:
        fail("--alike answers deletions; each merge and each erasure is answered by itself.", WRONG_USAGE)
    now = SystemClock().now()
    events = [proposals.answer_event(each, SPACE, accepts=ANSWERS[answer], by=by, now=now) for each in asked]
    told = {"answered": answer, "number": number, **({"records": len(asked)} if alike else {})}
    what = f"{one.connection}: delete {counted(len(asked), 'record')}" if alike else one.what
    answering.send(settings, *events, said=told, text=f"{what}: your word is on its way.", as_json=as_json)
