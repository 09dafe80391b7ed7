"""`leadrelay import undo`: what taking a file of people back would do to each lead, and its doing."""

from __future__ import annotations

import getpass
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any

import typer
from sqlalchemy.engine import Connection

from leadrelay.cli.common import (
    FOUND_PROBLEMS,
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
from leadrelay.cli.in_force import playbook_in_force
from leadrelay.clock import SystemClock
from leadrelay.control import hand_in
from leadrelay.settings import SPACE, Settings
from mappings.playbook import Playbook
from model.errors import LeadRelayError
from model.event import IMPORT, Event, EventKind, EventState, JsonValue
from model.lead import Lead
from model.times import to_text
from sync import deletions, leads, outbox, undoing
from sync.deciding.undoing import UNDER_WAY, Verdict, judge
from sync.undoing import Listed, Traces

AT_ONCE = 500  # events handed in together, leads looked at together
SHOWN = 20  # leads that a table shows


@dataclass(frozen=True, slots=True)
class Plan:
    """What becomes of one lead."""

    lead: Lead
    traces: Traces
    verdict: Verdict

    def as_json(self) -> dict[str, Any]:
        """Return what ``--json`` shows."""
        told: dict[str, Any] = {"lead_id": self.lead.id, "email": self.lead.fields.get("email")}
        if self.verdict.goes:
            links = sorted(self.lead.links.items())
            return told | {"records": {name: [one.object, one.remote_id] for name, one in links}}
        return told | {
            "why": list(self.verdict.why_kept),
            "as_before": sorted(self.verdict.back),
            "stays": self.verdict.stays,
            "touches": len(self.traces.touches),
            "activities": len(self.traces.activities),
        }


@dataclass(slots=True)
class Plans:
    """What becomes of a batch."""

    batch: Listed
    goes: list[Plan] = field(default_factory=list)
    stays: list[Plan] = field(default_factory=list)
    busy: list[str] = field(default_factory=list)  # leads to whom a call is under way
    rows: list[int] = field(default_factory=list)  # that became nobody
    before: Counter[str] = field(default_factory=Counter)  # lead -> how often it was asked before
    braked: dict[str, str] = field(default_factory=dict)

    @property
    def deletes(self) -> Counter[str]:
        """How many records there are on each connection of the leads that go."""
        return Counter(
            name for one in self.goes for name, link in one.lead.links.items() if link.gone_at is None
        )


def undo(
    batch: Annotated[str, typer.Argument(help="Its id, as `leadrelay import list` shows it.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do it; without it only shows what would be.")] = False,
    by: Annotated[str, typer.Option(help="Who takes it back; kept with the decision.")] = "",
    as_json: Json = False,
) -> None:
    """Take a file of people back: who came by it alone goes, of others only what it left."""
    settings, now = load_settings(), SystemClock().now()
    playbook = playbook_in_force(settings)
    with reading(settings) as snapshot:
        plans = _plans(snapshot, batch, playbook, now)
    taken = _hand_in(settings, plans, by or getpass.getuser(), now, quiet=as_json) if yes else 0
    if as_json:
        print_json(_as_json(plans, taken))
        return
    _tell(plans, playbook)
    if yes:
        say(f"\n{counted(taken, 'event')} handed in; `leadrelay import list` shows how far it is.")
    else:
        say("\nNothing was taken back; add --yes to do it.")


def _plans(snapshot: Connection, batch: str, playbook: Playbook, now: datetime) -> Plans:
    """Look at all that the batch left, and judge each lead as the decider will."""
    one = next(iter(undoing.listed(snapshot, SPACE, batch)), None)
    if one is None:
        fail(f"No batch {batch} is known; `leadrelay import list` shows those that are.", WRONG_USAGE)
    if waiting := one.rows[EventState.WAITING]:
        fail(f"{counted(waiting, 'row')} of batch {batch} still wait to be decided; ask again once they are.")
    found = Plans(one, before=undoing.undone_before(snapshot, SPACE, batch))
    found.rows = undoing.rows_aside(snapshot, SPACE, batch)
    lead_ids = undoing.leads_of(snapshot, SPACE, batch)
    for start in range(0, len(lead_ids), AT_ONCE):
        some = lead_ids[start : start + AT_ONCE]
        known, traces = leads.load(snapshot, some), undoing.read(snapshot, SPACE, batch, some)
        busy = outbox.under_way(snapshot, SPACE, some, now)
        found.busy += [one for one in some if one in busy]
        for lead_id in some:
            if lead_id in known and lead_id not in busy:
                lead = known[lead_id]
                plan = Plan(lead, traces[lead_id], judge(lead, traces[lead_id], playbook))
                (found.goes if plan.verdict.goes else found.stays).append(plan)
    found.braked = deletions.brake(snapshot, SPACE, playbook.crms, found.deletes, now)
    return found


def _hand_in(settings: Settings, plans: Plans, by: str, now: datetime, *, quiet: bool) -> int:
    events, taken = list(_events(plans, by, now)), 0
    try:
        for start in range(0, len(events), AT_ONCE):
            some = events[start : start + AT_ONCE]
            taken += hand_in(settings.database_url, some)
            if not quiet and len(events) > AT_ONCE:
                say(f"{min(start + AT_ONCE, len(events)):,} of {len(events):,} handed in")
    except LeadRelayError as error:
        fail(
            f"{error} {counted(taken, 'event')} had been handed in; ask again for the rest.",
            FOUND_PROBLEMS,
        )
    return taken


def _events(plans: Plans, by: str, now: datetime) -> Iterator[Event]:
    """Yield an event for each lead, and one for each piece of the rows that became nobody.

    Asked for twice, each is the same event; once it is decided and something is left, the next is another.
    """
    one = plans.batch
    told: dict[str, JsonValue] = {"batch": one.batch, "file": one.file, "basis": one.basis, "by": one.by}
    told["at"] = to_text(one.at)
    said: dict[str, JsonValue] = {IMPORT: told, "by": by, "deletes": dict(plans.deletes)}
    for plan in (*plans.goes, *plans.stays):
        lead_id = plan.lead.id
        last = max(plan.traces.rows, default=0)
        name = f"undo-{one.batch}-{lead_id}-{last}-{plans.before[lead_id]}"
        yield _event(one.source, name, {**said, "lead_id": lead_id}, now)
    for start in range(0, len(plans.rows), AT_ONCE):
        rows = plans.rows[start : start + AT_ONCE]
        yield _event(
            one.source, f"undo-{one.batch}-rows-{rows[0]}-{plans.before['']}", {**said, "rows": rows}, now
        )


def _event(source: str, name: str, payload: dict[str, JsonValue], now: datetime) -> Event:
    return Event(source, name, EventKind.UNDO, payload, now, now, space=SPACE)


def _tell(plans: Plans, playbook: Playbook) -> None:
    one = plans.batch
    say(f"{one.file or 'a file'}, batch {one.batch}, as {one.source}, by {one.by or 'somebody'}; {one.basis}")
    _count(len(plans.goes), "leads that the file made, and nothing has happened since: taken away")
    for name, number in sorted(plans.deletes.items()):
        say(f"            {name}: {counted(number, 'record')}, {_fate(name, plans, playbook)}")
    _count(len(plans.stays), "leads that stay: only what the file left with them goes")
    _count(len(plans.rows), "rows that became nobody: removed")
    if plans.busy:
        _count(len(plans.busy), f"leads left as they are, each because {UNDER_WAY}: ask again")
    rows = [
        (
            plan.lead.fields.get("email") or plan.lead.id,
            "; ".join(plan.verdict.why_kept),
            ", ".join(sorted(plan.verdict.back)),
            "; ".join(f"{name}: {why}" for name, why in sorted(plan.verdict.stays.items())),
        )
        for plan in plans.stays[:SHOWN]
    ]
    if rows:
        table("Who stays", ("lead", "why", "as before", "stays"), rows)
    if len(plans.stays) > SHOWN:
        say(f"and {len(plans.stays) - SHOWN:,} more; --json shows all")


def _fate(name: str, plans: Plans, playbook: Playbook) -> str:
    """Say what happens to the records of a connection."""
    crm = playbook.crms.get(name)
    if crm is None:
        return "left there: the playbook has no such connection any more"
    if name in plans.braked:
        return f"a person is asked for each: {plans.braked[name]}"
    if crm.on_delete == "delete":
        return f"deleted (on_delete: delete)  [{crm.place}]"
    return f"a person is asked for each (on_delete: {crm.on_delete})  [{crm.place}]"


def _count(number: int, text: str) -> None:
    console.print(f"{number:>8,}  {text}", markup=False)


def _as_json(plans: Plans, taken: int) -> dict[str, Any]:
    return {
        **plans.batch.as_json(),
        "goes": [one.as_json() for one in plans.goes],
        "stays": [one.as_json() for one in plans.stays],
        "rows_removed": plans.rows,
        "busy": plans.busy,
        "records": dict(plans.deletes),
        "braked": plans.braked,
        "handed_in": taken,
    }
