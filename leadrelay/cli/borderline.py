"""Leads of the band under review: which wait, and a person's verdict."""

from __future__ import annotations

import getpass
from typing import Annotated

import typer

from leadrelay.cli import answering
from leadrelay.cli.common import WRONG_USAGE, Json, console, fail, load_settings, print_json, reading, table
from leadrelay.cli.in_force import playbook_in_force
from leadrelay.clock import SystemClock
from leadrelay.settings import SPACE
from mappings.reviewing import APPROVE, DISQUALIFY, VERDICTS, ruling
from mappings.values.identity import keys_of
from sync import borderline, leads
from sync.explain import find_lead

app = typer.Typer(help="Leads that wait to be approved or disqualified.", no_args_is_help=True)

Who = Annotated[str, typer.Argument(help="A lead: its id or e-mail.")]
By = Annotated[str, typer.Option(help="Who says so; kept in the audit.")]
CANNOT = "The review cannot be told."


@app.command("list")
def waiting(
    limit: Annotated[int, typer.Option(min=1, max=1_000, help="How many at most.")] = 50,
    as_json: Json = False,
) -> None:
    """Show who waits, the longest first, with the score and what gave it."""
    settings = load_settings()
    playbook = playbook_in_force(settings, CANNOT)
    with reading(settings) as snapshot:
        found = borderline.open_ones(snapshot, SPACE, playbook, SystemClock().now(), limit=limit)
    if as_json:
        print_json([one.as_json() for one in found])
    elif found:
        rows = [
            (one.name, one.lead.stage, one.lead.score, "; ".join(one.score_reasons), len(one.pairs))
            for one in found
        ]
        title = "Waiting for a verdict (leadrelay review approve LEAD, or disqualify LEAD --reason R)"
        table(title, ("lead", "stage", "score", "what gave it", "may be the same as"), rows)
    else:
        console.print("No lead waits to be approved or disqualified.")


@app.command("approve")
def approve(lead: Who, by: By = "", as_json: Json = False) -> None:
    """Let a lead of the band under review go on to the stage that the playbook names."""
    _answer(lead, APPROVE, "", by, as_json=as_json)


@app.command("disqualify")
def disqualify(
    lead: Who,
    reason: Annotated[str, typer.Option(help="One of the reasons of lifecycle.yaml.")] = "",
    by: By = "",
    as_json: Json = False,
) -> None:
    """Take a lead of the band under review out, for one of the listed reasons."""
    _answer(lead, DISQUALIFY, reason, by, as_json=as_json)


def _answer(who: str, verdict: str, reason: str, by: str, *, as_json: bool) -> None:
    settings = load_settings()
    playbook = playbook_in_force(settings, CANNOT)
    with reading(settings) as snapshot:
        lead_id = find_lead(snapshot, SPACE, who, keys_of(who))
        if lead_id is None:
            fail(f"No lead is known by {who}.")
        known = leads.load(snapshot, {lead_id})[lead_id]
    found = ruling(playbook.lifecycle, known, verdict, reason)
    if not found.allowed:
        is_usage = verdict == DISQUALIFY and not reason
        fail(f"{who} was not {VERDICTS[verdict]}: {found.why}.", *([WRONG_USAGE] if is_usage else []))
    now = SystemClock().now()
    event = borderline.answer_event(SPACE, lead_id, verdict, reason, by=by or getpass.getuser(), now=now)
    told = {"answered": verdict, "lead": lead_id, "reason": reason}
    answering.send(settings, event, said=told, text="Your word is on its way.", as_json=as_json)
