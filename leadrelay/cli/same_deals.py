"""Which deal a record is, where leadrelay cannot tell, as a command."""

from __future__ import annotations

import getpass
from typing import Annotated

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
from leadrelay.clock import SystemClock
from leadrelay.settings import SPACE, Settings
from mappings.playbook import Playbook
from sync import same_deals as questions
from sync.same_deals import ANOTHER, LEAVE, SAME

MOST = 1_000


def same_deals(
    number: Annotated[int | None, typer.Argument(help="What waits, by its number.")] = None,
    answer: Annotated[
        str, typer.Argument(help="same: it is --deal. another: make a deal of it. leave: do not ask again.")
    ] = "",
    deal: Annotated[str, typer.Option(help="Which deal it is; needed where it may be several.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=MOST, help="How many at most.")] = 50,
    by: Annotated[str, typer.Option(help="Who answers; kept in the audit.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Machine-readable output.")] = False,
) -> None:
    """Show records that may be deals that are known, or answer: leadrelay same-deals 7 same."""
    settings = load_settings()
    playbook = playbook_in_force(settings, "What waits cannot be told.")
    if number is not None:
        _answer(settings, playbook, number, answer, deal, by or getpass.getuser(), as_json=as_json)
        return
    with reading(settings) as snapshot:
        found = questions.open_ones(snapshot, SPACE, playbook, limit=limit)
    if as_json:
        print_json([one.as_json() for one in found])
    elif found:
        rows = [
            (
                one.question.id,
                one.question.what,
                one.fields.get("name") or "",
                ", ".join(f"{each.id} ({each.get('name')}, {each.get('close_date')})" for each in one.deals),
            )
            for one in found
        ]
        title = "Which deal is it? (leadrelay same-deals NUMBER same --deal ID, another, or leave)"
        table(title, ("number", "record", "its name", "may be"), rows)
    else:
        console.print("No record waits for somebody to say which deal it is.")


def _answer(
    settings: Settings, playbook: Playbook, number: int, answer: str, deal: str, by: str, *, as_json: bool
) -> None:
    if answer not in (SAME, ANOTHER, LEAVE):
        fail("Say same, another or leave.", WRONG_USAGE)
    with reading(settings) as snapshot:
        found = questions.open_ones(snapshot, SPACE, playbook, limit=1, number=number)
        if not found:
            fail(f"Nothing waits under number {number}.")
        [one] = found
        chosen = deal or (one.may_be[0] if answer == SAME and len(one.may_be) == 1 else "")
        if answer == SAME and chosen not in one.may_be:
            may = ", ".join(one.may_be) or "none: look in the CRM"
            fail(f"{one.question.what}: say which deal with --deal. It may be {may}.")
        if answer == ANOTHER and not one.may_be_new:
            fail(f"{one.question.what}: it is a deal's record, or nothing is known of it.")
        whose = chosen if answer == SAME else ""
        now = SystemClock().now()
        event = questions.answer_event(snapshot, one, SPACE, answer, whose, by=by, now=now)
    told, text = {"answered": answer, "number": number}, f"{one.question.what}: your word is on its way."
    answering.send(settings, event, said=told, text=text, as_json=as_json)
