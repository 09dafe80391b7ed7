"""`leadrelay consent`: what a person agreed to, what is kept back, and whom a policy would keep back."""

from __future__ import annotations

import getpass
from collections import Counter
from dataclasses import asdict, replace
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Annotated, Any

import typer
from sqlalchemy.engine import Connection

from leadrelay.cli import answering
from leadrelay.cli.common import (
    WRONG_USAGE,
    Json,
    console,
    counted,
    fail,
    load_settings,
    print_json,
    reading,
    say,
    table,
)
from leadrelay.cli.in_force import playbook_of
from leadrelay.cli.masked import Masked, sight_of
from leadrelay.clock import SystemClock
from leadrelay.settings import SPACE, Settings
from mappings import gates
from mappings.playbook import Consent
from mappings.values.identity import keys_of
from model.consent import GRANTED, WITHDRAWN
from model.event import JsonValue
from sync import consents, leads
from sync.explain import find_lead
from sync.tables import consents as ledger

app = typer.Typer(no_args_is_help=True, help="What people agreed to, and what is not done without.")

Person = Annotated[str, typer.Argument(help="An e-mail or a lead's id.")]
PurposeName = Annotated[str, typer.Argument(help="A purpose of consent.yaml.")]
By = Annotated[str, typer.Option(help="Who notes it; kept in the ledger.")]
Note = Annotated[str, typer.Option(help="How it was said: by phone, by letter.")]


@app.command("show")
def show(person: Person, as_json: Json = False) -> None:
    """Show how each purpose stands with a person, what is kept back, and all that was ever said."""
    settings = load_settings()
    policy = _policy(settings)
    with reading(settings) as snapshot:
        lead_id = _known(snapshot, person)
        lead = leads.load(snapshot, [lead_id], ledgers=False)[lead_id]
        entries = list(snapshot.execute(consents.of_lead(lead_id).order_by(ledger.c.id)))
    found = consents.picture(lead, policy, SystemClock().now())
    told: list[dict[str, Any]] = [dict(row._mapping) for row in entries]
    if as_json:
        print_json({"lead": lead_id, **found.as_dict(), "ledger": told})
        return
    region = ", ".join(found.regions) or "not known: every region's gates count"
    console.print(f"{lead_id}  region {region}", style="bold", markup=False)
    if found.opted_out:
        say(f"nothing is sent: {found.opted_out}", style="yellow")
    rows = [
        (one.purpose, one.stands + (", confirmed" if one.is_confirmed else ""), one.source, _day(one.since))
        for one in found.purposes
    ]
    table("Purposes", ("purpose", "stands", "said by", "since"), rows)
    for shut in found.shut:
        say(f"{shut.act} {shut.why}  [{shut.at}]", hang=2, style="yellow")
    said = [
        (
            _day(row.said_at),
            row.purpose,
            row.act + ("" if row.counts else " (older than what stands)"),
            row.source + (f" by {row.by}" if row.by else ""),
            row.text_version,
            row.basis,
            row.event,
        )
        for row in entries
    ]
    table("Ledger", ("said at", "purpose", "what", "where", "text", "basis", "event"), said)


@app.command("grant")
def grant(
    person: Person,
    purpose: PurposeName,
    text: Annotated[str, typer.Option(help="Which version of the text.")] = "",
    by: By = "",
    note: Note = "",
    as_json: Json = False,
) -> None:
    """Note that a person agreed to a purpose; it lifts an earlier no."""
    _note(person, purpose, GRANTED, text, by, note, as_json=as_json)


@app.command("withdraw")
def withdraw(
    person: Person, purpose: PurposeName, by: By = "", note: Note = "", as_json: Json = False
) -> None:
    """Note that a person said no to a purpose."""
    _note(person, purpose, WITHDRAWN, "", by, note, as_json=as_json)


@app.command("impact")
def impact(
    playbook: Annotated[
        Path | None, typer.Option(help="Another playbook folder, as one that is being prepared.")
    ] = None,
    on: Annotated[str, typer.Option(help="As of this day, for gates with since: 2026-12-31.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="How many leads are listed.")] = 100,
    masked: Masked = False,
    as_json: Json = False,
) -> None:
    """List the leads that the gates keep something back of; nothing is changed."""
    settings = load_settings()
    policy, at = _policy(settings, playbook), _moment(on)
    sight = sight_of(settings, masked=masked)
    acts: Counter[str] = Counter()
    listed: list[consents.Kept] = []
    total = 0
    with reading(settings) as snapshot:
        for one in consents.impact(snapshot, SPACE, policy, at):
            total += 1
            acts.update({shut.act for shut in one.shut})
            if len(listed) < limit:
                listed.append(one)
        if sight:
            sight.meet(snapshot, (one.lead_id for one in listed))
            listed = [replace(one, email=sight.of(one.lead_id).known_by(one.email)) for one in listed]
    if as_json:
        print_json({"at": at, "leads": total, "acts": dict(acts), "listed": [asdict(one) for one in listed]})
        return
    rows = [
        (
            one.lead_id,
            one.email,
            one.country,
            one.stage,
            "; ".join(f"{shut.act}: {shut.why}" for shut in one.shut),
        )
        for one in listed
    ]
    if rows:
        table("Kept back", ("lead", "e-mail", "country", "stage", "what and why"), rows)
    by_act = ", ".join(f"{act} {number}" for act, number in sorted(acts.items()))
    console.print(f"{counted(total, 'lead')}" + (f" ({by_act})" if by_act else "") + ".", markup=False)
    if total > len(listed):
        console.print(f"The first {len(listed)} are listed; --limit lists more.")


def _note(person: str, purpose: str, act: str, version: str, by: str, note: str, *, as_json: bool) -> None:
    settings = load_settings()
    policy = _policy(settings)
    if purpose not in policy.purposes:
        known = ", ".join(policy.purposes) or "none"
        fail(f'There is no purpose "{purpose}" in consent.yaml; there is {known}.', WRONG_USAGE)
    with reading(settings) as snapshot:
        lead_id = _known(snapshot, person)
        lead = leads.load(snapshot, [lead_id], ledgers=False)[lead_id]
    now = SystemClock().now()
    event = consents.event_of(
        lead_id,
        purpose,
        act,
        space=SPACE,
        by=by or getpass.getuser(),
        now=now,
        note=note,
        text_version=version,
    )
    said: dict[str, JsonValue] = {"lead": lead_id, "purpose": purpose, "act": act}
    text = f"{purpose} {act}: it is on its way."
    if act == GRANTED and (kept := gates.unconfirmed(policy, purpose, lead, now)):
        text += (
            f"\n{', '.join(kept)} stays kept back: it needs a yes that the person's mailbox confirmed, "
            "by the link of a mail or as a CRM says."
        )
        said["kept_back"] = kept
    answering.send(settings, event, said=said, text=text, as_json=as_json)


def _known(snapshot: Connection, person: str) -> str:
    found = find_lead(snapshot, SPACE, person, keys_of(person))
    if found is None:
        fail("There is no such lead.")
    return found


def _policy(settings: Settings, folder: Path | None = None) -> Consent:
    return playbook_of(settings, folder, "What consent asks for is not known.").consent


def _moment(on: str) -> datetime:
    if not on:
        return SystemClock().now()
    try:
        return datetime.combine(date.fromisoformat(on), time(), UTC)
    except ValueError:
        fail(f'--on: "{on}" is no day; write 2026-12-31.', WRONG_USAGE)


def _day(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M}" if moment is not None else ""
