"""`leadrelay stage`: the moves of a lead's stage, what is in the way of each, and a person's word."""

from __future__ import annotations

import getpass
from typing import Annotated

import typer

from leadrelay.cli import answering
from leadrelay.cli.common import WRONG_USAGE, Json, fail, load_settings, print_json, reading, table
from leadrelay.cli.in_force import playbook_in_force
from leadrelay.clock import SystemClock
from leadrelay.settings import SPACE
from mappings.offering import offers, reason_of, ruling
from mappings.playbook import Lifecycle
from mappings.values.identity import keys_of
from model.lead import Lead
from sync import leads
from sync.explain import find_lead
from sync.stage_moves import LONGEST_NOTE, move_event


def stage(
    who: Annotated[str, typer.Argument(help="A lead: its id or e-mail.")],
    to: Annotated[str, typer.Argument(help="The stage it goes to; left out: all of them are listed.")] = "",
    reason: Annotated[str, typer.Option(help="Why, where the move asks for a reason.")] = "",
    note: Annotated[str, typer.Option(help="A note that is kept with the move.")] = "",
    by: Annotated[str, typer.Option(help="Who says so; kept in the audit.")] = "",
    as_json: Json = False,
) -> None:
    """List where a lead can go from its stage and what is in the way, or move it there."""
    settings = load_settings()
    lifecycle = playbook_in_force(settings, "Stages cannot be told.").lifecycle
    with reading(settings) as snapshot:
        lead_id = find_lead(snapshot, SPACE, who, keys_of(who))
        if lead_id is None:
            fail(f"No lead is known by {who}.")
        lead = leads.load(snapshot, {lead_id})[lead_id]
    if not to:
        _tell(lifecycle, lead, as_json=as_json)
        return
    if len(note) > LONGEST_NOTE:
        fail(f"The note has {len(note)} characters; {LONGEST_NOTE} are kept at most.", WRONG_USAGE)
    found = ruling(lifecycle, lead, to, reason)
    if not found.allowed:
        is_usage = lifecycle.stage(to) is None or (not reason and bool(reason_of(lifecycle, lead, to)))
        fail(f"{who} was not moved to {to}: {found.why}.", *([WRONG_USAGE] if is_usage else []))
    now, name = SystemClock().now(), by or getpass.getuser()
    event = move_event(SPACE, lead, to, reason=reason, note=note, by=name, now=now)
    said = {"lead": lead_id, "from": lead.stage, "to": to, "missing": list(found.lacks)}
    lacks = f" It goes without: {'; '.join(found.lacks)}." if found.lacks else ""
    answering.send(settings, event, said=said, text=f"Your word is on its way.{lacks}", as_json=as_json)


def _tell(lifecycle: Lifecycle, lead: Lead, *, as_json: bool) -> None:
    found = offers(lifecycle, lead)
    if as_json:
        print_json({"lead": lead.id, "stage": lead.stage, "moves": [one.as_json() for one in found]})
        return
    rows = [
        (
            one.to,
            one.text,
            "; ".join(one.judged),
            f"{one.reason}: {', '.join(one.reasons) or 'any text'}" if one.allowed and one.reason else "",
        )
        for one in found
    ]
    title = f"{lead.get('email') or lead.id} is in {lead.stage} (leadrelay stage WHO STAGE moves it)"
    table(title, ("stage", "what is in the way", "for people to judge", "--reason"), rows)
